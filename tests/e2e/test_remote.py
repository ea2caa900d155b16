"""Verbs about missions, asked of a server by somebody who does not have its data directory."""

import os

from reeve import main, wait_until
from server import ServerTest

GATED = """\
- {name: plan, script: "echo planned"}
- name: review
  needs: [plan]
  gate: {prompt: "good?"}
- {name: build, needs: [review], script: "echo built"}
"""


class RemoteTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.away = {
            "REEVE_DATA": str(self.dir / "elsewhere"),
            "REEVE_KUBECONFIG": str(self.data / "kubeconfig"),
        }

    def tearDown(self):
        self.assertFalse((self.dir / "elsewhere").exists(), "a verb made a data directory here")

    def far(self, *args, **more):
        return self.ok(*args, env=self.away, **more)

    def far_refused(self, code, *args, **more):
        return self.refused(code, *args, env=self.away, **more)

    def test_a_run_is_followed_to_its_end(self):
        flow = self.workflow('- {name: a, script: "echo one"}\n- {name: b, needs: [a], script: "exit 3"}')
        shown = self.far_refused(1, "run", flow, "--name", "m").out
        for text in ("mission m\n", "a | one\n", "task b FAILED, exit code 3", "mission m FAILED in"):
            self.assertIn(text, shown)
        lines = self.far_refused(1, "run", flow, "--name", "n", "-o", "json").json_lines()
        self.assertIn("mission.transitioned", [line.get("type") for line in lines])

    def test_what_is_asked_is_what_the_owner_would_say(self):
        flow = self.workflow('- {name: a, script: "echo one; echo $p"}', spec="params: {p: {}}")
        made = self.far("submit", flow, "--name", "m", "-p", "p=two", "-o", "json").json()
        self.assertEqual(made["mission"], "m")
        self.await_mission("m", "COMPLETE")
        self.assertEqual(self.far("logs", "m", "a").out, "one\ntwo\n")
        self.assertEqual(self.far("logs", "m").out, "[a] one\n[a] two\n")
        self.far_refused(4, "logs", "m", "b", says="no task")
        here = [event["type"] for event in self.ok("events", "m", "-o", "json").json_lines()]
        far = [event["type"] for event in self.far("events", "m", "-o", "json").json_lines()]
        self.assertEqual(far, here)
        self.assertEqual(
            self.far("status", "m", "-o", "json").json()["status"]["state"], "COMPLETE"
        )
        self.assertIn("mission m COMPLETE", self.far("status", "m").out)
        self.assertIn("m ", self.far("status").out)
        self.far_refused(4, "status", "absent", says="not found")
        self.far_refused(3, "submit", flow, "--name", "m", says="already exists")
        self.far_refused(3, "submit", "absent", says='no workflow "absent" is deployed')

    def test_workflows_are_deployed_switched_and_used(self):
        flow = self.workflow('- {name: a, script: "true"}', name="native")
        bare = self.write("bare.yaml", "job_type: bare\ntasks:\n- task_type: t\n  method: SHELL\n  script: ['true']\n")
        self.assertIn("native applied", self.far("apply", flow).out)
        self.assertIn("bare applied", self.far("apply", bare).out)
        self.assertEqual(
            [line.split()[0] for line in self.far("workflows").out.splitlines()],
            ["NAME", "bare", "native"],
        )
        self.assertIn("COMPLETE", self.far("run", "native").out)
        self.assertIn("COMPLETE", self.far("run", "bare").out)
        self.assertEqual(self.far("disable", "native").out, "workflow native disabled\n")
        workflow = self.got("/apis/reeve.dev/v1/namespaces/default/workflows/native")
        self.assertFalse(workflow["status"]["enabled"])
        self.far("enable", "native")

    def test_people_decide_from_afar(self):
        token = self.ok("token", "create", "bob", "--user", "bob", "--group", "system:masters").out
        path = self.write("token", token)
        path.chmod(0o600)
        self.far("submit", self.workflow(GATED), "--name", "m")
        self.await_mission("m", "HELD")
        self.assertIn("m.review", self.far("approvals").out)
        self.far_refused(3, "approve", "m", says="self_approval")
        self.assertIn("approve", self.far("approve", "m", "--token-file", path, "-m", "fine").out)
        self.await_mission("m", "COMPLETE")
        self.far("submit", self.workflow(GATED), "--name", "n")
        self.await_mission("n", "HELD")
        self.assertIn("mission n ABORTED", self.far("abort", "n", "-m", "not now").out)
        retried = self.start("retry", "n", "--name", "n2", env=self.away)
        self.await_mission("n2", "HELD")
        self.far("reject", "n2/review", "--token-file", path, "-m", "no")
        self.assertEqual(retried.wait().code, 1)
        self.assertIn("mission n2 ABORTED", retried.out())

    def test_following_goes_on_over_a_kill_of_the_server(self):
        os.mkfifo(self.dir / "door")
        flow = self.workflow(
            '- {name: a, script: "echo begun; cat $T/door"}\n- {name: b, needs: [a], script: "echo last"}'
        )
        followed = self.start("run", flow, "--name", "m", env=self.away)
        wait_until(lambda: "a | begun" in followed.out(), what="the first line")
        port = self.kubeconfig.server.rsplit(":", 1)[1]
        self.owner.kill()
        self.owner = self.up("--server-listen", f"127.0.0.1:{port}")
        with open(self.dir / "door", "w", encoding="utf-8") as door:
            door.write("through\n")
        result = followed.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(result.out.count("task a COMPLETE"), 1, result.out)
        self.assertEqual(result.out.count("task b COMPLETE"), 1, result.out)
        self.assertIn("mission m COMPLETE", result.out)

    def test_without_an_answer_the_way_out_is_told(self):
        self.owner.kill()
        self.far_refused(5, "status", says="reeve up starts one")
        self.far_refused(5, "submit", self.workflow("- {name: a, script: 'true'}"))
        self.refused(2, "channel", "list", "--server", "https://127.0.0.1:1", says="--server")


if __name__ == "__main__":
    main()
