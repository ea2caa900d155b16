"""examples/saga.yaml on the real program: what happened is undone in reverse order, once each (CHK-C12)."""

import pathlib

from reeve import ReeveTest, main, wait_until

SAGA = pathlib.Path(__file__).resolve().parents[2] / "examples" / "saga.yaml"
BOOKED = ["booked flight m", "booked hotel m", "booked car m"]
CANCELLED = ["cancelled car m", "cancelled hotel m", "cancelled flight m"]


class SagaTest(ReeveTest):
    def saga(self, **params):
        words = [SAGA, "--name", "m", "-p", f"ledger={self.dir / 'ledger'}"]
        for name, value in params.items():
            words += ["-p", f"{name}={value}"]
        return words

    def check_undone(self):
        mission = self.mission("m")
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertEqual(self.lines("ledger"), BOOKED + CANCELLED)
        self.assertEqual(
            self.task_states(mission),
            {"flight": "COMPLETE", "hotel": "COMPLETE", "car": "COMPLETE", "insurance": "FAILED", "dinner": "SKIPPED"},
        )
        self.assertTrue(mission["status"]["compensated"])
        self.assertIn("mission m FAILED, compensated, in ", self.ok("status", "m").out)
        self.assertIn("compensated; task insurance failed", self.ok("status").out)
        self.audit()
        return mission

    def test_all_of_them(self):
        mission = self.run_json(*self.saga())
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(len(self.lines("ledger")), 5)

    def test_or_none(self):
        self.run_json(*self.saga(fails="insurance"), code=1)
        self.check_undone()

    def test_kill_9_at_every_step_changes_nothing(self):
        command = self.start("run", *self.saga(fails="insurance"))
        for entries in range(1, 7):
            wait_until(lambda count=entries: len(self.lines("ledger")) >= count, what=f"entry {entries}")
            command.kill()
            command = self.start("run", "--resume", "m")
        self.assertEqual(command.wait().code, 1)
        self.check_undone()
        # Four steps and three undone ones: no run was repeated, none was lost.
        self.assertEqual(self.types("m").count("run.created"), 7)

    def test_an_undo_that_fails_waits_for_a_person_and_goes_on(self):
        command = self.start("run", *self.saga(fails="insurance", stuck="hotel"))
        self.await_state("m", "HELD")
        (hold,) = self.mission("m")["status"]["holds"]
        self.assertEqual((hold["kind"], hold["subject"]), ("compensation_failed", "hotel"))
        self.assertEqual(self.lines("ledger"), BOOKED + CANCELLED[:1])
        self.touch("ledger.mended")
        self.reeve("release", "m")
        self.assertEqual(command.wait().code, 1)
        self.check_undone()

    def test_an_undo_that_is_given_up_leaves_the_saga_uncompensated(self):
        command = self.start("run", *self.saga(fails="insurance", stuck="hotel"))
        self.await_state("m", "HELD")
        self.reeve("abort", "m")
        self.assertEqual(command.wait().code, 1)
        self.assertEqual(self.lines("ledger"), BOOKED + CANCELLED[:1] + CANCELLED[2:])
        self.assertNotIn("compensated", self.mission("m")["status"])
        self.assertNotIn("compensated", self.ok("status", "m").out)


if __name__ == "__main__":
    main()
