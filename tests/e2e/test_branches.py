"""Branches of one mission: what a failure stops, cycles, directories that nobody shares."""

from reeve import ReeveTest, main


class BranchTest(ReeveTest):
    # CHK-BO.
    def test_what_depends_on_a_failure_is_skipped_and_the_rest_is_carried_out(self):
        document = self.workflow(
            """
            - {name: broken, script: 'touch "$T/failed"; exit 1'}
            - {name: after-broken, needs: [broken], script: 'echo after-broken >> "$T/ran"'}
            - {name: after-both, needs: [after-broken, sound], script: 'echo after-both >> "$T/ran"'}
            - {name: sound, script: 'until [ -e "$T/failed" ]; do sleep 0.02; done; echo sound >> "$T/ran"'}
            - {name: after-sound, needs: [sound], script: 'echo after-sound >> "$T/ran"'}
            """
        )
        mission = self.run_json(document, code=1)
        self.assertEqual(mission["status"]["state"], "FAILED")
        self.assertEqual(
            self.task_states(mission),
            {
                "broken": "FAILED",
                "after-broken": "SKIPPED",
                "after-both": "SKIPPED",
                "sound": "COMPLETE",
                "after-sound": "COMPLETE",
            },
        )
        self.assertEqual(self.lines("ran"), ["sound", "after-sound"])

    # CHK-BO.
    def test_a_cycle_is_refused_before_anything_runs_and_named(self):
        document = self.workflow(
            """
            - {name: a, needs: [c], script: 'touch "$T/ran"'}
            - {name: b, needs: [a], script: 'true'}
            - {name: c, needs: [b], script: 'true'}
            """
        )
        self.refused(3, "run", document, says="a needs c needs b needs a")
        self.assertFalse((self.dir / "ran").exists())

    # CHK-B10.
    def test_two_runs_that_write_the_same_path_never_see_each_others_file(self):
        self.write(
            "write.sh",
            """
            mkdir -p out
            echo "$REEVE_TASK" > out/result.txt
            touch "$T/$REEVE_TASK"
            until [ -e "$T/left" ] && [ -e "$T/right" ]; do sleep 0.02; done
            cat out/* > seen.txt
            """,
        )
        document = self.workflow(
            """
            - {name: left, script: '. "$T/write.sh"', artifacts: {paths: [out, seen.txt]}}
            - {name: right, script: '. "$T/write.sh"', artifacts: {paths: [out, seen.txt]}}
            - {name: join, needs: [left, right], dependencies: [left], script: 'grep -x left out/result.txt'}
            """
        )
        mission = self.run_json(document, "--name", "m")
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        for name in ("left", "right"):
            results = self.data / "missions" / "m" / "results" / name
            self.assertEqual((results / "seen.txt").read_text(), name + "\n")
            self.assertEqual((results / "out" / "result.txt").read_text(), name + "\n")


if __name__ == "__main__":
    main()
