"""Deployed workflows: apply, list, run by name, and cron triggers that fire once for each tick."""

import json

from reeve import ReeveTest, main, wait_until

PULSE = """job_type: pulse
cron_trigger: "* * * * * * *"
tasks:
- task_type: beat
  method: SHELL
  script:
    - 'echo "$REEVE_MISSION" >> "$T/beats"'
"""


class WorkflowsTest(ReeveTest):
    def deployed(self, *args):
        return self.ok("workflows", *args, "-o", "json").json()["items"]

    def fired(self):
        """The data of every event that says that a trigger made a mission."""
        rows = self.sql("select data from event where type = 'trigger.fired' order by revision")
        return [json.loads(row[0]) for row in rows]

    def test_apply_deploys_and_says_what_changed(self):
        one = self.workflow("- {name: a, script: 'echo one'}", name="one")
        two = self.workflow("- {name: a, script: 'echo two'}", name="two")
        result = self.ok("apply", one, two)
        self.assertEqual(
            result.out,
            "workflow one deployed, generation 1\nworkflow two deployed, generation 1\n",
        )
        self.assertEqual(self.ok("apply", one).out, "workflow one unchanged\n")
        self.workflow("- {name: a, script: 'echo changed'}", name="one")
        self.assertEqual(self.ok("apply", one).out, "workflow one deployed, generation 2\n")
        self.assertEqual([item["metadata"]["name"] for item in self.deployed()], ["one", "two"])
        self.assertIn("one", self.ok("workflows").out)
        self.refused(4, "workflows", "onne", says="did you mean")
        self.audit()

    def test_apply_checks_every_file_before_it_deploys_one(self):
        good = self.workflow("- {name: a, script: 'true'}", name="good")
        bad = self.write("bad.yaml", "kind: Workflow\n")
        self.refused(3, "apply", good, bad, says="bad.yaml")
        self.refused(4, "apply", good, self.dir / "absent.yaml", says="absent.yaml")
        self.assertFalse(self.data.exists())

    def test_a_cron_expression_that_never_fires_is_refused_with_its_place(self):
        late = self.write("late.yaml", PULSE.replace("* * * * * * *", "0 0 0 1 1 * 2020"))
        self.refused(3, "apply", late, says=["late.yaml", "triggers.cron"])

    def test_missions_are_made_by_name_and_version(self):
        document = self.workflow("- {name: a, script: 'echo first'}", name="w")
        self.ok("apply", document)
        digest = self.deployed()[0]["spec"]["digest"]
        self.workflow("- {name: a, script: 'echo second'}", name="w")
        self.ok("apply", document)
        self.assertIn("second", self.ok("run", "w", "--name", "now").out)
        self.assertIn("first", self.ok("run", f"w@{digest[:12]}", "--name", "then").out)
        self.refused(4, "run", "v", says=["no workflow", "no file of this name"])
        self.up()
        self.ok("submit", "w", "--name", "later")
        self.await_state("later", "COMPLETE")
        self.assertEqual(self.ok("disable", "w").out, "workflow w disabled\n")
        self.refused(3, "submit", "w", says=["disabled", "reeve enable w"])
        self.ok("enable", "w")
        self.ok("run", "w")
        self.refused(4, "disable", "absent", says="no workflow")

    def test_a_user_key_names_one_mission_that_is_not_over(self):
        held = self.workflow(
            "- {name: a, script: 'until [ -e \"$T/go\" ]; do sleep 0.02; done'}", name="held"
        )
        self.up()
        first = self.ok("submit", held, "--user-key", "k", "-o", "json").json()
        again = self.reeve("submit", held, "--user-key", "k", "-o", "json")
        self.assertEqual(again.json()["mission"], first["mission"])
        self.assertIn("no other one was made", again.err)
        self.touch("go")
        self.await_state(first["mission"], "COMPLETE")
        other = self.ok("submit", held, "--user-key", "k", "-o", "json").json()
        self.assertNotEqual(other["mission"], first["mission"])
        self.await_state(other["mission"], "COMPLETE")

    def test_a_mission_that_was_aborted_gives_its_user_key_back(self):
        held = self.workflow("- {name: a, script: 'touch \"$T/began\"; exec sleep 1000'}", name="held")
        self.up()
        first = self.ok("submit", held, "--user-key", "k", "-o", "json").json()
        self.await_file("began")
        self.ok("abort", first["mission"])
        other = self.ok("submit", held, "--user-key", "k", "-o", "json").json()
        self.assertNotEqual(other["mission"], first["mission"])
        self.assertEqual(self.state(first["mission"]), "ABORTED")
        self.ok("abort", other["mission"])

    def test_each_tick_makes_one_mission_whoever_is_killed_when(self):
        self.ok("apply", self.write("pulse.yaml", PULSE))
        for _ in range(4):
            before = len(self.fired())
            owner = self.up()
            wait_until(lambda: len(self.fired()) >= before + 2, what="two ticks")
            owner.kill()
        self.up()
        self.ok("disable", "pulse")
        fired = self.fired()
        ticks = [event["tick"] for event in fired]
        self.assertEqual(len(ticks), len(set(ticks)))
        missions = [event["mission"] for event in fired]
        self.assertEqual(len(missions), len(set(missions)))
        for mission in missions:
            self.await_state(mission, "COMPLETE")
        self.assertEqual(sorted(self.lines("beats")), sorted(missions))
        names = self.ok("status", "-o", "name", "--limit", "1000").out.split()
        self.assertEqual(len(names), len(missions))
        trigger = self.deployed()[0]["status"]["triggers"][0]
        self.assertEqual(trigger["fired"], len(missions))
        self.ok("down")
        self.audit()

    def test_a_disabled_workflow_does_not_fire(self):
        self.up()
        self.ok("apply", self.write("pulse.yaml", PULSE))
        wait_until(self.fired, what="a tick")
        self.ok("disable", "pulse")
        count = len(self.fired())
        self.assertIn("rests", self.ok("workflows").out)
        self.ok("enable", "pulse")
        self.assertIn("next ", self.ok("workflows").out)
        wait_until(lambda: len(self.fired()) > count, what="another tick")
        self.ok("disable", "pulse")
        for event in self.fired():
            self.await_state(event["mission"], "COMPLETE")


if __name__ == "__main__":
    main()
