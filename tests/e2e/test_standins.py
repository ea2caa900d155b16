"""The stand-ins themselves: what other tests rest on has to be right. No server of ours takes part."""

import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "standins"))

from answers import Text, Usage, Use, tokens_of  # noqa: E402  (only known once the path is)
from mcp_server import META, STATELESS, McpServer, Tool, Trouble  # noqa: E402
from provider import CHAT, MESSAGES, RESPONSES, Provider  # noqa: E402
from reeve import main  # noqa: E402
from replies import ABSENT, Reply, cut, error, hang, out_of_quota, says, uses  # noqa: E402

PATIENCE_SECONDS = 60


def ask(url, body, headers=None, key=None):
    """(status, headers, bytes); bytes of a broken answer are those that came."""
    at = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(at.netloc, timeout=PATIENCE_SECONDS)
    headers = {"Content-Type": "application/json", **(headers or {})}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request("POST", at.path, data, headers)
        response = connection.getresponse()
        read = b""
        try:
            while part := response.read1(1 << 16):
                read += part
        except (OSError, http.client.HTTPException):
            read += b"<broken>"
        return response.status, response.headers, read
    finally:
        connection.close()


def events(data):
    """[(name, value)] of a stream; a text that is no JSON is a text."""
    found = []
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in lines:
            text = lines["data"]
            found.append((lines.get("event", ""), json.loads(text) if text.startswith("{") else text))
    return found


class ProviderTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.provider = Provider()
        self.provider.start()
        self.addCleanup(self.provider.stop)

    def ask(self, api, key=None, **more):
        base = self.provider.url + ("/anthropic" if api == MESSAGES else "/openai")
        body = {"model": "standin-large", "messages": [{"role": "user", "content": "hi"}], **more}
        return ask(base + api, body, key=key or self.provider.key)

    def test_the_three_apis_say_the_same_whole_and_in_a_stream(self):
        parts = [Text("One two three four five. " * 5), Use("echo", {"text": "x" * 100})]
        self.provider.script(lambda call: Reply(parts=list(parts)))
        spoken = sum(tokens_of(part.worth[i : i + 40]) for part in parts
                     for i in range(0, len(part.worth), 40))
        whole = json.loads(self.ask(MESSAGES)[2])
        self.assertEqual([part["type"] for part in whole["content"]], ["text", "tool_use"])
        self.assertEqual((whole["stop_reason"], whole["usage"]["output_tokens"]), ("tool_use", spoken))
        streamed = events(self.ask(MESSAGES, stream=True)[2])
        deltas = [value["delta"] for name, value in streamed if name == "content_block_delta"]
        self.assertEqual("".join(d.get("text", "") for d in deltas), parts[0].text)
        self.assertEqual(json.loads("".join(d.get("partial_json", "") for d in deltas)), parts[1].arguments)
        self.assertEqual(streamed[-2][1]["usage"]["output_tokens"], spoken)
        self.assertEqual(streamed[-1][0], "message_stop")

        whole = json.loads(self.ask(CHAT)[2])
        self.assertEqual(whole["usage"]["completion_tokens"], spoken)
        streamed = events(self.ask(CHAT, stream=True, stream_options={"include_usage": True})[2])
        self.assertEqual(streamed[-1][1], "[DONE]")
        self.assertEqual(streamed[-2][1]["usage"]["completion_tokens"], spoken)
        self.assertEqual(streamed[-2][1]["choices"], [])

        whole = json.loads(self.ask(RESPONSES)[2])
        self.assertEqual([item["type"] for item in whole["output"]], ["message", "function_call"])
        streamed = events(self.ask(RESPONSES, stream=True)[2])
        self.assertEqual(streamed[-1][0], "response.completed")
        self.assertEqual(streamed[-1][1]["response"]["usage"]["output_tokens"], spoken)
        self.assertEqual([value["sequence_number"] for _, value in streamed], list(range(len(streamed))))
        self.assertEqual({call.output for call in self.provider.asked()}, {spoken})

    def test_usage_is_told_as_it_is_or_otherwise_and_charged_for_as_it_is(self):
        self.provider.script(says("a" * 400), says("a" * 400, usage=ABSENT),
                             says("a" * 400, usage=Usage(1, 1)))
        told = [json.loads(self.ask(MESSAGES)[2]).get("usage") for _ in range(3)]
        self.assertEqual(told[0]["output_tokens"], 100)
        self.assertIsNone(told[1])
        self.assertEqual((told[2]["input_tokens"], told[2]["output_tokens"]), (1, 1))
        self.assertEqual([call.output for call in self.provider.asked()], [100, 100, 100])
        given = self.provider.asked()[0].input
        self.assertEqual(str(self.provider.billed * 1_000_000), f"{3 * (3 * given + 15 * 100)}.000000")

    def test_it_stops_where_it_is_told_to(self):
        self.provider.script(says("a" * 4000))
        made = json.loads(self.ask(MESSAGES, max_tokens=7)[2])
        self.assertEqual((made["stop_reason"], made["usage"]["output_tokens"]), ("max_tokens", 7))

    def test_a_cut_stream_costs_what_was_sent_of_it(self):
        self.provider.script(cut(6, "a" * 400))
        read = self.ask(MESSAGES, stream=True)[2]
        self.assertTrue(read.endswith(b"<broken>"))
        self.provider.await_quiet()
        call = self.provider.asked()[0]
        # message_start, ping and content_block_start are worth nothing.
        self.assertEqual((call.output, call.finished), (30, False))

    def test_what_it_sends_may_be_broken_or_cut_anywhere(self):
        self.provider.script(says("hello", spoil=lambda number, data: b"data: {\n\n" if number == 4 else data),
                             says("hello " * 20, chunk=7))
        self.assertIn(b"data: {\n\n", self.ask(MESSAGES, stream=True)[2])
        said = [value["delta"].get("text", "") for name, value in events(self.ask(MESSAGES, stream=True)[2])
                if name == "content_block_delta"]
        self.assertEqual("".join(said), "hello " * 20)

    def test_it_waits_for_the_test(self):
        gate = threading.Event()
        self.provider.script(hang(gate))
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.ask(MESSAGES)[0])) for _ in range(2)]
        threads[0].start()
        self.provider.wait(lambda: self.provider.at_once == 1)
        threads[1].start()
        threads[1].join()
        gate.set()
        threads[0].join()
        self.assertEqual((answers, self.provider.most_at_once), ([200, 200], 2))

    def test_refusals_are_in_the_words_of_the_api(self):
        self.provider.script(out_of_quota(), out_of_quota(), error(503, retry_after="7"))
        status, headers, body = self.ask(MESSAGES)
        self.assertEqual((status, headers["x-should-retry"]), (429, "false"))
        self.assertEqual(json.loads(body)["error"]["type"], "insufficient_quota")
        self.assertEqual(json.loads(self.ask(CHAT)[2])["error"]["code"], "insufficient_quota")
        status, headers, _ = self.ask(CHAT)
        self.assertEqual((status, headers["retry-after"]), (503, "7"))
        self.assertEqual(self.provider.billed, 0)

    def test_it_lets_in_its_own_key_only(self):
        self.assertEqual(self.ask(MESSAGES, key="rvr_phantom")[0], 401)
        self.assertEqual((self.provider.refused, self.provider.billed), (["rvr_phantom"], 0))

    def test_a_script_sees_what_was_asked(self):
        self.provider.script(lambda call: says(call.results()[0]) if call.results() else uses("t", a=1))
        first = json.loads(self.ask(MESSAGES)[2])
        result = {"type": "tool_result", "tool_use_id": first["content"][0]["id"], "content": "42"}
        second = json.loads(self.ask(MESSAGES, messages=[{"role": "user", "content": [result]}])[2])
        self.assertEqual(second["content"][0]["text"], "42")


class McpTest(unittest.TestCase):
    def rpc(self, server, method, params=None, headers=None):
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        return ask(server.url, body, headers)

    def stateless(self, server, method, **params):
        headers = {"MCP-Protocol-Version": STATELESS, "Mcp-Method": method}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        meta = {META + "protocolVersion": STATELESS, META + "clientCapabilities": {}}
        return self.rpc(server, method, {**params, "_meta": meta}, headers)

    def test_it_speaks_both_revisions(self):
        with McpServer(Tool("echo", schema={"text": "string"})) as server:
            status, headers, body = self.rpc(server, "initialize", {"protocolVersion": "2025-11-25"})
            self.assertEqual((status, json.loads(body)["result"]["protocolVersion"]), (200, "2025-11-25"))
            session = {"Mcp-Session-Id": headers["Mcp-Session-Id"]}
            listed = json.loads(self.rpc(server, "tools/list", headers=session)[2])["result"]
            self.assertEqual(listed["tools"][0]["inputSchema"]["required"], ["text"])
            self.assertEqual(self.rpc(server, "tools/list")[0], 400)
            found = json.loads(self.stateless(server, "server/discover")[2])["result"]
            self.assertEqual(found["supportedVersions"], [STATELESS])
            made = json.loads(self.stateless(server, "tools/call", name="echo", arguments={"text": "x"})[2])
            self.assertEqual(made["result"]["content"][0]["text"], '{"text": "x"}')
            self.assertEqual(server.calls[0].arguments, {"text": "x"})

    def test_it_makes_trouble(self):
        with McpServer(Tool("echo")) as server:
            server.script(Trouble(wrong_id=True), Trouble(status=307, headers={"Location": "http://[::1]/"}),
                          Trouble(flood=3), Trouble(cut=True))

            def call():
                return self.stateless(server, "tools/call", name="echo", arguments={})

            self.assertEqual(json.loads(call()[2])["id"], "not-1")
            self.assertEqual(call()[1]["Location"], "http://[::1]/")
            self.assertEqual(len(events(call()[2])), 4)
            with self.assertRaises((OSError, http.client.HTTPException)):
                call()
            server.change(Tool("echo", description="another"))
            listed = json.loads(self.stateless(server, "tools/list")[2])["result"]["tools"]
            self.assertEqual((len(server.calls), listed[0]["description"]), (4, "another"))

    def test_as_a_program_it_follows_its_plan(self):
        requests = [{"jsonrpc": "2.0", "id": number, "method": "tools/call",
                     "params": {"name": name, "arguments": {}}}
                    for number, name in enumerate(("echo", "wrong", "die", "echo"), 1)]  # fmt: skip
        with tempfile.TemporaryDirectory(prefix="reeve-e2e-") as name:
            folder = pathlib.Path(name)
            plan, log = folder / "plan.json", folder / "log.jsonl"
            plan.write_text(json.dumps([{"name": "echo"}, {"name": "wrong", "does": "wrong-id"},
                                        {"name": "die", "does": "die"}]))
            done = subprocess.run(
                [sys.executable, HERE / "standins" / "mcp_server.py", plan, log],
                input="".join(json.dumps(each) + "\n" for each in requests),
                capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
            )  # fmt: skip
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertEqual([json.loads(line)["id"] for line in done.stdout.splitlines()], [1, "not-2"])
            names = [json.loads(line)["name"] for line in log.read_text().splitlines()]
            self.assertEqual(names, ["echo", "wrong", "die"])


if __name__ == "__main__":
    main()
