"""Verbs about objects: they ask a server over HTTP."""

import contextlib
import json
import signal
import sqlite3

from reeve import PROGRAM, ReeveTest, main, wait_until
from server import Kubeconfig, ServerTest, path_of, quota


class ApiTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.flow = self.workflow("- {name: a, script: 'true'}", name="w")

    def test_objects_are_applied_listed_and_deleted(self):
        self.up()
        both = self.write(
            "both.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n---\n"
            + self.flow.read_text(encoding="utf-8"),
        )
        out = self.ok("apply", "-f", both).out
        self.assertIn("namespace/team-a applied", out)
        self.assertIn("workflow.reeve.dev/w applied", out)
        lines = self.ok("get", "workflows").out.splitlines()
        self.assertTrue(lines[0].startswith("NAME "), lines)
        self.assertTrue(lines[1].startswith("w "), lines)
        self.assertEqual(self.ok("get", "workflow", "-o", "name").out,
                         "workflow.reeve.dev/w\n")
        one = self.ok("get", "workflow/w", "-o", "json").json()
        self.assertEqual(one["metadata"]["name"], "w")
        events = self.ok("describe", "workflow", "w").out.split("\nEvents:\n")[1].splitlines()
        self.assertRegex(events[0], r"^  NAME +LAST SEEN +TYPE ")
        self.refused(4, "get", "workflow", "absent", says="not found")
        self.refused(4, "get", "workflwos", says="did you mean workflows")
        self.ok("delete", "workflow", "w")
        self.refused(4, "get", "workflow", "w")

    def test_an_unknown_field_is_refused(self):
        self.up()
        quota = self.write(
            "quota.yaml",
            "apiVersion: reeve.dev/v1\nkind: BudgetQuota\nmetadata: {name: q}\n"
            "spec:\n  limits: {maxTotalTokens: 5, maxTokenTotal: 6}\n",
        )
        self.refused(3, "apply", "-f", quota, says='unknown field "spec.limits.maxTokenTotal"')
        self.refused(4, "get", "budgetquota", "q")

    def test_each_member_that_is_wrong_is_told_with_its_line(self):
        self.up()
        two = self.write(
            "two.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n---\n"
            "apiVersion: reeve.dev/v1\nkind: BudgetQuota\nmetadata: {name: q}\nspec:\n"
            "  limits:\n    maxTotalCost: '5'\n    maxCostPerRun: '6'\n    maxDuration: 0s\n"
            "  period: year\n  enforcement:\n    onDurationLimit: downgrade\n",
        )
        said = self.refused(
            3,
            "apply",
            "-f",
            two,
            says=[
                f"{two}:11:5: spec.limits.maxCostPerRun: ",
                f"{two}:12:5: spec.limits.maxDuration: ",
                f"{two}:13:3: spec.period: ",
                f"{two}:15:5: spec.enforcement.onDurationLimit: ",
            ],
        )
        self.assertEqual(len(said.err.splitlines()), 4, said.err)
        self.assertIn("namespace/team-a applied", said.out)
        unknown = two.read_text(encoding="utf-8").replace("period", "perriod")
        self.write("two.yaml", unknown)
        self.refused(3, "apply", "-f", two, says=f'{two}:13:3: spec.perriod: unknown field "spec.perriod"')

    def test_an_agent_that_could_never_work_is_refused_with_all_that_is_wrong(self):
        self.up()
        agent = self.write(
            "agent.yaml",
            "apiVersion: reeve.dev/v1\nkind: Agent\nmetadata: {name: coder}\nspec:\n"
            "  cli: {command: claude}\n  limits: {duration: 0s}\n  environment:\n    A-B: x\n"
            "  outputSchema:\n    type: objekt\n",
        )
        said = self.refused(
            3,
            "apply",
            "-f",
            agent,
            says=[
                f"{agent}:6:12: spec.limits.duration: ",
                f"{agent}:8:5: spec.environment.A-B: ",
                f"{agent}:10:5: spec.outputSchema.type: ",
            ],
        )
        self.assertEqual(len(said.err.splitlines()), 3, said.err)

    def test_names_that_mean_nothing_are_told_and_the_object_is_stored(self):
        self.up()
        agent = self.write(
            "agent.yaml",
            "apiVersion: reeve.dev/v1\nkind: Agent\nmetadata: {name: coder}\nspec:\n"
            "  cli: {command: claude}\n  model: large\n  tools:\n    - files__*\n",
        )
        said = self.ok("apply", "-f", agent).err.splitlines()
        self.assertEqual(
            said,
            [
                f'reeve: warning: {agent}:6:3: spec.model: there is no ModelRoute and no model "large" in default',
                f'reeve: warning: {agent}:8:7: spec.tools[0]: there is no ToolServer "files" in default',
            ],
        )
        self.write(
            "others.yaml",
            "apiVersion: reeve.dev/v1\nkind: ToolServer\nmetadata: {name: files}\n"
            "spec: {builtin: workspace}\n---\n"
            "apiVersion: reeve.dev/v1\nkind: ModelRoute\nmetadata: {name: models}\nspec:\n"
            "  providers: [{name: p, kind: openai, baseUrl: 'https://api.example.com/v1'}]\n"
            "  models: [{name: 'lar*', provider: p, free: true}]\n",
        )
        self.assertEqual(self.ok("apply", "-f", self.dir / "others.yaml").err, "")
        self.assertEqual(self.ok("apply", "-f", agent).err, "")

    def test_a_token_is_who_it_says_until_it_is_revoked(self):
        self.up()
        text = self.ok("token", "create", "t", "--user", "alice", "--expires", "1h").out
        path = self.write("token", text)
        ask = ["can-i", "delete", "missions", "--server", self._server(), "--token-file", path,
               "--certificate-authority", self.data / "server" / "ca.crt"]
        self.assertEqual(self.refused(1, *ask).out, "no\n")
        self.assertEqual(self.ok("can-i", "delete", "missions").out, "yes\n")
        self.assertNotIn(text.strip(), self.ok("token", "list", "-o", "json").out)
        self.ok("token", "revoke", "t")
        self.refused(3, *ask)

    def test_without_a_server_the_way_out_is_told(self):
        self.refused(5, "get", "missions", says="reeve up")
        self.assertIn("FIELDS:", self.ok("explain", "mission.spec").out)
        self.refused(4, "explain", "mission.spce", says="did you mean spec")
        self.assertIn("missions", self.ok("api-resources").out)

    def _server(self):
        config = (self.data / "kubeconfig").read_text(encoding="utf-8")
        return next(line.split('"')[1] for line in config.splitlines() if "server:" in line)


class EditTest(ServerTest):
    """`reeve edit` with editors that are scripts: $1 is the file, $T the directory of the test."""

    def setUp(self):
        super().setUp()
        self.made_quota("q", tokens=5)
        self.temporary = self.dir / "temporary"
        self.temporary.mkdir()

    def edit(self, script, *args, code=0, says=()):
        """Runs `reeve edit`; nothing of the file may be left, whatever happens."""
        editor = self.write("editor.sh", script)
        env = {"EDITOR": f"sh {editor}", "TMPDIR": str(self.temporary)}
        result = self.refused(code, "edit", *(args or ("budgetquota", "q")), env=env, says=says)
        self.assertEqual(list(self.temporary.iterdir()), [])
        return result

    def tokens(self):
        return self.got(path_of("budgetquotas", "q"))["spec"]["limits"]["maxTotalTokens"]

    def test_what_is_saved_is_written(self):
        out = self.edit('stat -c "%a" "$1" "$(dirname "$1")" > "$T/modes"; cp "$1" "$T/seen"\n'
                        'sed -i "s/maxTotalTokens: 5/maxTotalTokens: 7/" "$1"').out
        self.assertEqual(out, "budgetquota.reeve.dev/q edited\n")
        self.assertEqual(self.lines("modes"), ["600", "700"])
        seen = "\n".join(self.lines("seen"))
        self.assertNotIn("managedFields", seen)
        self.assertNotIn("\nstatus:", seen)
        self.assertEqual(self.tokens(), 7)

    def test_without_a_change_nothing_is_written(self):
        before = self.got(path_of("budgetquotas", "q"))
        self.edit("true", says="nothing was changed")
        self.edit('echo "# a remark" >> "$1"', says="nothing was changed")
        self.edit(': > "$1"', says="the file is empty")
        self.assertEqual(self.got(path_of("budgetquotas", "q")), before)

    def test_what_is_refused_is_edited_again_with_the_reason(self):
        self.edit(
            'cat "$1" >> "$T/seen"; n=$(grep -c "^kind:" "$T/seen")\n'
            'case $n in 1) sed -i "s/maxTotalTokens: 5/maxTotalTokens: -5/" "$1";;\n'
            '2) sed -i "s/maxTotalTokens: -5/maxTotalTokens: [/" "$1";;\n'
            '3) sed -i "s/maxTotalTokens: .*/maxTotalTokens: 8/" "$1";; esac'
        )
        seen = self.lines("seen")
        reasons = [line for line in seen if line.startswith("# It was not written")]
        self.assertIn("spec.limits.maxTotalTokens", reasons[0])
        self.assertEqual(len(reasons), 2, seen)
        self.assertEqual(self.tokens(), 8)

    def test_who_gives_up_is_told_why_nothing_was_written(self):
        self.edit('sed -i "s/maxTotalTokens: 5/maxTotalTokens: -5/" "$1"',
                  code=3, says="maxTotalTokens")
        self.assertEqual(self.tokens(), 5)

    def test_changes_of_others_are_kept_and_shown(self):
        other = f'"{PROGRAM}" apply -f "$T/other.yaml" --force-conflicts >&2'
        self.write("other.yaml", json.dumps(quota("q", tokens=6, labels={"team": "a"})))
        self.edit(
            'cat "$1" >> "$T/seen"; n=$(grep -c "^kind:" "$T/seen")\n'
            f'if [ $n = 1 ]; then {other}\n'
            'sed -i "s/maxTotalTokens: 5/maxTotalTokens: 9/" "$1"; fi'
        )
        seen = "\n".join(self.lines("seen"))
        self.assertIn("changed by somebody else", seen)
        self.assertIn("yours is below: spec.limits.maxTotalTokens", seen)
        now = self.got(path_of("budgetquotas", "q"))
        self.assertEqual(now["metadata"]["labels"], {"team": "a"})
        self.assertEqual(now["spec"]["limits"]["maxTotalTokens"], 9)

    def test_an_editor_that_fails_writes_nothing(self):
        self.edit('sed -i "s/: 5/: 7/" "$1"; exit 3', code=3, says="exit code 3")
        self.assertEqual(self.tokens(), 5)
        self.edit("true", "run", "m.1.a.1", code=3, says="written by the server only")
        self.edit("true", "budgetquota", "none", code=4, says="not found")
        self.refused(3, "edit", "budgetquota", "q", env={"EDITOR": "", "VISUAL": ""},
                     says="$EDITOR")

    def test_a_signal_leaves_no_file(self):
        editor = self.write("editor.sh", 'echo $$ > "$T/editing"; exec tail -f /dev/null')
        env = {"VISUAL": f"sh {editor}", "EDITOR": "false", "TMPDIR": str(self.temporary)}
        command = self.start("edit", "budgetquota", "q", env=env)
        wait_until(lambda: self.lines("editing"), what="the editor")
        command.signal(signal.SIGTERM)
        self.assertEqual(command.wait().code, 3)
        self.assertEqual(list(self.temporary.iterdir()), [])


class DoctorTest(ReeveTest):
    """The section about the server."""

    def findings(self, *args, code=0, **more):
        """What is said about the server, by name; each finding that is not ok has a fix."""
        found = self.refused(code, "doctor", "-o", "json", *args, **more).json()["server"]
        for each in found:
            self.assertIn(each["status"], ("ok", "warn", "fail"))
            self.assertEqual(bool(each["fix"]), each["status"] != "ok", each)
        return {each["name"]: each for each in found}

    def up_at(self, *args):
        owner = self.up("--server-listen", "127.0.0.1:0", *args)
        return owner, Kubeconfig(self.data / "kubeconfig").server

    def test_without_a_server_there_is_nothing_to_say(self):
        self.assertEqual(self.findings(), {})
        self.assertFalse(self.data.exists())

    def test_a_server_that_is_well(self):
        self.up_at()
        found = self.findings()
        self.assertEqual({name: f["status"] for name, f in found.items() if f["status"] != "ok"}, {},
                         found)
        self.assertEqual(
            set(found),
            {"server-address", "server-tls", "server-certificate", "server-version", "health-storage",
             "health-certificate", "server-clock", "server-descriptors", "private-files", "journal"},
        )
        self.assertIn("127.0.0.1", found["server-address"]["detail"])
        self.assertIn("TLSv1.3", found["server-tls"]["detail"])
        text = self.ok("doctor").out
        self.assertIn("ok      server-address: https://127.0.0.1:", text)

    def test_one_that_has_stopped(self):
        owner, url = self.up_at()
        owner.signal(signal.SIGTERM)
        owner.wait()
        found = self.findings()
        self.assertEqual(found["journal"]["status"], "ok")
        self.assertNotIn("server-tls", found)
        # Who names it expects it to be there.
        found = self.findings("--server", url, code=1)
        self.assertEqual(found["server-address"]["status"], "fail")

    def test_who_does_not_know_the_authority_is_told(self):
        _, url = self.up_at()
        found = self.findings("--server", url, code=1)
        self.assertIn("certificate", found["server-tls"]["detail"])
        self.assertIn("--certificate-authority", found["server-tls"]["fix"])
        # Who is nobody sees no numbers.
        ca = self.data / "server" / "ca.crt"
        found = self.findings("--server", url, "--certificate-authority", ca)
        self.assertEqual(found["server-tls"]["status"], "ok")
        self.assertEqual(found["server-descriptors"]["status"], "warn")
        named = url.replace("127.0.0.1", "127.0.0.2")
        found = self.findings("--server", named, "--certificate-authority", ca, code=1)
        self.assertEqual(found["server-address"]["status"], "fail")

    def test_what_others_could_read_and_what_does_not_suffice(self):
        (self.dir / "data").mkdir()
        self.write("data/reeve.yaml", "limits: {connections_max: 1000000}\n")
        self.up_at()
        key = self.data / "server" / "server.pem"
        for path in (self.data / "kubeconfig", key):
            path.chmod(0o644)
        text = self.ok("doctor").out
        self.assertIn(f"chmod 600 {self.data}/kubeconfig {key};", text)
        self.assertIn("LimitNOFILE=1000256", text)

    def test_plain_text_is_pointed_out(self):
        self.up("--server-listen", "127.0.0.1:0", "--server-tls", "off")
        self.assertEqual(self.findings()["server-tls"]["status"], "warn")

    def test_a_changed_journal_is_found(self):
        self.ok("run", self.workflow("- {name: a, script: 'true'}"))
        with contextlib.closing(sqlite3.connect(self.data / "reeve.db")) as store, store:
            store.execute("DROP TRIGGER event_is_never_changed")
            store.execute("UPDATE event SET at = at + 1 WHERE revision = (SELECT MAX(revision) FROM event)")
        found = self.findings(code=1)
        self.assertIn("not the one that was written", found["journal"]["detail"])


class TopTest(ServerTest):
    def busy(self):
        """A mission with a process that computes, below one that waits for it."""
        script = 'sh -c \'echo $$ > "$T/busy"; while test ! -e "$T/enough"; do :; done\'; true'
        flow = self.workflow(f"- name: a\n  script: |\n    {script}", name="busy")
        self.ok("submit", flow, "--name", "m")
        self.await_file("busy")

    def top(self, *args):
        return self.ok("top", "--interval", "200ms", *args)

    def test_what_computes_is_seen(self):
        self.busy()
        seen = wait_until(
            lambda: next((t for t in [self.top("-o", "json").json()] if t["runs"][0]["cpu"]), None),
            what="the processor time of a run",
        )
        run, mission = seen["runs"][0], seen["missions"][0]
        self.assertEqual((run["name"], run["state"], run["task"]), ("m.1.a.1", "ACTIVE", "a"))
        # The shim, its shell, and the shell that computes.
        self.assertGreaterEqual(run["processes"], 3)
        self.assertGreater(run["memoryBytes"], 1 << 20)
        self.assertEqual((mission["name"], mission["runs"]), ("m", 1))
        self.assertEqual(mission["memoryBytes"], run["memoryBytes"])
        self.assertEqual(seen["missionsByState"], {"ACTIVE": 1})
        self.assertEqual(seen["hosts"][0]["used"], 1)
        self.assertGreater(seen["server"]["requestsPerSecond"], 0)
        self.assertGreater(seen["server"]["memoryBytes"], 1 << 20)
        text = self.top("-A").out
        self.assertRegex(text, r"(?m)^NAMESPACE +RUN +STATE")
        self.assertRegex(text, r"(?m)^default +m\.1\.a\.1 +ACTIVE .* \d+%")
        self.assertNotIn("\x1b", text)
        self.assertEqual(self.top("missions").out.splitlines()[0].split()[0], "MISSION")
        self.touch("enough")
        self.await_mission("m", "COMPLETE")
        self.assertEqual(self.top("runs").out, "No runs.\n")

    def test_it_goes_on_until_nobody_looks(self):
        command = self.start("top", "--watch", "--interval", "100ms", "-o", "json")
        wait_until(lambda: len(command.out().splitlines()) >= 3, what="three looks")
        for line in command.out().splitlines()[:3]:
            self.assertEqual(json.loads(line)["missions"], [])
        command.signal(signal.SIGTERM)
        command.wait()

    def test_whoever_may_not_see_the_server_sees_missions(self):
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"},
                "rules": [{"apiGroups": ["reeve.dev"], "resources": ["missions", "runs"], "verbs": ["list"]}]}
        binding = {"apiVersion": role["apiVersion"], "kind": "ClusterRoleBinding", "metadata": {"name": "r"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
                   "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "alice"}]}
        for each in (role, binding):
            self.made(f"/apis/{role['apiVersion']}/{each['kind'].lower()}s", each)
        token = self.write("token", self.ok("token", "create", "t", "--user", "alice").out)
        seen = self.top("--token-file", token, "-o", "json").json()
        self.assertIsNone(seen["server"]["cpu"])
        self.assertEqual(seen["hosts"], [])
        self.refused(3, "top", "--interval", "1ms", says="--interval")


if __name__ == "__main__":
    main()
