"""Ctrl-C, SIGTERM and SIGHUP to `reeve run`."""

import signal

from reeve import ReeveTest, gate, is_alive, main, wait_until


class SignalTest(ReeveTest):
    def setUp(self):
        super().setUp()
        document = self.workflow(
            f"""
            - name: work
              script: 'echo $$ > "$T/pid"; echo x >> "$T/ran"; touch "$T/working"; {gate("go")}'
            - {{name: clean, alwaysRun: true, timeout: 10s, script: 'touch "$T/cleaned"'}}
            """
        )
        self.command = self.start("run", document, "--name", "m")
        self.await_file("working")

    def test_one_ctrl_c_asks_and_the_mission_goes_on(self):
        self.command.signal(signal.SIGINT)
        wait_until(lambda: "Press Ctrl-C again" in self.command.err(), what="the question")
        self.assertEqual(self.state("m"), "ACTIVE")
        self.touch("go")
        self.assertEqual(self.command.wait().code, 0)
        self.assertEqual(self.state("m"), "COMPLETE")

    def test_a_second_ctrl_c_aborts_and_cleans_up(self):
        pid = int((self.dir / "pid").read_text())
        self.command.signal(signal.SIGINT)
        wait_until(lambda: "Press Ctrl-C again" in self.command.err(), what="the question")
        self.command.signal(signal.SIGINT)
        result = self.command.wait()
        self.assertEqual(result.code, 1, str(result))
        mission = self.mission("m")
        self.assertEqual(mission["status"]["state"], "ABORTED")
        self.assertEqual(self.task(mission, "work")["state"], "ABORTED")
        self.assertEqual(self.task(mission, "clean")["state"], "COMPLETE")
        self.assertTrue((self.dir / "cleaned").exists())
        self.assertFalse(is_alive(pid))
        self.audit()

    def test_term_and_hup_stop_following_and_the_run_goes_on(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                self.command.signal(number)
                result = self.command.wait()
                self.assertEqual(result.code, 1, str(result))
                self.assertIn("reeve run --resume m", result.err)
                self.assertEqual(self.state("m"), "ACTIVE")
                self.assertTrue(is_alive(int((self.dir / "pid").read_text())))
                self.command = self.start("run", "--resume", "m")
                wait_until((self.data / "owner").exists, what="the next owner")
        self.touch("go")
        self.assertEqual(self.command.wait().code, 0)
        self.assertEqual(self.lines("ran"), ["x"])
        self.audit()


if __name__ == "__main__":
    main()
