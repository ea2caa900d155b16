"""Reads the part of YAML that the contracts in api/ are written in, without packages that Debian's Python lacks.

Maps and lists in block and flow form, plain, quoted, literal (`|`) and folded (`>-`) texts, comments on lines of
their own. Anything else (anchors, tags, several documents, texts over several lines without `|` or `>`) is an error
that names the line, never a guess.
"""

import re

DEPTH_MAX = 64
_KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#'"\[{&*!|>%@`,][^#]*?)\s*:(?:\s+|$)""")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+\Z")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


class YamlError(ValueError):
    """What cannot be read, with the line."""


def load(text):
    """The value of a document."""
    reader = _Reader(text.split("\n"))
    value = reader.block(0, 0)
    reader.skip()
    if reader.at < len(reader.lines):
        raise reader.error("indented in another way than what stands before it")
    return value


def _scalar(text):
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _DECIMAL.match(text):
        return float(text)
    return text


class _Reader:
    def __init__(self, lines):
        self.lines = lines
        self.at = 0

    def error(self, message):
        return YamlError(f"line {self.at + 1}: {message}")

    def skip(self):
        while self.at < len(self.lines) and self.lines[self.at].lstrip()[:1] in ("", "#"):
            self.at += 1

    def indent(self):
        line = self.lines[self.at]
        return len(line) - len(line.lstrip(" "))

    def block(self, least, depth):
        """The map, list or scalar that begins in the next line, indented by `least` or more."""
        if depth > DEPTH_MAX:
            raise self.error("nested too deeply")
        self.skip()
        if self.at == len(self.lines) or self.indent() < least:
            return None
        indent = self.indent()
        content = self.lines[self.at][indent:]
        if content == "-" or content.startswith("- "):
            return self.items(indent, depth)
        if _KEY.match(content):
            return self.members(indent, depth)
        self.at += 1
        return self.inline(content)

    def items(self, indent, depth):
        found = []
        while True:
            self.skip()
            if self.at == len(self.lines) or self.indent() != indent:
                return found
            content = self.lines[self.at][indent:]
            if content != "-" and not content.startswith("- "):
                return found
            rest = content[1:].lstrip(" ")
            if rest == "":
                self.at += 1
                found.append(self.block(indent + 1, depth + 1))
            elif rest[0] not in "[{'\"" and _KEY.match(rest):
                # A map whose first member stands behind the dash.
                self.lines[self.at] = " " * (indent + len(content) - len(rest)) + rest
                found.append(self.block(indent + 1, depth + 1))
            else:
                found.append(self.value(rest, indent, depth))

    def members(self, indent, depth):
        found = {}
        while True:
            self.skip()
            if self.at == len(self.lines) or self.indent() != indent:
                return found
            content = self.lines[self.at][indent:]
            key = _KEY.match(content)
            if key is None:
                raise self.error("neither a member nor an item")
            name = self.inline(key.group(1))
            if name in found:
                raise self.error(f"the member {name} stands here twice")
            found[name] = self.value(content[key.end():], indent, depth)

    def value(self, rest, indent, depth):
        """What stands behind a key or dash, or below it."""
        if rest in ("|", "|-", ">", ">-"):
            self.at += 1
            return self.long_text(indent, rest)
        if rest == "" or rest.startswith("#"):
            self.at += 1
            self.skip()
            # Lists may stand as far to the left as the key that they belong to.
            listed = self.at < len(self.lines) and self.lines[self.at].startswith(" " * indent + "- ")
            return self.block(indent if listed else indent + 1, depth + 1)
        value = self.inline(rest)
        self.at += 1
        return value

    def long_text(self, indent, style):
        taken = []
        while self.at < len(self.lines) and (not self.lines[self.at].strip() or self.indent() > indent):
            taken.append(self.lines[self.at])
            self.at += 1
        while taken and not taken[-1].strip():
            taken.pop()
        margin = min((len(line) - len(line.lstrip(" ")) for line in taken if line.strip()), default=0)
        lines = [line[margin:] for line in taken]
        if style[0] == ">":
            if any(line == "" or line.startswith(" ") for line in lines):
                raise self.error("a folded text with paragraphs")
            text = " ".join(lines)
        else:
            text = "\n".join(lines)
        return text if style.endswith("-") or not lines else text + "\n"

    def inline(self, text):
        """A value within one line."""
        value, end = self.flow(text, 0, "", 0)
        rest = text[end:].strip()
        if rest and not rest.startswith("#"):
            raise self.error(f"unexpected: {rest}")
        return value

    def flow(self, text, at, ends, depth):
        """The value at `at`, and where it ends. A plain text ends before one of `ends`."""
        if depth > DEPTH_MAX:
            raise self.error("nested too deeply")
        first = text[at:at + 1]
        if first == "[":
            return self.flow_list(text, at + 1, depth)
        if first == "{":
            return self.flow_map(text, at + 1, depth)
        if first in ("'", '"'):
            return self.quoted(text, at, first)
        if first and first in "&*!|>%@`":
            raise self.error(f"{first} is not read")
        end = at
        while end < len(text) and text[end] not in ends and not text.startswith(" #", end):
            if ends and text[end] == ":" and text[end + 1:end + 2] in ("", " "):
                break
            end += 1
        return _scalar(text[at:end].strip()), end

    def quoted(self, text, at, quote):
        out, end = [], at + 1
        while end < len(text):
            char = text[end]
            if char == quote and quote == "'" and text.startswith("''", end):
                out.append("'")
                end += 2
            elif char == quote:
                return "".join(out), end + 1
            elif char == "\\" and quote == '"':
                escaped = text[end + 1:end + 2]
                if escaped not in _ESCAPES:
                    raise self.error(f"\\{escaped} is not read")
                out.append(_ESCAPES[escaped])
                end += 2
            else:
                out.append(char)
                end += 1
        raise self.error("a quoted text without an end")

    def flow_list(self, text, at, depth):
        found = []
        while True:
            at = self.blanks(text, at)
            if text[at] == "]":
                return found, at + 1
            value, at = self.flow(text, at, ",]", depth + 1)
            found.append(value)
            at = self.separator(text, at, "]")

    def flow_map(self, text, at, depth):
        found = {}
        while True:
            at = self.blanks(text, at)
            if text[at] == "}":
                return found, at + 1
            name, at = self.flow(text, at, ",}", depth + 1)
            at = self.blanks(text, at)
            if text[at] != ":":
                raise self.error(f"{name} has no value")
            if name in found:
                raise self.error(f"the member {name} stands here twice")
            found[name], at = self.flow(text, self.blanks(text, at + 1), ",}", depth + 1)
            at = self.separator(text, at, "}")

    def blanks(self, text, at):
        while text[at:at + 1] == " ":
            at += 1
        if at == len(text):
            raise self.error("a list or map over several lines")
        return at

    def separator(self, text, at, end):
        at = self.blanks(text, at)
        if text[at] == ",":
            return at + 1
        if text[at] != end:
            raise self.error(f"neither , nor {end}: {text[at:]}")
        return at
