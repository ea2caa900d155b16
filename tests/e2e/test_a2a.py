"""Other systems send missions and follow them: Agent2Agent v1.0, by hand and with its own SDK."""

import json
import os
import pathlib
import shutil
import uuid

from real_clients import installed, node
from reeve import PATIENCE_SECONDS, main, wait_until
from server import ServerTest, Stream, path_of

PROGRAM = pathlib.Path(__file__).resolve().parent / "clients" / "a2a_client.mjs"
VERSION = {"A2A-Version": "1.0"}


def message(text, **more):
    return {"message": {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [{"text": text}], **more}}


class AgentTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.publish("echo")

    def publish(self, name, published="true", namespace="default"):
        body = {
            "apiVersion": "reeve.dev/v1",
            "kind": "Workflow",
            "metadata": {"name": name, "labels": {"a2a.reeve.dev/published": published}},
            "spec": {
                "description": "Says it again.",
                "params": {"message": {"default": ""}, "loud": {"default": "no"}},
                "tasks": [{
                    "name": "say",
                    "script": "while [ '{{.message}}' = wait ] && [ ! -e \"$T/go\" ]; do sleep 0.02; done\n"
                              "echo '::set-output name=said::{{.message}}'",
                }],
            },
        }  # fmt: skip
        self.made(path_of("workflows", namespace=namespace), body)


class A2aTest(AgentTest):
    def rpc(self, method, params, agent="default/echo", client=None, headers=VERSION):
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        answer = (client or self.api).post(f"/a2a/{agent}" if agent else "/a2a", body, headers=headers)
        return answer.json()

    def result(self, method, params, **more):
        answer = self.rpc(method, params, **more)
        self.assertIn("result", answer, answer)
        return answer["result"]

    def refused(self, code, method, params, **more):
        answer = self.rpc(method, params, **more)
        self.assertIn("error", answer, answer)
        self.assertEqual(answer["error"]["code"], code, answer)
        return answer["error"]

    def sse(self, path, body):
        client = self.client()
        connection = client._connect()
        self.addCleanup(connection.close)
        headers = {**VERSION, "Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
        return Stream(connection, connection.getresponse())

    def test_cards_say_what_there_is_to_whom_may_use_it(self):
        self.publish("hidden", published="false")
        card = self.got("/.well-known/agent-card.json")
        self.assertEqual([skill["id"] for skill in card["skills"]], ["default/echo"])
        own = self.got("/a2a/default/echo/.well-known/agent-card.json")
        self.assertEqual(own["name"], "echo")
        self.assertIn("Says it again.", own["description"])
        self.assertEqual(
            [(one["protocolBinding"], one["protocolVersion"]) for one in own["supportedInterfaces"]],
            [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0")],
        )
        self.assertTrue(own["supportedInterfaces"][0]["url"].endswith("/a2a/default/echo"))
        self.assertEqual(self.api.get("/a2a/default/hidden/.well-known/agent-card.json").status, 404)
        stranger = self.stranger()
        self.assertEqual(stranger.get("/a2a/default/echo/.well-known/agent-card.json").status, 404)
        self.assertEqual(stranger.get("/.well-known/agent-card.json").json()["skills"], [])
        nobody = self.client()
        nobody.token = "wrong"
        self.assertEqual(nobody.get("/.well-known/agent-card.json").status, 401)

    def stranger(self, role=None):
        name = role or "nobody"
        client = self.client()
        client.token = self.ok("token", "create", f"{name}-token", "--user", name).out.strip()
        if role:
            self.bind(name, role)
        return client

    def test_a_message_is_a_mission_and_its_outputs_are_artifacts(self):
        sent = message("hello", contextId="talk")
        task = self.result("SendMessage", sent)["task"]
        self.assertEqual(task["status"]["state"], "TASK_STATE_COMPLETED")
        self.assertEqual(task["contextId"], "talk")
        self.assertEqual(task["artifacts"][0]["parts"][0]["text"].strip(), "hello")
        self.assertEqual(self.result("SendMessage", sent)["task"]["id"], task["id"], "the same message again")
        missions = self.got(path_of("missions"))["items"]
        self.assertEqual([item["metadata"]["name"] for item in missions], [task["id"]])
        self.assertEqual(self.result("GetTask", {"id": task["id"]})["status"], task["status"])
        changed = json.loads(json.dumps(sent))
        changed["message"]["parts"] = [{"text": "something else"}]
        self.refused(-32602, "SendMessage", changed)
        data = message("x")
        data["message"]["parts"] = [{"data": {"message": "from data", "loud": "yes"}}]
        self.assertEqual(self.result("SendMessage", data)["task"]["artifacts"][0]["parts"][0]["text"].strip(), "from data")
        self.audit()

    def test_it_is_followed_until_it_is_over(self):
        with self.sse("/a2a/default/echo", {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": message("hi")}) as stream:
            self.assertEqual(stream.headers["Content-Type"], "text/event-stream")
            events = []
            while (event := stream.sse()) is not None:
                events.append(json.loads(event["data"]))
        self.assertTrue(all(event["id"] == 1 and event["jsonrpc"] == "2.0" for event in events))
        kinds = [next(iter(event["result"])) for event in events]
        self.assertEqual(kinds[0], "task")
        self.assertIn("artifactUpdate", kinds)
        self.assertEqual(events[-1]["result"]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED")
        task = events[0]["result"]["task"]["id"]
        error = self.refused(-32004, "SubscribeToTask", {"id": task})
        self.assertEqual(error["data"][0]["reason"], "UNSUPPORTED_OPERATION")

    def test_it_is_canceled_once(self):
        sent = {**message("wait"), "configuration": {"returnImmediately": True}}
        task = self.result("SendMessage", sent)["task"]
        self.assertIn(task["status"]["state"], ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"))
        with self.sse("/a2a/default/echo/v1/tasks/" + task["id"] + ":subscribe", {}) as stream:
            self.assertIn("task", json.loads(stream.sse()["data"]))
            canceled = self.result("CancelTask", {"id": task["id"]})
            self.assertEqual(canceled["status"]["state"], "TASK_STATE_CANCELED")
            last = None
            while (event := stream.sse()) is not None:
                last = json.loads(event["data"])
        self.assertEqual(last["statusUpdate"]["status"]["state"], "TASK_STATE_CANCELED")
        self.refused(-32002, "CancelTask", {"id": task["id"]})

    def test_one_sender_has_a_share_of_the_places_and_makes_nothing_beyond_it(self):
        sent = {**message("wait"), "configuration": {"returnImmediately": True}}
        task = self.result("SendMessage", sent)["task"]["id"]
        self.addCleanup(self.touch, "go")
        subscribe = {"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": task}}
        streams = [self.sse("/a2a/default/echo", subscribe) for _ in range(100)]
        for stream in streams:
            self.assertIn("task", json.loads(stream.sse()["data"])["result"])
        for method in ("SendMessage", "SendStreamingMessage"):
            error = self.refused(-32603, method, message("one more"))
            self.assertIn("returnImmediately", error["message"])
        self.refused(-32603, "SubscribeToTask", {"id": task})
        self.assertEqual(len(self.got(path_of("missions"))["items"]), 1, "what is refused is not done")
        bob = self.stranger("edit")
        self.assertEqual(self.result("SendMessage", message("hi"), client=bob)["task"]["status"]["state"], "TASK_STATE_COMPLETED")
        self.touch("go")
        for stream in streams:
            while stream.sse() is not None:
                pass
        self.assertEqual(self.result("SendMessage", message("again"))["task"]["status"]["state"], "TASK_STATE_COMPLETED")

    def test_tasks_are_their_senders_alone(self):
        task = self.result("SendMessage", message("mine"))["task"]["id"]
        bob = self.stranger("edit")
        self.refused(-32001, "GetTask", {"id": task}, client=bob)
        self.refused(-32001, "CancelTask", {"id": task}, client=bob)
        self.refused(-32001, "SubscribeToTask", {"id": task}, client=bob)
        self.assertEqual(self.result("ListTasks", {}, client=bob)["tasks"], [])
        self.assertEqual([one["id"] for one in self.result("ListTasks", {})["tasks"]], [task])
        # A mission that was not sent as a message is no task, whoever owns it.
        self.ok("submit", "echo", "--name", "plain")
        self.refused(-32001, "GetTask", {"id": "plain"})
        nobody = self.stranger()
        self.refused(-32001, "SendMessage", message("x"), client=nobody)

    def test_tasks_are_listed_by_pages(self):
        ids = {self.result("SendMessage", message(f"n{i}", contextId=f"c{i % 2}"))["task"]["id"] for i in range(5)}
        found, token = [], ""
        while True:
            page = self.result("ListTasks", {"pageSize": 2, "pageToken": token})
            self.assertEqual(page["totalSize"], 5)
            found += [task["id"] for task in page["tasks"]]
            token = page["nextPageToken"]
            if not token:
                break
        self.assertEqual(len(found), 5)
        self.assertEqual(set(found), ids)
        self.assertEqual(len(self.result("ListTasks", {"contextId": "c1"})["tasks"]), 2)
        self.assertEqual(self.result("ListTasks", {"status": "TASK_STATE_FAILED"})["tasks"], [])
        self.refused(-32602, "ListTasks", {"pageSize": 1000})

    def test_http_and_json(self):
        root = "/a2a/default/echo/v1"
        sent = self.api.post(root + "/message:send", message("over http"), headers=VERSION)
        self.assertEqual(sent.status, 200, str(sent))
        task = sent.json()["task"]
        self.assertEqual(task["artifacts"][0]["parts"][0]["text"].strip(), "over http")
        got = self.api.get(f"{root}/tasks/{task['id']}", headers=VERSION)
        self.assertEqual(got.json()["id"], task["id"])
        listed = self.api.get(f"{root}/tasks?pageSize=1", headers=VERSION).json()
        self.assertEqual(len(listed["tasks"]), 1)
        missing = self.api.get(f"{root}/tasks/nothing", headers=VERSION)
        self.assertEqual(missing.status, 404)
        self.assertEqual(missing.json()["error"]["details"][0]["reason"], "TASK_NOT_FOUND")
        over = self.api.post(f"{root}/tasks/{task['id']}:cancel", {}, headers=VERSION)
        self.assertEqual(over.status, 409)
        with self.sse(root + "/message:stream", message("streamed")) as stream:
            first = json.loads(stream.sse()["data"])
        self.assertIn("task", first)

    def test_other_versions_and_wrong_requests_get_a_clear_answer(self):
        for headers in ({}, {"A2A-Version": "0.3"}, {"A2A-Version": "2.0"}):
            error = self.refused(-32009, "message/send", message("x"), headers=headers)
            self.assertIn("A2A-Version: 1.0", error["message"])
        self.refused(-32601, "message/send", message("x"))
        self.refused(-32602, "SendMessage", {})
        self.refused(-32602, "SendMessage", message("x", parts=[{"raw": "aGk="}]))
        undeclared = message("x", parts=[{"data": {"nothing": 1}}])
        self.assertIn("nothing", self.refused(-32602, "SendMessage", undeclared)["message"])
        push = {**message("x"), "configuration": {"taskPushNotificationConfig": {"url": "http://h/"}}}
        self.refused(-32003, "SendMessage", push)
        self.refused(-32004, "SendMessage", message("x", taskId=self.result("SendMessage", message("y"))["task"]["id"]))
        broken = self.api.post("/a2a/default/echo", "{", headers=VERSION)
        self.assertEqual(broken.json()["error"]["code"], -32700)
        self.assertEqual(self.api.get("/a2a/a/b/c/d", headers=VERSION).status, 404)

    def test_the_installation_is_an_agent_too(self):
        task = self.result("SendMessage", message("only one"), agent="")["task"]
        self.assertEqual(self.result("GetTask", {"id": task["id"]}, agent="")["id"], task["id"])
        self.publish("other")
        self.refused(-32001, "SendMessage", message("which?"), agent="")
        chosen = self.result("SendMessage", message("this", metadata={"skill": "default/other"}), agent="")["task"]
        self.assertEqual(chosen["metadata"]["workflow"], "other")

    def test_a_task_goes_on_over_a_restart(self):
        sent = {**message("wait"), "configuration": {"returnImmediately": True}}
        task = self.result("SendMessage", sent)["task"]["id"]
        self.owner.kill()
        self.owner.wait()
        self.serve()
        self.assertEqual(self.result("SendMessage", sent)["task"]["id"], task, "sent again after a crash")
        self.touch("go")
        wait_until(
            lambda: self.result("GetTask", {"id": task})["status"]["state"] == "TASK_STATE_COMPLETED",
            what="the end of the task",
        )
        self.assertEqual(len(self.got(path_of("missions"))["items"]), 1)


class SdkTest(AgentTest):
    def setUp(self):
        if node() is None or not installed("a2a"):
            self.skipTest("not installed: node, a2a; scripts/install_clients brings them")
        super().setUp()

    def works(self, binding):
        (self.dir / "node_modules").symlink_to(os.path.join(installed("a2a"), "node_modules"))
        program = self.dir / PROGRAM.name
        shutil.copyfile(PROGRAM, program)
        authority = self.write("ca.pem", self.kubeconfig.authority)
        card = f"{self.kubeconfig.server}/a2a/default/echo/.well-known/agent-card.json"
        client = self.start(
            program, card, self.kubeconfig.token, binding, program=node(),
            env={"NODE_EXTRA_CA_CERTS": str(authority), "NO_COLOR": "1"},
        )  # fmt: skip
        result = client.wait(timeout=PATIENCE_SECONDS)
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(
            result.out.splitlines(),
            ["card echo", "sent completed talk-1 hello", "again true", "stream task true completed", "got completed",
             "listed 1 true", "canceled canceled", "twice TaskNotCancelableError", "missing TaskNotFoundError"],
        )  # fmt: skip

    def test_the_sdk_by_json_rpc(self):
        self.works("rpc")

    def test_the_sdk_by_http_and_json(self):
        self.works("rest")


if __name__ == "__main__":
    main()
