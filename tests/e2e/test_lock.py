"""reeve lock: exclusion between processes that know nothing of each other. CHK-H2a to H2d."""

import os
import signal
import time

from reeve import ReeveTest, is_alive, main, wait_until

PROCESSES = 8
ROUNDS = 10


class LockTest(ReeveTest):
    def hold(self, name="deploy", token="token"):
        """A holder that keeps the lock until the test lets it go."""
        command = self.start(
            "lock", name, "--", "sh", "-c",
            f'echo "$REEVE_LOCK_TOKEN" > "$T/{token}"; touch "$T/holding"; '
            'until [ -e "$T/release" ]; do sleep 0.02; done',
        )
        self.await_file("holding")
        return command

    def token(self, name="token"):
        return int((self.dir / name).read_text())

    def test_the_exit_code_is_that_of_the_command(self):
        for code in (0, 1, 7, 255):
            self.assertEqual(self.reeve("lock", "l", "--", "sh", "-c", f"exit {code}").code, code)
        self.assertEqual(self.reeve("lock", "l", "--", "sh", "-c", "kill -TERM $$").code, 143)
        self.refused(127, "lock", "l", "--", "no-such-command", says="no-such-command")
        self.refused(126, "lock", "l", "--", str(self.dir), says=str(self.dir))

    def test_the_arguments_of_the_command_are_its_own(self):
        result = self.ok("lock", "l", "--", "printf", "%s\n", "--help", "-o", "a b", "--")
        self.assertEqual(result.out, "--help\n-o\na b\n--\n")

    def test_usage(self):
        self.refused(2, "lock", "l", says="command after --")
        self.refused(2, "lock", "l", "--timeout", "soon", "--", "true", says="soon")
        self.refused(3, "lock", "../l", "--", "true", says="lock name")
        self.refused(3, "lock", "", "--", "true")

    def test_the_token_grows_with_every_holder(self):
        tokens = [
            int(self.ok("lock", "l", "--", "sh", "-c", 'echo "$REEVE_LOCK_TOKEN"').out) for _ in range(5)
        ]
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_no_update_is_lost_between_processes(self):
        # CHK-H2a at a size for every day.
        (self.dir / "count").write_text("0\n")
        script = 'n=$(cat "$T/count"); echo $((n + 1)) > "$T/count"; echo "$REEVE_LOCK_TOKEN" >> "$T/tokens"'
        worker = self.write(
            "worker.sh",
            f"for i in $(seq {ROUNDS}); do \"$REEVE_PROGRAM\" lock l --timeout 2m -- sh -c '{script}' || exit 1; done\n",
        )
        program = os.path.realpath(os.environ.get("REEVE", "reeve"))
        workers = [
            self.start(worker, program="sh", env={"REEVE_PROGRAM": program}) for _ in range(PROCESSES)
        ]
        for process in workers:
            self.assertEqual(process.wait(120).code, 0, process.err())
        self.assertEqual((self.dir / "count").read_text(), f"{PROCESSES * ROUNDS}\n")
        tokens = [int(line) for line in self.lines("tokens")]
        self.assertEqual(tokens, sorted(set(tokens)), "tokens in the order of holding")

    def test_the_lock_of_a_killed_holder_passes_on_within_a_second(self):
        # CHK-H2b.
        holder = self.hold(token="first")
        waiter = self.start(
            "lock", "deploy", "--timeout", "30s", "--", "sh", "-c", 'echo "$REEVE_LOCK_TOKEN" > "$T/second"'
        )
        wait_until(lambda: (self.data / "locks").exists())
        begin = time.monotonic()
        holder.kill()
        self.assertEqual(waiter.wait().code, 0)
        self.assertLess(time.monotonic() - begin, 1.0)
        self.assertGreater(self.token("second"), self.token("first"))

    def test_the_command_of_a_killed_holder_dies_with_it(self):
        holder = self.start(
            "lock", "l", "--", "sh", "-c", 'echo $$ > "$T/pid.tmp"; mv "$T/pid.tmp" "$T/pid"; sleep 100; true'
        )
        pid = int(self.await_file("pid").read_text())
        holder.kill()
        wait_until(lambda: not is_alive(pid), what="the end of the command")
        # What the command itself has started is not the lock's; the test ends it.
        os.killpg(holder.pid, signal.SIGKILL)

    def test_a_stopped_holder_is_not_dead(self):
        holder = self.hold()
        holder.signal(signal.SIGSTOP)
        self.addCleanup(lambda: holder.running() and holder.signal(signal.SIGCONT))
        self.refused(5, "lock", "deploy", "--timeout", "500ms", "--", "true")
        holder.signal(signal.SIGCONT)
        self.touch("release")
        self.assertEqual(holder.wait().code, 0)

    def test_waiting_ends_after_the_timeout_and_names_the_holder(self):
        # CHK-H2c with a shorter time; the default is 10 s.
        holder = self.hold()
        begin = time.monotonic()
        result = self.refused(5, "lock", "deploy", "--timeout", "2s", "--", "touch", self.dir / "never")
        self.assertAlmostEqual(time.monotonic() - begin, 2.0, delta=0.5)
        self.assertIn(str(holder.pid), result.err)
        self.assertFalse((self.dir / "never").exists())
        self.touch("release")
        self.assertEqual(holder.wait().code, 0)
        self.ok("lock", "deploy", "--", "true")

    def test_other_names_and_directories_are_not_concerned(self):
        holder = self.hold()
        self.ok("lock", "other", "--timeout", "1s", "--", "true")
        self.ok("lock", "deploy", "--timeout", "1s", "--dir", self.dir / "elsewhere", "--", "true")
        self.touch("release")
        self.assertEqual(holder.wait().code, 0)

    def test_a_holder_whose_lock_was_taken_over_cannot_release_it(self):
        # CHK-H2d: somebody else's record is in the place of ours when we release.
        holder = self.hold()
        record = self.data / "locks" / "deploy" / "owner.json"
        stolen = record.read_text().replace(str(self.token()), str(self.token() + 1))
        self.assertNotEqual(stolen, record.read_text())
        record.write_text(stolen)
        self.touch("release")
        result = holder.wait()
        self.assertNotEqual(result.code, 0, str(result))
        self.assertEqual(record.read_text(), stolen, "the lock is not intact")

    def test_a_signal_reaches_the_command(self):
        holder = self.start(
            "lock", "l", "--", "sh", "-c",
            "trap 'exit 9' TERM; touch \"$T/ready\"; while :; do sleep 0.02; done",
        )
        self.await_file("ready")
        holder.signal(signal.SIGTERM)
        self.assertEqual(holder.wait().code, 9)

    def test_a_waiter_can_be_interrupted(self):
        holder = self.hold()
        waiter = self.start("lock", "deploy", "--timeout", "1m", "--", "touch", self.dir / "never")
        # Once it is in the queue there is nothing to see from outside; either way it must end.
        waiter.signal(signal.SIGINT)
        result = waiter.wait()
        self.assertNotEqual(result.code, 0, str(result))
        self.assertFalse((self.dir / "never").exists())
        self.touch("release")
        self.assertEqual(holder.wait().code, 0)


if __name__ == "__main__":
    main()
