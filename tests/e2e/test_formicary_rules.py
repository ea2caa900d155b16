"""What Formicary documents may rely on, rule by rule: routes, retries, values, scripts, limits.

The table "Defects of Formicary" in docs/guides/formicary.md says which test holds which rule.
"""


from reeve import gate, main, wait_until
from test_formicary_jobs import JobTest

ROUTES = """
    job_type: routes
    retry: 1
    delay_between_retries: 10ms
    pause_time: 20ms
    tasks:
    - task_type: t
      method: SHELL
      retry: 1
      delay_between_retries: 10ms
      script:
        - echo t >> "$T/ran"
        - |
          test "$Once" != true || test "$(grep -c t "$T/ran")" = 1 || exit 0
          exit $Code
      on_exit_code:
        1: FATAL
        2: a
        3: COMPLETED
        4: PAUSE_JOB
        5: EXECUTING
        6: ERR_X
        7: FAILED
        8: RESTART_TASK
        9: RESTART_JOB
      on_completed: b
      on_failed: c
    - {task_type: a, method: SHELL, script: ['echo a >> "$T/ran"']}
    - {task_type: b, method: SHELL, script: ['echo b >> "$T/ran"']}
    - {task_type: c, method: SHELL, script: ['echo c >> "$T/ran"']}
"""


class RoutesTest(JobTest):
    def end(self, code, once=False, document=ROUTES):
        """How the job ends: (state, its error, the error of t, what ran)."""
        words = ["--name", "m", "-p", f"Code={code}", "-p", f"Once={'true' if once else 'false'}"]
        result = self.reeve("run", self.job(document), *words, "-o", "json")
        mission = result.json_lines()[-1]
        task = self.task(mission, "t")
        self.assertEqual(result.code, 0 if mission["status"]["state"] == "COMPLETE" else 1)
        return (
            mission["status"]["state"],
            mission["status"].get("errorCode", ""),
            task.get("errorCode", ""),
            " ".join(self.lines("ran")),
        )

    def test_completed(self):
        self.assertEqual(self.end(0), ("COMPLETE", "", "", "t b"))

    def test_fatal_takes_the_way_of_failures_once(self):
        self.assertEqual(self.end(1), ("FAILED", "ERR_FATAL", "ERR_FATAL", "t c"))

    def test_a_task_of_its_own(self):
        state, _, _, ran = self.end(2)
        # A route is taken at once; the whole is tried again, and fails again.
        self.assertEqual((state, ran), ("FAILED", "t a t a"))

    def test_a_code_that_counts_as_completed(self):
        self.assertEqual(self.end(3), ("COMPLETE", "", "", "t b"))

    def test_a_pause_ends_by_itself(self):
        self.assertEqual(self.end(4, once=True), ("COMPLETE", "", "", "t t b"))

    def test_a_poll(self):
        self.assertEqual(self.end(5, once=True), ("COMPLETE", "", "", "t t b"))

    def test_an_error_code_of_ones_own(self):
        self.assertEqual(self.end(6), ("FAILED", "ERR_X", "ERR_X", "t c t c"))

    def test_failed(self):
        state, _, _, ran = self.end(7)
        self.assertEqual((state, ran), ("FAILED", "t c t c"))

    def test_a_task_that_is_tried_again(self):
        self.assertEqual(self.end(8, once=True), ("COMPLETE", "", "", "t t b"))

    def test_a_task_that_is_tried_again_in_vain(self):
        state, _, error, ran = self.end(8)
        self.assertEqual((state, error, ran), ("FAILED", "ERR_RESTART_TASK", "t t c t t c"))

    def test_a_job_that_is_tried_again(self):
        self.assertEqual(self.end(9, once=True), ("COMPLETE", "", "", "t c t b"))

    def test_a_code_without_a_route(self):
        state, _, _, ran = self.end(42)
        self.assertEqual((state, ran), ("FAILED", "t t c t t c"))

    def test_a_failure_that_is_allowed(self):
        allowed = ROUTES.replace("on_failed: c", "allow_failure: true").replace("- task_type: c", "")
        allowed = "\n".join(line for line in allowed.splitlines() if "task_type: c," not in line)
        self.assertEqual(self.end(42, document=allowed)[::3], ("COMPLETE", "t t b"))

    def test_a_leaf_with_routes_that_do_not_match_is_a_success(self):
        self.run_job(
            """
            job_type: leaf
            tasks:
            - task_type: only
              method: SHELL
              script: ['true']
              on_exit_code: {2: ERR_TWO}
            """
        )

    def test_codes_of_a_taco(self):
        taco = """
            job_type: taco
            job_variables: {ExitCode: 0}
            tasks:
            - task_type: allocate
              method: SHELL
              script:
                - exit {{.ExitCode}}
              on_completed: check
              on_exit_code: {1: check, "3": COMPLETED}
            - {task_type: check, method: SHELL, script: ['echo check >> "$T/ran"']}
        """
        self.run_job(taco, "-p", "ExitCode=3")
        self.run_json(self.job(taco), "-p", "ExitCode=1", "--name", "one", code=1)
        self.assertEqual(self.lines("ran"), ["check"] * 2)
        self.assertIn("allocate  FAILED", self.ok("status", "one").out)
        self.assertIn("exit code 1, recovered via check", self.ok("status", "one").out)
        self.assertEqual(self.task("one", "allocate")["recoveredVia"], "check")

    def test_a_failure_that_leads_to_another_one_is_not_recovered(self):
        mission = self.run_job(
            """
            job_type: twice
            tasks:
            - {task_type: a, method: SHELL, script: [exit 1], on_failed: b}
            - {task_type: b, method: SHELL, script: [exit 2]}
            """,
            code=1,
        )
        for task in ("a", "b"):
            self.assertNotIn("recoveredVia", self.task(mission, task))
            self.assertNotIn("recoveredVia", self.task("m", task))


class RetriesTest(JobTest):
    def test_a_flaky_task_with_backoff(self):
        mission = self.run_job(
            """
            job_type: flaky
            retry: 2
            retry_backoff_policy: {min: 10ms, max: 30ms, factor: 2.0, jitter: true}
            tasks:
            - task_type: flaky
              method: SHELL
              retry: 3
              retry_backoff_policy: {min: 5ms, max: 50ms, factor: 1.5, jitter: true}
              script:
                - echo "{{.JobRetry}}.{{.TaskRetry}} $JobRetry.$TaskRetry" >> "$T/ran"
                - test "$(wc -l < "$T/ran")" -ge 6
              on_completed: stable
            - {task_type: stable, method: SHELL, script: [echo stable]}
            """
        )
        self.assertEqual(mission["status"]["epoch"], 2)
        # Templates are rendered before each attempt.
        tries = [f"0.{i} 0.{i}" for i in range(4)] + [f"1.{i} 1.{i}" for i in range(2)]
        self.assertEqual(self.lines("ran"), tries)

    def test_a_hard_reset_runs_completed_tasks_again(self):
        self.run_job(
            """
            job_type: hard
            retry: 3
            delay_between_retries: 5ms
            hard_reset_after_retries: 1
            tasks:
            - {task_type: first, method: SHELL, script: ['echo first >> "$T/ran"'], on_completed: second}
            - task_type: second
              method: SHELL
              script: ['echo second >> "$T/ran"', 'test "$(grep -c second "$T/ran")" -ge 3']
            """
        )
        # The second retry is the one that begins anew.
        self.assertEqual(self.lines("ran"), ["first", "second", "second", "first", "second"])

    def test_a_poll_that_depends_on_itself_finds_its_own_file(self):
        self.run_job(
            """
            job_type: poll-itself
            tasks:
            - task_type: poll
              method: SHELL
              delay: 5ms
              dependencies: [poll]
              script: ['cat seen 2>/dev/null; echo x >> seen', 'test "$(wc -l < seen)" -ge 1', 'echo poll >> "$T/ran"', 'test "$(wc -l < "$T/ran")" -ge 3 || exit 7']
              artifacts: {paths: [seen], when: always}
              on_exit_code: {7: EXECUTING}
            """
        )
        self.assertEqual(len(self.lines("ran")), 3)


class CleaningTest(JobTest):
    CLEAN = """
        job_type: clean
        timeout: TIMEOUT
        tasks:
        - task_type: work
          method: SHELL
          script:
            - echo work >> "$T/ran"
            - |
              WORK
          on_completed: after
        - {task_type: after, method: SHELL, script: ['echo after >> "$T/ran"'], on_completed: cleanup}
        - {task_type: cleanup, method: SHELL, always_run: true, timeout: 30s, script: ['echo cleanup >> "$T/ran"']}
    """

    def clean(self, work, timeout="1m"):
        return self.job(self.CLEAN.replace("WORK", work).replace("TIMEOUT", timeout))

    def test_after_success_once(self):
        self.run_json(self.clean("true"))
        self.assertEqual(self.lines("ran"), ["work", "after", "cleanup"])

    def test_after_a_failure(self):
        self.run_json(self.clean("exit 3"), code=1)
        self.assertEqual(self.lines("ran"), ["work", "cleanup"])

    def test_after_the_deadline(self):
        self.run_json(self.clean("sleep 1000", timeout="300ms"), code=1)
        self.assertEqual(self.lines("ran"), ["work", "cleanup"])

    def test_after_an_abort(self):
        command = self.start("run", self.clean("sleep 1000"), "--name", "m")
        wait_until(lambda: self.lines("ran"), what="the work")
        self.ok("abort", "m")
        command.wait()
        self.assertEqual(self.lines("ran"), ["work", "cleanup"])

    def test_a_timeout_takes_on_failed(self):
        mission = self.run_job(
            """
            job_type: late
            tasks:
            - {task_type: a, method: SHELL, timeout: 200ms, script: [sleep 1000], on_failed: b}
            - {task_type: b, method: SHELL, script: ['echo b >> "$T/ran"']}
            """,
            code=1,
        )
        self.assertEqual(self.task(mission, "a")["errorCode"], "ERR_TASK_TIMED_OUT")
        self.assertEqual(self.lines("ran"), ["b"])


class ValuesTest(JobTest):
    def test_values_have_types_and_an_order(self):
        self.run_job(
            """
            job_type: org.example.values
            sem_version: 1.2-rc
            job_variables:
              Big: 12345678
              Ratio: 1.5
              Flag: true
              List: [1, two]
              Map: {b: 2, a: 1}
              Who: job
            tasks:
            - task_type: show
              method: SHELL
              variables: {Who: task, Extra: 14.123}
              script:
                - echo "{{.Big}} {{.Ratio}} {{.Flag}} {{.Who}} {{.Extra}} {{.Missing}} {{.SemVersion}} {{.TaskType}} {{.JobType}}"
                - echo "$Big $Ratio $Flag $List $Map $TaskType"
                - echo "::set-output name=Who::output"
              on_completed: later
            - {task_type: later, method: SHELL, script: ['echo "{{.Who}}"']}
            """,
            "-p",
            "Who=param",
        )
        shown = self.log("show").splitlines()
        self.assertEqual(shown[0], "12345678 1.5 true task 14.123 <no value> 1.2-rc show org.example.values")
        self.assertEqual(shown[1], '12345678 1.5 true [1,"two"] {"b":2,"a":1} show')
        self.assertEqual(self.log("later"), "output\n")

    def test_a_required_param_may_be_a_setting(self):
        document = self.job(
            """
            job_type: needs
            required_params: [Region]
            tasks:
            - {task_type: a, method: SHELL, script: ['echo {{.Region}}']}
            """
        )
        self.refused(3, "run", document, says="Region")
        self.ok("config", "set", "Region", "eu")
        self.run_json(document, "--name", "m")
        self.assertEqual(self.log("a"), "eu\n")

    def test_a_secret_is_used_and_not_shown(self):
        self.ok("credential", "set", "Token", "--from-file", self.write("token", "s3cr3t-value\n"))
        self.run_job(
            """
            job_type: secret
            tasks:
            - task_type: a
              method: SHELL
              environment: {GH_TOKEN: "{{.Token}}"}
              script:
                - test ${#GH_TOKEN} = 12 && test "{{.Token}}" = "$GH_TOKEN"
                - echo "with $GH_TOKEN"
              on_completed: b
            - {task_type: b, method: SHELL, script: ['! env | grep -q ^Token=']}
            """
        )
        self.assertEqual(self.log("a"), "with [****]\n")
        for path in (self.data / "missions").rglob("*"):
            if path.is_file():
                self.assertNotIn(b"s3cr3t-value", path.read_bytes(), path)

    def test_texts_from_outside_do_not_break_a_document(self):
        self.run_job(
            """
            job_type: outside
            tasks:
            - task_type: a
              method: SHELL
              environment: {TITLE: '{{.Title}}', QUOTED: "{{.Title}}"}
              script: ['test "$TITLE" = "$QUOTED"; printf "%s\\n" "$TITLE"']
            """,
            "-p",
            """Title=it's: "a" #b\n  - c""",
        )
        self.assertEqual(self.log("a"), """it's: "a" #b\n  - c\n""")

    def test_a_task_is_left_out_by_except(self):
        mission = self.run_job(
            """
            job_type: optional
            tasks:
            - {task_type: a, method: SHELL, except: '{{if eq .Mode "quick"}} true {{end}}', script: ['echo a >> "$T/ran"'], on_completed: b}
            - {task_type: b, method: SHELL, script: ['echo b >> "$T/ran"']}
            """,
            "-p",
            "Mode=quick",
        )
        self.assertEqual(self.lines("ran"), ["b"])
        self.assertEqual(self.task(mission, "a")["exitCode"], "SKIPPED")


class DynamicTest(JobTest):
    def test_tasks_that_a_template_makes(self):
        mission = self.run_job(
            """
            job_type: many
            dynamic_template_tasks: true
            tasks:
            {{- range $i := Iterate 4 }}
            - task_type: step-{{$i}}
              method: SHELL
              script:
                - echo {{$i}} of {{Add $i 1}} >> "$T/ran"
              {{ if lt $i 3 }}
              on_completed: step-{{Add $i 1}}
              {{ end }}
            {{ end }}
            """
        )
        self.assertEqual(len(mission["status"]["tasks"]), 4)
        self.assertEqual(self.lines("ran"), ["0 of 1", "1 of 2", "2 of 3", "3 of 4"])

    def test_conditions_around_lines_of_a_script(self):
        text = """
            job_type: platforms
            job_variables: {Windows: false}
            tasks:
            - task_type: a
              method: SHELL
              variables:
                greeting: hello
                {{ if .Windows }}
                shell: cmd
                {{ else }}
                shell: sh
                {{ end }}
              script:
                - echo begin
                {{ if .Windows }}
                - dir
                {{ else }}
                - echo "{{.greeting}} from {{.shell}}"
                {{ end }}
            {{- range $i := Iterate 2 }}
                - echo round {{$i}}
            {{ end }}
        """
        self.run_job(text)
        self.assertEqual(self.log("a").splitlines(), ["begin", "hello from sh", "round 0", "round 1"])


class ScriptsTest(JobTest):
    def test_interpreters_blank_lines_and_streams(self):
        self.run_job(
            """
            job_type: scripts
            tasks:
            - task_type: build-image
              method: SHELL
              script: [echo image]
              on_completed: build
            # task_type: build in a comment is no task
            - task_type: build
              method: SHELL
              script:
                - |
                  #!/usr/bin/env python3
                  import sys

                  print("python", sys.version_info[0])
                - |
                  set -o pipefail
                  cat <<'END'
                  one

                  two
                  END
                  false | true; echo "${PIPESTATUS[0]}"; [[ a == a ]] && echo bash
            """
        )
        self.assertEqual(self.log("build"), "python 3\none\n\ntwo\n1\nbash\n")

    def test_a_signal_is_a_failure_and_each_run_has_its_directory(self):
        mission = self.run_job(
            """
            job_type: killed
            tasks:
            - {task_type: a, method: SHELL, script: ['touch mine; kill -9 $$'], on_failed: b}
            - {task_type: b, method: SHELL, script: ['test ! -e mine && echo alone >> "$T/ran"']}
            """,
            code=1,
        )
        self.assertEqual(self.task(mission, "a")["exitCode"], 137)
        self.assertEqual(self.lines("ran"), ["alone"])

    def test_output_appears_while_the_command_runs(self):
        command = self.start(
            "run",
            "--name",
            "m",
            self.job(
                f"""
                job_type: stream
                tasks:
                - task_type: a
                  method: SHELL
                  script:
                    - |
                      echo early; {gate("go")}
                """
            ),
        )
        wait_until(lambda: "early" in command.out(), what="the first line")
        self.touch("go")
        self.assertEqual(command.wait().code, 0)

    def test_a_dependency_that_never_ran_is_a_warning(self):
        mission = self.run_job(
            """
            job_type: branches
            tasks:
            - task_type: a
              method: SHELL
              script: [exit 2]
              on_exit_code: {2: COMPLETED}
              on_completed: c
              on_failed: b
            - {task_type: b, method: SHELL, script: [echo b > b.txt], artifacts: {paths: [b.txt]}, on_completed: c}
            - {task_type: c, method: SHELL, dependencies: [a, b], script: ['echo c >> "$T/ran"']}
            """
        )
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.lines("ran"), ["c"])
        warnings = [warning for event in self.events("m") for warning in event["data"].get("warnings", [])]
        self.assertEqual(warnings, ["there are no files of b: not run before this task"])

    def test_files_go_to_tasks_that_depend_on_them_and_expire(self):
        self.run_job(
            """
            job_type: files
            tasks:
            - task_type: make
              method: SHELL
              script: [mkdir -p out/deep, echo one > out/one.txt, echo two > out/deep/two.txt, echo x > x.log]
              artifacts: {paths: [out, "*.log"], expires_after: 24h, when: onSuccess}
              on_completed: use
            - {task_type: use, method: SHELL, dependencies: [make], script: [cat out/one.txt out/deep/two.txt x.log], on_completed: tidy}
            - {task_type: tidy, method: EXPIRE_ARTIFACTS}
            """
        )
        self.assertEqual(self.log("use"), "one\ntwo\nx\n")
        self.assertEqual(self.result("make/out/deep/two.txt"), "two\n", "it has not expired yet")


class LimitsTest(JobTest):
    def test_a_licence_is_used_by_one_job_at_a_time(self):
        job = """
            job_type: NAME
            resources: {resource_type: License, platform: Vendor, tags: [vendor], value: 1}
            tasks:
            - task_type: a
              method: SHELL
              script:
                - echo NAME >> "$T/ran"
                - |
                  GATE
        """
        self.up()
        for name in ("one", "two"):
            self.ok("submit", self.job(job.replace("NAME", name).replace("GATE", gate(name))), "--name", name)
        wait_until(lambda: self.lines("ran") == ["one"], what="the first one at work")
        self.assertEqual(self.state("two"), "QUEUED")
        self.assertIn("License", self.ok("status").out)
        self.touch("one")
        wait_until(lambda: self.lines("ran") == ["one", "two"], what="the second one at work")
        self.touch("two")
        self.await_state("two", "COMPLETE")
        self.ok("down")

    TAGGED = """
        job_type: tagged
        tasks:
        - {task_type: a, method: SHELL, tags: [builder], script: [echo built]}
    """

    def test_tags_wait_for_a_host_and_say_the_way_out(self):
        command = self.start("run", self.job(self.TAGGED), "--name", "m")
        wait_until(lambda: "--local" in command.out(), what="the reason")
        self.assertIn("task a waits for a host with the label builder", command.out())
        self.assertIn("--labels builder", command.out())
        self.assertIn("label builder", self.ok("status").out)
        self.assertIn("label builder", self.ok("status", "m").out)
        self.ok("abort", "m")
        command.wait()

    def test_locally_tags_count_for_nothing(self):
        self.run_job(self.TAGGED, "--local")
        self.assertEqual(self.log("a"), "built\n")

    def test_unknown_fields_are_warnings_with_a_place(self):
        document = self.job(
            """
            job_type: unknown
            description: "LONG"
            tasks:
            - task_type: a
              method: SHELL
              artifacts: {paths: [a.txt], expire_after: 1h}
              delay: 5s
              scripts: [echo x]
              script: [echo x]
            """.replace("LONG", "long " * 200)
        )
        result = self.ok("lint", document)
        for text in ("expires_after", "scripts", "unknown.yaml:"):
            self.assertIn(text, str(result))
        self.ok("run", document)
        self.assertIn("unknown.yaml:6:31: warning:", self.ok("apply", document).err)
        applied = self.ok("apply", document, "-o", "json").json()
        (place,) = [w for w in applied["warnings"] if w["rule"] == "unknown-field" and w["line"] == 6]
        self.assertEqual((place["severity"], place["field"]), ("warning", "tasks[0].artifacts.expire_after"))
        self.assertIn("expires_after", place["fix"])

    def test_an_impossible_schedule_is_refused_with_its_place(self):
        for cron in ("61 * * * *", "* * * *", "0 0 25 * * * *"):
            document = self.job(
                f"""
                job_type: never
                cron_trigger: "{cron}"
                tasks:
                - {{task_type: a, method: SHELL, script: ['true']}}
                """
            )
            self.refused(3, "apply", document, says="never.yaml:2")


if __name__ == "__main__":
    main()
