"""Who was refused is in the journal, for those whom it concerns, however often it happens."""

import json
import signal

from reeve import main, wait_until
from server import ServerTest, path_of

# As the journal takes them at most: see src/api/denials.h and engine/denial_book.h.
NAMESPACES_MAX = 8
ENTRIES_MAX = 16
FLOOD = 600


class DenialsTest(ServerTest):
    def setUp(self):
        super().setUp()
        for name in ("alpha", "beta"):
            self.made("/api/v1/namespaces",
                      {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def ask(self, user, path, method="GET", expected=403, body=None):
        answer = self.api.request(method, path, body, headers={"Impersonate-User": user})
        self.assertEqual(answer.status, expected, str(answer))

    def restart(self):
        """What was refused lately is recorded when the server ends."""
        self.owner.signal(signal.SIGTERM)
        self.assertEqual(self.owner.process.wait(60), 0, self.owner.err())
        self.serve()

    def denied(self, namespace=None):
        """Events of denials; without a namespace those of the installation."""
        where = f"/namespaces/{namespace}" if namespace else ""
        selector = "fieldSelector=involvedObject.kind%3DDenial,involvedObject.name%3Ddenials"
        events = self.got(f"/api/v1{where}/events?{selector}")["items"]
        return [each for each in events if each["involvedObject"]["namespace"] == (namespace or "")]

    def test_each_is_told_to_whom_it_concerns(self):
        self.bind("carol", "view", "alpha")
        for _ in range(3):
            self.ask("carol", path_of("missions", "m/abort", "alpha"), "POST", body={})
        # Somebody of another tenant, who is told nothing: neither are those of alpha.
        self.ask("mallory", path_of("missions", "m", "alpha"), expected=404)
        self.ask("mallory", path_of("missions", "m", "nowhere"), expected=404)
        client = self.client()
        client.token = "rvt_wrong"
        self.assertEqual(client.get(path_of("missions")).status, 401)
        self.restart()
        (event,) = self.denied("alpha")
        self.assertEqual(event["count"], 3)
        self.assertEqual(event["type"], "Warning")
        self.assertEqual(
            event["message"], "user:carol may not create missions.reeve.dev/abort (3)"
        )
        self.assertEqual(self.denied("beta"), [])
        (event,) = self.denied()
        self.assertIn("user:mallory may not get missions.reeve.dev in namespace alpha (1)", event["message"])
        self.assertIn("in namespace nowhere (1)", event["message"])
        self.assertIn("user:system:anonymous", event["message"])
        self.assertNotIn("carol", event["message"])
        # Carol reads what happens in her namespace, and there only.
        carol = {"Impersonate-User": "carol"}
        with self.api.stream(path_of("events", namespace="alpha") + "?from=1", headers=carol) as stream:
            while (told := stream.sse()) is not None and told.get("event") != "access.denied":
                pass
            self.assertNotIn("mallory", told["data"])
            self.assertEqual(json.loads(told["data"])["data"]["denials"][0]["user"], "user:carol")
        self.assertEqual(self.api.get("/api/v1/events", headers=carol).status, 403)
        self.audit()

    def test_a_flood_is_a_few_events(self):
        self.bind("carol", "view", "alpha")
        for number in range(FLOOD):
            user = "carol" if number % 2 else f"u{number}"
            ns = "alpha" if number % 2 else f"n{number}"
            self.ask(user, path_of("missions", f"m{number}", ns), "DELETE",
                     403 if number % 2 else 404)
        self.restart()
        revisions = self.sql("SELECT count(*) FROM event WHERE type = 'access.denied'")[0][0]
        self.assertLessEqual(revisions, 2 * (NAMESPACES_MAX + 1), "of two periods at most")
        events = self.denied("alpha") + self.denied()
        self.assertEqual(sum(event["count"] for event in events), FLOOD)
        for event in events:
            self.assertLessEqual(event["message"].count(" may not "), ENTRIES_MAX)
        self.audit()

    def test_they_go_with_their_namespace(self):
        self.bind("carol", "view", "alpha")
        self.ask("carol", path_of("missions", "m", "alpha"), "DELETE")
        self.restart()
        self.assertEqual(len(self.denied("alpha")), 1)
        self.assertEqual(self.api.delete("/api/v1/namespaces/alpha").status, 200)
        path = "/api/v1/namespaces/alpha"
        wait_until(lambda: self.api.get(path).status == 404, what="the namespace to go")
        self.audit()


if __name__ == "__main__":
    main()
