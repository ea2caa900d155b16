#!/usr/bin/env python3
"""Writes docs/reference/api/ from the contracts in api/: one page per kind, and an index.

    scripts/api_reference.py            writes the pages
    scripts/api_reference.py --check    says which pages are not what the contracts say; exits 1 if one is not

`ctest -L check` runs the latter.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import yaml_subset  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = "docs/reference/api"
DEFAULT_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
NAME_RULES = {
    "subdomain": "lower-case letters, digits, `-` and `.`; at most 253 (a DNS subdomain)",
    "label": "lower-case letters, digits and `-`; at most 63 (a DNS label)",
    "free": "letters, digits, `.`, `_` and `-`; at most 100; no `..`",
    "segment": "anything that can stand in a path",
}
METHODS = {
    "create": "POST", "delete": "DELETE", "deletecollection": "DELETE", "get": "GET", "list": "GET",
    "patch": "PATCH", "update": "PUT", "watch": "GET",
}
LIMITS = (
    ("minimum", "at least {}"), ("maximum", "at most {}"), ("minLength", "{} or more characters"),
    ("maxLength", "at most {} characters"), ("minItems", "{} or more items"), ("maxItems", "at most {} items"),
    ("minProperties", "{} or more members"), ("maxProperties", "at most {} members"), ("pattern", "`{}`"),
)
ROWS_MAX = 2000
# Of `api/`: kinds that are ours, or that every client of Kubernetes expects.
OWN_FOLDERS = ("core", "rbac", "review", "v1")


class Contract:
    def __init__(self, path, document):
        self.path = path
        self.document = document
        self.group = document["group"]
        self.kind = document["kind"]
        self.plural = document["plural"]
        self.namespaced = document["scope"] == "Namespaced"

    @property
    def api_version(self):
        version = self.document["version"]
        return f"{self.group}/{version}" if self.group else version

    @property
    def page(self):
        """Kinds of other systems may be called as ours are: their pages begin with their folder."""
        folder = self.path.split("/")[1]
        return self.kind.lower() if folder in OWN_FOLDERS else f"{folder}-{self.kind.lower()}"

    @property
    def base(self):
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.api_version}"
        return root + ("/namespaces/{namespace}/" if self.namespaced else "/") + self.plural

    @property
    def verbs(self):
        return self.document.get("verbs", DEFAULT_VERBS)


def cell(text):
    return str(text).replace("\n", " ").replace("|", "\\|").replace("<", "&lt;").strip()


def code(text):
    return f"`{text}`"


def resolve(schema, definitions):
    """A reference, with what stands beside it in front."""
    seen = 0
    while "$ref" in schema:
        target = definitions[schema["$ref"].rsplit("/", 1)[-1]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
        seen += 1
        if seen > 10:
            raise ValueError("references in a circle")
    return schema


def type_of(schema, definitions):
    schema = resolve(schema, definitions)
    if schema.get("x-kubernetes-int-or-string"):
        return "number or text"
    if "oneOf" in schema:
        kinds = dict.fromkeys(type_of(one, definitions) for one in schema["oneOf"])
        return " or ".join(kinds)
    kind = schema.get("type")
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}), definitions)}"
    if kind == "object":
        values = schema.get("additionalProperties")
        if isinstance(values, dict) and "properties" not in schema:
            return f"map of {type_of(values, definitions)}"
        return "object"
    if kind == "string":
        return {"date-time": "time", "duration": "duration", "byte": "base64"}.get(schema.get("format"), "text")
    return {"integer": "whole number", "number": "number", "boolean": "true or false"}.get(kind, "any")


def remarks(schema):
    found = []
    if "enum" in schema:
        found.append("one of " + ", ".join(code(value) for value in schema["enum"]))
    if "default" in schema and schema["default"] is not None:
        default = schema["default"]
        found.append("default " + code(str(default).lower() if isinstance(default, bool) else default))
    for key, text in LIMITS:
        if key in schema:
            found.append(text.format(schema[key]))
    if schema.get("x-reeve-immutable"):
        found.append("cannot be changed")
    if schema.get("writeOnly"):
        found.append("is never shown")
    return found


def rows(schema, definitions, prefix, depth=0, parents=()):
    """Name, type and text of each field below `schema`, in the order of the contract."""
    reference = schema.get("$ref")
    if reference in parents or depth > 12:
        return
    parents = parents + ((reference,) if reference else ())
    schema = resolve(schema, definitions)
    for one in schema.get("oneOf", ()):
        yield from rows(one, definitions, prefix, depth + 1, parents)
    if isinstance(schema.get("items"), dict):
        yield from rows(schema["items"], definitions, prefix + "[]", depth + 1, parents)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from rows(schema["additionalProperties"], definitions, prefix + ".NAME", depth + 1, parents)
    required = schema.get("required", ())
    for name, field in (schema.get("properties") or {}).items():
        path = f"{prefix}.{name}" if prefix else name
        known = resolve(field, definitions)
        text = [cell(known.get("description", "")), *([] if name not in required else ["*required*"])]
        notes = "; ".join(remarks(known))
        if notes:
            text.append(f"({cell(notes)})")
        yield path, type_of(field, definitions), " ".join(part for part in text if part)
        yield from rows(field, definitions, path, depth + 1, parents)


def field_table(schema, definitions, skip=()):
    found = [row for row in rows(schema, definitions, "") if row[0].split(".")[0] not in skip]
    if not found:
        return []
    unique = list(dict.fromkeys(found))
    if len(unique) > ROWS_MAX:
        raise ValueError("more fields than a page can have")
    return ["| Field | Type | |", "|---|---|---|", *(f"| `{name}` | {kind} | {text} |" for name, kind, text in unique), ""]


def yaml_text(value, indent=0, first=""):
    """An example, as people write it."""
    space = " " * indent
    if isinstance(value, dict) and value:
        lines = []
        for position, (key, member) in enumerate(value.items()):
            lead = first if position == 0 and first else space
            if isinstance(member, (dict, list)) and member:
                lines.append(f"{lead}{key}:")
                lines.append(yaml_text(member, indent + 2))
            elif isinstance(member, str) and "\n" in member:
                lines.append(f"{lead}{key}: |")
                lines.extend(f"{space}  {line}".rstrip() for line in member.rstrip("\n").split("\n"))
            else:
                lines.append(f"{lead}{key}: {scalar_text(member)}")
        return "\n".join(lines)
    if isinstance(value, list) and value:
        return "\n".join(
            yaml_text(item, indent + 2, f"{space}- ") if isinstance(item, dict) and item
            else f"{space}- {scalar_text(item)}" for item in value
        )
    return space + scalar_text(value)


def scalar_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, (list, dict)):
        return "[" + ", ".join(scalar_text(item) for item in value) + "]" if isinstance(value, list) else "{}"
    if not isinstance(value, str):
        return str(value)
    same = yaml_subset.load(f"key: {value}") if plain(value) else None
    return value if same == {"key": value} else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def plain(text):
    special = text == "" or text[0] in "-?:,[]{}#&*!|>'\"%@`" or ": " in text or " #" in text
    return not special and not text.endswith(":") and not text[:4].isdigit()


def routes(contract):
    lines = ["| Verb | Request |", "|---|---|"]
    for verb in contract.verbs:
        path = contract.base
        if verb in ("get", "update", "patch") or verb == "delete":
            path += "/{name}"
        if verb == "watch":
            path += "?watch=true"
        lines.append(f"| {verb} | `{METHODS[verb]} {path}` |")
    return lines + [""]


def subresources(contract, definitions):
    lines = []
    for part in contract.document.get("subresources", ()):
        methods = ", ".join(f"`{METHODS[verb]}`" for verb in part["verbs"])
        lines += [f"### {part['name']}", "", f"{methods} `{contract.base}/{{name}}/{part['name']}`: {part['description']}"]
        if "kind" in part and part["kind"] != contract.kind:
            lines.append(f"Answers with a {part['kind']}.")
        lines.append("")
        if "body" in part:
            lines += ["Body, all of it in JSON or YAML:", "", *field_table(part["body"], definitions)]
    return ["## Parts and actions", "", *lines] if lines else []


def page(contract, shared):
    document = contract.document
    definitions = {**shared, **document.get("definitions", {})}
    short = document.get("shortNames", [])
    lines = [
        f"# {contract.kind}", "",
        f"Made from `{contract.path}` by `scripts/api_reference.py`.", "",
        cell(document["schema"]["description"]), "",
        "| | |", "|---|---|",
        f"| `apiVersion`, `kind` | `{contract.api_version}`, `{contract.kind}` |",
        f"| Scope | {'a namespace' if contract.namespaced else 'the whole installation'} |",
        f"| For `kubectl` | {', '.join(code(name) for name in [contract.plural, document['singular'], *short])} |",
        f"| Names | {NAME_RULES[document.get('nameRule', 'subdomain')]} |",
    ]
    if document.get("selectableFields"):
        lines.append(f"| Field selectors | {', '.join(code(name) for name in document['selectableFields'])} |")
    lines += ["", "## Requests", "", *routes(contract)]
    lines += subresources(contract, definitions)
    fields = field_table(document["schema"], definitions, skip=("apiVersion", "kind", "metadata"))
    if fields:
        lines += ["## Fields", "", "`metadata` is [the same for all kinds](README.md#metadata).", "", *fields]
    columns = document.get("printerColumns", ())
    if columns:
        lines += ["## Columns", "", "| Column | Field | |", "|---|---|---|"]
        for column in columns:
            wide = " With `-o wide` only." if column.get("priority", 0) > 0 else ""
            lines.append(f"| {column['name']} | `{cell(column['jsonPath'])}` | {cell(column['description'])}{wide} |")
        lines.append("")
    examples = document.get("examples") or ([document["example"]] if "example" in document else [])
    for example in examples:
        lines += ["## Example", "", "```yaml", yaml_text(example), "```", ""] if example is examples[0] else [
            "```yaml", yaml_text(example), "```", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def index(contracts, meta):
    lines = [
        "# Kinds of the API", "",
        "Made from the contracts in `api/` by `scripts/api_reference.py`. How to ask for them: "
        "[using the API](../../guides/api.md).", "",
        "| Kind | apiVersion | Scope | Verbs |", "|---|---|---|---|",
    ]
    for contract in contracts:
        scope = "namespace" if contract.namespaced else "installation"
        lines.append(
            f"| [{contract.kind}]({contract.page}.md) | `{contract.api_version}` | {scope} "
            f"| {', '.join(contract.verbs)} |"
        )
    lines += ["", "## metadata", "", *field_table(meta["schema"], meta.get("definitions", {}), skip=("apiVersion", "kind"))]
    return "\n".join(lines).rstrip("\n") + "\n"


def pages(root):
    meta = yaml_subset.load((root / "api/meta/object_meta.yaml").read_text())
    contracts = []
    for file in sorted((root / "api").glob("*/*.yaml")):
        path = file.relative_to(root).as_posix()
        try:
            document = yaml_subset.load(file.read_text())
        except yaml_subset.YamlError as error:
            raise SystemExit(f"{path}: {error}") from error
        if "kind" in document:
            contracts.append(Contract(path, document))
    contracts.sort(key=lambda contract: (contract.group != "reeve.dev", contract.group, contract.kind))
    made = {f"{FOLDER}/{contract.page}.md": page(contract, meta.get("definitions", {})) for contract in contracts}
    made[f"{FOLDER}/README.md"] = index(contracts, meta)
    return made


def main(arguments):
    parser = argparse.ArgumentParser(description="writes the reference of the API from its contracts")
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    options = parser.parse_args(arguments)
    made = pages(options.root)
    there = {path.relative_to(options.root).as_posix() for path in (options.root / FOLDER).glob("*.md")}
    stale = sorted(there - set(made))
    for path, text in sorted(made.items()):
        file = options.root / path
        if not file.exists() or file.read_text() != text:
            stale.append(path)
            if not options.check:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
    if not options.check:
        for path in sorted(there - set(made)):
            (options.root / path).unlink()
        return 0
    for path in stale:
        print(f"{path}: not what the contracts say; run scripts/api_reference.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
