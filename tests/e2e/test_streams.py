"""Streams over bad lines and restarts: nothing is missed, nothing comes twice, and who does not read
harms nobody.

500 idle subscribers usually, 5,000 with `REEVE_LOAD=full`. The test behind nginx is skipped where
there is none.
"""

import datetime
import email.utils
import json
import os
import re
import resource
import secrets
import shutil
import socket
import ssl
import subprocess
import threading
import unittest

from reeve import PATIENCE_SECONDS, PROGRAM, gate, main, wait_until
from server import (
    MERGE,
    Neighbour,
    ServerTest,
    Wire,
    descriptors,
    full_size,
    mission,
    path_of,
    quota,
    resident_bytes,
    workflow,
)

IDLE = full_size(500, 5_000)
IDLE_BYTES_MAX = 50 << 20
TRANSITIONS = 100
PLURAL = "budgetquotas"

JUMPING_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The civil clock is off by as many seconds as the file says. */
int clock_gettime(clockid_t clock, struct timespec* now) {
  static int (*real)(clockid_t, struct timespec*);
  if (real == NULL) {
    real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  }
  const int result = real(clock, now);
  const char* path = getenv("CLOCK_OFFSET");
  if (result == 0 && clock == CLOCK_REALTIME && path != NULL) {
    FILE* file = fopen(path, "r");
    long seconds = 0;
    if (file != NULL) {
      if (fscanf(file, "%ld", &seconds) == 1) {
        now->tv_sec += seconds;
      }
      fclose(file);
    }
  }
  return result;
}
"""


def version(thing):
    return int(thing["metadata"]["resourceVersion"])


class StreamsTest(ServerTest):
    arguments = (
        "--limits-requests-per-second", "0",
        "--limits-requests-per-second-per-address", "0",
        "--limits-connections-max", "10000",
        "--limits-connections-per-address-max", "10000",
    )  # fmt: skip

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def submit(self, count, prefix="m", of="w"):
        for number in range(count):
            self.made(path_of("missions"), mission(f"{prefix}{number}", of))

    def await_all(self, count, prefix="m"):
        def over():
            items = self.got(path_of("missions"))["items"]
            ended = [i for i in items if i["metadata"]["name"].startswith(prefix) and i["status"]["state"] == "COMPLETE"]
            return len(ended) == count

        wait_until(over, what=f"{count} missions to be complete")

    # --- CHK-H3a ----------------------------------------------------------------------------------

    def test_who_comes_back_again_and_again_gets_each_event_once(self):
        self.made(path_of("workflows"), workflow("w"))
        path = path_of("events", type="mission.transitioned")
        seen, last = [], "0"
        # Four transitions for each mission.
        writer = threading.Thread(target=self.submit, args=(TRANSITIONS // 4,))
        writer.start()
        drops = 0

        def over():
            return seen and '"name":"mark"' in seen[-1]["data"] and '"to":"COMPLETE"' in seen[-1]["data"]

        while not over():
            stream = self.api.stream(path, headers={"Last-Event-ID": last})
            # After k events the line breaks, k being another one each time, and none now and then.
            for _ in range(drops % 5):
                if not over():
                    seen.append(stream.sse())
                    last = seen[-1]["id"]
            stream.connection.sock.close()
            stream.close()
            drops += 1
            if drops == 20:
                writer.join()
                self.await_all(TRANSITIONS // 4)
                self.made(path_of("missions"), mission("mark", "w"))
        ids = [int(event["id"]) for event in seen]
        self.assertEqual(ids, sorted(set(ids)), "in order, and each once")
        self.assertGreaterEqual(len(seen), TRANSITIONS)
        whole = []
        with self.api.stream(path_of("events", **{"from": 0, "type": "mission.transitioned"})) as stream:
            while len(whole) < len(seen):
                whole.append(stream.sse())
        self.assertEqual(seen, whole, "without a gap")

    def test_watches_go_on_where_they_were_over_kills(self):
        """As clients of Kubernetes do it: from the last resourceVersion, listing again after 410."""
        state = {}
        problems = []
        over = threading.Event()

        def write():
            client = self.client()
            number = 0
            while not over.is_set():
                try:
                    if client.kubeconfig is not self.kubeconfig:
                        client = self.client()
                    answer = client.post(path_of(PLURAL), quota(f"q{number}"))
                    if answer.status in (201, 409):
                        client.patch(path_of(PLURAL, f"q{number}"), {"metadata": {"labels": {"n": "1"}}}, MERGE)
                        if number % 3 == 0:
                            client.delete(path_of(PLURAL, f"q{number}"))
                        number += 1
                except (OSError, ssl.SSLError):
                    over.wait(0.01)
                except Exception as error:  # http.client has errors of its own for a broken connection
                    if type(error).__module__ != "http.client":
                        problems.append(repr(error))
                        return
            client.close()

        writer = threading.Thread(target=write)
        writer.start()
        at, relisted = None, 0
        try:
            for kill in range(4):
                if at is None:
                    page = self.got(path_of(PLURAL))
                    state = {item["metadata"]["name"]: item for item in page["items"]}
                    at, relisted = version(page), relisted + 1
                with self.api.watch(path_of(PLURAL, resourceVersion=at)) as watch:
                    for _ in range(60):
                        event = watch.next()
                        if event["type"] == "ERROR":
                            self.assertEqual(event["object"]["code"], 410, event)
                            at = None
                            break
                        at = self.told(state, event, at)
                    if kill < 3:
                        self.owner.kill()
                        # What was sent before the end still counts.
                        at = self.drained(watch, state, at)
                        self.serve()
        finally:
            over.set()
            writer.join()
        self.assertEqual(problems, [])
        if at is None:
            page = self.got(path_of(PLURAL))
            state, at = {i["metadata"]["name"]: i for i in page["items"]}, version(page)
        mark = self.made_quota("mark")
        with self.api.watch(path_of(PLURAL, resourceVersion=at)) as watch:
            while "mark" not in state:
                event = watch.next()
                at = self.told(state, event, at)
        self.assertEqual(at, version(mark))
        listed = {item["metadata"]["name"]: item for item in self.got(path_of(PLURAL))["items"]}
        self.assertEqual(state, listed, "nothing is missing and nothing is left over")

    def told(self, state, event, at):
        """Takes an event of a watch into `state`; returns its revision, which must be a later one."""
        kind, thing = event["type"], event["object"]
        self.assertGreater(version(thing), at, "each once and in order")
        name = thing["metadata"]["name"]
        self.assertEqual(kind == "ADDED", name not in state, event)
        if kind == "DELETED":
            del state[name]
        else:
            state[name] = thing
        return version(thing)

    def drained(self, watch, state, at):
        try:
            while (event := watch.next()) is not None:
                at = self.told(state, event, at)
        except (OSError, ValueError):
            pass
        except Exception as error:  # http.client has errors of its own for a broken connection
            if type(error).__module__ != "http.client":
                raise
        return at

    # --- CHK-H3b ----------------------------------------------------------------------------------

    def subscribe(self, target, window=None):
        """A subscriber whose TCP window is as small as that, if it is given, and who does not read."""
        wire = Wire(self.api, window=window)
        self.addCleanup(wire.close)
        wire.send(wire.head("GET", target))
        return wire

    @staticmethod
    def is_cut_off(wire):
        """Whether the other side has broken the connection; nothing is read to find out."""
        closed = 7  # TCP_CLOSE of tcp_states.h
        return wire.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == closed

    def test_idle_subscribers_cost_little_and_a_stuck_one_harms_nobody(self):
        self.made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "noisy"}})
        self.made(path_of("workflows"), workflow("w"))
        self.submit(3, "warm")
        self.await_all(3, "warm")
        before = resident_bytes(self.owner.pid)
        targets = (path_of("events"), path_of("missions", watch="true"), path_of(PLURAL, watch="true"))
        idle = [self.subscribe(targets[number % 3]) for number in range(IDLE)]
        for wire in idle:
            while b"\r\n\r\n" not in wire.received:
                self.assertTrue(wire.more())
        self.assertLess(resident_bytes(self.owner.pid) - before, IDLE_BYTES_MAX)
        stuck = self.subscribe(path_of(PLURAL, namespace="noisy", watch="true"), window=4096)
        self.made(path_of(PLURAL, namespace="noisy"), quota("q"))
        with Neighbour(self, path_of("workflows", "w")) as neighbour:

            def noise():
                patch = {"metadata": {"annotations": {"a": secrets.token_hex(50_000)}}}
                answer = self.api.patch(path_of(PLURAL, "q", "noisy"), patch)
                self.assertEqual(answer.status, 200, str(answer))
                return self.is_cut_off(stuck)

            wait_until(noise, timeout=2 * PATIENCE_SECONDS, what="the end of the one that does not read")
            neighbour.goes_on()
        # Work goes on, and those who read are told of all of it.
        self.submit(3)
        self.await_all(3)
        for wire in idle[::3]:
            while not re.search(rb'"name":"m2"[^\n]*"to":"COMPLETE"', wire.received):
                self.assertTrue(wire.more())
            created = re.findall(rb"event: mission.created\ndata: .*?\"name\":\"(\w+)\"", wire.received)
            self.assertEqual(created, [b"m0", b"m1", b"m2"])
        for wire in idle:
            wire.close()
        wait_until(lambda: descriptors(self.owner.pid) < IDLE, what="free descriptors")

    # --- much at once -----------------------------------------------------------------------------

    def history(self, count):
        """Events of 100 kB each: missions that begin some day."""
        document = workflow("big")
        document["spec"]["params"] = {"p": {"default": ""}}
        self.made(path_of("workflows"), document)
        for number in range(count):
            made = mission(f"big{number}", "big")
            made["spec"].update({"params": {"p": secrets.token_hex(50_000)}, "notBefore": "2099-01-01T00:00:00.000Z"})
            self.made(path_of("missions"), made)

    def test_a_long_history_is_told_to_the_end(self):
        self.history(30)
        names = []
        with self.api.stream(path_of("events", **{"from": 0, "type": "mission.created"})) as stream:
            while len(names) < 30:
                event = stream.sse()
                self.assertIsNotNone(event, f"it ended after {len(names)}")
                names.append(json.loads(event["data"])["name"])
        self.assertEqual(names, [f"big{number}" for number in range(30)])

    def test_who_reads_late_gets_all_of_it(self):
        wire = self.subscribe(path_of("events", type="mission.created"), window=4096)
        while b"retry:" not in wire.received:
            self.assertTrue(wire.more())
        # More than is kept for one reader. It is read from the journal when there is room again.
        self.history(50)
        while b'"name":"big49"' not in wire.received[-200_000:]:
            self.assertTrue(wire.more())
        text = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", wire.received)
        self.assertNotIn(b"event: lagged", text)
        seen = [int(number) for number in re.findall(rb"\"name\":\"big(\d+)\"", text)]
        self.assertEqual(seen, list(range(50)))

    # --- CHK-H3c ----------------------------------------------------------------------------------

    def test_a_decision_before_the_subscription_is_told(self):
        document = workflow("gated")
        document["spec"]["tasks"] = [{"name": "g", "gate": {"prompt": "go?", "ownerMayApprove": True}}]
        self.made(path_of("workflows"), document)
        self.made(path_of("missions"), mission("m", "gated"))
        self.await_mission("m", "HELD")
        answer = self.api.post(path_of("missions", "m/approve"), {"task": "g"})
        self.assertEqual(answer.status, 201, str(answer))
        for path, names in (
            ("/gates/m/stream", ["gate_created", "gate_approved"]),
            (path_of("missions", "m/events", type="gate.opened,gate.decided"), ["gate.opened", "gate.decided"]),
        ):
            with self.api.stream(path) as stream:
                self.assertEqual([stream.sse()["event"] for _ in names], names)

    # --- CHK-H3d ----------------------------------------------------------------------------------

    @unittest.skipUnless(shutil.which("nginx"), "there is no nginx")
    def test_events_come_at_once_through_nginx(self):
        self.made(path_of("workflows"), workflow("w"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        configuration = self.write("nginx.conf", f"""
            daemon off; pid {self.dir}/nginx.pid; error_log {self.dir}/nginx.log;
            events {{}}
            http {{
              access_log off;
              client_body_temp_path {self.dir}/b; proxy_temp_path {self.dir}/p; fastcgi_temp_path {self.dir}/f;
              uwsgi_temp_path {self.dir}/u; scgi_temp_path {self.dir}/s;
              server {{
                listen 127.0.0.1:{port};
                location / {{
                  proxy_pass {self.kubeconfig.server};
                  proxy_http_version 1.1;
                  proxy_set_header Connection "";
                }}
              }}
            }}""")  # fmt: skip
        proxy = self.start("-c", configuration, "-p", self.dir, program="nginx")

        def connected():
            try:
                return socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
            except ConnectionError:
                self.assertTrue(proxy.running(), proxy.err())
                return None

        with wait_until(connected, what="nginx") as line:
            head = f"GET {path_of('events')} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.api.token}\r\n\r\n"
            line.sendall(head.encode())
            received = b""
            while b"retry:" not in received:
                received += line.recv(1 << 16)
            self.assertIn(b"200 OK", received)
            # Each event is awaited before the next thing is done: nobody collects them on the way.
            for number in range(5):
                self.made(path_of("missions"), mission(f"m{number}", "w"))
                while f'"name":"m{number}"'.encode() not in received:
                    received += line.recv(1 << 16)
        proxy.signal(15)
        proxy.wait()

    # --- logs -------------------------------------------------------------------------------------

    def test_a_log_is_followed_over_a_restart(self):
        script = f'echo one; touch "$T/begun"; {gate("go")}; echo two; {gate("end")}; echo three'
        self.made(path_of("workflows"), workflow("w", script))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_file("begun")
        path = path_of("missions", "m/log", follow="true")
        with self.api.stream(path) as stream:
            self.assertEqual(stream.line(), "[a] one")
            self.owner.kill()
        # The run goes on without the server, and what it writes meanwhile is not lost.
        self.touch("go")
        self.serve()
        with self.api.stream(path) as stream:
            self.assertEqual([stream.line(), stream.line()], ["[a] one", "[a] two"])
            self.touch("end")
            self.assertEqual([stream.line(), stream.line()], ["[a] three", None])


@unittest.skipUnless(shutil.which("cc"), "there is no C compiler")
class ClockTest(ServerTest):
    """The civil clock of the server jumps, as people and time servers set it."""

    def serve(self, *args, **more):
        if not hasattr(self, "offset"):
            self.offset = self.write("offset", "0")
            source, library = self.write("clock.c", JUMPING_CLOCK), self.dir / "clock.so"
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
            self.preload = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self.offset)}
            probe = subprocess.run(
                [PROGRAM, "--version"], env={**os.environ, **self.preload}, capture_output=True, check=False
            )
            if probe.returncode != 0:
                # A sanitizer insists on being the first library.
                self.skipTest(probe.stderr.decode(errors="replace").strip())
        return super().serve(*args, env=self.preload, **more)

    def test_jumps_disturb_neither_work_nor_watches(self):
        self.made(path_of("workflows"), workflow("w"))
        key = {"Idempotency-Key": "k"}
        first = self.api.post(path_of("workflows", "w/submit"), {"name": "keyed"}, headers=key)
        self.assertEqual(first.status, 202, str(first))
        names = []
        at = version(self.got(path_of("missions")))
        with self.api.stream(path_of("events")) as events:
            for days in (10, -20, 400, -400, 0):
                self.offset.write_text(str(days * 86_400), encoding="utf-8")
                wait_until(lambda: self.server_day() == days, what="the jump")
                names.append(f"m{len(names)}")
                self.made(path_of("missions"), mission(names[-1], "w"))
                at = self.watched_to_its_end(names[-1], at)
            again = self.api.post(path_of("workflows", "w/submit"), {"name": "keyed"}, headers=key)
            self.assertEqual(again.headers["Idempotent-Replayed"], "true", str(again))
            times, told = [], ""
            while not ('"name":"m4"' in told and '"to":"COMPLETE"' in told):
                told = events.sse()["data"]
                times.append(json.loads(told)["at"])
            self.assertEqual(times, sorted(times), "time never goes back")
        # A start in the past of what is stored.
        self.offset.write_text(str(-30 * 86_400), encoding="utf-8")
        self.owner.kill()
        self.serve()
        self.made(path_of("missions"), mission("late", "w"))
        self.await_mission("late", "COMPLETE")
        self.audit()

    def watched_to_its_end(self, name, at):
        """Watches from a revision until the mission is complete; returns the revision of that. A watch
        that has lasted long enough by the clock is over, and goes on with the next one."""
        while True:
            with self.api.watch(path_of("missions", resourceVersion=at)) as watch:
                while (event := watch.next()) is not None:
                    self.assertIn(event["type"], ("ADDED", "MODIFIED"), event)
                    self.assertGreater(version(event["object"]), at)
                    at = version(event["object"])
                    thing = event["object"]
                    if thing["metadata"]["name"] == name and thing["status"]["state"] == "COMPLETE":
                        return at

    def server_day(self):
        """By how many days the Date of an answer is not ours."""
        date = email.utils.parsedate_to_datetime(self.api.get("/livez").headers["Date"])
        now = datetime.datetime.now(datetime.timezone.utc)
        return round((date - now).total_seconds() / 86_400)


if __name__ == "__main__":
    main()
