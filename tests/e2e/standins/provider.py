"""A provider of models that does what a test says: OpenAI's and Anthropic's API on loopback.

    with Provider() as provider:
        provider.script(says("first"), uses("echo", text="x"), error(529), says("again"))
        ...                                   # a client of provider.openai or provider.anthropic
        provider.calls, provider.billed       # what it was asked, what it would charge for

Each call takes the next reply of the script; after its end, every call is answered with the usual
one. A script may be a function too: it is handed the call and returns the reply.

It lets in its own key only: `refused` has what others brought. What it charges for is the truth
(`billed`): input once it has taken a call, output as it is sent; what an answer says about its usage
may be something else. It sleeps nowhere: what is to wait does so for an event of the test.
"""

import collections
import decimal
import json
import threading
import urllib.parse

from answers import (
    Answer, Said, Text, Usage, Use, chat_body, chat_events, messages_body, messages_events,
    responses_body, responses_events, tokens_of,
)  # fmt: skip
from loopback import PATIENCE_SECONDS, Broken, LoopbackHandler, LoopbackServer
from replies import ABSENT, HONEST, says

REAL_KEY = "sk-the-real-key-that-nobody-may-see-4711"
# What a model costs: (input, output), in USD for a million tokens.
PRICES = {
    "standin-large": ("3", "15"),
    "standin-small": ("0.25", "1.25"),
    "standin-embedding": ("0.02", "0"),
}
# A client that asks for nothing gets this much at most, as with the real ones.
OUTPUT_MAX = 128_000

MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"
CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"


class Call:
    """What somebody asked."""

    def __init__(self, number, method, target, headers, body):
        self.number = number
        self.method = method
        url = urllib.parse.urlsplit(target)
        self.path = url.path
        self.query = url.query
        self.headers = headers
        self.body = body
        self.status = None
        self.input = 0
        self.output = 0
        # Whether the whole answer was taken.
        self.finished = False
        try:
            self.json = json.loads(body) if body else {}
        except ValueError:
            self.json = None

    def __repr__(self):
        return f"<{self.number} {self.method} {self.path} {self.status}>"

    @property
    def api(self):
        """The path below /openai or /anthropic."""
        return "/" + self.path.split("/", 2)[2]

    @property
    def key(self):
        given = self.headers.get("x-api-key")
        if given is None:
            given = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return given

    @property
    def model(self):
        return (self.json or {}).get("model", "")

    @property
    def streams(self):
        return bool((self.json or {}).get("stream"))

    @property
    def output_max(self):
        body = self.json or {}
        names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
        return next((body[name] for name in names if body.get(name)), OUTPUT_MAX)

    def tools(self):
        """Names of the tools that the model may call."""
        found = (self.json or {}).get("tools") or []
        return [tool.get("name") or tool.get("function", {}).get("name") for tool in found]

    def results(self):
        """What tools answered so far, as texts."""
        body = self.json or {}
        found = []
        for message in body.get("messages", []):
            content = message.get("content")
            if message.get("role") == "tool":
                found.append(_text(content))
            elif isinstance(content, list):
                found += [_text(p.get("content")) for p in content if p.get("type") == "tool_result"]
        given = body.get("input")
        for item in given if isinstance(given, list) else []:
            if isinstance(item, dict) and item.get("type") == "function_call_output":
                found.append(_text(item.get("output")))
        return found

    def says(self, text):
        """Whether the prompt has the text, wherever."""
        return text in json.dumps(self.json, ensure_ascii=False)


def _text(content):
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else json.dumps(content)


class Provider:
    """The server. Its members may be read at any time; `calls` only grows."""

    def __init__(self, key=REAL_KEY, certificate=None, prices=None):
        """`certificate`: (file, key file), for TLS."""
        self.key = key
        self.prices = dict(PRICES if prices is None else prices)
        self.calls = []
        # Keys that were refused, as they came.
        self.refused = []
        self.usual = says("Well done.")
        self.at_once = 0
        self.most_at_once = 0
        self._script = collections.deque()
        self._decide = None
        self._changed = threading.Condition()
        self._server = LoopbackServer(self, _Handler, certificate)
        self.url = self._server.url
        # What SDKs call the base URL; Anthropic's add /v1 themselves.
        self.openai = f"{self.url}/openai/v1"
        self.anthropic = f"{self.url}/anthropic"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self._server.start()
        return self

    def stop(self):
        """Ends it and every connection."""
        self._server.stop()

    # --- what it is to do -----------------------------------------------------------------------

    def script(self, *replies):
        """Replies of the next calls, or one function from a call to its reply (None: the usual)."""
        with self._changed:
            if len(replies) == 1 and callable(replies[0]):
                self._decide = replies[0]
            else:
                self._script.extend(replies)

    def reply_to(self, call):
        with self._changed:
            if self._script:
                return self._script.popleft()
        return (self._decide(call) if self._decide else None) or self.usual

    # --- what it saw ----------------------------------------------------------------------------

    def asked(self, api=None):
        """Calls of models, or of one path as `MESSAGES`."""
        with self._changed:
            wanted = (MESSAGES, CHAT, RESPONSES, EMBEDDINGS) if api is None else (api,)
            return [call for call in self.calls if call.method == "POST" and call.api in wanted]

    @property
    def prompt_bytes(self):
        return sum(len(call.body) for call in self.asked())

    @property
    def billed_tokens(self):
        return sum(call.input + call.output for call in self.asked())

    @property
    def billed(self):
        """What it would charge for everything so far, in USD."""
        return sum((self.cost(c.model, c.input, c.output) for c in self.asked()), decimal.Decimal(0))

    def cost(self, model, given, made):
        rates = [decimal.Decimal(rate) for rate in self.prices.get(model, ("0", "0"))]
        return (rates[0] * given + rates[1] * made) / 1_000_000

    def keys(self):
        """Every key that it was shown."""
        return {call.key for call in self.calls}

    def wait(self, condition, what="the provider's calls"):
        """Waits until the condition about its calls is true."""
        with self._changed:
            if not self._changed.wait_for(condition, PATIENCE_SECONDS):
                raise AssertionError(f"{what}: not within {PATIENCE_SECONDS} s; {self.calls}")

    def await_calls(self, count, api=None):
        self.wait(lambda: len(self.asked(api)) >= count, f"{count} calls")

    def await_quiet(self):
        """Waits until nobody is being answered."""
        self.wait(lambda: self.at_once == 0, "the end of all answers")

    def change(self, act):
        """Runs `act` where members may be changed, and tells who waits."""
        with self._changed:
            result = act()
            self._changed.notify_all()
            return result


class _Handler(LoopbackHandler):
    def do_HEAD(self):
        # Claude Code connects early by HEAD /api/hello, without a key.
        self.answer(200)

    def do_GET(self):
        if self.headers.get("Upgrade"):
            # Codex tries a web socket first, and goes on without one after this answer only.
            self.answer(426)
            return
        call = self._heard()
        if not self._let_in(call):
            return
        if call.api == MODELS or call.api.startswith(MODELS + "/"):
            self.answer(200, self._models(call))
        else:
            self._refuse(call, 404, ("not_found_error", None, f"no such path: {call.path}"))

    def do_POST(self):
        call = self._heard()
        if not self._let_in(call):
            return
        if call.json is None:
            self._refuse(call, 400, ("invalid_request_error", None, "the body is no JSON"))
        elif call.api == COUNT:
            call.status = 200
            self.answer(200, {"input_tokens": tokens_of(call.body)})
        elif call.api in (MESSAGES, CHAT, RESPONSES, EMBEDDINGS):
            self._serve(call)
        else:
            self._refuse(call, 404, ("not_found_error", None, f"no such path: {call.path}"))

    # --- requests -------------------------------------------------------------------------------

    def _heard(self):
        provider = self.owner
        body = self.read_body()

        def note():
            call = Call(len(provider.calls) + 1, self.command, self.path, self.headers, body)
            provider.calls.append(call)
            return call

        return provider.change(note)

    def _let_in(self, call):
        provider = self.owner
        if call.key == provider.key:
            return True
        provider.change(lambda: provider.refused.append(call.key))
        self._refuse(call, 401, ("authentication_error", "invalid_api_key", "invalid key"))
        return False

    def _models(self, call):
        names = sorted(self.owner.prices)
        if call.path.startswith("/anthropic/"):
            made = [{"type": "model", "id": name, "display_name": name,
                     "created_at": "2026-01-01T00:00:00Z"} for name in names]  # fmt: skip
            return {"data": made, "has_more": False, "first_id": names[0], "last_id": names[-1]}
        made = [{"id": name, "object": "model", "created": 1_790_000_000, "owned_by": "standin"}
                for name in names]  # fmt: skip
        return {"object": "list", "data": made}

    # --- answers --------------------------------------------------------------------------------

    def _refuse(self, call, status, problem, headers=None):
        call.status = status
        kind, code, message = problem
        if call.path.startswith("/anthropic/"):
            value = {"type": "error", "error": {"type": kind, "message": message},
                     "request_id": "req_standin"}  # fmt: skip
        else:
            value = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        self.answer(status, value, headers={"request-id": "req_standin", **(headers or {})})

    def _serve(self, call):
        provider = self.owner

        def count(change):
            provider.at_once += change
            provider.most_at_once = max(provider.most_at_once, provider.at_once)

        provider.change(lambda: count(1))
        try:
            self._reply(call, provider.reply_to(call))
            self.wfile.flush()
            call.finished = True
        except Broken:
            self.break_off()
        finally:
            provider.change(lambda: count(-1))

    def _reply(self, call, reply):
        provider = self.owner
        call.status = reply.status
        if reply.error is None and reply.status == 200:
            call.input = tokens_of(call.body)
        provider.change(lambda: None)
        self._pass(reply, -1)
        if reply.error is not None:
            self._refuse(call, reply.status, reply.error, reply.headers)
        elif reply.body is not None:
            self.answer(reply.status, reply.body, reply.content_type or "application/json", reply.headers)
        elif call.api == EMBEDDINGS:
            self.answer(200, _embeddings(call), headers=reply.headers)
        else:
            self._speak(call, reply, self._answer_of(call, reply))

    def _pass(self, reply, number):
        """The place after so many events: it waits or breaks here if the reply says so."""
        if reply.gate is not None and reply.gate_after == number:
            reply.gate.wait(PATIENCE_SECONDS)
        if reply.cut_after is not None and reply.cut_after == number:
            raise Broken

    def _answer_of(self, call, reply):
        answer = Answer(call.model, [], None, "end", reply.piece)
        left = call.output_max
        made = 0
        for part in reply.parts:
            worth = sum(tokens_of(text) for text in answer.pieces(part.worth))
            if worth > left and isinstance(part, Text):
                # It stops where it was told to, as an honest one does.
                part = Text(part.text[: left * 4])
                worth = sum(tokens_of(text) for text in answer.pieces(part.text))
                answer.stop = "length"
            if worth > left:
                # Half a call of a tool is none.
                answer.stop = "length"
                break
            answer.parts.append(part)
            left -= worth
            made += worth
            if answer.stop == "length":
                break
        if answer.stop == "end" and any(isinstance(part, Use) for part in answer.parts):
            answer.stop = "tools"
        given = max(call.input - reply.cache_read - reply.cache_write, 0)
        if reply.usage == HONEST:
            answer.usage = Usage(given, made, reply.cache_read, reply.cache_write)
        elif reply.usage != ABSENT:
            answer.usage = reply.usage
        return answer

    def _speak(self, call, reply, answer):
        if not call.streams:
            body = {MESSAGES: messages_body, CHAT: chat_body, RESPONSES: responses_body}[call.api](answer)
            call.output = sum(tokens_of(t) for part in answer.parts for t in answer.pieces(part.worth))
            self._pass(reply, 0)
            self.answer(200, body, headers={"request-id": "req_standin", **reply.headers})
            return
        if call.api == MESSAGES:
            events = messages_events(answer)
        elif call.api == CHAT:
            wanted = (call.json.get("stream_options") or {}).get("include_usage")
            events = chat_events(answer, bool(wanted))
        else:
            events = responses_events(answer)
        self._stream(call, reply, events)

    def _stream(self, call, reply, events):
        self.begin_stream(
            reply.content_type or "text/event-stream; charset=utf-8",
            {"request-id": "req_standin", **reply.headers},
        )
        self._pass(reply, 0)
        waiting = b""
        for number, said in enumerate(events, 1):
            written = _written(said)
            if reply.spoil is not None:
                written = reply.spoil(number, written)
            call.output += said.tokens
            waiting += written
            size = reply.chunk or len(waiting)
            while waiting and len(waiting) >= size:
                self.chunk(waiting[:size])
                waiting = waiting[size:]
            self._pass(reply, number)
        if waiting:
            self.chunk(waiting)
        self.end_stream()



def _written(said: Said):
    data = said.data if isinstance(said.data, str) else json.dumps(said.data, separators=(",", ":"))
    name = f"event: {said.name}\n" if said.name else ""
    return f"{name}data: {data}\n\n".encode()


def _embeddings(call):
    given = call.json.get("input")
    texts = given if isinstance(given, list) else [given]
    made = [{"object": "embedding", "index": i, "embedding": [0.1, 0.2, 0.3]} for i in range(len(texts))]
    usage = {"prompt_tokens": call.input, "total_tokens": call.input}
    return {"object": "list", "data": made, "model": call.model, "usage": usage}


def main():
    """By itself, for a look with a real client: prints where it is and every call until it is ended."""
    with Provider() as provider:
        print(f"key        {provider.key}\nopenai     {provider.openai}\nanthropic  {provider.anthropic}",
              flush=True)  # fmt: skip
        seen = 0
        while True:
            with provider._changed:
                provider._changed.wait(1)
                new, seen = provider.calls[seen:], len(provider.calls)
            for call in new:
                print(call, call.model, f"{len(call.body)} bytes", "stream" if call.streams else "", flush=True)


if __name__ == "__main__":
    main()
