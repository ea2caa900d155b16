"""Tool servers that are programs: who may have one started, what it gets, and that nothing of it is left."""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "standins"))

from reeve import main, wait_until  # noqa: E402  (see above)
from server import mission, path_of, workflow  # noqa: E402
from test_run_identity import CLIENT  # noqa: E402
from test_tool_gateway import ToolGatewayTest  # noqa: E402
from test_tools import tool_server  # noqa: E402

STANDINS = pathlib.Path(__file__).resolve().parent / "standins"
SERVER = str(STANDINS / "mcp_server.py")
UNSANDBOXED = {"REEVE_TOOLS_UNSANDBOXED": "true"}
RULE = f"TOKEN=** MODE=** {sys.executable} {SERVER} ..."


def alive(pid):
    """Whether a process is there; one that nobody has waited for yet is not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class ToolProgramsTest(ToolGatewayTest):
    environment_of_server = {"REEVE_TOOLS_COMMANDS": RULE, **UNSANDBOXED}

    def setUp(self):
        super().setUp()
        self.plan_file, self.log = self.dir / "plan.json", self.dir / "log.jsonl"
        self.plan({"name": "echo", "schema": {"text": "string"}})

    def plan(self, *tools):
        self.write("plan.json", json.dumps(tools))

    def command(self, **more):
        return {"command": [sys.executable, SERVER, str(self.plan_file), str(self.log)],
                "sandbox": "none", "unlisted": "allow", **more}  # fmt: skip

    def begin(self, name="it", **more):
        return self.made(path_of("toolservers"), tool_server(name, **self.command(**more)))

    def calls(self):
        """What the program was called for, with its process."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def await_gone(self, *pids):
        wait_until(lambda: not any(alive(int(pid)) for pid in pids), what=f"the end of {pids}")

    def credential(self, name, value):
        file = self.write(name, value)
        self.ok("credential", "set", name, "--from-file", file)
        file.unlink()


class ProgramsTest(ToolProgramsTest):
    def test_it_is_a_tool_server_like_others(self):
        self.begin(tools=[{"name": "echo", "redact": ["text"]}], unlisted="deny")
        self.plan({"name": "echo", "schema": {"text": "string"}}, {"name": "other"})
        self.assertEqual(list(self.tools()), ["it__echo"])
        self.assertEqual(self.call("it__echo", {"text": "hi"}), ('{"text": "hi"}', False))
        self.assertEqual(self.last()["spec"]["arguments"], {"text": "[redacted]"})
        self.assertEqual(self.call("it__other"), ("policy does not allow this tool", True))
        text, failed = self.call("it__echo", {"text": 1})
        self.assertIn("do not fit", text)
        self.assertEqual(self.pins(), {"echo": "Pinned", "other": "Pinned"})
        self.call("it__echo", {"text": "again"})
        self.assertEqual(len({call["pid"] for call in self.calls()}), 1, "one program for all calls")

    def test_it_is_started_again_when_it_has_died(self):
        self.plan({"name": "echo"}, {"name": "die", "does": "die"})
        self.begin()
        self.assertEqual(self.call("it__echo"), ("{}", False))
        text, failed = self.call("it__die")
        self.assertIn("exited with code 3; it said: I am about to die; it may have been done", text)
        self.assertEqual((failed, self.state()), (True, "UNKNOWN"))
        self.assertEqual(self.call("it__echo"), ("{}", False))
        names = [call["name"] for call in self.calls()]
        self.assertEqual(names, ["echo", "die", "echo"], "nothing is sent twice")
        pids = [call["pid"] for call in self.calls()]
        self.assertNotEqual(pids[0], pids[2])

    def test_one_that_floods_lies_or_hangs_is_contained(self):
        self.plan(
            {"name": "echo"}, {"name": "flood", "does": "flood"}, {"name": "huge", "does": "huge"},
            {"name": "chatter", "does": "chatter"}, {"name": "garbage", "does": "garbage"},
            {"name": "wrong", "does": "wrong-id"}, {"name": "deaf", "does": "deaf"},
        )  # fmt: skip
        self.begin(tools=[{"name": name, "timeout": "2s"} for name in ("garbage", "wrong", "deaf")])
        for name, says, state in (
            ("chatter", "{}", "COMPLETED"),
            ("flood", "more than is taken", "FAILED"),
            ("huge", "more than is taken", "FAILED"),
            ("garbage", "it may have been done", "UNKNOWN"),
            ("wrong", "it may have been done", "UNKNOWN"),
            ("deaf", "it may have been done", "UNKNOWN"),
        ):
            with self.subTest(name):
                text, _ = self.call(f"it__{name}")
                self.assertIn(says, text)
                self.assertEqual(self.state(), state)
            if name != "deaf":
                # One that keeps ending is not started again at once.
                wait_until(lambda: self.call("it__echo") == ("{}", False), what="it to be back")
        # It does not answer to anything any more, and ignores whoever tells it to end.
        deaf = self.calls()[-1]
        self.assertEqual(deaf["name"], "deaf")
        self.await_gone(deaf["pid"])
        wait_until(lambda: self.call("it__echo") == ("{}", False), what="another one")

    def test_what_it_gets_is_what_was_said(self):
        self.plan({"name": "look", "does": "environment"}, {"name": "say", "result": "it is real-key"})
        self.credential("token", "real-key")
        os.environ["OF_THE_SERVER"] = "x"
        self.addCleanup(os.environ.pop, "OF_THE_SERVER")
        self.begin(environment={"MODE": "quick"}, credentials={"TOKEN": "token"})
        seen = json.loads(self.call("it__look")[0])
        variables = seen["variables"]
        self.assertEqual((variables["MODE"], variables["TOKEN"]), ("quick", "[****]"), "masked, but there")
        names = set(variables) - {"LC_CTYPE", "LANG", "LANGUAGE", "TZ", "PWD"}
        self.assertEqual(names, {"PATH", "HOME", "TMPDIR", "MODE", "TOKEN"})
        self.assertEqual(seen["fds"], ["0", "1", "2", "3"], "the last one is the directory that is looked at")
        self.assertEqual(self.call("it__say"), ("it is [****]", False))
        home = pathlib.Path(variables["HOME"])
        self.assertTrue(home.is_relative_to(self.data / "programs"), home)
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                pid, content = entry.name, b""
                try:
                    content = (entry / name).read_bytes()
                except OSError:
                    continue
                ours = name == "environ" and int(pid) == self.calls()[0]["pid"]
                self.assertEqual(b"real-key" in content, ours, f"{pid} {content}")
        for path in self.data.rglob("*"):
            if path.is_file():
                self.assertNotIn(b"real-key", path.read_bytes(), str(path))

    def test_another_value_starts_it_anew(self):
        self.credential("token", "real-key")
        self.begin(credentials={"TOKEN": "token"})
        self.call("it__echo", {"text": "1"})
        self.credential("token", "other-key")
        self.call("it__echo", {"text": "2"})
        first, second = (call["pid"] for call in self.calls())
        self.assertNotEqual(first, second)
        self.await_gone(first)

    def test_a_program_that_is_not_there_says_so(self):
        self.owner.kill()
        self.environment_of_server = {"REEVE_TOOLS_COMMANDS": "no-such-program", **UNSANDBOXED}
        self.serve()
        self.made(path_of("toolservers"), tool_server("it", command=["no-such-program"], sandbox="none"))
        self.assertEqual(self.tools(), {})
        status = self.got(path_of("toolservers", "it"))["status"]
        self.assertIn("there is no such program in PATH", status["message"])


class LocksTest(ToolProgramsTest):
    """Who may have a program started."""

    def refusal(self, client=None, **spec):
        answer = (client or self.api).post(
            path_of("toolservers"), tool_server("no", **{**self.command(), **spec})
        )
        self.assertGreaterEqual(answer.status, 400)
        return answer.status, answer.json()["message"]

    def test_only_commands_that_are_listed(self):
        for spec, says in (
            ({"command": ["sh", "-c", "true"]}, "no line of the setting tools.commands is about this command"),
            ({"environment": {"LD_PRELOAD": "/tmp/x.so"}}, "lets this program have the variable LD_PRELOAD"),
            ({"environment": {"REEVE_DATA": "/"}}, "no REEVE_ before it"),
            ({"command": ["./here"]}, "must be an absolute path"),
            ({"url": "https://x.example"}, "stands in place of a url"),
            ({"sandbox": "cage"}, "sandbox"),
        ):
            with self.subTest(says):
                status, message = self.refusal(**spec)
                self.assertEqual(status, 422, message)
                self.assertIn(says, message)

    def test_by_default_none(self):
        self.owner.kill()
        self.environment_of_server = {}
        self.serve()
        status, message = self.refusal()
        self.assertEqual(status, 422)
        self.assertIn("lists those that may be in the setting tools.commands", message)
        # What was made before is not started either.
        self.owner.kill()
        self.environment_of_server = {"REEVE_TOOLS_COMMANDS": RULE}
        self.serve()
        status, message = self.refusal()
        self.assertIn("tools.unsandboxed", message)
        self.begin(sandbox="workspace")
        self.owner.kill()
        self.environment_of_server = {}
        self.serve()
        text, failed = self.call("it__echo", {"text": "x"})
        self.assertIn("setting tools.commands", text)
        self.assertFalse(self.log.exists())

    def test_only_for_who_has_the_right(self):
        admin = self.user("ann", "admin")
        status, message = self.refusal(admin)
        self.assertEqual(status, 403)
        self.assertIn('cannot create resource "toolservers/command"', message)
        self.begin()
        place = path_of("toolservers", "it")
        # Terms are another matter.
        self.assertEqual(admin.patch(place, {"spec": {"unlisted": "deny"}}).status, 200)
        for change in ({"command": [sys.executable, SERVER, "other"]}, {"environment": {"MODE": "x"}},
                       {"credentials": {"TOKEN": "x"}}, {"sandbox": "isolated"}):  # fmt: skip
            answer = admin.patch(place, {"spec": change})
            self.assertEqual(answer.status, 403, str(answer))
        self.assertEqual(self.call("it__echo")[1], True)
        group = "rbac.authorization.k8s.io"
        self.made(f"/apis/{group}/v1/clusterroles", {
            "apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "starter"},
            "rules": [{"apiGroups": ["reeve.dev"], "resources": ["toolservers/command"], "verbs": ["create"]}],
        })  # fmt: skip
        self.bind("ann", "starter")
        self.assertEqual(admin.patch(place, {"spec": {"environment": {"MODE": "x"}}}).status, 200)

    def test_never_for_a_run(self):
        self.bind("system:runs:default", "cluster-admin", kind="Group")
        name = self.run_that_tries()
        out = self.ok("logs", name).out
        self.assertIn("403", out)
        self.assertIn("a run has no program started", out)
        self.assertEqual(self.got(path_of("toolservers"))["items"], [])

    def run_that_tries(self):
        body = json.dumps(tool_server("no", **self.command()))
        script = self.write("try.py", CLIENT + f'''
request = urllib.request.Request(
    os.environ["REEVE_API"] + {path_of("toolservers")!r}, data={body!r}.encode(),
    headers={{"Authorization": "Bearer " + token, "Content-Type": "application/json"}})
try:
    urllib.request.urlopen(request, context=context)
except urllib.error.HTTPError as refused:
    print(refused.code, refused.read().decode())
''')  # fmt: skip
        self.made(path_of("workflows"), workflow("w", f'python3 -u "{script}"'))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "COMPLETE", "FAILED")
        return "m"


class NothingIsLeftTest(ToolProgramsTest):
    def setUp(self):
        super().setUp()
        self.plan({"name": "spawn", "does": "spawn"}, {"name": "echo"}, {"name": "hang", "does": "hang"})

    def family(self, name="it"):
        """A program and a child of it that listens to nobody."""
        pids = self.call(f"{name}__spawn")[0].split()
        self.assertTrue(all(alive(int(pid)) for pid in pids), pids)
        return pids

    def test_when_the_server_is_killed(self):
        self.begin()
        pids = self.family()
        self.owner.kill()
        self.await_gone(*pids)
        self.serve()
        self.assertEqual(self.call("it__echo"), ("{}", False))

    def test_when_the_server_is_killed_in_a_call(self):
        self.begin()
        pids = self.family()
        self.in_background("it__hang")
        wait_until(lambda: len(self.calls()) == 2, what="the call to begin")
        self.owner.kill()
        self.await_gone(*pids)
        self.serve()
        self.assertEqual(wait_until(lambda: self.state() == "UNKNOWN", what="the record"), True)
        self.assertEqual(len(self.calls()), 2, "it is not sent again")

    def test_when_the_server_ends(self):
        self.begin()
        pids = self.family()
        self.ok("down")
        self.owner.wait()
        self.await_gone(*pids)
        wait_until(lambda: not any((self.data / "programs").glob("*")), what="its directory to go")

    def test_when_the_tool_server_is_deleted(self):
        self.begin()
        pids = self.family()
        self.assertEqual(self.api.delete(path_of("toolservers", "it")).status, 200)
        self.await_gone(*pids)

    def test_when_it_becomes_another(self):
        self.begin()
        pids = self.family()
        answer = self.api.patch(path_of("toolservers", "it"), {"spec": {"environment": {"MODE": "x"}}})
        self.assertEqual(answer.status, 200, str(answer))
        self.await_gone(*pids)
        self.assertEqual(self.call("it__echo"), ("{}", False))

    def test_when_it_is_killed_itself(self):
        self.begin()
        program, child = self.family()
        os.kill(int(program), 9)
        self.await_gone(child)
        self.assertEqual(self.call("it__echo"), ("{}", False))


class SandboxedTest(ToolProgramsTest):
    environment_of_server = {"REEVE_TOOLS_COMMANDS": RULE}

    def setUp(self):
        super().setUp()
        self.plan({"name": "read", "schema": {"path": "string"}, "does": "read"},
                  {"name": "look", "does": "environment"})  # fmt: skip

    def test_it_sees_nothing_of_the_server(self):
        # Its own files are shown to it; of the log it sees none, and writes it where nobody reads it.
        log = "/tmp/log"
        self.made(path_of("toolservers"), tool_server(
            "it", command=[sys.executable, SERVER, str(self.plan_file), log], unlisted="allow",
            sandbox={"level": "workspace", "readable": [str(STANDINS), str(self.plan_file), sys.base_prefix]},
        ))  # fmt: skip
        text, failed = self.call("it__read", {"path": str(self.data / "server" / "admin.token")})
        if "gives no sandbox" in text:
            self.skipTest(text)
        self.assertEqual((text, failed), ("FileNotFoundError", False))
        self.assertEqual(self.call("it__read", {"path": str(self.dir / "unnamed")})[0], "FileNotFoundError")
        variables = json.loads(self.call("it__look")[0])["variables"]
        self.assertEqual(variables["HOME"], "/tmp/home")


if __name__ == "__main__":
    main()
