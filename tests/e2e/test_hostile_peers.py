"""Peers that are broken, slow or malicious: each is answered or cut off, and no neighbour notices.

The usual size fits beside other tests. `REEVE_LOAD=full` makes it 10,000 connections at once and
2,000 slow peers of each kind (some minutes, and 10,100 descriptors for each side).
"""

import asyncio
import json
import random
import resource
import select
import socket
import ssl

from reeve import PATIENCE_SECONDS, main, wait_until
from server import (
    APPLY,
    BASE,
    GROUP,
    JSON,
    JSON_PATCH,
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

CONNECTIONS = full_size(1_000, 10_000)
SLOW = full_size(50, 2_000)
# Bytes of a body that is refused for what is in it.
BODY = full_size(300_000, 3_000_000)
# What the process may keep of an attack that it has seen once before.
LEFT_BYTES_MAX = 16 << 20
PLURAL = "budgetquotas"
CHUNKED = {"Transfer_Encoding": "chunked", "Content_Type": JSON}


class HostilePeersTest(ServerTest):
    arguments = (
        "--limits-requests-per-second", "0",
        "--limits-requests-per-second-per-address", "0",
        "--limits-connections-max", "20000",
        "--limits-connections-per-address-max", "20000",
    )  # fmt: skip

    def setUp(self):
        super().setUp()
        self.made_quota("here")
        self.path = path_of(PLURAL, "here")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def wire(self, **more):
        made = Wire(self.api, **more)
        self.addCleanup(made.close)
        return made

    def repeated(self, attack, times=2):
        """Attacks beside a neighbour, and so many times again; nothing of it may stay."""
        with Neighbour(self, self.path) as neighbour:
            neighbour.goes_on()
            before = descriptors(self.owner.pid)
            attack()
            memory = resident_bytes(self.owner.pid)
            for _ in range(times):
                attack()
            neighbour.goes_on()
            # One more than before: a connection that the neighbour has just made.
            wait_until(lambda: descriptors(self.owner.pid) <= before + 2, what="free descriptors")
            self.assertLess(resident_bytes(self.owner.pid), memory + LEFT_BYTES_MAX)
        self.assertEqual(self.api.get(self.path).status, 200)

    # --- half of a connection ---------------------------------------------------------------------

    def test_who_stops_sending_still_gets_the_answer(self):
        made = json.dumps(quota("half")).encode()
        with self.wire() as wire:
            wire.send(wire.head("GET", self.path))
            wire.stop_sending()
            self.assertEqual(wire.answer().json()["metadata"]["name"], "here")
            self.assertTrue(wire.ended())
        # A write is answered later, when the client has long been silent.
        with self.wire() as wire:
            wire.send(wire.head("POST", path_of(PLURAL), Content_Type=JSON, Content_Length=len(made)))
            wire.send(made)
            wire.stop_sending()
            self.assertEqual(wire.answer().status, 201)
            self.assertTrue(wire.ended())
        # Several requests, and then silence.
        with self.wire() as wire:
            wire.send(wire.head("GET", self.path) * 5)
            wire.stop_sending()
            self.assertEqual([wire.answer().status for _ in range(5)], [200] * 5)
            self.assertTrue(wire.ended())

    def test_who_stops_sending_too_early_is_let_go(self):
        half = b'{"apiVersion": '

        def attack():
            for data in (b"", b"GET / HT", self.wire_head_with_body(1000) + half):
                for _ in range(20):
                    wire = self.wire()
                    wire.send(data)
                    wire.stop_sending()
                    self.assertIsNone(wire.answer(), data)
                    wire.close()

        self.repeated(attack)
        self.assertEqual(len(self.got(path_of(PLURAL))["items"]), 1)

    def wire_head_with_body(self, length):
        with self.wire() as wire:
            return wire.head("POST", path_of(PLURAL), Content_Type=JSON, Content_Length=length)

    def test_a_stream_whose_reader_is_gone_is_given_up(self):
        def attack():
            for query in ("watch=true", "watch=true&sendInitialEvents=true"
                          "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"):
                wires = [self.wire() for _ in range(20)]
                for number, wire in enumerate(wires):
                    wire.send(wire.head("GET", f"{path_of(PLURAL)}?{query}"))
                    if number % 3:
                        self.assertTrue(wire.more())
                    if number % 2:
                        wire.reset()
                    else:
                        wire.stop_sending()
                        self.assertTrue(wire.ended())
                        wire.close()

        self.repeated(attack)

    def test_connections_that_break_in_the_middle_leave_nothing(self):
        chance = random.Random(5)
        body = json.dumps(quota("broken", labels={"x": "y" * 60})).encode()

        def attack():
            for _ in range(100):
                wire = self.wire(tls=chance.random() < 0.8)
                request = self.wire_head + body
                wire.send(request[: chance.randrange(len(request))])
                wire.reset()
            for _ in range(50):
                # All of the request, and then nobody who waits for the answer.
                wire = self.wire()
                wire.send(wire.head("GET", f"{BASE}/{PLURAL}"))
                wire.reset()

        self.wire_head = self.wire_head_with_body(len(body))
        self.repeated(attack)
        self.assertEqual(len(self.got(path_of(PLURAL))["items"]), 1)

    # --- slow peers -------------------------------------------------------------------------------

    @staticmethod
    async def told(reader):
        """What comes until the end of the connection; who is cut off was told nothing."""
        try:
            return await reader.read()
        except ConnectionError:
            return b""

    async def slow_peer(self, data, slowly, said, tls=True):
        """Sends `data`, then `slowly` byte by byte until it is told `said` and the connection ends."""
        reader, writer = await asyncio.open_connection(
            self.api.host, self.api.port, ssl=self.api.context if tls else None
        )
        told = asyncio.create_task(self.told(reader))
        writer.write(data)
        for byte in slowly:
            await asyncio.wait([told], timeout=0.3)
            if told.done():
                break
            writer.write(bytes([byte]))
        try:
            self.assertEqual((await told).split(b"\r\n")[0], said)
        finally:
            writer.transport.abort()

    async def slow_peers(self, neighbour):
        head = self.wire_head_with_body(1 << 20)
        late = b"HTTP/1.1 408 Request Timeout"
        kinds = (
            {"data": b"", "slowly": head, "said": late},
            {"data": head, "slowly": b"{" * 1000, "said": late},
            {"data": b"", "slowly": b"", "said": b""},
            {"data": b"", "slowly": b"", "said": b"", "tls": False},
            {"data": b"\x16", "slowly": b"\x03" * 100, "said": b"", "tls": False},
        )
        peers = [asyncio.create_task(self.slow_peer(**kind)) for kind in kinds for _ in range(SLOW)]
        while True:
            _, waiting = await asyncio.wait(peers, timeout=1)
            await asyncio.to_thread(neighbour.goes_on, 1)
            if not waiting:
                break
        await asyncio.gather(*peers)

    def test_slow_peers_are_cut_off_and_disturb_nobody(self):
        with Neighbour(self, self.path) as neighbour:
            neighbour.goes_on()
            before = descriptors(self.owner.pid)
            # These ask for more than fits on the way, and never read.
            for _ in range(10):
                wire = self.wire()
                wire.send(wire.head("GET", "/openapi/v2") * 100)
            asyncio.run(asyncio.wait_for(self.slow_peers(neighbour), 3 * PATIENCE_SECONDS))
            wait_until(lambda: descriptors(self.owner.pid) <= before + 2, what="free descriptors")

    # --- many -------------------------------------------------------------------------------------

    def test_many_connections_at_once(self):
        def attack():
            at = self.got(path_of(PLURAL))["metadata"]["resourceVersion"]
            wires = []
            for _ in range(CONNECTIONS):
                wire = self.wire()
                wire.send(wire.head("GET", path_of(PLURAL, watch="true", resourceVersion=at)))
                wires.append(wire)
            # Ours has been silent for longer than idle connections are kept.
            self.api.close()
            self.made_quota("mark")
            # All of them are there, and all are told.
            for number, wire in enumerate(wires):
                while b'"name":"mark"' not in wire.received:
                    self.assertTrue(wire.more(), number)
                wire.close()
            self.assertEqual(self.api.delete(path_of(PLURAL, "mark")).status, 200)

        # One that is this large is enough.
        self.repeated(attack, times=full_size(1, 0))

    def test_thousands_of_requests_on_one_connection(self):
        def attack():
            with self.wire() as wire:
                request = wire.head("GET", self.path)
                for _ in range(10):
                    wire.send(request * 100)
                    for _ in range(100):
                        self.assertEqual(wire.answer().status, 200)
            client = self.client()
            for _ in range(1000):
                self.assertEqual(client.get(self.path).status, 200)
            client.close()

        self.repeated(attack)

    # --- what is no request -----------------------------------------------------------------------

    def refused(self, data, *statuses, **more):
        """Sends bytes. An answer must be one of `statuses`, None being an end without one."""
        with self.wire(**more) as wire:
            try:
                wire.send(data)
            except (ConnectionError, ssl.SSLError):
                # Told while we were still sending.
                pass
            answer = wire.answer()
            self.assertIn(answer and answer.status, statuses, data[-200:])
            return answer

    def test_malformed_requests_are_refused(self):
        with self.wire() as wire:
            head = wire.head
        get = head("GET", self.path)
        post = head("POST", path_of(PLURAL), Content_Type=JSON, Content_Length=2)
        chunked = head("POST", path_of(PLURAL), **CHUNKED)
        cases = (
            (b"\0" * 100, 400),
            (b"\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400),
            (b"GET /\r\n\r\n", 400),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            (b"GET / HTTP/1.1\nHost: x\n\n", 400),
            (head("GET", "/a b"), 400),
            (head("GET", "/%00"), 400),
            (head("GET", "/%zz"), 400),
            (head("GET", "/../../etc/passwd"), 400, 404),
            (head("GET", "*"), 400),
            (head("GET", "/", Host=None), 400),
            (head("GET", "/", Host="a\r\nHost: b"), 400),
            (head("GET", "/", Host="evil.example"), 403),
            (head("CONNECT", "example.com:443"), 400, 405, 501),
            (head("TRACE", self.path), 405, 501),
            (head("GET" * 20, "/"), 501),
            (head("GET", "/" + "x" * (17 << 10)), 414),
            (head("GET", "/", X="y" * (65 << 10)), 431),
            (head("GET", "/", **{f"X{number}": "1" for number in range(101)}), 431),
            (get.replace(b"Host:", b"Host :"), 400),
            (get.replace(b"Host:", b" Host:"), 400),
            (get.replace(b"Authorization: ", b"Authorization: \x01"), 400),
            (get.replace(b"\r\n\r\n", b"\r\n folded\r\n\r\n"), 400),
            (post.replace(b"Length: 2", b"Length: +2") + b"{}", 400),
            (post.replace(b"Length: 2", b"Length: 2, 2") + b"{}", 400),
            (post.replace(b"Length: 2", b"Length: 2\r\nContent-Length: 3") + b"{}", 400),
            (post.replace(b"Length: 2", b"Length: 2\r\nTransfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n", 400),
            (post.replace(b"Length: 2", b"Length: -1"), 400),
            (post.replace(b"Length: 2", b"Length: 99999999999999999999999"), 400, 413),
            (post.replace(b"Length: 2", b"Length: 4000000"), 413),
            (chunked + b"zz\r\n", 400),
            (chunked + b"-1\r\n", 400),
            (chunked + b"ffffffffffffffffffff\r\n", 400, 413),
            (chunked + b"2;" + b"x" * 300 + b"\r\n{}", 400),
            (chunked + b"2\r\n{}!!", 400),
            (chunked + b"40\r\n" + b"x" * 64 + b"\r\n" + b"100000\r\n" + (b"y" * 0x100000 + b"\r\n100000\r\n") * 4, 413),
            (chunked + b"0\r\n" + b"X: y\r\n" * 2000 + b"\r\n", 431),
            (chunked.replace(b"chunked", b"gzip, chunked"), 400, 501),
            (chunked.replace(b"chunked", b"chunked, identity"), 400, 501),
        )  # fmt: skip

        def attack():
            for data, *statuses in cases:
                self.refused(data, *statuses)

        self.repeated(attack)

    def test_what_is_no_tls_and_what_is_not_expected_in_it(self):
        chance = random.Random(7)
        hello = bytes.fromhex("16030100050100000103")

        def attack():
            said = self.refused(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, tls=False)
            self.assertIn("HTTPS", said.text)
            for _ in range(30):
                self.refused(chance.randbytes(chance.randrange(1, 4000)) + b"\r\n", 400, None, tls=False)
                self.refused(hello + chance.randbytes(2000), None, tls=False)
            for _ in range(10):
                # Garbage where records were.
                with self.wire() as wire:
                    wire.send(wire.head("GET", self.path))
                    self.assertEqual(wire.answer().status, 200)
                    wire.socket = socket.socket(fileno=wire.socket.detach())
                    wire.socket.settimeout(PATIENCE_SECONDS)
                    wire.send(chance.randbytes(500))
                    self.assertTrue(wire.ended())

        self.repeated(attack)

    def test_upgrades_that_nobody_offers(self):
        upgrade = {
            "Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }  # fmt: skip

        def attack():
            for target in (self.path, f"{BASE}/{PLURAL}?watch=true&timeoutSeconds=1", "/", "/nothing"):
                for change in ({}, {"Upgrade": "h2c"}, {"Sec_WebSocket_Key": "short"}, {"Authorization": None}):
                    with self.wire() as wire:
                        wire.send(wire.head("GET", target, **{**upgrade, **change}) + b"\x88\x80\0\0\0\0" * 50)
                        self.assertTrue(wire.more())
                        self.assertNotIn(b" 101 ", wire.received.split(b"\r\n")[0])

        self.repeated(attack)

    # --- documents that explode -------------------------------------------------------------------

    def test_bodies_that_explode(self):
        laughs = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
        laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        copies = [{"op": "add", "path": "/metadata/annotations", "value": {"a": "x" * 1000}}]
        copies += [
            {"op": "copy", "from": "/metadata/annotations", "path": f"/metadata/annotations/{n}"}
            for n in range(40)
        ]
        yaml_workflow = f"apiVersion: {GROUP}/v1\nkind: Workflow\nmetadata: {{name: bomb}}\nspec: "
        flows = path_of("workflows", "bomb", fieldManager="me")
        one = path_of(PLURAL, "here")
        cases = (
            ("POST", path_of(PLURAL), "[" * BODY, JSON),
            ("POST", path_of(PLURAL), '{"a":' * (BODY // 5), JSON),
            ("POST", path_of(PLURAL), '{"apiVersion": ' + "9" * BODY + "}", JSON),
            ("POST", path_of(PLURAL), '{"metadata": {"name": "e"}, "spec": 1e999999999}', JSON),
            ("POST", path_of(PLURAL), b'{"kind": "\xff\xfe"}', JSON),
            ("POST", path_of(PLURAL), '{"kind": "' + "\\ud800" * 1000 + '"}', JSON),
            ("POST", path_of(PLURAL), json.dumps(quota("many", labels={f"l{n}": "v" for n in range(BODY // 20)})), JSON),
            ("PATCH", flows, "\n".join(laughs), APPLY),
            ("PATCH", flows, yaml_workflow + "{a: " * (BODY // 5), APPLY),
            ("PATCH", flows, yaml_workflow + "\n" + "- " * (BODY // 5), APPLY),
            ("PATCH", flows, yaml_workflow + "&a [*a, *a]", APPLY),
            ("PATCH", one, json.dumps(copies), JSON_PATCH),
            ("PATCH", one, json.dumps([{"op": "test", "path": "/a" * (BODY // 2), "value": 1}]), JSON_PATCH),
            ("PATCH", one, json.dumps([{"op": "remove", "path": "/spec"}] * (BODY // 40)), JSON_PATCH),
        )  # fmt: skip

        def attack():
            for method, path, body, content_type in cases:
                answer = self.api.request(method, path, body, content_type)
                self.assertIn(answer.status, (400, 413, 415, 422), f"{path} {body[:80]}: {answer}")
            for query in ("labelSelector=" + "a," * 7000, "fieldSelector=" + "a=b," * 3500,
                          "continue=" + "A" * 15_000, "x=1&" * 3_000, "limit=-1", "limit=" + "9" * 400,
                          "labelSelector=" + "a in (" * 1500):
                answer = self.api.get(f"{path_of(PLURAL)}?{query.replace(' ', '%20')}")
                self.assertIn(answer.status, (200, 400, 410, 422), f"{query[:60]}: {answer}")

        self.repeated(attack)


class FewConnectionsTest(ServerTest):
    arguments = ("--limits-connections-per-address-max", "1000")

    def silent(self):
        made = socket.create_connection((self.api.host, self.api.port), PATIENCE_SECONDS)
        self.addCleanup(made.close)
        return made

    @staticmethod
    def shut(crowd):
        """Which of them the server has closed. They were sent nothing, so that readable is over."""
        poll = select.poll()
        for sock in crowd:
            poll.register(sock, select.POLLIN)
        return poll.poll(0)

    def test_connections_leave_descriptors_to_the_rest(self):
        self.owner.kill()
        self.serve(prefix=("prlimit", "--nofile=256:256"))
        self.assertIn("instead of 10000: only 256 open files are allowed", self.owner.err())
        # This one is in before the crowd, and everything goes on behind it.
        self.made(path_of("workflows"), workflow("w"))
        crowd = [self.silent() for _ in range(400)]
        wait_until(lambda: len(self.shut(crowd)) > 150, what="connections that are closed at once")
        self.made(path_of("missions"), mission("m", "w"))

        def done():
            return self.got(path_of("missions", "m"))["status"]["state"] == "COMPLETE"

        wait_until(done, what="a mission beside a crowd")

    def test_one_address_takes_no_more_than_its_share(self):
        self.owner.kill()
        self.arguments = ("--limits-connections-per-address-max", "20")
        self.serve()
        self.made_quota("here")
        crowd = [self.silent() for _ in range(40)]
        wait_until(lambda: len(self.shut(crowd)) == 21, what="connections beyond the share")
        # The kept connection of ours is one of the 20; somebody else comes in.
        self.assertEqual(self.api.get(path_of(PLURAL, "here")).status, 200)
        with socket.create_connection((self.api.host, self.api.port), PATIENCE_SECONDS, ("127.0.0.2", 0)) as other:
            with self.api.context.wrap_socket(other, server_hostname=self.api.host) as secure:
                secure.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                self.assertIn(b" 200 ", secure.recv(1 << 16))


if __name__ == "__main__":
    main()
