"""The coding pipelines of examples/ai on a forge and with agents of their own: what the tests share."""

import collections
import json
import os
import pathlib
import subprocess
import sys
import textwrap

from reeve import ReeveTest

HERE = pathlib.Path(__file__).resolve().parent
STANDINS = HERE / "standins"
EXAMPLES = HERE.parents[1] / "examples" / "ai"
sys.path.insert(0, str(STANDINS))

from forge import REPOSITORY, Forge  # noqa: E402  (only known once the path is)

# A project as small as one can be, whose tests fail until `add` adds.
PROJECT = {
    "Makefile": "test:\n\t@sh test.sh\n",
    "calc.sh": "add() { echo $(($1 - $2)); }\n",
    "test.sh": '. ./calc.sh\n[ "$(add 2 3)" = 5 ] || { echo "2 + 3 gives $(add 2 3)"; exit 1; }\n',
}
RIGHT = {"calc.sh": "add() { echo $(($1 + $2)); }\n"}
WRONG = {"calc.sh": "add() { echo $(($1 * $2)); }\n"}


class AiTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.forge = Forge.create(self.dir / "forge", PROJECT)
        self.script(implement=[{"files": RIGHT}])
        # Everything here starts Python all the time, and most of that time goes into site packages.
        python = self.dir / "bin" / "python3"
        python.parent.mkdir()
        python.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} -S "$@"\n')
        python.chmod(0o755)

    def script(self, **phases):
        """What the agents do: phase (with _ for -) → its steps; see standins/agent.py."""
        plan = {name.replace("_", "-"): steps for name, steps in phases.items()}
        self.script_for(plan)

    def script_for(self, plan):
        (self.dir / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

    def environment(self, extra=None):
        env = super().environment(extra)
        env.update(
            {
                "PATH": f"{STANDINS}:{self.dir / 'bin'}:{env['PATH']}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "GIT_CONFIG_NOSYSTEM": "1",
                "FORGE": str(self.forge.directory),
                "AGENT_PLAN": str(self.dir / "plan.json"),
                "AGENT_LOG": str(self.dir / "agents.jsonl"),
            }
        )
        return env

    def acted(self, phase=None):
        """The invocations of agents so far."""
        calls = [json.loads(line) for line in self.lines("agents.jsonl")]
        return [call for call in calls if phase in (None, call["phase"])]

    def phases(self):
        return [call["phase"] for call in self.acted()]

    def issue_to_pr(self, issue, **params):
        """The arguments that start the pipeline for an issue, impatiently."""
        given = {
            "repo": REPOSITORY,
            "issue": issue,
            "test_command": "sh test.sh",
            "agent_retries": 0,
            "retry_delay": "10ms",
            "poll": "50ms",
            "checks_grace": 0,
            **params,
        }
        words = [str(EXAMPLES / "issue-to-pr.yaml"), "--name", f"issue-{issue}"]
        for name, value in given.items():
            words += ["-p", f"{name}={value}"]
        return words

    def result(self, mission, path):
        """The text of a kept file, `TASK/PATH`."""
        return (self.data / "missions" / mission / "results" / path).read_text(encoding="utf-8")

    def result_json(self, mission, path):
        return json.loads(self.result(mission, path))

    def outputs(self, mission):
        """All outputs of a mission's tasks."""
        found = {}
        for task in mission["status"]["tasks"]:
            found.update(task.get("outputs") or {})
        return found


Asked = collections.namedtuple("Asked", "code status printed outputs directory")


def adapter(test, agent, access):
    """Runs the adapter of issue-to-pr.yaml by itself, as its phase implement."""
    test.counter += 1
    place = test.dir / f"adapter-{test.counter}"
    (place / "work").mkdir(parents=True)
    (place / "implement").mkdir()
    env = {
        "REEVE_OUTPUT": str(place / "outputs"),
        "issue": "1",
        "spend_limit": "",
        "cost_usd": "1.0000",
        "turns": "3",
    }
    done = subprocess.run(
        ["python3", "-c", block("issue-to-pr.yaml", "agent_adapter"), "implement", access, agent],
        cwd=place,
        env=test.environment(env),
        input="Do it.\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    directory = place / "implement"
    status = json.loads((directory / "status.json").read_text(encoding="utf-8"))
    outputs = place / "outputs"
    written = outputs.read_text(encoding="utf-8") if outputs.exists() else ""
    return Asked(done.returncode, status, done.stdout + done.stderr, written, directory)


def block(example, name):
    """The text of a block scalar `name: |` of an example."""
    lines = (EXAMPLES / example).read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if line.strip() == f"{name}: |")
    indent = len(lines[begin]) - len(lines[begin].lstrip())
    end = begin + 1
    while end < len(lines) and (not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > indent):
        end += 1
    return textwrap.dedent("\n".join(lines[begin + 1 : end]))


def option(call, name):
    """The value of an option of an agent's invocation."""
    return call["arguments"][call["arguments"].index(name) + 1]
