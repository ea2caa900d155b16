"""What the stand-ins for coding agents have in common: they act out what a test wrote down.

$AGENT_PLAN names a JSON file: phase (or "ISSUE/phase") → the steps of its first, second, …
invocation; the last one serves all that follow. The phase and the issue are read from the first
lines of the prompt, as `Phase: implement` and `Issue: #7`. A step:

    {"files": {path: text}, "commit": message, "run": command, "wait_for": path, "say": text,
     "status": "done" | "blocked" | "needs-fix", "summary": text, "unresolved": [text],
     "claims": bool, "mode": MODE, "calls": number, "tools": [[name, arguments]]}

Inside the fence (fenced.py) it asks its model `calls` times before everything else, and calls the
tools of the gateway.

MODE: ok, hang (until killed), crash (in the middle of the stream), no-result (ends well without
one), invalid-json (an answer that is no JSON), big-output (megabytes), permission (a tool it was
not allowed), api-error, spend-limit, max-turns.

Every invocation leaves a line in $AGENT_LOG.
"""

import fcntl
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import uuid

BIG_LINES = 400
BIG_LINE = "x" * 8000


class Scene:
    """One invocation: where it stands, what it is to do."""

    def __init__(self, agent, prompt):
        phase = re.search(r"^Phase: (\S+)$", prompt, re.MULTILINE)
        issue = re.search(r"^Issue: #(\d+)$", prompt, re.MULTILINE)
        self.phase = phase.group(1) if phase else ""
        self.issue = issue.group(1) if issue else ""
        self.prompt = prompt
        self.session = str(uuid.uuid4())
        self.step = self._next_step(agent)
        self.mode = self.step.get("mode", "ok")

    def _next_step(self, agent):
        plan = json.loads(pathlib.Path(os.environ["AGENT_PLAN"]).read_text(encoding="utf-8"))
        steps = plan.get(f"{self.issue}/{self.phase}", plan.get(self.phase, [{}]))
        with pathlib.Path(os.environ["AGENT_LOG"]).open("a+", encoding="utf-8") as log:
            fcntl.flock(log, fcntl.LOCK_EX)
            log.seek(0)
            calls = [json.loads(line) for line in log]
            seen = sum((c["issue"], c["phase"]) == (self.issue, self.phase) for c in calls)
            record = {
                "agent": agent,
                "arguments": sys.argv[1:],
                "issue": self.issue,
                "phase": self.phase,
                "pid": os.getpid(),
                "session": self.session,
                "directory": os.getcwd(),
                "files": sorted(p.name for p in pathlib.Path.cwd().iterdir() if p.name != ".git"),
                "prompt": self.prompt,
            }
            log.write(json.dumps(record) + "\n")
        return steps[min(seen, len(steps) - 1)]

    def answer(self):
        """The structured answer that the pipelines ask for."""
        step = self.step
        return {
            "status": step.get("status", "done"),
            "summary": step.get("summary", f"{self.phase}: as asked"),
            "unresolved": step.get("unresolved", []),
            "tests_pass": step.get("claims", True),
        }

    def work_in_fence(self, voice):
        """What needs a gateway. `voice.ask` asks the model once."""
        if voice.fence is None:
            return
        for _ in range(self.step.get("calls", 1)):
            voice.ask(self.prompt)
        for name, arguments in self.step.get("tools", []):
            voice.say(voice.fence.call(name, arguments))

    def act(self, voice):
        """Does what the step says, and tells `voice` about it."""
        step = self.step
        self.work_in_fence(voice)
        voice.say(step.get("say", f"I am working on {self.phase}."))
        for name, text in step.get("files", {}).items():
            path = pathlib.Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            voice.edited(name)
        if "run" in step:
            done = subprocess.run(
                ["bash", "-c", step["run"]], capture_output=True, text=True, check=False
            )
            voice.ran(step["run"], done.stdout + done.stderr, done.returncode)
        if "commit" in step:
            subprocess.run(["git", "add", "--all"], check=True)
            subprocess.run(["git", "commit", "--quiet", "--message", step["commit"]], check=True)
        if "wait_for" in step:
            wait_for(step["wait_for"])
        if self.mode == "big-output":
            for _ in range(BIG_LINES):
                voice.say(BIG_LINE)
        if self.mode == "hang":
            hang()
        if self.mode == "crash":
            sys.stdout.write('{"type":"assistant","message":{"content":[{"type":"te')
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.mode == "no-result":
            sys.exit(0)


def emit(value):
    """One line of the stream, at once: the real ones do not buffer either."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def wait_for(name):
    while not pathlib.Path(name).exists():
        time.sleep(0.02)


def hang():
    while True:
        time.sleep(60)


def option(arguments, name, fallback=None):
    """The value of a long option, as `--name value` or `--name=value`."""
    for index, word in enumerate(arguments):
        if word == name and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(name + "="):
            return word.split("=", 1)[1]
    return fallback
