"""The API on a disk that is full, and on one that does not answer: reads go on, and nothing that was
acknowledged is lost.

The full disk is a small tmpfs (needs root). The slow one is a library before the C library that holds
back `fsync` for as long as a file exists (needs cc); no clock decides anything here.
"""

import contextlib
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess
import unittest

from reeve import PATIENCE_SECONDS, PROGRAM, main, wait_until
from server import ServerTest, full_size, path_of, quota
from web import WebTest

ROOT = os.geteuid() == 0
PLURAL = "budgetquotas"
# Writes that wait at the same time. What is staged and queued (20,480 writes of one event each) is
# more than there may be connections, so that waiting is bounded by those.
WRITERS = full_size(1_000, 9_000)

HELD_BACK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* As long as the file exists, nothing reaches the disk. */
static void wait_for_the_disk(void) {
  const struct timespec moment = {0, 5000000};
  const char* path = getenv("HELD_BACK");
  while (path != NULL && access(path, F_OK) == 0) {
    nanosleep(&moment, NULL);
  }
}

int fsync(int fd) {
  wait_for_the_disk();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
  wait_for_the_disk();
  return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"""


def can_mount():
    """Whether a tmpfs can be mounted in a mount namespace of its own."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@unittest.skipUnless(ROOT and can_mount(), "a small file system can only be mounted by root")
class FullDiskTest(ServerTest):
    """The data directory is on a tmpfs of 8 MiB, mounted for one holder process only."""

    arguments = ("--limits-requests-per-second", "0", "--limits-requests-per-second-per-address", "0")

    def setUp(self):
        self.holder = None
        super().setUp()

    def start(self, *args, prefix=(), **more):
        if self.holder is None:
            self.mount()
        inside = ("nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--")
        return super().start(*args, prefix=(*inside, *prefix), **more)

    def mount(self):
        small = self.dir / "small"
        small.mkdir()
        script = f"mount -t tmpfs -o size=8m none '{small}' && echo mounted && exec sleep 1000"
        self.holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
        )
        self.addCleanup(self.holder.wait)
        self.addCleanup(self.holder.stdout.close)
        self.addCleanup(self.holder.kill)
        self.assertEqual(self.holder.stdout.readline(), b"mounted\n")
        self.data = small / "data"

    def outside(self, path):
        return pathlib.Path(f"/proc/{self.holder.pid}/root{path}")

    def kubeconfig_file(self):
        return self.outside(self.data / "kubeconfig")

    def fill(self):
        """Takes all the space there is, and what becomes free."""
        with self.outside(self.data.parent / "ballast").open("ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)

    def write_until(self, done, acknowledged):
        """Makes objects until an answer fits; returns it. Those that were acknowledged are noted."""

        def next_write():
            name = f"q{len(acknowledged)}"
            answer = self.api.post(path_of(PLURAL), quota(name, annotations={"a": "x" * 4000}))
            if answer.status == 201:
                acknowledged.append(name)
            return answer if done(answer) else None

        return wait_until(next_write, what="an answer about the disk")

    def health(self, name):
        return self.api.get(f"/{name}").status

    def test_writes_are_refused_for_a_while_and_reads_go_on(self):
        acknowledged = []
        self.made_quota("before")
        self.fill()
        refused = self.write_until(lambda answer: answer.status != 201, acknowledged)
        self.assertIn(refused.status, (503, 507), str(refused))
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(refused.json()["kind"], "Status")
        wait_until(lambda: self.health("readyz") == 503, what="being not ready")
        self.assertEqual(self.health("livez"), 200)
        # Everything is still there to be read, in every way.
        names = {item["metadata"]["name"] for item in self.got(path_of(PLURAL))["items"]}
        self.assertLessEqual({"before", *acknowledged}, names)
        self.got(path_of(PLURAL, "before"))
        with self.api.watch(path_of(PLURAL)) as watch:
            self.assertEqual(watch.next()["type"], "ADDED")
        for _ in range(20):
            answer = self.api.post(path_of(PLURAL), quota("never-mind"))
            self.assertIn(answer.status, (201, 409, 503, 507), str(answer))
            self.fill()
        self.outside(self.data.parent / "ballast").unlink()
        self.write_until(lambda answer: answer.status == 201, acknowledged)
        wait_until(lambda: self.health("readyz") == 200, what="being ready again")
        self.owner.kill()
        self.serve()
        names = {item["metadata"]["name"] for item in self.got(path_of(PLURAL))["items"]}
        self.assertLessEqual({"before", *acknowledged}, names, "what was acknowledged is there")
        self.audit()

    def test_a_kill_on_a_full_disk_loses_nothing(self):
        acknowledged = []
        self.made_quota("before")
        self.fill()
        self.write_until(lambda answer: answer.status != 201, acknowledged)
        self.owner.kill()
        self.outside(self.data.parent / "ballast").unlink()
        self.serve()
        names = {item["metadata"]["name"] for item in self.got(path_of(PLURAL))["items"]}
        self.assertLessEqual({"before", *acknowledged}, names)
        self.made_quota("after")
        self.audit()


def is_answered(sock):
    """Whether there is something to read."""
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


@unittest.skipUnless(shutil.which("cc"), "there is no C compiler")
class SlowDiskTest(WebTest):
    """Over plain HTTP, because thousands of handshakes are not what is tested."""

    def setUp(self):
        super().setUp()
        source, library = self.write("held.c", HELD_BACK), self.dir / "held.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        self.held = self.dir / "held"
        self.preload = {"LD_PRELOAD": str(library), "HELD_BACK": str(self.held)}
        probe = subprocess.run(
            [PROGRAM, "--version"], env={**os.environ, **self.preload}, capture_output=True, check=False
        )
        if probe.returncode != 0:
            # A sanitizer insists on being the first library.
            self.skipTest(probe.stderr.decode(errors="replace").strip())

    def begin(self):
        self.serve(
            "--server-listen", "127.0.0.1:0", "--server-tls", "off",
            "--limits-requests-per-second", "0", "--limits-requests-per-second-per-address", "0",
            "--limits-connections-per-address-max", "10000",
            env=self.preload,
        )  # fmt: skip

    def ask(self, method, path, body=""):
        """Sends a request on a connection of its own and does not wait for the answer."""
        made = socket.create_connection((self.url.hostname, self.url.port), PATIENCE_SECONDS)
        self.addCleanup(made.close)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.url.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
            f"Connection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.sendall((head + body).encode())
        return made

    @staticmethod
    def status(sock):
        """Reads the whole answer; returns its status and whether it says when to ask again."""
        received = b""
        while data := sock.recv(1 << 16):
            received += data
        return int(received.split()[1]), b"\r\nRetry-After: " in received

    def test_reads_overtake_writes_and_nothing_is_lost(self):
        self.begin()
        self.post(path_of(PLURAL), quota("before"), 201)
        self.held.touch()
        writes = {}
        for number in range(WRITERS):
            writes[f"w{number}"] = self.ask("POST", path_of(PLURAL), json.dumps(quota(f"w{number}")))
        # None of the writes that wait for the disk keeps reads from being answered.
        self.get(path_of(PLURAL, "before"))
        self.assertEqual(self.http("GET", "/livez", token=False).status, 200)
        listed = self.get(path_of(PLURAL)).json()["items"]
        self.assertEqual([item["metadata"]["name"] for item in listed], ["before"])
        answered = [sock for sock in writes.values() if is_answered(sock)]
        self.assertEqual(answered, [], "nothing is acknowledged before it is stored")
        self.held.unlink()
        made = set()
        for name, sock in writes.items():
            status, retry = self.status(sock)
            if status == 201:
                made.add(name)
            else:
                self.assertIn(status, (429, 503), name)
                self.assertTrue(retry)
        self.assertIn("w0", made)
        listed = self.get(path_of(PLURAL)).json()["items"]
        self.assertEqual({item["metadata"]["name"] for item in listed}, {"before", *made})

    def test_a_write_that_the_disk_has_not_taken_is_not_acknowledged(self):
        self.begin()
        self.held.touch()
        waiting = self.ask("POST", path_of(PLURAL), json.dumps(quota("lost")))
        self.get(path_of(PLURAL))
        self.assertFalse(is_answered(waiting))
        self.assertEqual(self.get(path_of(PLURAL)).json()["items"], [], "nobody reads what may be lost")


if __name__ == "__main__":
    main()
