"""Clients of Formicary and Houston find what they know."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import re

from reeve import PATIENCE_SECONDS, main, wait_until
from web import WebTest

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "guides" / "formicary.md"

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


def shard_text(name, agent):
    return f"""
apiVersion: fractal.ai/v1alpha1
kind: Shard
metadata: {{name: {name}}}
spec:
  task: Analyze authentication flow
  agentRef: {{name: {agent}}}
  input: {{repository: github.com/org/app}}
  maxRetries: 3
  timeout: 30m
"""


QUOTA_EXAMPLE = """
apiVersion: fractal.ai/v1alpha1
kind: BudgetQuota
metadata: {name: team}
spec:
  limits:
    maxTokensPerRun: 100000
    maxTotalTokens: 1000000
    maxCostPerRun: "$10.00"
    maxTotalCost: "$100.00"
    maxConcurrentRuns: 5
    maxDuration: 1h
    maxRetries: 3
  enforcement:
    onTokenLimit: terminate
    onCostLimit: terminate
    onDurationLimit: pause
    onConcurrencyLimit: queue
  notifications:
    slack: "#agent-alerts"
    threshold: 0.80
"""

QUOTA_WITH_ESCALATION = """
apiVersion: fractal.ai/v1alpha1
kind: BudgetQuota
metadata: {name: research}
spec:
  limits: {maxTotalTokens: 500000, maxTotalCost: "$50.00"}
  enforcement: {onTokenLimit: terminate, onCostLimit: alert}
  warnings: {tokenThreshold: 0.80, costThreshold: 0.80, durationThreshold: 0.75}
  escalation:
    notifyOnWarning: [slack]
    notifyOnLimit: [slack, pagerduty]
"""

DECISION_EXAMPLE = """
apiVersion: fractal.ai/v1alpha1
kind: BlackboardEntry
metadata: {name: research}
spec:
  type: decision
  phase: research
  author: research-agent
  content:
    findings: [sessions do not expire]
    confidence: 0.9
  timestamp: "2025-01-15T10:30:00Z"
"""

DIRECTIVE_EXAMPLE = """
apiVersion: fractal.ai/v1alpha1
kind: BlackboardEntry
metadata: {name: approach}
spec:
  type: directive
  content:
    approach: incremental
    priority: high
    constraints: [no downtime]
  lastUpdated: "2025-01-15T10:30:00Z"
"""

TOOL_CALL = """
apiVersion: fractal.ai/v1alpha1
kind: ToolCall
metadata:
  name: tc-a1b2c3d4-write-file
  labels: {shardrun: sr-123, agent: coder, phase: implementation}
spec:
  tool: write_file
  arguments: {path: src/auth.py, content: text}
  requiresApproval: true
  approvalTimeout: 1h
  shardRunRef: {name: sr-123, namespace: default}
  agentRef: {name: coder}
  sequence: 5
"""

APPROVED_TOOL_CALL = TOOL_CALL + """
status:
  phase: Approved
  approval: {required: true, decision: approved, approvedBy: alice}
  execution: {success: true}
"""

K_AGENT = """
apiVersion: fractal.ai/v1alpha1
kind: KAgent
metadata: {name: security-researcher}
spec: {image: "registry/agent:1", model: some-model, classification: secret}
"""

AGENT = """
apiVersion: kagent.dev/v1alpha2
kind: Agent
metadata: {name: researcher}
spec:
  declarative: {modelConfig: default-model-config, systemMessage: You research.}
"""

GATE_CONTEXT = """
apiVersion: houston.ai/v1
kind: GateContext
metadata: {name: plan-approval}
spec:
  mission: auth-rework
  phase: planning
  gate: plan-approval
  summary: Replace the sessions by tokens
  research: {findings: [sessions do not expire], confidence: 0.9}
  plan: {approach: tokens, files_to_change: [auth.py], estimated_tokens: 50000, estimated_duration: 2h}
  alternatives: [{name: expiry, reason_rejected: does not scale}]
  risks: [{risk: everybody logs in again, mitigation: announce it}]
  decision_required: {approve: begin, reject: stop, revise: plan again}
"""

REFUSED_EXAMPLES = [
    ("fractal.ai/v1alpha1", "toolcalls", TOOL_CALL, "spec.tool"),
    ("fractal.ai/v1alpha1", "toolcalls", APPROVED_TOOL_CALL, "spec.tool"),
    ("fractal.ai/v1alpha1", "kagents", K_AGENT, "kind"),
    ("kagent.dev/v1alpha2", "agents", AGENT, "kind"),
    ("houston.ai/v1", "gatecontexts", GATE_CONTEXT, "spec.gate"),
]


class FormicaryBase(WebTest):
    def deploy(self, text=JOB, status=201):
        headers = {"Content-Type": "application/yaml"}
        return self.post("/api/jobs/definitions", text, status, headers=headers).json()

    def request(self, name):
        return self.get(f"/api/jobs/requests/{name}").json()

    def await_job(self, name, state):
        wait_until(lambda: self.request(name)["job_state"] == state, what=f"{name} to be {state}")
        return self.request(name)


class FormicaryTest(FormicaryBase):
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
        for token in (True, False):
            self.assertEqual(self.get("/api/health", token=token).json(), {"status": "UP"})
        self.assertIn("# TYPE", self.get("/api/metrics").text)


FILES = """
job_type: files
tasks:
- task_type: make
  method: SHELL
  script:
  - printf 'a,b' > table.csv
  artifacts:
    paths: [table.csv]
"""

SENT = """
job_type: sent
tasks:
- task_type: read
  method: SHELL
  script:
  - cat data.csv >> $T/seen; echo >> $T/seen
  artifact_ids: [DIGEST]
"""

# What Formicary serves (a part in capitals may be anything): each is a row of the table in the guide.
SERVED = """
GET POST /api/jobs/definitions
GET DELETE /api/jobs/definitions/JOB
GET /api/jobs/definitions/JOB/yaml /api/jobs/definitions/JOB/dot /api/jobs/definitions/JOB/dot.png
GET /api/jobs/definitions/JOB/mermaid /api/jobs/definitions/stats
GET /api/jobs/definitions/type/JOB/versions /api/jobs/plugins
POST /api/jobs/definitions/JOB/disable /api/jobs/definitions/JOB/enable
PUT /api/jobs/definitions/JOB/concurrency
GET POST /api/jobs/definitions/JOB/configs
GET PUT DELETE /api/jobs/definitions/JOB/configs/CONFIG
GET POST /api/jobs/requests
GET /api/jobs/requests/ID /api/jobs/requests/ID/wait_time /api/jobs/requests/ID/dot
GET /api/jobs/requests/ID/dot.png /api/jobs/requests/ID/mermaid
GET /api/jobs/requests/stats /api/jobs/requests/dead_ids
POST /api/jobs/requests/ID/cancel /api/jobs/requests/ID/pause /api/jobs/requests/ID/restart
POST /api/jobs/requests/ID/trigger /api/jobs/requests/ID/tasks/TASK/vote
GET /api/jobs/requests/ID/tasks/TASK/approval /api/approvals/pending
GET POST /api/artifacts
GET DELETE /api/artifacts/ARTIFACT
GET /api/artifacts/ARTIFACT/download /api/artifacts/ARTIFACT/download/raw
GET POST /api/jobs/resources
POST /api/jobs/resources/ID/disable
GET POST /api/orgs
GET PUT DELETE /api/orgs/ORG
POST /api/orgs/ORG/invite
GET /api/orgs/usage_report
GET POST /api/orgs/ORG/configs
GET PUT DELETE /api/orgs/ORG/configs/CONFIG
GET /api/orgs/ORG/configs/CONFIG/reveal
GET POST /api/users
PUT /api/users/USER/notify
GET POST /api/users/USER/tokens
GET /api/users/configs
GET POST /api/configs
GET /api/errors /api/subscriptions /api/ants /api/executors /api/audits /api/health /api/metrics
DELETE /api/executors/ID
POST /api/logs /api/triggers/JOB/TRIGGER /api/admin/jobs/retention/purge
WS /ws/subscriptions /ws/ants /ws/queue
"""


def served():
    """All of SERVED as (method, path)."""
    for line in SERVED.split("\n"):
        words = line.split()
        for path in (word for word in words if "/" in word):
            for method in (word for word in words if "/" not in word):
                yield method, path


class FormicaryPathsTest(FormicaryBase):
    """Every path of Formicary, as the guide says."""

    def table(self):
        """The rows of the guide: {(method, path): verdict}."""
        rows = re.findall(r"^\| (\w+) \| `(/\S+)` \| (\w+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
        table = {(method, path): verdict for method, path, verdict in rows}
        self.assertEqual(len(table), len(rows), "a path is there twice")
        self.assertLessEqual(set(table.values()), {"done", "mapped", "refused"})
        return table

    def submit(self, job, **more):
        return self.post("/api/jobs/requests", {"job_type": job, **more}, 201).json()["id"]

    def gated(self):
        name = self.submit("gated")
        self.await_job(name, "MANUAL_APPROVAL_REQUIRED")
        return name

    def set_the_scene(self):
        self.serve()
        self.ok("apply", self.workflow(GATE, name="gated"))
        self.deploy(FILES)
        self.deploy()
        self.config = {"name": "Token", "value": "very-s3cret", "secret": True}
        self.post("/api/orgs/default/configs", self.config, 201)
        self.post("/api/jobs/definitions/taco/configs", {**self.config, "name": "Mine"}, 201)
        self.ended = self.submit("files")
        self.await_job(self.ended, "COMPLETED")
        self.open = self.gated()
        self.artifact = self.get("/api/artifacts").json()["Records"][0]["id"]

    def bind(self, user, namespace):
        """The user may edit in that namespace, and sees no other one. The user's token."""
        group = "rbac.authorization.k8s.io"
        self.post(
            f"/apis/{group}/v1/namespaces/{namespace}/rolebindings",
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": user},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "edit"},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            },
            201,
        )
        return self.ok("token", "create", user, "--user", user).out.strip()

    def send(self, name, content, status=200, query="", **more):
        """Sends a file; its id."""
        answer = self.post(f"/api/artifacts?name={name}{query}", content, status, **more)
        return answer.json().get("id")

    def subject(self, method, path):
        """The path with names that are there, for this method."""
        if path.endswith("/cancel") or path.endswith("/vote"):
            job_request = self.gated()
        elif path.endswith("/restart"):
            job_request = self.gated()
            self.post(f"/api/jobs/requests/{job_request}/cancel")
            self.await_job(job_request, "CANCELLED")
        elif path.endswith("/trigger"):
            job_request = "later"
            self.ok("submit", "taco", "--name", job_request, "--after", self.open)
            self.await_job(job_request, "PAUSED")
        else:
            job_request = self.open if "/tasks/" in path else self.ended
        config = "Mine" if "/jobs/" in path else "Token"
        artifact = self.send("d.csv", b"1,2") if method == "DELETE" else self.artifact
        names = {"JOB": "taco", "ID": job_request, "TASK": "review", "CONFIG": config, "ORG": "default",
                 "ARTIFACT": artifact, "USER": "alice", "TRIGGER": "t"}
        return "/".join(names.get(part, part) for part in path.split("/"))

    def body(self, path):
        if path == "/api/jobs/definitions":
            return JOB
        if path == "/api/jobs/requests":
            return {"job_type": "taco"}
        if path.endswith("/vote"):
            return {"decision": "APPROVED"}
        return self.config if "/configs" in path else {}

    def ask(self, method, path, **more):
        if method == "WS":
            return self.http("GET", path, headers=HANDSHAKE, **more)
        return self.http(method, path, None if method in ("GET", "DELETE") else self.body(path), **more)

    def test_the_table_has_every_path(self):
        self.assertEqual(sorted(self.table()), sorted(served()))

    def test_each_path_does_what_the_table_says(self):
        self.set_the_scene()
        order = ["GET", "WS", "POST", "PUT", "DELETE"]
        for (method, path), verdict in sorted(self.table().items(), key=lambda row: order.index(row[0][0])):
            if path.startswith("/api/triggers/"):
                # Whoever has no proof is told nothing, in Formicary's words.
                answer = self.ask(method, self.subject(method, path))
                self.assertEqual((answer.status, list(answer.json())), (401, ["error"]))
                continue
            if method == "WS" and verdict != "refused":
                continue  # Below.
            with self.subTest(method=method, path=path):
                if path not in ("/api/health",):
                    self.assertEqual(self.ask(method, path, token=False).status, 401)
                answer = self.ask(method, self.subject(method, path))
                if verdict == "refused":
                    self.assertEqual(answer.status, 501, str(answer))
                    self.assertRegex(answer.json()["message"], "instead: .{10}")
                else:
                    self.assertIn(answer.status, (200, 201), str(answer))
        for path in ("/api/jobs", "/api/nothing", "/ws", "/ws/nothing"):
            self.get(path, 404)

    def test_files_are_listed_and_downloaded(self):
        self.set_the_scene()
        digest = hashlib.sha256(b"a,b").hexdigest()
        one, = self.get("/api/artifacts?task_type=make").json()["Records"]
        self.assertEqual((one["id"], one["name"], one["content_length"], one["job_request_id"]),
                         (digest, "table.csv", 3, self.ended))
        self.assertEqual(self.get("/api/artifacts?name=other").json()["TotalRecords"], 0)
        self.get("/api/artifacts?colour=red", 400)
        self.assertEqual(self.get(f"/api/artifacts/{digest}").json(), one)
        answer = self.get(one["url"])
        self.assertEqual(answer.text, "a,b")
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        self.get(f"/api/artifacts/{'0' * 64}/download", 404)
        self.get(f"/api/artifacts/{digest}/download?namespace=other", 404)
        blob, = (self.data / "blobs").glob(f"*/{digest}")
        blob.chmod(0o600)
        blob.write_bytes(b"xyz")
        self.assertNotIn("xyz", self.get(one["url"], 500).text)

    def test_files_are_sent_for_tasks_and_removed(self):
        self.set_the_scene()
        digest = hashlib.sha256(b"1,2").hexdigest()
        self.assertEqual(self.send("data.csv", b"1,2"), digest)
        one, = self.get("/api/artifacts?kind=USER_UPLOADED").json()["Records"]
        self.assertEqual((one["id"], one["name"], one["content_length"], one["user_id"]),
                         (digest, "data.csv", 3, "admin"))
        self.assertEqual(self.get(f"/api/artifacts/{digest}").json(), one)
        self.assertEqual(self.get(one["url"]).text, "1,2")
        self.deploy(SENT.replace("DIGEST", digest))
        job = self.submit("sent")
        self.await_job(job, "COMPLETED")
        self.assertEqual(self.lines("seen"), ["1,2"])
        # The same bytes under another name are the same file.
        self.assertEqual(self.send("other.csv", b"1,2"), digest)
        self.assertEqual(self.get(f"/api/artifacts/{digest}").json()["name"], "other.csv")
        for name, content, status in (("../x", b"1", 400), ("a/b", b"1", 400), ("x", b"", 400)):
            self.send(name, content, status)
        self.assertEqual(self.http("DELETE", f"/api/artifacts/{digest}").status, 200)
        self.get(f"/api/artifacts/{digest}", 404)
        self.assertEqual(self.http("DELETE", f"/api/artifacts/{digest}").status, 404)
        self.assertEqual(self.http("DELETE", f"/api/artifacts/{self.artifact}").status, 501)
        again = self.submit("sent")
        self.await_job(again, "FAILED")
        # What was sent can be removed although a task has kept the same content.
        content = self.get(f"/api/artifacts/{self.artifact}/download").text
        self.assertEqual(self.send("same", content.encode()), self.artifact)
        self.assertEqual(self.http("DELETE", f"/api/artifacts/{self.artifact}").status, 200)
        self.assertEqual(self.get("/api/artifacts?kind=USER_UPLOADED").json()["TotalRecords"], 0)
        self.assertEqual(self.http("DELETE", f"/api/artifacts/{self.artifact}").status, 501)

    def test_files_that_were_sent_are_of_their_namespace(self):
        self.set_the_scene()
        for namespace in ("red", "blue"):
            self.ok("namespace", "create", namespace)
        users = {"ada": self.bind("ada", "red"), "eve": self.bind("eve", "blue")}
        digest = self.send("plan", b"secret", query="&namespace=red", token=users["ada"])
        at = f"/api/artifacts/{digest}"
        self.assertEqual(self.get(f"{at}?namespace=red", token=users["ada"]).json()["user_id"], "ada")
        # Others neither see it nor can they do anything about it, also if they have the same bytes.
        self.get(f"{at}?namespace=red", 404, token=users["eve"])
        self.get(f"{at}?namespace=blue", 404, token=users["eve"])
        self.send("x", b"y", 404, "&namespace=red", token=users["eve"])
        self.send("x", b"y", 404, "&namespace=nowhere")
        self.assertEqual(self.send("mine", b"secret", query="&namespace=blue", token=users["eve"]), digest)
        self.assertEqual(self.http("DELETE", f"{at}?namespace=blue", token=users["eve"]).status, 200)
        self.assertEqual(self.get(f"{at}?namespace=red", token=users["ada"]).json()["name"], "plan")
        self.assertEqual(self.get(f"{at}/download?namespace=red", token=users["ada"]).text, "secret")
        # A namespace that comes later has nothing of the one that went.
        self.ok("namespace", "delete", "red")
        wait_until(lambda: self.http("GET", "/api/v1/namespaces/red").status == 404, what="the end of red")
        self.ok("namespace", "create", "red")
        self.get(f"{at}?namespace=red", 404)

    def test_numbers_and_drawings(self):
        self.set_the_scene()
        stats = {s["job_type"]: s for s in self.get("/api/jobs/definitions/stats").json()}
        self.assertEqual((stats["files"]["succeeded_jobs"], stats["files"]["succeeded_jobs_percentage"]), (1, 100))
        self.assertEqual(stats["gated"]["paused_jobs"], 1)
        self.assertEqual(self.get("/api/jobs/requests/dead_ids").json(), [self.ended])
        later = self.submit("taco", scheduled_at="2099-01-01T02:00:00+02:00")
        waits = self.get(f"/api/jobs/requests/{later}/wait_time").json()
        self.assertEqual((waits["pending_job_ids"], waits["queue_number"]), ([later], 0))
        self.assertEqual(waits["scheduled_at"], "2099-01-01T00:00:00.000Z")
        waits = self.get(f"/api/jobs/requests/{self.ended}/wait_time").json()
        self.assertIn("not pending but COMPLETED", waits["error_message"])
        dot = self.get(f"/api/jobs/requests/{self.ended}/dot").text
        self.assertRegex(dot, r'(?s)^digraph "files" \{.*\[label="[^"]*make", .*color=darkseagreen4')
        dot = self.get("/api/jobs/definitions/taco/dot").text
        self.assertEqual((dot.count("label=\"cook\""), dot.count(" -> ")), (1, 1), dot)
        self.deploy(JOB.replace("tacos", "burritos"), 200)
        versions = self.get("/api/jobs/definitions/type/taco/versions").json()
        self.assertEqual([v["version"] for v in versions], [1, 2])
        self.assertEqual(self.get("/api/ants").json()[0]["current_load"], 0)
        self.assertIn("default", [o["id"] for o in self.get("/api/orgs").json()["Records"]])

    def test_who_subscribes_hears_of_jobs_and_tasks(self):
        self.set_the_scene()
        self.assertEqual(self.http("GET", "/ws/subscriptions", headers=HANDSHAKE, token=False).status, 401)
        with contextlib.closing(WebSocket(self)) as socket:
            socket.send({"event_type": "LogEvent"})
            self.assertIn("instead", socket.receive()["message"])
            socket.send({"event_type": "JobExecutionLifecycleEvent"})
            socket.send({"event_type": "TaskExecutionLifecycleEvent", "scope": "other"})
            socket.send({"event_type": "nothing"})
            # What was sent before is in force when this is answered.
            self.assertIn("must be", socket.receive()["message"])
            name = self.submit("taco")
            states = []
            while not states or states[-1] != "COMPLETED":
                event = socket.receive()
                self.assertEqual(event["event_type"], "JobExecutionLifecycleEvent")
                self.assertEqual((event["job_request_id"], event["job_type"]), (name, "taco"))
                states.append(event["job_state"])
            self.assertIn("EXECUTING", states)
            socket.send({"event_type": "TaskExecutionLifecycleEvent"})
            socket.send({})
            socket.receive()
            self.submit("taco")
            seen = []
            while ("serve", "COMPLETED") not in seen:
                event = socket.receive()
                seen += [(event["task_type"], event["task_state"])] if "task_type" in event else []
            self.assertIn(("cook", "EXECUTING"), seen)


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
}


class WebSocket:
    """The client's end of /ws/subscriptions, for short texts (RFC 6455)."""

    def __init__(self, test):
        self.connection = test.connect()
        self.connection.connect()
        self.socket = self.connection.sock
        headers = {"Host": test.url.netloc, "Authorization": f"Bearer {test.token}", **HANDSHAKE}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.sendall(f"GET /ws/subscriptions HTTP/1.1\r\n{lines}\r\n".encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline().decode()
        test.assertIn(" 101 ", status)
        while self.file.readline().strip():
            pass

    def send(self, value):
        data = json.dumps(value).encode()
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(bytes([0x81, 0x80 | len(data)]) + mask + masked)

    def receive(self):
        """The next text."""
        while True:
            first, length = self.file.read(2)
            if length == 126:
                length = int.from_bytes(self.file.read(2), "big")
            data = self.file.read(length)
            if first & 0x0F == 1:
                return json.loads(data)

    def close(self):
        self.file.close()
        self.connection.close()


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
        self.get(at, 401, token=False)
        self.assertEqual(self.http("DELETE", f"{at}/s").status, 200)

    def put_up(self, plural, status, document, group="fractal.ai/v1alpha1"):
        """Creates what a YAML document says; answers with what came back."""
        at = f"/apis/{group}/namespaces/default/{plural}"
        headers = {"Content-Type": "application/yaml"}
        return self.post(at, document, status, headers=headers).json()

    def test_attempts_are_shard_runs(self):
        self.serve()
        fails_twice = "- {name: a, script: 'echo x >> \"$T/n\"; test $(wc -l < \"$T/n\") -ge 3'}"
        self.ok(
            "apply",
            self.workflow(fails_twice, name="agent", spec="params: {task: {required: true}, input: {required: true}}"),
        )
        self.put_up("shards", 201, shard_text("s", "agent"))
        at = f"{self.AT}/namespaces/default"
        read = lambda: self.get(f"{at}/shards/s").json()["status"]
        wait_until(lambda: read()["phase"] == "Succeeded", what="the shard")
        self.assertEqual(read()["attempts"], 3)
        runs = {
            run["metadata"]["name"]: run["status"]["phase"]
            for run in self.get(f"{at}/shardruns").json()["items"]
            if run["spec"]["shardRef"]["name"] == "s"
        }
        # What the engine carries out itself is kept as the last attempt only.
        self.assertEqual(runs, {"s-3": "Succeeded"})

    def test_examples_of_fractal_are_taken_as_they_are(self):
        self.serve()
        quota = self.put_up("budgetquotas", 201, QUOTA_EXAMPLE)
        self.assertEqual(quota["spec"]["limits"]["maxTotalCost"], "$100.00")
        ours = self.get("/apis/reeve.dev/v1/namespaces/default/budgetquotas/team").json()
        self.assertEqual(ours["spec"]["limits"]["maxTotalCost"], "100.00")
        self.assertEqual(ours["spec"]["warnings"]["tokenThreshold"], 0.8)
        self.assertEqual(ours["spec"]["notifications"]["onWarning"], ["slack:#agent-alerts"])
        self.put_up("budgetquotas", 201, QUOTA_WITH_ESCALATION)
        decision = self.put_up("blackboardentries", 201, DECISION_EXAMPLE)
        self.assertEqual(decision["spec"]["author"], "user:admin")
        self.assertNotEqual(decision["spec"]["timestamp"], "2025-01-15T10:30:00Z")
        directive = self.put_up("blackboardentries", 201, DIRECTIVE_EXAMPLE)
        self.assertEqual(directive["spec"]["content"]["priority"], "high")
        at = f"{self.AT}/namespaces/default/blackboardentries"
        headers = {"Content-Type": "application/merge-patch+json"}
        changed = self.http("PATCH", f"{at}/research", {"spec": {"content": {"findings": []}}}, headers)
        self.assertIn(changed.status, (405, 409, 422), changed)
        self.assertIn(self.http("DELETE", f"{at}/research").status, (405, 409, 422))
        changed = self.http("PATCH", f"{at}/approach", {"spec": {"content": {"priority": "low"}}}, headers)
        self.assertEqual(changed.status, 200, changed)
        self.assertEqual(changed.json()["spec"]["content"]["priority"], "low")

    def test_examples_without_a_counterpart_are_refused_with_field_and_reason(self):
        self.serve()
        for group, plural, document, field in REFUSED_EXAMPLES:
            with self.subTest(plural):
                refused = self.put_up(plural, 422, document, group)
                cause = refused["details"]["causes"][0]
                self.assertEqual(cause["field"], field)
                self.assertIn("Forbidden: ", cause["message"])
                self.assertEqual(self.get(f"/apis/{group}/namespaces/default/{plural}").json()["items"], [])
        bare = "apiVersion: houston.ai/v1\nkind: GateContext\nmetadata: {name: g}\nspec: {}\n"
        causes = self.put_up("gatecontexts", 422, bare, "houston.ai/v1")["details"]["causes"]
        self.assertEqual(
            sorted(cause["field"] for cause in causes),
            ["spec.gate", "spec.mission", "spec.phase", "spec.summary"],
        )


if __name__ == "__main__":
    main()
