"""Random kill -9 points on the real program: REEVE_KILLS of them (200 unless told).

Many small missions share one data directory. Each task appends its name to a file, which is an
effect outside of the program: if only the program is killed, it happens exactly once.
"""

import contextlib
import json
import os
import random
import signal
import time

from reeve import ReeveTest, main, processes_with, wait_until

KILLS = int(os.environ.get("REEVE_KILLS", "200"))
SEED = int(os.environ.get("REEVE_SEED", str(int(time.time()))))
# Longer than a mission of three tasks takes, so that some points lie after its end.
LATEST_KILL_SECONDS = 0.35
TASKS = ("one", "two", "three", "clean")


class KillTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.document = self.workflow(
            """
            - name: one
              script: |
                echo "$REEVE_MISSION one" >> "$T/ran"
                echo "::set-output name=made::by $REEVE_MISSION"
              onCompleted: two
            - name: two
              environment: {MADE: "{{ .made }}"}
              script: 'echo "$REEVE_MISSION two" >> "$T/ran"; echo "$MADE" > made.txt'
              artifacts: {paths: [made.txt]}
              onCompleted: three
            - name: three
              dependencies: [two]
              script: 'echo "$REEVE_MISSION three" >> "$T/ran"; cat made.txt'
            - {name: clean, alwaysRun: true, timeout: 10s, script: 'echo "$REEVE_MISSION clean" >> "$T/ran"'}
            """
        )

    def kill_somewhere(self, *args):
        """Starts a command and kills it at a random instant; returns what it had acknowledged."""
        command = self.start(*args, "-o", "json")
        deadline = time.monotonic() + self.random.uniform(0, LATEST_KILL_SECONDS)
        while command.running() and time.monotonic() < deadline:
            time.sleep(0.001)
        command.kill()
        acknowledged = []
        for line in command.out().splitlines():
            try:
                acknowledged.append(json.loads(line))
            except ValueError:
                break  # cut in the middle of a line
        return [event for event in acknowledged if "revision" in event]

    def check_acknowledged(self, name, acknowledged):
        if acknowledged:
            stored = {event["revision"]: event for event in self.events(name)}
            for event in acknowledged:
                self.assertEqual(stored.get(event["revision"]), event, "an acknowledged event is gone")

    def test_nothing_is_lost_and_nothing_is_repeated(self):
        kills = 0
        number = 0
        missions = []
        while kills < KILLS:
            number += 1
            name = f"m{number}"
            with self.subTest(seed=SEED, mission=name):
                acknowledged = self.kill_somewhere("run", self.document, "--name", name)
                kills += 1
                if self.reeve("status", name).code == 4:
                    self.assertEqual(acknowledged, [], "an acknowledged mission is gone")
                    self.assertNotIn(f"{name} one", self.lines("ran"), "an effect before its commit")
                    continue
                missions.append(name)
                self.check_acknowledged(name, acknowledged)
                while kills < KILLS and self.random.random() < 0.5:
                    more = self.kill_somewhere("run", "--resume", name)
                    kills += 1
                    self.check_acknowledged(name, acknowledged + more)
                self.finish(name)
        self.assertGreater(len(missions), 0)
        self.check_directories(missions)
        self.assertEqual(self.audit()["missions"], len(missions))

    def kill_everything(self):
        """kill -9 of all there is, the program first, as if the machine had stopped."""
        for _ in range(100):
            left = processes_with(str(self.dir))
            if not left:
                return
            for pid in sorted(left, key=lambda pid: " run " not in left[pid]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def test_what_was_acknowledged_as_done_is_not_repeated_after_everything_was_killed(self):
        for number in range(max(KILLS // 4, 5)):
            name = f"e{number}"
            with self.subTest(seed=SEED, mission=name):
                command = self.start("run", self.document, "--name", name, "-o", "json")
                deadline = time.monotonic() + self.random.uniform(0.02, LATEST_KILL_SECONDS)
                while command.running() and time.monotonic() < deadline:
                    time.sleep(0.001)
                self.kill_everything()
                command.process.wait()
                if self.reeve("status", name).code == 4:
                    continue
                before = self.lines("ran")
                done = [
                    event["data"]["task"]
                    for event in self.events(name)
                    if event["type"] == "run.ended" and event["data"]["state"] == "COMPLETE"
                ]
                self.ok("run", "--resume", name)
                after = self.lines("ran")[len(before):]
                for task in done:
                    self.assertNotIn(f"{name} {task}", after, "a finished task was repeated")
                for task in TASKS:
                    # At most the run that was in progress has been tried again.
                    self.assertIn(self.lines("ran").count(f"{name} {task}"), (1, 2))
                self.audit()

    def finish(self, name):
        mission = self.ok("run", "--resume", name, "-o", "json").json_lines()[-1]
        self.assertEqual(mission["status"]["state"], "COMPLETE", mission)
        for task in TASKS:
            self.assertEqual(self.lines("ran").count(f"{name} {task}"), 1, f"effects of {name} {task}")
        self.assertEqual({task["attempts"] for task in mission["status"]["tasks"]}, {1})
        self.assertEqual(self.task(mission, "one")["outputs"], {"made": f"by {name}"})
        self.assertEqual(self.ok("logs", name, "three").out, f"by {name}\n")
        self.audit()

    def check_directories(self, missions):
        """Every run directory belongs to a run of the journal, and holds its result."""
        for name in missions:
            found = sorted(path.name for path in (self.data / "missions" / name / "runs").iterdir())
            self.assertEqual(found, sorted(f"{name}.1.{task}.1" for task in TASKS))
            for run in found:
                self.assertTrue((self.run_dir(run) / "result.json").exists(), run)
        wait_until(lambda: not self.shims(), what="the end of all supervisors")


if __name__ == "__main__":
    print(f"REEVE_SEED={SEED} REEVE_KILLS={KILLS}", flush=True)
    main()
