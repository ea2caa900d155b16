#!/usr/bin/env python3
"""Checks the rules of this repository that can be counted. `ctest -L check` runs it.

    scripts/check.py [--root DIR] [--quiet]

Prints `file:line: rule: message` for each finding; exits 1 if one of them is not a warning.
Every rule has a sample that breaks it in scripts/check_test.py.
"""

import argparse
import dataclasses
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cpp_text  # noqa: E402

FUNCTION_LINES_MAX = 70
# A test is a story or a table of vectors: longer than code may be, but still not endless.
TEST_FUNCTION_LINES_MAX = 120
FILE_LINES_AIM = 500
FILE_LINES_MAX = 700

TEXT_SUFFIXES = {
    ".h", ".cc", ".c", ".cmake", ".txt", ".py", ".sh", ".md", ".yaml", ".yml", ".json", ".toml",
}
TEXT_FOLDERS = ("src", "tests", "bench", "cmake", "scripts", "docs", "examples", "api", ".ci")
SKIPPED_FOLDERS = {"build", "out", ".git", ".cache", "__pycache__", "node_modules"}
# Written by others, word by word.
VERBATIM_FILES = {"LICENSE"}


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str
    warning: bool = False

    def __str__(self):
        kind = "warning: " if self.warning else ""
        return f"{self.path}:{self.line}: {kind}{self.rule}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Ban:
    """A pattern of code and where it is fine. `tests` says whether tests may use it."""

    pattern: str
    instead: str
    allowed: tuple = ()
    tests: bool = False


# Folders and files of src/ that touch the machine; everything else is handed what it needs.
MACHINE = ("platform/posix/",)
CLOCKS = MACHINE + ("net/", "host/", "kernel/loop", "store/sqlite/", "owner/", "cli/", "main.cc")
THREADS = MACHINE + ("net/", "host/", "kernel/loop", "store/", "telemetry/", "owner/", "cli/", "main.cc")
CONSOLE = ("cli/", "main.cc")

BANS = (
    Ban(r"\bstd::v?format\b|<format>", "use concat() of base/strings.h"),
    Ban(r"\bstd::w?regex\b|<regex>", "use a small parser, or glob_match() of base/strings.h"),
    Ban(
        r"<iostream>|\bstd::(?:cout|cerr|clog|cin)\b",
        "return a Result or text; only cli/ and main.cc talk to the terminal",
        CONSOLE,
    ),
    Ban(
        r"\b(?:system|steady|high_resolution|utc)_clock::now\b"
        r"|\b(?:clock_gettime|gettimeofday|timespec_get)\s*\("
        r"|(?<![\w.>:])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&\w+)\s*\)",
        "take a platform::Clock or a Timestamp as an argument",
        CLOCKS,
        tests=True,
    ),
    Ban(
        r"(?<![\w.>])(?:std::|::)?(?:secure_)?getenv\s*\(",
        "take the value as an argument",
        MACHINE + ("host/", "cli/", "main.cc"),
        tests=True,
    ),
    Ban(
        r"(?<![\w.>:])(?:std::|::)?(?:s?rand|srandom)\s*\(|\bstd::random_device\b|\bgetrandom\s*\(",
        "take a platform::Random as an argument",
        MACHINE,
    ),
    Ban(
        r"\bsleep_(?:for|until)\b|(?<![\w.>:])(?:std::|::)?(?:u|nano|clock_nano)?sleep\s*\(",
        "wait for the event with a deadline; tests advance the clock",
        MACHINE,
    ),
    Ban(
        r"\bstd::j?thread\b|\bpthread_create\b|\bstd::async\b|<thread>|<future>",
        "pure code runs on the engine loop; threads live behind a port",
        THREADS,
        tests=True,
    ),
    Ban(
        r"\bstd::(?:shared_|recursive_|timed_)?mutex\b|\bstd::condition_variable\w*|<mutex>",
        "threads meet at bounded queues (style rule 22)",
        THREADS + ("kernel/", "blob/", "api/view/", "api/workflow_documents.h"),
        tests=True,
    ),
    Ban(
        r"<sys/socket\.h>|<netinet/\w+\.h>|(?<![\w.>:])::?socket\s*\(",
        "sockets live in net/ and platform/posix/",
        # libcurl asks its user to open sockets, which is where addresses are checked.
        MACHINE + ("platform/sandbox/relay.cc", "net/", "executor/http/curl.cc"),
        tests=True,
    ),
    Ban(r"<cassert>|<assert\.h>|(?<![\w.>:])assert\s*\(", "use REEVE_ASSERT of base/assert.h"),
    Ban(r"\busing\s+namespace\s+std\s*;", "name what you use"),
    Ban(r"\bDISABLED_\w+", "repair the test or remove it; a disabled test promises nothing"),
)

# Third-party headers and the only folders that may see them, in .cc files.
THIRD_PARTY = (
    (re.compile(r"^sqlite3(ext)?\.h$"), ("store/sqlite/",)),
    (re.compile(r"^yaml-cpp/"), ("workflow/document/",)),
    (re.compile(r"^openssl/"), ("base/", "security/", "net/")),
    (re.compile(r"^sodium(\.h|/)"), ("security/sealing/",)),
    (re.compile(r"^CLI/"), ("cli/", "main.cc")),
    (re.compile(r"^curl/"), ("executor/http/", "security/identity/https_fetcher.cc")),
    (re.compile(r"^boost/asio"), ("net/loop.cc",)),
    (re.compile(r"^(boost/(?!asio)|spdlog/|fmt/)"), ()),
)

ADAPTERS = re.compile(r"^(store|executor)/|^platform/posix$|^net$")


class Tree:
    """The files of a repository, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self._texts = {}

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def exists(self, path):
        return (self.root / path).exists()

    def files(self, folder, suffixes=None):
        """Paths below `folder`, relative to the root, in order of name."""
        found = []
        for path in (self.root / folder).rglob("*"):
            relative = path.relative_to(self.root)
            if SKIPPED_FOLDERS.intersection(relative.parts) or not path.is_file():
                continue
            if suffixes is None or path.suffix in suffixes:
                found.append(relative.as_posix())
        return sorted(found)

    def sources(self):
        return self.files("src", {".h", ".cc"})

    def cpp(self):
        return [path for folder in ("src", "tests", "bench")
                for path in self.files(folder, {".h", ".cc"})]

    def texts(self):
        """Everything people wrote: code, scripts, documents, files of the root."""
        paths = [p for p in TEXT_FOLDERS if self.exists(p)]
        found = [f for folder in paths for f in self.files(folder)
                 if pathlib.Path(f).suffix in TEXT_SUFFIXES | {""}]
        for path in self.root.iterdir():
            if path.is_file() and path.name not in VERBATIM_FILES:
                if path.suffix in TEXT_SUFFIXES | {""}:
                    found.append(path.name)
        return sorted(set(found))


def is_test(path):
    return path.endswith("_test.cc") or not path.startswith("src/")


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check_bans(tree):
    compiled = [(re.compile(ban.pattern), ban) for ban in BANS]
    for path in tree.cpp():
        code = cpp_text.split_text(tree.text(path))[0]
        inner = path.removeprefix("src/")
        for pattern, ban in compiled:
            if (ban.tests and is_test(path)) or inner.startswith(ban.allowed or ("\0",)):
                continue
            if path.startswith("bench/") and ban.instead.startswith(("return a Result", "take a")):
                continue
            for match in pattern.finditer(code):
                found = match.group(0).strip().rstrip("(").strip()
                yield Finding(path, line_of(code, match.start()), "ban", f"{found}: {ban.instead}")


def has_brace(code, at):
    """Whether the expression that starts at `at` contains a `{`."""
    depth = 0
    for char in code[at:]:
        if char == "{":
            return True
        depth += (char == "(") - (char == ")")
        if char == ";" or depth < 0:
            return False
    return False


def check_co_await(tree):
    for path in tree.cpp():
        code = cpp_text.split_text(tree.text(path))[0]
        for match in re.finditer(r"\bco_await\b", code):
            if not has_brace(code, match.end()):
                continue
            yield Finding(
                path, line_of(code, match.start()), "co-await-brace",
                "a `{` inside a co_await expression is miscompiled by g++ 12: "
                "name the value on the line above",
            )


def check_pragma_once(tree):
    for path in tree.cpp():
        if path.endswith(".h") and "#pragma once" not in tree.text(path):
            yield Finding(path, 1, "pragma-once", "a header starts with #pragma once")


def library_table(tree):
    """{folder: set of folders it may include} as src/CMakeLists.txt declares it."""
    table = {}
    text = re.sub(r"#[^\n]*", "", tree.text("src/CMakeLists.txt"))
    for match in re.finditer(r"\breeve_library\(\s*([^)]*)\)", text):
        words = match.group(1).split()
        deps, reading = set(), False
        for word in words[1:]:
            if word in ("DEPS", "EXTERNAL", "PURE"):
                reading = word == "DEPS"
            elif reading:
                deps.add(word)
        table[words[0]] = deps
    return table


def port_folders(tree, table):
    """{folder without a library, but with headers: folders its headers include}."""
    ports = {}
    for path in tree.files("src", {".h"}):
        folder = path.removeprefix("src/").rpartition("/")[0]
        if folder and folder not in table:
            wanted = ports.setdefault(folder, set())
            for _, name, quoted in cpp_text.includes(tree.text(path)):
                if quoted:
                    wanted.add(name.rpartition("/")[0])
    for folder, wanted in ports.items():
        wanted.discard(folder)
    return ports


def may_include(folder, target, table, ports):
    """Why `folder` may not include `target`, or None."""
    allowed = table[folder] | {folder}
    if target in ports:
        # A port costs what it includes: whoever may include that may include the port.
        missing = sorted(ports[target] - allowed - set(ports))
        if missing:
            return f"{target} needs {', '.join(missing)}, which {folder} does not depend on"
        return None
    if target not in allowed:
        return f"{folder} does not depend on {target} (see src/CMakeLists.txt)"
    # Adapters are leaves. platform/posix is the one they may stand on, where it is declared.
    if target not in (folder, "platform/posix") and ADAPTERS.match(folder):
        if ADAPTERS.match(target):
            return "adapters never include each other"
    return None


def check_layers(tree):
    table = library_table(tree)
    ports = port_folders(tree, table)
    homeless = set()
    for path in tree.sources():
        folder = path.removeprefix("src/").rpartition("/")[0]
        if not folder:
            continue
        if folder in ports:
            if path.endswith(".cc"):
                homeless.add(folder)
            for line, name, quoted in cpp_text.includes(tree.text(path)):
                target = name.rpartition("/")[0]
                if quoted and ADAPTERS.match(target) and target != folder:
                    yield Finding(path, line, "layer", f"a port includes no adapter ({target})")
            continue
        for line, name, quoted in cpp_text.includes(tree.text(path)):
            if not quoted:
                continue
            reason = may_include(folder, name.rpartition("/")[0], table, ports)
            if reason and folder in table:
                yield Finding(path, line, "layer", reason)
    for folder in sorted(homeless):
        yield Finding(
            f"src/{folder}", 1, "layer", "has sources but no reeve_library() line in src/CMakeLists.txt"
        )


def check_third_party(tree):
    for path in tree.sources():
        inner = path.removeprefix("src/")
        for line, name, _ in cpp_text.includes(tree.text(path)):
            for pattern, allowed in THIRD_PARTY:
                if not pattern.match(name):
                    continue
                if not inner.startswith(allowed or ("\0",)):
                    yield Finding(path, line, "third-party", f"{name} does not belong in this folder")
                elif path.endswith(".h"):
                    yield Finding(path, line, "third-party", f"{name} belongs in .cc files only")


def check_lengths(tree):
    for path in tree.cpp():
        text = tree.text(path)
        limit = TEST_FUNCTION_LINES_MAX if is_test(path) else FUNCTION_LINES_MAX
        for line, name, length in cpp_text.functions(text):
            if length > limit:
                yield Finding(
                    path, line, "function-length",
                    f"{name} has {length} lines, the limit is {limit}: move a leaf out",
                )
        length = text.count("\n")
        if length > FILE_LINES_AIM:
            yield Finding(
                path, 1, "file-length",
                f"{length} lines; the aim is {FILE_LINES_AIM}, the limit {FILE_LINES_MAX}: "
                "split by noun",
                warning=length <= FILE_LINES_MAX,
            )


def check_left_overs(tree):
    # Spelled in pieces, so that this file is not its own finding.
    pattern = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    for path in tree.texts():
        if path.endswith(".md"):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            match = pattern.search(line)
            if match:
                yield Finding(path, number, "left-over", f"{match.group(0)}: finish it or file it")


_CODE_IN_COMMENT = re.compile(
    r"^(?:return\b[^;]*;"
    r"|(?:const |auto |static )?[\w:<>*&.\[\]-]+(?: [\w:.\[\]-]+)? [-+|&]?= .+;"
    r"|[\w:.>\[\]-]+\([^;]*\);"
    r"|(?:\} )?(?:if|for|while|switch|else)\b.*\{"
    r"|#\s*include\b.*"
    r"|\}[;,)]*)$"
)


def check_dead_code(tree):
    for path in tree.cpp():
        comments = cpp_text.split_text(tree.text(path))[1]
        for number, line in enumerate(comments.split("\n"), 1):
            match = re.match(r"\s*//(?!/)\s?(.*?)\s*$", line)
            if match and _CODE_IN_COMMENT.match(match.group(1).strip()):
                yield Finding(path, number, "dead-code", "commented-out code: remove it, git remembers")


def check_readmes(tree):
    for folder in sorted(library_table(tree)):
        if not tree.exists(f"src/{folder}"):
            continue
        # A family of adapters may share the page of its parent.
        parts = folder.split("/")
        places = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        if not any(tree.exists(f"src/{place}/README.md") for place in places):
            yield Finding(f"src/{folder}", 1, "readme", "a module has a README.md of one screen")


def error_ids(tree):
    """Names printed by to_string(ErrorCode)."""
    path = "src/base/result.cc"
    if not tree.exists(path):
        return set()
    body = re.search(r"to_string\(ErrorCode.*?\n}", tree.text(path), re.DOTALL)
    return set(re.findall(r'case ErrorCode::\w+:\s*return "([a-z_]+)";', body.group(0))) if body else set()


_RULE_ID = r'"([a-z]+(?:-[a-z]+)*)"'
_RULE_PLACES = (
    re.compile(r"\brule\s*=\s*" + _RULE_ID),
    re.compile(r"\b(?:Graph)?Problem\{\s*(?:Severity::\w+,\s*)?" + _RULE_ID),
    re.compile(r"\bk\w*Rule\w*(?:\[\])?\s*=\s*" + _RULE_ID),
    re.compile(
        r"\b(?:error|warning|problem|add)\(\s*(?:Severity::\w+,\s*)?" + _RULE_ID + r"\s*,"
    ),
    re.compile(r"\?\s*" + _RULE_ID + r"\s*:\s*" + _RULE_ID + r"\s*,"),
)


_RULE_TABLE = "src/workflow/lint/rules.h"
_RULE_ROW = re.compile(r'^\s*\{\s*' + _RULE_ID + r"\s*,\s*Severity::", re.MULTILINE)


def rule_table(tree):
    """Ids of the rows of the table of rules, with their place; None without a table."""
    if not tree.exists(_RULE_TABLE):
        return None
    text = tree.text(_RULE_TABLE)
    return {
        match.group(1): (_RULE_TABLE, line_of(text, match.start()))
        for match in _RULE_ROW.finditer(text)
    }


def rule_ids(tree):
    """Ids of the rules that loading a workflow can report, with their place."""
    found = {}
    for path in tree.files("src/workflow", {".cc", ".h"}) if tree.exists("src/workflow") else []:
        if is_test(path) or path.startswith(("src/workflow/template/", "src/workflow/lint/")):
            continue
        text = tree.text(path)
        for pattern in _RULE_PLACES:
            for match in pattern.finditer(text):
                for rule in match.groups():
                    found.setdefault(rule, (path, line_of(text, match.start())))
    return found


def check_error_pages(tree):
    if not tree.exists("docs/errors"):
        yield Finding("docs/errors", 1, "error-page", "the folder of error pages is missing")
        return
    pages = {
        pathlib.Path(path).stem for path in tree.files("docs/errors", {".md"})
    } - {"README", "rules"}
    codes = error_ids(tree)
    for code in sorted(codes - pages):
        yield Finding("src/base/result.cc", 1, "error-page", f"docs/errors/{code}.md is missing")
    for page in sorted(pages - codes):
        yield Finding(f"docs/errors/{page}.md", 1, "error-page", "no ErrorCode has this name")
    rules_page = "docs/errors/rules.md"
    text = tree.text(rules_page) if tree.exists(rules_page) else ""
    described = set(re.findall(r"^#+ `([a-z-]+)`", text, re.MULTILINE))
    known = rule_ids(tree)
    table = rule_table(tree)
    if table is not None:
        for rule, (path, line) in sorted(known.items()):
            if rule not in table:
                yield Finding(path, line, "error-page", f"{_RULE_TABLE} has no row for `{rule}`")
        known = known | table
    for rule in sorted(described - known.keys()):
        yield Finding(rules_page, 1, "error-page", f"nothing reports `{rule}`", warning=True)
    for rule, (path, line) in sorted(known.items()):
        if rule not in described:
            yield Finding(path, line, "error-page", f"{rules_page} does not describe `{rule}`")


_MACHINE_PATH = re.compile(
    r"(?<![\w.)>}])/(?:work/(?:main|shared|\.library)|root|tmp/(?:b|brief|bash_jobs))\b/?"
)


def check_machine_paths(tree):
    for path in tree.texts():
        if path in ("scripts/check.py", "scripts/check_test.py"):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            match = _MACHINE_PATH.search(line)
            if match:
                yield Finding(path, number, "machine-path", f"{match.group(0)} exists on one machine only")


def check_white_space(tree):
    for path in tree.texts():
        text = tree.text(path)
        if text and not text.endswith("\n"):
            yield Finding(path, text.count("\n") + 1, "white-space", "no line end at the end of the file")
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield Finding(path, number, "white-space", "white space at the end of the line")
            if "\t" in line[: len(line) - len(line.lstrip())] and path.endswith((".h", ".cc", ".py", ".yaml")):
                yield Finding(path, number, "white-space", "indented with a tab")


def check_links(tree):
    """Relative links of our documents lead somewhere."""
    for path in tree.texts():
        if not path.endswith(".md"):
            continue
        text = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m.group(0)), tree.text(path), flags=re.DOTALL)
        for match in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            target = match.group(1)
            if re.match(r"[a-z]+:", target):
                continue
            place = (tree.root / path).parent / target
            if not place.exists():
                yield Finding(path, line_of(text, match.start()), "link", f"{target} does not exist")


CHECKS = (
    check_bans, check_co_await, check_pragma_once, check_layers, check_third_party, check_lengths,
    check_left_overs, check_dead_code, check_readmes, check_error_pages, check_machine_paths,
    check_white_space, check_links,
)


def run(root):
    tree = Tree(root)
    return sorted(finding for check in CHECKS for finding in check(tree))


def main(arguments):
    parser = argparse.ArgumentParser(description="checks the countable rules of the repository")
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--quiet", action="store_true", help="do not print warnings")
    options = parser.parse_args(arguments)
    findings = run(options.root)
    errors = [finding for finding in findings if not finding.warning]
    for finding in errors if options.quiet else findings:
        print(finding)
    print(f"check: {len(errors)} findings, {len(findings) - len(errors)} warnings")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
