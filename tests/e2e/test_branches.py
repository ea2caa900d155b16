"""Branches of one mission: what a failure stops, cycles, directories that nobody shares."""

import json

from reeve import ReeveTest, is_alive, main, wait_until


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


    # CHK-B6: three attempts race; the first valid one wins, the others are ended.
    def test_the_first_valid_attempt_wins_and_the_others_are_ended(self):
        document = self.workflow(
            """
            - name: race
              fanOut: {over: "1..3", as: attempt, policy: firstWins}
              timeout: 2m
              script: |
                echo $$ > "$T/racer-$attempt"
                until [ -e "$T/racer-1" ] && [ -e "$T/racer-2" ] && [ -e "$T/racer-3" ]; do sleep 0.02; done
                [ "$attempt" = 2 ] || sleep 600
                echo "::set-output name=made_by::$attempt"
              onCompleted: use
            - {name: use, script: 'echo "$attempt_1_made_by" > "$T/used"'}
            """
        )
        mission = self.run_json(document, "--name", "m")
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.lines("used"), ["2"])
        results = json.loads(self.task(mission, "race")["outputs"]["race-results"])
        self.assertEqual([each["status"] for each in results], ["CANCELLED", "COMPLETED", "CANCELLED"])
        self.assertEqual(
            [self.state(each["mission"]) for each in results], ["ABORTED", "COMPLETE", "ABORTED"]
        )
        for attempt in (1, 3):
            racer = int(self.lines(f"racer-{attempt}")[0])
            wait_until(lambda pid=racer: not is_alive(pid), what="the end of the losers")
        # What is complete stays as it is: reopening is refused, a mission that continues is a new one.
        self.refused(3, "retry", "m", says="COMPLETE")


if __name__ == "__main__":
    main()
