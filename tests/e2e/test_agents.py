"""Agents: what their processes get, what comes of what they say, and what a killed loop has paid for."""

import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

from gateway import GatewayTest
from reeve import PATIENCE_SECONDS, PROGRAM, ReeveTest, main, wait_until
from replies import says
from server import ServerTest, mission, path_of

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "ai" / "agents"

# Says what it was given, in the words of Claude Code.
CLAUDE = """
import json, os, pathlib, sys
words = sys.argv[1:]
config = json.loads(pathlib.Path(words[words.index("--mcp-config") + 1]).read_text())
seen = {
    "words": words,
    "prompt": sys.stdin.read(),
    "base": os.environ["ANTHROPIC_BASE_URL"],
    "same": config["mcpServers"]["reeve"]["headers"]["Authorization"] == "Bearer ${REEVE_AGENT_TOKEN}"
    and os.environ["REEVE_AGENT_TOKEN"] == os.environ["ANTHROPIC_AUTH_TOKEN"],
    "mcp": config["mcpServers"]["reeve"]["url"],
    "keys": sorted(name for name in os.environ if name in ("ANTHROPIC_API_KEY", "GITHUB_TOKEN")),
    "token": os.environ["ANTHROPIC_AUTH_TOKEN"],
}
home = pathlib.Path(os.environ["CLAUDE_CONFIG_DIR"])
here = "".join(c if c.isalnum() else "-" for c in os.getcwd())
session = "s-" + os.environ["REEVE_RUN"].replace(".", "-")
if "--resume" in words:
    old = words[words.index("--resume") + 1]
    assert (home / "projects" / here / (old + ".jsonl")).exists(), "no such session here"
(home / "projects" / here).mkdir(parents=True, exist_ok=True)
(home / "projects" / here / (session + ".jsonl")).write_text("{}")
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(seen))
print(json.dumps({"type": "assistant", "session_id": session, "message": {"content": [{"type": "text", "text": "I use " + seen["token"]}]}}))
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "terminal_reason": "completed",
                  "session_id": session, "num_turns": 2, "total_cost_usd": 0.25, "result": "written",
                  "usage": {"input_tokens": 7, "output_tokens": 3}} | json.loads(os.environ.get("MORE", "{}"))))
"""


def agent(name, **spec):
    return {"apiVersion": "reeve.dev/v1", "kind": "Agent", "metadata": {"name": name}, "spec": spec}


class AgentCommandTest(ServerTest):
    """Command lines in runs of a real server."""

    def setUp(self):
        os.environ["GITHUB_TOKEN"] = "ghp_of_the_machine"
        self.addCleanup(os.environ.pop, "GITHUB_TOKEN")
        super().setUp()
        self.seen = self.dir / "seen.json"
        self.script = self.write("claude.py", CLAUDE)

    def make_agent(self, name, more=None, **spec):
        environment = {"SEEN": str(self.seen)} | ({"MORE": json.dumps(more)} if more else {})
        cli = {"command": "claude", "argv": [sys.executable, str(self.script)]}
        return self.made(path_of("agents"), agent(name, cli=cli, environment=environment, **spec))

    def run_tasks(self, name, tasks):
        document = {"apiVersion": "reeve.dev/v1", "kind": "Workflow", "metadata": {"name": f"w-{name}"},
                    "spec": {"tasks": tasks}}
        self.made(path_of("workflows"), document)
        self.made(path_of("missions"), mission(name, f"w-{name}"))
        return self.await_mission(name, "COMPLETE", "FAILED")

    def test_an_agent_works_inside_the_fence(self):
        self.make_agent("coder", model="coding", prompt="be brief", limits={"iterations": 4})
        done = self.run_tasks("m", [
            {"name": "code", "agent": {"name": "coder", "prompt": "fix it"}},
            {"name": "show", "needs": ["code"],
             "script": "echo result={{ index . \"code-result\" }} cost={{ .cost }} tokens={{ index . \"code-tokens\" }}"}])
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]))
        seen = json.loads(self.seen.read_text())
        self.assertEqual(seen["prompt"], "fix it")
        self.assertTrue(seen["base"].endswith("/llm/anthropic"), seen["base"])
        self.assertTrue(seen["mcp"].endswith("/mcp"), seen["mcp"])
        self.assertTrue(seen["same"])
        self.assertEqual(seen["keys"], [])
        words = " ".join(seen["words"])
        self.assertNotIn(seen["token"], words)
        self.assertIn("--strict-mcp-config", seen["words"])
        self.assertIn("--max-turns 4 ", words + " ")
        log = self.ok("logs", "m", "code").out
        self.assertIn("I use", log)
        self.assertNotIn(seen["token"], log)
        self.assertIn("result=written cost=0.25 tokens=10", self.ok("logs", "m", "show").out)

    def test_the_token_says_which_agent_asks(self):
        ask = self.write("ask.py", ASK)
        self.made(path_of("agents"), agent("asker", cli={"command": "custom", "argv": [sys.executable, str(ask)]}))
        done = self.run_tasks("m", [{"name": "ask", "agent": {"name": "asker", "prompt": "who are you?"}}])
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]))
        self.assertIn("agent asker of m.1.ask.1", self.ok("logs", "m").out)

    def test_a_later_task_goes_on_with_the_session(self):
        self.make_agent("coder")
        done = self.run_tasks("m", [
            {"name": "plan", "agent": {"name": "coder", "prompt": "plan it"}},
            {"name": "code", "needs": ["plan"],
             "agent": {"name": "coder", "prompt": "do it", "session": "{{ index . \"plan-session-id\" }}"}}])
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]))
        self.assertIn("--resume s-m-1-plan-1", " ".join(json.loads(self.seen.read_text())["words"]))

    def test_what_has_happened_decides_about_the_route(self):
        spent = {"is_error": True, "terminal_reason": "api_error", "api_error_status": 429,
                 "result": "API Error: 429 enforced_spend_limit_reached"}
        self.make_agent("spender", more=spent)
        done = self.run_tasks("m", [
            {"name": "code", "agent": {"name": "spender", "prompt": "p"},
             "onExitCode": {"BUDGET_EXCEEDED": "ask"}, "onCompleted": "never"},
            {"name": "ask", "script": "echo more money"},
            {"name": "never", "script": "echo never"}])
        states = {task["name"]: task["state"] for task in done["status"]["tasks"]}
        self.assertEqual(states, {"code": "FAILED", "ask": "COMPLETE", "never": "SKIPPED"})
        self.assertIn("more money", self.ok("logs", "m", "ask").out)

    def test_an_agent_that_is_not_there_fails_its_task_by_name(self):
        done = self.run_tasks("m", [{"name": "code", "agent": {"name": "nobody", "prompt": "p"}}])
        self.assertEqual(done["status"]["state"], "FAILED")
        self.assertIn('there is no agent "nobody"', done["status"]["message"])

    def test_objects_that_make_no_sense_are_refused(self):
        for spec, says in (({"model": "m"}, "cli"), ({"cli": {"command": "emacs"}}, "emacs"),
                           ({"loop": {}, "apiKey": "x"}, "apiKey")):
            answer = self.api.post(path_of("agents", fieldValidation="Strict"), agent("bad", **spec))
            self.assertIn(answer.status, (400, 422), str(answer))
            self.assertIn(says, answer.text)

    def test_the_example_is_taken_as_it_is(self):
        self.ok("apply", "-f", str(EXAMPLES / "agents.yaml"), "--kubeconfig", str(self.kubeconfig_file()))
        self.assertEqual(self.got(path_of("agents", "reviewer"))["spec"]["limits"]["iterations"], 3)
        self.ok("lint", str(EXAMPLES / "review.yaml"))


# Asks the server who it is, with what the fence has given it.
ASK = """
import json, os, ssl, urllib.request
context = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
request = urllib.request.Request(
    os.environ["REEVE_API"] + "/apis/authentication.k8s.io/v1/selfsubjectreviews", json.dumps(body).encode(),
    {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"})
extra = json.load(urllib.request.urlopen(request, context=context))["status"]["userInfo"]["extra"]
print("agent", extra["reeve.dev/agent"][0], "of", extra["reeve.dev/run"][0])
"""


class Gateways(http.server.BaseHTTPRequestHandler):
    """Both gateways: what was answered under a name is answered again, and counted once."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        server.tokens.add(self.headers["Authorization"])
        if self.path == "/mcp":
            self.answer(200, {"jsonrpc": "2.0", "id": asked["id"], "result": self.tool(asked)})
            return
        name = self.headers["Reeve-Call-Id"]
        server.questions.append(asked)
        if name not in server.paid:
            number = len(server.paid)
            content = [{"type": "text", "text": "the result"}]
            if number < 2:
                content = [{"type": "tool_use", "id": f"t{number}", "name": "repo__read", "input": {"n": number}}]
            server.paid[name] = {"content": content, "stop_reason": "tool_use" if number < 2 else "end_turn",
                                 "usage": {"input_tokens": 5, "output_tokens": 5}}
        if len(server.paid) == server.hang_at:
            server.hanging.set()
            server.go_on.wait(PATIENCE_SECONDS)
            return
        self.answer(200, server.paid[name])

    def tool(self, asked):
        if asked["method"] == "tools/list":
            return {"tools": [{"name": "repo__read", "inputSchema": {"type": "object"}}]}
        self.server.calls.add(asked["params"]["_meta"]["reeve.dev/idempotencyKey"])
        return {"content": [{"type": "text", "text": f"contents {asked['params']['arguments']['n']}"}]}

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class AgentLoopTest(ReeveTest):
    """The tool alone, against gateways of the test's own."""

    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gateways)
        self.server.daemon_threads = True
        self.server.paid, self.server.questions, self.server.calls, self.server.tokens = {}, [], set(), set()
        self.server.hang_at = 0
        self.server.hanging, self.server.go_on = threading.Event(), threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.go_on.set)

    def attempt(self, number, **spec):
        """Starts `reeve executor agent` for one attempt at a task."""
        run_dir = self.data / "missions" / "m" / "runs" / f"m.1.code.{number}"
        work = run_dir / "work"
        (run_dir / "steps").mkdir(parents=True)
        work.mkdir()
        spec = {"loop": {}, "model": "thinking", "tools": ["repo__*"]} | spec
        file = run_dir / "steps" / "0.json"
        file.write_text(json.dumps({"agent": {"name": "coder", "uid": "u", "generation": 1, "spec": spec},
                                    "prompt": "fix it", "session": "", "outputs": {}}))
        (run_dir / "token").write_text("rvr_of_the_run")
        self.published = run_dir / "output"
        self.published.write_text("")
        environment = os.environ | {
            "REEVE_API": f"http://127.0.0.1:{self.server.server_address[1]}",
            "REEVE_TOKEN_FILE": str(run_dir / "token"), "REEVE_OUTPUT": str(self.published),
            "REEVE_RUN": f"m.1.code.{number}", "REEVE_TASK": "code", "REEVE_FENCE": str(number)}
        process = subprocess.Popen([PROGRAM, "executor", "agent", str(file)], cwd=work, env=environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, file.with_suffix(".end")

    def finished(self, attempt):
        process, end = attempt
        self.out = process.communicate(timeout=PATIENCE_SECONDS)[0]
        return json.loads(end.read_text())

    def values(self):
        return dict(line.split("=", 1) for line in self.published.read_text().splitlines())

    def test_a_loop_asks_calls_and_publishes(self):
        end = self.finished(self.attempt(1))
        self.assertEqual(end["exitCode"], 0, self.out)
        self.assertEqual(self.values()["code-result"], "the result")
        self.assertEqual(self.values()["code-turns"], "3")
        self.assertEqual(self.values()["code-tokens"], "30")
        self.assertEqual(self.server.tokens, {"Bearer rvr_of_the_run"})
        self.assertEqual(len(self.server.calls), 2)
        self.assertIn("tool repo__read", self.out)
        self.assertNotIn("rvr_", self.out)
        self.assertIn("contents 1", json.dumps(self.server.questions[-1]))

    def test_a_loop_that_is_killed_while_it_is_answered_pays_for_nothing_twice(self):
        for at in (1, 2, 3):
            with self.subTest(at=at):
                self.server.paid.clear()
                self.server.calls.clear()
                self.server.hanging.clear()
                self.server.go_on.clear()
                self.server.hang_at = at
                process, _ = self.attempt(10 * at)
                self.assertTrue(self.server.hanging.wait(PATIENCE_SECONDS))
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.server.hang_at = 0
                self.server.go_on.set()
                end = self.finished(self.attempt(10 * at + 1))
                self.assertEqual(end["exitCode"], 0, self.out)
                self.assertIn("goes on", self.out)
                self.assertEqual(len(self.server.paid), 3)
                self.assertEqual(len(self.server.calls), 2)
                self.assertEqual(self.values()["code-turns"], "3")

    def test_a_loop_that_has_ended_begins_anew(self):
        self.finished(self.attempt(1))
        self.server.hang_at = 0
        self.finished(self.attempt(2))
        self.assertNotIn("goes on", self.out)

    def test_limits_are_exit_texts(self):
        end = self.finished(self.attempt(1, limits={"iterations": 2}))
        self.assertEqual((end["exitCode"], end["exitText"]), (1, "MAX_TURNS"))
        self.server.paid.clear()
        end = self.finished(self.attempt(2, limits={"tokens": 10}, model="other"))
        self.assertEqual(end["exitText"], "BUDGET_EXCEEDED")

    def test_without_a_server_nothing_is_done(self):
        process, end = self.attempt(1)
        process.kill()
        process.wait()
        bare = {name: value for name, value in os.environ.items() if not name.startswith("REEVE_")}
        done = subprocess.run([PROGRAM, "executor", "agent", str(end.with_suffix(".json"))], env=bare,
                              capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("reeve up", done.stderr)


class PaidOnceTest(GatewayTest):
    """The loop in a mission, behind the model gateway of a whole server."""

    def test_a_run_that_is_killed_while_its_model_thinks_does_not_pay_twice(self):
        thinking = threading.Event()
        self.addCleanup(thinking.set)
        self.provider.script(says("the result", gate=thinking))
        self.made(path_of("agents"), agent("coder", loop={}, model="claude"))
        tasks = [{"name": "code", "retry": {"max": 1, "delay": "0s"}, "agent": {"name": "coder", "prompt": "fix it"}}]
        self.made(path_of("workflows"), {"apiVersion": "reeve.dev/v1", "kind": "Workflow",
                                         "metadata": {"name": "w"}, "spec": {"tasks": tasks}})
        self.made(path_of("missions"), mission("m", "w"))
        wait_until(lambda: self.provider.asked(), what="the question at the provider")
        (shim,) = self.shims()
        os.kill(shim, signal.SIGKILL)
        self.await_file_of_attempt(2)
        thinking.set()
        done = self.await_mission("m", "COMPLETE", "FAILED")
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]))
        self.assertEqual([task["attempts"] for task in done["status"]["tasks"]], [2])
        self.assertEqual(len(self.provider.asked()), 1)
        (call,) = self.await_settled(1)
        self.assertEqual(call["status"]["outcome"], "completed")
        self.assertEqual(self.spent([call]), (self.provider.billed_tokens, self.provider.billed))
        self.assertIn("goes on", self.ok("logs", "m", "code").out)

    def await_file_of_attempt(self, number):
        """Waits until another attempt has begun."""
        steps = self.data / "missions" / "m" / "runs" / f"m.1.code.{number}" / "steps"
        wait_until(steps.is_dir, what=f"attempt {number}")


if __name__ == "__main__":
    main()
