"""A power cut, as far as it can be had without one: at random instants under load every process is
stopped, the data directory is copied, and everything goes on. Each copy must open, be a whole prefix
of the history, and end its missions.

The copies are checked when the original has ended: a run of a copy carries the mark of the original's
run, and recovery ends whatever carries it.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time

from reeve import ReeveTest, main, processes_with, wait_until

COPIES = int(os.environ.get("REEVE_CUTS", "20"))
SEED = int(os.environ.get("REEVE_SEED", str(int(time.time()))))


class PowerCutTest(ReeveTest):
    def freeze(self):
        """Stops every process of this test; the program first, so that it starts nothing more."""
        frozen = {}
        while True:
            fresh = {pid: args for pid, args in processes_with(str(self.dir)).items() if pid not in frozen}
            if not fresh:
                return list(frozen)
            for pid in sorted(fresh, key=lambda pid: " run " not in fresh[pid]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            frozen.update(fresh)

    def cut(self, number):
        target = self.dir / f"copy-{number}"
        frozen = self.freeze()
        try:
            subprocess.run(["cp", "-a", self.data, target], check=True)
        finally:
            for pid in frozen:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        return target

    def test_every_copy_recovers_to_a_consistent_prefix(self):
        self.resumed = 0
        chance = random.Random(SEED)
        document = self.workflow(
            """
            - name: a
              script: 'seq 200; echo "::set-output name=made::$REEVE_MISSION"'
              onCompleted: b
            - name: b
              retry: {max: 1, delay: 20ms}
              script: 'sleep 0.1; echo "$made" > made.txt; [ "$REEVE_ATTEMPT" -gt 1 ]'
              artifacts: {paths: [made.txt]}
              onCompleted: c
            - {name: c, dependencies: [b], script: 'sleep 0.1; cat made.txt'}
            """
        )
        done = []
        running = None
        copies = []
        while len(copies) < COPIES:
            if running is None or not running.running():
                done.append(f"m{len(done)}")
                running = self.start("run", document, "--name", done[-1])
                wait_until((self.data / "reeve.db").exists, what="the database")
            deadline = time.monotonic() + chance.uniform(0, 0.4)
            while time.monotonic() < deadline:
                time.sleep(0.001)
            finished = done[:-1]
            copies.append((self.cut(len(copies)), finished))
        self.assertEqual(running.wait().code, 0)
        self.assertGreater(len(done), 1)
        original = {name: self.events(name) for name in done}
        for copy, finished in copies:
            with self.subTest(seed=SEED, copy=copy.name):
                self.check(copy, finished, original)
        self.assertGreater(self.resumed, 0, "no copy was taken in the middle of a mission")

    def check(self, copy, finished, original):
        self.audit(copy)
        listed = self.ok("status", "-o", "json", "--limit", "5000", "--data", copy).json()["items"]
        states = {item["metadata"]["name"]: item["status"]["state"] for item in listed}
        for name in finished:
            self.assertEqual(states.get(name), "COMPLETE", f"{name} had been acknowledged")
        for name, state in states.items():
            prefix = self.ok("events", name, "-o", "json", "--data", copy).json_lines()
            self.assertEqual(prefix, original[name][: len(prefix)], "not a prefix of the history")
            if state != "COMPLETE":
                self.resumed += 1
                result = self.ok("run", "--resume", name, "--data", copy)
                self.assertIn("COMPLETE", result.out)
            text = self.ok("logs", name, "c", "--data", copy).out
            self.assertEqual(text.splitlines()[-1], name)
        self.audit(copy)
        shutil.rmtree(copy)


if __name__ == "__main__":
    print(f"REEVE_SEED={SEED} REEVE_CUTS={COPIES}", flush=True)
    main()
