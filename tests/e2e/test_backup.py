"""Backups of a running server, what is made of them, and exports."""

from reeve import ReeveTest, main


class BackupTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.flow = self.workflow(
            """
            - {name: a, script: 'echo kept > out.txt', artifacts: {paths: [out.txt]}}
            """
        )

    def test_a_backup_of_a_running_server_becomes_a_data_directory(self):
        self.up()
        self.run_json(self.flow, "--name", "one")
        copy = self.dir / "copy"
        made = self.ok("backup", copy, "-o", "json").json()
        self.assertFalse((copy / "keys").exists())
        self.assertFalse((copy / "server").exists())
        self.run_json(self.flow, "--name", "two")
        restored = self.dir / "restored"
        self.ok("restore", copy, "--data", restored)
        self.assertEqual(self.audit(restored)["head"], made["head"])
        self.assertEqual(self.mission("one", restored)["status"]["state"], "COMPLETE")
        self.refused(4, "status", "two", "--data", restored)
        got = self.ok("artifacts", "get", "one", "a", "out.txt", "--data", restored)
        self.assertEqual(got.out, "kept\n")

    def test_what_is_there_is_left_alone(self):
        self.run_json(self.flow)
        copy = self.dir / "copy"
        copy.mkdir()
        (copy / "mine").touch()
        self.refused(3, "backup", copy, says="empty")
        self.assertEqual([p.name for p in copy.iterdir()], ["mine"])
        self.refused(4, "restore", copy, "--data", self.dir / "new", says="no backup")
        self.ok("backup", self.dir / "good")
        self.refused(3, "restore", self.dir / "good", says="empty")

    def test_a_damaged_backup_is_not_restored(self):
        self.run_json(self.flow)
        copy = self.dir / "copy"
        self.ok("backup", copy)
        blob = next(p for p in (copy / "blobs").rglob("*") if len(p.name) == 64)
        text = blob.read_bytes()
        blob.unlink()
        blob.write_bytes(text[:-1] + b"x")
        self.refused(3, "restore", copy, "--data", self.dir / "new")
        self.assertFalse((self.dir / "new").exists())

    def test_two_exports_of_the_same_are_the_same_and_hold_no_secret(self):
        self.run_json(self.flow)
        self.ok("credential", "set", "c", "--from-env", "C", env={"C": "hunter22"})
        for name in ("x", "y"):
            self.ok("export", self.dir / name)
        files = [p for p in (self.dir / "x").rglob("*") if p.is_file()]
        self.assertTrue(any(p.name == "events.jsonl" for p in files))
        for path in files:
            text = path.read_text(encoding="utf-8")
            self.assertNotIn("sealed", text)
            other = self.dir / "y" / path.relative_to(self.dir / "x")
            self.assertEqual(other.read_text(encoding="utf-8"), text)


if __name__ == "__main__":
    main()
