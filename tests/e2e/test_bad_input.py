"""Documents that nobody should write. Each gets a clear answer, quickly, and leaves nothing."""

import time

from reeve import ReeveTest, main

NATIVE = "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  tasks:\n"


class BadInputTest(ReeveTest):
    def check_refused(self, text, *says, seconds=20):
        """Both lint and run refuse the document with a message and without a trace."""
        path = self.write("bad.yaml", text)
        for command in ("lint", "run", "graph"):
            begin = time.monotonic()
            result = self.reeve(command, path)
            self.assertLess(time.monotonic() - begin, seconds)
            self.assertIn(result.code, (1, 3), str(result))
            self.assertLess(len(result.err), 200_000, "an endless message")
            self.assertNotIn("terminate called", result.err)
            for word in says:
                self.assertIn(word, result.err)
        self.assertFalse(self.data.exists(), "a refused document left something behind")
        return result

    def test_an_empty_file(self):
        self.check_refused("")
        self.check_refused("\n\n# only a comment\n")
        self.check_refused("---\n...\n")

    def test_a_binary_file(self):
        self.check_refused(bytes(range(256)) * 64)
        self.check_refused(b"\x7fELF" + b"\0" * 5000)
        self.check_refused(b"job_type: a\xff\xfe\ntasks: []\n")

    def test_a_file_of_100_mb(self):
        path = self.dir / "bad.yaml"
        with path.open("wb") as file:
            file.write(NATIVE.encode())
            file.truncate(100 << 20)
        for command in ("lint", "run", "graph"):
            result = self.reeve(command, path)
            self.assertEqual(result.code, 3, str(result))
            self.assertIn("1048576", result.err)

    def test_a_directory_and_a_device(self):
        for path in (self.dir, "/dev/null"):
            result = self.reeve("run", path)
            self.assertIn(result.code, (1, 2, 3, 4, 5), str(result))
            self.assertTrue(result.err)
        result = self.reeve("run", "/dev/zero")
        self.assertIn(result.code, (3, 5), str(result))

    def test_a_yaml_bomb(self):
        lines = ['a0: &a0 ["lol"]']
        lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
        self.check_refused("\n".join(lines) + "\n")
        self.check_refused("job_type: bomb\njob_variables:\n" + "".join(f"  {line}\n" for line in lines))
        self.check_refused("&a [*a]\n")

    def test_deep_nesting(self):
        self.check_refused("[" * 100_000)
        self.check_refused("{a: " * 50_000)
        self.check_refused("- " * 50_000 + "x\n")
        self.check_refused("job_type: deep\njob_variables: {a: " + "[" * 5_000 + "]" * 5_000 + "}\ntasks: []\n")

    def test_duplicate_keys(self):
        self.check_refused(NATIVE + "  - {name: a, script: 'true', script: 'false'}\n", "6:", "script")
        self.check_refused(NATIVE.replace("kind: Workflow", "kind: Workflow\nkind: Workflow"), "3:")

    def test_tabs(self):
        self.check_refused(NATIVE + "\t- {name: a, script: 'true'}\n", "6:")

    def test_wrong_types(self):
        for task in (
            "- {name: [a], script: 'true'}",
            "- {name: a, script: {b: c}}",
            "- {name: a, script: 'true', timeout: [1]}",
            "- {name: a, script: 'true', timeout: -5s}",
            "- {name: a, script: 'true', retry: {max: many}}",
            "- {name: a, script: 'true', retry: {max: 100000}}",
            "- {name: a, script: 'true', alwaysRun: perhaps}",
            "- {name: a, script: 'true', needs: a}",
            "- {name: a, script: 'true', environment: [A, B]}",
            "- {name: a, script: 'true', onExitCode: {x y: a}}",
            "- a",
            "{}",
        ):
            with self.subTest(task):
                self.check_refused(NATIVE + "  " + task + "\n")
        self.check_refused("just a string\n")
        self.check_refused("[1, 2]\n")
        self.check_refused(NATIVE.replace("{name: w}", "{name: 'a b'}") + "  - {name: a, script: 'true'}\n", "3:")

    def test_unknown_fields(self):
        self.check_refused(NATIVE + "  - {name: a, skript: 'true'}\n", "6:", "skript", "script")
        self.check_refused(NATIVE.replace("kind: Workflow", "kind: Workfow"), "Workfow")
        self.check_refused(NATIVE.replace("reeve.dev/v1", "reeve.dev/v9"), "reeve.dev/v9")

    def test_a_formicary_document_reports_unknown_fields_and_runs(self):
        path = self.write("job.yaml", "job_type: j\ntasks:\n- task_type: a\n  method: SHELL\n  scriptt: x\n  script: ['true']\n")
        result = self.ok("run", path)
        self.assertIn("warning", result.err)
        self.assertIn("scriptt", result.err)

    def test_two_documents_in_one_file(self):
        document = NATIVE + "  - {name: a, script: 'true'}\n"
        self.check_refused(document + "---\n" + document)

    def test_too_many_tasks_and_too_long_names(self):
        self.check_refused(NATIVE + "".join(f"  - {{name: t{i}, script: 'true'}}\n" for i in range(10001)), "10000")
        self.check_refused(NATIVE + f"  - {{name: {'n' * 101}, script: 'true'}}\n", "100")

    def test_bad_templates(self):
        for text in ("{{ .a", "{{ nosuch 1 }}", "{{ end }}", "{{ if }}", "{{ range .x }}", '{{ "x }}'):
            with self.subTest(text):
                self.check_refused(NATIVE + f"  - {{name: a, script: 'true', environment: {{A: '{text}'}}}}\n", "6:")

    def check_task_fails(self, environment, *says):
        document = self.workflow(
            f"""
            - name: a
              environment: {{A: '{environment}'}}
              script: 'true'
            - {{name: clean, alwaysRun: true, timeout: 10s, script: 'echo x >> "$T/cleaned"'}}
            """
        )
        begin = time.monotonic()
        mission = self.run_json(document, code=1)
        self.assertLess(time.monotonic() - begin, 30)
        self.assertEqual(self.task(mission, "a")["state"], "FAILED")
        message = self.task(mission, "a")["message"]
        for word in says:
            self.assertIn(word, message)
        self.audit()

    def test_a_template_that_never_ends(self):
        self.check_task_fails('{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}')
        self.check_task_fails('{{ define "t" }}{{ template "t" . }}{{ template "t" . }}{{ end }}{{ template "t" . }}')

    def test_a_template_that_prints_without_end(self):
        loops = "{{ range Iterate 100000 }}" * 4 + "x" + "{{ end }}" * 4
        self.check_task_fails(loops)

    def test_a_template_that_fails_at_run_time(self):
        self.check_task_fails("{{ index .JobID 5000 }}")
        self.assertEqual(self.lines("cleaned"), ["x"])

    def test_an_apostrophe_in_a_value_breaks_nothing(self):
        document = self.workflow(
            """
            - name: a
              environment: {V: "{{ .v }}"}
              script: printf '%s' "$V" > v.txt
              artifacts: {paths: [v.txt]}
            """,
            spec="params: {v: x}",
        )
        value = "it's \"quoted\"; $(touch \"$T/hacked\") `touch \"$T/hacked\"` {{ .v }}: - #\n\ttwo\\n"
        self.ok("run", document, "--name", "m", "-p", "v=" + value)
        self.assertEqual((self.data / "missions/m/results/a/v.txt").read_text(), value)
        self.assertFalse((self.dir / "hacked").exists())


if __name__ == "__main__":
    main()
