"""Formicary job definitions of every kind that teams have in their repositories, run as they are."""

import http.server
import json
import re
import textwrap
import threading

from reeve import PROGRAM, ReeveTest, gate, main, wait_until


class JobTest(ReeveTest):
    def job(self, text):
        """The document in a file that is called as the job."""
        text = textwrap.dedent(text).strip("\n") + "\n"
        name = re.search(r"job_type: (\S+)", text).group(1)
        return self.write(f"{name}.yaml", text)

    def run_job(self, text, *args, code=0):
        """Runs it as mission m."""
        return self.run_json(self.job(text), "--name", "m", *args, code=code)

    def log(self, task, mission="m"):
        return self.ok("logs", mission, task).out

    def result(self, path, mission="m"):
        return (self.data / "missions" / mission / "results" / path).read_text(encoding="utf-8")

    def named(self, workflow):
        """The missions of a workflow, oldest first."""
        items = self.ok("status", "-o", "json", "--limit", "100").json()["items"]
        found = [item for item in items if item["spec"]["workflow"]["name"] == workflow]
        return sorted(found, key=lambda item: item["metadata"]["createdRevision"])


LOAD_TABLE = """
    job_type: org.example.load-table
    sem_version: "1.0"
    required_params: [Table]
    job_variables: {BatchSize: 100}
    tasks:
    - task_type: extract
      method: SHELL
      script:
        - printf '%s\\n' "{{.Table}} in batches of {{.BatchSize}}" > {{.Table}}.txt
        - test {{.Table}} != broken
        - echo "::set-output name=Rows::$(wc -l < {{.Table}}.txt)"
        - echo "::set-output name=Verdict::loaded {{.Table}}"
      artifacts:
        paths: ["{{.Table}}.txt"]
"""


class ChildrenTest(JobTest):
    def setUp(self):
        super().setUp()
        self.ok("apply", self.job(LOAD_TABLE))

    def test_a_job_forks_two_jobs_and_uses_their_outputs_and_files(self):
        mission = self.run_job(
            """
            job_type: load-two
            tasks:
            - task_type: first
              method: FORK_JOB
              fork_job_type: org.example.load-table
              variables: {Table: orders, BatchSize: 7}
              on_completed: second
            - task_type: second
              method: FORK_JOB
              fork_job_type: org.example.load-table
              fork_job_version: "1.0"
              sub_workflow:
                input_params:
                  - name: Table
                    value: "people"
              on_completed: both
            - task_type: both
              method: AWAIT_FORKED_JOB
              await_forked_tasks: [first, second]
              on_completed: report
            - task_type: report
              method: SHELL
              dependencies: [both]
              script:
                - cat orders.txt people.txt
                - echo "the last said {{.Verdict}}, rows {{.Rows}}"
            """
        )
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        log = self.log("report")
        self.assertIn("orders in batches of 7", log)
        self.assertIn("people in batches of 100", log)
        self.assertIn("rows 1", log)
        self.assertEqual(len(self.named("org.example.load-table")), 2)
        self.audit()

    def test_outputs_of_a_child_get_other_names(self):
        self.run_job(
            """
            job_type: load-one
            job_variables: {Table: orders}
            tasks:
            - task_type: load
              method: FORK_JOB
              fork_job_type: org.example.load-table
              sub_workflow:
                input_params: [{name: Table, value: "{{.Table}}"}]
                output_variables: [{name: Rows, value: etl_rows}]
                wait_for_completion: true
              on_completed: report
            - {task_type: report, method: SHELL, script: ['echo "{{.etl_rows}} of {{.Verdict}}"']}
            """
        )
        self.assertIn("1 of <no value>", self.log("report"))

    def test_a_failed_child_fails_the_task_that_waits_for_it(self):
        mission = self.run_job(
            """
            job_type: load-broken
            tasks:
            - task_type: load
              method: FORK_JOB
              fork_job_type: org.example.load-table
              sub_workflow:
                input_params: [{name: Table, value: broken}]
                wait_for_completion: true
              on_failed: tell
            - {task_type: tell, method: SHELL, script: ['echo told >> "$T/ran"']}
            """,
            code=1,
        )
        self.assertEqual(self.task(mission, "load")["state"], "FAILED")
        self.assertEqual(self.lines("ran"), ["told"])

    def test_a_version_of_a_plugin_is_the_one_that_was_asked_for(self):
        self.ok("apply", self.job(LOAD_TABLE.replace('"1.0"', '"1.1"').replace("in batches", "by now")))
        self.run_job(
            """
            job_type: client
            tasks:
            - task_type: old
              method: FORK_JOB
              fork_job_type: org.example.load-table
              fork_job_version: "1.0"
              sub_workflow: {input_params: [{name: Table, value: a}], wait_for_completion: true}
              on_completed: new
            - task_type: new
              method: FORK_JOB
              fork_job_type: org.example.load-table
              sub_workflow: {input_params: [{name: Table, value: b}], wait_for_completion: true}
              on_completed: show
            - {task_type: show, method: SHELL, dependencies: [old, new], script: [cat a.txt b.txt]}
            """
        )
        self.assertIn("a in batches of 100\n", self.log("show"))
        self.assertIn("b by now of 100\n", self.log("show"))

    def test_a_job_of_each_item(self):
        mission = self.run_job(
            """
            job_type: load-all
            job_variables:
              tables: '["orders", "broken", "people"]'
              size: 3
            tasks:
            - task_type: load
              method: FORK_JOB
              allow_failure: true
              fan_out: {source: tables, item_var: table, fork_job_type: org.example.load-table, max_parallel: 2, fail_fast: false}
              sub_workflow:
                input_params:
                  - {name: Table, value: "{{.table}}"}
                  - {name: BatchSize, value: "{{.size}}"}
              on_completed: sum
            - task_type: sum
              method: SHELL
              script:
                - echo "{{.FanOutItemCount}} by {{.FanOutMode}} of {{.FanOutSource}}"
                - echo "{{.table_0_status}} {{.table_1_status}} {{.table_2_status}} {{.table_2_Verdict}}"
            """
        )
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertIn("3 by job of tables\nCOMPLETED FAILED COMPLETED loaded people\n", self.log("sum"))
        params = [item["spec"]["params"] for item in self.named("org.example.load-table")]
        self.assertEqual({param["BatchSize"] for param in params}, {"3"})


class FanOutTest(JobTest):
    DEPLOY = """
        job_type: deploy-regions
        job_variables:
          regions: '["eu", {"name": "us", "zone": 12345678}]'
        tasks:
        - task_type: deploy
          method: SHELL
          fan_out: {source: regions, item_var: region, max_parallel: 2}
          environment: {REGION: "{{.region}}"}
          script:
            - echo "$REGION" >> "$T/ran"
            - test "$REGION" != bad
            - echo "::set-output name=Where::at $REGION"
          on_completed: report
        - task_type: report
          method: SHELL
          script:
            - echo '{{.FanOutItemCount}} {{.FanOutMode}} {{.region_0_status}} {{.region_1_Where}}'
    """

    def test_a_task_runs_once_for_each_item(self):
        self.run_job(self.DEPLOY)
        self.assertEqual(sorted(self.lines("ran")), ["eu", '{"name":"us","zone":12345678}'])
        self.assertIn("2 task COMPLETED at {", self.log("report"))

    def test_a_param_replaces_the_items(self):
        mission = self.run_job(self.DEPLOY, "-p", 'regions=["bad"]', code=1)
        self.assertEqual(self.task(mission, "deploy")["outputs"]["region_0_status"], "FAILED")
        self.assertEqual(self.task(mission, "deploy")["outputs"]["region_0_error_code"], "ERR_TASK_EXECUTE")
        self.assertEqual(self.task_states(mission)["report"], "SKIPPED")
        self.assertNotEqual(self.task(mission, "deploy")["outputs"]["region_0_error_message"], "")

    def test_no_items_are_done_at_once_and_no_list_is_a_failure(self):
        self.run_json(self.job(self.DEPLOY), "-p", "regions=[]")
        self.assertEqual(self.lines("ran"), [])
        self.run_json(self.job(self.DEPLOY), "-p", "regions=what?", code=1)


class VideoTest(JobTest):
    def test_parts_are_encoded_by_forks_that_get_them_by_address(self):
        self.ok(
            "apply",
            self.job(
                """
                job_type: encode
                sem_version: 1.0-dev
                tasks:
                - task_type: encode
                  method: SHELL
                  script:
                    - curl -s -o part.in "{{.URL}}"
                    - tr a-z A-Z < part.in > film.{{.Output}}.{{.Part}}
                  artifacts:
                    paths: ["film.{{.Output}}.{{.Part}}"]
                """
            ),
        )
        # Addresses are not quoted in such documents.
        self.run_job(
            """
            job_type: encode-in-parallel
            max_concurrency: 1
            job_variables: {Input: avi, Output: mp4}
            tasks:
            - task_type: split
              method: SHELL
              script:
                - printf one- > film.{{.Input}}.1
                - printf two > film.{{.Input}}.2
              artifacts:
                paths:
                  - film.{{.Input}}.1
                  - film.{{.Input}}.2
              on_completed: fork-1
            - task_type: fork-1
              method: FORK_JOB
              fork_job_type: encode
              fork_job_version: 1.0-dev
              variables:
                URL: {{.split_ArtifactURL_1}}
                Output: {{.Output}}
                Part: 1
              on_completed: fork-2
            - task_type: fork-2
              method: FORK_JOB
              fork_job_type: encode
              fork_job_version: 1.0-dev
              variables:
                URL: {{.split_ArtifactURL_2}}
                Output: {{.Output}}
                Part: 2
              on_completed: await
            - task_type: await
              method: AWAIT_FORKED_JOB
              await_forked_tasks: [fork-1, fork-2]
              on_completed: combine
            - task_type: combine
              method: SHELL
              dependencies: [await]
              script: ["cat film.{{.Output}}.* > film.{{.Output}}"]
              artifacts: {paths: ["film.{{.Output}}"]}
            """
        )
        self.assertEqual(self.result("combine/film.mp4"), "ONE-TWO")


class Answers(http.server.BaseHTTPRequestHandler):
    """/late is there the third time; everything else echoes its path as the status."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        if self.path == "/late":
            times = sum(path == "/late" for _, path, _, _ in self.server.asked)
            status = 200 if times >= 3 else 404
        else:
            status = int(self.path.lstrip("/").split("?")[0])
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_PUT = do_DELETE = do_GET


class RequestTest(JobTest):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.asked = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.base = ["-p", f"Base={self.url}"]

    def allow(self):
        self.ok("config", "set", "REEVE_PRIVATE_ADDRESSES", "true")

    SENSOR = """
        job_type: sensor
        tasks:
        - task_type: wait
          method: HTTP_GET
          timeout: 1m
          delay_between_retries: 20ms
          script:
            {{ if lt .JobRetry 1 }}
            - {{.Base}}/late
            {{ else }}
            - {{.Base}}/200
            {{ end }}
          on_exit_code:
            404: EXECUTING
          on_completed: second
        - {task_type: second, method: SHELL, script: ['echo second >> "$T/ran"']}
    """

    def test_a_sensor_asks_until_it_is_there(self):
        self.allow()
        mission = self.run_job(self.SENSOR, *self.base)
        self.assertEqual(self.task(mission, "wait")["attempts"], 3)
        self.assertEqual(self.lines("ran"), ["second"])

    def test_private_addresses_are_refused_until_the_operator_says_otherwise(self):
        result = self.reeve("run", self.job(self.SENSOR), *self.base)
        self.assertEqual(result.code, 1)
        self.assertIn("reeve config set REEVE_PRIVATE_ADDRESSES true", str(result))
        # Whoever submits the mission is not the operator.
        self.run_job(self.SENSOR, *self.base, "-p", "REEVE_PRIVATE_ADDRESSES=true", code=1)
        self.assertEqual(self.server.asked, [])

    def test_statuses_are_routes_and_values_are_bodies(self):
        self.allow()
        self.ok("credential", "set", "Token", "--from-file", self.write("token", "s3cr3t-value\n"))
        mission = self.run_job(
            """
            job_type: requests
            job_variables: {Count: 1000000, Note: "it's"}
            tasks:
            - task_type: get
              method: HTTP_GET
              url: {{.Base}}/200
              query: {page: "{{.Count}}"}
              headers: {X-Kind: probe}
              on_exit_code:
                200: post
                404: FATAL
            - task_type: post
              method: HTTP_POST_JSON
              url: {{.Base}}/201
              on_exit_code: {201: put}
            - task_type: put
              method: HTTP_PUT_JSON
              url: {{.Base}}/200
              on_completed: form
            - task_type: form
              method: HTTP_POST_FORM
              url: {{.Base}}/200
              on_completed: delete
            - task_type: delete
              method: HTTP_DELETE
              url: {{.Base}}/409
              on_exit_code: {409: COMPLETED}
              on_completed: done
            - {task_type: done, method: SHELL, script: ['echo done >> "$T/ran"']}
            """,
            *self.base,
        )
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.lines("ran"), ["done"])
        asked = [(method, path) for method, path, _, _ in self.server.asked]
        self.assertEqual(
            asked,
            [("GET", "/200?page=1000000"), ("POST", "/201"), ("PUT", "/200"), ("POST", "/200"), ("DELETE", "/409")],
        )
        self.assertEqual(self.server.asked[0][2]["X-Kind"], "probe")
        body = json.loads(self.server.asked[1][3])
        self.assertEqual((body["Count"], body["Note"]), ("1000000", "it's"))
        self.assertIn(b"Count=1000000", self.server.asked[3][3])
        for _, path, headers, sent in self.server.asked:
            for word in ("Token", "s3cr3t-value"):
                self.assertNotIn(word, f"{path} {headers} {sent}")


class ReleaseTest(JobTest):
    """Build, test, scan, ask people, deploy."""

    RELEASE = """
        job_type: release
        max_concurrency: 1
        tasks:
        - task_type: build
          method: KUBERNETES
          container: {image: "golang:1.22-alpine", memory_limit: 1Gi}
          script: [echo built > app.txt]
          artifacts: {paths: [app.txt]}
          on_completed: scan
        - task_type: scan
          method: DOCKER
          container: {image: "alpine:latest"}
          script: [echo scanned]
          artifacts:
            paths: [report.txt]
          on_completed: approval
        - task_type: approval
          method: MANUAL
          description: The scan is over. May it go out?
          approval_policy:
            min_approvals: 1
            require_unanimous: false
            sla_deadline: 4h
            timeout_action: ESCALATE
            escalation_recipients: "boss@example.org,#ops"
            escalation_message: nobody has decided yet
          on_exit_code:
            APPROVED: deploy
            REJECTED: tell
        - task_type: deploy
          method: KUBERNETES
          dependencies: [build]
          container: {image: "alpine:latest"}
          script: ['cat app.txt >> "$T/ran"']
        - task_type: tell
          method: KUBERNETES
          container: {image: "alpine:latest"}
          script: ['echo told >> "$T/ran"']
    """

    def begin(self):
        command = self.start("run", "--local", self.job(self.RELEASE), "--name", "m")
        self.await_state("m", "HELD")
        return command

    def test_approval_deploys(self):
        command = self.begin()
        scan = self.task("m", "scan")
        self.assertEqual(scan["state"], "COMPLETE")
        self.assertIn("report.txt", json.dumps(self.events("m")), "the warning about the missing file")
        self.assertIn("May it go out?", self.ok("approvals").out + self.ok("status", "m").out)
        self.ok("approve", "m")
        self.assertEqual(command.wait().code, 0)
        self.assertEqual(self.lines("ran"), ["built"])
        self.assertEqual(self.task("m", "approval")["exitCode"], "APPROVED")

    def test_rejection_takes_its_way_and_fails_the_job(self):
        command = self.begin()
        self.ok("reject", "m", "-m", "not on a Friday")
        self.assertEqual(command.wait().code, 1)
        mission = self.mission("m")
        self.assertEqual(self.lines("ran"), ["told"])
        self.assertEqual(self.task(mission, "approval")["exitCode"], "REJECTED")
        self.assertEqual(self.task(mission, "approval")["errorCode"], "ERR_MANUAL_REJECTION")
        self.assertEqual(mission["status"]["errorCode"], "ERR_MANUAL_REJECTION")
        self.assertEqual(self.task_states(mission)["deploy"], "SKIPPED")


    def escalations(self):
        return [event["data"] for event in self.events("m") if event["type"] == "gate.escalated"]

    def test_an_escalation_tells_everybody_once_and_decides_nothing(self):
        owner = self.up()
        self.ok("submit", "--local", self.job(self.RELEASE.replace("4h", "300ms")), "--name", "m")
        wait_until(self.escalations, what="the escalation")
        owner.kill()
        self.up()
        self.await_state("m", "HELD")
        self.ok("approve", "m")
        self.await_state("m", "COMPLETE")
        (told,) = self.escalations()
        self.assertEqual(told["recipients"], ["boss@example.org", "#ops"])
        self.assertEqual(told["message"], "nobody has decided yet")
        self.ok("down")


class SubmittingTest(JobTest):
    """Jobs that ask for jobs."""

    IMPLEMENT = """
        job_type: implement
        max_concurrency: 1
        tasks:
        - task_type: work
          method: SHELL
          environment: {TITLE: "{{.Title}}"}
          script:
            - printf '%s|%s|%s\\n' "$TITLE" "{{.Number}}" '{{.Extra}}' >> "$T/ran"
            - |
              GATE
    """.replace("GATE", gate("go"))
    ISSUES = [
        {
            "Title": """it's "quoted" $(touch "$T/harm") `x`""",
            "Number": 1234567,
            "Extra": {"labels": ["a", "b"]},
            "_description": "[issue](https://example.org/1)",
            "_user_key": "issue-1",
        },
        {"Title": "plain", "Number": 2, "Extra": "", "_user_key": "issue-2"},
    ]
    PICKER = """
        job_type: picker
        description: looks for issues
        skip_if: {{ if ge (CountByJobTypeAndState "implement" "PENDING" "READY,EXECUTING") 2 }} true {{ end }}
        tasks:
        - task_type: fetch
          method: SHELL
          script: ['echo "::set-output name=IssuesJSON::$(cat "$T/issues.json")"']
          on_completed: submit
        - task_type: submit
          method: SHELL
          environment:
            ISSUES_JSON: '{{.IssuesJSON}}'
            IDS: '{{ SubmitJobsFromJSON "implement" .IssuesJSON (printf "_parent_id=%s" .JobID) }}'
          script:
            - printf '%s\\n' "$ISSUES_JSON"
            - printf '%s\\n' "$IDS"
    """

    def test_how_many_run_at_the_same_time_is_what_was_applied_last(self):
        self.write("issues.json", "[]")
        self.up()
        self.ok("apply", self.job(self.IMPLEMENT))
        self.ok("apply", self.job(self.IMPLEMENT.replace("max_concurrency: 1", "max_concurrency: 2")))
        for name in ("a", "b", "c"):
            self.ok("submit", "implement", "--name", name)
        wait_until(lambda: len(self.lines("ran")) == 2, what="two at work")
        self.await_state("a", "ACTIVE")
        self.await_state("b", "ACTIVE")
        self.assertEqual(self.state("c"), "QUEUED")
        self.assertIn("at most 2 missions of implement", self.ok("status").out)
        self.touch("go")
        self.await_state("c", "COMPLETE")
        self.ok("down")

    RESTING = """
        job_type: resting
        cron_trigger: "* * * * * * *"
        skip_if: {{ if true }} true {{ end }}
        job_variables: {DeleteFilteredCronJobs: FORGET}
        tasks:
        - {task_type: a, method: SHELL, script: ['echo a >> "$T/ran"']}
    """

    def test_skipped_jobs_are_left_out_of_the_list(self):
        self.ok("apply", self.job(self.RESTING.replace("FORGET", "false")))
        self.up()
        skipped = wait_until(lambda: self.named("resting"), what="a mission of the schedule")[0]
        self.ok("down")
        status = skipped["status"]
        self.assertEqual((status["state"], status["errorCode"]), ("ABORTED", "ERR_FILTERED_JOB"))
        name = skipped["metadata"]["name"]
        self.assertNotIn(name, self.ok("status").out)
        self.assertNotIn(name, self.ok("status", "-o", "name").out)
        self.assertRegex(self.ok("status", "--all").out, f"{name} .*ABORTED.*skipped by skip_if")
        self.assertIn("skipped by skip_if", self.ok("status", name).out)
        self.assertEqual(self.lines("ran"), [])

    def test_skipped_jobs_of_a_schedule_can_be_forgotten(self):
        self.ok("apply", self.job(self.RESTING.replace("FORGET", "true")))
        self.up()

        def skipped():
            (workflow,) = self.ok("workflows", "-o", "json").json()["items"]
            return workflow["status"]["triggers"][0].get("skipped", 0)

        wait_until(skipped, what="a tick")
        self.ok("down")
        self.assertEqual(self.named("resting"), [])
        self.assertEqual(self.lines("ran"), [])

    def test_a_picker_submits_each_issue_once_whatever_its_title_is(self):
        self.write("issues.json", json.dumps(self.ISSUES))
        self.up()
        self.ok("apply", self.job(self.IMPLEMENT))
        picker = self.job(self.PICKER)
        mission = self.run_json(picker, "--name", "p1")
        self.assertEqual(mission["status"]["state"], "COMPLETE", mission)
        made = self.named("implement")
        self.assertEqual(len(made), 2)
        self.assertEqual(self.log("submit", "p1").split()[-2:], [item["metadata"]["name"] for item in made])
        self.assertIn("it's", self.log("submit", "p1"))
        # Two are waiting or at work: the picker rests.
        rests = self.run_json(picker, "--name", "p2", code=1)
        self.assertEqual(rests["status"]["errorCode"], "ERR_FILTERED_JOB")
        wait_until(lambda: self.lines("ran"), what="the first one at work")
        # At most one of them runs at the same time, and the other one says why it waits.
        waiting = [item for item in self.named("implement") if item["status"]["state"] == "QUEUED"]
        self.assertEqual(len(waiting), 1)
        self.assertIn("at most 1 mission of implement", self.ok("status").out)
        self.touch("go")
        for item in made:
            self.await_state(item["metadata"]["name"], "COMPLETE")
        title = self.ISSUES[0]["Title"]
        self.assertEqual(sorted(self.lines("ran")), sorted([f'{title}|1234567|{{"labels":["a","b"]}}', "plain|2|"]))
        self.assertFalse((self.dir / "harm").exists())
        # Their keys are free again.
        self.run_json(picker, "--name", "p3")
        self.assertEqual(len(self.named("implement")), 4)
        for item in self.named("implement"):
            self.await_state(item["metadata"]["name"], "COMPLETE")
        self.ok("down")
        self.audit()


class TriggerTest(JobTest):
    def test_a_message_on_a_queue_starts_a_job(self):
        self.up()
        self.ok(
            "apply",
            self.job(
                """
                job_type: orders
                max_concurrency: 20
                triggers:
                  - type: queue
                    name: large-order
                    topic: orders.completed
                    group: order-jobs
                    filter: '{{ if gt (atoi (printf "%v" .Message.total)) 500 }}true{{ end }}'
                    params:
                      order: '{{ .Message.order }}'
                      customer: '{{ default "unknown" .Message.customer }}'
                      total: '{{ printf "%v" .Message.total }}'
                    dedup_key: 'order-{{ .Message.order }}'
                    rate_limit: {max: 500, window: 1m}
                tasks:
                - task_type: fulfil
                  method: SHELL
                  script: ['echo "{{.order}} {{.customer}} {{.total}}" >> "$T/ran"']
                """
            ),
        )
        for message in ({"order": "a", "total": 50}, {"order": "b", "total": 2000000}, {"order": "c", "customer": "Eve", "total": 501}):
            self.ok("channel", "send", "orders.completed", json.dumps(message))
        wait_until(lambda: len(self.lines("ran")) == 2, what="two orders")
        self.assertEqual(sorted(self.lines("ran")), ["b unknown 2000000", "c Eve 501"])
        self.ok("down")

    def test_cron_expressions_of_five_six_and_seven_fields(self):
        job = """
            job_type: NAME
            cron_trigger: CRON
            tasks:
            - {task_type: a, method: SHELL, script: ['true']}
        """
        expected = {
            "five": ("'*/5 * * * *'", r"T\d\d:\d[05]:00"),
            "six": ("0 0 * * * *", r"T00:00:00"),
            "seven": ("0 0 */4 * * * *", r"T(00|04|08|12|16|20):00:00"),
            "seconds": ("30 0 0 1 1 * 2099", r"2099-01-01T00:00:30"),
        }
        for name, (cron, _) in expected.items():
            self.ok("apply", self.job(job.replace("NAME", name).replace("CRON", cron)), env={"TZ": "UTC"})
        for item in self.ok("workflows", "-o", "json", env={"TZ": "UTC"}).json()["items"]:
            name = item["metadata"]["name"]
            self.assertRegex(json.dumps(item["status"]["triggers"]), expected[name][1], name)
        self.assertIn("cron-six-fields", str(self.reeve("lint", self.dir / "six.yaml")))


class MessageTest(JobTest):
    def test_another_mission_answers_a_message(self):
        self.up()
        responder = self.job(
            f"""
            job_type: responder
            tasks:
            - task_type: answer
              method: SHELL
              script:
                - |
                  #!/usr/bin/env python3
                  import json, subprocess, time
                  def reeve(*words):
                      return subprocess.run(["{PROGRAM}", "channel", *words], capture_output=True, text=True).stdout
                  while not (line := reeve("receive", "work", "--ack", "-o", "json")):
                      time.sleep(0.02)
                  message = json.loads(line)
                  asked = json.loads(message["body"])
                  where = message["properties"]
                  reeve("send", where["replyTo"], "hello " + asked["Name"],
                        "--property", "correlationId=" + where["correlationId"])
            """
        )
        answering = self.start("run", responder)
        self.run_job(
            """
            job_type: asker
            timeout: 60s
            job_variables: {Name: Ada}
            tasks:
            - task_type: ask
              method: MESSAGING
              timeout: 50s
              messaging_request_queue: work
              messaging_reply_queue: answers
              on_exit_code: {COMPLETED: use}
            - {task_type: use, method: SHELL, script: ['echo "{{.reply}}"']}
            """
        )
        self.assertIn("hello Ada", self.log("use"))
        self.assertEqual(answering.wait().code, 0)
        self.ok("down")


if __name__ == "__main__":
    main()
