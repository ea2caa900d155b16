"""Files that tasks keep: listing, getting, expiry, uploads and caches."""

import json
import os
import pathlib

from reeve import ReeveTest, main

KEEP = """
- name: keep
  script: |
    mkdir -p dist
    printf one > dist/one.txt
    printf two > dist/two.txt
    printf '#!/bin/sh\\n' > tool.sh; chmod 755 tool.sh
  artifacts: {paths: [tool.sh, "dist/*"]}
  onCompleted: use
- name: use
  script: |
    echo "second: {{ .keep_ArtifactURL_2 }}"
    cat "$(echo '{{ .keep_ArtifactURL_2 }}' | sed 's|^file://||')"
"""


class ArtifactsTest(ReeveTest):
    def keep(self):
        self.ok("run", self.workflow(KEEP), "--name", "m")

    def test_a_template_gets_the_address_of_each_path(self):
        self.keep()
        log = self.ok("logs", "m", "use").out
        self.assertIn("second: file://", log)
        self.assertIn("one", log.splitlines()[-1])

    def test_files_are_listed_and_got_back(self):
        self.keep()
        listed = self.ok("artifacts", "list", "m", "-o", "json").json()["items"]
        self.assertEqual([(item["path"], item["pathNumber"]) for item in listed],
                         [("dist/one.txt", 2), ("dist/two.txt", 2), ("tool.sh", 1)])
        self.assertEqual(self.ok("artifacts", "get", "m", "keep", "dist/two.txt").out, "two")
        self.assertEqual(self.ok("artifacts", "get", listed[0]["address"]).out, "one")
        self.ok("artifacts", "get", "m", "keep", "tool.sh", "-o", self.dir / "tool")
        self.assertTrue(os.access(self.dir / "tool", os.X_OK))
        self.ok("artifacts", "get", "m", "keep", "-o", self.dir / "all")
        self.assertEqual((self.dir / "all/dist/one.txt").read_text(), "one")
        self.refused(3, "artifacts", "get", "m", "keep", says="kept 3 files")
        self.refused(4, "artifacts", "get", "m", "keep", "dist/on.txt", says="dist/one.txt")
        self.refused(4, "artifacts", "get", "m", "use", says="kept no files")

    def blob(self, path):
        item = [item for item in self.ok("artifacts", "list", "m", "-o", "json").json()["items"]
                if item["path"] == path][0]
        return self.data / "blobs" / item["digest"][:2] / item["digest"]

    def test_a_changed_file_is_an_error_that_names_it(self):
        self.keep()
        blob = self.blob("dist/one.txt")
        blob.chmod(0o600)
        blob.write_text("changed")
        result = self.reeve("artifacts", "get", "m", "keep", "dist/one.txt")
        self.assertNotEqual(result.code, 0)
        self.assertEqual(result.out, "")
        self.assertIn(blob.name, result.err)

    def test_expired_files_are_gone_for_tasks_and_people(self):
        tasks = """
        - name: keep
          script: echo x > a.txt
          artifacts: {paths: [a.txt], expiresAfter: 1ms}
          onCompleted: use
        - {name: use, script: cat a.txt, dependencies: [keep]}
        """
        mission = self.run_json(self.workflow(tasks), "--name", "m", code=1)
        self.assertIn("expired at", self.task(mission, "use")["message"])
        self.refused(4, "artifacts", "get", "m", "keep", "a.txt", says="expired at")
        blob = self.blob("a.txt")
        self.ok("artifacts", "expire")
        self.assertTrue(blob.exists(), "young files are left alone")
        os.utime(blob, (1_577_836_800, 1_577_836_800))
        self.assertIn("1 files with 2 bytes", self.ok("artifacts", "expire").out)
        self.assertFalse(blob.exists())

    def test_uploaded_files_can_be_forgotten(self):
        upload = self.write("data.csv", "a;b\n")
        digest = self.ok("artifacts", "put", upload, "--expires", "1ms").out.strip()
        blob = self.data / "blobs" / digest[:2] / digest
        self.assertEqual(blob.read_text(), "a;b\n")
        self.ok("run", self.workflow("- {name: t, script: 'true'}"))
        self.assertIn("1 uploads", self.ok("artifacts", "expire").out)
        self.refused(4, "artifacts", "put", self.dir / "none", says="no such file")

    def test_a_cache_is_found_again_by_the_next_mission(self):
        tasks = """
        - name: build
          beforeScript: echo v1 > lock
          script: |
            if [ -e deps/tool ]; then echo found; else echo missed; fi
            mkdir -p deps; echo tool > deps/tool; ln -sf tool deps/link
          cache: {paths: [deps], keyPaths: [lock]}
        """
        workflow = self.workflow(tasks)
        self.assertIn("missed", self.ok("run", workflow).out)
        second = self.ok("run", workflow).out
        self.assertIn("| found", second)
        self.assertEqual(len(self.ok("cache", "list", "-o", "json").json()["items"]), 1)
        self.ok("cache", "clear")
        self.assertIn("missed", self.ok("run", workflow).out)
        self.audit()

    def test_a_task_finds_an_uploaded_file_under_its_name(self):
        digest = self.ok("artifacts", "put", self.write("data.csv", "a;b\n")).out.strip()
        tasks = f"- {{name: t, script: cat data.csv, artifactIds: [{digest}]}}"
        self.assertIn("a;b", self.ok("run", self.workflow(tasks)).out)

    def test_a_task_removes_what_has_expired(self):
        self.ok("run", self.workflow("- {name: t, expireArtifacts: true}", name="e"))

    def test_caches_can_be_listed_and_cleared(self):
        self.assertEqual(self.ok("cache", "list", "-o", "json").json(), {"items": []})
        entry = self.data / "caches" / "default" / "w" / ("a" * 64 + ".json")
        entry.parent.mkdir(parents=True)
        entry.write_text(json.dumps({
            "namespace": "default", "workflow": "w", "hash": "a" * 64, "key": "npm-1",
            "digest": "b" * 64, "sizeBytes": 10, "files": 2,
            "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": "2099-01-01T00:00:00.000Z"}))
        self.assertIn("npm-1", self.ok("cache", "list").out)
        self.assertEqual(self.ok("cache", "list", "other").out, "")
        self.ok("cache", "clear", "other")
        self.assertTrue(entry.exists())
        self.assertIn("1 caches", self.ok("cache", "clear", "w").out)
        self.assertFalse(pathlib.Path(entry).exists())


if __name__ == "__main__":
    main()
