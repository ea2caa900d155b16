"""The websocket tool: one exchange with a server that behaves, and with some that do not."""

import base64
import contextlib
import hashlib
import json
import os
import socket
import struct
import subprocess
import threading

from reeve import PATIENCE_SECONDS, PROGRAM, ReeveTest, main

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload, last=True):
    head = bytes([(0x80 if last else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + b"\x7e" + struct.pack(">H", len(payload)) + payload


class Server:
    """Takes one connection, answers the handshake and does what `story` says."""

    def __init__(self, story, accept=True):
        self.story = story
        self.accept = accept
        self.head = ""
        self.said = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        with connection, connection.makefile("rb") as stream:
            lines = []
            while line := stream.readline().rstrip():
                lines.append(line.decode())
            self.head = "\n".join(lines)
            key = [line.split(": ")[1] for line in lines if line.startswith("Sec-WebSocket-Key")][0]
            if self.accept:
                digest = hashlib.sha1((key + GUID).encode()).digest()
                connection.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\nSec-WebSocket-Accept: " + base64.b64encode(digest)
                    + b"\r\n\r\n")
            try:
                self.story(self, connection, stream)
            except (OSError, struct.error):
                pass

    def read(self, stream):
        """One frame of the client, which must be masked."""
        first, second = stream.read(2)
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack(">H", stream.read(2))
        mask = stream.read(4)
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(stream.read(size)))
        self.said.append((first & 0x0f, bool(second & 0x80), payload))
        return payload

    def close(self):
        # Wakes a thread that still waits for somebody; later calls find nothing to wake.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE_SECONDS)


class WebSocketTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.run_dir = self.data / "missions" / "m" / "runs" / "r"
        self.work = self.run_dir / "work"
        (self.run_dir / "steps").mkdir(parents=True)
        self.work.mkdir()

    def serve(self, story, **more):
        self.server = Server(story, **more)
        self.addCleanup(self.server.close)
        return f"ws://127.0.0.1:{self.server.port}/chat?room=1"

    def ask(self, url, **members):
        file = self.run_dir / "steps" / "0.json"
        file.write_text(json.dumps({"url": url, "allowPrivate": True} | members))
        self.published = self.run_dir / "output"
        self.published.write_text("")
        process = subprocess.run(
            [PROGRAM, "executor", "websocket", str(file)], cwd=self.work, capture_output=True,
            env=os.environ | {"REEVE_OUTPUT": str(self.published)}, timeout=PATIENCE_SECONDS,
            check=False)
        self.out = process.stdout.decode(errors="replace")
        return json.loads(file.with_suffix(".end").read_text())

    def test_a_message_is_answered(self):
        def story(server, connection, stream):
            question = json.loads(server.read(stream))
            connection.sendall(frame(9, b"still there?"))
            server.read(stream)
            answer = json.dumps({"answer": question["ask"] * 2}).encode()
            connection.sendall(frame(1, answer[:5], last=False) + frame(0, answer[5:]))
            server.read(stream)

        url = self.serve(story)
        end = self.ask(url, message='{"ask": 21}', outputs=[{"name": "A", "pointer": "/answer"}],
                       headers=[{"name": "Authorization", "value": "Bearer s"}])
        self.assertEqual(end["exitCode"], 0, end)
        self.server.close()
        self.assertEqual(json.loads(self.out), {"answer": 42})
        self.assertEqual(self.published.read_text(), "A=42\n")
        self.assertTrue(self.server.head.startswith("GET /chat?room=1 HTTP/1.1\nHost: 127.0.0.1:"))
        self.assertIn("Authorization: Bearer s", self.server.head)
        self.assertEqual([(opcode, masked) for opcode, masked, _ in self.server.said],
                         [(1, True), (10, True), (8, True)])
        self.assertEqual(self.server.said[1][2], b"still there?")

    def assert_fails(self, url, reason, exit_text="", **members):
        end = self.ask(url, message="x", **members)
        self.assertEqual((end["exitCode"], end["exitText"]), (1, exit_text))
        self.assertIn(reason, end["reason"])

    def test_servers_that_do_not_answer_well_are_failures_with_a_reason(self):
        def says(data):
            return lambda server, connection, stream: (server.read(stream), connection.sendall(data))

        self.assert_fails(self.serve(says(frame(8, b"\x03\xf3no"))), "closed before an answer (1011: no)")
        self.assert_fails(self.serve(says(b"\x81\x85abcdefghi")), "a masked frame")
        self.assert_fails(self.serve(says(b"\xff" * 20)), "breaks the protocol")
        self.assert_fails(self.serve(says(b"\x81\x7e\x00")), "closed before an answer")
        self.assert_fails(self.serve(says(b"\x81\x7f" + b"\x00" * 4 + b"\xff" * 4)),
                          "longer than 10 bytes", responseBytesMax=10)

    def test_servers_that_do_not_upgrade_are_failures(self):
        def answers(data):
            return lambda server, connection, stream: connection.sendall(data)

        self.assert_fails(self.serve(answers(b"HTTP/1.1 403 Forbidden\r\n\r\n"), accept=False),
                          "status 403", exit_text="403")
        self.assert_fails(self.serve(answers(b"HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\n"
                                             b"Connection: Upgrade\r\n\r\n"), accept=False),
                          "does not fit to our key")
        self.assert_fails(self.serve(answers(b"x" * 100_000), accept=False), "longer than")

    def test_addresses_are_guarded_as_for_requests(self):
        url = self.serve(lambda *_: None)
        self.assert_fails(url, "private network", allowPrivate=False)
        self.assert_fails("ws://169.254.169.254/", "never asked")
        self.assert_fails("http://127.0.0.1/", "no ws or wss address")
        self.assert_fails(url, "cannot be set",
                          headers=[{"name": "Sec-WebSocket-Key", "value": "x"}])

    def test_a_mission_converses(self):
        def story(server, connection, stream):
            connection.sendall(frame(1, b"hello " + server.read(stream)))
            server.read(stream)

        url = self.serve(story)
        tasks = f"- {{name: t, webSocket: {{url: '{url}', body: Ada, allowPrivate: true}}}}"
        self.assertIn("hello Ada", self.ok("run", self.workflow(tasks)).out)


if __name__ == "__main__":
    main()
