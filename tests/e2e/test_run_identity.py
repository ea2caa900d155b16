"""Runs that speak to the API for themselves: with which token, what it allows, and when it dies."""

import json
import pathlib
import re
import signal
import stat

from reeve import gate, main
from server import ServerTest, mission, path_of, workflow

# Asks the API with what the run was given; prints "<status> <path>" for each path.
CLIENT = r"""
import json, os, ssl, sys, urllib.error, urllib.request
context = ssl.create_default_context(cafile=os.environ["REEVE_CA_FILE"])
token = open(os.environ["REEVE_TOKEN_FILE"]).read()

def ask(method, path, body=None):
    request = urllib.request.Request(
        os.environ["REEVE_API"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + token, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
"""


def entry(name):
    return {
        "apiVersion": "reeve.dev/v1",
        "kind": "BlackboardEntry",
        "metadata": {"name": name},
        "spec": {"type": "decision", "content": {"found": "it"}},
    }


class RunIdentityTest(ServerTest):
    def with_script(self, name, body, last="true"):
        """A mission whose run carries out `body` after the client's lines, then `last`."""
        script = self.write(f"{name}.py", CLIENT + body)
        self.made(path_of("workflows"), workflow(f"w-{name}", f'python3 "{script}" && {last}'))
        self.made(path_of("missions"), mission(name, f"w-{name}"))

    def test_a_run_reads_its_mission_and_adds_to_the_blackboard_and_no_more(self):
        self.made(path_of("workflows"), workflow("w"))
        self.made(path_of("missions"), mission("other", "w"))
        self.await_mission("other", "COMPLETE")
        self.made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                         "metadata": {"name": "beta"}})
        base = "/apis/reeve.dev/v1/namespaces/default"
        asked = {
            "own": ("GET", f"{base}/missions/m", None, 200),
            "run": ("GET", f"{base}/runs/m.1.a.1", None, 200),
            "entry": ("POST", f"{base}/blackboardentries", entry("found"), 201),
            "self": ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                     {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, 201),
            "other": ("GET", f"{base}/missions/other", None, 403),
            "list": ("GET", f"{base}/missions", None, 403),
            "log": ("GET", f"{base}/runs/other.1.a.1/log", None, 403),
            "submit": ("POST", f"{base}/missions", mission("more", "w"), 403),
            "bulk": ("POST", f"{base}/missions:bulk", {"items": []}, 403),
            "abort": ("POST", f"{base}/missions/m/abort", {}, 403),
            "credentials": ("GET", f"{base}/credentials", None, 403),
            "tokens": ("GET", "/apis/reeve.dev/v1/tokens", None, 403),
            "elsewhere": ("GET", "/apis/reeve.dev/v1/namespaces/beta/missions/m", None, 404),
            "nowhere": ("GET", "/apis/reeve.dev/v1/namespaces/gamma/missions/m", None, 404),
        }
        body = "asked = json.loads(%r)\n" % json.dumps(asked)
        body += "for name, (method, path, body, _) in asked.items():\n"
        body += "    print(name, ask(method, path, body)[0])\n"
        self.with_script("m", body)
        self.await_mission("m", "COMPLETE")
        said = dict(re.findall(r"^.*?(\w+) (\d+)$", self.ok("logs", "m").out, re.MULTILINE))
        self.assertEqual(said, {name: str(want[3]) for name, want in asked.items()})
        made = self.got(path_of("blackboardentries", "found"))
        self.assertIn("m.1.a.1", json.dumps(made))

    def test_the_token_dies_with_the_run(self):
        self.with_script(
            "m",
            'import shutil; shutil.copy(os.environ["REEVE_TOKEN_FILE"], os.environ["T"] + "/copy")\n'
            'print(ask("GET", "/apis/reeve.dev/v1/namespaces/default/missions/m")[0])\n'
            'open(os.environ["T"] + "/copied", "w").close()\n',
            gate("go"),
        )
        self.await_file("copied")
        client = self.client()
        client.token = (self.dir / "copy").read_text()
        path = path_of("missions", "m")
        self.assertEqual(client.get(path).status, 200)
        kept = self.run_dir("m.1.a.1") / "token"
        self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)
        # The run outlives the server, and so does its token.
        self.owner.kill()
        self.serve()
        client = self.client()
        client.token = (self.dir / "copy").read_text()
        self.assertEqual(client.get(path).status, 200)
        self.touch("go")
        self.await_mission("m", "COMPLETE")
        self.assertEqual(client.get(path).status, 401)
        self.assertFalse(kept.exists())

    def test_the_token_is_told_nowhere(self):
        self.with_script(
            "m",
            'import shutil; shutil.copy(os.environ["REEVE_TOKEN_FILE"], os.environ["T"] + "/copy")\n'
            'print("it is", token)\n'
            'open(os.environ["REEVE_OUTPUT"], "a").write("leak=" + token + "\\n")\n',
        )
        self.await_mission("m", "COMPLETE")
        token = (self.dir / "copy").read_text()
        self.assertRegex(token, r"^rvr_")
        log = self.ok("logs", "m").out
        self.assertIn("it is", log)
        self.owner.signal(signal.SIGTERM)
        self.owner.process.wait()
        for text in (log, self.ok("events", "m", "-o", "json").out, self.owner.err()):
            self.assertNotIn(token, text)
        for path in pathlib.Path(self.data).rglob("*"):
            if path.is_file():
                self.assertNotIn(token.encode(), path.read_bytes(), path)

    def test_an_inherited_identity_is_not_passed_on(self):
        """Without a server, a run has no API, whatever its surroundings have."""
        environment = {"REEVE_API": "https://x", "REEVE_TOKEN_FILE": "/x", "REEVE_CA_FILE": "/x"}
        document = self.workflow('- {name: a, script: "env | grep -c ^REEVE_API || true"}')
        self.owner.signal(signal.SIGTERM)
        self.owner.process.wait()
        done = self.reeve("run", document, "--name", "n", env=environment)
        self.assertEqual(done.code, 0, str(done))
        self.assertIn("0", re.split(r"\s+", self.ok("logs", "n").out))


if __name__ == "__main__":
    main()
