"""What tests of the HTTP API share: a server of their own, and a client that is no kubectl.

The client speaks HTTP/1.1 over TLS with the certificate authority and the token of the kubeconfig.
Streams (watches, server-sent events, logs) are read event by event; each read has a deadline.
"""

import base64
import http.client
import json
import re
import ssl
import urllib.parse

from reeve import PATIENCE_SECONDS, ReeveTest

GROUP = "reeve.dev"
BASE = f"/apis/{GROUP}/v1"
JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def path_of(plural, name=None, namespace="default", **query):
    """`/apis/reeve.dev/v1/namespaces/default/PLURAL[/NAME][?QUERY]`; no namespace if it is None."""
    middle = f"/namespaces/{namespace}" if namespace else ""
    path = f"{BASE}{middle}/{plural}" + (f"/{name}" if name else "")
    return path + ("?" + urllib.parse.urlencode(query) if query else "")


def quota(name, tokens=5, labels=None, **metadata):
    """An object that clients may do everything with."""
    metadata["name"] = name
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "BudgetQuota",
        "metadata": metadata,
        "spec": {"limits": {"maxTotalTokens": tokens}},
    }


def workflow(name, script="true"):
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Workflow",
        "metadata": {"name": name},
        "spec": {"tasks": [{"name": "a", "script": script}]},
    }


def mission(name, of):
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Mission",
        "metadata": {"name": name},
        "spec": {"workflow": {"name": of}},
    }


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def __str__(self):
        return f"{self.status}\n{self.headers}\n{self.text}"

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def json(self):
        return json.loads(self.body)


class Kubeconfig:
    """The few members of a kubeconfig that matter."""

    def __init__(self, path):
        text = path.read_text(encoding="utf-8")

        def member(name):
            found = re.search(rf'^\s*{name}: *"?([^"\n]+)"?$', text, re.MULTILINE)
            if found is None:
                raise AssertionError(f"{path} has no {name}")
            return found[1]

        self.path = path
        self.server = member("server")
        self.token = member("token")
        self.authority = base64.b64decode(member("certificate-authority-data")).decode()


class Client:
    """One user of the API. Not for several threads: each has its own."""

    def __init__(self, kubeconfig):
        self.kubeconfig = kubeconfig
        url = urllib.parse.urlsplit(kubeconfig.server)
        self.host, self.port = url.hostname, url.port
        self.context = ssl.create_default_context(cadata=kubeconfig.authority)
        self.token = kubeconfig.token
        self.connection = None

    def _connect(self):
        return http.client.HTTPSConnection(
            self.host, self.port, context=self.context, timeout=PATIENCE_SECONDS
        )

    def _headers(self, body, content_type, accept, headers):
        made = {"User-Agent": "golden/1"}
        if self.token:
            made["Authorization"] = f"Bearer {self.token}"
        if accept:
            made["Accept"] = accept
        if body is not None and content_type:
            made["Content-Type"] = content_type
        made.update(headers or {})
        return made

    @staticmethod
    def _encoded(body):
        if body is None or isinstance(body, bytes):
            return body
        return (body if isinstance(body, str) else json.dumps(body)).encode()

    def request(self, method, path, body=None, content_type=JSON, accept=None, headers=None):
        """One request on a connection that is kept. Whatever breaks it is raised."""
        body = self._encoded(body)
        if self.connection is None:
            self.connection = self._connect()
        try:
            self.connection.request(
                method, path, body, self._headers(body, content_type, accept, headers)
            )
            response = self.connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def put(self, path, body, **more):
        return self.request("PUT", path, body, **more)

    def patch(self, path, body, content_type=MERGE, **more):
        return self.request("PATCH", path, body, content_type, **more)

    def delete(self, path, body=None, **more):
        return self.request("DELETE", path, body, **more)

    def stream(self, path, accept=None, headers=None, timeout=PATIENCE_SECONDS):
        """A response that is read while it is written, on a connection of its own."""
        connection = http.client.HTTPSConnection(
            self.host, self.port, context=self.context, timeout=timeout
        )
        connection.request("GET", path, headers=self._headers(None, None, accept, headers))
        return Stream(connection, connection.getresponse())

    def watch(self, path, **more):
        """A watch of the path, whose query need not say so."""
        separator = "&" if "?" in path else "?"
        stream = self.stream(f"{path}{separator}watch=true", **more)
        if stream.status != 200:
            raise AssertionError(f"{stream.status}: {stream.rest()}")
        return stream


class Stream:
    """Lines of a response. Iterating ends where the server ends it, cleanly or not at all."""

    def __init__(self, connection, response):
        self.connection = connection
        self.response = response
        self.status = response.status
        self.headers = response.headers

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.response.close()
        self.connection.close()

    def line(self):
        """The next line without its end; None: the server has ended the stream."""
        text = self.response.readline()
        return text.decode().removesuffix("\n") if text else None

    def rest(self):
        return self.response.read().decode()

    def next(self):
        """The next event of a watch; None: it has ended."""
        line = self.line()
        return None if line is None else json.loads(line)

    def take(self, count):
        """So many events of a watch."""
        events = [self.next() for _ in range(count)]
        if None in events:
            raise AssertionError(f"the watch ended early: {events}")
        return events

    def all(self):
        """The events of a watch until it ends."""
        return list(iter(self.next, None))

    def sse(self):
        """The next server-sent event as {id, event, data, …}; None: the stream has ended."""
        event = {}
        while True:
            line = self.line()
            if line is None:
                return None
            if line == "":
                if "data" in event:
                    return event
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value


class ServerTest(ReeveTest):
    """A test with a server: `self.owner` is its process, `self.api` a client."""

    # Arguments of `reeve up` besides the usual ones.
    arguments = ()

    def setUp(self):
        super().setUp()
        self.serve()

    def serve(self, *args):
        """Starts the server (again)."""
        self.owner = self.up(
            "--server-listen", "127.0.0.1:0", *self.arguments, *args
        )
        self.kubeconfig = Kubeconfig(self.data / "kubeconfig")
        self.api = self.client()
        return self.owner

    def client(self):
        made = Client(self.kubeconfig)
        self.addCleanup(made.close)
        return made

    def made(self, path, body, **more):
        """Creates an object and returns it as it was stored."""
        answer = self.api.post(path, body, **more)
        self.assertEqual(answer.status, 201, str(answer))
        return answer.json()

    def made_quota(self, name, *args, **more):
        return self.made(path_of("budgetquotas"), quota(name, *args, **more))

    def got(self, path, **more):
        answer = self.api.get(path, **more)
        self.assertEqual(answer.status, 200, str(answer))
        return answer.json()

    def await_mission(self, name, *states):
        """Waits for a mission's state by watching it."""
        path = path_of("missions", fieldSelector=f"metadata.name={name}")
        seen = []
        with self.api.watch(path) as watch:
            while (event := watch.next()) is not None:
                seen.append(event["object"]["status"]["state"])
                if seen[-1] in states:
                    return event["object"]
        raise AssertionError(f"mission {name} is not in {states} but was in {seen}")
