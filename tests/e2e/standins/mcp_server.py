"""An MCP server that does what a test says: streamable HTTP in this process, or stdio by itself.

    with McpServer(Tool("echo", schema={"text": "string"})) as server:
        ...                                     # a client of server.url
        server.calls                            # what was executed
        server.change(Tool("echo", description="Now something else"))

It speaks the revision with sessions (2025-11-25) and the one without (2026-07-28) on one address;
`eras` says which. As a program, it reads its tools from a JSON file before each message, so that the
test changes them by writing it, and adds a line to a log for each call:

    mcp_server.py PLAN.json LOG.jsonl

A tool of the plan has the members of `Tool` except functions: {"name", "description", "schema",
"annotations", "result", "does": "echo" | "hang" | "die" | "flood" | "wrong-id" | "garbage" | "chatter" |
"huge" | "environment" | "spawn" | "read" | "deaf"}.
"""

import collections
import dataclasses
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

from loopback import PATIENCE_SECONDS, Broken, LoopbackHandler, LoopbackServer

SESSIONS = "2025-11-25"
STATELESS = "2026-07-28"
ERAS = (SESSIONS, STATELESS)
# What clients of sessions may ask for, and are given.
OLDER = ("2025-03-26", "2025-06-18", SESSIONS)
META = "io.modelcontextprotocol/"
SERVER = {"name": "standin", "version": "1.0.0"}
FLOOD_MESSAGES = 2000
FLOOD_TEXT = "x" * 4000
HUGE_TEXT = "x" * 5_000_000

_NO_METHOD = -32601
_BAD_PARAMS = -32602
_BAD_HEADER = -32020
_BAD_VERSION = -32022


@dataclasses.dataclass
class Tool:
    """A tool. `schema`: a whole JSON schema, or names of required members with their types."""

    name: str
    description: str = "A tool of the stand-in."
    schema: dict = dataclasses.field(default_factory=dict)
    annotations: dict = None
    # What it answers with: text, or a whole result; None says its arguments again.
    result: object = None
    does: str = "echo"
    # Instead of all that: a function of the arguments that returns text or a result.
    act: object = None
    # Messages for its log and notifications of progress before each answer. HTTP only.
    logs: int = 0
    beats: int = 0

    def listed(self):
        schema = self.schema
        if "type" not in schema:
            schema = {
                "type": "object",
                "properties": {name: {"type": kind} for name, kind in schema.items()},
                "required": list(schema),
                "additionalProperties": False,
            }
        made = {"name": self.name, "description": self.description, "inputSchema": schema}
        if self.annotations:
            made["annotations"] = self.annotations
        return made


@dataclasses.dataclass
class Trouble:
    """What happens to one call of a tool instead of, or besides, an answer. HTTP only."""

    # It waits for this event of the test before it answers.
    gate: threading.Event = None
    # Notifications of progress before the answer.
    beats: int = 0
    # Short messages for the log, and long ones, before the answer.
    logs: int = 0
    flood: int = 0
    wrong_id: bool = False
    # Another status, with these headers: redirects, refusals.
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    # These bytes for an answer.
    body: bytes = None
    # The connection breaks after the tool has done its work.
    cut: bool = False


@dataclasses.dataclass
class ToolAsked:
    """A call of a tool that arrived, whatever came of it."""

    name: str
    arguments: dict
    meta: dict
    headers: dict
    era: str


class Problem(Exception):
    """A JSON-RPC error."""

    def __init__(self, code, message, status=200, data=None):
        super().__init__(message)
        self.status = status
        self.error = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


def era_of(message, headers=None):
    """The revision that a request is of: the stateless one says so in each request."""
    meta = ((message.get("params") or {}).get("_meta")) or {}
    version = meta.get(META + "protocolVersion")
    if version is None and headers and headers.get("MCP-Protocol-Version") == STATELESS:
        version = STATELESS
    return STATELESS if version is not None else SESSIONS


class Brain:
    """Answers requests; knows nothing of transports. `tools`: a function to the tools of now."""

    def __init__(self, tools, eras=ERAS, page=0):
        self.tools = tools
        self.eras = eras
        # Tools in one page of a list; 0: all.
        self.page = page

    def result(self, message, era, headers=None):
        """The result of a request; raises Problem."""
        if era not in self.eras:
            raise self._wrong_version(message, era)
        method = message["method"]
        params = message.get("params") or {}
        if era == STATELESS:
            self._check_version(params)
        known = self._sessions if era == SESSIONS else self._stateless
        act = known(method)
        if act is None:
            raise Problem(_NO_METHOD, f"no method {method}", 404 if era == STATELESS else 200)
        made = act(params)
        if era == STATELESS:
            made = {"resultType": "complete", **made, "_meta": {META + "serverInfo": SERVER}}
        return made

    def _wrong_version(self, message, era):
        if era == STATELESS:
            data = {"supported": list(OLDER), "requested": era}
            return Problem(_NO_METHOD, f"no method {message['method']}", 404, data)
        return Problem(_BAD_VERSION, "not this version", 400, {"supported": [STATELESS], "requested": era})

    def _check_version(self, params):
        version = (params.get("_meta") or {}).get(META + "protocolVersion")
        if version != STATELESS:
            data = {"supported": [STATELESS], "requested": version}
            raise Problem(_BAD_VERSION, "not this version", 400, data)

    def _sessions(self, method):
        return {
            "initialize": self._initialize,
            "ping": lambda _: {},
            "logging/setLevel": lambda _: {},
            "tools/list": self._list,
            "tools/call": self.call,
        }.get(method)

    def _stateless(self, method):
        return {
            "server/discover": self._discover,
            "tools/list": lambda params: {**self._list(params), "ttlMs": 0, "cacheScope": "private"},
            "tools/call": self.call,
        }.get(method)

    def _initialize(self, params):
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in OLDER else SESSIONS,
            "capabilities": {"tools": {"listChanged": True}, "logging": {}},
            "serverInfo": SERVER,
        }

    def _discover(self, _):
        return {
            "supportedVersions": [STATELESS],
            "capabilities": {"tools": {"listChanged": True}},
            "ttlMs": 0,
            "cacheScope": "private",
        }

    def _list(self, params):
        tools = [tool.listed() for tool in self.tools()]
        begin = int(params.get("cursor") or 0)
        if not self.page:
            return {"tools": tools}
        made = {"tools": tools[begin : begin + self.page]}
        if begin + self.page < len(tools):
            made["nextCursor"] = str(begin + self.page)
        return made

    def tool(self, name):
        found = next((tool for tool in self.tools() if tool.name == name), None)
        if found is None:
            raise Problem(_BAD_PARAMS, f"Unknown tool: {name}")
        return found

    def call(self, params):
        tool = self.tool(params.get("name"))
        given = params.get("arguments") or {}
        said = tool.act(given) if tool.act else tool.result
        if said is None:
            said = json.dumps(given, sort_keys=True)
        return said if isinstance(said, dict) else {"content": [{"type": "text", "text": said}]}


# --- streamable HTTP ----------------------------------------------------------------------------


class McpServer:
    """The server over HTTP. `key`: the bearer token that it wants, if any."""

    def __init__(self, *tools, eras=ERAS, key=None, page=0, certificate=None):
        self._tools = {tool.name: tool for tool in tools}
        self._changed = threading.Condition()
        self._script = collections.deque()
        self._sessions = {}
        self._numbers = itertools.count(1)
        self.key = key
        self.brain = Brain(self.tools, eras, page)
        # Calls of tools; every request; keys that were refused.
        self.calls = []
        self.requests = []
        self.refused = []
        # How many sessions were ended by their clients.
        self.ended = 0
        self._server = LoopbackServer(self, _McpHandler, certificate)
        self.base = self._server.url
        self.url = f"{self.base}/mcp"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop()

    def tools(self):
        with self._changed:
            return list(self._tools.values())

    def change(self, tool):
        """Adds a tool, or gives it another look; who listens is told."""
        with self._changed:
            self._tools[tool.name] = tool
            self._changed.notify_all()

    def remove(self, name):
        with self._changed:
            del self._tools[name]
            self._changed.notify_all()

    def script(self, *troubles):
        """What happens to the next calls of tools; None: nothing."""
        with self._changed:
            self._script.extend(troubles)

    def forget_sessions(self):
        """As after a restart: sessions are not known any more."""
        with self._changed:
            self._sessions.clear()

    def await_calls(self, count):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.calls) >= count, PATIENCE_SECONDS):
                raise AssertionError(f"{count} calls: not within {PATIENCE_SECONDS} s; {self.calls}")

    # For the handler.

    def note(self, headers, message):
        with self._changed:
            self.requests.append(message.get("method"))
            if message.get("method") != "tools/call":
                return None
            params = message.get("params") or {}
            asked = ToolAsked(
                params.get("name"), params.get("arguments"), params.get("_meta") or {},
                dict(headers.items()), era_of(message, headers),
            )  # fmt: skip
            self.calls.append(asked)
            self._changed.notify_all()
            return self._script.popleft() if self._script else None

    def begin_session(self):
        with self._changed:
            name = f"session-{next(self._numbers)}"
            self._sessions[name] = True
            return name

    def has_session(self, name):
        with self._changed:
            return name in self._sessions

    def end_session(self, name):
        with self._changed:
            self.ended += self._sessions.pop(name, False)
            self._changed.notify_all()

    def await_change(self, name):
        """Waits for another look of the tools while the session lasts. False: it has ended."""
        with self._changed:
            before = list(self._tools.values())
            self._changed.wait_for(
                lambda: name not in self._sessions or list(self._tools.values()) != before,
                PATIENCE_SECONDS,
            )
            return name in self._sessions


class _McpHandler(LoopbackHandler):
    def do_POST(self):
        body = self.read_body()
        if not self._let_in():
            return
        message = json.loads(body)
        trouble = self.owner.note(self.headers, message) or self._usual(message)
        if trouble.status != 200:
            self.answer(trouble.status, trouble.body or b"", headers=trouble.headers)
            return
        if "id" not in message:
            self.answer(202)
            return
        try:
            self._serve(message, trouble)
        except Broken:
            self.break_off()

    def do_GET(self):
        """The stream of a session: it says when tools have changed."""
        session = self.headers.get("Mcp-Session-Id")
        if not self._let_in():
            return
        if session is None or not self.owner.has_session(session):
            self.answer(405 if session is None else 404)
            return
        self.begin_stream()
        try:
            while self.owner.await_change(session):
                self._event({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            self.end_stream()
        except (Broken, OSError):
            self.break_off()

    def do_DELETE(self):
        self.owner.end_session(self.headers.get("Mcp-Session-Id"))
        self.answer(204)

    def _let_in(self):
        if self.path.split("?")[0] != "/mcp":
            self.answer(404)
            return False
        given = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.owner.key is None or given == self.owner.key:
            return True
        self.owner.refused.append(given)
        self.answer(401, {"error": "invalid_token"}, headers={"WWW-Authenticate": "Bearer"})
        return False

    def _usual(self, message):
        """What a tool does each time before it answers."""
        name = (message.get("params") or {}).get("name")
        found = [tool for tool in self.owner.tools() if tool.name == name]
        if message.get("method") != "tools/call" or not found:
            return Trouble()
        return Trouble(beats=found[0].beats, logs=found[0].logs)

    def _serve(self, message, trouble):
        era = era_of(message, self.headers)
        headers = {}
        status = 200
        try:
            self._check_headers(message, era)
            value = {"result": self.owner.brain.result(message, era)}
            if message["method"] == "initialize":
                headers["Mcp-Session-Id"] = self.owner.begin_session()
        except Problem as problem:
            value, status = {"error": problem.error}, problem.status
        if trouble.gate is not None and not trouble.beats:
            trouble.gate.wait(PATIENCE_SECONDS)
        if trouble.cut:
            raise Broken
        number = f"not-{message['id']}" if trouble.wrong_id else message["id"]
        response = {"jsonrpc": "2.0", "id": number, **value}
        if trouble.body is not None:
            self.answer(200, trouble.body)
        elif trouble.beats or trouble.flood or trouble.logs:
            self._stream(message, trouble, response)
        else:
            self.answer(status, response, headers=headers)

    def _check_headers(self, message, era):
        """What the stateless revision wants said in headers, too; sessions want theirs."""
        method = message["method"]
        if era == SESSIONS:
            session = self.headers.get("Mcp-Session-Id")
            if method != "initialize" and not (session and self.owner.has_session(session)):
                raise Problem(-32001, "Session not found", 404 if session else 400)
            return
        if self.headers.get("MCP-Protocol-Version") != STATELESS or self.headers.get("Mcp-Method") != method:
            raise Problem(_BAD_HEADER, "the headers are not those of the body", 400)
        if method == "tools/call" and self.headers.get("Mcp-Name") != message["params"].get("name"):
            raise Problem(_BAD_HEADER, "Mcp-Name is not the name of the body", 400)

    def _stream(self, message, trouble, response):
        self.begin_stream()
        token = ((message.get("params") or {}).get("_meta") or {}).get("progressToken")
        for number in range(trouble.beats):
            if token is not None:
                params = {"progressToken": token, "progress": number + 1, "message": f"beat {number + 1}"}
                self._notify("progress", params)
        if trouble.gate is not None:
            trouble.gate.wait(PATIENCE_SECONDS)
        for number in range(trouble.logs):
            self._notify("message", {"level": "info", "data": f"message {number + 1}"})
        for _ in range(trouble.flood):
            self._notify("message", {"level": "info", "data": FLOOD_TEXT})
        self._event(response)
        self.end_stream()

    def _notify(self, what, params):
        self._event({"jsonrpc": "2.0", "method": f"notifications/{what}", "params": params})

    def _event(self, value):
        self.chunk(f"event: message\ndata: {json.dumps(value)}\n\n".encode())


# --- stdio --------------------------------------------------------------------------------------


def _say(value):
    sys.stdout.write(value if isinstance(value, str) else json.dumps(value))
    sys.stdout.write("\n")
    sys.stdout.flush()


def _read(path):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        return f"{type(problem).__name__}"


def _spawn():
    """A process that wants to outlive everybody: no session, group or signal of ours reaches it."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"],
        start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return f"{os.getpid()} {child.pid}"


def _found_out(tool, arguments):
    """What a tool of this process knows besides its arguments; None: nothing."""
    finders = {
        "environment": lambda: json.dumps({"variables": dict(os.environ), "fds": sorted(os.listdir("/proc/self/fd"))}),
        "spawn": _spawn,
        "read": lambda: _read(arguments["path"]),
    }
    return finders[tool.does]() if tool.does in finders else None


def _act(tool, message):
    """What a tool does before it answers; False: it does not answer."""
    if tool.does == "deaf":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        threading.Event().wait()
    if tool.does == "chatter":
        print("starting\n\n[1]\n{", file=sys.stdout, flush=True)
        print("a complaint", file=sys.stderr, flush=True)
    if tool.does == "huge":
        tool.result = HUGE_TEXT
    if tool.does == "die":
        print("I am about to die", file=sys.stderr, flush=True)
    if tool.does == "hang":
        return False
    if tool.does == "die":
        os._exit(3)
    if tool.does == "garbage":
        _say("this is no JSON {")
        return False
    if tool.does == "flood":
        for _ in range(FLOOD_MESSAGES):
            _say({"jsonrpc": "2.0", "method": "notifications/message",
                  "params": {"level": "info", "data": FLOOD_TEXT}})  # fmt: skip
    if tool.does == "wrong-id":
        message["id"] = f"not-{message['id']}"
    return True


def main(plan, log):
    """Serves standard input and output until the input ends."""
    plan, log = pathlib.Path(plan), pathlib.Path(log)

    def tools():
        return [Tool(**each) for each in json.loads(plan.read_text(encoding="utf-8"))]

    brain = Brain(tools)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        params = message.get("params") or {}
        try:
            if message["method"] == "tools/call":
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"name": params.get("name"), "pid": os.getpid(),
                                           "arguments": params.get("arguments")}) + "\n")  # fmt: skip
                tool = brain.tool(params.get("name"))
                if not _act(tool, message):
                    continue
                tool.result = _found_out(tool, params.get("arguments") or {}) or tool.result
                brain.tools = lambda kept=tool: [kept]
            value = {"result": brain.result(message, era_of(message))}
        except Problem as problem:
            value = {"error": problem.error}
        finally:
            brain.tools = tools
        _say({"jsonrpc": "2.0", "id": message["id"], **value})


if __name__ == "__main__":
    main(*sys.argv[1:])
