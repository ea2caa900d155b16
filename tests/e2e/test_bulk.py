"""Many missions by one request: each item is checked, made and answered for itself."""

from reeve import main
from server import ServerTest, mission, path_of, workflow

BULK = path_of("missions:bulk")
ITEMS_MAX = 1000


def item(name=None, of="w", key=None, **spec):
    made = {"metadata": {"name": name} if name else {"generateName": "b-"}}
    made["spec"] = {"workflow": {"name": of}, **spec}
    if key:
        made["idempotencyKey"] = key
    return made


class BulkTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.made(path_of("workflows"), workflow("w"))

    def bulk(self, items, **more):
        answer = self.api.post(BULK, {"items": items}, **more)
        self.assertEqual(answer.status, 207, str(answer))
        result = answer.json()
        self.assertEqual([each["index"] for each in result["items"]], list(range(len(items))))
        return result

    def counts(self, result):
        return result["made"], result["repeated"], result["refused"]

    def names(self):
        return [each["metadata"]["name"] for each in self.got(path_of("missions"))["items"]]

    def test_a_bad_item_harms_no_other(self):
        result = self.bulk(
            [
                item("a"),
                item("Not A Name"),
                item("b", of="missing"),
                "no object",
                item("c", priority="high"),
                item("d"),
                item("a"),
            ]
        )
        self.assertEqual(self.counts(result), (2, 0, 5))
        codes = [each["code"] for each in result["items"]]
        self.assertEqual(codes, [201, 422, 422, 400, 422, 201, 409])
        self.assertEqual(sorted(self.names()), ["a", "d"])
        for each in result["items"]:
            if each["code"] == 201:
                made = self.got(path_of("missions", each["name"]))
                self.assertEqual(made["metadata"]["uid"], each["uid"])
            else:
                self.assertEqual(each["status"]["kind"], "Status")
                self.assertEqual(each["status"]["code"], each["code"])
        self.await_mission("a", "COMPLETE")
        self.await_mission("d", "COMPLETE")

    def test_repeats_are_told_within_a_batch_and_after_it(self):
        items = [item(key="one"), item(key="two"), item(key="one"), item("fixed", key="three")]
        first = self.bulk(items)
        self.assertEqual(self.counts(first), (3, 1, 0))
        self.assertTrue(first["items"][2]["repeated"])
        self.assertEqual(first["items"][0]["uid"], first["items"][2]["uid"])
        again = self.bulk(items)
        self.assertEqual(self.counts(again), (0, 4, 0))
        self.assertEqual(
            [each["uid"] for each in again["items"]], [each["uid"] for each in first["items"]]
        )
        other = self.bulk([item(key="one", priority=5)])
        self.assertEqual(other["items"][0]["code"], 422)
        self.assertEqual(len(self.names()), 3)

    def test_the_key_of_the_request_counts_for_each_place(self):
        headers = {"Idempotency-Key": "batch"}
        first = self.bulk([item(), item()], headers=headers)
        self.owner.kill()
        self.serve()
        again = self.bulk([item(), item()], headers=headers)
        self.assertEqual(self.counts(again), (0, 2, 0))
        self.assertEqual(
            [each["name"] for each in again["items"]], [each["name"] for each in first["items"]]
        )
        self.assertEqual(len(self.names()), 2)

    def test_a_user_key_finds_the_mission_that_lives(self):
        self.made(path_of("workflows"), workflow("slow", 'while [ ! -e "$T/go" ]; do sleep 0.02; done'))
        made = self.api.post(path_of("missions"), item("x", of="slow", userKey="k"))
        self.assertEqual(made.status, 400, "apiVersion and kind are needed outside of a bulk")
        result = self.bulk([item("x", of="slow", userKey="k"), item("y", of="slow", userKey="k")])
        self.assertEqual(self.counts(result), (1, 1, 0))
        self.assertEqual([each["name"] for each in result["items"]], ["x", "x"])
        single = self.api.post(path_of("missions"), mission("z", "slow") | {
            "spec": {"workflow": {"name": "slow"}, "userKey": "k"}})
        self.assertEqual((single.status, single.json()["metadata"]["name"]), (200, "x"))
        (self.dir / "go").touch()
        self.await_mission("x", "COMPLETE")

    def test_a_thousand_are_made_and_one_more_is_too_many(self):
        result = self.bulk([item(f"m-{number:04}") for number in range(ITEMS_MAX)])
        self.assertEqual(self.counts(result), (ITEMS_MAX, 0, 0))
        self.assertEqual(len(self.names()), ITEMS_MAX)
        answer = self.api.post(BULK, {"items": [item()] * (ITEMS_MAX + 1)})
        self.assertEqual(answer.status, 422, str(answer))
        self.assertIn("at most 1000", answer.text)
        self.assertEqual(self.bulk([])["items"], [])

    def test_wrong_requests_are_refused(self):
        for body in ([], {}, {"items": {}}, {"items": "x"}):
            answer = self.api.post(BULK, body)
            self.assertEqual(answer.status, 400, str(answer))
        self.assertEqual(self.api.get(BULK).status, 405)
        self.assertEqual(self.api.post("/apis/reeve.dev/v1/missions:bulk", {"items": []}).status, 404)
        self.assertEqual(self.api.post(path_of("workflows:bulk"), {"items": []}).status, 404)
        nowhere = self.api.post(path_of("missions:bulk", namespace="nowhere"), {"items": [item()]})
        self.assertEqual(nowhere.json()["refused"], 1, str(nowhere))
        dry = self.bulk([item("dry")])
        self.assertEqual(self.counts(dry), (1, 0, 0))

    def test_who_may_not_create_missions_may_not_create_many(self):
        for role, expected in (("view", 403), ("edit", 207)):
            self.bind(f"{role}er", role)
            answer = self.api.post(
                BULK, {"items": [item(f"of-{role}")]}, headers={"Impersonate-User": f"{role}er"}
            )
            self.assertEqual(answer.status, expected, str(answer))
        self.assertEqual(self.names(), ["of-edit"])

    def test_the_command_line_submits_lines_and_documents(self):
        lines = self.write("many.jsonl", "\n".join([
            '{"workflow": {"name": "w"}}',
            '{"metadata": {"name": "named"}, "spec": {"workflow": {"name": "w"}}, "idempotencyKey": "1"}',
            "",
            '{"workflow": {"name": "missing"}}',
        ]))
        told = self.refused(3, "submit", "--bulk", lines, says="many.jsonl:4: ")
        self.assertRegex(told.out, r"^mission w-\w+\nmission named\n$")
        again = self.refused(3, "submit", "--bulk", lines, "-o", "json").json_lines()
        self.assertEqual([each["code"] for each in again], [201, 201, 422])
        self.assertEqual((again[1]["repeated"], again[1]["line"], again[2]["line"]), (True, 2, 4))
        documents = self.write("many.yaml", "workflow: {name: w}\n---\nmetadata: {name: y}\n"
                               "spec: {workflow: {name: w}, priority: 3}\n")
        self.assertIn("mission y\n", self.ok("submit", "--bulk", documents).out)
        self.assertEqual(len(self.names()), 5)
        self.refused(2, "submit", "--bulk", documents, "w", says="excludes")
        self.refused(2, "submit", says="--bulk")
        self.refused(3, "submit", "--bulk", self.write("none.yaml", "# nothing\n"), says="no missions")


if __name__ == "__main__":
    main()
