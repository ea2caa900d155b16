"""What clients of a Kubernetes API rely on beyond what the golden answers show."""

from reeve import main
from server import APPLY, ServerTest, path_of, quota, workflow


class ConformanceTest(ServerTest):
    def status_of(self, answer, code):
        self.assertEqual(answer.status, code, str(answer))
        return answer.json()

    def test_a_whole_collection_can_only_be_deleted_as_such(self):
        self.made_quota("a")
        for method, body in (("PUT", {}), ("PATCH", {}), ("PUT", quota("a"))):
            for plural in ("budgetquotas", "workflows", "missions"):
                answer = self.api.request(method, path_of(plural), body)
                self.status_of(answer, 405)
        self.status_of(self.api.request("PUT", "/api/v1/namespaces", {}), 405)
        self.assertEqual(len(self.got(path_of("budgetquotas"))["items"]), 1)

    def test_what_is_gone_with_its_last_finalizer_is_seen_once_more(self):
        for plural, body in (("workflows", workflow("w")), ("budgetquotas", quota("q"))):
            body["metadata"]["finalizers"] = ["k.dev/hold"]
            name = self.made(path_of(plural), body)["metadata"]["name"]
            self.status_of(self.api.delete(path_of(plural, name)), 200)
            answer = self.api.patch(path_of(plural, name), {"metadata": {"finalizers": None}})
            last = self.status_of(answer, 200)
            self.assertEqual(last["metadata"]["name"], name)
            self.assertTrue(last["metadata"]["deletionTimestamp"])
            self.status_of(self.api.get(path_of(plural, name)), 404)

    def test_nobody_owns_what_is_not_kept(self):
        thing = quota("q")
        thing["spec"]["foo"] = 1
        path = path_of("budgetquotas", "q", fieldManager="one", fieldValidation="Warn")
        answer = self.api.patch(path, thing, content_type=APPLY)
        self.assertNotIn("f:foo", str(self.status_of(answer, 201)["metadata"]["managedFields"]))
        self.assertIn("unknown field", answer.headers["Warning"])
        thing["spec"]["foo"] = 2
        path = path_of("budgetquotas", "q", fieldManager="two", fieldValidation="Warn")
        self.status_of(self.api.patch(path, thing, content_type=APPLY), 200)

    def test_a_watch_does_not_begin_with_a_state_that_is_too_old(self):
        path = path_of(
            "budgetquotas",
            watch="true",
            sendInitialEvents="true",
            resourceVersionMatch="NotOlderThan",
            allowWatchBookmarks="true",
            resourceVersion=99999,
        )
        status = self.status_of(self.api.get(path), 504)
        self.assertEqual(status["reason"], "Timeout")


if __name__ == "__main__":
    main()
