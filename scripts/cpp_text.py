"""Just enough understanding of C++ text for scripts/check.py: where code, comments, literals and
function bodies are. No preprocessing, no types; good for code that clang-format has laid out."""

import functools
import re

_RAW_STRING = re.compile(r'(?:u8|[uUL])?R"([^()\\ ]{0,16})\(')
_INTERESTING = re.compile(r"[\"'/RuUL]")
_NUMBER_BEFORE_QUOTE = re.compile(r"[0-9a-fA-F]$")


def _blank(text):
    """The same text with everything but line ends replaced by spaces."""
    return re.sub(r"[^\n]", " ", text)


def _end_of_literal(text, start):
    """Index behind the quoted literal that starts at `start`; unterminated ones end at the line."""
    quote = text[start]
    at = start + 1
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == quote:
            return at + 1
        at += 1
    return min(at, len(text))


@functools.lru_cache(maxsize=None)
def split_text(text):
    """Returns (code, comments): both as long as `text`, with the rest blanked.

    In `code`, literals are replaced by their quotes and spaces.
    """
    code, comments = [], []
    at = 0

    def emit(piece, is_code, is_comment):
        code.append(piece if is_code else _blank(piece))
        comments.append(piece if is_comment else _blank(piece))

    while at < len(text):
        raw = _RAW_STRING.match(text, at)
        if raw and not (at > 0 and (text[at - 1].isalnum() or text[at - 1] == "_")):
            end = text.find(")" + raw.group(1) + '"', raw.end())
            end = len(text) if end < 0 else end + len(raw.group(1)) + 2
            code.append('"' + _blank(text[at + 1 : end - 1]) + '"' if end - at >= 2 else "")
            comments.append(_blank(text[at:end]))
            at = end
        elif text.startswith("//", at):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            emit(text[at:end], False, True)
            at = end
        elif text.startswith("/*", at):
            end = text.find("*/", at + 2)
            end = len(text) if end < 0 else end + 2
            emit(text[at:end], False, True)
            at = end
        elif text[at] == '"' or (
            text[at] == "'" and not (at > 0 and _NUMBER_BEFORE_QUOTE.match(text[at - 1]))
        ):
            end = _end_of_literal(text, at)
            closed = end - at >= 2 and text[end - 1] == text[at]
            middle = _blank(text[at + 1 : end - 1 if closed else end])
            code.append(text[at] + middle + (text[at] if closed else ""))
            comments.append(_blank(text[at:end]))
            at = end
        else:
            # Up to the next character that can begin something else.
            end = _INTERESTING.search(text, at + 1)
            end = end.start() if end else len(text)
            emit(text[at:end], True, False)
            at = end
    return "".join(code), "".join(comments)


def blank_directives(code):
    """`code` without preprocessor lines and their continuations."""
    lines = code.split("\n")
    continued = False
    for index, line in enumerate(lines):
        if continued or line.lstrip().startswith("#"):
            continued = line.rstrip().endswith("\\")
            lines[index] = ""
        else:
            continued = False
    return "\n".join(lines)


def includes(text):
    """Yields (line, name, quoted) for each include of `text`."""
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            yield number, match.group(1) or match.group(2), match.group(1) is not None


_SCOPE_HEAD = re.compile(
    r"^(?:template\s*<.*>\s*)?(?:inline\s+)?(?:alignas\([^)]*\)\s*)?"
    r"(?:namespace|class|struct|union|enum|extern\s*\")(?:\W|$)",
    re.DOTALL,
)
_CONTROL_HEAD = re.compile(r"^(?:if|for|while|switch|do|else|try|catch|return)\b")
# `Foo::Foo(int a) : a_` before `{`: the brace initialises a member, the body comes later.
_MEMBER_INITIALIZER = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:).*[\w>]\s*$", re.DOTALL)
_NAME_BEFORE_PARENTHESIS = re.compile(r"([~\w:]+(?:\s*operator\s*\S{1,3})?)\s*\(")


def _kind_of_brace(head):
    """What an opening brace after the declaration text `head` begins."""
    head = head.strip()
    # A label such as "public:" belongs to what was before it.
    head = re.sub(r"^(?:public|private|protected)\s*:\s*", "", head)
    if _SCOPE_HEAD.match(head) and not head.endswith(")"):
        return "scope"
    if "(" not in head or head.endswith("=") or _CONTROL_HEAD.match(head):
        return "other"
    if _MEMBER_INITIALIZER.search(head):
        return "other"
    return "function"


def functions(text):
    """Yields (line, name, lines) for every function body outside other functions."""
    code = blank_directives(split_text(text)[0])
    stack = []  # (kind, line, name, parentheses open before it) of open braces
    head_start = 0
    parentheses = 0
    line = 1
    for at, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char == "(":
            parentheses += 1
        elif char == ")":
            parentheses = max(0, parentheses - 1)
        elif char == ";" and parentheses == 0:
            head_start = at + 1
        elif char == "{":
            inside = any(kind == "function" for kind, _, _, _ in stack)
            head = code[head_start:at]
            kind = "other" if inside or parentheses > 0 else _kind_of_brace(head)
            name = _NAME_BEFORE_PARENTHESIS.search(head)
            stack.append((kind, line, name.group(1) if name else "?", parentheses))
            parentheses = 0
            head_start = at + 1
        elif char == "}" and stack:
            kind, start, name, parentheses = stack.pop()
            # `: a_{1}, b_{2} {`: braces of an initializer do not end the head of the function.
            if kind != "other" or any(entry[0] == "function" for entry in stack):
                head_start = at + 1
            if kind == "function":
                yield start, name, line - start + 1
