"""Clients of Formicary and Houston find what they know."""

from reeve import main, wait_until
from web import WebTest

JOB = """
job_type: taco
description: makes tacos
max_concurrency: 2
tasks:
- task_type: cook
  method: SHELL
  script:
  - echo "$Filling" >> "$T/out"
  on_completed: serve
- task_type: serve
  method: SHELL
  script:
  - echo served >> "$T/out"
"""

GATE = """
- {name: plan, script: 'true'}
- {name: review, needs: [plan], gate: {prompt: 'Go on?', ownerMayApprove: true}}
- {name: act, needs: [review], script: 'echo acted >> "$T/out"'}
"""


class FormicaryTest(WebTest):
    def deploy(self, text=JOB, status=201):
        headers = {"Content-Type": "application/yaml"}
        return self.post("/api/jobs/definitions", text, status, headers=headers).json()

    def request(self, name):
        return self.get(f"/api/jobs/requests/{name}").json()

    def await_job(self, name, state):
        wait_until(lambda: self.request(name)["job_state"] == state, what=f"{name} to be {state}")
        return self.request(name)

    def test_definitions_are_deployed_shown_switched_and_deleted(self):
        self.serve()
        made = self.deploy()
        self.assertEqual((made["job_type"], made["disabled"]), ("taco", False))
        self.deploy(JOB.replace("tacos", "burritos"), 200)
        self.assertIn("burritos", self.get("/api/jobs/definitions/taco/yaml").text)
        self.assertIn("burritos", self.get("/api/jobs/definitions/taco").json()["raw_yaml"])
        self.assertIn("cook", self.get("/api/jobs/definitions/taco/mermaid").text)
        page = self.get("/api/jobs/definitions?pageSize=1").json()
        self.assertEqual((page["TotalRecords"], page["Records"][0]["id"]), (1, "taco"))
        self.assertEqual(self.post("/api/jobs/definitions/taco/disable").text, "")
        self.assertTrue(self.get("/api/jobs/definitions/taco").json()["disabled"])
        self.post("/api/jobs/definitions/taco/enable")
        self.assertIn("message", self.post("/api/jobs/definitions", "job_type: [", 400).json())
        self.assertEqual(self.http("DELETE", "/api/jobs/definitions/taco").status, 200)
        self.assertIn("message", self.get("/api/jobs/definitions/taco", 404).json())

    def test_requests_run_and_are_found_and_restarted(self):
        self.serve()
        self.deploy()
        body = {"job_type": "taco", "params": {"Filling": "beans"}, "description": "lunch"}
        made = self.post("/api/jobs/requests", body, 201).json()
        done = self.await_job(made["id"], "COMPLETED")
        self.assertEqual([t["task_type"] for t in done["execution"]["tasks"]], ["cook", "serve"])
        self.assertEqual(self.lines("out"), ["beans", "served"])
        # As Formicary's own documentation submits: YAML.
        self.deploy(JOB.replace('echo "$Filling"', "exit 3; echo"), 200)
        failed = self.post("/api/jobs/requests", "job_type: taco\n", 201).json()
        self.await_job(failed["id"], "FAILED")
        ids = lambda query: [r["id"] for r in self.get(f"/api/jobs/requests?{query}").json()["Records"]]
        self.assertEqual(ids("job_state=FAILED"), [failed["id"]])
        self.assertEqual(sorted(ids("job_state=HISTORY")), sorted([made["id"], failed["id"]]))
        self.assertEqual(ids("job_type=other"), [])
        self.assertEqual(len(ids("page=1&pageSize=1")), 1)
        self.get("/api/jobs/requests?colour=red", 400)
        again = self.post(f"/api/jobs/requests/{failed['id']}/restart").json()
        self.assertNotEqual(again["id"], failed["id"])
        self.await_job(again["id"], "FAILED")
        self.post("/api/jobs/requests", {"job_type": "taco", "platform": "arm"}, 400)
        self.post("/api/jobs/requests", {"job_type": "none"}, 422)

    def test_people_vote_and_cancel(self):
        self.serve()
        self.ok("apply", self.workflow(GATE, name="gated"))
        name = self.post("/api/jobs/requests", {"job_type": "gated"}, 201).json()["id"]
        self.await_job(name, "MANUAL_APPROVAL_REQUIRED")
        pending = self.get("/api/approvals/pending").json()["Records"]
        self.assertEqual([(p["job_request_id"], p["task_type"]) for p in pending], [(name, "review")])
        at = f"/api/jobs/requests/{name}/tasks/review"
        self.post(f"{at}/vote", {"decision": "REJECTED"}, 400)
        self.assertEqual(self.get(f"{at}/approval").json()["approvals_received"], 0)
        voted = self.post(f"{at}/vote", {"decision": "APPROVED", "comments": "fine"}).json()
        self.assertTrue(voted["quorum_reached"])
        self.await_job(name, "COMPLETED")
        self.post(f"{at}/vote", {"decision": "APPROVED"}, 409)
        other = self.post("/api/jobs/requests", {"job_type": "gated"}, 201).json()["id"]
        self.await_job(other, "MANUAL_APPROVAL_REQUIRED")
        self.assertEqual(self.post(f"/api/jobs/requests/{other}/cancel").text, "")
        self.await_job(other, "CANCELLED")

    def test_secret_configs_are_credentials(self):
        self.serve()
        self.deploy()
        at = "/api/orgs/default/configs"
        config = {"name": "Token", "value": "very-s3cret", "secret": True}
        self.post(at, config, 201)
        self.post(at, {**config, "value": "changed-s3cret"}, 200)
        self.post("/api/jobs/definitions/taco/configs", {**config, "name": "Mine"}, 201)
        answer = self.get(at)
        self.assertEqual([c["name"] for c in answer.json()["Records"]], ["Token"])
        self.assertNotIn("s3cret", answer.text)
        of_job = self.get("/api/jobs/definitions/taco/configs").json()
        self.assertEqual([c["name"] for c in of_job["Records"]], ["Mine"])
        self.post(at, {"name": "Plain", "value": "v"}, 400)
        self.assertEqual(self.http("DELETE", f"{at}/Token").status, 200)
        self.assertEqual(self.get(at).json()["TotalRecords"], 0)

    def test_nobody_gets_in_without_permission(self):
        self.serve()
        for path in ["/api/jobs/definitions", "/api/jobs/requests", "/api/approvals/pending",
                     "/api/jobs/requests/m", "/api/orgs/o/configs", "/missions/m/events"]:
            self.get(path, 401, token=False)
        self.post("/api/jobs/requests", {"job_type": "x"}, 401, token=False)
        self.post("/api/jobs/definitions", JOB, 401, token=False)
        self.post("/gates/m/approve", {}, 401, token=False)
        self.get("/api/jobs/nothing", 404)
        self.assertEqual(self.get("/api/health").json(), {"status": "UP"})
        self.assertIn("# TYPE", self.get("/api/metrics").text)


class HoustonTest(WebTest):
    def hold(self, name, tasks=GATE):
        self.ok("apply", self.workflow(tasks, name="gated"))
        spec = {"workflow": {"name": "gated"}}
        mission = {"apiVersion": "reeve.dev/v1", "kind": "Mission", "metadata": {"name": name}, "spec": spec}
        self.post("/apis/reeve.dev/v1/namespaces/default/missions", mission, 201)
        self.await_state(name, "HELD")

    def test_gates_are_told_also_to_those_who_come_late(self):
        self.serve()
        self.hold("m")
        decided = self.post("/gates/m/approve", {"user": "x", "feedback": "good"}).json()
        self.assertEqual(decided["status"], "approved")
        told = self.server_events("/gates/m/stream", lambda seen: len(seen) == 2)
        self.assertEqual([name for name, _, _ in told], ["gate_created", "gate_approved"])
        self.assertEqual(told[1][2]["gate_id"], "m.review")
        late = self.server_events(
            "/gates/m/stream", lambda seen: len(seen) == 1, {"Last-Event-ID": told[0][1]}
        )
        self.assertEqual(late[0], told[1])
        self.await_state("m", "COMPLETE")
        self.post("/gates/m.review/reject", {"reason": "no"}, 409)

    def test_nobody_approves_what_is_their_own(self):
        self.serve()
        self.hold("m", GATE.replace(", ownerMayApprove: true", ""))
        self.assertIn("self_approval", self.post("/gates/m/approve", {}, 403).json()["message"])
        vote = {"decision": "APPROVED"}
        self.post("/api/jobs/requests/m/tasks/review/vote", vote, 403)

    def test_a_rejected_gate_is_told(self):
        self.serve()
        self.hold("m")
        self.post("/gates/m.review/reject", {"reason": "no"})
        told = self.server_events("/gates/m/stream", lambda seen: len(seen) == 2)
        self.assertEqual(told[1][0], "gate_rejected")

    def test_a_mission_tells_its_states_in_order(self):
        self.serve()
        self.hold("m")
        self.post("/gates/m/approve")
        done = lambda seen: seen and seen[-1][2]["state"] == "complete"
        events = self.server_events("/missions/m/events", done)
        numbers = [int(number) for _, number, _ in events]
        self.assertEqual(numbers, sorted(set(numbers)))
        states = []
        for _, _, data in events:
            self.assertEqual(data["mission_id"], "m")
            if not states or states[-1] != data["state"]:
                states.append(data["state"])
        self.assertEqual(states[0], "prep")
        self.assertIn("held", states)
        self.get("/missions/none/events", 404)


class FractalTest(WebTest):
    AT = "/apis/fractal.ai/v1alpha1"

    def test_a_shard_is_carried_out_by_the_workflow_of_its_agent(self):
        self.serve()
        self.ok(
            "apply",
            self.workflow(
                "- {name: a, script: 'echo {{.task}} >> \"$T/out\"'}",
                name="researcher",
                spec="params: {task: {required: true}, input: {required: true}}",
            ),
        )
        spec = {"task": "analyse", "agentRef": {"name": "researcher"}, "maxRetries": 1}
        shard = {"apiVersion": "fractal.ai/v1alpha1", "kind": "Shard", "metadata": {"name": "s"}, "spec": spec}
        at = f"{self.AT}/namespaces/default/shards"
        self.assertEqual(self.post(at, shard, 201).json()["kind"], "Shard")
        read = lambda: self.get(f"{at}/s").json()
        wait_until(lambda: read()["status"]["phase"] == "Succeeded", what="the shard")
        self.assertEqual(read()["spec"]["agentRef"]["name"], "researcher")
        self.assertEqual(self.lines("out"), ["analyse"])
        self.ok("run", self.workflow("- {name: a, script: 'true'}", name="other"))
        self.assertEqual([s["metadata"]["name"] for s in self.get(at).json()["items"]], ["s"])
        wrong = self.post(at, {**shard, "spec": {**spec, "gpu": 1}}, 422).json()
        self.assertEqual(wrong["details"]["causes"][0]["field"], "spec.gpu")
        agents = self.get(f"{self.AT}/namespaces/default/kagents", 404).json()
        self.assertIn("Workflow", agents["message"])
        self.get(at, 401, token=False)
        self.assertEqual(len(self.get(self.AT).json()["resources"]), 4)
        self.assertEqual(self.http("DELETE", f"{at}/s").status, 200)


if __name__ == "__main__":
    main()
