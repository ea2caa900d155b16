"""reeve audit verify: whoever edits history is found out, and the place is named."""

import sqlite3

from reeve import ReeveTest, main


class AuditTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.triggers = 0
        document = self.workflow(
            """
            - {name: a, script: 'echo "::set-output name=value::1"', onCompleted: b}
            - {name: b, script: exit 1, onFailed: c}
            - {name: c, script: 'true', compensate: {script: 'true'}}
            """
        )
        for _ in range(3):
            self.reeve("run", document)
        # An intruder removes what is in the way.
        for (name,) in self.sql("select name from sqlite_master where type = 'trigger'"):
            self.triggers += 1
            self.sql(f'drop trigger "{name}"')

    def tampered(self, *says):
        self.refused(1, "audit", "verify", says=says)
        report = self.reeve("audit", "verify", "-o", "json")
        self.assertEqual(report.code, 1)
        self.assertFalse(report.json()["ok"])

    def test_the_database_itself_refuses_to_change_the_journal(self):
        self.assertGreaterEqual(self.triggers, 2)
        self.data = self.dir / "fresh"
        self.run_json(self.workflow("- {name: a, script: 'true'}"), "--data", self.data)
        for statement in ("update event set actor = ''", "delete from event"):
            with self.assertRaisesRegex(sqlite3.IntegrityError, "append-only"):
                self.sql(statement)

    def test_an_untouched_journal_is_whole(self):
        report = self.audit()
        self.assertEqual(report["missions"], 3)
        self.assertEqual(report["workflows"], 1)
        self.assertEqual(report["events"], report["lastRevision"])
        self.assertEqual(self.audit()["head"], report["head"])
        self.assertIn("whole", self.ok("audit", "verify").out)

    def test_a_flipped_byte_in_the_data_of_an_event_is_found(self):
        ((revision,),) = self.sql("select min(revision) from event where type = 'task.reached'")
        self.sql("update event set data = replace(data, '\"a\"', '\"A\"') where revision = ?", revision)
        self.tampered(str(revision))

    def test_a_changed_field_of_an_event_is_found(self):
        for column, value in (("actor", "user:nobody"), ("at", 1), ("type", "task.skipped")):
            with self.subTest(column):
                old = self.sql(f"select {column} from event where revision = 6")[0][0]
                self.sql(f"update event set {column} = ? where revision = 6", value)
                self.tampered("6")
                self.sql(f"update event set {column} = ? where revision = 6", old)
                self.audit()

    def test_a_changed_chain_value_is_found(self):
        self.sql("update event set chain = zeroblob(32) where revision = 7")
        self.tampered("7")

    def test_a_deleted_event_is_found(self):
        self.sql("delete from event where revision = 8")
        self.tampered("9 follows revision 7")

    def test_a_cut_end_is_found(self):
        last = self.sql("select max(revision) from event")[0][0]
        self.sql("delete from event where revision = ?", last)
        self.tampered(str(last))

    def test_swapped_events_are_found(self):
        self.sql("update event set revision = 100000 where revision = 9")
        self.sql("update event set revision = 9 where revision = 10")
        self.sql("update event set revision = 10 where revision = 100000")
        self.tampered("9")

    def test_a_changed_row_is_found(self):
        name = self.sql("select name from object where kind = 'mission' limit 1")[0][0]
        self.sql("update object set body = replace(body, 'FAILED', 'COMPLETE') where name = ?", name)
        self.tampered(name)

    def test_a_deleted_row_is_found(self):
        name = self.sql("select name from object where kind = 'mission' limit 1")[0][0]
        self.sql("delete from object where name = ?", name)
        self.tampered("missing")

    def test_an_invented_row_is_found(self):
        self.sql(
            "insert into object(kind, namespace, name, uid, created, revision, live, last_event, body)"
            " select kind, namespace, 'invented', uid, created, revision, 0, last_event, body"
            " from object where kind = 'mission' limit 1"
        )
        self.tampered("invented")

    def test_a_database_that_is_no_database_is_refused(self):
        for name in ("reeve.db-wal", "reeve.db-shm"):
            (self.data / name).unlink(missing_ok=True)
        (self.data / "reeve.db").write_bytes(b"\0\xff" * 50000)
        for args in (("status",), ("audit", "verify"), ("run", self.dir / "w.yaml")):
            result = self.reeve(*args)
            self.assertIn(result.code, (1, 3, 5), str(result))
            self.assertTrue(result.err.startswith("reeve: "), str(result))


if __name__ == "__main__":
    main()
