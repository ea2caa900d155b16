"""Deadlines of tasks and missions: whole trees end, what must run afterwards does."""

import datetime

from reeve import ReeveTest, main, processes_with, wait_until

# Children that ignore TERM, in a session of their own, and one that has closed its output.
STUBBORN = """
trap '' TERM
(trap '' TERM; while :; do sleep 1; done) &
setsid sh -c "trap '' TERM; while :; do sleep 1; done" &
setsid sh -c "trap '' TERM; exec >/dev/null 2>&1; while :; do sleep 1; done" &
while :; do sleep 1; done
"""


def seconds(task):
    begin, end = (
        datetime.datetime.fromisoformat(task[key].replace("Z", "+00:00")) for key in ("startedAt", "endedAt")
    )
    return (end - begin).total_seconds()


class TimeoutTest(ReeveTest):
    def test_a_run_ends_at_its_deadline(self):
        # CHK-F1d: with processes that honour TERM the end is at the deadline.
        document = self.workflow("- {name: a, timeout: 2s, script: 'sleep 100 & sleep 100'}")
        task = self.task(self.run_json(document, code=1), "a")
        self.assertEqual((task["exitCode"], task["errorCode"]), (124, "ERR_TASK_TIMED_OUT"))
        self.assertAlmostEqual(seconds(task), 2, delta=0.5)
        self.assertEqual(processes_with(str(self.dir)), {})

    def test_children_that_ignore_term_are_killed_after_the_grace_period(self):
        script = self.write("stubborn.sh", STUBBORN)
        document = self.workflow(
            f"""
            - {{name: a, timeout: 2s, script: 'exec bash "{script}"', onFailed: handle}}
            - {{name: handle, script: 'touch "$T/handled"'}}
            - {{name: clean, alwaysRun: true, timeout: 10s, script: 'touch "$T/cleaned"'}}
            """
        )
        mission = self.run_json(document, code=1)
        task = self.task(mission, "a")
        self.assertEqual((task["exitCode"], task["errorCode"]), (124, "ERR_TASK_TIMED_OUT"))
        # TERM at 2 s, KILL 5 s later.
        self.assertGreaterEqual(seconds(task), 6.5)
        self.assertLess(seconds(task), 10)
        self.assertTrue((self.dir / "handled").exists(), "a timeout is a failure and is routed")
        self.assertTrue((self.dir / "cleaned").exists())
        self.assertEqual(processes_with(str(self.dir)), {})

    def test_a_deadline_counts_while_nobody_follows(self):
        document = self.workflow("- {name: a, timeout: 2s, script: 'touch \"$T/begun\"; sleep 100'}")
        command = self.start("run", document, "--name", "m")
        self.await_file("begun")
        command.kill()
        wait_until(lambda: not self.shims(), what="the deadline")
        self.assertEqual(self.reeve("run", "--resume", "m").code, 1)
        task = self.task("m", "a")
        self.assertEqual((task["exitCode"], task["attempts"]), (124, 1))
        self.assertAlmostEqual(seconds(task), 2, delta=0.7)

    def test_a_timed_out_run_is_tried_again_while_retries_are_left(self):
        document = self.workflow(
            """
            - name: a
              timeout: 500ms
              retry: {max: 1, delay: 10ms}
              script: '[ "$REEVE_ATTEMPT" -gt 1 ] || sleep 100'
            """
        )
        self.assertEqual(self.task(self.run_json(document), "a")["attempts"], 2)

    def test_the_deadline_of_a_mission_ends_its_runs_and_cleans_up(self):
        document = self.workflow(
            """
            - {name: a, script: 'true', compensate: {script: 'touch "$T/undone"'}, onCompleted: b}
            - {name: b, script: sleep 100, onCompleted: c}
            - {name: c, script: 'touch "$T/never"'}
            - {name: clean, alwaysRun: true, timeout: 10s, script: 'touch "$T/cleaned"'}
            """,
            spec="timeout: 2s",
        )
        mission = self.run_json(document, code=1)
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertLess(seconds(mission["status"]), 8)
        self.assertTrue((self.dir / "cleaned").exists())
        self.assertTrue((self.dir / "undone").exists())
        self.assertFalse((self.dir / "never").exists())
        self.assertIn("mission.deadline_passed", self.types(mission["metadata"]["name"]))
        self.audit()

    def test_the_deadline_of_a_mission_passes_while_nobody_follows(self):
        document = self.workflow(
            """
            - {name: a, script: 'touch "$T/begun"; sleep 100'}
            - {name: clean, alwaysRun: true, timeout: 10s, script: 'touch "$T/cleaned"'}
            """,
            spec="timeout: 1s",
        )
        command = self.start("run", document, "--name", "m")
        self.await_file("begun")
        command.kill()
        self.assertEqual(self.reeve("run", "--resume", "m").code, 1)
        self.assertEqual(self.state("m"), "FAILED")
        self.assertTrue((self.dir / "cleaned").exists())

    def test_a_cleanup_that_hangs_has_its_own_deadline(self):
        document = self.workflow(
            """
            - {name: a, script: exit 1}
            - {name: clean, alwaysRun: true, timeout: 1s, script: sleep 100}
            """
        )
        mission = self.run_json(document, code=1)
        self.assertEqual(self.task(mission, "clean")["exitCode"], 124)


if __name__ == "__main__":
    main()
