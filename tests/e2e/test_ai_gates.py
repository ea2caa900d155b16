"""The examples of examples/ai in which people decide: three-phase.yaml, three-phase-incident.yaml, issue-to-pr.yaml."""

import json

from ai import EXAMPLES, RIGHT, WRONG, AiTest
from reeve import main, wait_until

GATES = ["research-to-plan", "plan-to-implement", "implement-to-production"]


class GateTest(AiTest):
    def await_gate(self, name, mission_name="m"):
        """The hold of a gate, as soon as the mission waits for it and for nothing else."""

        def held():
            result = self.reeve("status", mission_name, "-o", "json")
            mission = result.json()["status"] if result.code == 0 else {"state": "", "holds": []}
            subjects = [hold["subject"] for hold in mission["holds"]]
            self.assertNotIn(mission["state"], ("COMPLETE", "FAILED", "ABORTED"), str(mission))
            return mission["state"] == "HELD" and subjects == [name] and mission["holds"][0]

        return wait_until(held, what=f"the gate {name}")


class ThreePhaseTest(GateTest):
    def start_standard(self):
        words = ["-p", "goal=add adds", "-p", f"tree={self.forge.directory / 'seed'}", "-p", "checks=sh test.sh"]
        words += ["-p", 'release=cat calc.sh > "$T/released"']
        return self.start("run", EXAMPLES / "three-phase.yaml", "--name", "m", *words, "-o", "json")

    # CHK-P8a.
    def test_it_stops_at_exactly_three_gates_and_nothing_runs_meanwhile(self):
        self.script_for(
            {
                "research": [{"summary": "It subtracts."}],
                "plan": [{"summary": "Step 1: rewrite everything."}, {"summary": "Step 1: a plus."}],
                "implement": [{"files": WRONG}, {"files": RIGHT}],
                "learn": [{"summary": "Read the tests first."}],
            }
        )
        command = self.start_standard()
        self.await_gate(GATES[0])
        self.assertEqual(self.shims(), [], "a gate keeps a process")
        self.assertEqual(self.phases(), ["research"])
        self.ok("approve", f"m/{GATES[0]}")
        self.await_gate(GATES[1])
        self.ok("revise", f"m/{GATES[1]}", "-m", "smaller steps, please")
        wait_until(lambda: len(self.acted("plan")) == 2, what="a new plan")
        self.assertIn("smaller steps, please", self.acted("plan")[1]["prompt"])
        self.await_gate(GATES[1])
        self.assertIn("a plus", self.result("m", "plan/plan/plan.md"))
        self.ok("approve", f"m/{GATES[1]}")
        self.await_gate(GATES[2])
        self.assertFalse((self.dir / "released").exists())
        self.assertEqual(self.shims(), [])
        self.ok("approve", f"m/{GATES[2]}", "-m", "ship it")
        result = command.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(self.phases(), ["research", "plan", "plan", "implement", "implement", "learn"])
        self.assertEqual((self.dir / "released").read_text(), RIGHT["calc.sh"])
        self.assertEqual(self.result("m", "learn/learn/lesson.md"), "Read the tests first.\n")
        self.audit()

    def test_what_is_rejected_is_not_released_but_learnt_from(self):
        command = self.start_standard()
        for gate in GATES[:2]:
            self.await_gate(gate)
            self.ok("approve", f"m/{gate}")
        self.await_gate(GATES[2])
        self.ok("reject", f"m/{GATES[2]}", "-m", "not this week")
        self.assertEqual(command.wait().code, 1)
        mission = self.mission("m")
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertEqual(self.task(mission, GATES[2])["exitCode"], "REJECTED")
        self.assertIn("not this week", json.dumps(self.events("m")))
        self.assertFalse((self.dir / "released").exists())
        self.assertEqual(self.task(mission, "learn")["state"], "COMPLETE")


class IncidentTest(GateTest):
    def start_incident(self, healthy="true", fix="touch fixed"):
        words = ["-p", "incident=503", "-p", "evidence=echo it is down", "-p", f"healthy={healthy}"]
        words += ["-p", 'mitigate=echo on >> "$T/failover"', "-p", 'rollback=echo off >> "$T/failover"', "-p", f"fix={fix}"]
        return self.start("run", EXAMPLES / "three-phase-incident.yaml", "--name", "m", *words, "-o", "json")

    def test_an_incident_ends_with_a_repair_and_a_lesson(self):
        self.script_for({"post-mortem": [{"summary": "It was the cache.\nLESSON: Watch the cache."}]})
        command = self.start_incident()
        self.await_gate("fix-to-production")
        self.ok("approve", "m/fix-to-production")
        result = command.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(self.lines("failover"), ["on"])
        self.assertEqual(self.result_json("m", "post-mortem/post-mortem/learning.json")["lesson"], "Watch the cache.")
        self.assertIn("it is down", self.acted("diagnose")[0]["prompt"])

    # CHK-P8a.
    def test_without_a_learning_record_it_cannot_be_complete(self):
        self.script_for({"post-mortem": [{"summary": "All is well again."}]})
        command = self.start_incident()
        self.await_gate("fix-to-production")
        self.ok("approve", "m/fix-to-production")
        self.assertEqual(command.wait().code, 1)
        mission = self.mission("m")
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertEqual(self.task(mission, "implement-fix")["state"], "COMPLETE")
        self.assertEqual(self.task(mission, "post-mortem")["attempts"], 3)

    def test_a_mitigation_that_does_not_help_is_rolled_back_at_once(self):
        self.script_for({"post-mortem": [{"summary": "LESSON: Test the failover."}]})
        command = self.start_incident(healthy="false")
        self.assertEqual(command.wait().code, 1)
        self.assertEqual(self.lines("failover"), ["on", "off"])
        mission = self.mission("m")
        self.assertEqual(self.task(mission, "fix-to-production")["state"], "SKIPPED")
        self.assertEqual(self.task(mission, "post-mortem")["state"], "COMPLETE")


class HumanGateTest(GateTest):
    def test_a_change_is_pushed_once_a_person_agrees(self):
        issue = self.forge.open_issue("add subtracts")
        self.script_for({"implement": [{"files": WRONG}], "fix-tests": [{"files": RIGHT}, {"files": {"README": "It adds.\n"}}]})
        command = self.start("run", *self.issue_to_pr(issue, human_gate="true", fix_rounds=1), "-o", "json")
        self.await_gate("approve", "issue-1")
        self.assertEqual(self.forge.branches(), ["main"], "pushed before anybody agreed")
        self.assertIn("+add() { echo $(($1 + $2)); }", self.ok("status", "issue-1").out)
        self.ok("revise", "issue-1/approve", "-m", "write a README")
        wait_until(lambda: len(self.acted("fix-tests")) == 2, what="a repair")
        self.assertIn("write a README", self.acted("fix-tests")[1]["prompt"])
        self.await_gate("approve", "issue-1")
        self.ok("approve", "issue-1/approve")
        result = command.wait()
        self.assertEqual(result.code, 0, str(result))
        (pull,) = self.forge.pulls()
        self.assertEqual(self.forge.file("README", pull["headRefName"]), "It adds.\n")

    def test_a_change_that_a_person_rejects_never_leaves_the_machine(self):
        issue = self.forge.open_issue("add subtracts")
        command = self.start("run", *self.issue_to_pr(issue, human_gate="true"), "-o", "json")
        self.await_gate("approve", "issue-1")
        self.ok("reject", "issue-1/approve", "-m", "we decided otherwise")
        self.assertEqual(command.wait().code, 1)
        self.assertEqual(self.forge.branches(), ["main"])
        self.assertEqual(self.forge.issue(issue)["labels"], ["reeve"])
        self.assertTrue(self.result_json("issue-1", "learn/learn/learning.json")["lesson"])


if __name__ == "__main__":
    main()
