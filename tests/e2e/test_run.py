"""reeve run, retry, abort, release: what a user sees of a mission from its start to its end."""

import os
import pty
import select
import signal
import subprocess
import time

from reeve import PATIENCE_SECONDS, PROGRAM, ReeveTest, gate, main, wait_until

HELLO = """
- name: greet
  environment: {WHO: "{{ .who }}"}
  script: |
    echo "hello, $WHO"
    echo "to the other stream" >&2
    echo "::set-output name=greeted::$WHO"
    printf 'notes<<END\\none\\ntwo\\nEND\\n' >>"$REEVE_OUTPUT"
  onCompleted: remember
- name: remember
  environment: {GREETED: "{{ .greeted }}"}
  script: |
    mkdir -p dist/deep
    echo "$GREETED" > dist/deep/greeted.txt
    printf '%s' "$notes" > notes.txt
  artifacts: {paths: ["dist/**", notes.txt]}
"""
PARAMS = "params: {who: {default: world}}"


class RunTest(ReeveTest):
    def hello(self):
        return self.workflow(HELLO, name="hello", spec=PARAMS)

    def test_a_mission_completes_with_outputs_and_artifacts(self):
        result = self.ok("run", self.hello(), "-p", "who=Ada")
        self.assertIn("greet | hello, Ada", result.out)
        self.assertIn("greet | to the other stream", result.out)
        name = result.out.splitlines()[0].split()[1]
        self.assertIn(f"mission {name} COMPLETE", result.out)
        mission = self.mission(name)
        self.assertEqual(mission["kind"], "Mission")
        self.assertEqual(mission["metadata"]["name"], name)
        self.assertEqual(self.task_states(mission), {"greet": "COMPLETE", "remember": "COMPLETE"})
        greet = self.task(mission, "greet")
        self.assertEqual((greet["attempts"], greet["exitCode"]), (1, 0))
        self.assertEqual(greet["outputs"], {"greeted": "Ada", "notes": "one\ntwo"})
        artifacts = self.task(mission, "remember")["artifacts"]
        self.assertEqual(
            sorted(artifact["path"] for artifact in artifacts),
            ["dist/deep/greeted.txt", "notes.txt"],
        )
        results = self.data / "missions" / name / "results" / "remember"
        self.assertEqual((results / "dist/deep/greeted.txt").read_text(), "Ada\n")
        self.assertEqual((results / "notes.txt").read_text(), "one\ntwo")
        for artifact in artifacts:
            digest = artifact["digest"]
            self.assertTrue((self.data / "blobs" / digest[:2] / digest).exists())
        self.audit()

    def test_the_mirror_on_disk_says_what_status_says(self):
        mission = self.run_json(self.hello())
        name = mission["metadata"]["name"]
        state = self.data / "missions" / name / "state.json"
        self.assertIn('"COMPLETE"', state.read_text())
        self.assertIn("greet", (state.parent / "context.md").read_text())

    def test_json_output_is_one_object_per_line_and_ends_with_the_mission(self):
        result = self.ok("run", self.hello(), "-o", "json")
        lines = result.json_lines()
        self.assertEqual(lines[0]["type"], "mission.created")
        self.assertEqual(lines[-1]["kind"], "Mission")
        self.assertEqual(lines[-1], self.mission(lines[-1]["metadata"]["name"]))
        revisions = [line["revision"] for line in lines[:-1]]
        self.assertEqual(revisions, list(range(revisions[0], revisions[0] + len(revisions))))

    def test_a_failed_mission_exits_with_1_and_says_how_to_go_on(self):
        document = self.workflow("- {name: a, script: exit 7}")
        result = self.reeve("run", document, "--name", "bad")
        self.assertEqual(result.code, 1, str(result))
        self.assertIn("exit code 7", result.out)
        self.assertIn("reeve retry bad", result.out)
        task = self.task("bad", "a")
        self.assertEqual((task["state"], task["exitCode"]), ("FAILED", 7))
        self.assertEqual(self.run_json(document, code=1)["status"]["state"], "FAILED")

    def test_a_killed_script_has_the_exit_code_of_its_signal(self):
        mission = self.run_json(self.workflow("- {name: a, script: kill -9 $$}"), code=1)
        self.assertEqual(self.task(mission, "a")["exitCode"], 137)

    def test_usage_errors_exit_with_2(self):
        document = self.hello()
        self.refused(2, "run", says="WORKFLOW or --resume")
        self.refused(2, "run", document, "--resume", "x", says="WORKFLOW or --resume")
        self.refused(2, "run", document, "-p", "who=1", "-p", "who=2", says="given twice")
        self.refused(2, "run", document, "-p", "who", says="key=value")
        self.refused(2, "run", document, "--frobnicate")
        self.refused(2, "run", document, "-o", "yaml")
        self.refused(2, "frobnicate")
        self.refused(2)
        self.refused(2, "run", document, "--", "command", says="reeve lock")
        self.assertFalse(self.data.exists(), "a usage error left something behind")

    def test_what_is_refused_exits_with_3_and_what_is_missing_with_4(self):
        document = self.hello()
        self.ok("run", document, "--name", "one")
        self.refused(3, "run", document, "-p", "whom=Ada", says='"whom"')
        self.refused(3, "run", document, "--name", "one", says="exists already")
        self.refused(3, "run", document, "--name", "a/b", says="not a valid mission name")
        self.refused(3, "retry", "one", says="COMPLETE")
        self.refused(3, "abort", "one", says="already ended")
        self.refused(3, "release", "one", says="already ended")
        self.refused(4, "run", "nofile.yaml", says="nofile.yaml")
        self.refused(4, "run", "--resume", "none", says="none")
        for command in ("status", "logs", "events", "retry", "abort", "release"):
            self.refused(4, command, "none", says='"none"')
        self.refused(4, "logs", "one", "gret", says='did you mean "greet"?')
        self.refused(4, "status", "onf", says='did you mean "one"?')
        self.refused(4, "status", "--data", self.dir / "empty", says="no data here yet")

    def test_a_required_param_must_be_given(self):
        document = self.workflow("- {name: a, script: 'true'}", spec="params: {key: {required: true}}")
        self.refused(3, "run", document, says="key")
        self.ok("run", document, "-p", "key=a=b")

    def test_a_task_finds_itself_and_its_surroundings_in_its_environment(self):
        document = self.workflow("- {name: a, script: env | sort > env.txt, artifacts: {paths: [env.txt]}}")
        elsewhere = self.dir / "elsewhere"
        elsewhere.mkdir()
        self.ok("run", document, "--name", "m", cwd=elsewhere, env={"GREETING": "it's"})
        text = (self.data / "missions/m/results/a/env.txt").read_text()
        for line in (
            "GREETING=it's",
            "REEVE_MISSION=m",
            "REEVE_TASK=a",
            "REEVE_RUN=m.1.a.1",
            "REEVE_ATTEMPT=1",
            "REEVE_WORKFLOW=w",
            f"REEVE_SUBMIT_DIR={elsewhere}",
        ):
            self.assertIn(line + "\n", text)

    def test_branches_run_at_the_same_time_and_join(self):
        document = self.workflow(
            """
            - name: left
              script: 'touch "$T/left"; until [ -e "$T/right" ]; do sleep 0.02; done'
            - name: right
              script: 'touch "$T/right"; until [ -e "$T/left" ]; do sleep 0.02; done'
            - {name: join, needs: [left, right], script: 'true'}
            """
        )
        self.assertEqual(self.run_json(document)["status"]["state"], "COMPLETE")

    def test_retries_use_a_new_nonce_and_stop_at_the_first_success(self):
        document = self.workflow(
            """
            - name: a
              retry: {max: 3, delay: 50ms}
              script: |
                echo "$REEVE_NONCE" >> "$T/nonces"
                [ "$(wc -l < "$T/nonces")" -ge 3 ]
            """
        )
        mission = self.run_json(document)
        self.assertEqual(self.task(mission, "a")["attempts"], 3)
        nonces = self.lines("nonces")
        self.assertEqual(len(set(nonces)), 3, nonces)

    def test_a_slow_reader_that_goes_away_does_not_end_the_mission(self):
        document = self.workflow("- {name: a, script: 'seq 20000; touch \"$T/done\"'}")
        with subprocess.Popen(
            [PROGRAM, "run", str(document), "--name", "m"],
            stdout=subprocess.PIPE,
            env=self.environment(),
            cwd=self.dir,
        ) as process:
            process.stdout.readline()
            process.stdout.close()
            self.assertEqual(process.wait(PATIENCE_SECONDS), 0)
        self.assertTrue((self.dir / "done").exists())
        self.assertEqual(self.state("m"), "COMPLETE")

    def test_on_a_terminal_a_live_tree_is_drawn(self):
        document = self.workflow(
            """
            - {name: first, script: 'printf "\\033[2Jescape\\n"', onCompleted: second}
            - {name: second, script: 'sleep 0.3'}
            """
        )
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        with subprocess.Popen(
            [PROGRAM, "run", str(document)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=self.environment({"TERM": "xterm"}),
            cwd=self.dir,
            start_new_session=True,
        ) as process:
            os.close(terminal)
            screen = b""
            deadline = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < deadline:
                if select.select([controller], [], [], 0.1)[0]:
                    try:
                        data = os.read(controller, 65536)
                    except OSError:  # the last writer has gone
                        break
                    screen += data
                elif process.poll() is not None:
                    break
            self.assertEqual(process.wait(PATIENCE_SECONDS), 0)
        text = screen.decode()
        self.assertIn("├ ", text)
        self.assertIn("└ ", text)
        self.assertIn("\x1b[1A", text)
        self.assertIn("COMPLETE", text)
        self.assertIn("\\x1b[2Jescape", text, "a task moved the cursor")


class RetryTest(ReeveTest):
    def test_completed_tasks_are_not_repeated(self):
        document = self.workflow(
            """
            - name: a
              script: |
                echo a >> "$T/ran"
                echo "::set-output name=value::from a"
              onCompleted: b
            - {name: b, script: 'echo "b $value" >> "$T/ran"; [ -e "$T/repaired" ]', onCompleted: c}
            - {name: c, script: 'echo c >> "$T/ran"'}
            """
        )
        self.assertEqual(self.reeve("run", document, "--name", "m").code, 1)
        self.touch("repaired")
        result = self.ok("retry", "m", "--name", "n")
        self.assertIn("mission n COMPLETE", result.out)
        self.assertEqual(self.lines("ran"), ["a", "b from a", "b from a", "c"])
        self.assertIn("task.reused", self.types("n"))
        self.assertEqual(self.state("m"), "FAILED")
        self.audit()

    def test_a_retry_that_fails_again_can_be_tried_again(self):
        document = self.workflow("- {name: a, script: '[ -e \"$T/repaired\" ]'}")
        self.assertEqual(self.reeve("run", document, "--name", "m").code, 1)
        self.assertEqual(self.reeve("retry", "m", "--name", "n").code, 1)
        self.touch("repaired")
        self.assertEqual(self.ok("retry", "n", "-o", "json").json_lines()[-1]["status"]["state"], "COMPLETE")


class EndTest(ReeveTest):
    def start_waiting(self, more=""):
        document = self.workflow(
            f"""
            - name: before
              script: echo before
              compensate: {{script: 'echo undone >> "$T/undone"'}}
              onCompleted: work
            - name: work
              script: 'touch "$T/working"; {gate("go")}'
            - {{name: clean, alwaysRun: true, timeout: 10s, script: 'touch "$T/cleaned"'}}
            {more}
            """
        )
        command = self.start("run", document, "--name", "m")
        self.await_file("working")
        return command

    def test_abort_cancels_undoes_and_cleans_up(self):
        command = self.start_waiting()
        command.signal(signal.SIGTERM)
        self.assertEqual(command.wait().code, 1)
        result = self.ok("abort", "m", "-m", "wrong branch")
        self.assertIn("ABORTED", result.out)
        mission = self.mission("m")
        self.assertEqual(mission["status"]["state"], "ABORTED")
        self.assertEqual(self.task(mission, "work")["state"], "ABORTED")
        self.assertTrue((self.dir / "cleaned").exists())
        self.assertEqual(self.lines("undone"), ["undone"])
        self.assertIn("wrong branch", str(self.events("m")))
        self.assertIn("COMPENSATING", str(self.events("m")))

    def test_compensations_run_in_reverse_order_of_completion(self):
        document = self.workflow(
            """
            - {name: a, script: 'true', compensate: {script: 'echo a >> "$T/undone"'}, onCompleted: b}
            - {name: b, script: 'true', compensate: {script: 'echo b >> "$T/undone"'}, onCompleted: c}
            - {name: c, script: exit 1, compensate: {script: 'echo c >> "$T/undone"'}}
            """
        )
        mission = self.run_json(document, code=1)
        self.assertEqual(self.lines("undone"), ["b", "a"])
        self.assertEqual(mission["status"]["state"], "FAILED")

    def test_a_failed_compensation_holds_the_mission_until_it_is_released(self):
        document = self.workflow(
            """
            - name: a
              script: 'true'
              compensate: {script: 'echo tried >> "$T/tried"; [ -e "$T/mended" ]', retry: {max: 1, delay: 10ms}}
              onCompleted: b
            - {name: b, script: exit 1}
            """
        )
        command = self.start("run", document, "--name", "m")
        self.await_state("m", "HELD")
        self.assertEqual(self.mission("m")["status"]["holds"][0]["kind"], "compensation_failed")
        self.assertIn("compensation_failed", self.ok("status").out)
        self.assertEqual(self.lines("tried"), ["tried", "tried"])
        command.signal(signal.SIGTERM)
        self.assertEqual(command.wait().code, 1)
        self.touch("mended")
        result = self.reeve("release", "m")
        self.assertEqual(result.code, 1, str(result))
        self.assertEqual(self.state("m"), "FAILED")
        self.assertEqual(self.lines("tried"), ["tried"] * 3)
        self.audit()

    def test_a_mission_held_by_a_failed_compensation_can_be_aborted(self):
        document = self.workflow(
            """
            - name: a
              script: 'true'
              compensate: {script: exit 1, retry: {max: 0}}
              onCompleted: b
            - {name: b, script: exit 1}
            """
        )
        command = self.start("run", document, "--name", "m")
        self.await_state("m", "HELD")
        command.signal(signal.SIGTERM)
        command.wait()
        self.ok("abort", "m")
        self.assertIn(self.state("m"), ("ABORTED", "FAILED"))
        self.audit()

    def test_a_mission_that_nobody_follows_is_mentioned(self):
        command = self.start_waiting()
        command.kill()
        self.touch("go")
        other = self.workflow("- {name: a, script: 'true'}", name="other")
        # It may end while the other mission runs; either way it is not forgotten.
        result = self.ok("run", other)
        if self.state("m") != "COMPLETE":
            self.assertIn("reeve run --resume m", result.err)
            self.ok("run", "--resume", "m")
        wait_until(lambda: self.state("m") == "COMPLETE")


if __name__ == "__main__":
    main()
