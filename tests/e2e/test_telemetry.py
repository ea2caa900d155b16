"""What operators are told: one request from the log to its processes, spans, metrics; and what agents tell."""

import gzip
import http.server
import json
import pathlib
import re
import threading

from reeve import gate, main, wait_until
from web import WebTest

BASE = "/apis/reeve.dev/v1/namespaces/default"
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
SECRET = "hunter-77-hunter"
DOCS = pathlib.Path(__file__).parents[2] / "docs"

TELLS = (
    "echo \"{\\\"correlation\\\":\\\"$REEVE_CORRELATION_ID\\\","
    "\\\"traceparent\\\":\\\"$TRACEPARENT\\\",\\\"tracestate\\\":\\\"$TRACESTATE\\\"}\""
)


def mission(name, of):
    return {
        "apiVersion": "reeve.dev/v1",
        "kind": "Mission",
        "metadata": {"name": name},
        "spec": {"workflow": {"name": of}},
    }


def samples(text):
    """Prometheus' text as {(name, labels): value}; whatever is no sample fails."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
        found[(name, labels or "")] = float(value)
    return found


class Collector:
    """Takes spans as a collector does."""

    def __init__(self):
        self.spans = []
        self.headers = []
        self.status = 200
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                collector.headers.append((self.path, dict(self.headers)))
                if collector.status == 200:
                    for resource in body["resourceSpans"]:
                        for scope in resource["scopeSpans"]:
                            collector.spans += scope["spans"]
                self.send_response(collector.status)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def named(self, name):
        return [span for span in self.spans if span["name"] == name]


class TelemetryTest(WebTest):
    def log(self, owner):
        """Records of the log; lines for people are passed on."""
        return [json.loads(line) for line in owner.err().splitlines() if line.startswith("{")]

    def await_line(self, owner, **members):
        def found():
            for record in self.log(owner):
                if all(record.get(name) == value for name, value in members.items()):
                    return record
            return None

        return wait_until(found, what=f"a line with {members}")

    def metrics(self):
        return samples(self.get("/metrics").text)

    def collector(self):
        collector = Collector()
        self.addCleanup(collector.close)
        return collector

    # --- one request from the log to its processes ------------------------------------------------

    def test_one_id_leads_from_the_request_to_every_process(self):
        owner = self.serve("--log-level", "debug")
        self.ok("credential", "set", "token", "--from-file", self.write("value", SECRET + "\n"))
        tasks = f"""
            - {{name: a, credentials: {{TOKEN: token}}, script: '{TELLS}; echo $TOKEN'}}
            - {{name: b, needs: [a], script: '{TELLS}'}}
            - {{name: c, needs: [b], script: '{TELLS}'}}
            """
        self.ok("apply", self.workflow(tasks, name="three"))
        answer = self.post(
            f"{BASE}/missions",
            mission("m", "three"),
            201,
            headers={
                "X-Request-Id": "order-4711",
                "Traceparent": TRACEPARENT,
                "Tracestate": "vendor=1",
            },
        )
        self.assertEqual(answer.headers["X-Request-Id"], "order-4711")
        self.await_state("m", "COMPLETE")
        self.await_line(owner, message="mission ended", correlation_id="order-4711")
        lines = [line for line in self.log(owner) if line.get("correlation_id") == "order-4711"]
        told = [(line["logger"], line["message"]) for line in lines]
        self.assertIn(("audit", "answered"), told)
        self.assertIn(("engine", "mission created"), told)
        for message in ("run started", "run ended"):
            self.assertEqual(told.count(("host", message)), 3, told)
        self.assertEqual(told.count(("engine", "task run ended")), 3)
        for line in lines:
            self.assertEqual(line["trace_id"], TRACE, line)
        status = self.get(f"{BASE}/missions/m").json()["status"]
        self.assertEqual(status["correlation"], "order-4711")
        self.assertIn(TRACE, status["traceparent"])
        spans = set()
        for task in "abc":
            run = f"m.1.{task}.1"
            out = (self.run_dir(run) / "stdout.log").read_text().splitlines()[0]
            process = json.loads(out)
            self.assertEqual(process["correlation"], "order-4711")
            self.assertEqual(process["tracestate"], "vendor=1")
            version, trace, span, flags = process["traceparent"].split("-")
            self.assertEqual((version, trace, flags), ("00", TRACE, "01"))
            spans.add(span)
            started = self.await_line(owner, message="run started", span_id=span)
            self.assertEqual(started["fields"]["run"], run)
        self.assertEqual(len(spans), 3)
        # Every event of the mission has it, too.
        self.assertEqual({event["correlation"] for event in self.events("m")}, {"order-4711"})

    def test_ids_that_nobody_could_log_are_replaced(self):
        self.serve()
        for wrong in ("x" * 10_000, "two words", 'a"b'):
            answer = self.get("/version", headers={"X-Request-Id": wrong})
            self.assertRegex(answer.headers["X-Request-Id"], "^[0-9a-f]{32}$")
        answer = self.get("/version", headers={"X-Correlation-ID": "of-the-gateway"})
        self.assertEqual(answer.headers["X-Request-Id"], "of-the-gateway")

    def test_values_of_credentials_are_in_no_line(self):
        owner = self.serve("--log-level", "debug")
        self.ok("credential", "set", "token", "--from-file", self.write("value", SECRET + "\n"))
        self.http("DELETE", f"{BASE}/missions/{SECRET}", headers={"X-Request-Id": "del-1"})
        line = self.await_line(owner, message="answered", correlation_id="del-1")
        self.assertIn("[****]", line["fields"]["path"])
        self.assertNotIn(SECRET, owner.err())
        self.assertEqual(self.metrics()[("reeve_log_unmasked_credentials", "")], 0)

    # --- spans -------------------------------------------------------------------------------------

    def test_spans_go_from_the_request_over_the_mission_to_the_run_also_after_a_crash(self):
        collector = self.collector()
        options = ("--telemetry-otlp-endpoint", collector.url, "--telemetry-sample-ratio", "0",
                   "--telemetry-otlp-headers", "X-Key=k1")
        owner = self.serve(*options)
        self.ok("apply", self.workflow(f"- {{name: a, script: '{gate('go')}'}}", name="waits"))
        self.post(f"{BASE}/missions", mission("m", "waits"), 201,
                  headers={"Traceparent": TRACEPARENT})
        self.await_state("m", "ACTIVE")
        wait_until(lambda: collector.named("create missions"), what="the span of the request")
        owner.kill()
        self.serve(*options)
        self.touch("go")
        self.await_state("m", "COMPLETE")
        wait_until(lambda: collector.named("mission waits"), what="the span of the mission")
        request, = collector.named("create missions")
        whole, = collector.named("mission waits")
        task, = collector.named("task a")
        run, = collector.named("run a")
        self.assertEqual({span["traceId"] for span in (request, whole, task, run)}, {TRACE})
        self.assertEqual(request["parentSpanId"], CALLER)
        self.assertEqual(whole["parentSpanId"], request["spanId"])
        self.assertEqual(task["parentSpanId"], whole["spanId"])
        self.assertEqual(run["parentSpanId"], task["spanId"])
        self.assertEqual(run["status"]["code"], 1)
        path, headers = collector.headers[0]
        self.assertEqual(path, "/v1/traces")
        self.assertEqual(headers["X-Key"], "k1")
        # Nobody traces these, and none are to be recorded.
        self.assertFalse(collector.named("get metrics"))
        self.assertFalse([span for span in collector.spans if span["traceId"] != TRACE])

    def test_a_collector_that_is_down_is_a_metric_and_a_line(self):
        collector = Collector()
        url = collector.url
        collector.close()
        owner = self.serve("--telemetry-otlp-endpoint", url, "--telemetry-sample-ratio", "1")
        self.ok("apply", self.workflow("- {name: a, script: 'true'}", name="one"))
        self.post(f"{BASE}/missions", mission("m", "one"), 201)
        self.await_state("m", "COMPLETE")
        wait_until(
            lambda: self.metrics()[("reeve_span_export_failures_total", "")] >= 1,
            what="a failure that is counted",
        )
        line = self.await_line(owner, message="spans were not taken by the collector")
        self.assertEqual(line["fields"]["url"], url + "/v1/traces")
        self.ok("down")
        self.assertEqual(owner.wait().code, 0)

    # --- what agents tell --------------------------------------------------------------------------

    def usage(self):
        attributes = {
            "event.name": "api_request",
            "model": "claude-x",
            "input_tokens": "120",
            "output_tokens": "30",
            "cost_usd": "0.25",
            "session.id": "s-1",
        }
        record = {
            "timeUnixNano": "1795253400123000000",
            "body": {"stringValue": "claude_code.api_request"},
            "attributes": [
                {"key": key, "value": {"stringValue": value}} for key, value in attributes.items()
            ],
        }
        resource = {"key": "reeve.run", "value": {"stringValue": "m.1.a.1"}}
        return {
            "resourceLogs": [
                {"resource": {"attributes": [resource]}, "scopeLogs": [{"logRecords": [record]}]}
            ]
        }

    def test_agents_tell_what_they_use(self):
        owner = self.serve()
        answer = self.post("/v1/logs", self.usage())
        self.assertEqual(answer.json(), {})
        line = self.await_line(owner, message="agent used a model")
        self.assertEqual(line["fields"]["input_tokens"], 120)
        self.assertEqual(line["fields"]["run"], "m.1.a.1")
        told = self.metrics()
        labels = 'namespace="default",model="claude-x"'
        self.assertEqual(told[("reeve_agent_tokens_total", labels + ',kind="output"')], 30)
        self.assertEqual(told[("reeve_agent_cost_usd_total", labels)], 0.25)
        self.assertEqual(told[("reeve_otlp_records_total", 'signal="logs"')], 1)

    def test_a_run_speaks_of_itself_and_of_no_other(self):
        owner = self.serve()
        script = f'cp "$REEVE_TOKEN_FILE" "$T/token"; touch "$T/begun"; {gate("go")}'
        self.ok("apply", self.workflow(f"- {{name: a, script: '{script}'}}", name="waits"))
        self.ok("submit", "waits", "--name", "told")
        self.await_file("begun")
        token = (self.dir / "token").read_text(encoding="utf-8").strip()
        # The resource says that it is m.1.a.1.
        self.post("/v1/logs?namespace=other", self.usage(), token=token)
        line = self.await_line(owner, message="agent used a model")
        self.assertEqual(line["fields"]["run"], "told.1.a.1")
        self.assertEqual(line["fields"]["namespace"], "default")
        self.touch("go")
        self.await_state("told", "COMPLETE")
        # What is over says nothing more.
        wait_until(
            lambda: self.http("POST", "/v1/logs", self.usage(), token=token).status == 401,
            what="the end of the token",
        )

    def test_agents_may_pack_what_they_tell(self):
        self.serve()
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        self.post("/v1/logs", gzip.compress(json.dumps(self.usage()).encode()), headers=headers)
        labels = 'namespace="default",model="claude-x"'
        self.assertEqual(self.metrics()[("reeve_agent_cost_usd_total", labels)], 0.25)
        self.post("/v1/logs", gzip.compress(bytes(5 << 20)), 413, headers=headers)
        self.post("/v1/logs", b"no gzip", 400, headers=headers)
        headers["Content-Encoding"] = "br"
        self.post("/v1/logs", b"x", 415, headers=headers)

    def test_what_is_no_telemetry_is_refused_as_otlp_has_it(self):
        self.serve()
        answer = self.post("/v1/logs", "{", 400, headers={"Content-Type": "application/json"})
        self.assertEqual(answer.json()["code"], 3)
        self.assertTrue(answer.json()["message"])
        self.post("/v1/traces", b"x", 415, headers={"Content-Type": "application/x-protobuf"})
        self._expect("GET", "/v1/metrics", 405)
        self.assertEqual(self.http("POST", "/v1/logs", self.usage(), token=False).status, 401)
        self.post("/v1/others", self.usage(), 404)

    def test_telemetry_of_agents_can_be_turned_off(self):
        self.serve("--telemetry-accept-otlp", "false")
        self.post("/v1/logs", self.usage(), 404)

    # --- history ------------------------------------------------------------------------------------

    def test_missions_beyond_the_limit_are_forgotten(self):
        waits = self.workflow(f"- {{name: a, script: '{gate('go')}'}}", name="waits")
        quick = self.workflow("- {name: a, script: 'true'}", name="quick")
        self.serve()
        self.ok("submit", waits, "--name", "lives")
        for name in ("one", "two", "three", "four"):
            self.ok("submit", quick, "--name", name)
            self.await_state(name, "COMPLETE")
        self.ok("down")
        owner = self.serve("--history-missions-max", "2")
        wait_until(lambda: "expired: 2 missions were removed" in owner.err(), what="the sweep")
        items = self.get(f"{BASE}/missions").json()["items"]
        self.assertEqual(
            sorted(item["metadata"]["name"] for item in items), ["four", "lives", "three"]
        )
        self.touch("go")
        self.await_state("lives", "COMPLETE")
        # Their names stay taken, and the journal is whole.
        self.refused(3, "submit", quick, "--name", "one", says="was deleted")
        self.ok("down")
        self.audit()

    # --- metrics -----------------------------------------------------------------------------------

    def test_metrics_tell_of_missions_runs_and_channels(self):
        owner = self.serve("--slots", "3")
        self.ok("apply", self.workflow(f"- {{name: a, script: '{gate('go')}'}}", name="waits"))
        self.ok("apply", self.workflow("- {name: a, script: 'exit 3'}", name="fails"))
        self.ok("submit", "waits", "--name", "m")
        self.ok("submit", "fails", "--name", "f")
        self.await_state("f", "FAILED")
        self.await_state("m", "ACTIVE")
        self.ok("channel", "send", "news", "hello")

        def active():
            return self.metrics().get(("reeve_missions", 'state="ACTIVE"')) == 1

        wait_until(active, what="one active mission")
        told = self.metrics()
        self.assertEqual(told[("reeve_run_slots", "")], 3)
        self.assertEqual(told[("reeve_run_slots_used", "")], 1)
        self.assertEqual(told[("reeve_runs_total", 'executor="shell",state="FAILED"')], 1)
        self.assertEqual(told[("reeve_missions_submitted_total", 'workflow="waits"')], 1)
        self.assertEqual(told[("reeve_mission_duration_seconds_count", 'state="FAILED"')], 1)
        self.assertEqual(told[("reeve_kernel_healthy", "")], 1)
        self.assertGreater(told[("reeve_commit_duration_seconds_count", "")], 5)
        channel = 'namespace="default",channel="news"'
        wait_until(lambda: self.metrics().get(("reeve_channel_messages", channel)) == 1,
                   what="the message that is kept")
        # What there is does not depend on what this process has seen.
        owner.kill()
        self.serve("--slots", "3")
        told = self.metrics()
        self.assertEqual(told[("reeve_missions", 'state="ACTIVE"')], 1)
        self.assertEqual(told[("reeve_channel_messages", channel)], 1)
        self.touch("go")
        self.await_state("m", "COMPLETE")
        wait_until(
            lambda: self.metrics().get(("reeve_runs_total", 'executor="shell",state="COMPLETE"'))
            == 1,
            what="the run that was taken over",
        )

    def test_the_manual_has_every_metric_and_no_other(self):
        collector = self.collector()
        self.serve("--telemetry-otlp-endpoint", collector.url)
        self.ok("apply", self.workflow("- {name: a, script: 'true'}", name="one"))
        self.post(f"{BASE}/missions", mission("m", "one"), 201)
        self.await_state("m", "COMPLETE")
        text = self.get("/metrics").text
        served = {
            name
            for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
            if name.startswith("reeve_")
        }
        page = (DOCS / "operating" / "metrics.md").read_text(encoding="utf-8")
        rows = [line for line in page.splitlines() if line.startswith("| `reeve_")]
        told = {name for line in rows for name in re.findall(r"`(reeve_\w+)`", line.split("|")[1])}
        self.assertEqual(served - told, set(), "metrics that the manual lacks")
        # A metric appears with its first value; the others are in the manual all the same.
        alerts = (DOCS / "operating" / "alerts.md").read_text(encoding="utf-8")
        used = set(re.findall(r"\b(reeve_\w+?)(?:_bucket|_sum|_count)?\{", alerts))
        self.assertEqual(used - told, set(), "alerts about metrics that there are not")


if __name__ == "__main__":
    main()
