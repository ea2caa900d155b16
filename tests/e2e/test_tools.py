"""Agents that call tools through the gateway: policy, approval, record, rollback."""

import json
import pathlib

from reeve import main, wait_until
from server import ServerTest, mission, path_of, workflow
from test_run_identity import CLIENT

# Speaks MCP of 2026-07-28 with the token of the run; prints what tools answer.
MCP = CLIENT + r"""
VERSION = "2026-07-28"

def rpc(method, params=None):
    params = dict(params or {})
    params["_meta"] = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": "p",
    }
    headers = {
        "Authorization": "Bearer " + token,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": VERSION,
        "Mcp-Method": method,
    }
    if "name" in params:
        headers["Mcp-Name"] = params["name"]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(os.environ["REEVE_API"] + "/mcp", data=body, headers=headers)
    with urllib.request.urlopen(request, context=context, timeout=120) as answer:
        text = answer.read().decode()
        if answer.headers["Content-Type"] == "text/event-stream":
            events = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
            print("beats", len(events) - 1)
            text = events[-1]
    return json.loads(text)

def call(name, **arguments):
    answer = rpc("tools/call", {"name": name, "arguments": arguments})
    result = answer.get("result")
    print(name, "->", result["content"][0]["text"] if result else answer["error"]["message"])
"""


def tool_server(name, **spec):
    return {
        "apiVersion": "reeve.dev/v1",
        "kind": "ToolServer",
        "metadata": {"name": name},
        "spec": spec,
    }


class ToolsTest(ServerTest):
    def with_script(self, name, body):
        script = self.write(f"{name}.py", MCP + body)
        self.made(path_of("workflows"), workflow(f"w-{name}", f'python3 -u "{script}"'))
        self.made(path_of("missions"), mission(name, f"w-{name}"))

    def calls(self, run):
        listed = self.got(path_of("toolcalls", labelSelector=f"reeve.dev/run={run}"))["items"]
        self.assertEqual(
            [call["status"]["sequence"] for call in listed], list(range(1, len(listed) + 1))
        )
        return listed

    def user(self, name):
        token = self.ok("token", "create", name, "--user", name).out.strip()
        self.bind(name, "reeve:approver")
        client = self.client()
        client.token = token
        return client

    def held(self, run):
        def look():
            waiting = [c for c in self.calls(run) if c["status"]["state"] == "PENDING"]
            return waiting[0] if waiting else None

        return wait_until(look, what="a call that waits")

    def workspace(self, run_mission, run):
        return pathlib.Path(self.data) / "missions" / run_mission / "runs" / run / "work"

    def test_a_write_waits_for_somebody_else_and_is_undone(self):
        self.made(
            path_of("toolservers"),
            tool_server(
                "files",
                builtin="workspace",
                tools=[
                    {"name": "write_file", "approval": {"required": True},
                     "reversible": {"tool": "write_file"}},
                    {"name": "*"},
                ],
            ),
        )
        self.with_script(
            "m",
            'print([t["name"] for t in rpc("tools/list")["result"]["tools"]])\n'
            'call("files__write_file", path="a.txt", content="one")\n'
            'call("files__read_file", path="a.txt")\n'
            'call("files__read_file", path="../../../../etc/passwd")\n'
            'call("files__write_file", path="b.txt", content="two")\n'
            'call("files__format_disk")\n'
            # Its files are there for as long as it is.
            'import pathlib, time\n'
            'while not pathlib.Path(os.environ["T"], "go").exists():\n    time.sleep(0.05)\n',
        )
        run = "m.1.a.1"
        bob = self.user("bob")
        first = self.held(run)
        target = self.workspace("m", run) / "a.txt"
        self.assertFalse(target.exists())
        at = path_of("toolcalls", first["metadata"]["name"])
        self.assertEqual(bob.post(at + "/approve", {}).status, 201)
        second = self.held(run)
        self.assertEqual(target.read_text(encoding="utf-8"), "one")
        at = path_of("toolcalls", second["metadata"]["name"])
        self.assertEqual(bob.post(at + "/reject", {"message": "no more"}).status, 201)
        wait_until(lambda: len(self.calls(run)) == 5, what="the last call")
        states = [call["status"]["state"] for call in self.calls(run)]
        self.assertEqual(states, ["COMPLETED", "COMPLETED", "FAILED", "REJECTED", "REJECTED"])
        done = self.got(path_of("toolcalls", first["metadata"]["name"]))
        self.assertEqual(done["status"]["approval"]["by"], "user:bob")

        self.assertEqual(
            bob.post(path_of("toolcalls", first["metadata"]["name"]) + "/rollback", {}).status, 201
        )
        wait_until(lambda: not target.exists(), what="the rollback")
        wait_until(
            lambda: self.got(path_of("toolcalls", first["metadata"]["name"]))["status"]["state"]
            == "ROLLED_BACK",
            what="the record of the rollback",
        )
        self.touch("go")
        self.await_mission("m", "COMPLETE")
        log = self.ok("logs", "m").out
        self.assertIn("files__read_file -> one", log)
        self.assertIn("leads out of the directory", log)
        self.assertIn("rejected by user:bob: no more", log)
        self.assertIn("there is no such tool", log)
        self.ok("down")
        self.audit()

    def test_a_run_that_goes_in_circles_is_held(self):
        self.made(path_of("toolservers"), tool_server("files", builtin="workspace", unlisted="allow"))
        self.with_script(
            "s",
            'for i in range(4):\n    call("files__read_file", path="none")\n',
        )
        wait_until(
            lambda: self.got(path_of("missions", "s"))["status"]["state"] == "HELD", what="the hold"
        )
        events = self.ok("get", "toolcalls", "-o", "name").out.split()
        self.assertEqual(len(events), 3)
        self.assertIn("goes in circles", json.dumps(self.got(path_of("missions", "s"))["status"]))
        self.ok("release", "s")
        self.await_mission("s", "COMPLETE")
        self.assertIn("goes in circles", self.ok("logs", "s").out)

    def test_arguments_that_a_person_writes_are_checked_before_the_call_is_approved(self):
        careful = [{"name": "*", "approval": {"required": True}}]
        self.made(path_of("toolservers"), tool_server("files", builtin="workspace", tools=careful))
        self.with_script("e", 'call("files__write_file", path="a.txt", content="one")\n')
        run = "e.1.a.1"
        bob = self.user("bob")
        name = self.held(run)["metadata"]["name"]
        at = path_of("toolcalls", name) + "/approve"
        answer = bob.post(at, {"arguments": {"path": "b.txt", "content": 7}})
        self.assertEqual(answer.status, 422, str(answer))
        cause = answer.json()["details"]["causes"][0]
        self.assertEqual(cause["field"], "arguments.content")
        self.assertIn("string", cause["message"])
        wrong = self.write("wrong.json", json.dumps({"path": "b.txt", "contents": "two"}))
        self.refused(3, "approve", f"toolcall/{name}", "--edit", wrong, says="arguments.content: is missing")
        self.assertEqual(self.held(run)["status"]["state"], "PENDING")
        answer = bob.post(at, {"arguments": {"path": "b.txt", "content": "two"}})
        self.assertEqual(answer.status, 201, str(answer))
        self.await_mission("e", "COMPLETE")
        self.assertIn("wrote b.txt", self.ok("logs", "e").out)


if __name__ == "__main__":
    main()
