"""Verbs about objects: they ask a server over HTTP."""

from reeve import ReeveTest, main


class ApiTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.flow = self.workflow("- {name: a, script: 'true'}", name="w")

    def test_objects_are_applied_listed_and_deleted(self):
        self.up()
        both = self.write(
            "both.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n---\n"
            + self.flow.read_text(encoding="utf-8"),
        )
        out = self.ok("apply", "-f", both).out
        self.assertIn("namespace/team-a applied", out)
        self.assertIn("workflow.reeve.dev/w applied", out)
        lines = self.ok("get", "workflows").out.splitlines()
        self.assertTrue(lines[0].startswith("NAME "), lines)
        self.assertTrue(lines[1].startswith("w "), lines)
        self.assertEqual(self.ok("get", "workflow", "-o", "name").out,
                         "workflow.reeve.dev/w\n")
        one = self.ok("get", "workflow/w", "-o", "json").json()
        self.assertEqual(one["metadata"]["name"], "w")
        self.assertIn("Events:", self.ok("describe", "workflow", "w").out)
        self.refused(4, "get", "workflow", "absent", says="not found")
        self.refused(4, "get", "workflwos", says="did you mean workflows")
        self.ok("delete", "workflow", "w")
        self.refused(4, "get", "workflow", "w")

    def test_a_token_is_who_it_says_until_it_is_revoked(self):
        self.up()
        text = self.ok("token", "create", "t", "--user", "alice", "--expires", "1h").out
        path = self.write("token", text)
        ask = ["can-i", "delete", "missions", "--server", self._server(), "--token-file", path,
               "--certificate-authority", self.data / "server" / "ca.crt"]
        self.assertEqual(self.refused(1, *ask).out, "no\n")
        self.assertEqual(self.ok("can-i", "delete", "missions").out, "yes\n")
        self.assertNotIn(text.strip(), self.ok("token", "list", "-o", "json").out)
        self.ok("token", "revoke", "t")
        self.refused(3, *ask)

    def test_without_a_server_the_way_out_is_told(self):
        self.refused(5, "get", "missions", says="reeve up")
        self.assertIn("FIELDS:", self.ok("explain", "mission.spec").out)
        self.refused(4, "explain", "mission.spce", says="did you mean spec")
        self.assertIn("missions", self.ok("api-resources").out)

    def _server(self):
        config = (self.data / "kubeconfig").read_text(encoding="utf-8")
        return next(line.split('"')[1] for line in config.splitlines() if "server:" in line)


if __name__ == "__main__":
    main()
