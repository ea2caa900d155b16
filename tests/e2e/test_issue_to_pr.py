"""The story of examples/ai/issue-to-pr: agents that hold no keys turn an issue into a branch, with people
who approve, a budget that is used up half way, and a server that dies in the middle of a reply."""

import contextlib
import decimal
import http.client
import json
import pathlib
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "standins"))

from provider import Provider  # noqa: E402  (see above)
from real_clients import FOLDER, installed  # noqa: E402
from reeve import main, wait_until  # noqa: E402
from replies import says, uses  # noqa: E402
from server import Client, path_of  # noqa: E402
from test_tool_gateway import ToolGatewayTest  # noqa: E402

EXAMPLE = HERE.parents[1] / "examples" / "ai" / "issue-to-pr"
# A project as small as one can be, whose tests fail until `add` adds.
WRONG = "add() { echo $(($1 - $2)); }\n"
RIGHT = "add() { echo $(($1 + $2)); }\n"
TEST = '. ./calc.sh\n[ "$(add 2 3)" = 5 ]\n'
REPAIR = "printf '%s\\n' 'add() { echo $(($1 + $2)); }' > calc.sh && sh test.sh"
ISSUE = "add gives the wrong sum"
BUDGET = 'maxTotalCost: "20"'
VERDICT = json.dumps({"verdict": "good", "why": "It adds."})


class IssueToPrTest(ToolGatewayTest):
    environment_of_server = {"REEVE_TOOLS_PRIVATE_ADDRESSES": "true", "REEVE_MODELS_PRIVATE_ADDRESSES": "true"}
    # Where the agent's command is, before everything else.
    commands = HERE / "standins"

    def environment(self, extra=None):
        env = super().environment(extra)
        env["PATH"] = f"{self.commands}:{env['PATH']}"
        env.update(AGENT_PLAN=str(self.dir / "plan.json"), AGENT_LOG=str(self.dir / "agents.jsonl"),
                   GIT_CONFIG_NOSYSTEM="1", PYTHONDONTWRITEBYTECODE="1", IS_SANDBOX="1")  # fmt: skip
        return env

    def setUp(self):
        self.provider = Provider()
        self.provider.start()
        self.addCleanup(self.provider.stop)
        super().setUp()
        self.repo = self.make_repository()
        with self.write("key", self.provider.key).open("rb") as key:
            self.ok("credential", "set", "anthropic-key", stdin=key)
        for name in ("models", "budget", "tools", "agents", "workflow"):
            self.apply(name)
        self.bob = self.user("bob")

    def make_repository(self):
        work = self.dir / "seed"
        bare = self.dir / "project.git"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", bare)
        self.git("init", "--quiet", "--initial-branch=main", work)
        for name, text in {"calc.sh": WRONG, "test.sh": TEST, "Makefile": "test:\n\t@sh test.sh\n"}.items():
            (work / name).write_text(text, encoding="utf-8")
        self.git("add", "--all", at=work)
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "begin", at=work)
        self.git("push", "--quiet", bare, "main", at=work)
        return bare

    def git(self, *words, at=None):
        done = subprocess.run(["git", *map(str, words)], cwd=at or self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def apply(self, name, **replace):
        """A file of the example, with our provider and prices in it."""
        text = (EXAMPLE / f"{name}.yaml").read_text(encoding="utf-8")
        ours = {"credential: anthropic-key": "credential: anthropic-key\n      allowPrivate: true", "https://api.anthropic.com": self.provider.anthropic, "claude-sonnet-4-5": "standin-large",
                "claude-haiku-4-5": "standin-small", 'input: "1", output: "5"': 'input: "0.25", output: "1.25"', **replace}  # fmt: skip
        for old, new in ours.items():
            text = text.replace(old, new)
        file = self.write(f"{name}.yaml", text)
        self.ok("apply", "-f", file, "--kubeconfig", self.kubeconfig_file())

    # --- what the models say ----------------------------------------------------------------------

    def decide(self, call):
        """Replies by what is asked, so that a question that is asked again gets the same answer."""
        if call.says("Phase: verify"):
            done = call.results()
            return says(VERDICT) if done else uses("files__read_file", path="change.diff")
        if call.says("Phase: plan"):
            return says("Put a plus where the minus is.")
        return self.implement(call)

    def implement(self, call):
        return says("It is done.")

    # --- what people do ---------------------------------------------------------------------------

    def approve_all(self, over):
        """Bob approves whatever waits, until the story is over."""
        while not over.wait(0.1):
            try:
                with contextlib.closing(Client(self.kubeconfig)) as client:
                    client.token = self.bob.token
                    waiting = client.get(path_of("toolcalls", fieldSelector="status.state=PENDING")).json()
                    for call in waiting["items"]:
                        client.post(path_of("toolcalls", call["metadata"]["name"]) + "/approve", {})
            except (OSError, ValueError, KeyError, AttributeError, http.client.HTTPException):
                # The server is away, or the story is over.
                pass

    def state(self, name="issue-7"):
        return self.got(path_of("missions", name))["status"]

    def test_from_an_issue_to_a_branch(self):
        planned = self.gate()
        self.stop_in("Phase: plan", planned)
        over = threading.Event()
        people = threading.Thread(target=self.approve_all, args=(over,))
        self.addCleanup(people.join)
        self.addCleanup(over.set)
        people.start()
        self.ok("submit", "fenced-issue-to-pr", "--name", "issue-7", "-p", f"repo={self.repo}", "-p", "number=7",
                "-p", f"issue={ISSUE}", "--kubeconfig", self.kubeconfig_file())  # fmt: skip

        # The money is used up half way: what was done stays, and a person raises it.
        self.assertTrue(self.caught.wait(120), json.dumps(self.state()))
        self.apply("budget", **{BUDGET: 'maxTotalCost: "0.000001"'})
        planned.set()
        held = wait_until(
            lambda: self.state() if self.state()["state"] in ("HELD", "FAILED", "COMPLETE") else None,
            what="the hold", timeout=120,
        )  # fmt: skip
        self.assertEqual(held["state"], "HELD", json.dumps(held))
        self.assertIn("issue-to-pr", json.dumps(held))
        self.assertEqual([task["state"] for task in held["tasks"]][:2], ["COMPLETE", "ACTIVE"])
        # The server dies in the middle of a reply to the coder, and while the judge waits for one.
        replying = self.gate()
        self.stop_in("Phase: implement", replying)
        self.apply("budget", **{BUDGET: 'maxTotalCost: "500"'})
        self.die_when_caught(replying)
        judging = self.gate()
        self.stop_in("Phase: verify", judging, after=-1)
        self.die_when_caught(judging)
        done = self.await_mission("issue-7", "COMPLETE", "FAILED")
        over.set()
        people.join()
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]) + self.ok("logs", "issue-7").out)
        self.assertEqual(self.git("show", "issue-7:calc.sh", at=self.repo), RIGHT)
        self.check_audit()

    def gate(self):
        made = threading.Event()
        self.addCleanup(made.set)
        return made

    def die_when_caught(self, gate):
        self.assertTrue(self.caught.wait(120), json.dumps(self.state()))
        self.owner.kill()
        gate.set()
        self.serve()

    def stop_in(self, phase, gate, after=2):
        """The next reply in this phase stops after so many events, until the gate is open."""
        self.caught = threading.Event()
        usual = self.decide

        def decide(call):
            reply = usual(call)
            if call.says(phase) and not self.caught.is_set():
                self.caught.set()
                reply.gate, reply.gate_after = gate, after
            return reply

        self.provider.script(decide)

    def check_audit(self):
        """What was metered is what the quota says and what the provider would charge; where the server died
        before it knew, it is what was set aside, and so no less."""
        metered = {True: decimal.Decimal(0), False: decimal.Decimal(0)}
        for call in self.got(path_of("modelcalls"))["items"]:
            usage = call["status"]["usage"]
            metered[call["status"]["outcome"] == "completed"] += decimal.Decimal(usage["cost"])
        usage = self.got(path_of("budgetquotas", "issue-to-pr"))["status"]["currentUsage"]
        self.assertEqual(decimal.Decimal(usage["cost"]), metered[True] + metered[False])
        whole = [call for call in self.provider.asked() if call.finished]
        cut = [call for call in self.provider.asked() if not call.finished]
        self.assertTrue(cut)
        self.assertEqual(metered[True], self.charged(whole))
        self.assertGreaterEqual(metered[False], self.charged(cut))
        self.assertEqual(usage.get("reservedTokens", 0), 0)
        self.assertEqual(self.provider.refused, [])
        calls = self.got(path_of("toolcalls"))["items"]
        asked = [call for call in calls if call["spec"]["server"] == "agent" and call["spec"]["tool"] == "Bash"]
        self.assertTrue(asked)
        self.assertEqual({call["status"]["approval"]["by"] for call in asked}, {"user:bob"})
        self.assert_no_key()
        self.ok("down")
        self.audit()

    def charged(self, calls):
        return sum((self.provider.cost(c.model, c.input, c.output) for c in calls), decimal.Decimal(0))

    def assert_no_key(self):
        """The provider's key is in no file that a run, a log or the journal has."""
        found = subprocess.run(["grep", "-rlF", self.provider.key, str(self.data)], capture_output=True, text=True, check=False)
        self.assertEqual(found.stdout, "")


class StandInTest(IssueToPrTest):
    """The stand-in of Claude Code: it asks the gateway as the real one does."""

    def setUp(self):
        super().setUp()
        approve = ["approve", {"tool_name": "Bash", "input": {"command": REPAIR}, "tool_use_id": "toolu_1"}]
        plan = {"plan": [{"calls": 1}], "implement": [{"calls": 2, "tools": [approve], "files": {"calc.sh": RIGHT}}]}
        self.write("plan.json", json.dumps(plan))


class ClaudeCodeTest(IssueToPrTest):
    """Claude Code itself, which does what the model says."""

    commands = FOLDER / "claude" / "node_modules" / ".bin"

    def setUp(self):
        if not installed("claude"):
            self.skipTest("not installed: claude; scripts/install_clients brings it")
        super().setUp()

    def implement(self, call):
        done = call.results()
        return says("It is done.") if done else uses("Bash", command=REPAIR, description="repairs and tests")


del IssueToPrTest
if __name__ == "__main__":
    main()
