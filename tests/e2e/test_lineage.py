"""Missions after missions, reopened missions, and where a mission comes from."""

import json

from reeve import ReeveTest, gate, main, wait_until


class LineageTest(ReeveTest):
    def waiting(self, end="true"):
        return self.workflow(
            f"""
            - name: a
              script: |
                {gate("go")}
                {end}
            """
        )

    def ready(self):
        found = self.ok("ready", "-o", "json").json()
        return found["ready"], found["waiting"]

    def test_a_mission_starts_when_the_ones_before_it_are_complete(self):
        self.up()
        self.ok("submit", self.waiting(), "--name", "first")
        quick = self.workflow("- {name: b, script: 'true'}", name="quick")
        self.ok("submit", quick, "--name", "second", "--after", "first")
        self.ok("submit", quick, "--name", "third", "--after", "first", "--after", "second")
        status = self.ok("status", "second", "-o", "json").json()
        self.assertEqual(status["spec"]["after"], ["first"])
        self.assertEqual((status["status"]["state"], status["status"]["reason"]), ("HELD", "dependency"))
        reason = "dependency: starts when mission first is COMPLETE"
        self.assertIn(reason, self.ok("status").out)
        ready, waiting = self.ready()
        self.assertEqual(ready, [])
        self.assertIn({"mission": "second", "state": "HELD", "reasons": [reason]}, waiting)
        self.assertIn(f"waiting  second  {reason}", self.ok("ready").out)
        self.refused(4, "submit", quick, "--after", "nobody", says='no mission "nobody"')
        self.touch("go")
        self.await_state("third", "COMPLETE")
        self.assertEqual(self.ready(), ([], []))
        self.ok("submit", quick, "--name", "late", "--after", "first")
        self.await_state("late", "COMPLETE")
        self.audit()

    def test_a_kill_between_the_two_changes_nothing(self):
        owner = self.up()
        self.ok("submit", self.waiting("exit 3"), "--name", "first")
        quick = self.workflow("- {name: b, script: 'true'}", name="quick")
        self.ok("submit", quick, "--name", "second", "--after", "first")
        owner.kill()
        self.touch("go")
        self.up()
        self.await_state("second", "ABORTED")
        message = self.ok("status", "second", "-o", "json").json()["status"]["message"]
        self.assertIn("mission first, which had to complete first, has ended FAILED", message)
        self.refused(3, "submit", quick, "--after", "first", says="has ended FAILED")

    def test_a_complete_mission_is_reopened_from_a_task(self):
        bundle = {"decisions": [{"decision": "use X", "rationale": "small"}],
                  "next_actions": [{"action": "go on"}]}
        (self.dir / "bundle").write_text(json.dumps(bundle))
        document = self.workflow(
            """
            - name: a
              script: echo a >> "$T/ran"; echo kept > a.txt; cat "$T/bundle" > "$REEVE_BUNDLE"
              artifacts: {paths: [a.txt]}
            - {name: b, needs: [a], script: 'echo b >> "$T/ran"'}
            """
        )
        self.ok("run", document, "--name", "m")
        self.refused(3, "retry", "m", says="--reopen")
        self.refused(2, "retry", "m", "--reopen")
        self.refused(2, "retry", "m", "--from", "b")
        self.refused(4, "retry", "m", "--reopen", "-m", "x", "--from", "z", says='no task "z"')
        self.ok("retry", "--reopen", "m", "-m", "late data", "--from", "b", "--name", "again")
        self.assertEqual((self.dir / "ran").read_text().split(), ["a", "b", "b"])
        self.assertEqual(self.state("m"), "COMPLETE")
        lineage = self.ok("lineage", "again", "-o", "json").json()
        again, first = lineage["missions"]
        self.assertEqual((again["mission"], again["reopened"]), ("again", "late data"))
        self.assertEqual(
            (first["mission"], first["relation"], first["of"], first["state"]),
            ("m", "continued", "again", "COMPLETE"),
        )
        for one in (again, first):
            self.assertEqual(one["decisions"], bundle["decisions"])
            self.assertEqual([(f["task"], f["path"]) for f in one["artifacts"]], [("a", "a.txt")])
        self.assertTrue(lineage["complete"])
        later = self.ok("lineage", "m", "-o", "json").json()["later"]
        self.assertEqual(later, [{"mission": "again", "relation": "continued_by"}])
        text = self.ok("lineage", "again").out
        self.assertIn("decided: use X (small)", text)
        self.assertIn("reopened: late data", text)
        self.refused(4, "lineage", "nobody", says='no mission "nobody"')
        context = self.data / "missions" / "again" / "context.md"
        self.assertIn("- use X\n  rationale: small\n", context.read_text())

    def test_the_owner_removes_what_has_expired_when_it_starts(self):
        upload = self.write("data.csv", "a;b\n")
        self.ok("artifacts", "put", upload, "--expires", "1ms")
        self.ok("run", self.workflow("- {name: t, script: 'true'}"))
        owner = self.up()
        wait_until(lambda: "expired: 1 uploads" in owner.err(), what="the sweep")


main()
