"""Who may ask for one thing gets no other by it, also later."""

import json

from reeve import main
from server import BASE, Client, ServerTest, mission, path_of, workflow

RBAC = "/apis/rbac.authorization.k8s.io/v1"
MISSIONS = f"{BASE}/namespaces/default/missions"
EVENTS = f"{BASE}/namespaces/default/events"


class RightsTest(ServerTest):
    def user(self, name, *rules):
        """A client of a user who may do what the rules, (verbs, resources), say."""
        token = self.ok("token", "create", name, "--user", name).out.strip()
        role = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": name},
            "rules": [
                {"apiGroups": ["reeve.dev", ""], "verbs": verbs.split(), "resources": resources.split()}
                for verbs, resources in rules
            ],
        }
        self.made(f"{RBAC}/namespaces/default/roles", role)
        self.bind(name)
        client = self.client()
        client.token = token
        return client

    def bind(self, name):
        self.made(
            f"{RBAC}/namespaces/default/rolebindings",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [
                    {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}
                ],
            },
        )

    def unbind(self, name):
        answer = self.api.delete(f"{RBAC}/namespaces/default/rolebindings/{name}")
        self.assertEqual(answer.status, 200, str(answer))

    def told(self, client):
        """The types of all events so far, and their text."""
        text = client.get(EVENTS + "?from=0&follow=false").text
        lines = [line[len("data: "):] for line in text.splitlines() if line.startswith("data: ")]
        return {json.loads(line)["type"] for line in lines}, text

    def test_events_are_told_to_those_who_may_watch_their_objects(self):
        self.made(path_of("workflows"), workflow("w", script="echo SOURCETEXT"))
        self.made(path_of("missions"), mission("m", "w"))
        channel = {"apiVersion": "reeve.dev/v1", "kind": "Channel", "metadata": {"name": "c"}}
        self.made(path_of("channels"), channel)
        answer = self.api.post(path_of("channels", "c") + "/send", {"body": "BODYTEXT"})
        self.assertEqual(answer.status, 200, str(answer))
        few = self.user("few", ("watch", "missions"))
        more = self.user("more", ("watch", "missions channels workflows"))
        types, text = self.told(few)
        self.assertIn("mission.created", types)
        self.assertFalse({each for each in types if not each.startswith(("mission.", "run.", "task."))})
        self.assertNotIn("SOURCETEXT", text)
        types, text = self.told(more)
        self.assertIn("message.sent", types)
        self.assertNotIn("BODYTEXT", text, "messages are for those who receive them")

    def test_a_stream_ends_with_the_right_to_it(self):
        self.made(path_of("workflows"), workflow("w"))
        reader = self.user("reader", ("get watch list", "missions missions/events missions/log"))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "COMPLETE")
        streams = [
            reader.stream(EVENTS),
            reader.stream(f"{MISSIONS}/m/events"),
            reader.watch(MISSIONS),
            reader.stream("/missions/m/events"),
        ]
        for stream in streams:
            self.assertEqual(stream.status, 200)
            stream.line()
        self.unbind("reader")
        for stream in streams:
            stream.rest()
            stream.close()
        self.assertIn(reader.get(MISSIONS).status, (403, 404))

    def test_a_stream_ends_with_the_token(self):
        reader = self.user("reader", ("watch", "missions"))
        stream = reader.stream(EVENTS)
        stream.line()
        self.ok("token", "revoke", "reader")
        stream.rest()
        stream.close()
        self.assertEqual(reader.get(MISSIONS).status, 401)

    def test_who_may_change_a_mission_may_not_abort_it_by_that(self):
        self.made(path_of("workflows"), workflow("w", script="sleep 1000"))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "ACTIVE")
        patcher = self.user("patcher", ("get patch", "missions"))
        wish = {"spec": {"abortRequested": True}}
        self.assertEqual(patcher.patch(f"{MISSIONS}/m", wish).status, 403)
        self.assertEqual(patcher.post(f"{MISSIONS}/m/abort", {}).status, 403)
        labelled = patcher.patch(f"{MISSIONS}/m", {"metadata": {"labels": {"a": "b"}}})
        self.assertEqual(labelled.status, 200, str(labelled))
        both = self.user("both", ("get patch", "missions"), ("create", "missions/abort"))
        self.assertEqual(both.patch(f"{MISSIONS}/m", wish).status, 200)
        self.await_mission("m", "ABORTED")

    def test_another_path_to_the_same_asks_for_the_same(self):
        self.made(path_of("workflows"), workflow("w"))
        self.made(path_of("missions"), mission("m", "w"))
        watcher = self.user("watcher", ("watch", "missions"))
        self.assertEqual(watcher.get(f"{MISSIONS}/m/events?follow=false").status, 403)
        self.assertEqual(watcher.get("/missions/m/events").status, 403)

    def test_what_is_no_object_is_read_only(self):
        for path in ("/", "/version", "/apis", "/apis/reeve.dev/v1", "/openapi/v2", "/metrics"):
            for method in ("POST", "DELETE", "PUT", "TRACE"):
                answer = self.api.request(method, path)
                self.assertEqual(answer.status, 405, f"{method} {path}: {answer}")
                self.assertEqual(answer.headers["Allow"], "GET, HEAD")

    def test_what_costs_much_is_not_done_for_those_who_prove_nothing(self):
        nobody = self.client()
        nobody.token = None
        text = "job_type: x\ntasks: [{task_type: t, method: SHELL, script: ['true']}]\n"
        variables = "".join(
            f"  v{number}: '{{{{range $x := split (repeat 2000 \"a,\") \",\"}}}}{{{{$x}}}}{{{{end}}}}'\n"
            for number in range(200)
        )
        answer = nobody.request(
            "POST", "/api/jobs/definitions", (text + "job_variables:\n" + variables).encode(),
            content_type="application/yaml",
        )
        self.assertEqual(answer.status, 401)
        for path in ("/api/jobs/requests", "/gates/x/approve"):
            self.assertEqual(nobody.request("POST", path, b"{").status, 401, path)


if __name__ == "__main__":
    main()
