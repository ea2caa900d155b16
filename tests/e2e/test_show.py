"""status, logs, events, lint, graph, doctor, version and help."""

import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree

from reeve import PROGRAM, ReeveTest, gate, main, wait_until

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"


class StatusTest(ReeveTest):
    def setUp(self):
        super().setUp()
        document = self.workflow("- {name: a, script: exit $code}", spec='params: {code: "0"}')
        for name, code in (("one", 0), ("two", 3), ("three", 0)):
            self.reeve("run", document, "--name", name, "-p", f"code={code}")

    def test_the_list_is_newest_first_in_every_form(self):
        text = self.ok("status").out.splitlines()
        self.assertEqual([line.split()[0] for line in text], ["NAME", "three", "two", "one"])
        self.assertIn("FAILED", text[2])
        wide = self.ok("status", "-o", "wide").out
        uid = self.mission("one")["metadata"]["uid"]
        self.assertIn(uid, wide)
        self.assertNotIn(uid, "\n".join(text))
        self.assertEqual(
            self.ok("status", "-o", "name").out, "mission/three\nmission/two\nmission/one\n"
        )
        listed = self.ok("status", "-o", "json").json()
        self.assertEqual(listed["kind"], "MissionList")
        self.assertEqual(
            [item["metadata"]["name"] for item in listed["items"]], ["three", "two", "one"]
        )
        self.assertEqual(listed["items"][2], self.mission("one"))

    def test_pages_follow_each_other_without_gap_or_repetition(self):
        names = []
        more = []
        for _ in range(4):
            page = self.ok("status", "-o", "json", "--limit", "1", *more).json()
            names += [item["metadata"]["name"] for item in page["items"]]
            if "continue" not in page["metadata"]:
                break
            more = ["--continue", page["metadata"]["continue"]]
        self.assertEqual(names, ["three", "two", "one"])
        self.assertIn("--continue", self.ok("status", "--limit", "2").out)
        self.assertNotIn("--continue", self.ok("status", "--limit", "5").out)

    def test_one_mission_in_every_form(self):
        self.assertIn("exit code 3", self.ok("status", "two").out)
        self.assertIn("mission two FAILED", self.ok("status", "two", "-o", "wide").out)
        self.assertEqual(self.ok("status", "two", "-o", "name").out, "mission/two\n")
        task = self.ok("status", "two", "-o", "json").json()["status"]["tasks"][0]
        self.assertEqual(
            {key: task[key] for key in ("name", "state", "attempts", "exitCode", "outputs", "artifacts")},
            {"name": "a", "state": "FAILED", "attempts": 1, "exitCode": 3, "outputs": {}, "artifacts": []},
        )

    def test_bad_page_arguments_are_usage_errors(self):
        self.refused(2, "status", "--limit", "0")
        self.refused(2, "status", "--continue", "x")
        self.refused(2, "status", "one", "two")


class LogsTest(ReeveTest):
    def test_logs_of_all_tasks_or_one_in_order_of_time(self):
        document = self.workflow(
            """
            - {name: a, script: 'echo 1; echo 2 >&2; echo 3', retry: {max: 1}, onCompleted: b}
            - {name: b, script: 'printf "no newline at the end"'}
            """
        )
        self.ok("run", document, "--name", "m")
        # Two streams have no common order within one read.
        self.assertEqual(sorted(self.ok("logs", "m", "a").out.split()), ["1", "2", "3"])
        self.assertEqual(self.ok("logs", "m", "b").out, "no newline at the end")
        both = self.ok("logs", "m").out
        self.assertLess(both.index("==> a (run 1.1) <=="), both.index("==> b (run 1.1) <=="))

    def test_each_line_has_its_time_when_asked(self):
        self.ok("run", self.workflow("- {name: a, script: 'seq 200'}"), "--name", "m")
        lines = self.ok("logs", "m", "a", "--timestamps").out.splitlines()
        self.assertEqual(len(lines), 200)
        for number, line in enumerate(lines, start=1):
            self.assertRegex(line, rf"^\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {number}$")

    def test_every_attempt_has_its_log(self):
        document = self.workflow(
            """
            - {name: a, retry: {max: 2, delay: 10ms}, script: 'echo "attempt $REEVE_ATTEMPT"; exit 1'}
            """
        )
        self.reeve("run", document, "--name", "m")
        self.assertEqual(self.ok("logs", "m", "a").out, "attempt 1\nattempt 2\nattempt 3\n")

    def test_following_ends_with_the_mission_and_misses_nothing(self):
        document = self.workflow(
            f"""
            - name: a
              script: |
                seq 1000
                {gate("go")}
                seq 1001 2000
              onCompleted: b
            - {{name: b, script: seq 2001 3000}}
            """
        )
        run = self.start("run", document, "--name", "m")
        self.await_state("m", "ACTIVE")
        all_logs = self.start("logs", "m", "--follow")
        one_log = self.start("logs", "m", "b", "-f")
        wait_until(lambda: "\n1000\n" in all_logs.out(), what="the first half of the log")
        self.assertTrue(all_logs.running())
        self.touch("go")
        numbers = [line for line in all_logs.wait().out.splitlines() if line.isdigit()]
        self.assertEqual(numbers, [str(number) for number in range(1, 3001)])
        self.assertEqual(len(one_log.wait().out.splitlines()), 1000)
        self.assertEqual(run.wait().code, 0)


    def test_following_ends_when_nobody_reads_any_more(self):
        document = self.workflow("- {name: a, script: exit 1, compensate: {script: exit 1}, allowFailure: true}\n"
                                 "- {name: ask, needs: [a], gate: {prompt: well}}")
        self.start("run", document, "--name", "m")
        self.await_state("m", "HELD")
        for follow in (["logs", "m", "-f"], ["events", "m", "-f"], ["run", "--resume", "m"]):
            with self.subTest(follow):
                reading, writing = os.pipe()
                with subprocess.Popen(
                    [PROGRAM, *follow], stdout=writing, stderr=subprocess.DEVNULL, env=self.environment()
                ) as command:
                    os.close(writing)
                    os.close(reading)
                    self.assertIn(command.wait(timeout=60), (0, 1))
        self.assertEqual(self.state("m"), "HELD")
        self.ok("abort", "m")


class EventsTest(ReeveTest):
    def test_events_are_in_order_and_tell_every_transition(self):
        document = self.workflow("- {name: a, script: 'true'}")
        self.ok("run", document, "--name", "m")
        events = self.events("m")
        revisions = [event["revision"] for event in events]
        self.assertEqual(revisions, sorted(set(revisions)))
        times = [event["at"] for event in events]
        self.assertEqual(times, sorted(times))
        moves = [
            (event["data"]["from"], event["data"]["to"])
            for event in events
            if event["type"] == "mission.transitioned"
        ]
        self.assertEqual(
            moves,
            [("PREP", "QUEUED"), ("QUEUED", "LAUNCHING"), ("LAUNCHING", "ACTIVE"), ("ACTIVE", "COMPLETE")],
        )
        for event in events:
            self.assertTrue(event["actor"])
            if event["type"] == "mission.transitioned":
                self.assertTrue(event["data"]["reason"])
        text = self.ok("events", "m").out.splitlines()
        self.assertEqual(len(text), len(events))
        later = self.events("m", "--after", str(revisions[4]))
        self.assertEqual([event["revision"] for event in later], revisions[5:])

    def test_following_ends_with_the_last_event(self):
        document = self.workflow(f"- {{name: a, script: '{gate('go')}'}}")
        run = self.start("run", document, "--name", "m")
        self.await_state("m", "ACTIVE")
        follow = self.start("events", "m", "--follow", "-o", "json")
        wait_until(lambda: "run.active" in follow.out(), what="the first events")
        self.touch("go")
        lines = follow.wait().json_lines()
        self.assertEqual(lines[-1]["data"].get("to"), "COMPLETE")
        self.assertEqual(lines, self.events("m"))
        self.assertEqual(run.wait().code, 0)


class DocumentTest(ReeveTest):
    GOOD = """
    - {name: build, script: make, onCompleted: test, onFailed: diagnose}
    - {name: test, script: make check, onExitCode: {"3": diagnose}}
    - {name: diagnose, script: 'true'}
    """

    def test_lint_accepts_a_sound_document(self):
        result = self.ok("lint", self.workflow(self.GOOD))
        self.assertIn("0 errors", result.out)
        self.assertTrue(self.ok("lint", self.workflow(self.GOOD), "-o", "json").json()["ok"])

    def test_lint_lists_every_problem_with_line_and_fix(self):
        path = self.workflow(
            """
            - {name: build, scrip: make, onCompleted: tset}
            - {name: test, script: make, timeout: soon}
            - {name: test, script: make}
            """
        )
        result = self.refused(1, "lint", path, says=[f"{path}:6:", f"{path}:7:", f"{path}:8:"])
        self.assertIn("script", result.err)
        report = self.reeve("lint", path, "-o", "json").json()
        self.assertFalse(report["ok"])
        self.assertGreaterEqual(len(report["problems"]), 4)
        for problem in report["problems"]:
            self.assertEqual(problem["file"], str(path))
            self.assertGreaterEqual(problem["line"], 6)
            self.assertTrue(problem["message"])
            self.assertTrue(problem["rule"])

    def test_lint_warns_where_outside_text_becomes_a_command(self):
        path = self.workflow("- {name: a, script: 'git checkout {{ .branch }}'}", spec="params: {branch: main}")
        self.assertIn("warning", self.ok("lint", path).err)

    def test_a_workflow_with_errors_is_not_run(self):
        path = self.workflow("- {name: a, script: 'true', onCompleted: nowhere}")
        self.refused(3, "run", path, says=["nowhere", f"{path}:6:"])
        self.refused(3, "graph", path, says="nowhere")

    def test_circular_needs_are_refused(self):
        path = self.workflow(
            """
            - {name: a, needs: [b], script: 'true'}
            - {name: b, needs: [a], script: 'true'}
            """
        )
        self.refused(3, "run", path, says="a")

    def test_the_graph_in_every_form(self):
        path = self.workflow(self.GOOD)
        text = self.ok("graph", path).out
        for name in ("build", "test", "diagnose", "3"):
            self.assertIn(name, text)
        mermaid = self.ok("graph", path, "--format", "mermaid").out
        self.assertTrue(mermaid.startswith("flowchart"))
        svg = self.ok("graph", path, "--format", "svg").out
        root = xml.etree.ElementTree.fromstring(svg)
        self.assertTrue(root.tag.endswith("svg"))
        self.assertIn("diagnose", "".join(root.itertext()))
        self.refused(2, "graph", path, "--format", "png")

    def test_what_is_not_supported_yet_is_refused_by_name_and_line(self):
        path = self.workflow("- {name: a, method: TOOL}")
        result = self.refused(3, "run", path, says=["not supported yet: method TOOL", f"{path}:6:"])
        self.assertEqual(result.out, "")


class ToolsTest(ReeveTest):
    def commands(self):
        """All of them, as the overview lists them."""
        listed = self.ok("--help").out.split("Subcommands:\n")[1]
        return re.findall(r"^  ([a-z-]+) ", listed, re.MULTILINE)

    def test_every_command_explains_itself_with_an_example(self):
        commands = self.commands()
        self.assertIn("run", commands)
        self.assertGreater(len(commands), 30)
        for command in commands:
            with self.subTest(command):
                self.assertRegex(self.ok(command, "--help").out, rf"Example:\n  .*\breeve {command}\b")
        self.assertIn("Example:\n  reeve audit verify", self.ok("audit", "verify", "--help").out)
        self.assertIn("Exit codes", self.ok("--help").out)

    def test_the_first_page_names_every_command(self):
        row, = re.findall(r"^\| `(up down [a-z -]+)`", README.read_text(encoding="utf-8"), re.MULTILINE)
        self.assertEqual(sorted(row.split()), sorted(self.commands()))

    def test_the_version_is_the_same_everywhere(self):
        self.assertRegex(self.ok("version").out, r"^reeve \d+\.\d+\.\d+\n$")
        self.assertEqual(self.ok("--version").out, self.ok("version").out)

    def test_an_unknown_command_is_named(self):
        self.refused(2, "frobnicate", says="frobnicate")

    def test_doctor_tells_what_works_and_changes_nothing(self):
        text = self.ok("doctor").out
        for name in ("kernel", "cgroup", "data-dir", "sh:"):
            self.assertIn(name, text)
        findings = self.ok("doctor", "-o", "json").json()["findings"]
        for finding in findings:
            self.assertIn(finding["status"], ("ok", "limited", "missing"))
            if finding["status"] != "ok":
                self.assertTrue(finding["consequence"], finding)
        self.assertFalse(self.data.exists(), "doctor made the data directory")


if __name__ == "__main__":
    main()
