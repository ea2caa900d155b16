"""What a model says, in the words of the three APIs that clients speak.

An answer is a list of parts; each API has a body for it (a dict) and a stream of events. An event
is (name, data): data is a dict, or a text that is sent as it is; name is "" where the API has none.
`Said` says what of the stream is worth tokens, so that a cut one costs what was sent of it.
"""

import dataclasses
import itertools
import json
import math

# Rough, the same for everybody, and never 0: tests compute with it.
BYTES_PER_TOKEN = 4

_numbers = itertools.count(1)


def tokens_of(text):
    """Tokens of a text or of bytes."""
    size = len(text if isinstance(text, bytes) else text.encode())
    return math.ceil(size / BYTES_PER_TOKEN)


def new_id(prefix):
    """An identifier that no other answer of this process has."""
    return f"{prefix}_{next(_numbers):024d}"


@dataclasses.dataclass
class Text:
    text: str

    @property
    def worth(self):
        return self.text


@dataclasses.dataclass
class Use:
    """A call of a tool. `arguments` is a dict, or a text that need not be JSON."""

    name: str
    arguments: object = dataclasses.field(default_factory=dict)
    id: str = ""
    # Codex has the tools of an MCP server in a namespace of their own.
    namespace: str = ""

    @property
    def worth(self):
        given = self.arguments
        return given if isinstance(given, str) else json.dumps(given)


@dataclasses.dataclass
class Usage:
    """What an answer says it took; what it really took is the provider's to know."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


@dataclasses.dataclass
class Said:
    """An event on its way, and how many tokens of output it carries."""

    name: str
    data: object
    tokens: int = 0


@dataclasses.dataclass
class Answer:
    """One answer of a model. `usage` None: it says nothing about it."""

    model: str
    parts: list
    usage: Usage = None
    # end, tools, length
    stop: str = "end"
    # Characters of one event.
    piece: int = 40

    def pieces(self, text):
        """The text in the sizes of its events; at least one."""
        return [text[i : i + self.piece] for i in range(0, len(text), self.piece)] or [""]


# --- Anthropic messages -------------------------------------------------------------------------

_MESSAGE_STOPS = {"end": "end_turn", "tools": "tool_use", "length": "max_tokens"}


def _message_usage(usage):
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }


def _message(answer, content, stop):
    made = {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }
    if answer.usage is not None:
        made["usage"] = _message_usage(answer.usage)
    return made


def _message_part(part):
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    given = part.arguments if isinstance(part.arguments, dict) else json.loads(part.arguments)
    return {"type": "tool_use", "id": part.id or new_id("toolu"), "name": part.name, "input": given}


def messages_body(answer):
    content = [_message_part(part) for part in answer.parts]
    return _message(answer, content, _MESSAGE_STOPS[answer.stop])


def messages_events(answer):
    begun = _message(answer, [], None)
    if answer.usage is not None:
        begun["usage"] = {**begun["usage"], "output_tokens": 0}
    yield Said("message_start", {"type": "message_start", "message": begun})
    yield Said("ping", {"type": "ping"})
    for index, part in enumerate(answer.parts):
        if isinstance(part, Text):
            block, kind, member = {"type": "text", "text": ""}, "text_delta", "text"
        else:
            use = part.id or new_id("toolu")
            block = {"type": "tool_use", "id": use, "name": part.name, "input": {}}
            kind, member = "input_json_delta", "partial_json"
        yield _indexed("content_block_start", index, content_block=block)
        for text in answer.pieces(part.worth):
            delta = {"type": kind, member: text}
            yield _indexed("content_block_delta", index, tokens_of(text), delta=delta)
        yield _indexed("content_block_stop", index)
    ended = {
        "type": "message_delta",
        "delta": {"stop_reason": _MESSAGE_STOPS[answer.stop], "stop_sequence": None},
    }
    if answer.usage is not None:
        ended["usage"] = _message_usage(answer.usage)
    yield Said("message_delta", ended)
    yield Said("message_stop", {"type": "message_stop"})


def _indexed(name, index, tokens=0, **more):
    return Said(name, {"type": name, "index": index, **more}, tokens)


# --- OpenAI chat completions --------------------------------------------------------------------

_CHAT_STOPS = {"end": "stop", "tools": "tool_calls", "length": "length"}


def _chat_usage(usage):
    # Here what was found in the cache is a part of the prompt.
    prompt = usage.input + usage.cache_read
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _chat_call(part):
    return {
        "id": part.id or new_id("call"),
        "type": "function",
        "function": {"name": part.name, "arguments": part.worth},
    }


def chat_body(answer):
    said = "".join(part.text for part in answer.parts if isinstance(part, Text))
    message = {"role": "assistant", "content": said or None, "refusal": None}
    calls = [_chat_call(part) for part in answer.parts if isinstance(part, Use)]
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0, "message": message, "logprobs": None, "finish_reason": _CHAT_STOPS[answer.stop]
    }
    made = {
        "id": new_id("chatcmpl"),
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": answer.model,
        "choices": [choice],
        "system_fingerprint": "fp_standin",
    }
    if answer.usage is not None:
        made["usage"] = _chat_usage(answer.usage)
    return made


def chat_events(answer, with_usage):
    """`with_usage`: the client asked for `stream_options.include_usage`."""
    name = new_id("chatcmpl")

    def chunk(delta, tokens=0, stop=None):
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": stop}
        made = {
            "id": name,
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": answer.model,
            "choices": [choice],
        }
        if with_usage:
            made["usage"] = None
        return Said("", made, tokens)

    yield chunk({"role": "assistant", "content": ""})
    number = 0
    for part in answer.parts:
        if isinstance(part, Text):
            for text in answer.pieces(part.text):
                yield chunk({"content": text}, tokens_of(text))
            continue
        call = _chat_call(part)
        call["function"] = {"name": part.name, "arguments": ""}
        yield chunk({"tool_calls": [{"index": number, **call}]})
        for text in answer.pieces(part.worth):
            more = {"index": number, "function": {"arguments": text}}
            yield chunk({"tool_calls": [more]}, tokens_of(text))
        number += 1
    yield chunk({}, stop=_CHAT_STOPS[answer.stop])
    if with_usage and answer.usage is not None:
        last = chunk({}).data
        last["choices"] = []
        last["usage"] = _chat_usage(answer.usage)
        yield Said("", last)
    yield Said("", "[DONE]")


# --- OpenAI responses ---------------------------------------------------------------------------


def _response_usage(usage):
    given = usage.input + usage.cache_read
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": usage.cache_read},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + usage.output,
    }


def _response(answer, name, status, output):
    made = {
        "id": name,
        "object": "response",
        "created_at": 1_790_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": answer.model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "store": False,
        "metadata": {},
        "usage": None,
    }
    if status == "incomplete":
        made["incomplete_details"] = {"reason": "max_output_tokens"}
    if status != "in_progress" and answer.usage is not None:
        made["usage"] = _response_usage(answer.usage)
    return made


def _response_item(part, whole):
    """An item of output; `whole` False: as it begins."""
    if isinstance(part, Text):
        content = [{"type": "output_text", "text": part.text, "annotations": []}] if whole else []
        return {
            "id": new_id("msg"),
            "type": "message",
            "status": "completed" if whole else "in_progress",
            "role": "assistant",
            "content": content,
        }
    item = {
        "id": new_id("fc"),
        "type": "function_call",
        "status": "completed" if whole else "in_progress",
        "call_id": part.id or new_id("call"),
        "name": part.name,
        "arguments": part.worth if whole else "",
    }
    if part.namespace:
        item["namespace"] = part.namespace
    return item


def _final(answer):
    return "incomplete" if answer.stop == "length" else "completed"


def responses_body(answer):
    output = [_response_item(part, True) for part in answer.parts]
    return _response(answer, new_id("resp"), _final(answer), output)


def responses_events(answer):
    name = new_id("resp")
    numbers = itertools.count()

    def event(kind, tokens=0, **members):
        return Said(kind, {"type": kind, "sequence_number": next(numbers), **members}, tokens)

    begun = _response(answer, name, "in_progress", [])
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    output = []
    for index, part in enumerate(answer.parts):
        item = _response_item(part, False)
        whole = {**_response_item(part, True), "id": item["id"]}
        if isinstance(part, Use):
            whole["call_id"] = item["call_id"]
        output.append(whole)
        at = {"item_id": item["id"], "output_index": index}
        yield event("response.output_item.added", output_index=index, item=item)
        if isinstance(part, Text):
            yield from _spoken(answer, part, event, {**at, "content_index": 0})
        else:
            for text in answer.pieces(part.worth):
                yield event("response.function_call_arguments.delta", tokens_of(text), **at, delta=text)
            yield event("response.function_call_arguments.done", **at, arguments=part.worth)
        yield event("response.output_item.done", output_index=index, item=whole)
    final = _final(answer)
    yield event(f"response.{final}", response=_response(answer, name, final, output))


def _spoken(answer, part, event, at):
    empty = {"type": "output_text", "text": "", "annotations": []}
    yield event("response.content_part.added", **at, part=empty)
    for text in answer.pieces(part.text):
        yield event("response.output_text.delta", tokens_of(text), **at, delta=text)
    yield event("response.output_text.done", **at, text=part.text)
    yield event("response.content_part.done", **at, part={**empty, "text": part.text})
