"""What a test has a provider of models do with a call: answers, refusals, and trouble."""

import dataclasses
import threading

from answers import Text, Use

# What an answer says about its usage: the truth, or nothing.
HONEST = "honest"
ABSENT = "absent"


@dataclasses.dataclass
class Reply:
    """What happens to one call."""

    parts: list = dataclasses.field(default_factory=lambda: [Text("Well done.")])
    # What it says it took: HONEST, ABSENT, or a Usage.
    usage: object = HONEST
    cache_read: int = 0
    cache_write: int = 0
    # Characters of text in an event.
    piece: int = 40
    # Bytes of a chunk of the body: 0 is one event a chunk, everything else cuts through events.
    chunk: int = 0
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    # (type, code, message) of an error, in the words of the API that was asked.
    error: tuple = None
    # These bytes instead of any body of ours, with this type.
    body: bytes = None
    content_type: str = ""
    # It waits for this event of the test, after so many events; -1 is before the head of the answer.
    gate: threading.Event = None
    gate_after: int = -1
    # It breaks the connection after so many events (0: after the head; -1: before it).
    cut_after: int = None
    # Changes the bytes of an event: (number, bytes) → bytes.
    spoil: object = None


def says(*texts, **more):
    """An answer of text."""
    return Reply(parts=[Text(text) for text in texts], **more)


def uses(name, reply=None, namespace="", **arguments):
    """An answer that calls a tool; `reply` has other members of it."""
    return Reply(parts=[Use(name, arguments, namespace=namespace)], **(reply or {}))


def error(status, kind="api_error", code=None, message="it does not work", **headers):
    """A refusal. Headers as `retry_after="1"`."""
    made = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, error=(kind, code, message), headers=made)


def rate_limited(seconds=1):
    return error(429, "rate_limit_error", "rate_limit_exceeded", "too fast", retry_after=str(seconds))


def overloaded():
    return error(529, "overloaded_error", None, "Overloaded")


def out_of_quota():
    """What makes every client stop at once."""
    return error(429, "insufficient_quota", "insufficient_quota", "no money", x_should_retry="false")


def hang(gate):
    """No answer until the gate is open."""
    return Reply(gate=gate)


def cut(after, *texts, **more):
    """A stream that breaks off after so many events."""
    return Reply(parts=[Text(text) for text in texts or ("a b c d " * 40,)], cut_after=after, **more)
