"""One owner for each data directory; reading always works."""

import signal
import subprocess

from reeve import PROGRAM, ReeveTest, gate, main, wait_until


class OwnershipTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.document = self.workflow(
            f"""
            - {{name: a, script: 'echo begun; touch "$T/begun"; {gate("go")}; echo done'}}
            """
        )
        self.quick = self.workflow("- {name: a, script: 'true'}", name="quick")
        self.owner = self.start("run", self.document, "--name", "m")
        self.await_file("begun")

    def end(self):
        self.touch("go")
        self.assertEqual(self.owner.wait().code, 0)

    def test_everything_can_be_read_while_it_is_owned(self):
        self.assertEqual(self.state("m"), "ACTIVE")
        self.assertIn("a ACTIVE", self.ok("status").out)
        wait_until(lambda: self.ok("logs", "m").out.endswith("begun\n"), what="the output")
        self.assertIn("run.active", self.types("m"))
        self.audit()
        self.ok("doctor")
        self.end()

    def test_a_second_command_hands_its_work_to_the_owner(self):
        result = self.ok("run", self.quick, "--name", "second")
        self.assertIn("COMPLETE", result.out)
        self.assertEqual(self.state("second"), "COMPLETE")
        self.assertEqual(self.state("m"), "ACTIVE")
        self.assertEqual(self.run_json(self.quick)["status"]["state"], "COMPLETE")
        self.end()

    def test_a_second_command_follows_and_aborts_what_the_owner_carries_out(self):
        follower = self.start("run", "--resume", "m")
        wait_until(lambda: "begun" in follower.out(), what="the output of the run")
        self.refused(3, "retry", "m", says="only a FAILED or ABORTED one")
        self.ok("abort", "m", "-m", "enough")
        self.assertEqual(follower.wait().code, 1)
        self.assertEqual(self.owner.wait().code, 1)
        requested = [e for e in self.events("m") if e["type"] == "mission.abort_requested"]
        self.assertEqual([event["data"]["message"] for event in requested], ["enough"])

    def test_the_second_ctrl_c_of_a_follower_aborts_through_the_owner(self):
        follower = self.start("run", "--resume", "m")
        wait_until(lambda: "begun" in follower.out(), what="the output of the run")
        follower.signal(signal.SIGINT)
        wait_until(lambda: "Press Ctrl-C again" in follower.err(), what="the question")
        follower.signal(signal.SIGINT)
        self.assertEqual(follower.wait().code, 1)
        self.assertEqual(self.owner.wait().code, 1)
        self.assertEqual(self.state("m"), "ABORTED")

    def test_a_follower_takes_the_place_of_an_owner_that_ends(self):
        waiting = self.workflow(f"- {{name: a, script: 'echo x >> \"$T/once\"; {gate('later')}; {gate('end')}'}}", name="waiting")
        follower = self.start("run", waiting, "--name", "mine")
        wait_until(lambda: self.lines("once"), what="the second mission")
        self.owner.kill()
        wait_until(lambda: "going on with the work here" in follower.err(), what="the new owner")
        self.touch("go")
        self.await_state("m", "COMPLETE")
        self.touch("later")
        self.touch("end")
        self.assertEqual(follower.wait().code, 0)
        self.assertEqual(self.lines("once"), ["x"])
        self.audit()

    def test_an_owner_that_does_not_answer_is_named(self):
        (self.data / "control.sock").unlink()
        result = self.refused(5, "run", self.quick, says="in use")
        self.assertIn(str(self.owner.pid), result.err)
        self.assertIn("reeve run", result.err)
        self.end()

    def test_another_directory_is_not_concerned(self):
        self.ok("run", self.quick, "--data", self.dir / "other")
        self.ok("lock", "deploy", "--", "true")
        self.end()

    def test_a_dead_owner_is_replaced_at_once(self):
        self.owner.kill()
        self.ok("run", self.quick)
        self.touch("go")
        self.ok("run", "--resume", "m")

    def test_a_command_of_a_run_waits_for_an_owner_and_never_becomes_it(self):
        inner = f'touch "$T/inner"; {gate("ask")}; {PROGRAM} run "$T/quick.yaml" --name inner; echo "code $?" >> "$T/asked"'
        also = f'{PROGRAM} up; echo "up $?" >> "$T/asked"'
        asking = self.workflow(f"- {{name: a, script: '{inner}; {also}'}}", name="asking")
        follower = self.start("run", asking, "--name", "asking")
        self.await_file("inner")
        follower.kill()
        self.owner.kill()
        self.touch("ask")
        # The first question is given up after its time, the second is refused at once.
        wait_until(lambda: len(self.lines("asked")) == 2, what="the answers")
        self.assertEqual(self.lines("asked"), ["code 5", "up 3"])
        self.assertIn("nobody is there", self.ok("logs", "asking").out)
        self.up()
        self.await_state("asking", "COMPLETE")
        self.refused(4, "status", "inner")
        self.end_up()

    def test_a_command_of_a_run_finds_the_owner_that_comes_back(self):
        inner = f'touch "$T/inner"; {gate("ask")}; touch "$T/asks"; {PROGRAM} run "$T/quick.yaml" --name inner'
        asking = self.workflow(f"- {{name: a, script: '{inner}'}}", name="asking")
        follower = self.start("run", asking, "--name", "asking")
        self.await_file("inner")
        follower.kill()
        self.owner.kill()
        self.touch("ask")
        self.await_file("asks")
        self.up()
        self.await_state("asking", "COMPLETE")
        self.assertEqual(self.state("inner"), "COMPLETE")
        self.end_up()

    def test_a_run_cannot_pass_for_another_run(self):
        # As the supervisor of another run has it: the second word, then the directory of the run;
        # and without the marks of its own.
        self.write("shim", f'{PROGRAM} config set A b 2>> "$T/said"; true\n')
        other = self.run_dir("m.1.a.1")
        posing = self.workflow(f"- {{name: a, script: 'cd \"$T\" && env -i T=\"$T\" REEVE_DATA={self.data} PATH=\"$PATH\" bash shim {other}'}}", name="posing")
        self.assertEqual(self.run_json(posing, "--name", "posing")["status"]["state"], "COMPLETE")
        said = "\n".join(self.lines("said"))
        self.assertIn("run:posing.1.a.1", said)
        self.assertNotIn("run:m.1.a.1", said)
        self.end()

    def test_the_id_of_a_request_is_its_senders_own(self):
        ask = (
            "import json, socket, sys\n"
            "client = socket.socket(socket.AF_UNIX)\n"
            "client.connect(sys.argv[1])\n"
            "args = {'kind': 'channel', 'name': 'c', 'verb': 'send', 'body': {'body': 'x'}}\n"
            "request = {'v': 1, 'id': 'same', 'verb': 'object', 'args': args}\n"
            "client.sendall(json.dumps(request).encode() + b'\\n')\n"
            "print(client.makefile().readline())\n"
        )
        script = self.write("ask.py", ask)
        sock = self.data / "control.sock"
        asking = self.workflow(f"- {{name: a, script: 'python3 {script} {sock}'}}", name="asking")
        for name in ("first", "second"):
            self.assertEqual(self.run_json(asking, "--name", name)["status"]["state"], "COMPLETE")
        for _ in range(2):
            subprocess.run(["python3", script, sock], check=True, capture_output=True)
        received = self.ok("channel", "receive", "c", "--count", "9", "-o", "json").json_lines()
        # One for each run and one for the person, who sent it twice.
        self.assertEqual(len(received), 3)
        self.end()

    def end_up(self):
        self.touch("go")
        self.await_state("m", "COMPLETE")
        self.ok("down")
        self.audit()

    def test_of_many_at_once_one_owns_and_all_get_their_work_done(self):
        self.end()
        counted = self.workflow("- {name: a, script: 'echo x >> \"$T/done\"'}", name="counted")
        rivals = [self.start("run", counted) for _ in range(6)]
        self.assertEqual([rival.wait().code for rival in rivals], [0] * 6)
        self.assertEqual(self.lines("done"), ["x"] * 6)
        self.audit()


if __name__ == "__main__":
    main()
