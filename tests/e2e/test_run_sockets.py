"""Sockets of runs: who may speak over them, and that they come and go with their runs."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import stat
import sys

from reeve import main, wait_until
from server import ServerTest, mission, path_of, workflow

# Says what it was given, asks over its socket who it is, and waits to be let go.
AGENT = """
import http.client, json, os, pathlib, socket, sys, time
place = pathlib.Path(os.environ["T"])
token = pathlib.Path(os.environ["REEVE_TOKEN_FILE"]).read_text()
path = os.environ["REEVE_GATEWAY_SOCKET"]
connection = http.client.HTTPConnection("reeve.local", timeout=60)
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(path)
body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
connection.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json.dumps(body),
                   {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
who = json.load(connection.getresponse())
name = os.environ["REEVE_RUN"]
part = place / ("part-" + name)
part.write_text(json.dumps({"token": token, "socket": path, "who": who["status"]["userInfo"]["username"],
                            "claude": os.environ.get("ANTHROPIC_UNIX_SOCKET"), "pid": os.getpid(),
                            "base": os.environ["ANTHROPIC_BASE_URL"]}))
part.rename(place / ("seen-" + name))
while not (place / "go").exists():
    time.sleep(0.05)
print("done")
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("reeve.local", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def ask(path, target, token=None, method="GET", body=None, headers=None):
    """The status of the answer over a socket."""
    headers = dict(headers or {})
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with contextlib.closing(UnixConnection(path)) as connection:
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def answers(path):
    try:
        return ask(path, "/version") == 401
    except OSError:
        return False


class RunSocketsTest(ServerTest):
    def begin(self, *names):
        """Missions whose agents wait; what each of them was given."""
        script = self.write("agent.py", AGENT)
        spec = {"cli": {"command": "custom", "argv": [sys.executable, str(script)]}}
        self.made(path_of("agents"), {"apiVersion": "reeve.dev/v1", "kind": "Agent",
                                      "metadata": {"name": "waiter"}, "spec": spec})
        tasks = [{"name": "a", "agent": {"name": "waiter", "prompt": "wait"}}]
        self.made(path_of("workflows"), {"apiVersion": "reeve.dev/v1", "kind": "Workflow",
                                         "metadata": {"name": "w"}, "spec": {"tasks": tasks}})
        for name in names:
            self.made(path_of("missions"), mission(name, "w"))
        return [json.loads(self.await_file(f"seen-{name}.1.a.1").read_text()) for name in names]

    def let_go(self, *names):
        self.touch("go")
        for name in names:
            self.await_mission(name, "COMPLETE")

    def bound(self, token):
        """The token, as one that is good over the socket of its run only."""
        claims = base64.urlsafe_b64decode(token[4:].split(".")[0] + "==").decode().split("\n")
        self.assertEqual((claims[0], claims[-1]), ("3", "any"))
        encoded = base64.urlsafe_b64encode("\n".join([*claims[:-1], "socket"]).encode()).rstrip(b"=")
        key = bytes.fromhex((pathlib.Path(self.data) / "server" / "run.key").read_text())
        code = hmac.digest(key, b"reeve run token 1\n" + encoded, hashlib.sha256)
        return f"rvr_{encoded.decode()}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"

    def misplaced(self, where):
        text = self.api.get("/metrics").text
        found = re.search(r'^reeve_run_tokens_misplaced_total{where="%s"} (\d+)' % where, text, re.MULTILINE)
        return int(found.group(1)) if found else 0

    def test_a_run_of_an_agent_has_one_while_it_lives(self):
        [seen] = self.begin("m")
        path = pathlib.Path(seen["socket"])
        self.assertEqual(seen["who"], "run:m.1.a.1")
        self.assertEqual(seen["claude"], seen["socket"])
        # Commands that may not know about sockets get the address as well.
        self.assertTrue(seen["base"].endswith("/llm/anthropic"), seen["base"])
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        self.assertEqual(ask(str(path), path_of("missions", "m"), seen["token"]), 200)
        self.let_go("m")
        self.assertFalse(path.exists())
        self.assertFalse(path.parent.exists())

    def test_over_it_the_run_speaks_and_nobody_else(self):
        one, other = self.begin("m", "n")
        path, own = one["socket"], one["token"]
        target = path_of("missions", "m")
        self.assertEqual(ask(path, target, own), 200)
        self.assertEqual(ask(path, "/mcp", own, "POST", "{}", {"Content-Type": "application/json"}) // 100, 4)
        # Not what the run may not do, either.
        self.assertEqual(ask(path, path_of("credentials"), own), 403)
        self.assertEqual(ask(path, target, own, headers={"Impersonate-User": "admin"}), 403)
        for refused in (None, self.api.token, "rvr_nothing.nothing"):
            self.assertEqual(ask(path, target, refused), 401)
            self.assertEqual(ask(path, "/version", refused), 401)
            self.assertEqual(ask(path, "/metrics", refused), 401)
            self.assertEqual(ask(path, "/mcp", refused, "POST", "{}"), 401)
        self.assertEqual(ask(path, "/hooks/default/anything", None, "POST", "{}"), 401)
        self.assertEqual(self.misplaced("other_run"), 0)
        self.assertEqual(ask(path, path_of("missions", "n"), other["token"]), 401)
        self.assertEqual(ask(path, "/mcp", other["token"], "POST", "{}"), 401)
        self.assertEqual(self.misplaced("other_run"), 2)
        self.assertEqual(self.misplaced("elsewhere"), 0)
        said = [line for line in self.owner.err().splitlines() if "socket of another run" in line]
        self.assertEqual(["n.1.a.1" in line for line in said], [True, True], said)
        self.assertNotIn(other["token"], self.owner.err())
        self.let_go("m", "n")

    def test_a_token_that_is_bound_to_it_is_good_for_nothing_elsewhere(self):
        [seen] = self.begin("m")
        token = self.bound(seen["token"])
        target = path_of("missions", "m")
        self.assertEqual(ask(seen["socket"], target, token), 200)
        client = self.client()
        client.token = token
        self.assertEqual(client.get(target).status, 401)
        self.assertEqual(client.post("/mcp", {}).status, 401)
        self.assertEqual(self.misplaced("elsewhere"), 2)
        self.assertIn("from elsewhere than its socket", self.owner.err())
        # The one that is not bound goes both ways.
        client.token = seen["token"]
        self.assertEqual(client.get(target).status, 200)
        # What was refused lately is recorded when the server ends.
        self.owner.signal(signal.SIGTERM)
        self.owner.process.wait()
        self.serve()
        selector = "fieldSelector=involvedObject.kind%3DDenial,involvedObject.name%3Ddenials"
        told = [event["message"] for event in self.got(f"/api/v1/events?{selector}")["items"]]
        self.assertIn("run:m.1.a.1 may not use token/elsewhere (2)", " ".join(told))
        self.let_go("m")

    def test_it_is_there_again_when_the_server_was_killed(self):
        [seen] = self.begin("m")
        self.owner.kill()
        self.assertFalse(answers(seen["socket"]))
        self.serve()
        wait_until(lambda: answers(seen["socket"]), what="the socket to be open again")
        self.assertEqual(ask(seen["socket"], path_of("missions", "m"), seen["token"]), 200)
        self.let_go("m")
        self.assertEqual(list((pathlib.Path(self.data) / "sockets").iterdir()), [])

    def test_what_has_ended_while_there_was_no_server_leaves_nothing(self):
        [seen] = self.begin("m")
        self.owner.kill()
        self.touch("go")
        wait_until(lambda: not self.shims(), what="the run to end")
        self.assertTrue(pathlib.Path(seen["socket"]).exists())
        self.serve()
        self.await_mission("m", "COMPLETE")
        self.assertFalse(pathlib.Path(seen["socket"]).parent.exists())

    def test_a_run_without_a_network_is_bound_to_it(self):
        if shutil.which("curl") is None:
            self.skipTest("not installed: curl")
        target = f'$REEVE_API{path_of("missions", "m")}'
        ask_itself = (
            'ask() { curl -sS -m 5 "$@" -o /dev/null -w "%{http_code} " '
            f'-H "Authorization: Bearer $(cat "$REEVE_TOKEN_FILE")" "{target}"; }}; '
            'ask --unix-socket "$REEVE_GATEWAY_SOCKET"'
        )
        script = f"{ask_itself}; echo before; until [ -e go ]; do sleep 0.05; done; {ask_itself}; ask; echo after"
        document = workflow("w", script)
        document["spec"]["tasks"][0]["sandbox"] = "isolated"
        self.made(path_of("workflows"), document)
        self.made(path_of("missions"), mission("m", "w"))
        log = self.run_dir("m.1.a.1") / "stdout.log"
        wait_until(lambda: self.state("m") == "FAILED" or log.exists() and b"before" in log.read_bytes(),
                   what="the run to ask")
        if self.state("m") == "FAILED":
            self.skipTest("this machine has no isolated sandboxes: " + self.ok("status", "m").out)
        token = (self.run_dir("m.1.a.1") / "token").read_text()
        client = self.client()
        client.token = token
        self.assertEqual(client.get(path_of("missions", "m")).status, 401)
        self.assertEqual(self.misplaced("elsewhere"), 1)
        self.owner.kill()
        self.serve()
        path = json.loads((self.run_dir("m.1.a.1") / "spec.json").read_text())["socket"]
        wait_until(lambda: answers(path), what="the socket to be open again")
        (self.run_dir("m.1.a.1") / "work" / "go").touch()
        self.await_mission("m", "COMPLETE")
        # Over the socket, which is another file now, and through the port that leads to it.
        self.assertEqual(log.read_text().split(), ["200", "before", "200", "200", "after"])

    def test_other_runs_have_none(self):
        self.made(path_of("workflows"), workflow("w", 'echo "socket=<$REEVE_GATEWAY_SOCKET>"'))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "COMPLETE")
        self.assertIn("socket=<>", self.ok("logs", "m").out)


if __name__ == "__main__":
    main()
