"""What the end-to-end tests share: a data directory of their own, the program, and patience.

Nothing here sleeps to order things: a test waits for a condition, with a deadline. After each test
the fixture looks for processes that carry its directory in their environment or arguments, ends
them, and fails the test that left them.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import textwrap
import time
import unittest

PROGRAM = os.environ.get("REEVE", "reeve")
# Generous: a shared machine with two cores may be busy. Only a defect makes a test wait this long.
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.02
# How long the processes of a test may take to be gone after it.
GONE_SECONDS = 15.0


def wait_until(condition, timeout=PATIENCE_SECONDS, what="the condition"):
    """Polls `condition` until it returns something true, which is returned."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout} s")
        time.sleep(POLL_SECONDS)


def processes_with(text):
    """Live processes whose environment or arguments contain `text`: {pid: arguments}."""
    found = {}
    needle = os.fsencode(text)
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes()
            if needle in arguments or needle in (entry / "environ").read_bytes():
                found[int(entry.name)] = arguments.replace(b"\0", b" ").decode(errors="replace")
    return found


def is_alive(pid):
    """Whether the process exists and is no zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in ("Z", "X")


class Finished:
    """A command that has ended."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"

    def json(self):
        return json.loads(self.out)

    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Started:
    """A command that runs. Its output goes to files, so that it never waits for a reader."""

    def __init__(self, process, out, err):
        self.process = process
        self.out_path = out
        self.err_path = err

    @property
    def pid(self):
        return self.process.pid

    def out(self):
        return self.out_path.read_text(encoding="utf-8", errors="replace")

    def err(self):
        return self.err_path.read_text(encoding="utf-8", errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_SECONDS)

    def running(self):
        return self.process.poll() is None

    def wait(self, timeout=PATIENCE_SECONDS):
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running after {timeout} s\n{self.out()}\n{self.err()}"
            ) from None
        return Finished(self.process.returncode, self.out(), self.err())


class ReeveTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="reeve-e2e-"))
        self.data = self.dir / "data"
        self.started = []
        self.counter = 0
        self.addCleanup(self._clean_up)

    def _clean_up(self):
        for command in self.started:
            if command.running():
                command.kill()
        left = {}

        def gone():
            left.clear()
            left.update(processes_with(str(self.dir)))
            return not left

        try:
            wait_until(gone, GONE_SECONDS)
            problem = None
        except AssertionError:
            problem = f"processes were left running: {left}"
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)
        if problem is not None:
            self.fail(problem)

    # --- commands -------------------------------------------------------------------------------

    def environment(self, extra=None):
        env = {key: value for key, value in os.environ.items() if not key.startswith("REEVE")}
        env.update({"HOME": str(self.dir), "REEVE_DATA": str(self.data), "T": str(self.dir)})
        env.update(extra or {})
        return env

    def start(self, *args, env=None, cwd=None, prefix=(), stdin=subprocess.DEVNULL, program=PROGRAM):
        """Starts the program with these arguments."""
        self.counter += 1
        out = self.dir / f"command-{self.counter}.out"
        err = self.dir / f"command-{self.counter}.err"
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [*prefix, program, *(str(arg) for arg in args)],
                stdin=stdin,
                stdout=out_file,
                stderr=err_file,
                env=self.environment(env),
                cwd=cwd or self.dir,
                start_new_session=True,
            )
        command = Started(process, out, err)
        self.started.append(command)
        return command

    def reeve(self, *args, timeout=PATIENCE_SECONDS, **more):
        """Runs the program to its end."""
        return self.start(*args, **more).wait(timeout)

    def ok(self, *args, **more):
        """As `reeve`, and it must exit with 0."""
        result = self.reeve(*args, **more)
        self.assertEqual(result.code, 0, f"{args}: {result}")
        return result

    def refused(self, code, *args, says=(), **more):
        """As `reeve`, and it must exit with `code` and say all of `says` on stderr."""
        result = self.reeve(*args, **more)
        self.assertEqual(result.code, code, f"{args}: {result}")
        for text in (says,) if isinstance(says, str) else says:
            self.assertIn(text, result.err)
        return result

    def up(self, *args, **more):
        """Starts `reeve up` and waits until it is ready."""
        owner = self.start("up", *args, **more)
        wait_until(
            lambda: "ready:" in owner.out() or not owner.running(), what="reeve up to be ready"
        )
        self.assertTrue(owner.running(), owner.err())
        return owner

    # --- files ----------------------------------------------------------------------------------

    def write(self, name, text):
        path = self.dir / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        return path

    def workflow(self, tasks, name="w", spec=""):
        """A native workflow; `tasks` and `spec` are YAML, indented as one likes."""
        lines = ["apiVersion: reeve.dev/v1", "kind: Workflow", f"metadata: {{name: {name}}}", "spec:"]
        lines += _indented(spec, "  ")
        lines.append("  tasks:")
        lines += _indented(tasks, "    ")
        return self.write(f"{name}.yaml", "\n".join(lines) + "\n")

    def lines(self, name):
        """The lines of a file that tasks append to; none if there is no file."""
        try:
            return (self.dir / name).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def await_file(self, name):
        path = self.dir / name
        wait_until(path.exists, what=f"the file {name}")
        return path

    def touch(self, name):
        (self.dir / name).touch()

    def run_dir(self, run, data=None):
        return (data or self.data) / "missions" / run.split(".")[0] / "runs" / run

    # --- missions -------------------------------------------------------------------------------

    def mission(self, name, data=None):
        args = ["status", name, "-o", "json"] + (["--data", str(data)] if data else [])
        return self.ok(*args).json()

    def state(self, name):
        return self.mission(name)["status"]["state"]

    def task(self, mission, name):
        if isinstance(mission, str):
            mission = self.mission(mission)
        found = [task for task in mission["status"]["tasks"] if task["name"] == name]
        self.assertEqual(len(found), 1, f"task {name} of {mission}")
        return found[0]

    def task_states(self, mission):
        return {task["name"]: task["state"] for task in mission["status"]["tasks"]}

    def run_json(self, *args, code=0, **more):
        """`reeve run … -o json`; returns the mission, which is the last line."""
        result = self.reeve("run", *args, "-o", "json", **more)
        self.assertEqual(result.code, code, str(result))
        return result.json_lines()[-1]

    def events(self, mission, *args):
        return self.ok("events", mission, "-o", "json", *args).json_lines()

    def types(self, mission):
        return [event["type"] for event in self.events(mission)]

    def await_state(self, name, *states):
        def reached():
            result = self.reeve("status", name, "-o", "json")
            # Before the mission is stored there is nothing to find.
            return result.code == 0 and result.json()["status"]["state"] in states

        wait_until(reached, what=f"mission {name} in {states}")

    def audit(self, data=None):
        return self.ok("audit", "verify", "-o", "json", *(["--data", data] if data else [])).json()

    def shims(self):
        """Supervisors of this test's runs: process ids."""
        return [pid for pid, args in processes_with(str(self.dir)).items() if " shim " in args]

    def sql(self, statement, *values):
        """Changes the database behind the program's back, as an intruder would."""
        with contextlib.closing(sqlite3.connect(self.data / "reeve.db")) as database:
            rows = database.execute(statement, values).fetchall()
            database.commit()
            return rows


def _indented(text, prefix):
    """The lines of `text` at `prefix`, whatever they were indented with."""
    return [prefix + line for line in textwrap.dedent(text).strip("\n").splitlines() if line.strip()]


# A script that waits for a file of the test, so that the test decides when a task ends.
def gate(name):
    return f'until [ -e "$T/{name}" ]; do sleep 0.02; done'


def main():
    unittest.main(verbosity=2)
