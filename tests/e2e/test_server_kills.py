"""A thousand missions through the API while the server and supervisors are killed every second.

Each mission appends its name to a file. Killing the server alone repeats nothing; what is lost with
its supervisor runs again, and only that may be in the file twice.
"""

import contextlib
import os
import pathlib
import random
import re
import signal
import time

from reeve import main, processes_with, wait_until
from server import ServerTest, path_of

MISSIONS = int(os.environ.get("REEVE_MISSIONS", "1000"))
KILLS = int(os.environ.get("REEVE_KILLS", "20"))
SEED = int(os.environ.get("REEVE_SEED", str(int(time.time()))))
PERIOD_SECONDS = 1.0
# A thousand runs on a machine that does other things, too.
PATIENCE_SECONDS = 480.0
CHUNK = 250


class ServerKillsTest(ServerTest):
    arguments = ("--slots", "4")

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.lost = set()
        self.starts = []

    def submit_all(self):
        """In batches with keys: a batch whose answer was lost is simply sent again."""
        spec = {"tasks": [{"name": "a", "script": 'echo "$REEVE_MISSION" >> "$T/ran"'}]}
        self.made(path_of("workflows"), {
            "apiVersion": "reeve.dev/v1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": spec})
        for first in range(0, MISSIONS, CHUNK):
            items = [
                {"idempotencyKey": f"k{n}", "metadata": {"name": f"m{n}"},
                 "spec": {"workflow": {"name": "w"}}}
                for n in range(first, min(first + CHUNK, MISSIONS))
            ]
            answer = self.api.post(path_of("missions:bulk"), {"items": items})
            self.assertEqual(answer.status, 207, str(answer))
            self.assertEqual(answer.json()["refused"], 0, str(answer)[:2000])
            again = self.api.post(path_of("missions:bulk"), {"items": items}).json()
            self.assertEqual((again["made"], again["repeated"]), (0, len(items)))

    def kill_a_supervisor(self):
        """kill -9 of one of those that live. Runs are short: it looks until it finds one."""
        until = time.monotonic() + PERIOD_SECONDS
        while time.monotonic() < until:
            shims = {
                pid: found[1]
                for pid, args in processes_with(str(self.data)).items()
                if " shim " in args and (found := re.search(r"/missions/([^/]+)/runs/", args))
            }
            if shims:
                pid = self.random.choice(sorted(shims))
                self.lost.add(shims[pid])
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                return

    def kill_the_server(self):
        self.owner.kill()
        begun = time.monotonic()
        self.serve()
        self.starts.append(time.monotonic() - begun)

    def states(self):
        answer = self.got(path_of("missions"))
        return [each["status"]["state"] for each in answer["items"]]

    def failures(self):
        """What has become of missions that are not COMPLETE, with what is on record of them."""
        return [
            {"mission": each["metadata"]["name"], "status": each["status"],
             "events": [(event["type"], event.get("data"))
                        for event in self.events(each["metadata"]["name"])]}
            for each in self.got(path_of("missions"))["items"]
            if each["status"]["state"] != "COMPLETE"
        ]

    def test_all_complete_and_only_what_was_lost_is_repeated(self):
        self.submit_all()
        for number in range(KILLS):
            until = time.monotonic() + PERIOD_SECONDS
            wait_until(lambda until=until: time.monotonic() >= until, what="the time")
            self.kill_a_supervisor()
            self.kill_the_server()
            self.assertEqual(len(self.states()), MISSIONS, f"seed {SEED}, kill {number}")
        wait_until(
            lambda: set(self.states()) <= {"COMPLETE", "FAILED", "ABORTED"},
            PATIENCE_SECONDS,
            "the end of all missions",
        )
        self.assertEqual(self.failures(), [], f"seed {SEED}")
        ran = self.lines("ran")
        self.assertEqual(set(ran), {f"m{n}" for n in range(MISSIONS)}, f"seed {SEED}")
        twice = {name for name in ran if ran.count(name) > 1}
        self.assertLessEqual(twice, self.lost, f"seed {SEED}")
        print(f"starts: median {sorted(self.starts)[len(self.starts) // 2]:.2f} s, "
              f"longest {max(self.starts):.2f} s; lost {len(self.lost)}, repeated {len(twice)}")
        self.assertEqual(self.audit()["missions"], MISSIONS)


class EndTest(ServerTest):
    def test_a_task_outlives_the_end_of_the_server_in_good_order(self):
        """SIGTERM: exit code 0 at once, streams end properly, the task completes once."""
        script = 'echo ran >> "$T/ran"; until [ -e "$T/go" ]; do sleep 0.02; done'
        self.made(path_of("workflows"), {
            "apiVersion": "reeve.dev/v1", "kind": "Workflow", "metadata": {"name": "w"},
            "spec": {"tasks": [{"name": "a", "script": script}]}})
        self.made(path_of("missions"), {
            "apiVersion": "reeve.dev/v1", "kind": "Mission", "metadata": {"name": "m"},
            "spec": {"workflow": {"name": "w"}}})
        self.await_file("ran")
        with self.api.stream(path_of("missions", "m/events")) as events:
            self.assertEqual(events.status, 200)
            self.owner.signal(signal.SIGTERM)
            # Its grace of 30 s is for requests, not for runs: it waits for none.
            self.assertEqual(self.owner.process.wait(30), 0, self.owner.err())
            events.rest()
        self.assertEqual(len(self.shims()), 1)
        self.touch("go")
        exit_file = pathlib.Path(self.run_dir("m.1.a.1")) / "exit.json"
        wait_until(exit_file.exists, what="the end of the run without a server")
        self.serve()
        self.await_mission("m", "COMPLETE")
        self.assertEqual(self.lines("ran"), ["ran"])
        self.assertNotIn("run.lost", self.types("m"))


if __name__ == "__main__":
    main()
