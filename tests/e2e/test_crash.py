"""kill -9 of the program, of the supervisor of a run, and of both, in the middle of a task."""

import json
import os
import signal

from reeve import ReeveTest, gate, is_alive, main, processes_with, wait_until


def _text(path):
    try:
        return path.read_text().replace(" ", "")
    except FileNotFoundError:
        return ""


class CrashTest(ReeveTest):
    def start_working(self, *args, retry="{max: 0}"):
        """A mission whose second task prints until the test lets it go."""
        document = self.workflow(
            f"""
            - {{name: first, script: 'echo first >> "$T/ran"', onCompleted: work}}
            - name: work
              retry: {retry}
              timeout: 2m
              script: |
                echo work >> "$T/ran"
                echo $$ > "$T/pid"
                i=0
                while [ ! -e "$T/go" ]; do
                  i=$((i + 1))
                  echo "$i"
                  sleep 0.01
                done
                echo "last $i"
                echo "::set-output name=count::$i"
                echo kept > kept.txt
              artifacts: {{paths: [kept.txt]}}
              onCompleted: last
            - {{name: last, environment: {{COUNT: "{{{{ .count }}}}"}}, script: 'echo "last $COUNT" >> "$T/ran"'}}
            """
        )
        command = self.start("run", document, "--name", "m", *args)
        self.await_file("pid")
        log = self.run_dir("m.1.work.1") / "stdout.log"
        wait_until(lambda: log.exists() and log.stat().st_size > 50, what="the task's output")
        return command

    def script_pid(self):
        return int((self.dir / "pid").read_text())

    def check_complete_output(self, run="work"):
        lines = self.ok("logs", "m", run).out.splitlines()
        count = int(lines[-2].removeprefix("last "))
        self.assertEqual(lines[:-2], [str(i) for i in range(1, count + 1)], "the output has a gap")
        return count

    def test_kill_9_of_the_program_loses_and_repeats_nothing(self):
        command = self.start_working()
        command.kill()
        self.assertTrue(is_alive(self.script_pid()))
        self.assertEqual(self.state("m"), "ACTIVE")
        log = self.run_dir("m.1.work.1") / "stdout.log"
        size = log.stat().st_size
        wait_until(lambda: log.stat().st_size > size, what="output while nobody looks")
        resumed = self.start("run", "--resume", "m", "-o", "json")
        wait_until(lambda: "run.active" in resumed.out() or resumed.running())
        self.touch("go")
        result = resumed.wait()
        self.assertEqual(result.code, 0, str(result))
        mission = result.json_lines()[-1]
        count = self.check_complete_output()
        self.assertEqual(self.lines("ran"), ["first", "work", f"last {count}"])
        self.assertEqual({task["attempts"] for task in mission["status"]["tasks"]}, {1})
        self.assertEqual(self.task(mission, "work")["artifacts"][0]["path"], "kept.txt")
        self.assertNotIn("LOST", json.dumps(self.events("m")))
        self.audit()

    def test_a_run_that_ends_while_nobody_looks_is_not_repeated(self):
        self.start_working().kill()
        self.touch("go")
        wait_until(lambda: not self.shims(), what="the end of the run")
        self.assertEqual(self.ok("run", "--resume", "m", "-o", "json").json_lines()[-1]["status"]["state"], "COMPLETE")
        count = self.check_complete_output()
        self.assertEqual(self.lines("ran"), ["first", "work", f"last {count}"])
        self.audit()

    def test_any_command_that_opens_the_data_directory_goes_on(self):
        self.start_working().kill()
        self.touch("go")
        wait_until(lambda: not self.shims(), what="the end of the run")
        other = self.workflow("- {name: a, script: 'true'}", name="other")
        self.ok("run", other)
        if self.state("m") != "COMPLETE":  # the other mission was over first
            self.ok("run", "--resume", "m")
        self.assertEqual(self.lines("ran")[:2], ["first", "work"])
        self.assertEqual(len(self.lines("ran")), 3)

    def test_it_can_be_killed_and_resumed_many_times(self):
        self.start_working().kill()
        for _ in range(5):
            resumed = self.start("run", "--resume", "m", "-o", "json")
            owner = self.data / "owner" / "owner.json"
            wait_until(lambda: f'"pid":{resumed.pid}' in _text(owner), what="ownership")
            resumed.kill()
        self.touch("go")
        self.ok("run", "--resume", "m")
        count = self.check_complete_output()
        self.assertEqual(self.lines("ran"), ["first", "work", f"last {count}"])
        self.audit()

    def test_kill_9_of_the_supervisor_ends_its_tree_and_starts_a_new_run(self):
        command = self.start_working()
        script = self.script_pid()
        (self.dir / "pid").unlink()
        (shim,) = self.shims()
        os.kill(shim, signal.SIGKILL)
        self.await_file("pid")
        wait_until(lambda: not is_alive(script), what="the end of the lost run's tree")
        self.touch("go")
        result = command.wait()
        self.assertEqual(result.code, 0, str(result))
        mission = self.mission("m")
        self.assertEqual(self.task(mission, "work")["attempts"], 2)
        ended = [e["data"] for e in self.events("m") if e["type"] == "run.ended" and e["data"]["task"] == "work"]
        self.assertEqual([data["state"] for data in ended], ["LOST", "COMPLETE"])
        self.assertEqual(self.lines("ran")[:3], ["first", "work", "work"])
        self.audit()

    def test_kill_9_of_both_loses_the_run_and_starts_a_new_one(self):
        command = self.start_working()
        script = self.script_pid()
        (self.dir / "pid").unlink()
        (shim,) = self.shims()
        os.kill(shim, signal.SIGKILL)
        command.kill()
        resumed = self.start("run", "--resume", "m")
        self.await_file("pid")
        self.assertFalse(is_alive(script), "two processes for one task")
        self.touch("go")
        result = resumed.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(self.task("m", "work")["attempts"], 2)
        self.assertEqual(self.lines("ran")[:3], ["first", "work", "work"])
        self.audit()

    def test_kill_9_of_the_script_fails_the_run_with_its_signal(self):
        command = self.start_working()
        os.kill(self.script_pid(), signal.SIGKILL)
        self.assertEqual(command.wait().code, 1)
        self.assertEqual(self.task("m", "work")["exitCode"], 137)

    def test_a_task_that_kills_its_supervisor_every_time_is_given_up(self):
        document = self.workflow(
            """
            - name: a
              script: |
                echo ran >> "$T/ran"
                kill -9 "$PPID"
                sleep 60
            """
        )
        result = self.reeve("run", document, "--name", "m")
        self.assertEqual(result.code, 1, str(result))
        task = self.task("m", "a")
        self.assertEqual(task["errorCode"], "ERR_WORKER_LOST")
        self.assertLessEqual(task["attempts"], 10)
        self.assertEqual(len(self.lines("ran")), task["attempts"])
        self.assertEqual(processes_with(str(self.dir)), {})
        self.audit()

    def test_a_lost_run_leaves_no_daemon_behind(self):
        document = self.workflow(
            """
            - name: a
              script: |
                setsid sleep 1000 &
                echo $! > "$T/daemon"
                touch "$T/ready"
                until [ -e "$T/go" ]; do sleep 0.02; done
            """
        )
        command = self.start("run", document, "--name", "m")
        self.await_file("ready")
        daemon = int((self.dir / "daemon").read_text())
        (shim,) = self.shims()
        os.kill(shim, signal.SIGKILL)
        wait_until(lambda: not is_alive(daemon), what="the end of the daemon")
        self.touch("go")
        self.assertEqual(command.wait().code, 0)

    def test_the_names_of_the_dead_run_directories_explain_themselves(self):
        command = self.start_working()
        (shim,) = self.shims()
        (self.dir / "pid").unlink()
        os.kill(shim, signal.SIGKILL)
        self.await_file("pid")
        self.touch("go")
        command.wait()
        runs = sorted(path.name for path in (self.data / "missions/m/runs").iterdir())
        self.assertEqual(runs, ["m.1.first.1", "m.1.last.1", "m.1.work.1", "m.1.work.2"])
        self.assertFalse((self.run_dir("m.1.work.1") / "exit.json").exists())
        for run in ("m.1.first.1", "m.1.work.2", "m.1.last.1"):
            self.assertTrue((self.run_dir(run) / "result.json").exists())


if __name__ == "__main__":
    main()
