"""What the model gateway refuses, waits for, and leaves alone: budgets, addresses, agents, providers in trouble."""

import json
import sys
import threading

from gateway import GatewayTest, json_of, question
from loopback import LoopbackHandler, LoopbackServer
from provider import CHAT, MESSAGES, Provider
from reeve import main, wait_until
from replies import Reply, error, hang, rate_limited, says
from server import TABLE, mission, path_of

# An agent that asks for each model that it is told, and says what it was answered.
ASKER = """
import json, os, ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
for model in os.environ["MODELS"].split():
    body = {"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(
        os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", json.dumps(body).encode(),
        {"Authorization": "Bearer " + os.environ["ANTHROPIC_AUTH_TOKEN"], "Content-Type": "application/json"})
    try:
        status = urllib.request.urlopen(request, context=context).status
    except urllib.error.HTTPError as failed:
        status = failed.code
    print("asked", model, status)
"""


class Elsewhere(LoopbackHandler):
    """Counts who comes."""

    def do_POST(self):
        self.read_body()
        self.owner.append(self.path)
        self.answer(200, {})

    do_GET = do_POST


class BudgetTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.token = self.run_token()

    def limited(self, enforcement, **limits):
        return self.made(path_of("budgetquotas"), {
            "apiVersion": "reeve.dev/v1", "kind": "BudgetQuota", "metadata": {"name": "b"},
            "spec": {"limits": limits, "enforcement": enforcement}})  # fmt: skip

    def test_a_held_mission_goes_on_where_it_stood_once_the_limit_is_raised(self):
        self.limited({"onTokenLimit": "pause"}, maxTotalTokens=150)
        got = []
        asking = threading.Thread(target=lambda: got.append(self.ask(MESSAGES)))
        asking.start()
        self.await_mission("m", "HELD")
        self.assertEqual(self.provider.asked(), [])
        answer = self.api.patch(path_of("budgetquotas", "b"), {"spec": {"limits": {"maxTotalTokens": 100_000}}})
        self.assertEqual(answer.status, 200, str(answer))
        asking.join()
        self.assertEqual(got[0].status, 200, got[0].body)
        self.assertEqual(len(self.provider.asked()), 1)
        self.await_settled(1)
        self.end_run()

    def test_a_cheaper_model_answers_where_a_quota_says_so(self):
        self.changed_route(spec={"downgrade": "small"})
        self.limited({"onCostLimit": "downgrade"}, maxTotalCost="0.001")
        got = self.ask(MESSAGES)
        self.assertEqual((got.status, self.provider.asked()[0].model), (200, "standin-small"))
        got = self.ask(MESSAGES, question(MESSAGES, max_tokens=4000))
        self.assertEqual((got.status, got.headers["x-should-retry"]), (429, "false"))
        self.await_settled(1)
        self.end_run()

    def test_little_that_is_left_of_a_budget_chooses_another_model(self):
        self.changed_route(spec={"rules": [{"match": {"budgetLeftBelow": 0.5}, "use": [{"model": "small"}]}]})
        self.limited({}, maxTotalTokens=400)
        self.assertEqual(self.ask(MESSAGES).status, 200)
        self.await_settled(1)
        self.api.patch(path_of("budgetquotas", "b"), {"spec": {"limits": {"maxTotalTokens": 60}}})
        self.ask(MESSAGES)
        self.api.patch(path_of("budgetquotas", "b"), {"spec": {"limits": {"maxTotalTokens": 350}}})
        self.assertEqual(self.provider.asked()[0].model, "standin-large")
        self.api.patch(path_of("missions", "m"), {"spec": {"abortRequested": True}})


class ReachTest(GatewayTest):
    def test_agents_ask_what_they_may_ask(self):
        script = self.write("asker.py", ASKER)
        for name, model in (("one", "small"), ("route", "models"), ("any", None)):
            spec = {"cli": {"command": "custom", "argv": [sys.executable, str(script)]},
                    "environment": {"MODELS": "claude small gpt"}}  # fmt: skip
            self.made(path_of("agents"), {
                "apiVersion": "reeve.dev/v1", "kind": "Agent", "metadata": {"name": name},
                "spec": spec | ({"model": model} if model else {})})  # fmt: skip
        tasks = [{"name": name, "agent": {"name": name, "prompt": "ask"}} for name in ("one", "route", "any")]
        self.made(path_of("workflows"), {"apiVersion": "reeve.dev/v1", "kind": "Workflow",
                                         "metadata": {"name": "w"}, "spec": {"tasks": tasks}})  # fmt: skip
        self.made(path_of("missions"), mission("m", "w"))
        done = self.await_mission("m", "COMPLETE", "FAILED")
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]))
        self.assertIn("asked claude 404", self.ok("logs", "m", "one").out)
        self.assertIn("asked small 200", self.ok("logs", "m", "one").out)
        for name in ("route", "any"):
            log = self.ok("logs", "m", name).out
            self.assertIn("asked claude 200", log)
            self.assertIn("asked gpt 404", log)
        calls = self.await_settled(5)
        self.assertEqual({call["spec"]["agent"] for call in calls}, {"one", "route", "any"})
        self.assertEqual(self.spent(calls), (self.provider.billed_tokens, self.provider.billed))

    def test_routes_of_another_namespace_are_not_there(self):
        self.made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "beta"}})
        body = self.route("other", spec={"models": [
            {"name": "hidden", "provider": "open", "contextWindow": 1000, "maxOutputTokens": 10, "free": True}]})
        self.made(path_of("modelroutes", namespace="beta"), body)
        self.token = self.run_token()
        self.assertEqual(self.ask(CHAT, question(CHAT, model="hidden")).status, 404)
        self.assertEqual(self.ask(CHAT, question(CHAT, model="hidden"),
                                  headers={"Reeve-Namespace": "beta"}).status, 404)  # fmt: skip
        # The credential of a route is that of its own namespace.
        self.token = self.api.token
        got = self.ask(CHAT, question(CHAT, model="hidden"), headers={"Reeve-Namespace": "beta"})
        self.assertEqual(got.status, 502)
        self.assertEqual(self.provider.asked(), [])
        self.end_run()

    def test_nobody_is_sent_elsewhere_and_metadata_are_not_asked(self):
        came = []
        elsewhere = LoopbackServer(came, Elsewhere)
        elsewhere.start()
        self.addCleanup(elsewhere.stop)
        self.token = self.api.token
        always = {"breaker": {"failures": 0}}
        self.changed_route(provider=always)
        self.provider.script(*[Reply(status=307, body=b"", headers={"Location": elsewhere.url})] * 3)
        self.assertEqual(self.ask(CHAT).status, 502)
        self.assertEqual(came, [])
        for address in ("http://169.254.169.254/v1", "http://[fd00:ec2::254]/v1", "http://0.0.0.0:1/v1"):
            provider = self.provider_of("open", "openai", **always) | {"baseUrl": address}
            self.changed_route(spec={"providers": [provider], "models": [
                {"name": "gpt", "provider": "open", "contextWindow": 1000, "maxOutputTokens": 10, "free": True}]})
            got = self.ask(CHAT)
            self.assertEqual(got.status, 502, got.body)
        # Private, and the route does not say so.
        provider = {k: v for k, v in self.provider_of("open", "openai", **always).items() if k != "allowPrivate"}
        answer = self.api.patch(path_of("modelroutes", "models"), {"spec": {"providers": [provider | {"allowPrivate": False}]}})
        before = len(self.provider.asked())
        self.assertNotEqual(self.ask(CHAT).status, 200, str(answer))
        self.assertEqual(len(self.provider.asked()), before)
        calls = self.await_settled()
        self.assertEqual(self.spent(calls)[0], 0)


class NoPrivateAddressesTest(GatewayTest):
    def serve(self, *args, **more):
        return super(GatewayTest, self).serve(*args, **more)

    def test_private_addresses_are_for_the_operator_to_allow(self):
        self.token = self.api.token
        self.assertEqual(self.ask(CHAT).status, 502)
        self.assertEqual(self.provider.calls, [])


class ProviderTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.token = self.api.token

    def test_another_provider_answers_where_one_does_not(self):
        second = Provider().start()
        self.addCleanup(second.stop)
        spare = self.provider_of("spare", "openai") | {"baseUrl": second.openai}
        terms = {"contextWindow": 200_000, "maxOutputTokens": 4_000, "free": True}
        self.changed_route(spec={
            "providers": [self.provider_of("open", "openai", timeouts={"firstByte": "1s"}), spare],
            "models": [{"name": "gpt", "provider": "open"} | terms, {"name": "other", "provider": "spare"} | terms],
            "fallback": ["other"], "retries": {"max": 2, "backoff": "10ms"}})  # fmt: skip
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.provider.script(error(500), hang(gate))
        for _ in range(2):
            got = self.ask(CHAT)
            self.assertEqual(got.status, 200, got.body)
        gate.set()
        self.assertGreaterEqual(len(second.asked()), 1)
        self.await_settled()

    def test_too_much_at_a_provider_is_told_with_a_time(self):
        self.provider.script(*[rate_limited(7)] * 3)
        got = self.ask(CHAT)
        self.assertEqual(got.status, 429)
        self.assertIsNotNone(got.headers["retry-after"])
        self.assertNotEqual(got.headers["x-should-retry"], "false")

    def test_a_provider_has_no_more_calls_at_once_than_it_takes(self):
        self.changed_route(provider={"concurrency": 2})
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(self.ask(CHAT).status)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(seen, [200] * 12)
        self.assertLessEqual(self.provider.most_at_once, 2)

    def test_guardrails_look_both_ways(self):
        self.changed_route(spec={"guardrails": [
            {"name": "keys", "secrets": True, "action": "redact", "direction": "request"},
            {"name": "word", "pattern": "Nightfall", "action": "block"}]})  # fmt: skip
        secret = "ghp_" + "a1B2" * 9
        got = self.ask(CHAT, question(CHAT, text=f"my token is {secret}."))
        self.assertEqual(got.status, 200, got.body)
        self.assertFalse(self.provider.asked()[0].says(secret))
        self.assertTrue(self.provider.asked()[0].says("redacted"))
        got = self.ask(CHAT, question(CHAT, text="what is Nightfall?"))
        self.assertEqual((got.status // 100, len(self.provider.asked())), (4, 1))
        self.provider.script(says("It is Nightfall."))
        self.assertEqual(self.ask(CHAT).status // 100, 4)
        self.provider.script(says("It is ", "Nightfall, and more. " * 20))
        got = self.ask(MESSAGES, question(MESSAGES, stream=True))
        self.assertNotIn(b"and more. Nightfall", got.body)
        self.await_settled(3)
        self.assertNotIn(secret, self.owner.err())

    def test_bodies_are_kept_where_the_route_says_so(self):
        self.ask(CHAT, question(CHAT, text="not kept"))
        self.assertFalse((self.data / "captures").exists())
        self.changed_route(spec={"capture": {"request": "body", "response": "body"}})
        secret = "ghp_" + "a1B2" * 9
        got = self.ask(CHAT, question(CHAT, text=f"kept, but not {secret}"))
        files = wait_until(
            lambda: [file for file in (self.data / "captures" / "default").glob("*.jsonl")
                     if file.read_bytes().endswith(b"\n")],
            what="what is kept",
        )  # fmt: skip
        self.assertEqual(files[0].stat().st_mode & 0o777, 0o600)
        kept = [json.loads(line) for line in files[0].read_text(encoding="utf-8").splitlines()]
        self.assertEqual([one["call"] for one in kept], [got.headers["Reeve-Call-Id"]])
        self.assertIn("kept, but not", kept[0]["request"]["body"])
        self.assertNotIn(secret, json.dumps(kept))
        self.assertIn("Well done.", kept[0]["response"]["body"])

    def test_the_same_answer_is_given_again_for_nothing(self):
        self.changed_route(spec={"cache": {"ttl": "1h"}})
        first = self.ask(CHAT)
        self.await_settled(1)
        again = self.ask(CHAT)
        self.assertEqual((again.body, again.headers["Reeve-Cache"]), (first.body, "hit"))
        self.assertEqual(len(self.provider.asked()), 1)
        self.assertEqual(json_of(again)["model"], "standin-large")

    def test_what_is_counted(self):
        self.ask(CHAT)
        self.provider.script(*[error(503)] * 3)
        self.ask(MESSAGES)
        self.await_settled()
        text = self.api.get("/metrics").text
        for line in (
            'reeve_model_requests_total{route="models",operation="chat.completions",outcome="completed"} 1',
            'reeve_model_tokens_total{provider="open",model="gpt",kind="input"}',
            'reeve_model_upstream_errors_total{provider="anth",kind="status_5xx"} 3',
            'reeve_model_breaker_state{provider="default/models/anth"} 0',
        ):
            self.assertIn(line, text)


class RouteStatusTest(GatewayTest):
    """What routes say of themselves, and who is told when a provider does not work."""

    def status(self):
        return self.got(path_of("modelroutes", "models")).get("status", {})

    def ready(self):
        return [(each["status"], each["reason"]) for each in self.status().get("conditions", [])]

    def await_ready(self, status, reason):
        wait_until(lambda: self.ready() == [(status, reason)], what=f"Ready {status} {reason}")

    def incidents(self, state):
        found = self.got(path_of("incidents"))["items"]
        return [each for each in found
                if (each["spec"]["reason"], each["status"]["state"]) == ("ModelProviderDown", state)]  # fmt: skip

    def test_a_provider_that_does_not_work_is_told(self):
        self.token = self.api.token
        self.changed_route(spec={"retries": {"max": 0}},
                           provider={"breaker": {"failures": 1, "openFor": "1s"}})  # fmt: skip
        self.await_ready("True", "Ready")
        self.provider.script(error(500))
        self.assertEqual(self.ask(CHAT).status, 502)
        incident = wait_until(lambda: self.incidents("open"), what="an incident")[0]
        self.assertEqual(incident["spec"]["subject"], {"kind": "ModelRoute", "name": "models/open"})
        self.assertEqual(incident["spec"]["openedBy"], "system:models")
        self.await_ready("True", "Degraded")
        (down,) = [each for each in self.status()["providers"] if each["name"] == "open"]
        self.assertEqual((down["breaker"], down["lastError"]), ("open", "status_5xx"))
        table = self.api.get(path_of("modelroutes"), accept=TABLE).json()
        cells = dict(zip((column["name"] for column in table["columnDefinitions"]), table["rows"][0]["cells"]))
        self.assertEqual((cells["Ready"], cells["Reason"], cells["Open"]), ("True", "Degraded", 1))
        wait_until(lambda: self.ask(CHAT).status == 200, what="an answer")
        (over,) = wait_until(lambda: self.incidents("closed"), what="the end of the incident")
        self.assertEqual((over["status"]["occurrences"], over["status"]["closedBy"]), (1, "system:models"))
        self.await_ready("True", "Ready")

    def test_a_route_whose_key_is_missing_says_so(self):
        self.changed_route(spec={"providers": [self.provider_of("open", "openai", credential="nobody")], "models": [
            {"name": "gpt", "provider": "open", "contextWindow": 1000, "maxOutputTokens": 10, "free": True}]})
        self.await_ready("False", "CredentialMissing")


if __name__ == "__main__":
    main()
