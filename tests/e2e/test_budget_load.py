"""Many runs at the same time on one small budget, and a server that is killed while they ask.

60 runs usually; a thousand with `REEVE_LOAD=full`.
"""

import contextlib
import os
import random
import signal
import socket
import time

from money import ASKS, CHAT, MoneyFixture, says
from reeve import main, wait_until
from server import full_size, mission, path_of, workflow

RUNS = full_size(60, 1000)
KILLS = full_size(3, 6)
SEED = int(os.environ.get("REEVE_SEED", str(int(time.time()))))
PATIENCE_SECONDS = 600.0
# Each of them asks again and again until it is refused; while the server is away it waits.
BODY = """
import pathlib, time
pathlib.Path(os.environ["T"], "there", os.environ["REEVE_RUN"]).touch()
while not pathlib.Path(os.environ["T"], "go").exists():
    time.sleep(0.1)
refused = False
while not refused:
    try:
        refused = model("hello") in (402, 429)
    except OSError:
        time.sleep(0.1)
"""


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ManyRunsTest(MoneyFixture):
    arguments = (*MoneyFixture.arguments, "--slots", str(RUNS))

    def setUp(self):
        self.listen = f"127.0.0.1:{free_port()}"
        super().setUp()

    def test_many_runs_and_kill_9_never_get_more_than_there_is(self):
        # Room for a promise to each of them, which is the worst case of a call.
        budget = 200 * RUNS
        self.ok("quota", "set", "team", "--tokens", str(budget))
        self.provider.script(lambda call: says("word " * 5))
        (self.dir / "there").mkdir()
        self.submit()
        wait_until(lambda: len(os.listdir(self.dir / "there")) == RUNS, PATIENCE_SECONDS, "all runs")
        self.touch("go")
        # At moments that the seed names, between the first answer and the end of the budget.
        dice = random.Random(SEED)
        for calls in sorted(dice.sample(range(1, RUNS), KILLS)):
            self.provider.await_calls(calls, CHAT)
            self.owner.signal(signal.SIGKILL)
            self.owner.wait()
            self.serve()
        wait_until(lambda: not self.unended(), PATIENCE_SECONDS, "the end of all missions")
        used = self.got(path_of("budgetquotas", "team"))["status"]["currentUsage"]
        told = f"seed {SEED}: {self.provider.billed_tokens} billed, {used}, {budget}"
        self.assertLessEqual(self.provider.billed_tokens, budget, told)
        self.assertLessEqual(self.provider.billed_tokens, used["tokens"], told)
        self.assertLessEqual(used["tokens"], budget, told)
        self.assertEqual(used["reservedTokens"], 0, told)
        self.ok("audit", "verify")
        print(f"{RUNS} runs, {KILLS} kills: {told}")

    def submit(self):
        script = self.write("asks.py", ASKS + BODY)
        self.made(path_of("workflows"), workflow("w", f'python3 -u "{script}"'))
        items = [mission(f"m{number}", "w") for number in range(RUNS)]
        for first in range(0, RUNS, 250):
            chunk = [{"metadata": each["metadata"], "spec": each["spec"]}
                     for each in items[first:first + 250]]
            answer = self.api.post(path_of("missions:bulk"), {"items": chunk})
            self.assertEqual(answer.json()["refused"], 0, str(answer)[:2000])

    def unended(self):
        ended = {"COMPLETE", "FAILED", "ABORTED"}
        items = self.got(path_of("missions"))["items"]
        return [each for each in items if each["status"]["state"] not in ended]


if __name__ == "__main__":
    main()
