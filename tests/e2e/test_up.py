"""The long-running owner: `reeve up`, `down`, `submit`, and who may ask it."""

import json
import os
import pwd
import signal
import socket

from reeve import PROGRAM, ReeveTest, gate, is_alive, main, wait_until


class UpTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.quick = self.workflow("- {name: a, script: 'echo quick'}", name="quick")
        self.waiting = self.workflow(
            f"""
            - {{name: a, script: 'echo $$ > "$T/pid"; echo x >> "$T/ran"; {gate("go")}'}}
            """,
            name="waiting",
        )

    def ask(self, line):
        """One line to the owner, and its answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.data / "control.sock"))
            client.sendall(line.encode() + b"\n")
            return json.loads(client.makefile().readline())

    def test_it_carries_out_what_is_submitted_and_what_is_run(self):
        owner = self.up()
        self.assertEqual(self.ok("submit", self.quick, "--name", "one").out, "mission one\n")
        self.await_state("one", "COMPLETE")
        self.assertEqual(self.run_json(self.quick, "--name", "two")["status"]["state"], "COMPLETE")
        reply = self.ok("submit", self.quick, "-o", "json").json()
        self.assertEqual(sorted(reply), ["mission", "revision", "state", "uid"])
        self.await_state(reply["mission"], "COMPLETE")
        self.ok("down")
        self.assertEqual(owner.wait().code, 0)
        self.audit()

    def test_what_is_refused_has_its_place_in_the_file(self):
        self.up()
        bad = self.write("bad.yaml", "kind: Workflow\n")
        self.refused(3, "submit", bad, says="bad.yaml:")
        self.refused(4, "submit", self.dir / "absent.yaml", says="absent.yaml")
        self.refused(3, "submit", self.quick, "--name", "no/name", says="name")
        self.ok("submit", self.quick, "--name", "m")
        self.refused(3, "submit", self.quick, "--name", "m", says="exists already")

    def test_without_an_owner_submit_says_what_to_do(self):
        self.refused(5, "submit", self.quick, says=["nobody is there", "reeve up"])
        self.ok("run", self.quick)
        self.refused(5, "submit", self.quick, says=["nobody is there", "reeve up"])
        self.ok("down")

    def test_runs_outlive_it_and_the_next_one_takes_them_over(self):
        for number in (signal.SIGTERM, signal.SIGINT, None):
            with self.subTest(number):
                name = f"m{number or 0}"
                owner = self.up()
                (self.dir / "pid").unlink(missing_ok=True)
                self.ok("submit", self.waiting, "--name", name)
                self.await_file("pid")
                pid = wait_until(lambda: (self.dir / "pid").read_text().strip(), what="the pid")
                if number is None:
                    self.ok("down")
                else:
                    owner.signal(number)
                self.assertEqual(owner.wait().code, 0)
                self.assertTrue(is_alive(int(pid)))
        self.up()
        self.touch("go")
        for name in ("m15", "m2", "m0"):
            self.await_state(name, "COMPLETE")
        self.assertEqual(self.lines("ran"), ["x"] * 3)
        self.ok("down")
        self.audit()

    def test_killed_it_leaves_a_socket_that_the_next_one_replaces(self):
        self.up().kill()
        self.assertTrue((self.data / "control.sock").exists())
        owner = self.up()
        self.ok("submit", self.quick, "--name", "m")
        self.await_state("m", "COMPLETE")
        owner.signal(signal.SIGTERM)
        owner.wait()
        self.assertFalse((self.data / "control.sock").exists())

    def test_a_second_one_is_refused_and_a_command_is_not_stopped(self):
        owner = self.up()
        self.refused(5, "up", says=["in use", str(owner.pid), "reeve up"])
        self.ok("down")
        owner.wait()
        command = self.start("run", self.waiting, "--name", "m")
        self.await_file("ran")
        self.refused(3, "down", says="ends by itself")
        self.touch("go")
        self.assertEqual(command.wait().code, 0)

    def test_a_follower_waits_until_it_is_back(self):
        owner = self.up()
        follower = self.start("run", self.waiting, "--name", "m")
        self.await_file("ran")
        owner.kill()
        wait_until(lambda: "waiting for it to come back" in follower.err(), what="the notice")
        self.up()
        wait_until(lambda: "has an owner again" in follower.err(), what="the other notice")
        self.touch("go")
        self.assertEqual(follower.wait().code, 0)
        self.assertEqual(self.lines("ran"), ["x"])

    def test_a_held_mission_is_released_while_it_is_followed(self):
        paused = self.workflow(
            """
            - name: a
              script: 'test -e "$T/second" && exit 0; touch "$T/second"; exit 3'
              onExitCode: {3: PAUSE_JOB}
            """,
            name="paused",
            spec="pauseTime: 10m",
        )
        self.up()
        follower = self.start("run", paused, "--name", "m")
        self.await_state("m", "HELD")
        self.ok("release", "m")
        self.assertEqual(follower.wait().code, 0)

    def test_a_request_that_is_repeated_is_carried_out_once(self):
        self.up()
        request = {
            "v": 1, "id": "same", "verb": "submit", "args": {"source": self.quick.read_text()},
        }
        first = self.ask(json.dumps(request))
        self.assertEqual(self.ask(json.dumps(request))["ok"]["mission"], first["ok"]["mission"])
        self.await_state(first["ok"]["mission"], "COMPLETE")
        self.ok("down")
        self.up()
        self.assertEqual(self.ask(json.dumps(request))["ok"]["mission"], first["ok"]["mission"])
        self.assertEqual(len(self.ok("status", "-o", "name").out.split()), 1)

    def test_it_answers_nonsense_and_lives(self):
        owner = self.up()
        for line in ("", "{}", "[1]", '{"v":9,"verb":"hello"}', '{"v":1,"verb":"dance"}', "\x00\x01"):
            with self.subTest(line):
                self.assertEqual(self.ask(line)["error"]["code"], "invalid")
        self.assertIn("ok", self.ask('{"v":1,"verb":"hello"}'))
        self.assertTrue(owner.running())

    def test_a_process_of_a_run_is_that_run_and_not_its_user(self):
        owner = self.up()
        program = os.path.abspath(PROGRAM)
        self.ok("submit", self.waiting, "--name", "victim")
        self.await_file("ran")
        agent = self.workflow(
            f"""
            - {{name: open, script: '"{program}" retry victim; "{program}" abort victim -m marked || true', onCompleted: bare}}
            - {{name: bare, script: 'env -i "{program}" down --data "{self.data}" 2> "$T/told"; echo $? >> "$T/told"'}}
            """,
            name="agent",
        )
        self.ok("run", agent, "--name", "agent")
        requested = [e for e in self.events("victim") if e["type"] == "mission.abort_requested"]
        self.assertEqual([event["actor"] for event in requested], ["run:agent.1.open.1"])
        self.assertIn("a run may not stop", (self.dir / "told").read_text())
        self.assertEqual(self.lines("told")[-1], "3")
        self.assertTrue(owner.running())
        created = [e for e in self.events("agent") if e["type"] == "mission.created"]
        login = pwd.getpwuid(os.geteuid()).pw_name
        self.assertEqual([event["actor"] for event in created], [f"user:{login}"])

    def test_hangup_costs_nothing(self):
        owner = self.up()
        self.ok("submit", self.waiting, "--name", "m")
        self.await_file("ran")
        ownership = (self.data / "owner" / "owner.json").read_text()
        for number in range(3):
            owner.signal(signal.SIGHUP)
            wait_until(lambda: owner.err().count("read again") == number + 1, what="the notice")
            self.ok("submit", self.quick, "--name", f"q{number}")
        self.assertEqual(owner.out().count("ready:"), 1)
        # Nobody could take the directory in between, or find it without an owner.
        self.assertEqual((self.data / "owner" / "owner.json").read_text(), ownership)
        self.touch("go")
        for name in ("m", "q0", "q1", "q2"):
            self.await_state(name, "COMPLETE")
        self.assertEqual(self.lines("ran"), ["x"])
        self.ok("down")
        self.assertEqual(owner.wait().code, 0)
        self.audit()

    def test_it_tells_the_service_manager(self):
        path = self.dir / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(60)
            self.up(env={"NOTIFY_SOCKET": str(path)})
            self.assertEqual(manager.recv(100), b"READY=1")
            self.ok("down")
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_another_user_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to be somebody else")
        self.up()
        os.chmod(self.dir, 0o755)
        os.chmod(self.data, 0o755)
        os.chmod(self.data / "control.sock", 0o666)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.data / "control.sock"))
                os.write(writer, client.makefile().readline().encode())
            os._exit(0)
        os.waitpid(child, 0)
        answer = json.loads(os.read(reader, 10_000))
        self.assertEqual(answer["error"]["code"], "permission_denied")


if __name__ == "__main__":
    main()
