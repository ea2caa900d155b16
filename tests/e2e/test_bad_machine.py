"""A machine that misbehaves: full disk, read-only or foreign directories, odd clocks, missing home."""

import contextlib
import datetime
import os
import shutil
import signal
import subprocess
import sys
import unittest

from reeve import PROGRAM, ReeveTest, gate, main, wait_until

NOBODY = 65534
ROOT = os.geteuid() == 0
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")


def can_mount():
    """Whether a tmpfs can be mounted in a mount namespace of its own."""
    if shutil.which("unshare") is None:
        return False
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def can_shift_time():
    """Whether a time namespace can be made: it shifts the clocks that nobody can set."""
    probe = ["unshare", "-T", "--boottime", "100000", "true"]
    return shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0


@unittest.skipUnless(ROOT and can_mount(), "a small file system can only be mounted by root")
class FullDiskTest(ReeveTest):
    """The data directory on a tmpfs of a few megabytes.

    The mount is private to one holder process, and every command enters its namespace, so that
    nothing stays mounted whatever happens to the test.
    """

    def setUp(self):
        super().setUp()
        self.mount = self.dir / "small"
        self.mount.mkdir()
        script = f"mount -t tmpfs -o size=4m none '{self.mount}' && echo mounted && exec sleep 1000"
        self.holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
        )
        self.addCleanup(self.holder.wait)
        self.addCleanup(self.holder.stdout.close)
        self.addCleanup(self.holder.kill)
        self.assertEqual(self.holder.stdout.readline(), b"mounted\n")
        self.data = self.mount / "data"

    def start(self, *args, prefix=(), **more):
        inside = ("nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--")
        return super().start(*args, prefix=(*inside, *prefix), **more)

    def outside(self, path):
        return f"/proc/{self.holder.pid}/root{path}"

    def fill(self):
        """Takes all the space there is."""
        with open(self.outside(self.mount / "ballast"), "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)

    def free(self):
        os.unlink(self.outside(self.mount / "ballast"))

    def test_a_full_disk_stops_the_work_and_free_space_lets_it_go_on(self):
        tasks = "".join(
            f"- {{name: t{i}, script: 'echo t{i} >> \"$T/ran\"', onCompleted: t{i + 1}}}\n" for i in range(30)
        )
        document = self.workflow(
            f"- {{name: wait, script: 'touch \"$T/begun\"; {gate('go')}', onCompleted: t0}}\n"
            + tasks
            + "- {name: t30, script: 'echo last >> \"$T/ran\"'}\n"
        )
        command = self.start("run", document, "--name", "m")
        self.await_file("begun")
        self.fill()
        self.touch("go")
        wait_until(lambda: "reeve: " in command.err() or not command.running(), what="a word about the disk")
        self.free()
        result = command.wait()
        if result.code == 0:
            self.assertIn("going on", result.err)
        mission = self.mission("m")
        # Space was short for runs, too: each of them fails with a reason, or the mission is complete.
        if mission["status"]["state"] not in ("COMPLETE", "FAILED"):
            self.ok("run", "--resume", "m")
            mission = self.mission("m")
        if mission["status"]["state"] == "FAILED":
            self.assertIn("space", mission["status"]["message"])
            self.ok("retry", "m", "--name", "n")
        ran = self.lines("ran")
        self.assertEqual(ran, [f"t{i}" for i in range(30)] + ["last"])
        self.audit()

    def test_a_mission_is_not_accepted_on_a_full_disk(self):
        document = self.workflow("- {name: a, script: 'true'}")
        self.ok("run", document, "--name", "first")
        self.fill()
        result = self.reeve("run", document, "--name", "second", timeout=120)
        self.assertNotEqual(result.code, 0, str(result))
        self.assertTrue(result.err.startswith("reeve: "), str(result))
        self.free()
        self.audit()
        if self.reeve("status", "second").code == 0:
            self.reeve("run", "--resume", "second")
            self.assertIn(self.state("second"), ("COMPLETE", "FAILED"))
        self.ok("run", document, "--name", "third")
        self.audit()

    def test_a_script_that_fills_the_disk(self):
        document = self.workflow(
            """
            - name: a
              script: 'dd if=/dev/zero of=big bs=64k || { echo "disk is full" >&2; rm big; exit 3; }'
            """
        )
        result = self.reeve("run", document, "--name", "m", timeout=120)
        self.assertEqual(result.code, 1, str(result))
        self.assertEqual(self.task("m", "a")["exitCode"], 3)
        self.audit()

    def test_output_that_does_not_fit_costs_output_not_the_result(self):
        document = self.workflow("- {name: a, script: 'yes | head -c 20000000; exit 5'}")
        result = self.reeve("run", document, "--name", "m", timeout=120)
        self.assertEqual(result.code, 1, str(result))
        # The log keeps the disk full: make room as a person would.
        log = self.outside(self.run_dir("m.1.a.1") / "stdout.log")
        with contextlib.suppress(FileNotFoundError):
            os.truncate(log, 0)
        self.reeve("run", "--resume", "m")
        self.assertEqual(self.task("m", "a").get("exitCode"), 5, self.mission("m"))
        self.audit()


@unittest.skipUnless(ROOT, "needs root to become somebody else")
class OtherUserTest(ReeveTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.dir, 0o755)
        self.document = self.workflow("- {name: a, script: 'true'}")
        # Where the program was built may be closed to others.
        self.program = self.dir / "reeve"
        shutil.copy2(PROGRAM, self.program)
        os.chmod(self.program, 0o755)

    def as_nobody(self, *args, **more):
        return self.reeve(*args, prefix=AS_NOBODY, program=str(self.program), **more)

    def test_an_ordinary_user_needs_no_rights(self):
        home = self.dir / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        environment = {"REEVE_DATA": "", "HOME": str(home)}
        result = self.as_nobody("run", self.document, "--name", "m", env=environment, cwd="/")
        self.assertEqual(result.code, 0, str(result))
        self.assertTrue((home / ".local/share/reeve/reeve.db").exists())
        self.assertEqual(self.as_nobody("doctor", env=environment).code, 0)

    def test_a_directory_of_somebody_else_is_refused_by_name(self):
        self.ok("run", self.document, "--name", "m")
        for args in (
            ("status",), ("run", self.document), ("audit", "verify"), ("logs", "m"), ("events", "m"),
            ("run", "--resume", "m"), ("retry", "m"), ("abort", "m"), ("release", "m"),
        ):
            result = self.as_nobody(*args)
            self.assertIn(result.code, (3, 5), str(result))
            self.assertIn(str(self.data), result.err)
        self.ok("status", "m")
        self.audit()

    def test_a_read_only_directory_can_be_read_and_not_written(self):
        self.data.mkdir()
        os.chown(self.data, NOBODY, NOBODY)
        self.assertEqual(self.as_nobody("run", self.document, "--name", "m").code, 0)
        for path in [self.data, *self.data.rglob("*")]:
            if not path.is_symlink():
                os.chmod(path, path.stat().st_mode & ~0o222)
        try:
            self.check_read_only()
        finally:
            for path in [self.data, *self.data.rglob("*")]:
                if not path.is_symlink():
                    os.chmod(path, path.stat().st_mode | 0o200)
        self.assertEqual(self.as_nobody("run", self.document).code, 0)

    def check_read_only(self):
        result = self.as_nobody("run", self.document)
        self.assertIn(result.code, (3, 5), str(result))
        self.assertIn(str(self.data), result.err)
        self.assertEqual(self.as_nobody("status", "m").code, 0)
        self.assertEqual(self.as_nobody("events", "m").code, 0)
        self.assertEqual(self.as_nobody("logs", "m").code, 0)
        self.assertEqual(self.as_nobody("audit", "verify").code, 0)

    def test_a_new_directory_is_closed_to_others(self):
        self.ok("run", self.document, env={"REEVE_DATA": str(self.data)}, prefix=("sh", "-c", 'umask 0; exec "$@"', "sh"))
        self.assertEqual(self.data.stat().st_mode & 0o077, 0)
        self.assertEqual((self.data / "reeve.db").stat().st_mode & 0o077, 0)

    def test_doctor_says_when_the_directory_cannot_be_used(self):
        closed = self.dir / "closed"
        closed.mkdir(mode=0o700)
        result = self.as_nobody("doctor", "--data", closed / "data", "-o", "json")
        findings = {finding["name"]: finding for finding in result.json()["findings"]}
        self.assertEqual(findings["data-dir"]["status"], "missing", findings["data-dir"])
        self.assertEqual(result.code, 1, "something that is needed is missing")


class OddPlaceTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.document = self.workflow("- {name: a, script: 'pwd'}")

    def test_the_data_directory_is_a_file(self):
        self.data.write_text("not a directory")
        for args in (("run", self.document), ("status",), ("lock", "l", "--", "true")):
            result = self.reeve(*args)
            self.assertNotEqual(result.code, 0, str(result))
            self.assertTrue(result.err.startswith("reeve: "), str(result))
        self.assertEqual(self.data.read_text(), "not a directory")

    def test_names_with_spaces_quotes_and_other_letters(self):
        self.data = self.dir / "it's a \"data\" dir $HOME ünï"
        self.ok("run", self.document, "--name", "m")
        self.assertIn(str(self.data), self.ok("logs", "m").out)
        self.audit()

    def test_a_relative_data_directory(self):
        self.ok("run", self.document, "--name", "m", "--data", "here", cwd=self.dir)
        self.assertTrue((self.dir / "here" / "reeve.db").exists())
        self.ok("status", "m", "--data", "here", cwd=self.dir)

    def test_as_many_runs_as_open_files_are_allowed_for(self):
        # All of them wait for each other: they succeed only if they run at the same time.
        wait = f'touch "$T/$REEVE_TASK"; until [ $(ls "$T" | wc -l) -eq 40 ]; do sleep 0.05; done'
        meeting = self.workflow("\n".join(f"- {{name: t{i}, script: '{wait}'}}" for i in range(40)))
        (self.dir / "t").mkdir()
        raised = ("sh", "-c", 'ulimit -S -n 64; exec "$@"', "sh")
        self.ok("run", meeting, "--slots", 40, prefix=raised, env={"T": str(self.dir / "t")})

    def test_fewer_runs_at_the_same_time_where_few_files_may_be_open(self):
        many = self.workflow("\n".join(f"- {{name: t{i}, script: 'true'}}" for i in range(40)))
        few = ("sh", "-c", 'ulimit -n 72; exec "$@"', "sh")
        result = self.ok("run", many, "--slots", 40, prefix=few)
        self.assertIn("2 runs at the same time instead of 40", result.err)

    def test_output_that_cannot_be_written_is_not_lost_in_silence(self):
        full = ("sh", "-c", 'exec "$@" >/dev/full', "sh")
        result = self.reeve("run", self.document, "--name", "m", prefix=full)
        self.assertEqual(result.code, 0, "the mission is complete")
        self.assertIn("standard output", result.err)
        for args in (("status",), ("logs", "m"), ("events", "m"), ("lint", self.document), ("version",)):
            result = self.reeve(*args, prefix=full)
            self.assertEqual(result.code, 5, str(result))
            self.assertIn("standard output", result.err)

    def test_a_pipe_that_does_not_block_is_waited_for(self):
        lines = 300_000
        self.ok("run", self.workflow(f"- {{name: a, script: 'seq {lines}'}}"), "--name", "m")
        unblock = "import fcntl, os, sys; fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK); os.execvp(sys.argv[1], sys.argv[1:])"
        pipe = ("bash", "-c", 'set -o pipefail; "$1" -c "$2" "${@:3}" | cat', "bash", sys.executable, unblock)
        shown = self.ok("logs", "m", "a", prefix=pipe)
        self.assertEqual(shown.out.splitlines()[-1], str(lines))

    def test_a_data_directory_without_a_name(self):
        for args in (("run", self.document), ("status",), ("retry", "m"), ("doctor",)):
            result = self.reeve(*args, "--data", "")
            self.assertEqual(result.code, 2, str(result))
            self.assertIn("--data: the path is empty", result.err)

    def test_the_working_directory_is_deleted(self):
        gone = ("sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh")
        self.ok("run", self.document, "--name", "m", prefix=gone, cwd=self.dir)
        result = self.reeve("status", "--data", "here", prefix=gone, cwd=self.dir)
        self.assertEqual(result.code, 2, str(result))
        self.assertIn("give an absolute path", result.err)

    def test_a_data_directory_behind_a_symbolic_link(self):
        (self.dir / "real").mkdir()
        self.data.symlink_to(self.dir / "real")
        self.ok("run", self.document, "--name", "m")
        self.audit()

    def test_a_database_of_a_newer_version_is_refused_and_kept(self):
        self.ok("run", self.document)
        self.sql("update meta set schema_version = 1000")
        for args in (("run", self.document), ("status",)):
            result = self.reeve(*args)
            self.assertIn(result.code, (3, 5), str(result))
            self.assertIn("schema 1000", result.err)

    def test_lost_mirror_files_are_no_loss(self):
        self.ok("run", self.document, "--name", "m")
        shutil.rmtree(self.data / "missions" / "m")
        self.assertEqual(self.state("m"), "COMPLETE")
        self.ok("logs", "m")
        self.audit()


class ClockTest(ReeveTest):
    DOCUMENT = """
    - {name: a, script: 'true', onCompleted: b}
    - {name: b, script: 'sleep 0.1', onCompleted: c}
    - {name: c, script: 'true'}
    """

    def test_times_never_go_back(self):
        self.run_json(self.workflow(self.DOCUMENT), "--name", "m")
        times = [datetime.datetime.fromisoformat(event["at"].replace("Z", "+00:00")) for event in self.events("m")]
        self.assertEqual(times, sorted(times))
        age = datetime.datetime.now(datetime.timezone.utc) - times[-1]
        self.assertLess(abs(age.total_seconds()), 60)

    @unittest.skipUnless(can_shift_time(), "time namespaces need root")
    def test_the_clock_since_boot_jumps_between_two_commands(self):
        """What a suspended or moved machine looks like: CLOCK_BOOTTIME and CLOCK_MONOTONIC jump."""
        document = self.workflow(
            f"- {{name: a, timeout: 1m, script: 'touch \"$T/begun\"; {gate('go')}; echo done >> \"$T/ran\"'}}"
        )
        command = self.start("run", document, "--name", "m")
        self.await_file("begun")
        command.kill()
        jumped = self.start(
            "run", "--resume", "m", prefix=("unshare", "-T", "--boottime", "1000000", "--monotonic", "1000000", "--fork", "--kill-child")
        )
        wait_until(lambda: "owner" in os.listdir(self.data) and jumped.running())
        self.touch("go")
        result = jumped.wait()
        self.assertIn(result.code, (0, 1), str(result))
        self.assertEqual(self.lines("ran").count("done"), self.task("m", "a")["attempts"])
        self.audit()

    def test_a_database_from_the_future_still_moves_forward(self):
        """The civil clock was set back by a day after the last command."""
        self.run_json(self.workflow(self.DOCUMENT), "--name", "m")
        fake = self.fake_clock()
        self.run_json(self.workflow(self.DOCUMENT), "--name", "n", env={"LD_PRELOAD": fake}, )
        self.audit()

    def fake_clock(self):
        """A clock_gettime that is a day late; skips the test where no compiler is at hand."""
        compiler = shutil.which("cc") or shutil.which("clang-19") or shutil.which("gcc")
        if compiler is None:
            self.skipTest("no C compiler")
        source = self.write(
            "late.c",
            "#include <time.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n"
            "int clock_gettime(clockid_t id, struct timespec *t) {\n"
            "  int r = (int)syscall(SYS_clock_gettime, id, t);\n"
            "  if (r == 0 && id == CLOCK_REALTIME) t->tv_sec -= 86400;\n  return r;\n}\n",
        )
        library = self.dir / "late.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        return str(library)


if __name__ == "__main__":
    main()
