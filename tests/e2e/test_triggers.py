"""What starts missions by itself while `reeve up` runs: the inbox and channels."""

import json
import os
import socket

from reeve import ReeveTest, gate, main, wait_until


class TriggersTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.inbox = self.data / "inbox"

    def drop(self, name, text):
        """A file that appears complete, as a careful program does it."""
        temp = self.dir / f"{name}.part"
        temp.write_text(text, encoding="utf-8")
        os.rename(temp, self.inbox / name)

    def taken(self, name, folder="done"):
        wait_until((self.inbox / folder / name).exists, what=f"{folder}/{name}")
        # It has its place in `done` before its mission is made, and lies here until that is so.
        for rest in (self.inbox / name, self.inbox / "taken" / name):
            wait_until(lambda rest=rest: not rest.exists(), what=f"{rest} to be gone")

    def missions(self):
        return self.ok("status", "-o", "name", "--limit", "5000").out.split()

    def apply(self, name, trigger, script):
        spec = f"params: {{what: {{default: none}}}}\ntriggers:\n- {trigger}"
        self.ok("apply", self.workflow(f"- {{name: a, script: '{script}'}}", name=name, spec=spec))

    # --- documents ------------------------------------------------------------------------------

    def test_a_document_is_submitted_with_the_params_beside_it(self):
        self.up()
        text = self.workflow(
            "- {name: a, script: 'echo got {{.what}} {{.count}} >> \"$T/out\"'}",
            name="w",
            spec="params: {what: {required: true}, count: {default: 0}}",
        ).read_text()
        (self.inbox / "w.params.json").write_text('{"what": "this", "count": 3}')
        self.drop("w.yaml", text)
        self.taken("w.yaml")
        wait_until(lambda: self.lines("out") == ["got this 3"], what="the output")
        self.taken("w.params.json")
        self.drop("w.yaml", text.replace("required: true", "default: alone"))
        wait_until(lambda: len(self.lines("out")) == 2, what="the second one")
        self.assertEqual(self.lines("out")[1], "got alone 0")
        wait_until(lambda: not (self.inbox / "w.yaml").exists(), what="the second to be taken")
        self.assertEqual(len(list((self.inbox / "done").glob("w*.yaml"))), 2)

    def test_what_is_refused_is_put_aside_with_the_reason(self):
        owner = self.up()
        self.drop("bad.yaml", "kind: Workflow\n")
        self.taken("bad.yaml", "failed")
        reason = (self.inbox / "failed" / "bad.yaml.error.txt").read_text()
        self.assertIn("bad.yaml:", reason)
        self.drop("notes.txt", "hello")
        self.taken("notes.txt", "failed")
        self.assertIn("no trigger", (self.inbox / "failed" / "notes.txt.error.txt").read_text())
        os.symlink("/etc/passwd", self.inbox / "link.yaml")
        wait_until(lambda: os.path.lexists(self.inbox / "failed" / "link.yaml"), what="the link")
        self.assertIn("symbolic link", (self.inbox / "failed" / "link.yaml.error.txt").read_text())
        self.assertIn("bad.yaml was refused", owner.err())
        self.assertEqual(self.missions(), [])
        self.assertEqual(list((self.inbox / "done").iterdir()), [])

    def test_a_file_is_taken_when_nobody_writes_to_it_any_more(self):
        self.up()
        text = self.workflow("- {name: a, script: 'true'}", name="w").read_text()
        with (self.inbox / "w.yaml").open("w") as file:
            file.write(text[: len(text) // 2])
            file.flush()
            # Another file is taken meanwhile: the inbox is alive.
            self.drop("other.yaml", text)
            self.taken("other.yaml")
            self.assertTrue((self.inbox / "w.yaml").exists())
            file.write(text[len(text) // 2 :])
        self.taken("w.yaml")
        self.assertEqual(len(self.missions()), 2)

    def test_what_was_dropped_while_nobody_was_there_is_taken_once(self):
        self.up()
        self.ok("down")
        text = self.workflow("- {name: a, script: 'echo x >> \"$T/ran\"'}", name="w").read_text()
        for number in range(3):
            self.drop(f"w{number}.yaml", text)
        self.up()
        wait_until(lambda: len(self.lines("ran")) == 3, what="three runs")
        self.ok("down")
        self.assertEqual(len(self.missions()), 3)

    def test_each_file_starts_one_mission_whoever_is_killed_when(self):
        self.up().kill()
        self.apply(
            "load",
            '{name: files, inbox: {glob: "*.csv"}, params: {what: "{{.File.Name}}"}}',
            'echo {{.what}} >> "$T/loaded"',
        )
        names = [f"f{number}.csv" for number in range(24)]
        for start in range(0, 24, 6):
            owner = self.up()
            for name in names[start : start + 6]:
                self.drop(name, name)
            wait_until(lambda: len(os.listdir(self.inbox / "done")) > start, what="one is taken")
            owner.kill()
        self.up()
        for name in names:
            self.taken(name)
        wait_until(lambda: len(self.lines("loaded")) >= 24, what="all runs")
        self.assertEqual(sorted(self.lines("loaded")), sorted(names))
        self.assertEqual(len(self.missions()), 24)
        self.ok("down")
        self.audit()

    # --- triggers -------------------------------------------------------------------------------

    def test_a_file_starts_the_workflows_whose_glob_matches(self):
        self.up()
        self.apply(
            "load",
            '{name: files, inbox: {glob: "*.csv"}, params: {what: "{{.File.Path}}"}}',
            'cat {{.what}} >> "$T/loaded"',
        )
        self.drop("a.csv", "1,2,3\n")
        wait_until(lambda: self.lines("loaded") == ["1,2,3"], what="the run")
        self.drop("a.csv", "4,5,6\n")
        wait_until(lambda: self.lines("loaded") == ["1,2,3", "4,5,6"], what="the second run")
        created = [e for e in self.events(self.missions()[0].split("/")[1]) if e["type"] == "mission.created"]
        self.assertEqual(created[0]["data"]["trigger"], "files")
        self.ok("disable", "load")
        self.drop("b.csv", "7")
        self.taken("b.csv", "failed")
        self.ok("enable", "load")
        os.rename(self.inbox / "failed" / "b.csv", self.inbox / "b.csv")
        self.taken("b.csv")
        self.assertIn("fired 3", self.ok("workflows", "load").out)

    def test_files_wait_while_the_rate_limit_leaves_no_room(self):
        self.up()
        self.apply(
            "load",
            '{name: files, inbox: {glob: "*.csv"}, params: {what: "{{.File.Name}}"}, rateLimit: {max: 1, window: 4s}}',
            'echo {{.what}} >> "$T/loaded"',
        )
        for name in ("a.csv", "b.csv"):
            self.drop(name, name)
        self.taken("a.csv")
        wait_until(lambda: sorted(self.lines("loaded")) == ["a.csv", "b.csv"], what="both")
        self.assertFalse((self.inbox / "failed" / "b.csv").exists())

    # --- trying one -----------------------------------------------------------------------------

    def test_a_trigger_is_tried_without_doing_anything(self):
        document = self.workflow(
            "- {name: a, script: 'true'}",
            name="w",
            spec="""
            params: {what: {default: none}}
            triggers:
            - {name: hook, webhook: {auth: github, secret: s}, filter: '{{ eq .Body.action "opened" }}', dedupKey: 'pr-{{.Body.number}}', params: {what: '{{ index .Headers "X-Event" }}'}}
            - {name: files, inbox: {glob: "*.csv"}, params: {what: '{{.File.Name}}'}}
            - {name: nightly, cron: {schedule: "30 2 * * *", timeZone: UTC}, params: {what: '{{.Tick.Time}}'}}
            - {name: orders, channel: {channel: orders}, params: {what: '{{.Message.id}}'}}
            """,
        )
        body = self.write("body.json", '{"action": "opened", "number": 7}')
        hook = ("trigger", "test", document, "hook", "--body", body)
        fired = self.ok(*hook, "--header", "x-event=pull", "-o", "json").json()
        self.assertEqual(fired["verdict"], "fired")
        self.assertEqual(fired["params"], {"what": "pull"})
        self.assertEqual(fired["userKey"], "pr-7")
        other = self.write("other.json", '{"action": "closed"}')
        self.assertIn("filtered", self.ok("trigger", "test", document, "hook", "--body", other).out)
        bad = self.write("bad.json", "{")
        self.assertEqual(self.reeve("trigger", "test", document, "hook", "--body", bad).code, 1)
        csv = self.write("a.csv", "1")
        self.assertIn("what=a.csv", self.ok("trigger", "test", document, "files", "--file", csv).out)
        self.assertIn("filtered", self.ok("trigger", "test", document, "files", "--file", body).out)
        self.refused(3, "trigger", "test", document, "files", says="--file")
        at = ("--at", "2026-12-24T18:00:00.000Z")
        self.assertEqual(
            self.ok("trigger", "test", document, "nightly", *at, "-o", "json").json()["ticks"][:2],
            ["2026-12-25T02:30:00.000Z", "2026-12-26T02:30:00.000Z"],
        )
        message = self.write("message.json", '{"id": 5}')
        self.ok("apply", document)
        self.assertIn("what=5", self.ok("trigger", "test", "w", "orders", "--body", message).out)
        self.refused(4, "trigger", "test", "w", "absent", says="it has hook, files")
        self.refused(4, "trigger", "test", "v", "hook", says="no workflow")
        self.assertEqual(self.missions(), [])

    def ask(self, verb, args):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.data / "control.sock"))
            request = {"v": 1, "id": f"test-{os.urandom(8).hex()}", "verb": verb, "args": args}
            client.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(client.makefile().readline())

    def send(self, channel, body):
        return self.ask(
            "object", {"kind": "channel", "name": channel, "verb": "send", "body": {"body": body}}
        )

    def test_each_message_of_a_channel_starts_one_mission(self):
        owner = self.up()
        self.apply(
            "orders",
            '{name: order, channel: {channel: orders}, filter: "{{ ne .Message.id 3 }}",'
            ' params: {what: "{{.Message.id}}"}}',
            'echo {{.what}} >> "$T/orders"',
        )
        for number in range(6):
            self.assertIn("ok", self.send("orders", json.dumps({"id": number})))
            if number == 2:
                owner.kill()
                owner = self.up()
        wait_until(lambda: len(self.lines("orders")) >= 5, what="five orders")
        self.ok("down")
        self.assertEqual(sorted(self.lines("orders")), ["0", "1", "2", "4", "5"])
        self.audit()

    def test_messages_wait_while_the_rate_limit_leaves_no_room(self):
        self.up()
        self.apply(
            "orders",
            '{name: order, channel: {channel: orders}, rateLimit: {max: 2, window: 3s},'
            ' params: {what: "{{.Message.id}}"}}',
            'echo {{.what}} >> "$T/orders"',
        )
        for number in range(5):
            self.send("orders", json.dumps({"id": number}))
        wait_until(lambda: len(self.lines("orders")) >= 5, what="five orders")
        self.assertEqual(sorted(self.lines("orders")), ["0", "1", "2", "3", "4"])
        self.ok("down")
        self.assertEqual(len(self.missions()), 5)

    def test_a_trigger_without_its_channel_holds_up_no_other(self):
        self.up()
        for name in ("absent", "present"):
            self.apply(
                name,
                f'{{name: t, channel: {{channel: {name}}}, params: {{what: "{{{{.Message.id}}}}"}}}}',
                'echo {{.what}} >> "$T/got"',
            )
        self.send("present", '{"id": 1}')
        wait_until(lambda: self.lines("got") == ["1"], what="the message")
        self.send("absent", '{"id": 2}')
        wait_until(lambda: self.lines("got") == ["1", "2"], what="the first message of the other")

    def test_a_channel_that_is_made_again_has_messages_of_its_own(self):
        self.up()
        self.apply(
            "orders",
            '{name: order, channel: {channel: orders}, params: {what: "{{.Message.id}}"}}',
            'echo {{.what}} >> "$T/orders"',
        )
        self.send("orders", '{"id": 1}')
        wait_until(lambda: self.lines("orders") == ["1"], what="the first one")
        self.ask("object", {"kind": "channel", "name": "orders", "verb": "delete", "body": {}})
        self.send("orders", '{"id": 2}')
        wait_until(lambda: self.lines("orders") == ["1", "2"], what="the second one")


if __name__ == "__main__":
    main()
