"""Real clients of tools, unmodified, through the gateway: MCP's own libraries, its inspector, and its
conformance suites of both revisions."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "standins"))

from conformance import fixture_tools  # noqa: E402  (see above)
from forwarder import Forwarder  # noqa: E402
from mcp_server import SESSIONS, STATELESS, Tool, Trouble  # noqa: E402
from real_clients import FOLDER, PATIENCE_SECONDS, Fence, RealClientsTest, node  # noqa: E402
from reeve import main  # noqa: E402
from server import path_of  # noqa: E402
from test_tool_gateway import ToolGatewayTest  # noqa: E402
from test_tools import tool_server  # noqa: E402

# What the gateway promises of each suite: the scenarios about tools and about the protocol itself.
BOTH = ("tools-list", "tools-call-simple-text", "tools-call-image", "tools-call-audio",
        "tools-call-embedded-resource", "tools-call-mixed-content", "tools-call-error",
        "tools-call-with-progress", "dns-rebinding-protection")  # fmt: skip
WITH_SESSIONS = BOTH + ("server-initialize", "logging-set-level", "ping", "tools-call-with-logging",
                        "server-sse-multiple-streams")  # fmt: skip
WITHOUT = BOTH + ("http-header-validation", "http-custom-header-server-validation")
# Arguments of it are repeated in headers.
ROUTED = Tool("routed", schema={
    "type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}, "required": ["region"],
})  # fmt: skip
# Of server-stateless: what asks servers for tools that only a fixture has.
FIXTURES = {"sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400",
            "sep-2575-http-server-no-independent-requests-on-stream",
            "sep-2575-server-no-log-without-loglevel"}  # fmt: skip


class ToolClientsTest(ToolGatewayTest, RealClientsTest):
    def setUp(self):
        super().setUp()
        self.server = self.standin(Tool("echo", schema={"text": "string"}), *fixture_tools(), ROUTED)
        self.offer(self.server, unlisted="allow")
        self.authority = self.write("ca.pem", self.kubeconfig.authority)
        self.fence = Fence("", "", self.api.token, str(self.authority))
        self.url = f"https://127.0.0.1:{self.port}/mcp"

    def test_the_library_in_both_revisions(self):
        server = self.standin(Tool("echo", schema={"text": "string"}))
        self.offer(server, "one", unlisted="allow")
        for name, era in (("sessions", SESSIONS), ("stateless", STATELESS)):
            with self.subTest(era):
                server.script(None, Trouble(beats=3))
                done = self.run_mcp(self.fence, f"{self.url}/one", name)
                said = done.out.splitlines()
                self.assertEqual((done.code, said[:2]), (0, ["tools echo", 'echo ok {"text": "hello"}']), str(done))
                self.assertRegex(said[2], "^wrong error the arguments do not fit")
                self.assertEqual(said[3:], ["missing error there is no such tool", 'beats true {"text": "beats"}'])

    def test_the_inspector(self):
        done = self.run_inspector(self.fence, self.url, "--method", "tools/call", "--tool-name", "it__echo",
                                  "--tool-arg", "text=x")  # fmt: skip
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(done.json()["content"][0]["text"], '{"text": "x"}')

    # --- conformance ------------------------------------------------------------------------------

    def checks(self, group, revision, scenario):
        """{name: status} of the checks of one scenario."""
        out = self.dir / f"{revision}-{scenario}"
        done = self.reeve(
            "server", "--url", f"{self.forwarder.url}/mcp/it", "--scenario", scenario, "--spec-version", revision,
            "--output-dir", out, program=str(FOLDER / group / "node_modules" / ".bin" / "conformance"),
            env=self.client_environment(self.fence), timeout=PATIENCE_SECONDS,
        )  # fmt: skip
        found = {}
        for file in out.rglob("checks.json"):
            for check in json.loads(file.read_text(encoding="utf-8")):
                found[check["id"]] = check["status"]
        self.assertTrue(found, str(done))
        return found

    def conforms(self, group, revision, scenarios, allowed=frozenset()):
        self.need("node", group)
        with Forwarder(self.api.host, self.api.port, self.api.context, self.api.token) as self.forwarder:
            for scenario in scenarios:
                with self.subTest(scenario):
                    found = self.checks(group, revision, scenario)
                    failed = {name for name, status in found.items() if status == "FAILURE"} - set(allowed)
                    self.assertEqual(failed, set(), found)
                    self.assertIn("SUCCESS", found.values())

    def test_the_suite_of_the_revision_with_sessions(self):
        self.conforms("conformance", SESSIONS, WITH_SESSIONS)

    def test_the_suite_of_the_revision_without(self):
        self.conforms("conformance-next", STATELESS, WITHOUT)
        self.conforms("conformance-next", STATELESS, ("server-stateless",), FIXTURES)


class StdioServersTest(ToolGatewayTest, RealClientsTest):
    """Servers made with MCP's own libraries, as programs behind the gateway."""

    environment_of_server = {"REEVE_TOOLS_COMMANDS": f"{node() or 'node'} ...", "REEVE_TOOLS_UNSANDBOXED": "true"}

    def test_servers_of_both_revisions(self):
        for era, group, revision in (("sessions", "mcp", SESSIONS), ("stateless", "inspector", STATELESS)):
            with self.subTest(era):
                self.need("node", group)
                file = self.place_module(group, "mcp_stdio_server.mjs")
                self.made(path_of("toolservers"), tool_server(
                    era, command=[node(), str(file), era], sandbox="none", unlisted="allow",
                ))  # fmt: skip
                self.assertEqual(self.call(f"{era}__echo", {"text": "hi"}), ("echo hi", False))
                self.assertEqual(self.call(f"{era}__echo", {"text": "ho"}), ("echo ho", False))
                self.assertEqual(self.got(path_of("toolservers", era))["status"]["protocol"], revision)


if __name__ == "__main__":
    main()
