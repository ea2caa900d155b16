"""What tests of the HTTP API share: a server of their own, and a client that is no kubectl.

The client speaks HTTP/1.1 over TLS with the certificate authority and the token of the kubeconfig.
Streams (watches, server-sent events, logs) are read event by event; each read has a deadline.
"""

import base64
import http.client
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import threading
import urllib.parse

from reeve import PATIENCE_SECONDS, ReeveTest, wait_until

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


class Wire:
    """A connection whose bytes the test writes itself, right or wrong ones."""

    def __init__(self, client, tls=True, timeout=PATIENCE_SECONDS, window=None):
        self.token = client.token
        self.authority = f"{client.host}:{client.port}"
        self.socket = socket.socket()
        self.socket.settimeout(timeout)
        if window is not None:
            # Before it connects: that is when the windows are agreed on.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.connect((client.host, client.port))
        self.received = b""
        if tls:
            self.socket = client.context.wrap_socket(self.socket, server_hostname=client.host)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Breaks the connection: the other side is told by an RST."""
        raw = socket.socket(fileno=self.socket.detach())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()

    def stop_sending(self):
        """Closes our half of TCP, as `shutdown` does, and not a word about it in TLS."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)

    def head(self, method, target, **headers):
        """The head of a request with our token; `None` takes a header away."""
        made = {"Host": self.authority, "Authorization": f"Bearer {self.token}"}
        made.update({name.replace("_", "-"): value for name, value in headers.items()})
        lines = [f"{name}: {value}" for name, value in made.items() if value is not None]
        return "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""]).encode()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        """Reads on. False: the other side has ended the connection, in whatever way."""
        try:
            data = self.socket.recv(1 << 16)
        except (ConnectionError, ssl.SSLError):
            data = b""
        self.received += data
        return bool(data)

    def answer(self):
        """The next answer with a length; None: there is none."""
        while b"\r\n\r\n" not in self.received:
            if not self.more():
                return None
        head, _, rest = self.received.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = http.client.HTTPMessage()
        for line in lines:
            name, _, value = line.partition(":")
            headers[name] = value.strip()
        length = int(headers.get("Content-Length", 0))
        while len(rest) < length:
            if not self.more():
                return None
            rest = self.received.partition(b"\r\n\r\n")[2]
        self.received = rest[length:]
        return Answer(int(first.split()[1]), headers, rest[:length])

    def ended(self):
        """Waits for the end of the connection."""
        while self.more():
            pass
        return True


class Neighbour:
    """Somebody who goes on working while others misbehave, on new connections and on a kept one.

    Leaving it fails if any of their requests was answered otherwise than expected, or not at all.
    """

    def __init__(self, test, path):
        self.test = test
        self.path = path
        self.answers = 0
        self.problems = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.test.assertEqual(self.problems, [], "what others do is no concern of the neighbour's")

    def _work(self):
        kept = self.test.client()
        try:
            while not self.over.is_set():
                for client in (kept, self.test.client()):
                    answer = client.get(self.path)
                    if answer.status != 200:
                        self.problems.append(str(answer))
                    if client is not kept:
                        client.close()
                self.answers += 1
                # Others need the processors, too.
                self.over.wait(0.01)
        except Exception as error:  # a thread has nobody else to tell
            self.problems.append(repr(error))
        kept.close()

    def goes_on(self, times=3):
        """Waits until so many rounds that begin now have been answered."""
        wanted = self.answers + 1 + times
        wait_until(lambda: self.answers >= wanted or self.problems, what="the neighbour's requests")
        self.test.assertEqual(self.problems, [])


def full_size(usual, full):
    """`usual`, or `full` with REEVE_LOAD=full in the environment."""
    return full if os.environ.get("REEVE_LOAD") == "full" else usual


def descriptors(pid):
    """How many files the process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid):
    """What the process has in memory of its own; shared files are not counted."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"^RssAnon:\s*(\d+) kB$", status, re.MULTILINE)[1]) << 10


class ServerTest(ReeveTest):
    """A test with a server: `self.owner` is its process, `self.api` a client."""

    # Arguments of `reeve up` besides the usual ones.
    arguments = ()
    # Another port after each start; runs that outlive the server know the one they were started by.
    listen = "127.0.0.1:0"

    def setUp(self):
        super().setUp()
        self.serve()

    def serve(self, *args, **more):
        """Starts the server (again)."""
        self.owner = self.up(
            "--server-listen", self.listen, *self.arguments, *args, **more
        )
        self.kubeconfig = Kubeconfig(self.kubeconfig_file())
        self.api = self.client()
        return self.owner

    def kubeconfig_file(self):
        return self.data / "kubeconfig"

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

    def bind(self, user, role, namespace="default", kind="User"):
        """Gives a user (or group) a cluster role in a namespace."""
        group = "rbac.authorization.k8s.io"
        body = {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{user}-{role}".replace(":", "-")},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": kind, "name": user}],
        }
        return self.made(f"/apis/{group}/v1/namespaces/{namespace}/rolebindings", body)

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
