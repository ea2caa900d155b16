"""A forwarder on loopback for clients that can be given no key and no certificate authority: plain HTTP
on their side, TLS and `Authorization` on the other. Everything else goes through as it is."""

import http.client

from loopback import LoopbackHandler, LoopbackServer

_OWN = {"connection", "transfer-encoding", "content-length", "authorization", "origin", "keep-alive"}


class Forwarder:
    """`host`, `port`, `context`: where requests go; `token`: what is added to them."""

    def __init__(self, host, port, context, token):
        self.host, self.port, self.context, self.token = host, port, context, token
        self._server = LoopbackServer(self, _Handler)
        self.url = self._server.url

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop()

    def connect(self):
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=60)


class _Handler(LoopbackHandler):
    def do_POST(self):
        self._forward()

    do_GET = do_DELETE = do_POST

    def _forward(self):
        body = self.read_body()
        owner = self.owner
        connection = owner.connect()
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OWN:
                connection.putheader(name, value)
        if origin := self.headers.get("Origin"):
            # A page of the same host, over TLS as the request itself.
            connection.putheader("Origin", origin.replace("http://", "https://", 1))
        connection.putheader("Authorization", f"Bearer {owner.token}")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        with connection.getresponse() as answer:
            self._answer(answer)
        connection.close()

    def _answer(self, answer):
        headers = {n: v for n, v in answer.getheaders() if n.lower() not in _OWN | {"content-type", "date", "server"}}
        kind = answer.headers.get("Content-Type", "")
        if not kind.startswith("text/event-stream"):
            self.answer(answer.status, answer.read(), kind or "text/plain", headers)
            return
        self.begin_stream(kind, headers)
        while piece := answer.read1(1 << 16):
            self.chunk(piece)
        self.end_stream()
