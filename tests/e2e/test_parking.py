"""Runs of the built-in loop whose tool calls wait for people: they stop, give up their place, and go on as others."""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "standins"))

from mcp_server import Tool  # noqa: E402  (see above)
from provider import Provider  # noqa: E402
from reeve import main, wait_until  # noqa: E402
from replies import says, uses  # noqa: E402
from server import mission, path_of, workflow  # noqa: E402
from test_tool_gateway import PARKED, ToolGatewayTest  # noqa: E402
from test_tools import MCP  # noqa: E402

MODEL = {"contextWindow": 200000, "maxOutputTokens": 4096, "prices": {"input": "3", "output": "15"}}
WAITS = -32050


class ParkingTest(ToolGatewayTest):
    environment_of_server = {"REEVE_TOOLS_PRIVATE_ADDRESSES": "true", "REEVE_MODELS_PRIVATE_ADDRESSES": "true"}

    def serve(self, *args, **more):
        return super().serve("--slots", "1", *args, **more)

    def setUp(self):
        self.provider = Provider().start()
        self.addCleanup(self.provider.stop)
        super().setUp()
        with self.write("key", self.provider.key).open("rb") as key:
            self.ok("credential", "set", "real-key", stdin=key)
        provider = {"name": "p", "kind": "anthropic", "baseUrl": self.provider.anthropic,
                    "credential": "real-key", "allowPrivate": True}  # fmt: skip
        model = {"name": "work", "provider": "p", "model": "standin-large", **MODEL}
        self.made(path_of("modelroutes"), {
            "apiVersion": "reeve.dev/v1", "kind": "ModelRoute", "metadata": {"name": "r"},
            "spec": {"providers": [provider], "models": [model]},
        })  # fmt: skip
        self.server = self.standin(Tool("deploy", schema={"to": "string"}))
        self.offer(self.server, tools=[{"name": "deploy", "approval": {"required": True}}])
        self.bob = self.user("bob")
        self.places = ["production"]
        self.provider.script(self.think)

    def think(self, call):
        """Deploys to one place after the other, and says what came of it."""
        told = call.results()
        if len(told) < len(self.places):
            return uses("it__deploy", to=self.places[len(told)])
        return says("; ".join(told))

    def begin(self, name="m", wait="1s", **task):
        """A mission whose only task is an agent."""
        self.made(path_of("agents"), {
            "apiVersion": "reeve.dev/v1", "kind": "Agent", "metadata": {"name": f"agent-{name}"},
            "spec": {"loop": {"decisionWait": wait}, "model": "work", "tools": ["it__*"]},
        })  # fmt: skip
        self.made(path_of("workflows"), {
            "apiVersion": "reeve.dev/v1", "kind": "Workflow", "metadata": {"name": f"w-{name}"},
            "spec": {"tasks": [{"name": "a", "agent": {"name": f"agent-{name}", "prompt": "deploy it"}, **task}]},
        })  # fmt: skip
        self.made(path_of("missions"), mission(name, f"w-{name}"))

    def parked(self, name="m"):
        """The name of the call for which the mission is held."""
        held = self.await_mission(name, "HELD", "FAILED", "COMPLETE")
        self.assertEqual(held["status"]["state"], "HELD", json.dumps(held["status"]))
        waiting = self.records(fieldSelector="status.state=PENDING")
        self.assertEqual(len(waiting), 1, waiting)
        return waiting[0]["metadata"]["name"]

    def decide(self, call, verb="approve", **body):
        answer = self.bob.post(path_of("toolcalls", call) + "/" + verb, body)
        self.assertEqual(answer.status, 201, str(answer))

    def done(self, name="m"):
        """The task of the mission, which is complete."""
        done = self.await_mission(name, "COMPLETE", "FAILED", "ABORTED")
        self.assertEqual(done["status"]["state"], "COMPLETE", json.dumps(done["status"]) + self.ok("logs", name).out)
        return done["status"]["tasks"][0]

    def assert_done(self, task, runs, questions, places):
        """So many runs and questions; each place once. Nothing was asked or paid for twice."""
        self.assertEqual(task["attempts"], runs)
        self.assertEqual(len(self.provider.asked()), questions)
        self.assertEqual(len(self.got(path_of("modelcalls"))["items"]), questions)
        self.assertEqual([call.arguments["to"] for call in self.server.calls], places)
        self.ok("down")
        self.audit()

    def test_a_run_that_waits_gives_up_its_place_and_goes_on_once_it_is_decided(self):
        self.begin(retry={"max": 0})
        call = self.parked()
        said = self.ok("status", "m").out
        self.assertIn("HELD", said)
        self.assertIn(f"reeve toolcalls approve {call}", said)
        self.assertIn("it/deploy", said)
        # The only place is free.
        self.made(path_of("workflows"), workflow("other"))
        self.made(path_of("missions"), mission("other", "other"))
        self.await_mission("other", "COMPLETE")
        self.assertEqual(self.state_of("m"), "HELD")
        self.decide(call)
        task = self.done()
        self.assertEqual(task["outputs"]["result"], '{"to": "production"}')
        self.assertIn("goes on", self.ok("logs", "m").out)
        self.assert_done(task, 2, 2, ["production"])

    def state_of(self, name):
        return self.got(path_of("missions", name))["status"]["state"]

    def test_each_call_is_waited_for_by_itself(self):
        self.places = ["staging", "production"]
        self.begin(wait="0s")
        first = self.parked()
        self.decide(first)
        wait_until(lambda: self.records(fieldSelector="status.state=PENDING"), what="the second call")
        second = self.parked()
        self.assertNotEqual(first, second)
        self.decide(second)
        self.assert_done(self.done(), 3, 3, ["staging", "production"])

    def test_the_model_is_told_of_a_rejection(self):
        self.begin()
        self.decide(self.parked(), "reject", message="not on a Friday")
        task = self.done()
        self.assertIn("not on a Friday", self.provider.asked()[-1].results()[-1])
        self.assertIn("not on a Friday", task["outputs"]["result"])
        self.assert_done(task, 2, 2, [])

    def test_whoever_waits_is_found_again_by_a_server_that_was_killed(self):
        self.begin()
        call = self.parked()
        self.die()
        self.bob = self.client_as(self.bob)
        self.assertEqual(self.parked(), call)
        self.assertEqual(self.got(path_of("missions", "m"))["status"]["tasks"][0]["attempts"], 1)
        self.decide(call)
        self.assert_done(self.done(), 2, 2, ["production"])

    def client_as(self, other):
        """The same user at the server that has come back."""
        made = self.client()
        made.token = other.token
        return made

    def test_a_server_that_is_killed_after_the_decision_carries_it_out_once(self):
        self.begin()
        self.decide(self.parked())
        self.die()
        self.assert_done(self.done(), 2, 2, ["production"])

    def test_an_abort_waits_for_nobody(self):
        self.begin()
        call = self.parked()
        self.ok("abort", "m")
        self.await_mission("m", "ABORTED")
        answer = self.bob.post(path_of("toolcalls", call) + "/approve", {})
        self.assertEqual(answer.status, 409, str(answer))
        self.assertIn("has ended", answer.text)
        self.assertEqual(self.server.calls, [])
        self.ok("down")
        self.audit()

    def test_command_lines_keep_their_place_and_say_what_they_wait_for(self):
        script = self.write("parked.py", MCP + PARKED)
        self.made(path_of("workflows"), workflow("w", f'python3 -u "{script}"'))
        self.made(path_of("missions"), mission("m", "w"))
        wait_until(lambda: "it/deploy" in self.ok("status", "m").out, what="the task to say what it waits for")
        self.assertEqual(self.state_of("m"), "ACTIVE")
        call = self.last()["metadata"]["name"]
        self.assertIn(f"reeve toolcalls approve {call}", self.ok("status", "m").out)
        self.decide(call)
        self.assertNotIn("message", self.done())

    def test_other_clients_may_say_how_long_they_wait(self):
        key = {"reeve__dev/idempotencyKey": "once"}
        params = {"name": "it__deploy", "arguments": {"to": "production"}}
        told = self.mcp("tools/call", params, **key, **{"reeve__dev/decisionWait": "0s"}).json()
        self.assertEqual(told["error"]["code"], WAITS, told)
        self.assertIn(self.last()["metadata"]["name"], told["error"]["message"])
        told = self.mcp("tools/call", params, **key, **{"reeve__dev/decisionWait": "soon"}).json()
        self.assertEqual(told["error"]["code"], -32602, told)
        self.decide(self.last()["metadata"]["name"])
        for _ in range(2):
            self.assertEqual(self.call("it__deploy", {"to": "production"}, **key), ('{"to": "production"}', False))
        self.assertEqual((len(self.server.calls), len(self.records())), (1, 1))


if __name__ == "__main__":
    main()
