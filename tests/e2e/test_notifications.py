"""Somebody outside is told what happens: in order, signed, again after trouble and over restarts."""

import email
import email.header
import signal

from receivers import MailServer, Receiver
from reeve import main, wait_until
from server import ServerTest, path_of

KEY = "the-key-of-the-hook"
GATE = """
    - {name: build, script: 'echo built'}
    - {name: review, needs: [build], gate: {prompt: 'Ship hunter2-secret?', ownerMayApprove: true}}
    """


def sink(name, spec, events=("*",)):
    return {
        "apiVersion": "reeve.dev/v1",
        "kind": "NotificationSink",
        "metadata": {"name": name},
        "spec": {"events": list(events), **spec},
    }


class NotificationsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.credential("key", KEY)

    def credential(self, name, value):
        self.ok("credential", "set", name, "--from-file", self.write(f"value-{name}", value + "\n"))

    def webhook(self, **more):
        return {"webhook": {"url": self.receiver.url + "/hook", "secretCredential": "key", "allowPrivate": True, **more}}

    def make(self, name, spec, events=("*",)):
        self.assertEqual(self.api.post(path_of("notificationsinks"), sink(name, spec, events)).status, 201)
        wait_until(lambda: "cursor" in self.status(name), what="the sink's first status")

    def status(self, name):
        return self.api.get(path_of("notificationsinks", name)).json().get("status", {})

    def await_deliveries(self, count):
        wait_until(lambda: len(self.receiver.deliveries) >= count, what=f"{count} deliveries")

    def run_gate(self, name):
        self.ok("submit", "w", "--name", name)
        self.await_state(name, "HELD")

    def test_an_approval_is_told_signed_and_decided(self):
        self.credential("pass", "hunter2-secret")
        self.make("on-call", self.webhook(), ["approval.*", "mission.completed"])
        self.ok("apply", self.workflow(GATE))
        self.run_gate("m")
        self.await_deliveries(1)
        first = self.receiver.deliveries[0]
        self.assertEqual(first.json()["type"], "approval.opened")
        self.assertTrue(first.signed_with(KEY), first.headers)
        self.assertFalse(first.signed_with("another"))
        data = first.json()["data"]
        self.assertEqual(data["command"], "reeve approve m/review")
        self.assertEqual((data["workflow"], data["mission"], data["task"]), ("w", "m", "review"))
        self.assertNotIn("hunter2-secret", first.body.decode(), "values of credentials are masked")
        self.ok("approve", "m/review")
        self.await_deliveries(3)
        self.assertEqual(self.receiver.events(), ["approval.opened", "approval.decided", "mission.completed"])
        self.assertEqual(len({one.id for one in self.receiver.deliveries}), 3)
        wait_until(lambda: self.status("on-call").get("delivered") == 3, what="the status")
        self.assertEqual(self.status("on-call")["conditions"][0]["status"], "True")
        self.audit()

    def test_a_call_of_a_tool_that_nobody_decides_about_is_told_three_times(self):
        self.make("on-call", self.webhook(), ["toolcall.*"])
        server = {"apiVersion": "reeve.dev/v1", "kind": "ToolServer", "metadata": {"name": "ask"},
                  "spec": {"builtin": "approvals", "tools": [{"name": "*", "approval": {"timeout": "2s"}}]}}  # fmt: skip
        self.assertEqual(self.api.post(path_of("toolservers"), server).status, 201)
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
        params = {"name": "ask__request_approval", "arguments": {"question": "hunter2?"}, "_meta": meta}
        headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": params["name"]}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = self.api.post("/mcp", body, headers=headers)
        self.assertIn("nobody decided in time", answer.text)
        self.await_deliveries(3)
        self.assertEqual(self.receiver.events(), ["toolcall.pending", "toolcall.escalated", "toolcall.expired"])
        first = self.receiver.deliveries[0].json()["data"]
        self.assertRegex(first["command"], "^reeve approve toolcall/tc-")
        for one in self.receiver.deliveries:
            self.assertTrue(one.signed_with(KEY))
            self.assertNotIn("hunter2", one.body.decode(), "arguments are not told")

    def test_only_what_is_wanted_is_told(self):
        self.make("failures", self.webhook(), ["mission.failed"])
        spec = sink("of-w", {**self.webhook(), "workflows": ["w"], "title": "{{.mission}} of {{.workflow}}"}, ["mission.*"])
        self.assertEqual(self.api.post(path_of("notificationsinks"), spec).status, 201)
        wait_until(lambda: "cursor" in self.status("of-w"), what="the second sink")
        self.ok("apply", self.workflow("- {name: a, script: 'true'}", name="w"))
        self.ok("apply", self.workflow("- {name: a, script: 'false'}", name="other"))
        self.ok("submit", "w", "--name", "good")
        self.ok("submit", "other", "--name", "bad")
        self.await_state("good", "COMPLETE")
        self.await_state("bad", "FAILED")
        self.await_deliveries(2)
        told = {(one.json()["type"], one.json()["data"]["mission"]) for one in self.receiver.deliveries}
        self.assertEqual(told, {("mission.completed", "good"), ("mission.failed", "bad")})
        titles = [one.json()["data"]["title"] for one in self.receiver.deliveries]
        self.assertIn("good of w", titles)

    def test_trouble_is_tried_again_with_the_same_id(self):
        self.receiver.answers = [500, 429]
        self.make("on-call", self.webhook(), ["mission.completed"])
        self.ok("apply", self.workflow("- {name: a, script: 'true'}"))
        self.ok("submit", "w", "--name", "m")
        self.await_deliveries(3)
        self.assertEqual(len({one.id for one in self.receiver.deliveries}), 1)
        wait_until(lambda: self.status("on-call").get("delivered") == 1, what="the status")
        self.assertEqual(self.status("on-call")["dead"], 0)

    def test_what_is_refused_becomes_an_incident_that_ends_by_itself(self):
        self.receiver.answers = [400]
        self.make("on-call", self.webhook(), ["mission.completed"])
        self.ok("apply", self.workflow("- {name: a, script: 'true'}"))
        self.ok("submit", "w", "--name", "m1")
        wait_until(lambda: self.status("on-call").get("dead") == 1, what="the dead letter")
        self.assertEqual(self.status("on-call")["conditions"][0]["status"], "False")
        self.assertIn("400", self.status("on-call")["conditions"][0]["message"])
        listed = self.ok("incidents").out
        self.assertIn("NotificationsFailing", listed)
        self.assertIn("on-call", listed)
        name = listed.splitlines()[1].split()[0]
        self.ok("incidents", "acknowledge", name, "-m", "looking")
        incident = self.api.get(path_of("incidents", name)).json()
        self.assertEqual(incident["status"]["state"], "acknowledged")
        self.assertEqual(self.api.post(path_of("incidents"), incident).status, 405)
        self.ok("submit", "w", "--name", "m2")
        wait_until(
            lambda: self.api.get(path_of("incidents", name)).json()["status"]["state"] == "closed",
            what="the end of the incident",
        )
        self.assertIn("nothing is wrong", self.ok("incidents").out)
        metrics = self.api.get("/metrics").text
        self.assertIn('reeve_notifications_total{outcome="dead"} 1', metrics)

    def test_nothing_is_lost_over_a_restart_and_nothing_old_is_told(self):
        self.ok("apply", self.workflow("- {name: a, script: 'true'}"))
        self.ok("submit", "w", "--name", "before")
        self.await_state("before", "COMPLETE")
        self.make("on-call", self.webhook(), ["mission.completed"])
        self.ok("submit", "w", "--name", "m1")
        self.await_deliveries(1)
        self.receiver.answers = [503] * 100
        self.ok("submit", "w", "--name", "m2")
        self.await_deliveries(2)
        self.owner.kill()
        self.owner.wait()
        self.receiver.answers = []
        self.receiver.deliveries.clear()
        self.serve()
        self.await_deliveries(1)
        self.ok("submit", "w", "--name", "m3")
        wait_until(
            lambda: "m3" in [one.json()["data"]["mission"] for one in self.receiver.deliveries], what="m3"
        )
        told = [one.json()["data"]["mission"] for one in self.receiver.deliveries]
        # Killed before it was written that m1 was taken, it may come again, with its id.
        self.assertEqual([name for name in told if name != "m1"], ["m2", "m3"])
        self.assertNotIn("before", told)
        wait_until(lambda: self.status("on-call").get("cursor", 0) > 0, what="the cursor")
        self.owner.signal(signal.SIGTERM)
        self.assertEqual(self.owner.wait().code, 0)
        self.receiver.deliveries.clear()
        self.serve()
        self.ok("submit", "w", "--name", "m4")
        self.await_deliveries(1)
        self.assertEqual(self.receiver.deliveries[0].json()["data"]["mission"], "m4", "after an ordinary end nothing twice")

    def test_private_addresses_only_if_allowed(self):
        self.make("careless", self.webhook(allowPrivate=False), ["mission.completed"])
        self.ok("apply", self.workflow("- {name: a, script: 'true'}"))
        self.ok("submit", "w", "--name", "m")
        wait_until(
            lambda: self.status("careless")["conditions"][0]["status"] == "False", what="the refusal"
        )
        self.assertEqual(self.receiver.deliveries, [])
        self.assertIn("127.0.0.1", self.status("careless")["conditions"][0]["message"])

    def test_slack_gets_text_and_nobody_sees_its_address(self):
        self.credential("slack", self.receiver.url + "/services/T0/B0/secretpart")
        self.make("chat", {"slack": {"urlCredential": "slack", "allowPrivate": True}}, ["approval.opened"])
        self.ok("apply", self.workflow(GATE))
        self.run_gate("m")
        self.await_deliveries(1)
        self.assertEqual(self.receiver.deliveries[0].path, "/services/T0/B0/secretpart")
        self.assertIn("*m/review waits for approval*", self.receiver.deliveries[0].json()["text"])
        self.receiver.close()
        self.run_gate("m2")
        wait_until(lambda: self.status("chat")["conditions"][0]["status"] == "False", what="the trouble")
        self.assertNotIn("secretpart", self.api.get(path_of("notificationsinks", "chat")).text)
        self.assertNotIn("secretpart", self.owner.err())

    def test_mail_is_sent_by_smtp(self):
        server = MailServer()
        self.addCleanup(server.close)
        mailbox = {
            "host": "127.0.0.1", "port": server.port, "security": "none", "allowPrivate": True,
            "from": "reeve@example.com", "to": ["ann@example.com", "bob@example.com"],
        }  # fmt: skip
        self.make("mail", {"email": mailbox}, ["approval.opened"])
        self.ok("apply", self.workflow(GATE.replace("hunter2-secret", "ünïcode")))
        self.run_gate("m")
        wait_until(lambda: server.mails, what="the mail")
        mail = email.message_from_string(server.mails[0]["data"])
        self.assertEqual(len(server.mails[0]["to"]), 2)
        self.assertEqual(mail["Subject"], "m/review waits for approval")
        text = mail.get_payload(decode=True).decode()
        self.assertIn("Ship ünïcode?", text)
        self.assertIn("reeve approve m/review", text)
        server.refuse = "550 no such user"
        self.run_gate("m2")
        wait_until(lambda: self.status("mail").get("dead") == 1, what="the refusal")
        self.assertIn("550", self.status("mail")["conditions"][0]["message"])

    def test_mail_is_never_sent_with_less_protection(self):
        server = MailServer()
        self.addCleanup(server.close)
        mailbox = {
            "host": "127.0.0.1", "port": server.port, "allowPrivate": True,
            "from": "reeve@example.com", "to": ["ann@example.com"],
        }  # fmt: skip
        self.make("mail", {"email": mailbox}, ["mission.completed"])
        self.ok("apply", self.workflow("- {name: a, script: 'true'}"))
        self.ok("submit", "w", "--name", "m")
        wait_until(lambda: self.status("mail")["conditions"][0]["status"] == "False", what="the refusal")
        self.assertEqual(server.mails, [])

    def test_a_sink_that_cannot_work_says_why(self):
        both = {**self.webhook(), "slack": {"urlCredential": "key"}}
        self.assertEqual(self.api.post(path_of("notificationsinks"), sink("odd", both)).status, 201)
        wait_until(lambda: self.status("odd").get("conditions"), what="its condition")
        self.assertIn("exactly one", self.status("odd")["conditions"][0]["message"])
        wrong = sink("wrong", self.webhook(), ["mission.exploded"])
        self.assertEqual(self.api.post(path_of("notificationsinks"), wrong).status, 422)

    def test_a_credential_for_some_workflows_is_not_for_sinks(self):
        self.ok("credential", "set", "own", "--workflow", "w", "--from-file", self.write("v", "secret-value\n"))
        self.make("on-call", self.webhook(secretCredential="own"), ["mission.completed"])
        self.ok("apply", self.workflow("- {name: a, script: 'true'}"))
        self.ok("submit", "w", "--name", "m")
        wait_until(lambda: self.status("on-call")["conditions"][0]["status"] == "False", what="the refusal")
        self.assertIn("some workflows only", self.status("on-call")["conditions"][0]["message"])
        self.assertEqual(self.receiver.deliveries, [])


if __name__ == "__main__":
    main()
