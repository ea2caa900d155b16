"""lint and graph as a team uses them: directories, comments, code scanning, drawings of missions."""

import json
import xml.etree.ElementTree

from reeve import ReeveTest, main

SPLICED = """apiVersion: reeve.dev/v1
kind: Workflow
metadata: {name: w}
spec:
  params: {title: x}
  tasks:
    - name: a
      timeout: 1m
      script: echo {{ .title }}
"""
CLEAN = SPLICED.replace("{{ .title }}", '"$title"')
BROKEN = SPLICED.replace("timeout: 1m", "timeot: 1m")


class LintTest(ReeveTest):
    def test_a_finding_shows_its_line_and_the_way_out(self):
        path = self.write("w.yaml", SPLICED)
        result = self.ok("lint", path)
        self.assertIn(f"{path}:9:23: warning: tasks.a.script:", result.err)
        self.assertIn("  9 |       script: echo {{ .title }}\n    |                       ^\n", result.err)
        self.assertIn("shellquote .title", result.err)
        self.assertEqual(result.out, f"{path}: 0 errors, 1 warning\n")

    def test_strict_makes_warnings_fail(self):
        path = self.write("w.yaml", SPLICED)
        self.assertEqual(self.reeve("lint", "--strict", path).code, 1)
        self.assertEqual(self.reeve("lint", "--strict", "--rule", "spliced-text=info", path).code, 0)
        self.assertEqual(self.reeve("lint", "--rule", "spliced-text=error", path).code, 1)

    def test_rules_that_do_not_exist_are_refused(self):
        path = self.write("w.yaml", CLEAN)
        self.refused(2, "lint", "--rule", "spliced-tex=off", path, says="did you mean spliced-text?")
        self.refused(2, "lint", "--rule", "spliced-text=loud", path, says="spliced-text=off")
        self.refused(2, "lint", "-o", "json", "--format", "sarif", path, says="two things")

    def test_a_comment_turns_a_rule_off(self):
        text = SPLICED.replace("      script", "      # reeve-lint: disable=spliced-text\n      script")
        result = self.ok("lint", "--strict", self.write("w.yaml", text))
        self.assertIn("(1 turned off by comments)", result.out)

    def test_a_directory_means_all_workflows_below_it(self):
        (self.dir / "flows" / "deep").mkdir(parents=True)
        (self.dir / "flows" / ".git").mkdir()
        for name, text in {
            "clean.yaml": CLEAN,
            "deep/broken.yml": BROKEN,
            "deep/other.yaml": "kind: Deployment\napiVersion: apps/v1\n",
            "notes.txt": "kind: Workflow\n",
            ".git/hidden.yaml": BROKEN,
        }.items():
            (self.dir / "flows" / name).write_text(text)
        result = self.reeve("lint", "-o", "json", self.dir / "flows")
        self.assertEqual(result.code, 1, str(result))
        report = result.json()
        self.assertFalse(report["ok"])
        self.assertEqual(report["files"], 2)
        self.assertEqual({p["file"] for p in report["problems"]}, {f"{self.dir}/flows/deep/broken.yml"})

    def test_a_file_that_cannot_be_read_does_not_hide_the_others(self):
        path = self.write("w.yaml", BROKEN)
        result = self.refused(4, "lint", "no-such.yaml", path, says=["no-such.yaml", "timeot"])
        self.assertIn(f"{path}: 1 error", result.out)

    def test_standard_input_is_a_document_too(self):
        path = self.write("w.yaml", SPLICED)
        with path.open("rb") as text:
            result = self.ok("lint", "-", stdin=text)
        self.assertIn("stdin:9:23:", result.err)

    def test_the_edit_of_a_finding_settles_it(self):
        path = self.write("w.yaml", SPLICED)
        (problem,) = self.ok("lint", "-o", "json", path).json()["problems"]
        edit = problem["edit"]
        lines = path.read_text().split("\n")
        line = lines[edit["line"] - 1].encode()
        before, after = line[: edit["column"] - 1], line[edit["endColumn"] - 1 :]
        lines[edit["line"] - 1] = (before + edit["text"].encode() + after).decode()
        path.write_text("\n".join(lines))
        self.assertEqual(self.ok("lint", "--strict", "-o", "json", path).json()["problems"], [])

    def test_sarif_has_what_code_scanning_needs(self):
        path = self.write("w.yaml", SPLICED)
        sarif = json.loads(self.ok("lint", "--format", "sarif", path).out)
        self.assertEqual(sarif["version"], "2.1.0")
        (run,) = sarif["runs"]
        (result,) = run["results"]
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        self.assertEqual(rule["id"], result["ruleId"])
        self.assertTrue(rule["helpUri"].endswith("#spliced-text"))
        place = result["locations"][0]["physicalLocation"]
        self.assertEqual(place["region"], {"startLine": 9, "startColumn": 23})
        self.assertEqual(place["artifactLocation"]["uri"], f"file://{path}")
        self.assertIn("fixes", result)


class GraphTest(ReeveTest):
    def test_a_mission_is_drawn_with_its_states(self):
        path = self.workflow(
            """
            - {name: build, script: 'true', onCompleted: test}
            - {name: test, script: 'exit 3'}
            """
        )
        self.assertEqual(self.reeve("run", path, "--name", "m").code, 1)
        text = self.ok("graph", "m").out
        self.assertIn("│ ✓ build │", text)
        self.assertIn("│ ✗ test │", text)
        svg = self.ok("graph", "m", "--format", "svg").out
        self.assertIn("✗ test", "".join(xml.etree.ElementTree.fromstring(svg).itertext()))
        self.assertIn(":::failed", self.ok("graph", "m", "--format", "mermaid").out)
        nodes = self.ok("graph", "m", "--format", "json").json()["nodes"]
        self.assertEqual([node["state"] for node in nodes], ["COMPLETE", "FAILED"])
        self.refused(4, "graph", "mm", says=["no file and no mission", "mm"])


if __name__ == "__main__":
    main()
