"""The coding pipeline of examples/ai when something goes wrong: agents, tests, deadlines, other people."""

from ai import RIGHT, WRONG, AiTest
from reeve import is_alive, main


class TroubleTest(AiTest):
    def test_a_blocked_issue_is_labelled_and_explained(self):
        issue = self.forge.open_issue("do the thing")
        self.script(plan=[{"status": "blocked", "summary": "What thing?", "unresolved": ["Which thing is meant?"]}])
        mission = self.run_json(*self.issue_to_pr(issue), code=1)
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertEqual(self.task(mission, "plan")["exitCode"], 2)
        self.assertEqual(self.phases(), ["plan", "learn"])
        self.assertEqual(self.forge.pulls(), [])
        self.assertEqual(self.forge.branches(), ["main"])
        seen = self.forge.issue(issue)
        self.assertEqual(seen["labels"], ["reeve", "reeve-blocked"])
        self.assertIn("plan: Which thing is meant?", seen["comments"][-1]["body"])
        self.assertTrue(self.result_json("issue-1", "learn/learn/learning.json")["lesson"])

    def test_the_exit_code_of_the_tests_wins_over_what_the_agent_claims(self):
        issue = self.forge.open_issue("add subtracts")
        claim = {"files": WRONG, "claims": True, "summary": "All tests pass."}
        self.script_for({"implement": [claim], "fix-tests": [claim]})
        mission = self.run_json(*self.issue_to_pr(issue, fix_rounds=1), code=1)
        self.assertEqual(mission["status"]["state"], "FAILED")
        # Both are recorded: what was said, and what is so.
        outputs = self.outputs(mission)
        self.assertEqual(outputs["implement_claims_tests_pass"], "true")
        self.assertEqual(outputs["tests_exit_code"], "1")
        self.assertEqual(self.task(mission, "unit-test")["exitCode"], 3)
        self.assertEqual(self.phases(), ["plan", "implement", "fix-tests", "learn"])
        (pull,) = self.forge.pulls()
        self.assertTrue(pull["isDraft"], "what fails its tests is offered for merging")
        self.assertIn("### Unresolved", pull["body"])
        self.assertIn("the tests fail with exit code 1", pull["body"])
        self.assertIn("2 + 3 gives 6", pull["body"])
        self.assertIn("implement: it said that the tests pass, which is not so", pull["body"])

    def test_an_agent_that_hangs_ends_at_the_deadline_and_its_work_is_offered_as_unresolved(self):
        issue = self.forge.open_issue("add subtracts")
        self.script(implement=[{"files": RIGHT, "mode": "hang"}])
        mission = self.run_json(*self.issue_to_pr(issue, implement_timeout="8s"), code=1)
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertEqual(mission["status"]["errorCode"], "ERR_TASK_TIMED_OUT")
        self.assertFalse(is_alive(self.acted("implement")[0]["pid"]))
        (pull,) = self.forge.pulls()
        self.assertTrue(pull["isDraft"])
        self.assertIn("implement: ended before it answered", pull["body"])
        self.assertEqual(self.forge.file("calc.sh", pull["headRefName"]), RIGHT["calc.sh"])
        self.assertIn("calc.sh", self.result("issue-1", "implement/implement/transcript.jsonl"))

    def test_a_new_attempt_goes_on_from_the_work_of_the_last_one(self):
        issue = self.forge.open_issue("add subtracts")
        self.script(implement=[{"files": RIGHT, "mode": "crash"}, {"run": "cat calc.sh"}])
        mission = self.run_json(*self.issue_to_pr(issue, agent_retries=1))
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.task(mission, "implement")["attempts"], 2)
        (pull,) = self.forge.pulls()
        self.assertFalse(pull["isDraft"])
        self.assertEqual(self.forge.file("calc.sh", pull["headRefName"]), RIGHT["calc.sh"])

    def test_commits_of_others_on_the_branch_are_never_overwritten(self):
        issue = self.forge.open_issue("add subtracts")
        with self.forge.changing() as state:
            state["remarks"] = [["Please write a README.", "ada", "MEMBER"]]
        # While the agent addresses the comment, somebody pushes to the branch.
        push = (
            f"git -C {self.forge.repository} update-ref"
            " $(git -C {0} for-each-ref --format='%(refname)' 'refs/heads/reeve/*')"
            " $(git -C {0} commit-tree -m theirs -p $(git -C {0} for-each-ref --format='%(objectname)' 'refs/heads/reeve/*')"
            " $(git -C {0} for-each-ref --format='%(tree)' 'refs/heads/reeve/*'))"
        ).replace("{0}", str(self.forge.repository))
        identity = "GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b"
        self.script_for(
            {
                "implement": [{"files": RIGHT}],
                "address-review": [{"files": {"README": "It adds.\n"}, "run": f"export {identity}; {push}"}],
            }
        )
        mission = self.run_json(*self.issue_to_pr(issue), code=1)
        self.assertEqual(self.task(mission, "create-pr")["state"], "FAILED")
        (pull,) = self.forge.pulls()
        self.assertEqual(self.forge.git("log", "-1", "--format=%s", pull["headRefName"]).strip(), "theirs")


if __name__ == "__main__":
    main()
