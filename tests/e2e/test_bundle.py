"""What a run leaves for later ones: the context bundle."""

import json

from reeve import ReeveTest, main

BUNDLE = {"decisions": [{"decision": "use SQLite"}], "next_actions": [{"action": "write the code"}]}


class BundleTest(ReeveTest):
    def row(self, mission):
        return self.ok("status", mission, "-o", "json").json()

    def warnings(self, mission):
        events = self.ok("events", mission, "-o", "json").json_lines()
        return [w for event in events for w in event["data"].get("warnings", [])]

    def write_bundle(self, name, bundle):
        (self.dir / name).write_text(json.dumps(bundle))

    def test_a_mission_that_continues_a_killed_one_gets_the_last_valid_bundle(self):
        self.write_bundle("good", BUNDLE)
        self.write_bundle("bad", {"notes": "x", "next_actions": []})
        document = self.workflow(
            """
            - name: plan
              script: 'test -z "$REEVE_BUNDLE_IN"; cat "$T/good" > "$REEVE_BUNDLE"; echo first > plan.md'
              artifacts: {paths: [plan.md]}
            - {name: spoil, needs: [plan], script: 'cat "$T/bad" > "$REEVE_BUNDLE"'}
            - name: work
              needs: [spoil]
              timeout: 2m
              script: |
                cat "$REEVE_BUNDLE_IN" > "$T/seen-$REEVE_MISSION"
                touch "$T/working"
                [ "$REEVE_MISSION" = again ] || while [ ! -e "$T/go" ]; do sleep 0.05; done
            """
        )
        command = self.start("run", document, "--name", "m")
        self.await_file("working")
        command.kill()
        self.reeve("abort", "m")
        self.assertEqual(self.state("m"), "ABORTED")
        self.assertEqual(self.row("m")["status"]["bundle"], BUNDLE)
        self.assertEqual(
            [w.partition(";")[0] for w in self.warnings("m")],
            [
                "$REEVE_BUNDLE was refused: notes: no such section",
                "$REEVE_BUNDLE was refused: next_actions: must not be empty",
            ],
        )
        self.ok("retry", "m", "--name", "again")
        for mission in ("m", "again"):
            self.assertEqual(json.loads((self.dir / f"seen-{mission}").read_text()), BUNDLE)
        _, earlier = self.ok("lineage", "again", "-o", "json").json()["missions"]
        self.assertEqual((earlier["mission"], earlier["relation"], earlier["state"]), ("m", "continued", "ABORTED"))
        self.assertEqual(earlier["decisions"], BUNDLE["decisions"])
        self.assertEqual([(kept["task"], kept["path"]) for kept in earlier["artifacts"]], [("plan", "plan.md")])
        text = self.ok("lineage", "again").out
        for words in ("use SQLite", "plan.md"):
            self.assertIn(words, text)

    def test_a_bundle_of_more_than_two_thousand_tokens_is_refused(self):
        self.write_bundle("long", {"next_actions": [{"action": "x" * 8000}]})
        document = self.workflow(
            """
            - {name: a, script: 'cat "$T/long" > "$REEVE_BUNDLE"'}
            - {name: b, needs: [a], script: 'test -z "$REEVE_BUNDLE_IN"'}
            """
        )
        self.ok("run", document, "--name", "m")
        self.assertNotIn("bundle", self.row("m")["status"])
        self.assertIn("at most 2000 are allowed", self.warnings("m")[0])

    def test_the_bundle_of_a_failed_run_counts_for_its_retry(self):
        self.write_bundle("good", BUNDLE)
        document = self.workflow(
            """
            - name: a
              retry: {max: 1, delay: 1ms}
              script: |
                [ -n "$REEVE_BUNDLE_IN" ] && exec cat "$REEVE_BUNDLE_IN"
                cat "$T/good" > "$REEVE_BUNDLE"
                exit 1
            """
        )
        self.ok("run", document, "--name", "m")
        self.assertEqual(json.loads(self.ok("logs", "m", "a").out), BUNDLE)

    def test_a_credential_in_a_bundle_is_masked(self):
        self.ok("credential", "set", "token", "--from-env", "V", env={"V": "s3cr3t-value"})
        document = self.workflow(
            """
            - name: a
              credentials: {TOKEN: token}
              script: |
                echo '{"next_actions":[{"action":"'"$TOKEN"'"}]}' > "$REEVE_BUNDLE"
            """
        )
        self.ok("run", document, "--name", "m")
        self.assertEqual(
            self.row("m")["status"]["bundle"], {"next_actions": [{"action": "[****]"}]}
        )


main()
