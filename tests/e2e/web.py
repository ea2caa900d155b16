"""The server of `reeve up` as clients see it: requests with and without a token."""

import contextlib
import http.client
import json
import re
import ssl
import urllib.parse

from reeve import PATIENCE_SECONDS, ReeveTest


class Answer:
    """What came back."""

    def __init__(self, status, headers, text):
        self.status = status
        self.headers = headers
        self.text = text

    def __str__(self):
        return f"{self.status}\n{self.headers}\n{self.text}"

    def json(self):
        return json.loads(self.text)


class WebTest(ReeveTest):
    def serve(self, *args, **more):
        """`reeve up` on a free port of this machine."""
        owner = self.up(*args, **more)
        self.url = urllib.parse.urlsplit(re.search(r" at (https?://\S+)", owner.out()).group(1))
        self.token = (self.data / "server" / "admin.token").read_text().strip()
        return owner

    def connect(self):
        if self.url.scheme == "http":
            return http.client.HTTPConnection(self.url.netloc, timeout=PATIENCE_SECONDS)
        # Its certificate is its own; whom we reach is known by the port.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(
            self.url.netloc, timeout=PATIENCE_SECONDS, context=context
        )

    def http(self, method, path, body=None, headers=None, token=True):
        """One request. `body`: bytes and texts as they are, anything else as JSON."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {self.token if token is True else token}"
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, response.headers, text)

    def get(self, path, status=200, **more):
        return self._expect("GET", path, status, **more)

    def post(self, path, body=None, status=200, **more):
        return self._expect("POST", path, status, body=body, **more)

    def _expect(self, method, path, status, **more):
        answer = self.http(method, path, **more)
        self.assertEqual(answer.status, status, f"{method} {path}: {answer}")
        return answer

    def server_events(self, path, until, headers=None):
        """Events of a stream, as (name, id, data), until `until(events)` is true."""
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        events = []
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            self.assertEqual(response.status, 200, path)
            event = {}
            while not until(events):
                line = response.readline().decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif "event" in event:
                    events.append((event["event"], event.get("id"), json.loads(event["data"])))
                    event = {}
        return events
