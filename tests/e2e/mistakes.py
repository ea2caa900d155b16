"""The mistakes of test_mistakes.py, and the documents of docs/start that they are made in.

Each message is whole: the place, what is wrong, the rule or code to look up, and what to do.
"""

import dataclasses
import pathlib
import re

START = pathlib.Path(__file__).resolve().parents[2] / "docs" / "start" / "README.md"


def document_of(name):
    """The YAML of docs/start that is to be put into the file `name`."""
    found = re.search(rf"`{name}`:\n\n```yaml\n(.*?)```", START.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"docs/start has no {name}"
    return found.group(1)


PIPELINE = document_of("site.yaml")
# The lines of its last task.
PUBLISH = PIPELINE[PIPELINE.index("- name: publish\n") + len("- name: publish\n") :]
# No token of anybody, but it looks like one.
TOKEN = "ghp_" + "a1B2c3" * 6


@dataclasses.dataclass(frozen=True)
class Mistake:
    """`old` of the pipeline became `new`; without `old`, `new` is the whole file."""

    old: str | None
    new: str | bytes
    place: str
    rule: str
    message: str
    fix: str

    def document(self):
        if self.old is None:
            return self.new if isinstance(self.new, bytes) else self.new.encode()
        assert self.old in PIPELINE, self.old
        return PIPELINE.replace(self.old, self.new, 1).encode()

    def found(self, severity):
        return f"site.yaml:{self.place}: {severity}: {self.message}"


# Refused by every command that reads the file.
REFUSED = (
    Mistake(
        "      timeout: 1m\n      script: printf",
        "\ttimeout: 1m\n      script: printf",
        "10:1",
        "yaml",
        "tabs cannot indent YAML",
        "replace the tabs at the start of the line by spaces",
    ),
    Mistake(
        "      timeout: 1m\n",
        "      timeout: 1m\n      timeout: 2m\n",
        "11:7",
        "yaml",
        'the key "timeout" is there twice: line 10 and line 11',
        "remove one of them",
    ),
    Mistake(
        'TITLE: "{{ .title }}"',
        "TITLE: {{ .title }}",
        "19:16",
        "unquoted-template",
        "a value that begins with {{ must be quoted",
        'quote it: "{{ .title }}"',
    ),
    Mistake(
        "script: grep -q",
        "description: check: is it a page?\n      script: grep -q",
        "29:25",
        "yaml",
        '": " is not allowed here',
        "quote the text if the colon belongs to it, or check the indentation",
    ),
    Mistake(
        'script: test "$PAGES" -gt 0',
        'script:\n        - echo pages: $PAGES\n        - test "$PAGES" -gt 0',
        "37:11",
        "wrong-type",
        "spec.tasks[3].script[0]: must be text, not a map",
        "put quotes around it: the colon makes a map of it",
    ),
    Mistake(
        'script: test "$PAGES" -gt 0',
        'script: "test $PAGES -gt 0',
        "41:29",
        "yaml",
        "this line does not fit the map it stands in",
        'check the indentation, that the line reads "key: value", and that quotes above it are closed',
    ),
    Mistake(
        "      needs: [build]\n",
        "     needs: [build]\n",
        "27:6",
        "yaml",
        "this line does not fit the list it stands in",
        'check the indentation, that the line starts with "- ", and that quotes above it are closed',
    ),
    Mistake(
        "timeout: 1m",
        "timout: 1m",
        "10:7",
        "unknown-field",
        'spec.tasks[0].timout: unknown field "timout"',
        'did you mean "timeout"?',
    ),
    Mistake(
        "needs: [check, count]",
        "needs: [chekc, count]",
        "39:15",
        "unknown-task",
        'spec.tasks[4].needs[0]: there is no task "chekc"',
        'did you mean "check"?',
    ),
    Mistake(
        "onCompleted: build",
        "onCompleted: biuld",
        "14:20",
        "unknown-task",
        'spec.tasks[0].onCompleted: the route leads to "biuld", which is no task and no action',
        'did you mean "build"?',
    ),
    Mistake(
        "      timeout: 1m\n      script: printf",
        "      method: SHEL\n      timeout: 1m\n      script: printf",
        "10:15",
        "unknown-method",
        'spec.tasks[0].method: there is no method "SHEL"',
        'did you mean "SHELL"?',
    ),
    Mistake(
        "needs: [build]",
        "needs: [build, publish]",
        "25:13",
        "cycle",
        "tasks.check: needs form a cycle: check needs publish needs check",
        "for a loop use a route (onExitCode, onFailed), which may lead back",
    ),
    Mistake(
        "      onCompleted: build\n",
        "      onExitCode: {3: publish}\n",
        "15:13",
        "dependency-order",
        'tasks.build: task "build" depends on "fetch", which never runs before it',
        'add "fetch" to its needs, or a route from there',
    ),
    Mistake(
        "name: publish",
        "name: fetch",
        "37:13",
        "duplicate-task",
        'spec.tasks[4]: there are two tasks named "fetch", the first in line 9',
        "rename one of them",
    ),
    Mistake(
        "      script: grep -q '<p>' site.html\n",
        "",
        "25:13",
        "no-script",
        'spec.tasks[2].script: task "check" has no script',
        'add one, or "method: NOOP" for a task that does nothing',
    ),
    Mistake(
        "      script: grep -q",
        "      method: NOOP\n      script: grep -q",
        "30:15",
        "noop-script",
        'spec.tasks[2].script: task "check" has the method NOOP and a script',
        "remove one of the two",
    ),
    Mistake(
        "timeout: 5m",
        "timeout: 5",
        "16:16",
        "duration",
        'spec.tasks[1].timeout: must be a duration, not "5"',
        "add the unit: 5s, 5m or 5h",
    ),
    Mistake(
        "retry: {max: 2, delay: 1s}",
        "retry: 3",
        "30:14",
        "wrong-type",
        'spec.tasks[2].retry: must be a map, not "3"',
        'for example "retry: {max: 3}"',
    ),
    Mistake(
        "retry: {max: 2, delay: 1s}",
        "retry: {attempts: 3}",
        "30:15",
        "unknown-field",
        'spec.tasks[2].retry.attempts: unknown field "attempts"',
        'did you mean "max"?',
    ),
    Mistake(
        "retry: {max: 2, delay: 1s}",
        "alwaysRun: yes",
        "30:18",
        "wrong-type",
        'spec.tasks[2].alwaysRun: must be true or false, not "yes"',
        "write true",
    ),
    Mistake(
        "retry: {max: 2, delay: 1s}",
        "onExitCode: {256: publish}",
        "30:20",
        "exit-code",
        'spec.tasks[2].onExitCode.256: "256" is no exit code',
        "use a number from 0 to 255, COMPLETED or FAILED",
    ),
    Mistake(
        "paths: [pages.txt]",
        "paths: [../pages.txt]",
        "13:17",
        "artifact-path",
        "spec.tasks[0].artifacts.paths: \"../pages.txt\" is outside the task's directory",
        'name files relative to the working directory, without ".."',
    ),
    Mistake(
        "paths: [pages.txt]",
        "path: pages.txt",
        "13:9",
        "unknown-field",
        'spec.tasks[0].artifacts.path: unknown field "path"',
        'did you mean "paths"?',
    ),
    Mistake(
        'TITLE: "',
        'SITE-TITLE: "',
        "19:9",
        "name",
        'spec.tasks[1].environment.SITE-TITLE: "SITE-TITLE" cannot name an environment variable',
        'use letters, digits and "_", not beginning with a digit',
    ),
    Mistake(
        "needs: [check, count]",
        "needs: check",
        "39:14",
        "wrong-type",
        'spec.tasks[4].needs: must be a list of task names, not "check"',
        'write "needs: [check]"',
    ),
    Mistake(
        "apiVersion: reeve.dev/v1\n",
        "",
        "1:1",
        "missing-field",
        '"apiVersion" is missing',
        'add "apiVersion: reeve.dev/v1"',
    ),
    Mistake(
        "kind: Workflow",
        "kind: Pipeline",
        "2:7",
        "kind",
        'kind: a document of kind "Pipeline" is not a workflow',
        'write "kind: Workflow"',
    ),
    Mistake(
        "metadata:\n  name: site\n",
        "",
        "1:1",
        "missing-field",
        '"metadata" is missing',
        'add "metadata: {name: nightly-build}"',
    ),
    Mistake(
        "name: site",
        "name: my site",
        "4:9",
        "name",
        'metadata.name: the name "my site" may hold only letters, digits, ".", "_" and "-"',
        'for example "my-site"',
    ),
    Mistake(
        "  tasks:\n",
        "  tasks:\n    publish:\n",
        "9:5",
        "wrong-type",
        "spec.tasks: must be a list of tasks, not a map",
        'for example "tasks: [{name: build, script: make}]"',
    ),
    Mistake(
        "{{ .title }}",
        "{{ .title }",
        "19:27",
        "template",
        "spec.tasks[1].environment.TITLE: unrecognized character in action: U+007D '}'",
        "close the action with }}",
    ),
    Mistake(
        "{{ .title }}",
        "{{ if .title }}yes",
        "19:20",
        "template",
        "spec.tasks[1].environment.TITLE: unexpected end of template: {{if}} is not closed",
        "add {{end}}",
    ),
    Mistake(
        "  params:\n",
        "  schedule: 0 3 * *\n  params:\n",
        "6:13",
        "cron",
        'triggers.schedule: "0 3 * *" is no schedule: cron expression: missing field(s): 4 of at '
        'least 5 are there',
        'write "minute hour day-of-month month day-of-week", such as "30 9 * * MON-FRI"',
    ),
    Mistake(
        "  params:\n",
        "  schedule: 0 30 3 * * 1\n  params:\n",
        "6:13",
        "cron",
        'triggers.schedule: "0 30 3 * * 1" is no schedule: hour field: "30" is out of range',
        "write 0 to 23; the last of six fields is the year: write five, or seven with seconds first",
    ),
    Mistake(
        "title: {default: My pages}",
        "title: {default: My pages, required: true}",
        "7:5",
        "param",
        'spec.params.title: parameter "title" is required and has a default',
        "remove one of the two",
    ),
    Mistake(
        "      script: mv",
        "      method: DOCKER\n      script: mv",
        "37:13",
        "missing-field",
        "spec.tasks[4].container: the method DOCKER needs an image",
        'add "container: {image: debian}"',
    ),
    Mistake(
        PUBLISH,
        "      needs: [check, count]\n      gate: {users: [ada]}\n",
        "39:13",
        "missing-field",
        'spec.tasks[4].gate: "prompt" is missing',
        "add \"prompt: 'Deploy it?'\"",
    ),
    Mistake(
        PUBLISH,
        "      needs: [check, count]\n      gate: {prompt: Publish it, users: [ada], approvals: 2}\n",
        "39:22",
        "gate",
        "tasks.publish: the gate needs 2 approvals, but only 1 person may give one",
        "name more people or groups, or ask for fewer approvals",
    ),
    Mistake(
        PUBLISH,
        "      needs: [check, count]\n      gate: {prompt: Publish it, autoApprove: true}\n",
        "39:34",
        "auto-approve",
        "spec.tasks[4].gate.autoApprove: nothing is ever approved by default: silence is no decision",
        'remove it; "deadline" of a gate rejects, "escalate" tells somebody',
    ),
    Mistake(
        "      onCompleted: build\n",
        "      on_completed: build\n      onCompleted: build\n",
        "14:7",
        "unknown-field",
        'spec.tasks[0].on_completed: unknown field "on_completed"',
        'did you mean "onCompleted"?',
    ),
    Mistake(
        "      needs: [build]\n",
        "      depends_on: [build]\n",
        "27:7",
        "unknown-field",
        'spec.tasks[2].depends_on: unknown field "depends_on"',
        'did you mean "needs"?',
    ),
    Mistake(
        "{{ .title }}",
        "{{ titel }}",
        "19:20",
        "template",
        'spec.tasks[1].environment.TITLE: function "titel" not defined',
        "did you mean title? a value is written with a dot: .titel",
    ),
    Mistake(
        "script: grep",
        "run: grep",
        "29:7",
        "unknown-field",
        'spec.tasks[2].run: unknown field "run"',
        'did you mean "script"?',
    ),
    Mistake(
        None,
        "on: push\njobs:\n  build:\n    runs-on: debian\n    steps: [{run: make}]\n",
        "1:1",
        "not-a-workflow",
        'this is no workflow: it has neither "kind: Workflow" nor "job_type"',
        'begin with "apiVersion: reeve.dev/v1" and "kind: Workflow"',
    ),
    Mistake(
        None,
        "",
        "1:1",
        "yaml",
        "the document is empty",
        'a workflow begins with "apiVersion: reeve.dev/v1" and "kind: Workflow"',
    ),
    Mistake(
        None,
        PIPELINE.replace("My pages", "Café").encode("latin-1"),
        "7:25",
        "not-text",
        "is not text: byte 0xe9 is not valid UTF-8",
        "save the file as UTF-8",
    ),
)

# Legal, and hardly meant: found by lint.
DOUBTFUL = (
    Mistake(
        "script: grep -q",
        "script:\n        test -s site.html\n        grep -q",
        "30:9",
        "folded-script",
        "tasks.check.script: YAML joins these lines with spaces: they are one command",
        'write "script: |" and the lines below it; or ">", if one command is meant',
    ),
    Mistake(
        "{{ .title }}",
        "{{ .titel }}",
        "19:20",
        "undefined-variable",
        'tasks.build.environment.TITLE: "titel" is no variable, parameter or output of this document',
        'did you mean "title"?',
    ),
    Mistake(
        "{{ .title }}",
        "{{ if lt .title 4 }}short{{ end }}",
        "19:26",
        "template-type",
        'tasks.build.environment.TITLE: "title" is text and does not compare with a whole number',
        "make a number of it: (atoi .title)",
    ),
    Mistake(
        "onCompleted: build",
        "onExitCode: {COMPLETE: build}",
        "14:20",
        "impossible-code",
        'tasks.fetch.onExitCode.COMPLETE: the task never ends with COMPLETE: no result has this '
        'name; nothing else leads to "build"',
        "did you mean COMPLETED?",
    ),
    Mistake(
        'TITLE: "{{ .title }}"',
        'TITLE: "{{ .title }}"\n        TOKEN: ' + TOKEN,
        "20:16",
        "hard-coded-secret",
        "tasks.build.environment.TOKEN: looks like a GitHub token in the document",
        "store it as a credential and name it in credentials, which puts it into the environment",
    ),
    Mistake(
        "  params:\n",
        "  schedule: 0 0 3 * * *\n  params:\n",
        "6:13",
        "cron-six-fields",
        'triggers.schedule.cron: "0 0 3 * * *" has six fields: the sixth is the year, there are no seconds',
        "write five fields, or seven with seconds first",
    ),
    Mistake(
        'echo "<h1>$TITLE</h1>"',
        'echo "<h1>{{ .title }}</h1>"',
        "21:24",
        "spliced-text",
        'tasks.build.script: the text of "title" becomes part of the script: it can run commands',
        "write $title from the environment, which is safe inside these quotes",
    ),
)

FORMICARY = """job_type: site
tasks:
  - task_type: build
    method: SHELL
    script: [make]
    onCompleted: test
  - task_type: test
    method: SHELL
    script: [make test]
"""

# A value of the pipeline, and the end of its task.
FAILING = (
    ("{{ .heading }}", 'no entry for key "heading" (declare it, or give a value with: default "…")'),
    ("{{ .titel }}", 'no entry for key "titel" (did you mean title?)'),
    (
        "{{ if lt .title 4 }}short{{ end }}",
        "incompatible types for comparison (compares string with int; atoi makes a number of a text)",
    ),
)

# Arguments, exit code, what is said on stderr. They are given beside the pipeline, which has been
# deployed and run once as "first".
COMMANDS = (
    ((), 2, "reeve: a command is missing\nSee reeve --help."),
    (("statsu",), 2, 'reeve: there is no command "statsu"; did you mean status?\nSee reeve --help.'),
    (
        ("run", "site.yaml", "--nme", "x"),
        2,
        'reeve: there is no option "--nme"; did you mean --name?\nSee reeve run --help.',
    ),
    (("run", "site.yaml", "-p", "title"), 2, "reeve: -p title: write it as key=value\nSee reeve --help."),
    (("lint",), 2, "reeve: FILE is required\nSee reeve lint --help."),
    (
        ("run", "site.yml"),
        4,
        "reeve: open site.yml: no such file or directory (did you mean site.yaml?) [not_found]",
    ),
    (
        ("run", "sites"),
        4,
        'reeve: sites: no workflow "sites" is deployed (there is no file of this name either; reeve '
        "workflows lists what is deployed) [not_found]",
    ),
    (
        ("run", "site.yaml", "-p", "titel=x"),
        3,
        'reeve: params.titel: param "titel" is not declared by workflow site (did you mean "title"?) [invalid]',
    ),
    (
        ("run", "required.yaml"),
        3,
        'reeve: params.title: param "title" is required (give it with -p title=…: the headline) [invalid]',
    ),
    (
        ("run", "site.yaml", "--name", "first"),
        3,
        'reeve: name: a mission named "first" exists already (give another --name, or none for a fresh '
        "one) [already_exists]",
    ),
    (("status", "frist"), 4, 'reeve: there is no mission "frist" (did you mean "first"?) [not_found]'),
    (("events", "x"), 4, 'reeve: there is no mission "x" (reeve status lists them) [not_found]'),
    (
        ("logs", "first", "biuld"),
        4,
        'reeve: mission "first" has no task "biuld" (did you mean "build"?) [not_found]',
    ),
    (
        ("logs", "first", "x"),
        4,
        'reeve: mission "first" has no task "x" (reeve status first lists its tasks) [not_found]',
    ),
    (
        ("retry", "first"),
        3,
        'reeve: state: mission "first" is COMPLETE; only a FAILED or ABORTED one can be tried again (reeve '
        "retry --reopen first -m WHY runs it again) [invalid_transition]",
    ),
    (
        ("abort", "first"),
        3,
        'reeve: state: mission "first" has already ended: COMPLETE (reeve status first shows how it ended) '
        "[invalid_transition]",
    ),
    (
        ("approve", "first"),
        3,
        'reeve: state: mission "first" has no open gate; it is COMPLETE (reeve approvals lists what waits '
        "for a decision) [invalid_transition]",
    ),
    (
        ("submit", "site.yaml"),
        5,
        "reeve: DATA: nobody is there to carry out the work (start reeve up, or use reeve run, which "
        "carries it out itself) [unavailable]",
    ),
    (
        ("artifacts", "get", "first", "build", "sit.html"),
        4,
        "reeve: task build kept no file sit.html (did you mean site.html?) [not_found]",
    ),
    (
        ("disable", "sit"),
        4,
        'reeve: sit: no workflow "sit" is deployed (reeve apply deploys a workflow, reeve workflows lists '
        "them) [not_found]",
    ),
    (
        ("run", "site.yaml", "--after", "frist"),
        4,
        'reeve: after: there is no mission "frist" to wait for (reeve status lists them) [not_found]',
    ),
)
