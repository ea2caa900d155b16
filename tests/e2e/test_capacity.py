"""Who may start, and in which order: places, pools, priority, labels, user keys, and wait reasons."""

from reeve import ReeveTest, gate, main, wait_until


def row_of(listing, name):
    """The line of `reeve status` about a mission."""
    return next(line for line in listing.splitlines() if line.split()[0] == name)


class CapacityTest(ReeveTest):
    def waiting(self, spec="", task="", name="w"):
        """A mission that notes its name and waits until the test touches `go-NAME`."""
        return self.workflow(
            f"""
            - name: a
              script: |
                echo "$REEVE_MISSION" >> "$T/ran"
                {gate("go-$REEVE_MISSION")}
              {task}
            """,
            name=name,
            spec=spec,
        )

    def submit(self, document, name, *args):
        self.ok("submit", document, "--name", name, *args)

    def await_ran(self, *names):
        wait_until(lambda: len(self.lines("ran")) >= len(names), what=f"the start of {names[-1]}")
        self.assertEqual(self.lines("ran"), list(names))

    def finish(self, *names):
        for name in names:
            self.touch(f"go-{name}")
            self.await_state(name, "COMPLETE")

    def test_one_mission_of_a_workflow_at_a_time(self):
        self.up()
        document = self.waiting("maxConcurrency: 1")
        self.submit(document, "m1")
        self.submit(document, "m2")
        self.await_state("m1", "ACTIVE")
        self.assertEqual(self.state("m2"), "QUEUED")
        self.finish("m1")
        self.await_state("m2", "ACTIVE")
        self.finish("m2")
        self.assertEqual(self.lines("ran"), ["m1", "m2"])
        self.audit()

    def test_every_queued_mission_says_what_it_waits_for(self):
        self.up()
        self.submit(self.waiting("maxConcurrency: 1"), "m1")
        self.submit(self.waiting("maxConcurrency: 1"), "m2")
        self.submit(self.waiting("maxConcurrency: 1"), "m3")
        self.submit(self.waiting("semaphores: [{pool: db}]", name="p"), "p1")
        self.submit(self.waiting("semaphores: [{pool: db}]", name="p"), "p2")
        self.submit(self.waiting(name="later"), "later", "--at", "2999-01-01T00:00:00.000Z")
        self.await_state("m1", "ACTIVE")
        self.await_state("p1", "ACTIVE")
        missions = self.ok("status", "-o", "json").json()["items"]
        queued = {m["metadata"]["name"]: m["status"].get("waitsFor") for m in missions if m["status"]["state"] == "QUEUED"}
        self.assertEqual(sorted(queued), ["later", "m2", "m3", "p2"])
        self.assertIn("at most 1 mission of w", queued["m2"])
        self.assertTrue(queued["m3"])
        self.assertEqual(queued["p2"], "waits for 1 unit of pool db, which has 1")
        self.assertEqual(queued["later"], "waits until 2999-01-01T00:00:00.000Z")
        listing = self.ok("status").out
        for name, reason in queued.items():
            self.assertIn(reason, row_of(listing, name))
        self.assertIn(queued["p2"], self.ok("status", "p2").out)
        mirror = self.data / "missions/m2/context.md"
        wait_until(lambda: mirror.exists() and queued["m2"] in mirror.read_text(), what="the mirror")
        for name in ("later", "m2", "m3", "p2"):
            self.ok("abort", name)
            self.assertEqual(self.state(name), "ABORTED")
        self.finish("m1", "p1")

    def test_a_pool_is_exact_when_declared_and_as_large_as_asked_for_when_not(self):
        self.up()
        two = self.waiting("semaphores: [{pool: gpu, units: 2}]")
        self.submit(two, "m1")
        self.submit(two, "m2")
        self.await_ran("m1")
        self.assertEqual(self.mission("m2")["status"]["waitsFor"], "waits for 2 units of pool gpu, which has 2")
        self.ok("pool", "set", "gpu", "4")
        self.await_ran("m1", "m2")
        self.ok("pool", "set", "gpu", "1")
        self.submit(two, "m3")
        self.assertEqual(self.mission("m3")["status"]["waitsFor"], "needs 2 units of pool gpu, which has 1")
        self.assertEqual(self.ok("pool", "list").out.split(), ["NAME", "UNITS", "gpu", "1"])
        pool = self.ok("pool", "list", "-o", "json").json()["items"][0]
        self.assertEqual((pool["metadata"]["name"], pool["spec"]["units"]), ("gpu", 1))
        self.finish("m1", "m2")
        self.assertEqual(self.state("m3"), "QUEUED")
        self.ok("pool", "delete", "gpu")
        self.await_ran("m1", "m2", "m3")
        self.finish("m3")
        self.refused(4, "pool", "delete", "gpu", says='no pool "gpu"')
        self.refused(3, "pool", "set", "no/name", "1", says="name of a pool")
        self.refused(2, "pool", "set", "gpu", "-1")
        self.audit()

    def test_pools_outlive_the_owner(self):
        self.up()
        self.ok("pool", "set", "gpu", "3")
        self.ok("down")
        self.up()
        one = self.waiting("semaphores: [{pool: gpu, units: 3}]")
        self.submit(one, "m1")
        self.await_ran("m1")
        self.assertIn("gpu", self.ok("pool", "list").out)
        self.finish("m1")

    def test_the_more_important_goes_first(self):
        self.up()
        document = self.waiting("maxConcurrency: 1")
        self.submit(document, "first")
        self.await_ran("first")
        self.submit(document, "low")
        self.submit(document, "high", "--priority", "100")
        self.finish("first")
        self.await_ran("first", "high")
        self.assertEqual(self.state("low"), "QUEUED")
        self.finish("high")
        self.await_ran("first", "high", "low")
        self.finish("low")

    def test_a_user_key_makes_one_mission(self):
        self.up()
        document = self.waiting()
        self.submit(document, "m1", "--user-key", "order-7")
        again = self.ok("submit", document, "--user-key", "order-7")
        self.assertEqual(again.out, "mission m1\n")
        self.assertIn("no other one was made", again.err)
        self.assertTrue(self.ok("submit", document, "--user-key", "order-7", "-o", "json").json()["existing"])
        self.finish("m1")
        self.submit(document, "m2", "--user-key", "order-7")
        self.finish("m2")
        self.assertEqual(self.lines("ran"), ["m1", "m2"])

    def test_a_task_waits_for_a_machine_with_its_labels(self):
        owner = self.up()
        document = self.waiting(task="tags: [gpu, arm64]")
        self.submit(document, "m1")
        self.await_state("m1", "QUEUED")
        task = self.task("m1", "a")
        self.assertEqual(task["state"], "PENDING")
        self.assertIn("waits for a host with the labels gpu, arm64; start reeve with --labels gpu,arm64", task["message"])
        self.assertIn("a host with the labels gpu, arm64", self.ok("status", "m1").out)
        self.ok("down")
        owner.wait()
        self.up("--labels", "gpu,arm64")
        self.finish("m1")
        self.assertIn("--labels are up to", self.ok("run", self.workflow("- {name: a, script: 'true'}"), "--labels", "x").err)

    def test_slots_and_labels_are_settings_like_others(self):
        (self.data).mkdir()
        (self.data / "reeve.yaml").write_text(
            "run: {slots: 1, labels: [gpu]}\n", encoding="utf-8"
        )
        owner = self.up()
        host = self.ok("get", "hosts", "local", "-o", "json").json()["status"]
        self.assertEqual((host["capacity"]["slots"], host["labels"]), (1, ["gpu"]))
        self.submit(self.waiting(task="tags: [gpu]"), "m1")
        self.submit(self.waiting(), "m2")
        self.await_ran("m1")
        self.finish("m1", "m2")
        self.assertEqual(self.lines("ran"), ["m1", "m2"])
        self.ok("down")
        owner.wait()
        # The flag of the command is the strongest layer of the same setting.
        self.up("--slots", 3, "--labels", "arm64,fast")
        host = self.ok("get", "hosts", "local", "-o", "json").json()["status"]
        self.assertEqual((host["capacity"]["slots"], host["labels"]), (3, ["arm64", "fast"]))

    def test_labels_are_names(self):
        self.refused(2, "up", "--labels", "a,b/c", says="label")
        tagged = self.workflow("- {name: a, script: 'true', tags: [big]}")
        self.ok("run", tagged, "--labels", "small,big")


if __name__ == "__main__":
    main()
