"""Real command lines for agents, unmodified, in runs of a server: models and tools through the gateways."""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "standins"))

from mcp_server import Tool  # noqa: E402  (see above)
from provider import Provider  # noqa: E402
from real_clients import FOLDER, PATIENCE_SECONDS, installed, node  # noqa: E402
from reeve import main, wait_until  # noqa: E402
from replies import says, uses  # noqa: E402
from server import mission, path_of  # noqa: E402
from test_tool_gateway import ToolGatewayTest  # noqa: E402

PRICES = {"input": "3", "output": "15"}
MODEL = {"contextWindow": 200000, "maxOutputTokens": 64000, "prices": PRICES}


class AgentClientsTest(ToolGatewayTest):
    environment_of_server = {"REEVE_TOOLS_PRIVATE_ADDRESSES": "true", "REEVE_MODELS_PRIVATE_ADDRESSES": "true"}

    def environment(self, extra=None):
        env = super().environment(extra)
        places = [FOLDER / name / "node_modules" / ".bin" for name in ("claude", "codex", "opencode")]
        places.append(pathlib.Path(node()).parent)
        env["PATH"] = ":".join([*map(str, places), env["PATH"]])
        env.update(IS_SANDBOX="1", OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_LSP_DOWNLOAD="1")
        return env

    def setUp(self):
        if node() is None:
            self.skipTest("not installed: node; scripts/install_clients brings it")
        self.provider = Provider()
        self.provider.start()
        self.addCleanup(self.provider.stop)
        super().setUp()
        with self.write("key", self.provider.key).open("rb") as key:
            self.ok("credential", "set", "real-key", stdin=key)
        self.server = self.standin(Tool("echo", schema={"text": "string"}))
        self.offer(self.server, tools=[{"name": "echo"}])

    def route(self, kind, url):
        provider = {"name": "p", "kind": kind, "baseUrl": url, "credential": "real-key", "allowPrivate": True}
        model = {"name": "work", "provider": "p", "model": "standin-large", **MODEL}
        self.made(path_of("modelroutes"), {
            "apiVersion": "reeve.dev/v1", "kind": "ModelRoute", "metadata": {"name": "r"},
            "spec": {"providers": [provider], "models": [model]},
        })  # fmt: skip

    def quota(self, cost):
        self.made(path_of("budgetquotas"), {
            "apiVersion": "reeve.dev/v1", "kind": "BudgetQuota", "metadata": {"name": "q"},
            "spec": {"limits": {"maxTotalCost": cost}},
        })  # fmt: skip

    def work(self, name, command, **more):
        """One task of one agent; the state of the mission when it is over."""
        if not installed(command):
            self.skipTest(f"not installed: {command}; scripts/install_clients brings it")
        agent = {"cli": {"command": command, "permissionMode": "bypass"}, "model": "work", "tools": ["it__*"], **more}
        self.made(path_of("agents"), {
            "apiVersion": "reeve.dev/v1", "kind": "Agent", "metadata": {"name": name}, "spec": agent})  # fmt: skip
        task = {"name": "a", "agent": {"name": name, "prompt": "Say what the tool says."}}
        self.made(path_of("workflows"), {
            "apiVersion": "reeve.dev/v1", "kind": "Workflow", "metadata": {"name": f"w-{name}"},
            "spec": {"tasks": [task]},
        })  # fmt: skip
        self.made(path_of("missions"), mission(name, f"w-{name}"))

        def over():
            status = self.got(path_of("missions", name))["status"]
            return status if status["state"] in ("COMPLETE", "FAILED") else None

        return wait_until(over, PATIENCE_SECONDS, "the end of the mission")

    def calls_a_tool_and_stops_without_money(self, command, tool, **more):
        self.provider.script(
            lambda call: says("It says so.") if call.results() or not call.tools() else uses(tool, text="hi", **more)
        )
        done = self.work("first", command)
        log = self.ok("logs", "first").out
        self.assertEqual(done["state"], "COMPLETE", json.dumps(done) + log)
        self.assertEqual(done["tasks"][0]["outputs"]["result"], "It says so.")
        self.assertEqual([call.arguments for call in self.server.calls], [{"text": "hi"}])
        record = self.records()[-1]
        self.assertEqual((record["spec"]["agent"], record["spec"]["tool"]), ("first", "echo"))
        self.assertEqual(record["status"]["state"], "COMPLETED")
        self.assertEqual(self.provider.refused, [])
        # A budget that is too small for one question: it is not asked, and the command ends at once.
        before = len(self.provider.asked())
        self.quota("0.000001")
        done = self.work("second", command)
        self.assertEqual((done["state"], done["reason"]), ("FAILED", "quota_exceeded"), json.dumps(done))
        self.assertEqual(len(self.provider.asked()), before)

    def test_claude_code(self):
        self.route("anthropic", self.provider.anthropic)
        self.calls_a_tool_and_stops_without_money("claude", "mcp__reeve__it__echo")

    def test_codex(self):
        self.route("openai", self.provider.openai)
        self.calls_a_tool_and_stops_without_money("codex", "it__echo", namespace="mcp__reeve")

    def test_opencode(self):
        self.route("openai", self.provider.openai)
        self.calls_a_tool_and_stops_without_money("opencode", "reeve_it__echo")


if __name__ == "__main__":
    main()
