"""Tasks that are missions themselves: fan-out, children, waiting for them, and missions that grow."""

import json

from reeve import PROGRAM, ReeveTest, gate, main, wait_until


class ChildrenTest(ReeveTest):
    def outputs(self, mission, task):
        return self.task(mission, task)["outputs"]

    def children(self, mission, task):
        return self.task(mission, task)["children"]["missions"]

    def deploy(self, tasks, name, spec=""):
        self.ok("apply", self.workflow(tasks, name=name, spec=spec))

    # --- fan-out --------------------------------------------------------------------------------

    def test_no_more_items_at_a_time_than_allowed_and_some_may_fail(self):
        document = self.workflow(
            f"""
            - name: each
              fanOut: {{over: 1..5, as: n, parallel: 2, failuresAllowed: 1}}
              environment: {{N: "{{{{ .n }}}}"}}
              script: |
                echo "$N" >> "$T/began"
                {gate("go-$N")}
                echo "::set-output name=square::$((N * N))"
                test "$N" != 3
            - name: sum
              needs: [each]
              environment: {{RESULTS: '{{{{ index . "each-results" }}}}', FIRST: "{{{{ .n_0_square }}}}"}}
              script: 'echo "$FIRST" >> "$T/first"; echo "$RESULTS" > "$T/results"'
            """
        )
        command = self.start("run", document, "--name", "m")
        wait_until(lambda: len(self.lines("began")) == 2, what="two items")
        self.assertEqual(sorted(self.lines("began")), ["1", "2"])
        shown = self.ok("status", "m").out
        self.assertIn("0/5 items", shown)
        self.assertIn("each 0  ", shown)
        listing = self.ok("status", "-o", "name").out
        self.assertEqual(listing, "mission/m\n")
        self.assertEqual(len(self.ok("status", "--all", "-o", "name").out.splitlines()), 3)
        for n in (1, 2, 3, 4, 5):
            self.touch(f"go-{n}")
            wait_until(lambda n=n: len(self.lines("began")) >= min(5, n + 2), what="the next item")
        result = command.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("5/5 items, 1 failed", result.out)
        self.assertNotIn("| 1", result.out)
        mission = self.mission("m")
        states = [child["state"] for child in self.children(mission, "each")]
        self.assertEqual(states, ["COMPLETE", "COMPLETE", "FAILED", "COMPLETE", "COMPLETE"])
        self.assertEqual(self.outputs(mission, "each")["each-failed"], "1")
        self.assertEqual(self.lines("first"), ["1"])
        results = json.loads((self.dir / "results").read_text(encoding="utf-8"))
        self.assertEqual([r["item"] for r in results], ["1", "2", "3", "4", "5"])
        self.assertEqual(results[4]["outputs"]["square"], "25")
        self.assertEqual(results[2]["status"], "FAILED")
        failed = self.children(mission, "each")[2]["mission"]
        context = (self.data / "missions/m/context.md").read_text(encoding="utf-8")
        self.assertIn(f"mission {failed}: FAILED", context)
        self.assertTrue((self.data / "missions" / failed / "state.json").exists())
        self.audit()

    def test_items_of_an_output_have_numbers_values_and_files_of_their_own(self):
        document = self.workflow(
            """
            - {name: find, script: 'echo "::set-output name=hosts::[\\"a\\", {\\"k\\": 1}]"'}
            - name: each
              needs: [find]
              fanOut: {over: hosts, as: host}
              environment: {HOST: "{{ .host }}", N: "{{ .hostIndex }}"}
              script: 'echo "$N $HOST" > report.txt; echo "::set-output name=size::$((N + 10))"'
              artifacts: {paths: [report.txt]}
            - name: use
              needs: [each]
              dependencies: [each]
              environment: {A: "{{ .host_0_size }} {{ .host_1_status }}"}
              script: 'echo "$A" >> "$T/used"; cat 1/report.txt >> "$T/used"'
            """
        )
        mission = self.run_json(document, "--name", "m")
        self.assertEqual(self.lines("used"), ["10 COMPLETED", '1 {"k":1}'])
        self.assertEqual(self.task(mission, "each")["children"]["items"], ["a", '{"k":1}'])
        reports = [self.ok("artifacts", "get", c["mission"], "each", "report.txt").out for c in self.children(mission, "each")]
        self.assertEqual(reports, ["0 a\n", '1 {"k":1}\n'])

    def test_a_failed_item_fails_the_task_and_says_which(self):
        document = self.workflow(
            """
            - name: each
              foreach: {over: [a, b, c]}
              environment: {ITEM: "{{ .item }}"}
              script: 'echo "item $ITEM"; test "$ITEM" != b'
            """
        )
        mission = self.run_json(document, code=1)
        self.assertIn("1 of 3 items failed", mission["status"]["message"])
        failed = [c["mission"] for c in self.children(mission, "each") if c["state"] == "FAILED"]
        self.assertEqual(len(failed), 1)
        self.assertIn("item b", self.ok("logs", failed[0]).out)
        self.assertIn(failed[0], self.ok("status", mission["metadata"]["name"]).out)

    def test_abort_reaches_the_items(self):
        document = self.workflow(
            f"""
            - {{name: each, fanOut: {{over: 1..2}}, script: 'echo x >> "$T/began"; {gate("never")}'}}
            """
        )
        command = self.start("run", document, "--name", "m")
        wait_until(lambda: len(self.lines("began")) == 2, what="both items")
        self.ok("abort", "m")
        self.assertEqual(command.wait().code, 1)
        self.assertEqual({c["state"] for c in self.children("m", "each")}, {"ABORTED"})

    # --- children -------------------------------------------------------------------------------

    def test_a_child_of_a_deployed_workflow_hands_its_outputs_on(self):
        self.up()
        self.deploy(
            """
            - name: build
              environment: {REGION: "{{ .region }}"}
              script: 'echo "::set-output name=url::https://$REGION.example.org"'
            """,
            "region",
            spec="params: {region: {required: true}}",
        )
        document = self.workflow(
            """
            - name: deploy
              mission: {workflow: region, params: {region: eu}, outputs: {endpoint: url}}
            - name: check
              needs: [deploy]
              environment: {URL: "{{ .endpoint }}"}
              script: 'echo "$URL" >> "$T/checked"'
            """
        )
        mission = self.run_json(document)
        self.assertEqual(self.lines("checked"), ["https://eu.example.org"])
        (child,) = self.children(mission, "deploy")
        parent = self.mission(child["mission"])["spec"]["parent"]
        self.assertEqual((parent["mission"], parent["task"]), (mission["metadata"]["name"], "deploy"))
        self.assertIn(f"deploy  {child['mission']}  COMPLETE", self.ok("status", mission["metadata"]["name"]).out)

    def test_a_later_task_waits_for_children_that_go_on_by_themselves(self):
        self.up()
        self.deploy(
            f"""
            - {{name: work, script: 'echo x >> "$T/child"; {gate("go")}; echo "::set-output name=size::10"'}}
            """,
            "slow",
        )
        document = self.workflow(
            """
            - {name: begin, mission: {workflow: slow, wait: false}}
            - {name: meanwhile, needs: [begin], script: 'echo x >> "$T/meanwhile"'}
            - {name: wait, needs: [meanwhile], await: {tasks: [begin], outputs: {total: size}}}
            - {name: last, needs: [wait], environment: {N: "{{ .total }}"}, script: 'echo "$N" >> "$T/last"'}
            """
        )
        self.ok("submit", document, "--name", "m")
        wait_until(lambda: self.lines("child") and self.lines("meanwhile"), what="both")
        wait_until(lambda: self.task("m", "wait")["state"] == "ACTIVE", what="the waiting")
        self.assertEqual(self.lines("last"), [])
        self.touch("go")
        self.await_state("m", "COMPLETE")
        self.assertEqual(self.lines("last"), ["10"])
        self.audit()

    # --- missions that grow ---------------------------------------------------------------------

    def test_a_run_adds_tasks_by_the_command(self):
        document = self.workflow(
            f"""
            - name: plan
              permissions: [mission.extend]
              script: |
                echo '{{name: one, script: "echo one >> $T/ran"}}' | {PROGRAM} task add -
                printf '%s\\n' '- name: two' '  needs: [one]' '  script: echo two >> "$T/ran"' > more.yaml
                {PROGRAM} task add more.yaml
                {PROGRAM} task add more.yaml
            - {{name: report, alwaysRun: true, script: 'echo report >> "$T/ran"'}}
            """
        )
        result = self.reeve("run", document, "--name", "m")
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("task plan has added tasks; there are 4 now", result.out)
        self.assertEqual(self.lines("ran"), ["one", "two", "report"])
        self.assertEqual(self.task_states(self.mission("m")), dict.fromkeys(("plan", "report", "one", "two"), "COMPLETE"))
        state = json.loads((self.data / "missions/m/state.json").read_text(encoding="utf-8"))
        self.assertEqual(len(state["status"]["tasks"]), 4)
        self.assertIn("two: COMPLETE", (self.data / "missions/m/context.md").read_text(encoding="utf-8"))
        self.audit()

    def test_a_run_that_is_killed_half_way_has_added_nothing(self):
        # CHK-H4b: its retry says the same again, and nothing is there twice.
        document = self.workflow(
            f"""
            - name: plan
              permissions: [mission.extend]
              retry: {{max: 1, delay: 1ms}}
              script: |
                echo '{{name: a, script: "echo a >> $T/ran"}}' | {PROGRAM} task add -
                if [ "$REEVE_ATTEMPT" = 1 ]; then kill -9 $$; fi
                echo '{{name: b, needs: [a], script: "echo b >> $T/ran"}}' | {PROGRAM} task add -
            """
        )
        mission = self.run_json(document, "--name", "m")
        self.assertEqual(self.task(mission, "plan")["attempts"], 2)
        self.assertEqual([task["name"] for task in mission["status"]["tasks"]], ["plan", "a", "b"])
        self.assertEqual(self.lines("ran"), ["a", "b"])
        ends = [event["data"]["exitCode"] for event in self.events("m") if event["type"] == "run.ended"]
        self.assertEqual(ends[:2], ["137", "0"])
        self.assertEqual(self.types("m").count("mission.extended"), 1)
        self.audit()

    def test_processes_of_a_run_add_tasks_at_the_same_time(self):
        document = self.workflow(
            f"""
            - name: plan
              permissions: [mission.extend]
              script: |
                for i in 1 2 3 4 5 6 7 8; do
                  echo "{{name: t$i, script: 'true'}}" | {PROGRAM} task add - &
                done
                wait
            """
        )
        self.assertEqual(len(self.run_json(document)["status"]["tasks"]), 9)

    def test_what_may_not_be_added_is_refused(self):
        one = self.write("one.yaml", "{name: one, script: 'true'}")
        self.refused(3, "task", "add", one, says="there is no run here")
        document = self.workflow(
            f"""
            - name: plan
              script: |
                {PROGRAM} task add "$T/one.yaml" 2> "$T/err"
                echo $? > "$T/code"
            """
        )
        self.assertEqual(len(self.run_json(document)["status"]["tasks"]), 1)
        self.assertEqual(self.lines("code"), ["3"])
        self.assertIn("mission.extend", self.lines("err")[0])
        self.assertIn("may not add tasks", self.lines("err")[0])
        # CHK-H4c: writing the file oneself does not help.
        by_hand = self.workflow(
            """
            - {name: plan, script: 'echo "[{name: one, script: x}]" > "$REEVE_TASKS"'}
            """
        )
        mission = self.run_json(by_hand, "--name", "h", code=1)
        self.assertIn("mission.extend", mission["status"]["message"])
        self.assertIn("extension.refused", self.types("h"))

    def test_two_hundred_tasks_each_run_once_though_the_owner_is_killed(self):
        # CHK-H4a, CHK-H4b.
        count = 200
        document = self.workflow(
            f"""
            - name: plan
              permissions: [mission.extend]
              script: |
                for i in $(seq {count}); do
                  echo "- {{name: t$i, script: 'echo t$i >> \\"$T/ran\\"'}}"
                done | {PROGRAM} task add -
            """
        )
        command = self.start("run", document, "--name", "m")
        wait_until(lambda: len(self.lines("ran")) >= count // 4, what="a quarter of the tasks")
        command.kill()
        self.assertLess(len(self.lines("ran")), count)
        running = {
            task["name"]
            for task in self.mission("m")["status"]["tasks"]
            if task["state"] in ("LAUNCHING", "ACTIVE")
        }
        self.assertNotIn(self.state("m"), ("COMPLETE", "FAILED"))
        self.ok("run", "--resume", "m", timeout=180)
        ran = self.lines("ran")
        self.assertEqual(set(ran), {f"t{i}" for i in range(1, count + 1)})
        repeated = {name for name in ran if ran.count(name) > 1}
        self.assertLessEqual(repeated, running)
        states = self.task_states(self.mission("m"))
        self.assertEqual(len(states), count + 1)
        self.assertEqual(set(states.values()), {"COMPLETE"})
        self.assertEqual(self.types("m").count("mission.extended"), 1)
        self.audit()


if __name__ == "__main__":
    main()
