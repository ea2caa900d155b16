"""Formicary documents, run as they are."""

from reeve import ReeveTest, gate, main, wait_until

DEPLOY = """
job_type: deploy-service
description: >
  Builds, tests and deploys a service, and says so. See [the wiki](https://example.org/wiki).
timeout: 5m
retry: 0
delay_between_retries: 100ms
pause_time: 300ms
max_concurrency: 1
required_params:
  - Service
job_variables:
  Region: eu-1
  Ports: [80, 443]
  CodeCoverage: false
tasks:
  - task_type: build
    method: SHELL
    timeout: 1m
    retry: 2
    delay_between_retries: 50ms
    environment:
      SERVICE: "{{.Service}}"
      REGION: "{{.Region}}"
    before_script:
      - echo preparing
    script:
      - echo "build $TaskRetry" >> "$T/ran"
      - mkdir -p out
      - echo "$SERVICE in $REGION" > out/service.txt
      # Fails once, to be tried again.
      - test -e "$T/built" || { touch "$T/built"; exit 1; }
      - echo "::set-output name=Version::1.2.3"
    after_script:
      - echo done
    artifacts:
      paths:
        - out
    on_completed: check
  - task_type: check
    method: SHELL
    dependencies:
      - build
    script:
      - cat out/service.txt > checked.txt
      - echo check >> "$T/ran"
      - |
        code=${CheckCode:-0}
        if [ "$code" = 6 ] && [ -e "$T/restarted" ]; then exit 0; fi
        touch "$T/restarted"
        exit "$code"
    artifacts:
      paths: [checked.txt]
      when: onSuccess
    on_exit_code:
      "COMPLETED": deploy
      "2": blocked
      "3": FATAL
      "4": PAUSE_JOB
      "5": EXECUTING
      "6": RESTART_JOB
      "7": COMPLETED
      "8": ERR_CHECK
    on_failed: blocked
  - task_type: coverage
    method: SHELL
    except: '{{if .CodeCoverage}}false{{else}}true{{end}}'
    script:
      - echo coverage >> "$T/ran"
    on_completed: notify
  - task_type: deploy
    method: SHELL
    variables:
      Target: "{{.Service}}-{{.Region}}"
    environment:
      TARGET: "{{.Target}}"
      VERSION: "{{.Version}}"
    script:
      - |
        #!/bin/bash
        set -o pipefail
        for word in deploy "$TARGET" "$VERSION"; do
          [[ -n $word ]] && printf '%s ' "$word"

        done | tee -a "$T/ran"
        echo >> "$T/ran"
    on_completed: coverage
  - task_type: notify
    method: SHELL
    script:
      - echo notify >> "$T/ran"
  - task_type: blocked
    method: SHELL
    script:
      - echo blocked >> "$T/ran"
  - task_type: cleanup
    method: SHELL
    always_run: true
    timeout: 20s
    script:
      - echo cleanup >> "$T/ran"
"""


class FormicaryTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.document = self.write("deploy.yaml", DEPLOY)

    def run_with(self, code, *params, exit_code=0):
        if code is not None:
            params += ("-p", f"CheckCode={code}")
        return self.run_json(self.document, "--name", "m", "-p", "Service=it's", *params, code=exit_code)

    def ran(self):
        return [line.strip() for line in self.lines("ran")]

    def test_the_happy_path(self):
        mission = self.run_with(None)
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(
            self.ran(),
            ["build 0", "build 1", "check", "deploy it's-eu-1 1.2.3", "notify", "cleanup"],
        )
        self.assertEqual(self.task(mission, "build")["attempts"], 2)
        self.assertEqual(self.task(mission, "build")["outputs"]["Version"], "1.2.3")
        self.assertEqual(self.task(mission, "coverage")["exitCode"], "SKIPPED")
        self.assertEqual(self.task(mission, "blocked")["state"], "SKIPPED")
        checked = self.data / "missions/m/results/check/checked.txt"
        self.assertEqual(checked.read_text(), "it's in eu-1\n")
        self.audit()

    def test_lint_and_graph_read_it(self):
        self.assertIn("0 errors", self.ok("lint", self.document).out)
        self.assertIn("cleanup", self.ok("graph", self.document).out)

    def test_a_required_param_is_required(self):
        self.refused(3, "run", self.document, says="Service")

    def test_a_param_turns_a_skipped_task_on(self):
        self.run_with(None, "-p", "CodeCoverage=true")
        self.assertIn("coverage", self.ran())

    def test_an_exit_code_with_a_route_goes_there_and_the_job_fails(self):
        mission = self.run_with(2, exit_code=1)
        self.assertEqual(self.ran()[2:], ["check", "blocked", "cleanup"])
        self.assertEqual(self.task(mission, "blocked")["state"], "COMPLETE")
        self.assertEqual(self.task(mission, "check")["artifacts"], [], "when: onSuccess")

    def test_an_exit_code_without_a_route_takes_on_failed(self):
        self.run_with(9, exit_code=1)
        self.assertEqual(self.ran()[2:], ["check", "blocked", "cleanup"])

    def test_fatal_ends_the_job_without_another_try(self):
        self.write("deploy.yaml", DEPLOY.replace("retry: 0", "retry: 1"))
        mission = self.run_with(3, exit_code=1)
        self.assertEqual(self.ran()[2:], ["check", "blocked", "cleanup"])
        self.assertEqual(self.task(mission, "check")["errorCode"], "ERR_FATAL")
        self.assertEqual(mission["status"]["epoch"], 1)

    def test_a_job_is_tried_again_from_its_incomplete_tasks(self):
        self.write("deploy.yaml", DEPLOY.replace("retry: 0", "retry: 1"))
        mission = self.run_with(9, exit_code=1)
        self.assertEqual(mission["status"]["epoch"], 2)
        # What a task that ran again leads to runs again, too.
        self.assertEqual(self.ran()[2:], ["check", "blocked", "check", "blocked", "cleanup"])

    def test_a_route_may_name_the_error_code(self):
        mission = self.run_with(8, exit_code=1)
        self.assertEqual(self.task(mission, "check")["errorCode"], "ERR_CHECK")

    def test_an_exit_code_may_count_as_completed(self):
        self.assertEqual(self.run_with(7)["status"]["state"], "COMPLETE")
        self.assertIn("notify", self.ran())

    def test_restart_job_tries_the_whole_again_from_its_incomplete_tasks(self):
        mission = self.run_with(6)
        self.assertEqual(mission["status"]["epoch"], 2)
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        # The way of the failure is walked before the whole is tried again.
        self.assertEqual(self.ran()[2:4], ["check", "blocked"])
        self.assertEqual(self.ran().count("check"), 2)
        self.assertEqual([line for line in self.ran() if line.startswith("build")], ["build 0", "build 1"])
        self.assertEqual(self.ran()[-2:], ["notify", "cleanup"])
        self.assertEqual(self.ran().count("cleanup"), 1)

    def test_skip_if_filters_the_job(self):
        self.write("deploy.yaml", DEPLOY.replace("pause_time:", 'skip_if: \'{{if eq .Service "old"}}true{{end}}\'\npause_time:'))
        mission = self.run_json(self.document, "-p", "Service=old", code=1)
        self.assertEqual(mission["status"].get("errorCode"), "ERR_FILTERED_JOB", mission["status"])
        self.assertEqual(self.ran(), [])


POLL = """
job_type: poll
timeout: 1m
pause_time: 200ms
tasks:
  - task_type: poll
    method: SHELL
    delay_between_retries: 50ms
    timeout: 30s
    script:
      - echo poll >> "$T/ran"
      - test "$(wc -l < "$T/ran")" -ge 3 || exit 75
      - test -e "$T/open" || exit 76
    on_exit_code:
      "75": EXECUTING
      "76": PAUSE_JOB
      COMPLETED: report
  - task_type: report
    method: SHELL
    script: [echo report >> "$T/ran"]
"""


class PollTest(ReeveTest):
    def test_executing_polls_without_using_up_retries(self):
        self.touch("open")
        mission = self.run_json(self.write("poll.yaml", POLL))
        self.assertEqual(self.lines("ran"), ["poll"] * 3 + ["report"])
        self.assertEqual(self.task(mission, "poll")["attempts"], 3)

    def test_pause_job_holds_the_mission_and_tries_again(self):
        command = self.start("run", self.write("poll.yaml", POLL), "--name", "m")
        wait_until(lambda: len(self.lines("ran")) >= 5, what="two pauses")
        self.touch("open")
        self.assertEqual(command.wait().code, 0)
        events = self.events("m")
        raised = [event for event in events if event["type"] == "hold.raised"]
        self.assertGreaterEqual(len(raised), 2)
        self.assertIn("HELD", [event["data"].get("to") for event in events])
        self.assertEqual(self.lines("ran")[-1], "report")

    def test_a_paused_job_survives_a_crash(self):
        slow = POLL.replace("200ms", "1s")
        command = self.start("run", self.write("poll.yaml", slow), "--name", "m")
        self.await_state("m", "HELD")
        command.kill()
        self.touch("open")
        self.ok("run", "--resume", "m")
        self.assertEqual(self.lines("ran"), ["poll"] * 4 + ["report"])


class ContainerTest(ReeveTest):
    DOCUMENT = """
job_type: in-containers
tasks:
  - task_type: default-method
    container: {image: "alpine:3.16"}
    script: [echo first >> "$T/ran"]
    on_completed: docker
  - task_type: docker
    method: DOCKER
    container: {image: "golang:1.22"}
    script: [echo second >> "$T/ran"]
"""

    def test_container_methods_are_refused_without_local(self):
        document = self.write("containers.yaml", self.DOCUMENT)
        result = self.reeve("run", document)
        self.assertEqual(result.code, 3, str(result))
        self.assertIn("--local", result.err)
        self.assertEqual(self.lines("ran"), [])

    def test_with_local_they_run_in_the_shell_which_is_said(self):
        document = self.write("containers.yaml", self.DOCUMENT)
        result = self.ok("run", "--local", document)
        self.assertEqual(self.lines("ran"), ["first", "second"])
        self.assertIn("local shell instead of KUBERNETES (image alpine:3.16)", result.err)
        self.assertIn("local shell instead of DOCKER", result.err)


if __name__ == "__main__":
    main()
