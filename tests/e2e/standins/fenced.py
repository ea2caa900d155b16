"""How a stand-in for an agent works inside the fence: it asks a model and calls tools as the real one
does, with what its environment has. Without such an environment it does neither."""

import http.client
import itertools
import json
import os
import socket
import ssl
import urllib.error
import urllib.request

MCP_VERSION = "2026-07-28"
META = "io.modelcontextprotocol/"
TIMEOUT_SECONDS = 600


class Refused(Exception):
    """What a gateway answered instead of doing it."""

    def __init__(self, status, kind, message):
        super().__init__(message)
        self.status = status
        self.kind = kind


class _Socket(urllib.request.HTTPHandler):
    """HTTP over the socket that the real one is given for its models."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def http_open(self, request):
        return self.do_open(self._connection, request)

    def _connection(self, host, **more):
        made = http.client.HTTPConnection(host, **more)

        def connect():
            made.sock = socket.socket(socket.AF_UNIX)
            made.sock.settimeout(TIMEOUT_SECONDS)
            made.sock.connect(self.path)

        made.connect = connect
        return made


class Fence:
    """`base`: the variable with the address of models; `path` is what is asked below it."""

    def __init__(self, base, path, token):
        self.model_url = os.environ[base] + path
        self.token = os.environ[token]
        self.context = None
        if os.environ.get("NODE_EXTRA_CA_CERTS"):
            self.context = ssl.create_default_context(cafile=os.environ["NODE_EXTRA_CA_CERTS"])
        self.numbers = itertools.count(1)
        self.usage = {"input_tokens": 0, "output_tokens": 0}
        self.calls = 0

    @staticmethod
    def of(base, path, token):
        """The fence, or None: this process is in none."""
        return Fence(base, path, token) if os.environ.get(base) and os.environ.get(token) else None

    def _post(self, url, body, headers):
        request = urllib.request.Request(
            url,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}", **headers},
        )
        way = os.environ.get("ANTHROPIC_UNIX_SOCKET")
        if way and url == self.model_url and url.startswith("http://"):
            return urllib.request.build_opener(_Socket(way)).open(request, timeout=TIMEOUT_SECONDS)
        return urllib.request.urlopen(request, context=self.context, timeout=TIMEOUT_SECONDS)

    def ask(self, body, headers=None):
        """Asks the model, streaming, and returns the events that came."""
        self.calls += 1
        try:
            with self._post(self.model_url, body, headers or {}) as answer:
                return list(_events(answer))
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            try:
                told = json.loads(text)["error"]
            except (ValueError, KeyError, TypeError):
                told = {"message": text}
            raise Refused(error.code, told.get("code") or told.get("type"), told.get("message", "")) from None
        except (OSError, http.client.HTTPException) as error:
            raise Refused(0, "connection", f"Connection error: {error}") from None

    def call(self, name, arguments):
        """The text of a tool's result; Refused if it is none."""
        number = next(self.numbers)
        meta = {META + "protocolVersion": MCP_VERSION, META + "clientCapabilities": {}, "progressToken": number}
        params = {"name": name, "arguments": arguments, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
        headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": MCP_VERSION,
                   "Mcp-Method": "tools/call", "Mcp-Name": name}  # fmt: skip
        try:
            with self._post(os.environ["REEVE_MCP_URL"], body, headers) as answer:
                if answer.headers.get("Content-Type", "").startswith("text/event-stream"):
                    messages = list(_events(answer))
                else:
                    messages = [json.loads(answer.read())]
        except urllib.error.HTTPError as error:
            raise Refused(error.code, "tool", error.read().decode(errors="replace")) from None
        last = next(message for message in messages if message.get("id") == number)
        if "error" in last:
            raise Refused(200, "tool", last["error"]["message"])
        text = "".join(part.get("text", "") for part in last["result"]["content"])
        if last["result"].get("isError"):
            raise Refused(200, "tool", text)
        return text


def _events(answer):
    """JSON values of a stream of events, as they come."""
    for line in answer:
        text = line.strip().removeprefix(b"data:").strip()
        if line.startswith(b"data:") and text.startswith(b"{"):
            yield json.loads(text)
