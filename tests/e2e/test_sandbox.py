"""Runs in sandboxes, as their users meet them; and runs that stand still while their mission is held."""

import signal

from reeve import main, wait_until
from server import ServerTest, mission, path_of, workflow

# Tries one address after the other, then the server by the way that isolation leaves.
CALLER = """
import http.client, json, os, socket, urllib.parse
place = open("seen", "w")
outside = urllib.parse.urlsplit("OUTSIDE")
for host, port in ((outside.hostname, outside.port), ("169.254.169.254", 80), ("8.8.8.8", 53)):
    try:
        socket.create_connection((host, port), timeout=5)
        print("reached", host)
    except OSError:
        print("refused")
api = urllib.parse.urlsplit(os.environ["REEVE_API"])
token = open(os.environ["REEVE_TOKEN_FILE"]).read()
def ask(connection, target):
    connection.request("GET", target, headers={"Authorization": "Bearer " + token})
    answer = connection.getresponse()
    return answer.status, json.load(answer)
own = "/apis/reeve.dev/v1/namespaces/default/missions/" + os.environ["REEVE_MISSION"]
status, body = ask(http.client.HTTPConnection(api.hostname, api.port, timeout=60), own)
print(api.scheme, api.port, status, body["metadata"]["name"])
print(os.path.exists("DATA/reeve.db"), os.environ["HOME"], len([p for p in os.listdir("/proc") if p.isdigit()]) < 6)
"""

# An agent: asks the server by the address that it was given, then by its socket, and ends.
AGENT = """
import http.client, json, os, socket, urllib.parse
where = urllib.parse.urlsplit(os.environ["OPENAI_BASE_URL"])
token = os.environ["OPENAI_API_KEY"]
by_address = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
by_socket = http.client.HTTPConnection("reeve.local", timeout=60)
by_socket.sock = socket.socket(socket.AF_UNIX)
by_socket.sock.connect(os.environ["REEVE_GATEWAY_SOCKET"])
told = []
for connection in (by_address, by_socket):
    connection.request("GET", "/apis/reeve.dev/v1/namespaces/default/missions/" + os.environ["REEVE_MISSION"],
                       headers={"Authorization": "Bearer " + token})
    told.append(connection.getresponse().status)
print("agent was told", *told, "at", where.netloc, "in", os.environ["HOME"])
"""

BEATS = "n=0; while [ ! -e go ]; do n=$((n+1)); echo $n >> beats; sleep 0.05; done; echo went on"


class SandboxTest(ServerTest):
    def need(self, level):
        """Skips the test, visibly, where the machine gives no such sandbox."""
        findings = {item["name"]: item for item in self.reeve("doctor", "-o", "json").json()["findings"]}
        finding = findings[f"sandbox-{level}"]
        if finding["status"] != "ok":
            self.skipTest(f"{finding['detail']}; {finding['consequence']}")

    def kept(self, name, script, level, **limits):
        """A mission with one task in a sandbox."""
        document = workflow(f"w-{name}", script)
        document["spec"]["sandbox"] = {"level": level, **limits} if limits else level
        self.made(path_of("workflows"), document)
        self.made(path_of("missions"), mission(name, f"w-{name}"))

    def test_an_isolated_run_reaches_the_server_by_its_gateway_and_nobody_else(self):
        self.need("isolated")
        caller = CALLER.replace("OUTSIDE", self.kubeconfig.server).replace("DATA", str(self.data))
        self.kept("m", f"cat > caller.py <<'END'\n{caller}\nEND\npython3 caller.py", "isolated")
        self.await_mission("m", "COMPLETE")
        out = self.ok("logs", "m").out
        self.assertEqual(out.count("refused"), 3, out)
        self.assertIn("http 7070 200 m", out)
        self.assertIn("False /tmp/home True", out)

    def test_an_agent_is_kept_as_it_says_itself(self):
        self.need("isolated")
        self.made(path_of("agents"), {
            "apiVersion": "reeve.dev/v1", "kind": "Agent", "metadata": {"name": "coder"},
            "spec": {"cli": {"command": "custom", "argv": ["python3", "-c", AGENT]}, "sandbox": "isolated"}})
        document = workflow("w")
        document["spec"]["tasks"] = [
            {"name": "a", "sandbox": "none", "agent": {"name": "coder", "prompt": "say where you are"}}]
        self.made(path_of("workflows"), document)
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "COMPLETE", "FAILED")
        out = self.ok("logs", "m").out + self.ok("status", "m", "-o", "json").out
        self.assertIn("agent was told 200 200 at 127.0.0.1:7070 in /tmp/home", out)

    def test_a_workspace_hides_the_installation_and_stops_what_goes_beyond_its_limits(self):
        self.need("workspace")
        self.kept(
            "m",
            f"ls {self.data}/keys {self.data}/server 2>&1; kill -9 -1; "
            "head -c 9000000 /dev/zero > large; ls -l large",
            "workspace",
            fileBytesMax=1_000_000,
        )
        self.await_mission("m", "FAILED", "COMPLETE")
        out = self.ok("logs", "m").out
        self.assertNotIn("master", out)
        self.assertTrue(self.owner.running())

    def test_what_cannot_be_shown_is_refused_before_anything_starts(self):
        self.need("workspace")
        self.kept("m", f"touch {self.dir}/started", "workspace", readable=[str(self.data)])
        self.await_mission("m", "FAILED")
        self.assertIn("would show the data directory", self.ok("status", "m", "-o", "json").out)
        self.assertFalse((self.dir / "started").exists())

    def test_a_sandbox_is_checked_when_the_workflow_is(self):
        document = workflow("w", "true")
        document["spec"]["tasks"][0]["sandbox"] = "cage"
        self.assertEqual(self.api.post(path_of("workflows"), document).status, 422)

    def beats(self):
        found = list(self.data.glob("missions/*/runs/*/work/beats"))
        return found[0].read_text(encoding="utf-8").count("\n") if found else 0

    def go(self):
        next(iter(self.data.glob("missions/*/runs/*/work/beats"))).with_name("go").touch()

    def await_silence(self):
        """Waits until nothing is told any more: as long as many beats take."""
        last = [-1, 0]

        def silent():
            count = self.beats()
            last[1] = last[1] + 1 if count == last[0] else 0
            last[0] = count
            return last[1] > 50

        wait_until(silent, what="that the run stands still")
        return last[0]

    def test_a_held_mission_stands_still_also_over_kills_of_the_server(self):
        self.need("workspace")
        self.ok("quota", "set", "team", "--duration", "2s", "--on-duration", "pause")
        self.kept("m", BEATS, "workspace")
        self.await_mission("m", "HELD")
        before = self.await_silence()
        self.owner.signal(signal.SIGKILL)
        self.owner.wait()
        self.assertEqual(self.beats(), before)
        self.serve()
        self.assertEqual(self.await_silence(), before)
        self.assertEqual(self.api.get(path_of("missions", "m")).json()["status"]["state"], "HELD")
        self.ok("quota", "raise", "team", "--duration", "1h")
        wait_until(lambda: self.beats() > before, what="that the run goes on")
        self.go()
        self.await_mission("m", "COMPLETE")

    def test_a_run_that_stands_still_can_be_aborted(self):
        self.ok("quota", "set", "team", "--duration", "2s", "--on-duration", "pause")
        self.made(path_of("workflows"), workflow("w", "trap 'echo bye > bye; exit' TERM\n" + BEATS))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "HELD")
        self.await_silence()
        self.ok("abort", "m")
        self.await_mission("m", "ABORTED")
        self.assertEqual(len(list(self.data.glob("missions/*/runs/*/work/bye"))), 1)


if __name__ == "__main__":
    main()
