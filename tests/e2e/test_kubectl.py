"""Every kubectl that this machine has, against the server: what its users type, and what they see.

`$KUBECTL_1_20` names one of that version. The oldest and the newest one do everything; those between
them do what differs between versions, unless `REEVE_KUBECTLS=ends` leaves them out. Each story has a
namespace of its own. `$STORY` names the only one to tell.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import textwrap
import unittest

from reeve import PATIENCE_SECONDS, gate, main, wait_until
from server import ServerTest

OLDEST = pathlib.Path("/opt/kubectl-1.20/usr/bin/kubectl")

QUOTA = """
apiVersion: reeve.dev/v1
kind: BudgetQuota
metadata:
  name: {name}
  labels: {{team: core}}
spec:
  limits: {{maxTotalTokens: {tokens}}}
"""

WORKFLOW = """
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {{name: {name}}}
spec:
  tasks:
  - name: a
    script: '{script}'
"""

MISSION = """
apiVersion: reeve.dev/v1
kind: Mission
metadata: {{name: {name}}}
spec: {{workflow: {{name: {workflow}}}}}
"""

AGENT = """
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: researcher}
spec:
  params: {task: {required: true}, input: {required: true}}
  tasks:
  - name: a
    script: 'true'
"""

SHARD = """
apiVersion: fractal.ai/v1alpha1
kind: Shard
metadata:
  name: analyse
  labels: {team: security}
spec:
  task: look at the flow
  agentRef: {name: researcher}
  input: {repo: x}
"""


def candidates():
    """Paths that may be a kubectl."""
    if given := os.environ.get("KUBECTL_1_20"):
        yield pathlib.Path(given)
    yield OLDEST
    folders = [pathlib.Path(folder) for folder in os.get_exec_path()]
    if found := shutil.which("kubectl"):
        resolved = pathlib.Path(found).resolve()
        yield resolved
        folders.append(resolved.parent)
    for folder in folders:
        yield from sorted(folder.glob("kubectl.1.*"))


def version_of(path):
    """(1, 20) of a kubectl; None if it is none."""
    result = subprocess.run(
        [path, "version", "--client", "-o", "json"], capture_output=True, check=False
    )
    try:
        version = json.loads(result.stdout)["clientVersion"]
        return int(version["major"]), int(version["minor"].rstrip("+"))
    except (ValueError, KeyError):
        return None


def kubectls():
    """{version: path}"""
    found = {}
    for path in candidates():
        if path.is_file() and os.access(path, os.X_OK):
            version = version_of(path.resolve())
            if version:
                found.setdefault(version, path.resolve())
    found = sorted(found.items())
    if os.environ.get("REEVE_KUBECTLS") == "ends":
        found = found[:1] + found[1:][-1:]
    return dict(found)


def normalised(text):
    """Without what is different each time."""
    text = re.sub(r"\b(\d+[smhd])+\b", "AGE", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"[ \t]+", " ", text)


def story(*, everywhere=False):
    """Marks a story; `everywhere`: for versions between the oldest and the newest one too."""

    def mark(function):
        function.everywhere = everywhere
        return function

    return mark


class Stories(ServerTest):
    """The stories. `kubectl` and `version` are those of a subclass."""

    kubectl = None
    version = (0, 0)
    thorough = True

    def setUp(self):
        super().setUp()
        self.namespace = "default"

    # --- how to ask -----------------------------------------------------------------------------

    def arguments_of(self, args):
        return [
            "--kubeconfig", self.kubeconfig.path,
            "--cache-dir", self.dir / "cache",
            "--namespace", self.namespace,
            *args,
        ]  # fmt: skip

    def begin(self, *args, **more):
        return self.start(*self.arguments_of(args), program=self.kubectl, **more)

    def run_(self, *args, stdin=None, env=None):
        """Runs kubectl; `stdin` is a text."""
        if stdin is None:
            return self.begin(*args, env=env).wait()
        path = self.write(f"stdin-{self.counter}", stdin)
        with path.open("rb") as file:
            return self.begin(*args, stdin=file, env=env).wait()

    def k(self, *args, **more):
        """What it prints; it must succeed."""
        result = self.run_(*args, **more)
        self.assertEqual(result.code, 0, f"{args}: {result}")
        return result.out

    def no(self, *args, says, code=1, **more):
        """It must fail and say so."""
        result = self.run_(*args, **more)
        self.assertEqual(result.code, code, f"{args}: {result}")
        for text in (says,) if isinstance(says, str) else says:
            self.assertIn(text, result.err + result.out)

    def shows(self, expected, *args, **more):
        """It prints this, but for ages and widths of columns."""
        self.assertEqual(
            normalised(self.k(*args, **more)).strip(), textwrap.dedent(expected).strip()
        )

    def json(self, *args):
        return json.loads(self.k(*args, "-o", "json"))

    def make(self, *documents):
        return self.k("create", "-f", "-", stdin="\n---\n".join(documents))

    def test_the_stories(self):
        for name in sorted(dir(type(self))):
            function = getattr(self, name)
            if not hasattr(function, "everywhere"):
                continue
            if not (self.thorough or function.everywhere) or os.environ.get("STORY", name) != name:
                continue
            self.namespace = name.replace("_", "-")
            with self.subTest(name):
                self.k("create", "namespace", self.namespace)
                function()

    # --- reading --------------------------------------------------------------------------------

    @story()
    def get(self):
        self.assertEqual(self.run_("get", "bq").err.strip(), f"No resources found in {self.namespace} namespace.")
        self.make(QUOTA.format(name="one", tokens=1), QUOTA.format(name="two", tokens=2))
        self.k("label", "bq", "two", "team=other", "--overwrite")
        self.shows(
            """
            NAME TOKENS MAX-TOKENS COST MAX-COST WITHIN HELD AGE
            one 0 1 0.00 True 0 AGE
            two 0 2 0.00 True 0 AGE
            """,
            "get", "budgetquotas",
        )  # fmt: skip
        self.shows(
            "NAME TOKENS MAX-TOKENS COST MAX-COST RESERVED WITHIN HELD AGE\none 0 1 0.00 0 True 0 AGE",
            "get", "bq", "one", "-o", "wide",
        )  # fmt: skip
        self.assertEqual(
            self.k("get", "bq", "-o", "name"),
            "budgetquota.reeve.dev/one\nbudgetquota.reeve.dev/two\n",
        )
        self.assertEqual(self.k("get", "budgetquota/two", "-o", "jsonpath={.spec.limits.maxTotalTokens}"), "2")
        self.assertIn("maxTotalTokens: 1", self.k("get", "bq", "one", "-o", "yaml"))
        self.assertIn(self.namespace, self.k("get", "bq", "-A"))
        self.assertEqual(self.k("get", "bq", "-l", "team=other", "-o", "name").split(), ["budgetquota.reeve.dev/two"])
        self.assertEqual(
            self.k("get", "bq", "-l", "team in (core,more),!x", "-o", "name").split(),
            ["budgetquota.reeve.dev/one"],
        )
        self.assertEqual(
            self.k("get", "bq", "--field-selector", "metadata.name!=one", "-o", "name").split(),
            ["budgetquota.reeve.dev/two"],
        )
        self.assertEqual(
            self.k("get", "bq", "--sort-by", "{.spec.limits.maxTotalTokens}", "--no-headers").split()[0], "one"
        )
        self.no("get", "bq", "nope", says='(NotFound): budgetquotas.reeve.dev "nope" not found')
        self.no("get", "bq", "--field-selector", "spec.x=1", says="field label not supported: spec.x")
        self.no("get", "nonsense", says='the server doesn\'t have a resource type "nonsense"')

    @story()
    def pages(self):
        self.make(*(QUOTA.format(name=f"q{number}", tokens=1) for number in range(5)))
        self.assertEqual(len(self.k("get", "bq", "--chunk-size=2", "-o", "name").split()), 5)

    @story()
    def watch(self):
        self.make(QUOTA.format(name="one", tokens=1))
        watching = self.begin("get", "bq", "-w", "-o", "jsonpath={.metadata.name} {.spec.limits.maxTotalTokens}{'\\n'}")
        table = self.begin("get", "bq", "one", "-w")
        wait_until(lambda: "one 1" in watching.out(), what="the first object")
        wait_until(lambda: "MAX-TOKENS" in table.out(), what="the table")
        self.k("patch", "bq", "one", "--type=merge", "-p", '{"spec":{"limits":{"maxTotalTokens":77}}}')
        self.make(QUOTA.format(name="two", tokens=2))
        wait_until(lambda: "two 2" in watching.out(), what="the other object")
        wait_until(lambda: "77" in table.out(), what="the change in the table")
        self.assertEqual(watching.out().splitlines(), ["one 1", "one 77", "two 2"])
        self.assertEqual(table.out().count("NAME"), 1)

    @story()
    def api(self):
        resources = self.k("api-resources", "--api-group=reeve.dev", "-o", "name").split()
        for name in ("missions", "runs", "workflows", "budgetquotas", "approvals", "blackboardentries"):
            self.assertIn(f"{name}.reeve.dev", resources)
        self.assertIn("pods", self.k("api-resources", "-o", "name").split())
        self.assertIn("reeve.dev/v1", self.k("api-versions").split())
        self.k("version")

    @story()
    def explain(self):
        self.assertIn("An allowance that the runs of a namespace share", self.k("explain", "budgetquota"))
        self.assertIn("maxTotalTokens", self.k("explain", "bq.spec.limits"))
        self.assertIn("Tokens of all runs in a period.", self.k("explain", "bq.spec.limits.maxTotalTokens"))
        for kind in ("missions", "workflows", "runs", "approvals"):
            self.assertIn("status", self.k("explain", kind))

    # --- writing --------------------------------------------------------------------------------

    @story(everywhere=True)
    def create(self):
        self.assertEqual(self.make(QUOTA.format(name="one", tokens=1)), "budgetquota.reeve.dev/one created\n")
        self.no(
            "create", "-f", "-", stdin=QUOTA.format(name="one", tokens=1),
            says='(AlreadyExists): error when creating "STDIN": budgetquotas.reeve.dev "one" already exists',
        )  # fmt: skip
        self.no("create", "-f", "-", stdin=QUOTA.format(name="bad", tokens="x"), says="maxTotalTokens")
        wrong = QUOTA.format(name="bad", tokens=1).replace("maxTotalTokens", "maxTotalTokenz")
        self.no("create", "-f", "-", stdin=wrong, says="maxTotalTokenz")
        self.assertIn("created (dry run)", self.k("create", "--dry-run=client", "-f", "-", stdin=QUOTA.format(name="dry", tokens=1)))
        self.assertIn("created (server dry run)", self.k("create", "--dry-run=server", "-f", "-", stdin=QUOTA.format(name="dry", tokens=1)))
        self.no("get", "bq", "dry", says="NotFound")
        for dry in ([], ["--dry-run=server"]):
            self.no("create", *dry, "-n", "nowhere", "-f", "-", stdin=QUOTA.format(name="x", tokens=1), says='namespaces "nowhere" not found')
        self.k("create", "namespace", "closing")
        self.k("create", "-n", "closing", "-f", "-", stdin=QUOTA.format(name="held", tokens=1))
        finalizers = '{"metadata":{"finalizers":%s}}'
        self.k("patch", "-n", "closing", "bq", "held", "--type=merge", "-p", finalizers % '["example.org/hold"]')
        self.k("delete", "namespace", "closing", "--wait=false")
        for dry in ([], ["--dry-run=server"]):
            self.no("create", *dry, "-n", "closing", "-f", "-", stdin=QUOTA.format(name="x", tokens=1), says="because it is being terminated")
        self.k("patch", "-n", "closing", "bq", "held", "--type=merge", "-p", finalizers % "null")
        self.k("wait", "--for=delete", "namespace/closing", "--timeout=50s")

    @story(everywhere=True)
    def apply(self):
        def apply(tokens, *args):
            return self.k("apply", "-f", "-", *args, stdin=QUOTA.format(name="one", tokens=tokens))

        self.assertEqual(apply(1), "budgetquota.reeve.dev/one created\n")
        self.assertEqual(apply(1), "budgetquota.reeve.dev/one unchanged\n")
        self.assertEqual(apply(2, "--dry-run=server"), "budgetquota.reeve.dev/one configured (server dry run)\n")
        self.assertEqual(apply(2), "budgetquota.reeve.dev/one configured\n")
        extra = QUOTA.format(name="one", tokens=2) + "  period: day\n"
        self.k("apply", "-f", "-", stdin=extra)
        self.assertEqual(self.json("get", "bq", "one")["spec"]["period"], "day")
        apply(2)
        self.assertNotIn("period", self.json("get", "bq", "one")["spec"])
        self.assertEqual(self.json("get", "bq", "one")["metadata"]["generation"], 4)
        self.assertEqual(self.run_("diff", "-f", "-", stdin=QUOTA.format(name="one", tokens=2)).code, 0)
        changed = self.run_("diff", "-f", "-", stdin=QUOTA.format(name="one", tokens=3))
        self.assertEqual(changed.code, 1, str(changed))
        self.assertIn("+    maxTotalTokens: 3", changed.out)

    @story(everywhere=True)
    def server_side_apply(self):
        def apply(tokens, *args):
            return self.run_("apply", "--server-side", "-f", "-", *args, stdin=QUOTA.format(name="one", tokens=tokens))

        self.assertEqual(apply(1).out, "budgetquota.reeve.dev/one serverside-applied\n")
        self.assertEqual(apply(2, "--field-manager=kubectl").code, 0)
        refused = apply(3, "--field-manager=other")
        self.assertEqual(refused.code, 1)
        self.assertIn('conflict with "kubectl"', refused.err)
        self.assertIn(".spec.limits.maxTotalTokens", refused.err)
        self.assertEqual(apply(3, "--field-manager=other", "--force-conflicts").code, 0)
        one = self.json("get", "bq", "one", *(["--show-managed-fields"] if self.version >= (1, 21) else []))
        self.assertEqual(one["spec"]["limits"]["maxTotalTokens"], 3)
        self.assertEqual({entry["manager"] for entry in one["metadata"]["managedFields"]}, {"kubectl", "other"})

    @story()
    def from_client_side_to_server_side(self):
        # Ownership moves with kubectl 1.26 and later only.
        if self.version < (1, 26):
            return
        text = QUOTA.format(name="one", tokens=1)
        self.k("apply", "-f", "-", stdin=text)
        self.k("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
        self.k("apply", "--server-side", "-f", "-", stdin=QUOTA.format(name="one", tokens=2))

    @story()
    def replace_and_edit(self):
        self.make(QUOTA.format(name="one", tokens=1))
        self.assertEqual(
            self.k("replace", "-f", "-", stdin=QUOTA.format(name="one", tokens=2)),
            "budgetquota.reeve.dev/one replaced\n",
        )
        stale = self.k("get", "bq", "one", "-o", "yaml")
        self.k("label", "bq", "one", "x=y")
        self.no("replace", "-f", "-", stdin=stale.replace("maxTotalTokens: 2", "maxTotalTokens: 3"), says=["(Conflict)", "the object has been modified"])
        editor = self.write("editor", "#!/bin/sh\nsed -i 's/maxTotalTokens: 2/maxTotalTokens: 9/' \"$1\"\n")
        editor.chmod(0o755)
        env = {"KUBE_EDITOR": str(editor)}
        self.assertEqual(self.k("edit", "bq", "one", env=env), "budgetquota.reeve.dev/one edited\n")
        self.assertEqual(self.json("get", "bq", "one")["spec"]["limits"]["maxTotalTokens"], 9)
        self.assertIn("Edit cancelled", self.run_("edit", "bq", "one", env={"KUBE_EDITOR": "true"}).err)

    @story()
    def patch(self):
        self.make(QUOTA.format(name="one", tokens=1))
        patched = "budgetquota.reeve.dev/one patched\n"

        def tokens():
            return self.json("get", "bq", "one")["spec"]["limits"]["maxTotalTokens"]

        body = '{"spec":{"limits":{"maxTotalTokens":%d}}}'
        self.assertEqual(self.k("patch", "bq", "one", "--type=merge", "-p", body % 2), patched)
        self.assertEqual(tokens(), 2)
        # Plain `kubectl patch` is strategic, which is a merge patch for what has no such lists.
        self.assertEqual(self.k("patch", "bq", "one", "-p", body % 3), patched)
        self.assertEqual(tokens(), 3)
        json_patch = '[{"op":"replace","path":"/spec/limits/maxTotalTokens","value":4}]'
        self.assertEqual(self.k("patch", "bq", "one", "--type=json", "-p", json_patch), patched)
        self.assertEqual(tokens(), 4)
        self.assertEqual(
            self.k("patch", "bq", "one", "--type=merge", "-p", body % 4),
            "budgetquota.reeve.dev/one patched (no change)\n",
        )
        self.no("patch", "bq", "one", "-p", '{"metadata":{"ownerReferences":[{"$patch":"delete","uid":"x"}]}}', says="unknown format")
        self.no("patch", "bq", "one", "--type=json", "-p", '[{"op":"test","path":"/spec/period","value":"day"}]', says="nvalid")
        self.no("patch", "bq", "one", "--type=merge", "-p", '{"metadata":{"uid":"x"}}', says="field is immutable")
        self.no("patch", "bq", "one", "--type=merge", "-p", body % 0, says="spec.limits.maxTotalTokens")

    @story()
    def label_and_annotate(self):
        self.make(QUOTA.format(name="one", tokens=1))
        self.assertEqual(self.k("label", "bq", "one", "a=b"), "budgetquota.reeve.dev/one labeled\n")
        self.no("label", "bq", "one", "a=c", says="--overwrite")
        self.k("label", "bq", "one", "a=c", "--overwrite")
        self.k("annotate", "bq", "one", "note=some words")
        metadata = self.json("get", "bq", "one")["metadata"]
        self.assertEqual(metadata["labels"], {"a": "c", "team": "core"})
        self.assertEqual(metadata["annotations"], {"note": "some words"})
        self.assertEqual(metadata["generation"], 1)
        self.k("label", "bq", "one", "a-")
        self.assertEqual(self.json("get", "bq", "one")["metadata"]["labels"], {"team": "core"})
        self.no("label", "bq", "one", "a=not a value", says="label")

    @story()
    def scale(self):
        self.make(QUOTA.format(name="one", tokens=1))
        result = self.run_("scale", "bq/one", "--replicas=2")
        self.assertEqual(result.code, 1, str(result))
        self.assertRegex(result.err, "NotFound|could not find the requested resource|MethodNotAllowed")

    # --- deleting -------------------------------------------------------------------------------

    @story()
    def delete(self):
        self.make(*(QUOTA.format(name=name, tokens=1) for name in "abcdef"))
        self.k("label", "bq", "c", "d", "gone=yes")
        self.assertEqual(self.k("delete", "bq", "a").split('"')[1], "a")
        self.no("delete", "bq", "a", says="NotFound")
        self.assertEqual(self.k("delete", "bq", "a", "--ignore-not-found"), "")
        self.k("delete", "bq", "-l", "gone=yes")
        self.assertEqual(self.k("get", "bq", "-o", "name").count("\n"), 3)
        self.k("patch", "bq", "b", "--type=merge", "-p", '{"metadata":{"finalizers":["example.org/hold"]}}')
        deleting = self.begin("delete", "bq", "b")
        wait_until(lambda: "deletionTimestamp" in self.json("get", "bq", "b")["metadata"], what="the deletion")
        self.assertTrue(deleting.running())
        self.k("patch", "bq", "b", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
        self.assertEqual(deleting.wait().code, 0)
        self.k("delete", "bq", "--all")
        self.assertEqual(self.k("get", "bq", "-o", "name"), "")

    @story()
    def cascade(self):
        def pair(owner):
            self.make(QUOTA.format(name=owner, tokens=1))
            uid = self.json("get", "bq", owner)["metadata"]["uid"]
            reference = (
                "  ownerReferences:\n"
                f"  - {{apiVersion: reeve.dev/v1, kind: BudgetQuota, name: {owner}, uid: {uid}, blockOwnerDeletion: true}}\n"
            )
            text = QUOTA.format(name=f"of-{owner}", tokens=1)
            self.make(text.replace("spec:\n", reference + "spec:\n"))

        def names():
            return self.k("get", "bq", "-o", "jsonpath={.items[*].metadata.name}").split()

        new = self.version >= (1, 21)
        pair("background")
        self.k("delete", "bq", "background")
        wait_until(lambda: not names(), what="collection")
        if new:
            pair("foreground")
            self.k("delete", "bq", "foreground", "--cascade=foreground")
            self.assertEqual(names(), [])
        pair("orphan")
        self.k("delete", "bq", "orphan", "--cascade=orphan")
        self.assertEqual(names(), ["of-orphan"])
        wait_until(
            lambda: "ownerReferences" not in self.json("get", "bq", "of-orphan")["metadata"],
            what="the reference to go",
        )

    # --- missions -------------------------------------------------------------------------------

    @story(everywhere=True)
    def missions(self):
        self.make(WORKFLOW.format(name="w", script="echo one; echo two"))
        self.make(MISSION.format(name="m", workflow="w"))
        self.assertEqual(
            self.k("wait", "--for=condition=Succeeded", "mission/m", "--timeout=50s"),
            "mission.reeve.dev/m condition met\n",
        )
        self.shows("NAME STATE WORKFLOW AGE\nm COMPLETE w AGE", "get", "missions")
        self.shows("NAME STATE MISSION TASK ATTEMPT EXIT AGE\nm.1.a.1 COMPLETE m a 1 0 AGE", "get", "runs")
        self.shows("NAME PHASE REASON AGE\nm.1.a.1 Succeeded AGE", "get", "pods")
        self.assertEqual(self.k("logs", "m.1.a.1"), "one\ntwo\n")
        self.assertEqual(self.k("logs", "m.1.a.1", "--tail=1"), "two\n")
        self.assertRegex(self.k("logs", "m.1.a.1", "--timestamps"), r"^\d{4}-\S+Z one\n\d{4}-\S+Z two\n$")
        raw = f"/apis/reeve.dev/v1/namespaces/{self.namespace}"
        self.assertIn("two\n", self.k("get", "--raw", f"{raw}/missions/m/log"))
        self.assertEqual(self.k("get", "--raw", f"{raw}/runs/m.1.a.1/log"), "one\ntwo\n")
        for thing in ("mission/m", "workflow/w"):
            text = self.k("describe", thing)
            self.assertNotIn("<none>", text.split("Events:")[1], text)
        self.assertIn("MissionCreated", self.k("describe", "mission", "m"))
        self.assertIn("Complete", self.k("get", "events"))
        self.no("create", "-f", "-", stdin=MISSION.format(name="other", workflow="nope"), says="nope")
        self.k("delete", "mission", "m")
        self.assertEqual(self.k("get", "missions,runs,pods", "-o", "name"), "")
        self.assertTrue(self.owner.running(), self.owner.err())

    @story()
    def a_mission_in_progress(self):
        self.make(WORKFLOW.format(name="w", script=f'echo first; {gate("go")}; echo last'.replace("'", '"')))
        self.make(MISSION.format(name="m", workflow="w"))
        watching = self.begin("get", "mission", "m", "-w", "-o", "jsonpath={.status.state}{'\\n'}")
        wait_until(lambda: "ACTIVE" in watching.out(), what="the mission to run")
        following = self.begin("logs", "-f", "m.1.a.1")
        wait_until(lambda: "first" in following.out(), what="the first line")
        self.assertTrue(following.running())
        self.touch("go")
        self.assertEqual(following.wait().out, "first\nlast\n")
        wait_until(lambda: "COMPLETE" in watching.out(), what="the end")
        self.make(MISSION.format(name="again", workflow="w"))
        self.k("wait", "--for=condition=Succeeded", "mission/again", "--timeout=50s")

    @story()
    def a_mission_is_deleted_while_it_runs(self):
        self.make(WORKFLOW.format(name="w", script=f'touch "$T/begun"; {gate("never")}'.replace("'", '"')))
        self.make(MISSION.format(name="m", workflow="w"))
        self.await_file("begun")
        self.k("delete", "mission", "m")
        self.no("get", "mission", "m", says="NotFound")

    @story()
    def what_the_system_writes(self):
        self.no("create", "--validate=false", "-f", "-", stdin='{"apiVersion":"reeve.dev/v1","kind":"Run","metadata":{"name":"r"},"spec":{}}', says="MethodNotAllowed")

    @story()
    def ages(self):
        self.make("apiVersion: reeve.dev/v1\nkind: Channel\nmetadata: {name: c}\nspec: {}\n")
        self.assertRegex(self.k("get", "channels", "--no-headers"), r"\b\d+s\b")
        self.no("create", "-f", "-", stdin="apiVersion: reeve.dev/v1\nkind: Channel\nmetadata: {name: c}\nspec: {}\n", says="already exists")

    # --- events ---------------------------------------------------------------------------------

    def event_lines(self, *selectors):
        selected = ["--field-selector", ",".join(selectors)] if selectors else []
        return self.k("get", "events", "--no-headers", *selected).splitlines()

    @story()
    def events(self):
        self.make(WORKFLOW.format(name="w", script="echo one"))
        watching = self.begin("get", "events", "-w", "-o", "jsonpath={.involvedObject.name} {.reason}{'\\n'}")
        self.make(MISSION.format(name="m", workflow="w"))
        wait_until(lambda: "m Complete" in watching.out(), what="the end in the watch of events")
        self.assertEqual(watching.out().count("m MissionCreated"), 1)
        table = self.begin("get", "events", "-w", "--field-selector", "involvedObject.name=m,reason=Complete")
        wait_until(lambda: "Complete" in table.out(), what="the event in the table")
        self.assertEqual(len(table.out().splitlines()), 2, table.out())
        everything = self.event_lines()
        self.assertEqual(len(self.k("get", "events", "--no-headers", "--chunk-size=2").splitlines()), len(everything))
        self.assertEqual(self.event_lines("type=Warning"), [])
        self.assertEqual(len(self.event_lines("type=Normal")), len(everything))
        self.assertIn("m", self.event_lines("involvedObject.kind=Mission", "reason=Complete")[0])
        self.no("get", "events", "--field-selector", "spec.x=1", says="field label not supported: spec.x")
        name = self.k("get", "events", "-o", "jsonpath={.items[0].metadata.name}")
        self.assertEqual(self.json("get", "event", name)["metadata"]["name"], name)
        self.no("get", "event", "no-such.1", says="NotFound")
        if self.version >= (1, 26):
            self.assertIn("Complete", self.k("events", "--for", "mission/m"))

    @story()
    def what_describe_shows(self):
        self.make(WORKFLOW.format(name="w", script="echo one; exit 3"))
        retried = WORKFLOW.format(name="r", script="exit 1").rstrip() + "\n    retry: {max: 120, delay: 0s}\n"
        self.make(retried)
        self.make(MISSION.format(name="m", workflow="w"), MISSION.format(name="many", workflow="r"))
        for name in ("m", "many"):
            self.k("wait", "--for=condition=Succeeded=False", f"mission/{name}", "--timeout=120s")
        text = self.k("describe", "mission", "many").split("Events:")[1]
        self.assertIn("Failed", text)
        self.assertLessEqual(len(text.strip().splitlines()), 102)
        for thing in ("run", "pod"):
            text = self.k("describe", thing, "m.1.a.1").split("Events:")[1]
            for reason in ("RunLaunching", "RunActive", "RunEnded"):
                self.assertIn(reason, text, thing)
            self.assertNotIn("MissionCreated", text)
        # An attempt that others have followed.
        past = self.k("get", "runs", "-o", "name", "-l", "reeve.dev/mission=many").split()[0]
        text = self.k("describe", past).split("Events:")[1]
        self.assertEqual(text.count("RunEnded"), 1, text)

    # --- secrets --------------------------------------------------------------------------------

    @story()
    def secrets(self):
        hidden = "dG9wLXMzY3JldA"
        self.assertEqual(self.k("create", "secret", "generic", "x", "--from-literal=k=top-s3cret"), "secret/x created\n")
        self.no("create", "secret", "generic", "x", "--from-literal=k=v", says="already exists")
        self.no("create", "secret", "generic", "two", "--from-literal=a=1", "--from-literal=b=2", says="make a Secret for each")
        self.no("create", "secret", "generic", "none", says="Required value")
        self.no("create", "secret", "generic", "tls", "--type=kubernetes.io/tls", "--from-literal=k=v", says='supported values: "Opaque"')
        self.k("get", "credential", "x")
        self.shows("NAME TYPE AGE\nx Opaque AGE", "get", "secrets")
        manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: applied}\nstringData: {token: top-s3cret}\n"
        self.k("apply", "-f", "-", stdin=manifest)
        self.k("apply", "-f", "-", stdin=manifest.replace("top-s3cret", "other-s3cret"))
        self.k("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
        self.k("patch", "secret", "applied", "-p", '{"data":{"token":"%s=="}}' % hidden)
        self.k("label", "secret", "applied", "team=core")
        credential = "apiVersion: reeve.dev/v1\nkind: Credential\nmetadata: {name: z}\nspec: {value: top-s3cret}\n"
        self.k("apply", "-f", "-", stdin=credential)
        shown = ""
        for form in ("yaml", "json"):
            every = ["--show-managed-fields"] if self.version >= (1, 21) else []
            shown += self.k("get", "secrets,credentials", "-o", form, *every)
        shown += self.k("describe", "secrets") + self.k("get", "events", "-o", "yaml")
        shown += self.k("get", "--raw", f"/api/v1/namespaces/{self.namespace}/secrets?watch=true&timeoutSeconds=1")
        self.assertIn("team: core", shown)
        self.assertNotIn("s3cret", shown)
        self.assertNotIn(hidden, shown)
        self.assertNotIn("s3cret", self.owner.err() + self.owner.out())
        self.assertIn("last-applied-configuration", shown)
        self.k("delete", "secret", "x")
        self.no("get", "credential", "x", says="NotFound")

    # --- Fractal --------------------------------------------------------------------------------

    @story(everywhere=True)
    def fractal(self):
        self.assertIn("shards.fractal.ai", self.k("api-resources", "--api-group=fractal.ai", "-o", "name"))
        self.assertIn("A piece of work for an agent", self.k("explain", "shards"))
        self.assertIn("maxRetries", self.k("explain", "shard.spec"))
        self.make(AGENT)
        watching = self.begin("get", "shards", "-l", "team=security", "-w", "-o", "jsonpath={.metadata.name} {.status.phase}{'\\n'}")
        self.assertEqual(self.k("apply", "-f", "-", stdin=SHARD), "shard.fractal.ai/analyse created\n")
        self.k("apply", "-f", "-", stdin=SHARD.replace("analyse", "other").replace("security", "core"))
        wait_until(lambda: "analyse Succeeded" in watching.out(), what="the shard in the watch")
        self.assertNotIn("other", watching.out())
        self.assertEqual(self.k("apply", "-f", "-", stdin=SHARD), "shard.fractal.ai/analyse unchanged\n")
        self.assertEqual(
            self.k("apply", "-f", "-", stdin=SHARD.replace("security", "safety")),
            "shard.fractal.ai/analyse configured\n",
        )
        self.no(
            "apply", "-f", "-", stdin=SHARD.replace("the flow", "something else"),
            says=["spec.task: Invalid value", "field is immutable"],
        )  # fmt: skip
        self.shows("NAME PHASE AGENT ATTEMPTS AGE\nanalyse Succeeded researcher 1 AGE", "get", "shards", "-l", "team=safety")
        self.k("wait", "--for=condition=Succeeded", "shard/other", "--timeout=60s")
        self.shows("NAME PHASE SHARD ATTEMPT AGE\nanalyse-1 Succeeded analyse 1 AGE", "get", "shardruns", "analyse-1")
        self.k("get", "shardruns", "--field-selector", "spec.shardRef.name=other", "-o", "name")
        shown = self.json("get", "shard", "analyse")
        self.assertEqual(shown["spec"]["input"], {"repo": "x"})
        self.assertEqual(shown["metadata"]["labels"]["team"], "safety")
        self.assertNotIn("fractal.ai/spec", shown["metadata"].get("annotations", {}))
        self.assertNotIn("analyse", self.k("get", "missions", "-l", "team=none", "-o", "name"))
        self.k("apply", "--server-side", "-f", "-", stdin=SHARD.replace("analyse", "applied"))
        self.k("delete", "shard", "analyse")
        self.no("get", "mission", "analyse", says="NotFound")
        # Who may see missions may see Shards.
        self.k("create", "rolebinding", "sees", "--clusterrole=view", "--user=alice")
        self.k("get", "shards", "--as", "alice")
        self.no("delete", "shard", "other", "--as", "alice", says='cannot delete resource "missions"')
        # Ours comes first where both have a kind of that name.
        self.make(QUOTA.format(name="ours", tokens=1))
        self.assertEqual(self.k("get", "budgetquotas", "-o", "name"), "budgetquota.reeve.dev/ours\n")
        self.assertEqual(self.k("get", "budgetquotas.fractal.ai", "-o", "name"), "budgetquota.fractal.ai/ours\n")

    # --- who may --------------------------------------------------------------------------------

    @story()
    def built_in_roles(self):
        names = self.k("get", "clusterroles", "-o", "name").split()
        for name in ("admin", "edit", "view", "cluster-admin", "reeve:approver"):
            self.assertIn(f"clusterrole.rbac.authorization.k8s.io/{name}", names)
        self.assertIn("missions.reeve.dev", self.k("describe", "clusterrole", "edit"))
        self.assertNotIn("<unknown>", self.k("get", "clusterrole", "edit"))
        bindings = self.k("get", "clusterrolebindings", "-o", "name").split()
        self.assertNotEqual(bindings, [])
        for thing in ("clusterrole/edit", bindings[0]):
            self.no("delete", thing, says=["(Forbidden)", "built in"])
            self.no("label", thing, "a=b", says=["(Forbidden)", "built in"])
        self.no("create", "clusterrole", "edit", "--verb=get", "--resource=missions.reeve.dev", says="already exists")
        self.k("create", "clusterrole", self.namespace, "--verb=get", "--resource=missions.reeve.dev")
        self.no("delete", "clusterroles", "--all", says="built in")
        self.no("get", "clusterrole", self.namespace, says="NotFound")
        self.assertEqual(self.k("get", "clusterroles", "-o", "name").split(), names)

    @story(everywhere=True)
    def authorization(self):
        self.assertEqual(self.k("auth", "can-i", "delete", "missions").strip(), "yes")
        self.assertIn("*.*", self.k("auth", "can-i", "--list"))
        if self.version >= (1, 28):
            self.assertIn("admin", self.k("auth", "whoami"))
        self.k("create", "role", "reader", "--verb=get,list", "--resource=missions.reeve.dev,budgetquotas.reeve.dev")
        self.k("create", "rolebinding", "reads", "--role=reader", "--user=alice")
        self.shows("NAME ROLE AGE\nreads reader AGE", "get", "rolebindings")
        alice = ("--as", "alice")
        self.assertEqual(self.k("auth", "can-i", "list", "missions", *alice).strip(), "yes")
        self.no("auth", "can-i", "delete", "missions", *alice, says="no")
        self.k("get", "bq", *alice)
        self.no(
            "delete", "bq", "x", *alice,
            says=f'(Forbidden): budgetquotas.reeve.dev "x" is forbidden: User "alice" cannot delete resource "budgetquotas" in API group "reeve.dev" in the namespace "{self.namespace}"',
        )  # fmt: skip
        self.assertIn("missions.reeve.dev", self.k("describe", "role", "reader"))

    @story()
    def namespaces(self):
        other = f"{self.namespace}-other"
        self.assertEqual(self.k("create", "namespace", other), f"namespace/{other} created\n")
        self.no("create", "namespace", other, says="already exists")
        self.assertIn("Active", self.k("get", "namespace", other))
        self.k("create", "-n", other, "-f", "-", stdin=QUOTA.format(name="one", tokens=1))
        self.k("delete", "namespace", other)
        self.no("get", "namespace", other, says="NotFound")
        self.assertNotIn(other, self.k("get", "bq", "-A"))


def add_classes():
    found = kubectls()
    if not found:
        class None_(unittest.TestCase):
            @unittest.skip("there is no kubectl on this machine")
            def test_the_stories(self):
                pass

        globals()["NoKubectl"] = None_
        return
    ends = (min(found), max(found))
    for version, path in found.items():
        name = f"Kubectl_{version[0]}_{version[1]}"
        members = {"kubectl": path, "version": version, "thorough": version in ends}
        globals()[name] = type(name, (Stories,), members)
    if (1, 20) not in found:
        class Kubectl_1_20(unittest.TestCase):
            @unittest.skip("there is no kubectl 1.20 on this machine; $KUBECTL_1_20 may name one")
            def test_the_stories(self):
                pass

        globals()["Kubectl_1_20"] = Kubectl_1_20


add_classes()
# What has no kubectl is no test.
del Stories

if __name__ == "__main__":
    main()
