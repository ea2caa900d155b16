"""Budgets: quotas on the command line and in the API, runs that wait, missions that are held, money that runs out."""

import decimal
import http.client
import os
import signal
import threading

from money import CHAT, MoneyFixture, hang, says
from reeve import gate, main, wait_until
from server import Client, ServerTest, full_size, mission, path_of, workflow



def cluster_quota(name, tenant, **limits):
    return {
        "apiVersion": "reeve.dev/v1",
        "kind": "ClusterBudgetQuota",
        "metadata": {"name": name},
        "spec": {"selector": {"tenant": tenant}, "limits": limits},
    }


class QuotasTest(ServerTest):
    def quota(self, name="team"):
        return self.got(path_of("budgetquotas", name))

    def test_people_set_show_raise_and_reset_them(self):
        self.ok("quota", "set", "team", "--tokens", "1000", "--cost", "5", "--on-cost", "pause", "--period", "day")
        quota = self.quota()
        self.assertEqual(quota["spec"]["limits"], {"maxTotalTokens": 1000, "maxTotalCost": "5"})
        self.assertEqual(quota["spec"]["enforcement"]["onCostLimit"], "pause")
        self.assertEqual(quota["status"]["currentUsage"]["tokens"], 0)
        self.assertEqual(quota["status"]["conditions"][0]["status"], "True")
        self.ok("quota", "set", "team", "--period", "none", "--runs", "3")
        self.assertNotIn("period", self.quota()["spec"])
        self.assertEqual(self.quota()["spec"]["limits"]["maxConcurrentRuns"], 3)
        self.ok("quota", "raise", "team", "--cost", "+2.50", "--tokens", "2000", "-m", "release week")
        self.assertEqual(
            self.quota()["spec"]["limits"],
            {"maxTotalTokens": 2000, "maxTotalCost": "7.50", "maxConcurrentRuns": 3},
        )
        self.assertEqual(self.quota()["metadata"]["annotations"]["reeve.dev/raise-reason"], "release week")
        self.refused(3, "quota", "raise", "team", "--cost", "7", says="is 7.50 now")
        self.refused(3, "quota", "raise", "team", "--duration", "1h", says="is not limited")
        self.refused(3, "quota", "raise", "team", says="which limit")
        self.refused(3, "quota", "set", "team", "--tokens", "many", says="whole number")
        shown = self.ok("quota", "show", "team").out
        for text in ("quota default/team: ok", "limit maxTotalCost: 7.50", "used tokens: 0"):
            self.assertIn(text, shown)
        self.ok("quota", "set", "all", "--cluster", "--tokens", "9", "--tenant", "acme")
        listed = self.ok("quota", "list").out
        self.assertIn("(cluster)", listed)
        self.assertIn("0 of 2000", listed)
        names = [item["metadata"]["name"] for item in self.ok("quota", "list", "-o", "json").json()["items"]]
        self.assertEqual(names, ["all", "team"])
        self.ok("quota", "reset", "team")
        self.assertIn("periodStart", self.quota()["status"])
        self.ok("quota", "delete", "team")
        self.refused(4, "quota", "show", "team")

    def test_many_who_raise_it_at_once_all_do(self):
        self.ok("quota", "set", "team", "--cost", "1")
        raisers = [self.start("quota", "raise", "team", "--cost", "+1") for _ in range(6)]
        for raiser in raisers:
            self.assertEqual(raiser.wait().code, 0)
        self.assertEqual(self.got(path_of("budgetquotas", "team"))["spec"]["limits"], {"maxTotalCost": "7.00"})

    def test_many_who_set_it_at_once_all_do(self):
        setters = [self.start("quota", "set", "team", "--tokens", str(1000 + i)) for i in range(6)]
        said = [setter.wait() for setter in setters]
        self.assertEqual([each.code for each in said], [0] * 6, said)
        self.assertEqual(sorted(each.out.split()[-1] for each in said), ["changed"] * 5 + ["created"])
        self.assertIn(self.got(path_of("budgetquotas", "team"))["spec"]["limits"]["maxTotalTokens"], range(1000, 1006))

    def test_what_no_quota_of_its_kind_has_is_refused(self):
        self.refused(3, "quota", "set", "team", "--tenant", "acme", "--cost", "1", says="spec.selector.tenant")
        self.refused(3, "quota", "set", "team", "--duration", "0s", says="maxDuration")

    def test_the_command_line_in_a_run_speaks_as_that_run(self):
        self.ok("quota", "set", "team", "--cost", "1")
        script = f'{os.environ["REEVE"]} quota raise team --cost +5 2>&1; echo "ended with $?"'
        self.made(path_of("workflows"), workflow("w", script))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "COMPLETE")
        log = self.ok("logs", "m").out
        self.assertIn("forbidden", log)
        self.assertIn("run:m.1.a.1", log)
        self.assertNotIn("ended with 0", log)
        self.assertEqual(self.got(path_of("budgetquotas", "team"))["spec"]["limits"], {"maxTotalCost": "1"})

    def test_amounts_that_no_meter_could_count_are_refused(self):
        for limits in ({"maxTotalCost": "1e3"}, {"maxTotalCost": "1234567890"}, {"maxTotalCost": "0.1234567891"},
                       {"maxTotalTokens": 0}, {}):  # fmt: skip
            answer = self.api.post(
                path_of("budgetquotas"),
                {"apiVersion": "reeve.dev/v1", "kind": "BudgetQuota", "metadata": {"name": "q"}, "spec": {"limits": limits}},
            )
            self.assertEqual(answer.status, 422, f"{limits}: {answer}")

    def test_records_are_written_by_nobody(self):
        for plural, kind in (("budgetusages", "BudgetUsage"), ("modelcalls", "ModelCall")):
            answer = self.api.post(
                path_of(plural), {"apiVersion": "reeve.dev/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {}}
            )
            self.assertEqual(answer.status, 405, str(answer))
            self.assertEqual(self.got(path_of(plural))["items"], [])
        self.assertEqual(self.ok("cost", "-o", "json").json()["total"]["calls"], 0)
        for by in ("agent", "model", "workflow", "run", "day", "namespace", "tenant"):
            self.assertIn("total", self.ok("cost", "--by", by).out)

    def test_who_works_in_a_namespace_sees_its_budget_and_cannot_raise_it(self):
        self.ok("quota", "set", "team", "--tokens", "1000")
        client = self.client()
        client.token = self.ok("token", "create", "lead", "--user", "lead").out.strip()
        self.bind("lead", "admin")
        self.assertEqual(client.get(path_of("budgetquotas", "team")).status, 200)
        self.assertEqual(client.get(path_of("budgetusages")).status, 200)
        more = {"spec": {"limits": {"maxTotalTokens": 9999}}}
        self.assertEqual(client.patch(path_of("budgetquotas", "team"), more).status, 403)
        self.assertEqual(client.post(path_of("budgetquotas", "team") + "/reset", {}).status, 403)

    def test_no_more_runs_go_on_at_a_time_than_the_quota_says(self):
        self.ok("quota", "set", "team", "--runs", "2")
        self.made(path_of("workflows"), workflow("w", f"echo x >> \"{self.dir}/begun\"; {gate('go')}"))
        for i in range(5):
            self.made(path_of("missions"), mission(f"m{i}", "w"))
        wait_until(lambda: len(self.lines("begun")) == 2, what="two runs")
        states = [self.state(f"m{i}") for i in range(5)]
        self.assertEqual(sorted(states), ["ACTIVE"] * 2 + ["QUEUED"] * 3)
        waiting = f"m{states.index('QUEUED')}"
        self.assertIn("quota default/team", self.ok("status", waiting).out)
        self.assertEqual(len(self.lines("begun")), 2)
        self.touch("go")
        for i in range(5):
            self.await_mission(f"m{i}", "COMPLETE")

    def test_a_run_that_takes_too_long_is_held_and_goes_on_after_a_raise(self):
        self.ok("quota", "set", "team", "--duration", "2s")
        ticks = f'while [ ! -e "{self.dir}/go" ]; do echo x >> "{self.dir}/ticks"; sleep 0.01; done'
        self.made(path_of("workflows"), workflow("w", ticks))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "HELD")

        def stands_still():
            before = len(self.lines("ticks"))
            states = {self.state("m") for _ in range(5)}
            return states == {"HELD"} and len(self.lines("ticks")) == before

        wait_until(stands_still, what="the run to stand still")
        said = self.ok("status", "m").out
        self.assertIn("quota", said)
        self.assertIn("maxDuration is 2s", said)
        self.assertIn("held: m", self.ok("quota", "show", "team").out)
        answer = self.api.post(path_of("missions", "m") + "/release", {})
        self.assertEqual(answer.status, 409, str(answer))
        self.assertIn("waits for a quota", answer.text)
        self.ok("quota", "raise", "team", "--duration", "1h")
        self.await_mission("m", "ACTIVE")
        self.touch("go")
        self.await_mission("m", "COMPLETE")


class MoneyTest(MoneyFixture):
    def test_what_is_settled_is_what_the_provider_has_counted(self):
        self.ok("quota", "set", "team", "--tokens", "100000")
        self.with_script("m", 'for i in range(3):\n    model("hello")\n')
        self.await_mission("m", "COMPLETE")
        self.expect_exact()
        self.assertEqual(self.usage("mission.m")["calls"], 3)
        self.assertIn("standin/standin-large", self.ok("cost", "--by", "model").out)
        calls = self.got(path_of("modelcalls", fieldSelector="spec.mission=m"))["items"]
        self.assertEqual([call["status"]["phase"] for call in calls], ["Settled"] * 3)
        self.assertEqual(calls[0]["status"]["quotas"], ["default/team"])

    def test_a_run_that_has_no_money_left_ends(self):
        self.ok("quota", "set", "team", "--cost", "0.001")
        self.with_script("m", 'while model("hello") == 200:\n    pass\nimport time\ntime.sleep(600)\n')
        self.await_mission("m", "FAILED")
        self.assertEqual(self.mission("m")["status"]["errorCode"], "quota_exceeded")
        self.assertIn("maxTotalCost is 0.001 USD", self.ok("status", "m").out)
        self.assertLessEqual(self.provider.billed, decimal.Decimal("0.001"))
        self.expect_exact()

    def test_a_mission_is_held_until_somebody_gives_more(self):
        self.ok("quota", "set", "team", "--cost", "0.001", "--on-cost", "pause")
        self.with_script("m", 'done = 0\nwhile done < 6:\n    done += model("hello") == 200\n')
        self.await_mission("m", "HELD")
        self.assertIn("maxTotalCost", self.ok("status", "m").out)
        self.assertLessEqual(self.provider.billed, decimal.Decimal("0.001"))
        self.ok("quota", "raise", "team", "--cost", "1")
        self.await_mission("m", "COMPLETE")
        self.expect_exact()

    def incident(self):
        incidents = self.got(path_of("incidents"))["items"]
        return [(each["spec"]["reason"], each["status"]["state"]) for each in incidents]

    def await_incident(self, state):
        wait_until(lambda: self.incident() == [("BudgetExceeded", state)], what=f"an incident that is {state}")

    def test_an_incident_is_over_when_the_limit_is_raised_or_gone(self):
        self.ok("quota", "set", "team", "--cost", "0.001")
        self.with_script("m", 'while model("hello") == 200:\n    pass\n')
        self.await_mission("m", "FAILED")
        self.await_incident("open")
        self.ok("quota", "raise", "team", "--cost", "0.002")
        self.await_incident("closed")
        self.assertIn("raised", self.got(path_of("incidents"))["items"][0]["status"]["note"])
        self.with_script("n", 'while model("hello") == 200:\n    pass\n')
        self.await_mission("n", "FAILED")
        self.await_incident("open")
        self.ok("quota", "delete", "team")
        self.await_incident("closed")
        self.ok("down")
        self.audit()

    def test_a_list_of_quotas_says_who_waits(self):
        self.ok("quota", "set", "team", "--cost", "0.001", "--on-cost", "pause")
        self.assertIn("ok", self.ok("quota", "list").out.split())
        self.with_script("m", 'done = 0\nwhile done < 6:\n    done += model("hello") == 200\n')
        self.await_mission("m", "HELD")
        self.assertIn("1 mission is held", self.ok("quota", "list").out)
        self.assertIn("default/team: 1 mission is held", self.ok("quota", "show", "team").out)
        self.assertEqual(self.got(path_of("budgetquotas", "team"))["status"]["heldMissions"], 1)
        listed = self.ok("get", "budgetquotas").out.splitlines()
        self.assertIn("HELD", listed[0])
        self.ok("quota", "raise", "team", "--cost", "1")
        self.await_mission("m", "COMPLETE")
        self.assertEqual(self.got(path_of("budgetquotas", "team"))["status"]["heldMissions"], 0)

    def test_many_at_once_and_kill_9_never_get_more_than_there_is(self):
        """A hundred callers on one small budget; the server is killed twice in the middle."""
        budget = 6000
        self.ok("quota", "set", "team", "--tokens", str(budget), "--on-tokens", "queue")
        self.provider.script(lambda call: says("word " * 5))
        over = threading.Event()
        body = {"model": "large", "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}

        def hammer():
            while not over.is_set():
                client = self.client_of_now()
                try:
                    client.post("/llm/openai/v1/chat/completions", body)
                except OSError:
                    over.wait(0.05)
                except http.client.HTTPException:
                    pass
                finally:
                    client.close()

        threads = [threading.Thread(target=hammer, daemon=True) for _ in range(full_size(30, 100))]
        for thread in threads:
            thread.start()
        try:
            for calls in (20, 60):
                self.provider.await_calls(calls, CHAT)
                self.owner.signal(signal.SIGKILL)
                self.owner.wait()
                self.serve()
            wait_until(
                lambda: "maxTotalTokens" in self.got(path_of("budgetquotas", "team"))["status"]["reached"],
                what="the end of the budget",
            )
        finally:
            over.set()
            for thread in threads:
                thread.join()
        self.assertLessEqual(self.provider.billed_tokens, budget)
        used = self.got(path_of("budgetquotas", "team"))["status"]["currentUsage"]
        self.assertLessEqual(self.provider.billed_tokens, used["tokens"])
        self.assertLessEqual(used["tokens"] + used["reservedTokens"], budget)
        self.ok("audit", "verify")

    def client_of_now(self):
        """The server comes back with another port."""
        return Client(self.kubeconfig)

    def test_kill_9_in_the_middle_of_an_answer_loses_no_money(self):
        self.ok("quota", "set", "team", "--tokens", "100000")
        answered = threading.Event()
        self.addCleanup(answered.set)
        self.provider.script(hang(answered))
        self.with_script("m", 'model("hello")\n')
        self.provider.await_calls(1, CHAT)
        self.assertGreater(self.got(path_of("budgetquotas", "team"))["status"]["currentUsage"]["reservedTokens"], 0)
        self.owner.signal(signal.SIGKILL)
        self.owner.wait()
        answered.set()
        self.serve()
        used = self.got(path_of("budgetquotas", "team"))["status"]["currentUsage"]
        self.assertEqual(used["reservedTokens"], 0)
        self.assertGreaterEqual(used["tokens"], self.provider.billed_tokens)
        calls = self.got(path_of("modelcalls"))["items"]
        self.assertIn("unknown", [call["status"].get("outcome") for call in calls])


if __name__ == "__main__":
    main()
