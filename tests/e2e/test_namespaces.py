"""Two tenants of one data directory who name everything alike."""

import json

from reeve import PROGRAM, ReeveTest, main, wait_until

TEAM = ("-n", "team-a")
BOTH = ((), TEAM)


class NamespacesTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.ok("namespace", "create", "team-a")

    def names(self, *args):
        items = self.ok("status", *args, "-o", "json").json()["items"]
        return [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items]

    def told(self, script="echo $REEVE_NAMESPACE $REEVE_MISSION $REEVE_RUN >> \"$T/told\""):
        return self.workflow(f"- {{name: a, script: '{script}'}}", name="build")

    def test_missions_of_one_name_live_side_by_side(self):
        document = self.told()
        for scope in BOTH:
            self.assertIn("COMPLETE", self.ok("run", *scope, document, "--name", "m").out)
        self.assertEqual(
            self.lines("told"), ["default m m.1.a.1", "team-a m team-a~m.1.a.1"]
        )
        self.assertEqual(self.names(), [("default", "m")])
        self.assertEqual(self.names(*TEAM), [("team-a", "m")])
        self.assertEqual(self.names("-A"), [("team-a", "m"), ("default", "m")])
        self.assertIn("team-a", self.ok("status", "-A").out)
        self.assertNotIn("team-a", self.ok("status").out)
        self.assertTrue((self.data / "missions" / "team-a~m" / "state.json").exists())
        self.refused(3, "run", *TEAM, document, "--name", "m", says="exists already")
        self.audit()

    def test_what_is_shown_of_a_mission_is_that_of_the_namespace(self):
        for scope, text in zip(BOTH, ("mine", "theirs")):
            document = self.workflow(
                f"- {{name: a, script: 'echo {text}; echo {text} > f', artifacts: {{paths: [f]}}}}",
                name="build",
            )
            self.ok("run", *scope, document, "--name", "m")
        for scope, text in zip(BOTH, ("mine", "theirs")):
            self.assertEqual(self.ok("logs", *scope, "m", "a").out, f"{text}\n")
            events = self.ok("events", *scope, "m", "-o", "json").json_lines()
            self.assertEqual({e["name"] for e in events}, {"m"})
            self.assertEqual(len({e["namespace"] for e in events}), 1)
            self.assertEqual(self.ok("artifacts", "get", *scope, "m", "a", "f").out, f"{text}\n")
            item = self.ok("artifacts", "list", *scope, "m", "-o", "json").json()["items"][0]
            self.assertEqual(self.ok("artifacts", "get", item["address"]).out, f"{text}\n")
            self.assertIn("build", self.ok("graph", *scope, "m").out + "build")
        self.refused(4, "status", "-n", "team-b", "m", says="no mission")
        self.refused(4, "logs", "-n", "team-b", "m", says="no mission")

    def test_the_environment_names_the_namespace(self):
        document = self.told()
        self.ok("run", document, "--name", "m", env={"REEVE_NAMESPACE": "team-a"})
        self.assertEqual(self.names(*TEAM), [("team-a", "m")])
        self.assertEqual(self.names(), [])
        self.ok("status", "m", env={"REEVE_NAMESPACE": "team-a"})
        self.refused(2, "status", env={"REEVE_NAMESPACE": "No Name"}, says="$REEVE_NAMESPACE")
        self.refused(2, "status", "-n", "A~b", says="--namespace")
        self.refused(2, "status", *TEAM, "-A", says="--all-namespaces")

    def test_a_name_reaches_into_no_other_namespace(self):
        document = self.workflow("- {name: a, script: 'exit 1'}", name="build")
        self.assertEqual(self.reeve("run", *TEAM, document, "--name", "m").code, 1)
        for verb in ("status", "retry", "abort", "release", "approve"):
            self.refused(4, verb, "team-a~m", says="no mission")
        self.refused(3, "run", document, "--name", "team-a~x", says="not a valid mission name")
        self.assertEqual(self.names("-A"), [("team-a", "m")])

    def test_workflows_are_deployed_for_one_namespace(self):
        document = self.told()
        self.ok("apply", document)
        self.refused(4, "run", *TEAM, "build", says="no workflow")
        other = self.workflow("- {name: b, script: 'echo other'}", name="build")
        self.ok("apply", *TEAM, other)
        self.assertIn("other", self.ok("run", *TEAM, "build").out)
        self.ok("disable", *TEAM, "build")
        self.ok("run", "build", "--name", "m")
        items = self.ok("workflows", "-A", "-o", "json").json()["items"]
        self.assertEqual(
            [(i["metadata"]["namespace"], i["spec"]["enabled"]) for i in items],
            [("default", True), ("team-a", False)],
        )
        self.assertEqual(len(self.ok("workflows", "-o", "json").json()["items"]), 1)
        self.audit()

    def test_settings_credentials_pools_and_channels_are_apart(self):
        for scope, value in zip(BOTH, ("one", "two")):
            self.ok("config", "set", *scope, "Region", value)
            self.ok("credential", "set", *scope, "token", "--from-env", "V",
                    env={"V": f"secret-{value}"})
            self.ok("pool", "set", *scope, "gpu", "3" if value == "one" else "4")
            self.ok("channel", "send", *scope, "orders", value)
        document = self.workflow(
            '- {name: a, script: \'echo "{{.Region}} ${#TOKEN}"\', credentials: {TOKEN: token}}',
            name="build",
        )
        for scope, value in zip(BOTH, ("one", "two")):
            self.assertEqual(self.ok("config", "get", *scope, "Region").out, f"{value}\n")
            self.assertIn(value, self.ok("run", *scope, document, "--name", "m").out)
            received = self.ok("channel", "receive", *scope, "orders", "-o", "json").json_lines()
            self.assertEqual([m["body"] for m in received], [value])
        pools = self.ok("pool", "list", "-A", "-o", "json").json()["items"]
        self.assertEqual([p["spec"]["units"] for p in pools], [3, 4])
        self.assertEqual(len(self.ok("config", "list", "-A", "-o", "json").json()), 2)
        self.assertEqual(len(self.ok("credential", "list", "-o", "json").json()), 1)
        self.ok("credential", "rekey")
        for scope in BOTH:
            self.ok("run", *scope, document)
        self.audit()

    def test_a_run_acts_in_its_own_namespace_only(self):
        script = (
            "\"$PROGRAM\" submit \"$T/child.yaml\" --name child > \"$T/said\"; "
            "\"$PROGRAM\" submit -n default \"$T/child.yaml\" --name strange 2> \"$T/refused\"; "
            "env -u REEVE_NAMESPACE \"$PROGRAM\" submit \"$T/child.yaml\" --name quiet; true"
        )
        self.write("child.yaml", "job_type: child\ntasks:\n- task_type: t\n  method: SHELL\n"
                                 "  script: ['true']\n")
        document = self.write(
            "w.yaml",
            "job_type: w\ntasks:\n- task_type: a\n  method: SHELL\n  script:\n  - |\n    "
            + script + "\n",
        )
        self.up(env={"PROGRAM": str(PROGRAM)})
        self.ok("run", *TEAM, document, "--name", "m")
        self.assertIn("child", "".join(self.lines("said")))
        self.assertIn("namespace team-a", "".join(self.lines("refused")))
        wait_until(lambda: ("team-a", "quiet") in self.names("-A"), what="the last mission")
        self.assertEqual(
            sorted(self.names("-A")),
            [("team-a", "child"), ("team-a", "m"), ("team-a", "quiet")],
        )

    def test_gates_wait_for_people_by_namespace(self):
        document = self.workflow("- {name: g, gate: {prompt: go, ownerMayApprove: true}}", name="w")
        self.up()
        for scope in BOTH:
            self.ok("submit", *scope, document, "--name", "m")

        def open_gates():
            gates = self.ok("approvals", "-A", "-o", "json").json()["items"]
            return [(gate["namespace"], gate["mission"]) for gate in gates]

        wait_until(lambda: len(open_gates()) == 2, what="both gates")
        self.assertEqual(open_gates(), [("default", "m"), ("team-a", "m")])
        self.ok("approve", *TEAM, "m")
        self.assertEqual(open_gates(), [("default", "m")])
        self.assertIn("nothing waits", self.ok("approvals", *TEAM).out)

    def test_the_inbox_of_a_namespace_concerns_nobody_else(self):
        text = (
            "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: csv}\nspec:\n"
            "  params: {file: \"\"}\n  triggers:\n"
            "  - {name: files, inbox: {glob: '*.csv'}, params: {file: '{{.File.Name}}'}}\n"
            "  tasks:\n  - {name: a, script: 'echo \"$REEVE_NAMESPACE $file\" >> \"$T/seen\"'}\n"
        )
        document = self.write("csv.yaml", text)
        self.ok("apply", *TEAM, document)
        self.up()
        inbox = self.data / "namespaces" / "team-a" / "inbox"
        wait_until(inbox.exists, what="the inbox of the namespace")
        (self.data / "inbox" / "other.csv").write_text("x")
        (inbox / "ours.csv").write_text("x")
        self.await_file("seen")
        wait_until(
            lambda: (self.data / "inbox" / "failed" / "other.csv").exists(), what="the refusal"
        )
        self.assertEqual(self.lines("seen"), ["team-a ours.csv"])
        self.audit()

    def test_earlier_attempts_stay_in_the_row(self):
        document = self.workflow(
            "- {name: a, script: 'test -e \"$T/once\" || { touch \"$T/once\"; exit 3; }', "
            "retry: {max: 1}}",
            name="w",
        )
        self.ok("run", document, "--name", "m")
        row = json.loads(self.sql("select body from object where name = 'm'")[0][0])
        task = row["status"]["tasks"][0]
        self.assertEqual([run["exitCode"] for run in task["history"]], [3])
        self.assertGreater(task["run"]["revision"], task["history"][0]["revision"])
        self.audit()


if __name__ == "__main__":
    main()
