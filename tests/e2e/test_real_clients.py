"""Real clients against the stand-ins themselves: only what works there proves anything elsewhere."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "standins"))

from mcp_server import SESSIONS, STATELESS, McpServer, Tool, Trouble  # noqa: E402  (see above)
from provider import CHAT, MESSAGES, RESPONSES, Provider  # noqa: E402
from real_clients import Fence, RealClientsTest  # noqa: E402
from reeve import main  # noqa: E402
from replies import out_of_quota, says, uses  # noqa: E402

MODELS_SAID = [
    "chat Well done. 3", "chat stream Well done. 3", 'chat tool echo {"text": "hi"}',
    "response Well done. 3", "response stream Well done. 3",
    "embeddings 2", "models true true",
    "message Well done. 3", "message stream Well done. 3 end_turn",
    'message tool echo {"text":"hi"} tool_use', "count true",
]  # fmt: skip


class ModelsTest(RealClientsTest):
    def setUp(self):
        super().setUp()
        self.provider = Provider()
        self.provider.start()
        self.addCleanup(self.provider.stop)
        self.fence = Fence(self.provider.openai, self.provider.anthropic, self.provider.key)

    def one_call_and_no_more(self, api):
        self.assertEqual(len(self.provider.asked(api)), 1, self.provider.calls)
        self.assertEqual(self.provider.refused, [])

    def test_claude_code_answers_calls_its_tools_and_stops_without_money(self):
        done = self.run_claude(self.fence, "Say hello")
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual((done.json()["result"], done.json()["terminal_reason"]), ("Well done.", "completed"))
        self.assertEqual(done.json()["usage"]["output_tokens"], self.provider.asked(MESSAGES)[0].output)
        self.provider.script(uses("Bash", command="echo made > made.txt", description="makes"), says("Made."))
        done = self.run_claude(self.fence, "Make it", "--allowedTools", "Bash")
        self.assertEqual((done.code, self.lines("made.txt")), (0, ["made"]), str(done))
        before = len(self.provider.asked())
        self.provider.script(out_of_quota())
        done = self.run_claude(self.fence, "Say hello")
        self.assertEqual(done.code, 1, str(done))
        self.assertEqual((done.json()["is_error"], done.json()["api_error_status"]), (True, 429))
        self.assertEqual(len(self.provider.asked()) - before, 1)

    def test_codex_answers_calls_its_tools_and_stops_without_money(self):
        self.provider.script(uses("exec_command", cmd="echo made > made.txt"), says("Made."))
        done = self.run_codex(self.fence, "Make it")
        self.assertEqual((done.code, self.lines("made.txt")), (0, ["made"]), str(done))
        last = done.json_lines()[-1]
        self.assertEqual(last["type"], "turn.completed")
        self.assertEqual(last["usage"]["input_tokens"], sum(c.input for c in self.provider.asked(RESPONSES)))
        before = len(self.provider.asked())
        self.provider.script(out_of_quota())
        done = self.run_codex(self.fence, "Say hello")
        self.assertEqual((done.code, done.json_lines()[-1]["type"]), (1, "turn.failed"), str(done))
        self.assertEqual(len(self.provider.asked()) - before, 1)

    def test_opencode_answers(self):
        done = self.run_opencode(self.fence, "Say hello")
        self.assertEqual(done.code, 0, str(done))
        said = [line["part"]["text"] for line in done.json_lines() if line["type"] == "text"]
        self.assertEqual(said, ["Well done."])
        self.assertTrue(all(call.streams for call in self.provider.asked(CHAT)))

    def test_the_libraries_of_openai_and_anthropic(self):
        self.provider.script(lambda call: uses("echo", text="hi") if "echo" in call.tools() else None)
        done = self.run_models(self.fence, "basics")
        self.assertEqual((done.code, done.out.splitlines()), (0, MODELS_SAID), str(done))

    def test_the_libraries_stop_without_money(self):
        self.provider.script(out_of_quota(), out_of_quota())
        done = self.run_models(self.fence, "refused")
        self.assertEqual(
            done.out.splitlines(),
            ["openai 429 insufficient_quota calls 1", "anthropic 429 insufficient_quota calls 1"], str(done),
        )  # fmt: skip


class ToolsTest(RealClientsTest):
    def setUp(self):
        super().setUp()
        self.fence = Fence("", "", "tok")
        self.server = McpServer(Tool("echo", schema={"text": "string"}), key="tok")
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)

    def test_the_library_in_both_revisions(self):
        for name, era in (("sessions", SESSIONS), ("stateless", STATELESS)):
            with self.subTest(era):
                self.server.script(None, None, None, Trouble(beats=3))
                done = self.run_mcp(self.fence, self.server.url, name)
                self.assertEqual(
                    (done.code, done.out.splitlines()),
                    (0, ["tools echo", 'echo ok {"text": "hello"}', 'wrong ok {"more": true, "text": 7}',
                         "missing refused -32602", 'beats true {"text": "beats"}']),
                    str(done),
                )  # fmt: skip
                self.assertEqual(self.server.calls[-1].era, era)

    def test_the_inspector(self):
        done = self.run_inspector(self.fence, self.server.url, "--method", "tools/call",
                                  "--tool-name", "echo", "--tool-arg", "text=x")  # fmt: skip
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(done.json()["content"][0]["text"], '{"text": "x"}')

    def test_agents_call_tools(self):
        with Provider() as provider:
            fence = Fence(provider.openai, provider.anthropic, provider.key)
            provider.script(uses("mcp__it__echo", text="from claude"), says("Done."))
            config = {"mcpServers": {"it": {"type": "http", "url": self.server.url,
                                            "headers": {"Authorization": "Bearer tok"}}}}  # fmt: skip
            file = self.write("mcp.json", json.dumps(config))
            done = self.run_claude(fence, "Call it", "--mcp-config", file, "--allowedTools", "mcp__it__echo")
            self.assertEqual(done.code, 0, str(done))
            self.assertEqual(self.server.calls[-1].arguments, {"text": "from claude"})
            # The record of the call and that of the model are joined by this.
            self.assertTrue(self.server.calls[-1].meta["claudecode/toolUseId"])


if __name__ == "__main__":
    main()
