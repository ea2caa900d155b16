"""One owner for each data directory; reading always works."""

from reeve import ReeveTest, gate, main, wait_until


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

    def test_a_second_owner_is_refused_and_told_who_the_first_is(self):
        for args in (("run", self.quick), ("run", "--resume", "m"), ("retry", "m"), ("abort", "m")):
            with self.subTest(args):
                result = self.refused(5, *args, says="in use")
                self.assertIn(str(self.owner.pid), result.err)
                self.assertIn("reeve run", result.err)
        self.assertEqual([item for item in self.ok("status", "-o", "name").out.split()], ["mission/m"])
        self.end()
        self.ok("run", self.quick)

    def test_another_directory_is_not_concerned(self):
        self.ok("run", self.quick, "--data", self.dir / "other")
        self.ok("lock", "deploy", "--", "true")
        self.end()

    def test_a_dead_owner_is_replaced_at_once(self):
        self.owner.kill()
        self.ok("run", self.quick)
        self.touch("go")
        self.ok("run", "--resume", "m")

    def test_of_many_at_once_exactly_one_wins(self):
        self.end()
        gated = self.workflow(f"- {{name: a, script: 'echo x >> \"$T/won\"; {gate('open')}'}}", name="gated")
        rivals = [self.start("run", gated) for _ in range(6)]
        wait_until(lambda: sum(rival.running() for rival in rivals) == 1, what="five refusals")
        self.touch("open")
        codes = sorted(rival.wait().code for rival in rivals)
        self.assertEqual(codes, [0, 5, 5, 5, 5, 5])
        self.assertEqual(self.lines("won"), ["x"])


if __name__ == "__main__":
    main()
