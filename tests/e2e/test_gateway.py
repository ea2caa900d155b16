"""The model gateway: every dialect, byte for byte, metered, with keys that nobody sees."""

import decimal
import http.client
import json
import threading
import urllib.parse

from gateway import COUNT_PATH, PATHS, GatewayTest, json_of, question
from provider import CHAT, EMBEDDINGS, MESSAGES, RESPONSES
from reeve import main, wait_until
from replies import Reply, cut, error, out_of_quota, says
from server import path_of

# A call as its caller names it.
NAME = {"Reeve-Call-Id": "q-1"}


def recorded(*texts, **more):
    """A stream, and the list that will have its bytes as they were sent."""
    sent = []

    def keep(_number, data):
        sent.append(data)
        return data

    return says(*texts, spoil=keep, **more), sent


class AnswersTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.token = self.run_token()

    def test_whole_answers_come_as_they_were_sent(self):
        for number, api in enumerate((CHAT, RESPONSES, MESSAGES, EMBEDDINGS), 1):
            with self.subTest(api=api):
                reply = self.ask(api)
                self.assertEqual(reply.status, 200, reply.body)
                call = self.provider.asked()[-1]
                self.assertEqual(call.api, api)
                self.assertEqual(call.key, self.provider.key)
                self.assertEqual(call.model, "standin-embedding" if api == EMBEDDINGS else "standin-large")
                self.assertNotIn(self.token, str(call.headers))
                answer = json_of(reply)
                self.assertEqual(answer["model"], call.model)
                settled = self.await_settled(number)[-1]
                self.assertEqual(settled["status"]["outcome"], "completed")
                self.assertEqual(settled["metadata"]["name"], reply.headers["Reeve-Call-Id"])
                usage = settled["status"]["usage"]
                self.assertEqual((usage["inputTokens"], usage["outputTokens"]), (call.input, call.output))
        tokens, cost = self.spent(self.calls())
        self.assertEqual(tokens, self.provider.billed_tokens)
        self.assertEqual(cost, self.provider.billed)
        self.end_run()

    def test_streams_pass_byte_for_byte_and_are_metered(self):
        for number, api in enumerate((CHAT, RESPONSES, MESSAGES), 1):
            for chunk in (0, 1, 7, 4096):
                with self.subTest(api=api, chunk=chunk):
                    reply, sent = recorded("Ein Satz mit Umlauten: äöü. " * 20, chunk=chunk)
                    self.provider.script(reply)
                    more = {"stream_options": {"include_usage": True}} if api == CHAT else {}
                    got = self.ask(api, question(api, stream=True, **more))
                    self.assertEqual((got.status, got.whole), (200, True))
                    self.assertEqual(got.body, b"".join(sent))
        calls = self.await_settled(12)
        self.assertEqual({call["status"]["outcome"] for call in calls}, {"completed"})
        self.assertEqual(self.spent(calls), (self.provider.billed_tokens, self.provider.billed))
        self.end_run()

    def test_the_usage_that_the_gateway_asks_for_is_not_the_clients(self):
        reply, sent = recorded("well", "done")
        self.provider.script(reply)
        got = self.ask(CHAT, question(CHAT, stream=True))
        self.assertTrue(self.provider.asked()[-1].json["stream_options"]["include_usage"])
        usage = [data for data in sent if b'"usage":{' in data]
        self.assertEqual(len(usage), 1)
        self.assertEqual(got.body, b"".join(data for data in sent if data not in usage))
        calls = self.await_settled(1)
        self.assertEqual(self.spent(calls), (self.provider.billed_tokens, self.provider.billed))
        self.end_run()

    def test_what_the_gateway_does_not_know_survives(self):
        body = b'{ "zeta": [1, 2.50, "\\u00e9"], "model":"standin-large", "max_tokens": 50,\n' \
               b'  "messages":[{"role":"user","content":"hi"}], "future": {"b":1,"a":2} }'  # fmt: skip
        self.changed_route(spec={"models": [
            {"name": "standin-*", "provider": "anth", "contextWindow": 200_000,
             "maxOutputTokens": 4_000, "prices": {"input": "3", "output": "15"}}]})  # fmt: skip
        headers = {"anthropic-beta": "one-2026,two-2027", "x-app": "cli", "Cookie": "a=b",
                   "OpenAI-Organization": "org-of-the-client"}  # fmt: skip
        got = self.ask("/llm/anthropic/v1/messages?beta=true", body, headers=headers)
        self.assertEqual(got.status, 200, got.body)
        call = self.provider.asked()[-1]
        self.assertEqual((call.body, call.query), (body, "beta=true"))
        self.assertEqual(call.headers["anthropic-beta"], "one-2026,two-2027")
        self.assertEqual(call.headers["x-app"], "cli")
        self.assertIsNone(call.headers["Cookie"])
        self.assertIsNone(call.headers["OpenAI-Organization"])
        self.assertEqual(got.headers["request-id"], "req_standin")
        self.end_run()

    def test_models_are_listed_and_tokens_counted_for_nothing(self):
        answer = self.api.get("/llm/openai/v1/models", headers={"Authorization": f"Bearer {self.token}"})
        names = [model["id"] for model in answer.json()["data"]]
        self.assertIn("gpt", names)
        self.assertIn("embedding", names)
        self.assertNotIn("claude", names)
        client = self.client()
        client.token = None
        answer = client.get("/llm/anthropic/v1/models", headers={"x-api-key": self.token})
        names = [model["id"] for model in answer.json()["data"]]
        self.assertIn("claude", names)
        self.assertNotIn("gpt", names)
        counted = self.ask(COUNT_PATH, question(MESSAGES))
        self.assertEqual((counted.status, list(json_of(counted))), (200, ["input_tokens"]))
        self.assertEqual(self.calls(), [])
        self.end_run()

    def test_unknown_models_and_paths_are_told_in_the_clients_words(self):
        got = self.ask(CHAT, question(CHAT, model="gpt-9"))
        self.assertEqual(got.status, 404)
        self.assertEqual(json_of(got)["error"]["code"], "model_not_found")
        self.assertIn("gpt", json_of(got)["error"]["message"])
        got = self.ask(MESSAGES, question(MESSAGES, model="claude-9"))
        self.assertEqual((got.status, json_of(got)["error"]["type"]), (404, "not_found_error"))
        got = self.ask(CHAT, b"no json")
        self.assertEqual(got.status, 400)
        got = self.ask("/llm/openai/v1/threads", {})
        self.assertEqual(got.status, 404)
        answer = self.api.get("/llm/openai/v1/responses", headers={
            "Authorization": f"Bearer {self.token}", "Connection": "Upgrade", "Upgrade": "websocket"})
        self.assertEqual(answer.status, 426)
        self.assertEqual(self.provider.asked(), [])
        self.end_run()


class IdentityTest(GatewayTest):
    def test_only_living_runs_of_the_namespace_may_ask(self):
        self.token = self.run_token()
        self.assertEqual(self.ask(CHAT).status, 200)
        self.assertEqual(self.ask(MESSAGES, token="", headers={"x-api-key": self.token}).status, 200)
        for wrong in ("", "rvr_made-up", self.provider.key):
            got = self.ask(MESSAGES, token=wrong)
            self.assertEqual((got.status, json_of(got)["error"]["type"]), (401, "authentication_error"))
            got = self.ask(CHAT, token=wrong)
            self.assertEqual(got.status, 401)
            self.assertIn("message", json_of(got)["error"])
        # A run's namespace is its own, whatever it says.
        self.made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "beta"}})
        got = self.ask(CHAT, headers={"Reeve-Namespace": "beta"})
        self.assertEqual(got.status, 200)
        self.end_run()
        wait_until(lambda: self.ask(CHAT).status == 401, what="the end of the token")
        self.assertEqual(len(self.provider.asked()), 3)
        self.assertEqual(self.provider.keys(), {self.provider.key})

    def test_people_may_ask_with_the_right_to(self):
        self.token = self.api.token
        self.assertEqual(self.ask(CHAT).status, 200)
        self.assertEqual(self.ask(CHAT, headers={"Reeve-Namespace": "nowhere"}).status, 404)
        token = self.ok("token", "create", "eve", "--user", "eve").out.strip()
        self.assertEqual(self.ask(CHAT, token=token).status, 403)
        self.bind("eve", "view")
        self.assertEqual(self.ask(CHAT, token=token).status, 403)
        self.bind("eve", "edit")
        wait_until(lambda: self.ask(CHAT, token=token).status == 200, what="the right to ask")
        calls = self.await_settled()
        self.assertEqual([call["spec"]["principal"] for call in calls][-1], "user:eve")

    def test_keys_are_nowhere(self):
        self.token = self.run_token()
        echo = error(401, "authentication_error", "invalid_api_key", f"wrong key: {self.provider.key}")
        self.provider.script(echo)
        got = self.ask(CHAT)
        self.assertEqual(got.status, 502)
        self.assertNotIn(self.provider.key.encode(), got.body)
        self.provider.script(error(400, "invalid_request_error", None, f"you sent {self.provider.key}"))
        got = self.ask(CHAT)
        self.assertNotIn(self.provider.key.encode(), got.body)
        self.assertEqual(self.ask(MESSAGES, question(MESSAGES, stream=True)).status, 200)
        self.await_settled(3)
        self.assert_no_key()
        self.end_run()
        self.ok("down")
        self.assert_no_key()
        self.audit()


class BudgetTest(GatewayTest):
    def limited(self, name="b", enforcement=None, **limits):
        return self.made(path_of("budgetquotas"), {
            "apiVersion": "reeve.dev/v1", "kind": "BudgetQuota", "metadata": {"name": name},
            "spec": {"limits": limits, "enforcement": enforcement or {}}})  # fmt: skip

    def test_a_budget_that_is_gone_stops_clients_at_once(self):
        self.limited(maxTotalTokens=150, enforcement={"onTokenLimit": "alert"})
        self.api.delete(path_of("budgetquotas", "b"))
        self.limited(maxTotalTokens=150)
        self.token = self.run_token()
        got = self.ask(MESSAGES, question(MESSAGES, max_tokens=1000))
        self.assertEqual(got.status, 429)
        self.assertEqual(got.headers["x-should-retry"], "false")
        told = json_of(got)["error"]
        self.assertEqual(told["details"]["error_code"], "enforced_spend_limit_reached")
        self.assertEqual(self.provider.asked(), [])
        self.await_mission("m", "FAILED")
        self.assertEqual(self.calls(), [])

    def test_fifty_at_once_never_pass_a_budget(self):
        self.limited(maxTotalCost="0.05", enforcement={"onCostLimit": "terminate"})
        self.token = self.api.token
        seen = []

        def hammer():
            for _ in range(6):
                seen.append(self.ask(CHAT, question(CHAT, stream=len(seen) % 2 == 0)).status)

        threads = [threading.Thread(target=hammer) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(set(seen), {200, 429}, seen)
        calls = self.await_settled()
        self.assertEqual(self.spent(calls), (self.provider.billed_tokens, self.provider.billed))
        self.assertLessEqual(self.provider.billed, decimal.Decimal("0.05"))
        self.assertEqual(len(calls), len(self.provider.asked()))
        self.assertEqual(seen.count(200), len(calls))


class TroubleTest(GatewayTest):
    def setUp(self):
        super().setUp()
        self.token = self.run_token()

    def test_what_fails_before_the_first_byte_is_tried_again(self):
        self.provider.script(error(503), error(529), says("at last"))
        got = self.ask(CHAT)
        self.assertEqual(got.status, 200, got.body)
        self.assertEqual(len(self.provider.asked()), 3)
        calls = self.await_settled(3)
        self.assertEqual(sorted(call["status"]["outcome"] for call in calls), ["completed", "refused", "refused"])
        self.assertEqual(self.spent(calls), (self.provider.billed_tokens, self.provider.billed))
        self.end_run()

    def test_refusals_are_passed_on_and_not_tried_again(self):
        self.provider.script(error(400, "invalid_request_error", "bad_thing", "your request is wrong"))
        got = self.ask(CHAT)
        self.assertEqual((got.status, json_of(got)["error"]["code"]), (400, "bad_thing"))
        self.provider.script(out_of_quota())
        got = self.ask(CHAT)
        self.assertEqual((got.status, got.headers["x-should-retry"]), (429, "false"))
        self.assertEqual(len(self.provider.asked()), 2)
        calls = self.await_settled(2)
        self.assertEqual(self.spent(calls)[0], 0)
        self.end_run()

    def test_a_stream_that_breaks_is_broken_for_the_client_too(self):
        for api in (CHAT, MESSAGES, RESPONSES):
            with self.subTest(api=api):
                self.provider.script(cut(4))
                got = self.ask(api, question(api, stream=True))
                self.assertEqual(got.status, 200)
                self.assertTrue(not got.whole or b"error" in got.body, got.body)
                self.assertNotIn(b"[DONE]", got.body)
        calls = self.await_settled(3)
        self.assertEqual(self.provider.billed_tokens <= self.spent(calls)[0], True)
        self.assertEqual(len(self.provider.asked()), 3)
        self.end_run()

    def test_a_client_that_leaves_is_paid_for_as_far_as_it_came(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.provider.script(Reply(gate=hold, gate_after=3))
        connection, response = self.opened(MESSAGES, question(MESSAGES, stream=True), self.token)
        self.assertTrue(response.read1(10))
        connection.close()
        hold.set()
        call = self.await_settled(1)[0]
        self.assertIn(call["status"]["outcome"], ("completed", "cut", "unknown"))
        self.assertLessEqual(self.provider.billed_tokens, self.spent([call])[0])
        self.end_run()

    def test_a_killed_server_loses_nothing_of_what_was_spent(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.assertEqual(self.ask(CHAT).status, 200)
        self.await_settled(1)
        self.provider.script(Reply(gate=hold, gate_after=3))
        connection, response = self.opened(MESSAGES, question(MESSAGES, stream=True), self.token)
        self.assertTrue(response.read1(10))
        self.owner.kill()
        hold.set()
        connection.close()
        self.provider.await_quiet()
        self.serve()
        calls = self.await_settled(2)
        self.assertEqual(sorted(call["status"]["outcome"] for call in calls), ["completed", "unknown"])
        self.assertGreaterEqual(self.spent(calls)[0], self.provider.billed_tokens)
        self.assertEqual(self.ask(CHAT).status, 200)
        self.await_settled(3)
        self.end_run()
        self.ok("down")
        self.audit()


class RepliesTest(GatewayTest):
    """What was paid for is not paid for again, if its caller has given it a name."""

    def setUp(self):
        super().setUp()
        self.token = self.run_token()

    def ask_and_go(self, api, body, name=NAME):
        """Asks with a name, and goes as soon as the provider has it."""
        url = urllib.parse.urlsplit(self.kubeconfig.server)
        connection = http.client.HTTPSConnection(url.hostname, url.port, context=self.api.context)
        asked = len(self.provider.asked())
        connection.request("POST", PATHS[api], json.dumps(body),
                           {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"} | name)
        wait_until(lambda: len(self.provider.asked()) > asked, what="the question at the provider")
        connection.close()

    def assert_paid_once(self):
        (call,) = self.await_settled(1)
        self.assertEqual(call["status"]["outcome"], "completed")
        self.assertEqual(len(self.provider.asked()), 1)
        self.assertEqual(self.spent([call]), (self.provider.billed_tokens, self.provider.billed))
        return call["metadata"]["name"]

    def test_a_client_that_goes_gets_its_reply_when_it_comes_back(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                self.provider.calls.clear()
                gate = threading.Event()
                self.addCleanup(gate.set)
                self.provider.script(says("paid for", gate=gate))
                name = {"Reeve-Call-Id": f"q-{stream}"}
                body = question(MESSAGES, stream=stream)
                self.ask_and_go(MESSAGES, body, name)
                got = []
                asking = threading.Thread(target=lambda: got.append(self.ask(MESSAGES, body, headers=name)))
                asking.start()
                gate.set()
                asking.join()
                self.assertEqual((got[0].status, got[0].whole), (200, True), got[0].body)
                self.assertEqual(got[0].headers["Reeve-Replayed"], "true")
                self.assertIn(b"paid for", got[0].body)
                again = self.ask(MESSAGES, body, headers=name)
                self.assertEqual(again.body, got[0].body)
                self.assertEqual(len(self.provider.asked()), 1)
                self.assertEqual(again.headers["Reeve-Call-Id"], got[0].headers["Reeve-Call-Id"])
        calls = self.await_settled(2)
        self.assertEqual([call["status"]["outcome"] for call in calls], ["completed"] * 2)
        self.end_run()

    def test_a_reply_outlives_the_server(self):
        first = self.ask(MESSAGES, headers=NAME)
        self.assertIsNone(first.headers["Reeve-Replayed"])
        name = self.assert_paid_once()
        self.owner.kill()
        self.serve()
        again = self.ask(MESSAGES, headers=NAME)
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertEqual((again.headers["Reeve-Replayed"], again.headers["Reeve-Call-Id"]), ("true", name))
        self.assert_paid_once()
        # Sealed: nobody reads it by chance.
        (kept,) = (self.data / "replies").iterdir()
        self.assertEqual(kept.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(json_of(first)["content"][0]["text"].encode(), kept.read_bytes())
        self.end_run()

    def test_a_reply_stays_while_its_key_cannot_be_read(self):
        first = self.ask(MESSAGES, headers=NAME)
        self.assert_paid_once()
        self.owner.kill()
        master = self.data / "keys" / "master"
        master.chmod(0o644)
        self.serve()
        self.owner.kill()
        master.chmod(0o600)
        self.serve()
        again = self.ask(MESSAGES, headers=NAME)
        self.assertEqual((again.status, again.body), (200, first.body))
        self.assertEqual(again.headers["Reeve-Replayed"], "true")
        self.assert_paid_once()
        self.end_run()

    def test_what_a_killed_server_was_asked_is_paid_for_as_a_whole_and_asked_anew(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.provider.script(says("lost", gate=gate))
        self.ask_and_go(MESSAGES, question(MESSAGES))
        self.owner.kill()
        gate.set()
        self.serve()
        got = self.ask(MESSAGES, headers=NAME)
        self.assertEqual((got.status, got.headers["Reeve-Replayed"]), (200, None))
        calls = self.await_settled(2)
        self.assertEqual([call["status"]["outcome"] for call in calls], ["unknown", "completed"])
        self.end_run()

    def test_a_name_stands_for_one_question(self):
        self.ask(MESSAGES, headers=NAME)
        other = self.ask(MESSAGES, question(MESSAGES, text="something else"), headers=NAME)
        self.assertEqual((other.status, other.headers["x-should-retry"]), (422, "false"))
        self.assertIn("q-1", json_of(other)["error"]["message"])
        self.assert_paid_once()
        self.end_run()


if __name__ == "__main__":
    main()
