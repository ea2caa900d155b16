"""A threaded HTTP/1.1 server on loopback for stand-ins: kept connections, chunks, TLS, broken ends."""

import http.server
import json
import socket
import socketserver
import ssl
import struct
import threading

PATIENCE_SECONDS = 60.0


class Broken(Exception):
    """The connection is to be broken here."""


class LoopbackServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """One thread a connection. `owner` is what handlers work for."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, owner, handler, certificate=None):
        """`certificate`: (file, key file), for TLS."""
        self.owner = owner
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self._open = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self):
        self._thread.start()

    def stop(self):
        """Ends it and every connection."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in list(self._open):
                break_connection(connection)

    def finish_request(self, request, address):
        try:
            request.settimeout(PATIENCE_SECONDS)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.context:
                # Here and not in accept(): a client that hangs holds up nobody else.
                with self.context.wrap_socket(request, server_side=True) as wrapped:
                    self._attend(wrapped, address)
            else:
                self._attend(request, address)
        except (OSError, Broken):
            pass

    def _attend(self, connection, address):
        with self._lock:
            self._open.add(connection)
        try:
            super().finish_request(connection, address)
        finally:
            with self._lock:
                self._open.discard(connection)


def break_connection(connection):
    """Ends a connection at once, whoever reads or writes there."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Past TLS: nobody is told that this is the end.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        pass


class LoopbackHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "standin"
    sys_version = ""

    def log_message(self, *_):
        pass

    @property
    def owner(self):
        return self.server.owner

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        read = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return read

    def answer(self, status, body=b"", content_type="application/json", headers=None):
        """A whole answer. Bodies that are no bytes are written as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if data:
            self.send_header("Content-Type", content_type)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self, content_type="text/event-stream", headers=None):
        """The head of an answer in chunks."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def chunk(self, data):
        """One chunk; nobody there any more: Broken."""
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError:
            raise Broken from None

    def end_stream(self):
        self.wfile.write(b"0\r\n\r\n")

    def break_off(self):
        """No word more on this connection."""
        self.close_connection = True
        break_connection(self.connection)
