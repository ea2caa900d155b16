"""What a new user is told: the first steps as they are written, and the mistakes that people make.

Each mistake is a change to the pipeline of docs/start, or a command; mistakes.py has the tables.
"""

import re

from mistakes import COMMANDS, DOUBTFUL, FAILING, FORMICARY, PIPELINE, REFUSED, START, document_of
from reeve import ReeveTest, main

RULES = START.parents[1] / "errors" / "rules.md"
CODES = START.parents[1] / "errors" / "README.md"


class FirstStepsTest(ReeveTest):
    """docs/start, as it is written."""

    def test_the_first_workflow_greets_and_remembers(self):
        self.write("hello.yaml", document_of("hello.yaml"))
        self.assertIn("0 errors, 0 warnings", self.ok("lint", "hello.yaml").out)
        self.ok("run", "hello.yaml", "-p", "who=Ada", "--name", "m")
        self.assertEqual(self.ok("artifacts", "get", "m", "remember").out, "Ada\n")

    def test_the_pipeline_of_five_tasks_makes_the_page(self):
        self.write("site.yaml", PIPELINE)
        self.assertIn("0 errors, 0 warnings", self.ok("lint", "--strict", "site.yaml").out)
        self.ok("graph", "site.yaml")
        self.ok("run", "site.yaml", "--name", "my-site", "-p", "title=Hello")
        self.assertEqual(len(self.mission("my-site")["status"]["tasks"]), 5)
        page = self.ok("artifacts", "get", "my-site", "publish").out
        self.assertEqual(page, "<h1>Hello</h1>\n<p>one</p>\n<p>two</p>\n")

    def test_the_mistake_in_the_text_is_told_as_shown(self):
        self.write("site.yaml", PIPELINE.replace("timeout: 1m", "timout: 1m", 1))
        shown = re.search(r"```text\n(site\.yaml:.*?)```", START.read_text(encoding="utf-8"), re.DOTALL)
        self.assertEqual(self.reeve("lint", "site.yaml").err, shown.group(1))


class MistakesTest(ReeveTest):
    def test_there_are_thirty_and_each_says_what_to_do(self):
        mistakes = REFUSED + DOUBTFUL
        self.assertGreaterEqual(len(mistakes), 30)
        self.assertEqual(len(set(mistakes)), len(mistakes))
        rules = set(re.findall(r"^### `([a-z-]+)`$", RULES.read_text(encoding="utf-8"), re.MULTILINE))
        for mistake in mistakes:
            with self.subTest(mistake.message):
                self.assertTrue(mistake.fix)
                self.assertIn(mistake.rule, rules, "nothing to look up")

    def test_what_is_wrong_is_refused_with_place_rule_and_fix(self):
        for mistake in REFUSED:
            with self.subTest(mistake.message):
                self.write("site.yaml", mistake.document())
                found = mistake.found("error")
                result = self.reeve("run", "site.yaml")
                self.assertEqual(result.code, 3, str(result))
                self.assertEqual(result.err, f"{found} ({mistake.fix}) [{mistake.rule}]\n")
                self.assertEqual(result.out, "")
                result = self.reeve("lint", "site.yaml")
                self.assertEqual(result.code, 1, str(result))
                lines = result.err.splitlines()
                self.assertEqual(lines[0], f"{found} [{mistake.rule}]")
                self.assertEqual(lines[-1], f"  fix: {mistake.fix}")
        self.assertFalse(self.data.exists(), "a refused document left something behind")

    def test_what_is_doubtful_is_found_by_lint(self):
        for mistake in DOUBTFUL:
            with self.subTest(mistake.message):
                self.write("site.yaml", mistake.document())
                result = self.reeve("lint", "--strict", "site.yaml")
                self.assertEqual(result.code, 1, str(result))
                lines = result.err.splitlines()
                self.assertEqual(lines[0], f"{mistake.found('warning')} [{mistake.rule}]")
                self.assertEqual(lines[-1], f"  fix: {mistake.fix}")

    def test_a_native_key_in_a_formicary_job_is_named(self):
        self.write("job.yaml", FORMICARY)
        result = self.reeve("run", "--local", "job.yaml")
        self.assertEqual(result.code, 3, str(result))
        self.assertEqual(
            result.err,
            'job.yaml:6:5: warning: tasks[0].onCompleted: unknown field "onCompleted" is ignored '
            '(did you mean "on_completed"?) [unknown-field]\n'
            "job.yaml:7:16: error: tasks.test: task test is not reachable (let a route lead to it: only "
            "the first task that no route leads to starts by itself) [unreachable]\n",
        )

    def test_a_command_that_is_wrong_is_answered_with_the_right_one(self):
        self.write("site.yaml", PIPELINE)
        needed = "{required: true, description: the headline}"
        self.write("required.yaml", PIPELINE.replace("{default: My pages}", needed))
        self.ok("run", "site.yaml", "--name", "first")
        codes = set(re.findall(r"^\| \[([a-z_]+)\]", CODES.read_text(encoding="utf-8"), re.MULTILINE))
        for arguments, code, says in COMMANDS:
            with self.subTest(arguments):
                result = self.reeve(*arguments)
                self.assertEqual(result.code, code, str(result))
                self.assertEqual(result.err, says.replace("DATA", str(self.data)) + "\n")
                if code != 2:
                    self.assertRegex(says, r" \(.+\) \[[a-z_]+\]$")
                    self.assertIn(says[says.rindex("[") + 1 : -1], codes, "nothing to look up")

    def test_what_only_the_run_can_know_is_said_by_the_mission(self):
        for text, says in FAILING:
            with self.subTest(says):
                self.write("site.yaml", PIPELINE.replace("{{ .title }}", text))
                result = self.reeve("run", "site.yaml")
                self.assertEqual(result.code, 1, str(result))
                self.assertIn(says, result.out + result.err)


if __name__ == "__main__":
    main()
