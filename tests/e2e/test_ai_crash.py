"""The coding pipeline of examples/ai when programs are killed, or people stop it, in the middle of the work."""

import os
import signal

from ai import RIGHT, WRONG, AiTest
from reeve import is_alive, main, wait_until


class CrashTest(AiTest):
    def await_agent(self, phase):
        """Process id of the agent that carries out a phase, as soon as it has begun to work."""
        return wait_until(lambda: self.acted(phase), what=f"an agent for {phase}")[-1]["pid"]

    def test_kill_9_of_reeve_in_the_middle_of_the_work_loses_none_of_it(self):
        issue = self.forge.open_issue("add subtracts")
        self.script(implement=[{"files": RIGHT, "wait_for": str(self.dir / "go")}])
        command = self.start("run", *self.issue_to_pr(issue))
        agent = self.await_agent("implement")
        command.kill()
        self.assertTrue(is_alive(agent))
        resumed = self.start("run", "--resume", "issue-1", "-o", "json")
        self.touch("go")
        result = resumed.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(self.phases(), ["plan", "implement", "self-verify", "learn"])
        self.assertEqual({task["attempts"] for task in self.mission("issue-1")["status"]["tasks"]} - {0}, {1})
        (pull,) = self.forge.pulls()
        self.assertEqual(self.forge.file("calc.sh", pull["headRefName"]), RIGHT["calc.sh"])
        self.audit()

    def test_kill_9_of_the_supervisor_starts_the_phase_again(self):
        issue = self.forge.open_issue("add subtracts")
        go = str(self.dir / "go")
        self.script(implement=[{"files": WRONG, "wait_for": go}, {"files": RIGHT, "wait_for": go}])
        command = self.start("run", *self.issue_to_pr(issue))
        agent = self.await_agent("implement")
        (shim,) = self.shims()
        os.kill(shim, signal.SIGKILL)
        wait_until(lambda: len(self.acted("implement")) == 2, what="a second agent")
        self.assertFalse(is_alive(agent), "two agents at work on one phase")
        self.touch("go")
        self.assertEqual(command.wait().code, 0)
        self.assertEqual(self.task("issue-1", "implement")["attempts"], 2)
        (pull,) = self.forge.pulls()
        self.assertEqual(self.forge.file("calc.sh", pull["headRefName"]), RIGHT["calc.sh"])

    def test_an_abort_ends_the_agent_and_frees_the_issue(self):
        issue = self.forge.open_issue("add subtracts")
        self.script(implement=[{"mode": "hang"}])
        command = self.start("run", *self.issue_to_pr(issue))
        agent = self.await_agent("implement")
        self.assertIn("reeve-working", self.forge.issue(issue)["labels"])
        command.signal(signal.SIGINT)
        wait_until(lambda: "Ctrl-C" in command.err() or "again" in command.err(), what="the question")
        command.signal(signal.SIGINT)
        self.assertEqual(command.wait().code, 1)
        self.assertEqual(self.state("issue-1"), "ABORTED")
        wait_until(lambda: not is_alive(agent), what="the end of the agent")
        self.assertEqual(self.forge.issue(issue)["labels"], ["reeve"])


if __name__ == "__main__":
    main()
