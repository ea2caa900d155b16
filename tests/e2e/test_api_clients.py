"""Client libraries of Kubernetes against the server. Those that are not there are skipped."""

import functools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.parse

from real_clients import installed, node
from reeve import main, wait_until
from server import ServerTest, path_of, workflow

PROGRAMS = pathlib.Path(__file__).resolve().parent / "clients"
# A folder with node_modules/@kubernetes/client-node, as scripts/install_clients makes one.
NODE_FOLDER = os.environ.get("REEVE_CLIENT_NODE") or installed("kubernetes")


@functools.cache
def python_with_kubernetes():
    """An interpreter that has the module: this one, or that of the system; nothing if none has."""
    for program in (sys.executable, "/usr/bin/python3"):
        probe = [program, "-c", "import kubernetes.dynamic"]
        if shutil.which(program) and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return program
    return None


class ClientTest(ServerTest):
    def restart(self):
        """Stops the server and starts it again at the same address."""
        at = urllib.parse.urlsplit(self.kubeconfig.server).netloc
        self.api.close()
        self.owner.signal(signal.SIGTERM)
        self.owner.wait()
        self.owner = self.up("--server-listen", at)

    def client_program(self, *command):
        """Starts a program of clients/; it ends by itself."""
        program, *rest = command
        env = {"KUBECONFIG": str(self.kubeconfig.path), "DISCOVERY_CACHE": str(self.dir / "discovery"),
               "PYTHONDONTWRITEBYTECODE": "1"}
        return self.start(*rest, program=program, env=env)

    def does_everything(self, *command):
        self.made(path_of("workflows"), workflow("w", "echo said by a"))
        result = self.client_program(*command, "basics").wait()
        self.assertEqual(result.code, 0, str(result))
        return result.out.splitlines()

    def follows_over_a_restart(self, *command):
        """A list that is kept comes to be what the server has, also when that was away."""
        self.made_quota("first")
        program = self.client_program(*command, "follow", "last")
        wait_until(lambda: "synced" in program.out() or not program.running(), what="the first list")
        self.restart()
        self.made_quota("last")
        result = program.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(result.out.splitlines()[-1], "has last", str(result))
        self.assertGreater(result.out.count("synced"), 1, str(result))


class PythonTest(ClientTest):
    def setUp(self):
        if python_with_kubernetes() is None:
            self.skipTest("no Python has the module kubernetes: apt-get install python3-kubernetes")
        super().setUp()
        self.program = (python_with_kubernetes(), PROGRAMS / "python_client.py")

    def test_it_does_everything_with_objects(self):
        self.assertEqual(
            self.does_everything(*self.program),
            ["listed a,b,c", "patched y", "replaced 2", "stale 409 Conflict", "watched b", "missing 404",
             "discovered budgetquotas True", "applied d",
             "complete m", "pod m.1.a.1 Succeeded", "log said by a", "events True"],
        )  # fmt: skip

    def test_it_follows_over_a_restart(self):
        self.follows_over_a_restart(*self.program)


class NodeTest(ClientTest):
    def setUp(self):
        if node() is None or not NODE_FOLDER:
            self.skipTest("node or @kubernetes/client-node is not there: scripts/install_clients brings both")
        super().setUp()
        # Modules are looked for beside the program.
        (self.dir / "node_modules").symlink_to(os.path.join(NODE_FOLDER, "node_modules"))
        program = self.dir / "node_client.mjs"
        shutil.copyfile(PROGRAMS / program.name, program)
        self.program = (node(), program)

    def test_it_does_everything_with_objects(self):
        self.assertEqual(
            self.does_everything(*self.program),
            ["listed a,b,c", "patched y", "replaced 2", "stale 409", "watched DELETED b", "missing 404",
             "made BudgetQuota d", "read 1",
             "complete m", "pod m.1.a.1 Succeeded", "log said by a", "events true"],
        )  # fmt: skip

    def test_its_informer_follows_over_a_restart(self):
        self.follows_over_a_restart(*self.program)


if __name__ == "__main__":
    main()
