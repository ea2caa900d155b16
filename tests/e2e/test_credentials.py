"""Credentials and settings: what tasks get, and where values must never be."""

import base64
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import urllib.parse

from reeve import ReeveTest, gate, main, processes_with

VALUE = 'tok3n/Value+with "quotes" & more'


def forms(value):
    """The value as programs write it."""
    raw = value.encode()
    return [
        raw,
        base64.b64encode(raw),
        base64.urlsafe_b64encode(raw),
        raw.hex().encode(),
        urllib.parse.quote(value, safe="").encode(),
        json.dumps(value)[1:-1].encode(),
    ]


class Recorder(http.server.BaseHTTPRequestHandler):
    """Says back what it was asked, as careless servers do."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.path, self.headers.get("Authorization"), body))
        answer = f"you said {self.headers.get('Authorization')} {body.decode()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class CredentialTest(ReeveTest):
    def set_token(self, name="token", value=VALUE, *args, **more):
        path = self.write("value", value + "\n")
        result = self.ok("credential", "set", name, "--from-file", path, *args, **more)
        path.unlink()
        return result

    def assert_nowhere(self, value=VALUE):
        """No file of the data directory has the value in any form."""
        for path in self.data.rglob("*"):
            if not path.is_file():
                continue
            content = path.read_bytes()
            for form in forms(value):
                self.assertNotIn(form, content, f"{path} has {form}")

    def formicary(self, script, extra="", name="job"):
        lines = "".join(f"    - {json.dumps(line)}\n" for line in script)
        return self.write(
            f"{name}.yaml",
            f"job_type: {name}\ntasks:\n- task_type: t\n  method: SHELL\n{extra}  script:\n{lines}",
        )

    # --- values in tasks ------------------------------------------------------------------------

    def test_a_value_reaches_its_task_and_is_nowhere_on_the_disk(self):
        self.set_token()
        file = self.workflow(
            f"""
            - name: use
              credentials: {{TOKEN: token}}
              script: |
                echo "plain $TOKEN"
                printf %s "$TOKEN" | base64 -w 0; echo
                printf 'x%s' "$TOKEN" | base64 -w 0; echo
                printf %s "$TOKEN" | od -An -v -tx1 | tr -d ' \\n'; echo
                python3 -c 'import os,urllib.parse,json; v=os.environ["TOKEN"]; print(urllib.parse.quote(v, safe="")); print(json.dumps(v))'
                printf '%s' "${{TOKEN:0:9}}"; /bin/true; printf '%s\\n' "${{TOKEN:9}}"
                echo "Sum=$(printf %s "$TOKEN" | cksum | cut -d' ' -f1)" >> $REEVE_OUTPUT
                echo "Leak=$TOKEN" >> $REEVE_OUTPUT
                echo "::set-output name=Other::$TOKEN"
                echo "$TOKEN" >&2
            - name: wait
              needs: [use]
              credentials: {{TOKEN: token}}
              script: |
                echo "again $TOKEN"
                : {{{{ .TOKEN }}}}
                touch $T/there
                {gate("go")}
            """
        )
        owner = self.start("run", file, "--name", "m")
        self.await_file("there")
        self.assert_nowhere()
        for pid, arguments in processes_with(str(self.dir)).items():
            self.assertNotIn("tok3n", arguments, pid)
        self.touch("go")
        result = owner.wait()
        self.assertEqual(result.code, 0, str(result))
        self.assertNotIn("tok3n", result.out + result.err)
        self.assert_nowhere()
        outputs = self.task("m", "use")["outputs"]
        sum_of_value = subprocess.run(
            ["cksum"], input=VALUE.encode(), stdout=subprocess.PIPE, check=True
        ).stdout.split()[0]
        self.assertEqual(outputs["Sum"], sum_of_value.decode())
        self.assertEqual(outputs["Leak"], "[****]")
        self.assertEqual(outputs["Other"], "[****]")
        for shown in (self.ok("logs", "m"), self.ok("events", "m", "-o", "json")):
            self.assertNotIn("tok3n", shown.out)
        self.assertIn("plain [****]\n[****]\n", self.ok("logs", "m").out)
        self.audit()

    def test_a_request_carries_the_value_in_header_query_and_body(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.set_token()
        file = self.workflow(
            f"""
            - name: ask
              credentials: {{TOKEN: token}}
              http:
                method: POST
                url: http://127.0.0.1:{server.server_port}/x
                query: {{t: "{{{{ .TOKEN }}}}"}}
                headers: {{Authorization: "Bearer {{{{ .TOKEN }}}}"}}
                body: "key={{{{ .TOKEN }}}}"
                allowPrivate: true
            """
        )
        self.run_json(file, "--name", "m")
        ((path, authorization, body),) = server.asked
        self.assertEqual(path, "/x?t=" + urllib.parse.quote(VALUE, safe=""))
        self.assertEqual(authorization, f"Bearer {VALUE}")
        self.assertEqual(body.decode(), f"key={VALUE}")
        self.assertIn("you said Bearer [****] key=[****]", self.ok("logs", "m").out)
        self.assert_nowhere()

    def test_a_formicary_document_uses_a_credential_like_a_value(self):
        self.set_token("GithubToken", "ghp_0123456789abcdef")
        extra = "  environment:\n    GH_TOKEN: '{{.GithubToken}}'\n"
        script = [
            'test "$GH_TOKEN" = "{{.GithubToken}}" || exit 3',
            'test "$GithubToken" = "$GH_TOKEN" || exit 4',
            'test "$(printf %s "$GH_TOKEN" | wc -c)" = 20 || exit 5',
        ]
        self.run_json(self.formicary(script, extra), "--name", "m")
        self.assert_nowhere("ghp_0123456789abcdef")

    def test_text_from_outside_cannot_ask_for_a_credential(self):
        self.set_token("GithubToken", "ghp_0123456789abcdef")
        file = self.formicary(["printf '%s' '{{.Body}}' > $T/got; env > $T/env"])
        body = "{{.GithubToken}} $GithubToken ${GithubToken}"
        self.run_json(file, "-p", f"Body={body}", "--name", "m")
        self.assertEqual((self.dir / "got").read_text(), body)
        self.assertNotIn("ghp_", (self.dir / "env").read_text())

    def test_a_credential_in_a_condition_is_refused_with_the_way_out(self):
        self.set_token("GithubToken")
        file = self.formicary(['{{if eq .GithubToken "x"}}echo y{{end}}'])
        result = self.reeve("run", file)
        self.assertEqual(result.code, 1, str(result))
        self.assertIn("is a credential and cannot be used by the function eq", result.out)
        self.assertIn("environment variable", result.out)

    def test_a_missing_or_forbidden_credential_fails_before_anything_starts(self):
        file = self.workflow(
            """
            - name: t
              credentials: {TOKEN: token}
              script: touch $T/ran
            """
        )
        result = self.reeve("run", file, "--name", "a")
        self.assertEqual(result.code, 1, str(result))
        self.assertIn('there is no credential "token"', result.out)
        self.set_token("token", VALUE, "--workflow", "other")
        result = self.reeve("run", file, "--name", "b")
        self.assertIn('workflow w may not use the credential "token"', result.out)
        self.assertFalse((self.dir / "ran").exists())
        self.ok("credential", "allow", "token", "w", "other")
        self.run_json(file, "--name", "c")

    def test_a_run_masks_what_it_names(self):
        file = self.workflow(
            """
            - name: t
              script: |
                v=$(printf '%s%s' one- time); echo "::add-mask::$v"; echo "got $v"
            """
        )
        self.run_json(file, "--name", "m")
        self.assertIn("::add-mask::[****]\ngot [****]", self.ok("logs", "m").out)

    # --- keeping them ---------------------------------------------------------------------------

    def test_values_come_from_files_variables_and_standard_input(self):
        self.set_token("a", "from-file")
        self.ok("credential", "set", "b", "--from-env", "B", env={"B": "from-variable"})
        with self.write("in", "line one\nline two\n").open("rb") as stdin:
            self.ok("credential", "set", "c", stdin=stdin)
        (self.dir / "in").unlink()
        file = self.workflow(
            """
            - name: t
              credentials: [a, b, c]
              script: |
                [ "$a" = from-file ] && [ "$b" = from-variable ] || exit 1
                [ "$c" = "$(printf 'line one\\nline two\\n_')" ] && exit 2
                [ "$(printf %s "$c" | wc -c)" = 18 ] || exit 3
            """
        )
        self.run_json(file)
        listed = self.ok("credential", "list", "-o", "json").json()
        self.assertEqual([item["name"] for item in listed], ["a", "b", "c"])
        self.refused(4, "credential", "set", "d", "--from-env", "NO_SUCH", says="is not set")
        self.refused(3, "credential", "set", "d", says="the value is empty")
        self.refused(3, "credential", "set", "../d", says="is no name for a credential")
        large = self.write("large", "x" * 40_000)
        self.refused(3, "credential", "set", "d", "--from-file", large, says="at most 32768 bytes")

    def test_they_can_be_set_while_another_process_owns_the_data(self):
        self.up()
        self.set_token()
        self.ok("config", "set", "Region", "eu")
        file = self.workflow(
            """
            - name: t
              credentials: {TOKEN: token}
              script: echo "{{ .Region }} $TOKEN"
            """
        )
        self.run_json(file, "--name", "m")
        self.assertIn("eu [****]", self.ok("logs", "m").out)
        self.ok("credential", "rekey")
        self.run_json(file, "--name", "n")
        self.ok("credential", "delete", "token")
        self.refused(4, "credential", "delete", "token", says='there is no credential "token"')
        self.ok("down")

    def test_a_run_may_change_neither_credentials_nor_settings(self):
        self.up()
        self.set_token()
        program = os.environ.get("REEVE", "reeve")
        file = self.workflow(
            f"""
            - name: t
              script: |
                {program} credential delete token 2>> $T/said && exit 1
                {program} credential allow token --all 2>> $T/said && exit 1
                {program} config set A b 2>> $T/said && exit 1
                exit 0
            """
        )
        self.run_json(file)
        self.assertEqual(
            len(re.findall("a run may not change", "\n".join(self.lines("said")))), 3
        )
        self.ok("down")

    def test_a_run_gets_no_credentials_by_taking_the_name_of_a_workflow(self):
        self.up()
        self.set_token("token", VALUE, "--workflow", "release")
        program = os.environ.get("REEVE", "reeve")
        release = self.workflow(
            """
            - name: t
              credentials: {TOKEN: token}
              script: '[ -n "$TOKEN" ]'
            """,
            name="release",
        )
        # What a person submits is that person's responsibility.
        self.run_json(release)
        asking = self.workflow(
            f"""
            - name: t
              script: |
                {program} apply $T/release.yaml 2>> $T/said && exit 1
                {program} disable release 2>> $T/said && exit 1
                {program} run $T/release.yaml --name $REEVE_RUN.again
            """,
            name="asking",
        )
        self.assertEqual(self.run_json(asking, code=1)["status"]["state"], "FAILED")
        self.assertEqual("\n".join(self.lines("said")).count("a run may not change"), 2)
        made = [name.split("/")[-1] for name in self.ok("status", "-o", "name").out.split()]
        refused = self.mission(next(name for name in made if name.endswith(".again")))
        self.assertIn("it is not deployed", json.dumps(refused["status"]))
        # The same text counts once a person has deployed it, also if a run submits it.
        self.ok("apply", release)
        by_name = self.workflow(f"- {{name: t, script: '{program} run release'}}", name="by-name")
        self.run_json(by_name)
        self.ok("down")

    def test_rotation_keeps_every_value_usable(self):
        for name in ("a", "b", "c"):
            self.set_token(name, f"value-of-{name}")
        before = {i["keyId"] for i in self.ok("credential", "list", "-o", "json").json()}
        self.assertIn("sealed 3 credentials", self.ok("credential", "rekey").out)
        after = {i["keyId"] for i in self.ok("credential", "list", "-o", "json").json()}
        self.assertEqual(len(after), 1)
        self.assertNotEqual(before, after)
        for retired in (self.data / "keys").glob("retired-*"):
            retired.unlink()
        file = self.workflow(
            """
            - name: t
              credentials: [a, b, c]
              script: '[ "$a $b $c" = "value-of-a value-of-b value-of-c" ]'
            """
        )
        self.run_json(file)
        self.audit()

    def test_a_passphrase_opens_what_it_sealed_and_nothing_else_does(self):
        right = {"REEVE_PASSPHRASE_FILE": str(self.write("right", "correct horse\n"))}
        wrong = {"REEVE_PASSPHRASE_FILE": str(self.write("wrong", "battery staple\n"))}
        self.set_token(env=right)
        self.assertNotIn(b"correct", (self.data / "keys" / "master").read_bytes())
        file = self.workflow(
            """
            - name: t
              credentials: {TOKEN: token}
              script: 'echo "$TOKEN"; env | grep PASSPHRASE && exit 3; true'
            """
        )
        self.run_json(file, "--name", "a", env=right)
        result = self.reeve("run", file, "--name", "b", env=wrong)
        self.assertEqual(result.code, 1, str(result))
        self.assertIn("the passphrase is wrong", result.out)
        result = self.reeve("run", file, "--name", "c")
        self.assertIn("needs a passphrase", result.out)
        self.refused(3, "credential", "rekey", env=right, says="made from a passphrase")
        fresh = self.write("fresh", "next horse\n")
        self.ok("credential", "rekey", "--new-passphrase-file", fresh, env=right)
        self.run_json(file, "--name", "d", env={"REEVE_PASSPHRASE_FILE": str(fresh)})
        self.ok("credential", "rekey", "--key-file", env={"REEVE_PASSPHRASE_FILE": str(fresh)})
        self.run_json(file, "--name", "e")

    def test_a_passphrase_can_come_through_a_descriptor(self):
        read_end, write_end = os.pipe()
        os.write(write_end, b"correct horse\n")
        os.close(write_end)
        result = subprocess.run(
            [os.environ.get("REEVE", "reeve"), "credential", "set", "token"],
            input=VALUE.encode(),
            env=self.environment({"REEVE_PASSPHRASE_FILE": f"/dev/fd/{read_end}"}),
            pass_fds=[read_end],
            capture_output=True,
            check=False,
        )
        os.close(read_end)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"kind passphrase", (self.data / "keys" / "master").read_bytes())

    def test_a_key_that_others_can_read_is_refused_and_a_lost_one_is_not_replaced(self):
        self.set_token()
        master = self.data / "keys" / "master"
        master.chmod(0o644)
        file = self.workflow("- {name: t, credentials: {TOKEN: token}, script: 'true'}")
        result = self.reeve("run", file)
        self.assertIn("chmod 600", result.out + result.err)
        value = self.write("value", "another-one")
        self.refused(
            3, "credential", "set", "b", "--from-file", value, says="is open to other users"
        )
        master.chmod(0o600)
        master.rename(self.dir / "backup")
        self.refused(
            4, "credential", "set", "b", "--from-file", value, says="restore it from a backup"
        )
        self.assertFalse(master.exists())
        pathlib.Path(self.dir / "backup").rename(master)
        self.run_json(file, "--name", "again")

    # --- settings -------------------------------------------------------------------------------

    def test_settings_are_values_of_workflows(self):
        self.ok("config", "set", "Region", "eu")
        self.ok("config", "set", "Region", "us", "--workflow", "job")
        self.ok("config", "set", "Shared", "everywhere")
        file = self.write(
            "job.yaml",
            "job_type: job\njob_variables:\n  Shared: mine\n  Region: nowhere\ntasks:\n"
            "- task_type: t\n  method: SHELL\n  script:\n"
            "    - echo {{.Region}} {{.Shared}} $Region\n",
        )
        self.run_json(file, "--name", "m")
        self.assertIn("us mine us", self.ok("logs", "m").out)
        self.assertEqual(self.ok("config", "get", "Region", "--workflow", "job").out, "us\n")
        self.ok("config", "unset", "Region", "--workflow", "job")
        self.refused(4, "config", "get", "Region", "--workflow", "job", says="is not set")
        self.run_json(file, "--name", "n")
        self.assertIn("nowhere mine nowhere", self.ok("logs", "n").out)
        self.assertEqual(
            self.ok("config", "list", "-o", "json").json(),
            [
                {"namespace": "default", "name": "Region", "workflow": "", "value": "eu"},
                {
                    "namespace": "default",
                    "name": "Shared",
                    "workflow": "",
                    "value": "everywhere",
                },
            ],
        )
        self.refused(3, "config", "set", "a-b", "x", says="is no name for a setting")
        self.audit()


if __name__ == "__main__":
    main()
