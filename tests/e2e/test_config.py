"""The settings of the server on the command line."""

from reeve import ReeveTest, main


class ConfigTest(ReeveTest):
    def test_values_are_shown_with_where_they_come_from(self):
        self.data.mkdir()
        (self.data / "reeve.yaml").write_text("log: {level: debug}\n", encoding="utf-8")
        out = self.ok("config", "show", "--origin", env={"REEVE_LOG_FORMAT": "text"}).out
        lines = {line.split()[0]: line for line in out.splitlines()}
        self.assertIn("reeve.yaml:1", lines["log.level"])
        self.assertIn("REEVE_LOG_FORMAT", lines["log.format"])
        self.assertIn("default", lines["server.tls"])
        items = self.ok("config", "show", "-o", "json").json()["items"]
        self.assertEqual({i["key"]: i["value"] for i in items}["log.level"], "debug")

    def test_everything_that_is_wrong_is_told(self):
        bad = self.write("bad.yaml", "log: {level: loud}\nservre: {}\n")
        result = self.refused(1, "config", "check", "--config", bad, says=["loud", "servre"])
        self.assertEqual(result.out, "")
        found = self.reeve("config", "check", "--config", bad, "-o", "json").json()
        self.assertFalse(found["ok"])
        self.assertGreaterEqual(len(found["problems"]), 2)
        self.ok("config", "check")
        self.refused(4, "config", "check", "--config", self.dir / "absent.yaml", says="absent")

    def test_the_reference_is_printed(self):
        self.assertIn("`server.listen`", self.ok("config", "docs").out)


if __name__ == "__main__":
    main()
