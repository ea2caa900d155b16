"""People decide: from a second terminal, after a crash, with feedback, and never the work itself."""

import pathlib
import signal

from reeve import ReeveTest, gate, main, processes_with, wait_until

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "three-phase-approval.yaml"
OPEN = "gate: {prompt: 'Ship it?', ownerMayApprove: true, revises: build}"


class GatesTest(ReeveTest):
    def await_gate(self, mission, task, revision=1):
        """Waits until the mission is HELD at that gate."""

        def held():
            result = self.reeve("status", mission, "-o", "json")
            if result.code != 0:
                return False
            status = result.json()["status"]
            subjects = [hold["subject"] for hold in status["holds"] if hold["kind"] == "approval"]
            gates = {task["name"]: task.get("gate", {}) for task in status["tasks"]}
            return (
                status["state"] == "HELD"
                and task in subjects
                and gates[task].get("revision") == revision
            )

        wait_until(held, what=f"gate {mission}/{task} revision {revision}")

    def reviewed(self, gate_block=OPEN, build="echo built"):
        return self.workflow(
            f"""
            - {{name: build, timeout: 1m, script: '{build}'}}
            - {{name: review, needs: [build], {gate_block}}}
            - {{name: deploy, timeout: 1m, needs: [review], script: 'touch "$T/deployed"'}}
            """
        )

    def test_three_phases_stop_three_times_and_go_on_from_another_terminal(self):
        owner = self.start("run", EXAMPLE, "--name", "m")
        self.await_gate("m", "research-review")
        self.assertEqual(self.shims(), [], "nothing runs while people think")
        listed = self.ok("approvals", "-o", "json").json()["items"]
        self.assertEqual([(item["mission"], item["task"]) for item in listed], [("m", "research-review")])
        self.assertEqual(listed[0]["context"]["confidence"], "0.8")
        self.assertIn("reeve revise m/research-review", self.ok("status", "m").out)

        self.ok("revise", "m", "-m", "what about the database?")
        self.await_gate("m", "research-review", revision=2)
        findings = self.task("m", "research-review")["gate"]["context"]["findings"]
        self.assertIn("what about the database?", findings)

        self.ok("approve", "m", "-m", "keep it small")
        self.await_gate("m", "plan-review")
        self.assertIn("the reviewer said: keep it small", self.ok("logs", "m", "plan").out)
        self.ok("approve", "m/plan-review")
        self.await_gate("m", "deploy-review")
        self.ok("approve", "m")
        finished = owner.wait()
        self.assertEqual(finished.code, 0, str(finished))
        self.assertIn("gate research-review waits for approval", finished.out)
        self.assertIn("reeve approve m/research-review", finished.out)
        holds = [event for event in self.events("m") if event["type"] == "mission.transitioned" and event["data"]["to"] == "HELD"]
        self.assertEqual(len(holds), 4, "three gates, one of them twice")
        self.audit()

    def test_the_evidence_counts_and_not_the_claim(self):
        """CHK-P8c."""
        owner = self.start("run", EXAMPLE, "--name", "m", env={"FAIL_VERIFY": "1"})
        self.await_gate("m", "research-review")
        self.ok("approve", "m")
        self.await_gate("m", "plan-review")
        self.ok("approve", "m")
        self.assertEqual(owner.wait().code, 1)
        mission = self.mission("m")
        self.assertEqual(self.task(mission, "implement")["outputs"]["claim"], "all tests pass")
        self.assertEqual(self.task(mission, "verify")["exitCode"], 1)
        self.assertNotIn("gate", self.task(mission, "deploy-review"))
        self.assertEqual(self.task_states(mission)["deploy"], "SKIPPED")

    def test_a_killed_owner_loses_no_gate(self):
        owner = self.start("run", self.reviewed(), "--name", "m")
        self.await_gate("m", "review")
        owner.kill()
        self.assertEqual(processes_with(str(self.dir)), {}, "a held mission needs nobody")
        # Nobody owns the data now: the decision does, and goes on with the mission.
        result = self.ok("approve", "m", "-m", "go")
        self.assertIn("gate m/review is approved", result.out)
        self.assertIn("COMPLETE", result.out)
        self.assertTrue((self.dir / "deployed").exists())
        self.assertEqual(self.types("m").count("gate.opened"), 1)
        self.audit()

    def test_rejection_aborts_and_later_approval_is_refused(self):
        owner = self.start("run", self.reviewed(), "--name", "m")
        self.await_gate("m", "review")
        self.refused(3, "reject", "m", says=["without a reason", "-m"])
        self.ok("reject", "m", "-m", "no rollback")
        self.assertEqual(owner.wait().code, 1)
        status = self.mission("m")["status"]
        self.assertEqual((status["state"], status["reason"]), ("ABORTED", "approval_rejected"))
        self.assertFalse((self.dir / "deployed").exists())
        self.refused(3, "approve", "m", says=["rejected by user:", "no rollback", "ABORTED"])

    def test_nothing_is_approved_by_time(self):
        document = self.reviewed("gate: {prompt: 'Ship it?', deadline: 300ms}")
        self.assertEqual(self.reeve("run", document, "--name", "m").code, 1)
        status = self.mission("m")["status"]
        self.assertEqual((status["state"], status["reason"]), ("ABORTED", "approval_expired"))
        self.assertFalse((self.dir / "deployed").exists())

    def test_who_started_the_mission_may_not_decide(self):
        owner = self.start("run", self.reviewed("gate: {prompt: 'Ship it?'}"), "--name", "m")
        self.await_gate("m", "review")
        self.refused(3, "approve", "m", says=["self_approval", "ownerMayApprove"])
        self.assertEqual(self.state("m"), "HELD")
        self.refused(3, "release", "m", says="waits for approval")
        self.ok("abort", "m")
        self.assertEqual(owner.wait().code, 1)

    def test_the_work_cannot_approve_itself(self):
        """CHK-H6e: an agent that calls reeve is not taken for its user."""
        document = self.workflow(
            f"""
            - {{name: review, gate: {{prompt: 'Ship it?', ownerMayApprove: true}}}}
            - name: agent
              timeout: 1m
              script: |
                {gate("go")}
                "$PROGRAM" approve m/review > "$T/said" 2>&1; echo $? > "$T/code"
            """
        )
        import reeve

        owner = self.start("run", document, "--name", "m", env={"PROGRAM": reeve.PROGRAM})
        wait_until(lambda: "ACTIVE" in self.reeve("status", "m").out, what="the agent")
        self.touch("go")
        self.await_gate("m", "review")
        self.assertEqual(self.lines("code"), ["3"])
        self.assertIn("self_approval", "\n".join(self.lines("said")))
        self.ok("approve", "m")
        self.assertEqual(owner.wait().code, 0)

    def test_a_gate_without_its_required_context_is_not_opened(self):
        """CHK-H6f."""
        document = self.reviewed(
            "gate: {prompt: 'Ship it?', context: {plan: '{{ .plan }}', risks: ''}, require: [plan, risks]}",
            build='echo "::set-output name=plan::"',
        )
        self.assertEqual(self.reeve("run", document, "--name", "m").code, 1)
        message = self.task("m", "review")["message"]
        self.assertIn("context.plan", message)
        self.assertIn("context.risks", message)
        self.assertNotIn("gate.opened", self.types("m"))

    def test_a_follower_may_leave_and_come_back(self):
        owner = self.start("run", self.reviewed(), "--name", "m")
        self.await_gate("m", "review")
        owner.signal(signal.SIGTERM)
        owner.wait()
        self.assertEqual(self.state("m"), "HELD")
        self.assertIn("m/review", self.ok("approvals").out)
        again = self.start("run", "--resume", "m")
        wait_until(lambda: self.reeve("approve", "m/review").code == 0, what="the approval")
        self.assertEqual(again.wait().code, 0)
        self.assertIn("nothing waits", self.ok("approvals").out)


if __name__ == "__main__":
    main()
