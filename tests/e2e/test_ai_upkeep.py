"""What surrounds the coding pipeline of examples/ai: picking issues, tidying up, people who decide."""

from ai import EXAMPLES, PROJECT, RIGHT, WRONG, AiTest
from forge import REPOSITORY, days_ago
from reeve import main, wait_until


class PickerTest(AiTest):
    """issue-picker.yaml, and missions of several issues at the same time."""

    def start_up(self):
        self.up()
        self.ok("apply", EXAMPLES / "issue-to-pr.yaml")

    def pick(self, name):
        words = ["--name", name, "-p", f"repo={REPOSITORY}", "-p", "test_command=sh test.sh"]
        return self.run_json(EXAMPLES / "issue-picker.yaml", *words)

    def pipelines(self):
        """The missions that work on issues, by issue."""
        found = {}
        for item in self.ok("status", "-o", "json", "--limit", "100").json()["items"]:
            if item["spec"]["workflow"]["name"] == "issue-to-pr":
                found.setdefault(item["spec"]["params"]["issue"], []).append(item["metadata"]["name"])
        return found

    def test_each_issue_is_taken_once_and_worked_on_in_a_place_of_its_own(self):
        first, second = (self.forge.open_issue(title) for title in ("one", "two"))
        self.forge.open_issue("no label", labels=("bug",))
        self.forge.open_issue("taken", labels=("reeve", "reeve-pr"))
        # Both agents have written their file before either goes on.
        go = str(self.dir / "go")
        both = {
            f"{issue}/implement": [{"files": {**RIGHT, "who.txt": f"{issue}\n"}, "wait_for": go, "run": "cat who.txt"}]
            for issue in (first, second)
        }
        self.script_for(both)
        self.start_up()
        picked = self.pick("p1")
        self.assertEqual(picked["status"]["state"], "COMPLETE")
        self.assertIn('"status":"STARTED"', self.task(picked, "submit")["outputs"]["submit-results"])
        wait_until(lambda: len(self.acted("implement")) == 2, what="two agents at work")

        # They are live: the next look at the forge makes no second mission of an issue.
        with self.forge.changing() as state:
            for issue in (first, second):
                state["issues"][str(issue)]["labels"].remove("reeve-working")
        self.pick("p2")
        pipelines = self.pipelines()
        self.assertEqual({issue: len(names) for issue, names in pipelines.items()}, {str(first): 1, str(second): 1})

        self.touch("go")
        for (name,) in pipelines.values():
            self.await_state(name, "COMPLETE", "FAILED")
            self.assertEqual(self.state(name), "COMPLETE")
        directories = {call["directory"] for call in self.acted("implement")}
        self.assertEqual(len(directories), 2)
        for pull in self.forge.pulls():
            issue = pull["headRefName"].removeprefix("reeve/").split("-")[0]
            self.assertEqual(self.forge.file("who.txt", pull["headRefName"]), f"{issue}\n")
        self.assertEqual(len(self.forge.pulls()), 2)

        # They have labels now: there is nothing left to take.
        self.assertEqual(self.task(self.pick("p3"), "list")["outputs"]["issues"], "[]")
        self.ok("down")
        self.audit()

    def test_no_more_issues_are_taken_than_may_be_in_work(self):
        self.forge.open_issue("in work", labels=("reeve", "reeve-working"))
        waiting = [self.forge.open_issue(f"issue {i}") for i in range(4)]
        # Nothing is deployed that could be submitted.
        words = ["-p", f"repo={REPOSITORY}", "-p", "max_live=3"]
        mission = self.run_json(EXAMPLES / "issue-picker.yaml", *words, code=1)
        self.assertEqual(self.task(mission, "list")["outputs"]["issues"], str(waiting[:2]))
        self.assertIn("issue-to-pr", self.task(mission, "submit")["message"])

    def test_it_rests_while_enough_missions_wait(self):
        self.start_up()
        issue = self.forge.open_issue("one")
        words = ["-p", f"repo={REPOSITORY}", "-p", "issue=99", "--at", "2100-01-01T00:00:00.000Z"]
        self.ok("submit", "issue-to-pr", "--name", "waiting", *words)
        picker = [EXAMPLES / "issue-picker.yaml", "-p", f"repo={REPOSITORY}"]
        mission = self.run_json(*picker, "-p", "max_pending=1", code=1)
        self.assertEqual(mission["status"]["errorCode"], "ERR_FILTERED_JOB")
        mission = self.run_json(*picker, "-p", "max_pending=2", "-p", "max_live=0")
        self.assertEqual(self.task(mission, "list")["outputs"]["issues"], "[]", issue)
        self.ok("abort", "waiting")
        self.ok("down")


class CleanupTest(AiTest):
    def cleanup(self, **params):
        words = [EXAMPLES / "cleanup.yaml", "-p", f"repo={REPOSITORY}", "-p", "retry_delay=10ms"]
        for name, value in params.items():
            words += ["-p", f"{name}={value}"]
        return self.run_json(*words)

    def test_what_is_over_or_abandoned_is_removed_and_nothing_else(self):
        forge = self.forge
        merged = forge.pull_from("reeve/1-1")
        forge.merge_pull(merged)
        closed = forge.pull_from("reeve/2-1")
        kept_open = forge.pull_from("reeve/3-1", days_old=30)
        fresh_draft = forge.pull_from("reeve/4-1", draft=True)
        stale_draft = forge.pull_from("reeve/5-1", draft=True, days_old=30)
        of_a_person = forge.pull_from("ada/feature", draft=True, days_old=300)
        orphan = forge.pull_from("reeve/6-1", days_old=30)
        working = forge.open_issue("forgotten", labels=("reeve", "reeve-working"))
        busy = forge.open_issue("in work", labels=("reeve", "reeve-working"))
        done = forge.open_issue("done", labels=("reeve", "reeve-pr", "bug"))
        with forge.changing() as state:
            state["pulls"][str(closed)]["state"] = "CLOSED"
            del state["pulls"][str(orphan)]
            state["issues"][str(working)]["updatedAt"] = days_ago(30)
            state["issues"][str(done)]["state"] = "CLOSED"
        before = forge.branches()

        self.assertEqual(self.cleanup(dry_run="true")["status"]["state"], "COMPLETE")
        self.assertEqual(forge.branches(), before)

        # The first attempt fails half way; the second one does the rest.
        forge.fail("api --method DELETE", "network")
        mission = self.cleanup()
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.task(mission, "carry-out")["attempts"], 2)
        self.assertEqual(forge.branches(), ["ada/feature", "main", "reeve/3-1", "reeve/4-1"])
        self.assertEqual(forge.pull(stale_draft)["state"], "CLOSED")
        self.assertEqual(len(forge.pull(stale_draft)["comments"]), 1)
        for number in (kept_open, fresh_draft, of_a_person):
            self.assertEqual(forge.pull(number)["state"], "OPEN")
        self.assertEqual(forge.issue(working)["labels"], ["reeve"])
        self.assertEqual(forge.issue(busy)["labels"], ["reeve", "reeve-working"])
        self.assertEqual(forge.issue(done)["labels"], ["reeve", "bug"])

        self.assertEqual(self.task(self.cleanup(), "survey")["outputs"]["actions"], "0")


class QuickTest(AiTest):
    """three-phase-quick.yaml: no gates, but only for what is simple."""

    def setUp(self):
        super().setUp()
        self.tree = self.forge.directory / "seed"

    def quick(self, *more, code=0):
        document = EXAMPLES / "three-phase-quick.yaml"
        words = ["-p", "goal=add adds", "-p", f"tree={self.tree}", "-p", "checks=sh test.sh"]
        return self.run_json(document, "--name", "q", *words, *more, code=code)

    def test_a_simple_change_is_made_and_checked(self):
        self.script_for({"validate-simplicity": [{"summary": "One line.\nSIMPLE"}], "implement": [{"files": RIGHT}]})
        self.assertEqual(self.quick()["status"]["state"], "COMPLETE")
        self.assertIn("+add() { echo $(($1 + $2)); }", self.result("q", "implement/implement/changes.diff"))
        self.assertEqual((self.tree / "calc.sh").read_text(), PROJECT["calc.sh"], "the tree itself was changed")

    def test_what_is_not_simple_is_refused(self):
        self.script_for({"validate-simplicity": [{"summary": "It is not SIMPLE"}]})
        mission = self.quick(code=1)
        self.assertEqual(self.task(mission, "validate-simplicity")["exitCode"], 3)
        self.assertEqual(self.phases(), ["validate-simplicity"])

    def test_the_checks_decide_whatever_the_author_says(self):
        self.script_for({"validate-simplicity": [{"summary": "SIMPLE"}], "implement": [{"files": WRONG, "summary": "It passes."}]})
        mission = self.quick(code=1)
        self.assertEqual(self.task(mission, "validate")["state"], "FAILED")


class FormicaryTest(AiTest):
    """The same as Formicary job definitions."""

    def issue(self, number, code=0):
        document = EXAMPLES / "formicary" / "issue.yaml"
        words = ["-p", f"IssueNumber={number}", "-p", "TestCommand=sh test.sh", "-p", "PollInterval=50ms"]
        return self.run_json(document, "--name", "f", *words, code=code)

    def test_a_job_waits_for_the_checks_and_completes(self):
        with self.forge.changing() as state:
            state["ci"] = [[[{"name": "build", "state": "PENDING"}], [{"name": "build", "state": "SUCCESS"}]]]
        mission = self.issue(self.forge.open_issue("add subtracts"))
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.task(mission, "poll-pr")["attempts"], 2)
        self.assertEqual(self.task(mission, "tidy")["state"], "COMPLETE")
        (pull,) = self.forge.pulls()
        self.assertEqual(self.forge.file("calc.sh", pull["headRefName"]), RIGHT["calc.sh"])

    def test_a_job_pauses_for_a_review_and_goes_on(self):
        with self.forge.changing() as state:
            state["review"] = "REVIEW_REQUIRED"
        issue = self.forge.open_issue("add subtracts")
        words = ["-p", f"IssueNumber={issue}", "-p", "TestCommand=sh test.sh"]
        command = self.start("run", EXAMPLES / "formicary" / "issue.yaml", "--name", "f", *words)
        self.await_state("f", "HELD")
        self.assertEqual(self.task("f", "poll-pr")["exitCode"], 3)
        with self.forge.changing() as state:
            for pull in state["pulls"].values():
                pull["reviewDecision"] = "APPROVED"
        self.reeve("release", "f")
        result = command.wait()
        self.assertEqual(result.code, 0, str(result))

    def test_a_picker_submits_a_job_for_each_issue_once(self):
        first, second = (self.forge.open_issue(title) for title in ("one", "two"))
        go = str(self.dir / "go")
        self.script(implement=[{"files": RIGHT, "wait_for": go}])
        self.up()
        self.ok("apply", EXAMPLES / "formicary" / "issue.yaml")
        picker = EXAMPLES / "formicary" / "issue-picker.yaml"
        self.assertEqual(self.run_json(picker, "--name", "p1")["status"]["state"], "COMPLETE")
        wait_until(lambda: len(self.acted("implement")) == 2, what="two agents at work")
        self.assertEqual({call["issue"] for call in self.acted()}, {str(first), str(second)})
        # The jobs are live: their user keys keep a second look from making more of them.
        self.assertEqual(self.run_json(picker, "--name", "p2")["status"]["state"], "COMPLETE")
        self.touch("go")
        wait_until(lambda: len(self.forge.pulls()) == 2, what="two pull requests")
        self.assertEqual(len(self.acted("implement")), 2)
        self.ok("down")
        self.audit()

    def test_failed_tests_label_the_issue_and_fail_the_job(self):
        self.script(implement=[{"files": WRONG}])
        issue = self.forge.open_issue("add subtracts")
        mission = self.issue(issue, code=1)
        self.assertEqual(self.task(mission, "unit-test")["exitCode"], 3)
        self.assertEqual(self.task(mission, "tidy")["state"], "COMPLETE")
        self.assertEqual(self.forge.issue(issue)["labels"], ["reeve", "reeve-blocked"])
        self.assertEqual(self.forge.pulls(), [])


if __name__ == "__main__":
    main()
