"""What clients of a Kubernetes API rely on beyond what the golden answers show."""

import json
import os
import threading

from reeve import main
from server import APPLY, TABLE, ServerTest, mission, path_of, quota, workflow

# A spec of each kind that has rules besides its contract, with every member that the rules look at.
SPECS = {
    "Agent": {
        "cli": {"command": "custom", "argv": ["a", "{prompt}"]},
        "model": "m",
        "prompt": "p",
        "tools": ["files__*"],
        "validators": ["v"],
        "limits": {"iterations": 1, "cost": "1", "duration": "1m"},
        "environment": {"A": "1"},
        "sandbox": {"level": "workspace", "readable": ["/srv"]},
        "outputSchema": {"type": "object", "required": ["a"], "properties": {"a": {"enum": ["b"]}}},
    },
    "BudgetQuota": {
        "selector": {"workflow": "w", "agent": "a", "matchLabels": {"a": "b"}},
        "limits": {
            "maxTotalTokens": 10,
            "maxTokensPerRun": 5,
            "maxTotalCost": "2",
            "maxCostPerRun": "1",
            "maxDuration": "1m",
        },
        "enforcement": {"onDurationLimit": "pause", "scope": "all"},
        "warnings": {"tokenThreshold": 0.5},
        "notifications": {"channel": "c"},
        "period": "day",
    },
    "ModelRoute": {
        "providers": [
            {
                "name": "a",
                "kind": "anthropic",
                "baseUrl": "https://api.example.com",
                "credential": "k",
                "headers": {"x-a": "b"},
                "operations": ["messages"],
                "timeouts": {"total": "1m"},
                "breaker": {"failures": 1},
            }
        ],
        "models": [
            {
                "name": "m",
                "provider": "a",
                "contextWindow": 100,
                "maxOutputTokens": 50,
                "outputLimit": 20,
                "prices": {"input": "1", "output": "1"},
            }
        ],
        "rules": [
            {
                "match": {"agents": ["a"], "labels": {"a": "b"}, "budgetLeftBelow": 0.5},
                "use": [{"model": "m", "weight": 1}],
                "fallback": ["m"],
            }
        ],
        "fallback": ["m"],
        "retries": {"max": 1, "jitter": 0.5},
        "guardrails": [{"name": "g", "pattern": "x", "action": "block"}],
        "cache": {"ttl": "1m"},
        "capture": {"request": "none"},
    },
    "NotificationSink": {
        "events": ["*"],
        "workflows": ["w"],
        "matchLabels": {"a": "b"},
        "webhook": {"url": "https://a.example.com", "secretCredential": "k"},
    },
    "ToolServer": {
        "command": ["x", "y"],
        "environment": {"A": "1"},
        "credentials": {"B": "k"},
        "sandbox": {"level": "workspace", "readable": ["/srv"]},
        "tools": [{"name": "a", "allow": False, "redact": ["b"], "reversible": {"tool": "c"}}],
    },
    "Workflow": {
        "tasks": [
            {"name": "a", "script": "true", "credentials": {"A": "k"}, "sandbox": {"level": "workspace"}},
            {"name": "b", "agent": {"name": "a", "prompt": "p"}},
            {"name": "c", "mission": {"workflow": "w"}},
        ],
        "triggers": [{"name": "t", "webhook": {"auth": "github", "secret": "k"}}],
    },
}


def damaged(value):
    """The value with one member, or item, of a wrong type; in turn each of them, and each type."""
    for wrong in (7, [7], ["x", 7], [{}], {"x": 7}, None):
        if type(wrong) is not type(value) or isinstance(wrong, (list, dict)):
            yield wrong
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        for wrong in damaged(member):
            changed = value.copy()
            changed[key] = wrong
            yield changed


class ConformanceTest(ServerTest):
    # Some stories ask as fast as they can.
    arguments = (
        "--limits-requests-per-second", "0",
        "--limits-requests-per-second-per-address", "0",
    )  # fmt: skip

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

    def test_what_is_there_is_not_made_again(self):
        thing = {"apiVersion": "reeve.dev/v1", "metadata": {"name": "dupe"}}
        cases = (
            ("credentials", {"kind": "Credential", "spec": {"value": "one"}}),
            ("channels", {"kind": "Channel", "spec": {"messagesMax": 10}}),
            ("workflows", {"kind": "Workflow", "spec": workflow("dupe")["spec"]}),
        )
        for plural, more in cases:
            made = self.made(path_of(plural), {**thing, **more})
            status = self.status_of(self.api.post(path_of(plural), {**thing, **more}), 409)
            self.assertEqual(status["reason"], "AlreadyExists")
            self.assertEqual(
                self.got(path_of(plural, "dupe"))["metadata"]["resourceVersion"],
                made["metadata"]["resourceVersion"],
            )

    def test_of_those_who_write_at_once_one_wins(self):
        cases = (
            ("credentials", {"kind": "Credential", "spec": {"value": "one"}}),
            ("channels", {"kind": "Channel", "spec": {"messagesMax": 10}}),
            ("workflows", {"kind": "Workflow", "spec": workflow("race")["spec"]}),
        )
        for plural, more in cases:
            thing = {"apiVersion": "reeve.dev/v1", "metadata": {"name": "race"}, **more}
            codes = self.at_once(lambda client, number: client.post(path_of(plural), thing))
            self.assertEqual(sorted(codes), [201, 409, 409, 409], plural)
            now = self.got(path_of(plural, "race"))

            def put(client, number):
                changed = json.loads(json.dumps(now))
                changed["metadata"]["labels"] = {"number": str(number)}
                if plural == "credentials":
                    changed["spec"]["value"] = f"two-{number}"
                elif plural == "channels":
                    changed["spec"]["messagesMax"] = 20 + number
                else:
                    changed["spec"]["tasks"][0]["script"] = f"echo {number}"
                return client.put(path_of(plural, "race"), changed)

            self.assertEqual(sorted(self.at_once(put)), [200, 409, 409, 409], plural)

    def at_once(self, ask):
        """The statuses of four clients who ask at the same time."""
        clients = [self.client() for _ in range(4)]
        for client in clients:
            client.get("/version")
        gate = threading.Barrier(len(clients))
        codes = []

        def go(client, number):
            gate.wait()
            codes.append(ask(client, number).status)

        threads = [
            threading.Thread(target=go, args=(client, number))
            for number, client in enumerate(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes

    def test_a_credential_keeps_what_is_not_said(self):
        thing = {
            "apiVersion": "reeve.dev/v1",
            "kind": "Credential",
            "metadata": {"name": "c"},
            "spec": {"value": "sekrit", "description": "of old"},
        }
        self.made(path_of("credentials"), thing)
        path = path_of("credentials", "c")
        body = {"spec": {"description": "for w", "workflows": ["w"]}, "metadata": {"labels": {"a": "b"}}}
        changed = self.status_of(self.api.patch(path, body), 200)
        self.assertEqual(changed["spec"]["description"], "for w")
        self.assertEqual(changed["spec"]["workflows"], ["w"])
        self.assertEqual(changed["metadata"]["labels"], {"a": "b"})
        # Saying the value again says nothing new.
        same = self.status_of(self.api.patch(path, {"spec": {"value": "sekrit"}}), 200)
        self.assertEqual(same["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"])
        other = self.status_of(self.api.patch(path, {"spec": {"value": "other"}}), 200)
        self.assertNotEqual(other["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"])
        self.assertEqual(other["spec"]["description"], "for w")

    def test_a_token_can_be_labelled(self):
        self.ok("token", "create", "t", "--user", "alice")
        path = path_of("tokens", "t", namespace=None)
        labelled = self.status_of(self.api.patch(path, {"metadata": {"labels": {"a": "b"}}}), 200)
        self.assertNotIn("hash", labelled["spec"])
        self.status_of(self.api.put(path, labelled), 200)
        self.status_of(self.api.get(path), 200)

    def test_text_can_be_applied_again(self):
        text = json.dumps(workflow("w"))
        deployed = {
            "apiVersion": "reeve.dev/v1",
            "kind": "Workflow",
            "metadata": {"name": "w"},
            "spec": {"source": text},
        }
        asked = {**deployed, "kind": "Mission", "metadata": {"name": "m"}}
        for plural, thing in (("workflows", deployed), ("missions", asked)):
            name = thing["metadata"]["name"]
            path = path_of(plural, name, fieldManager="one")
            self.status_of(self.api.patch(path, thing, content_type=APPLY), 201)
            self.status_of(self.api.patch(path, thing, content_type=APPLY), 200)
            self.status_of(self.api.patch(path_of(plural, name), thing), 200)
        asked["spec"] = {"source": json.dumps(workflow("w", script="false"))}
        status = self.status_of(self.api.patch(path_of("missions", "m"), asked), 422)
        self.assertIn("never changes", status["message"])

    def test_a_mission_is_aborted_once_with_all_that_is_said(self):
        self.made(path_of("workflows"), workflow("w", script="read x < $T/never"))
        os.mkfifo(self.dir / "never")
        self.made(path_of("missions"), mission("m", "w"))
        self.await_mission("m", "ACTIVE")
        wish = {"metadata": {"labels": {"a": "b"}}, "spec": {"abortRequested": True}}
        self.status_of(self.api.patch(path_of("missions", "m"), wish), 200)
        self.await_mission("m", "ABORTED")
        last = self.status_of(self.api.patch(path_of("missions", "m"), wish), 200)
        self.assertEqual(last["metadata"]["labels"]["a"], "b")

    def test_times_are_those_of_rfc_3339(self):
        self.made(path_of("workflows"), workflow("w"))
        for number, at in enumerate(("2020-01-01T00:00:00Z", "2020-01-01T00:00:00+01:00")):
            thing = mission(f"m{number}", "w")
            thing["spec"]["notBefore"] = at
            self.made(path_of("missions"), thing)

    def test_an_action_has_no_dry_run(self):
        self.made(path_of("workflows"), workflow("w"))
        answer = self.api.post(path_of("workflows", "w") + "/submit?dryRun=All", {})
        self.assertIn("dryRun", self.status_of(answer, 400)["message"])
        self.assertEqual(self.got(path_of("missions"))["items"], [])

    def test_hosts_can_be_read_and_no_more(self):
        path = path_of("hosts", namespace=None)
        self.assertEqual(len(self.got(path)["items"]), 1)
        self.assertEqual(self.got(path + "?fieldSelector=metadata.name%3Dother")["items"], [])
        self.status_of(self.api.get(path + "?labelSelector=a%20b"), 400)
        for method in ("PUT", "PATCH", "DELETE"):
            self.status_of(self.api.request(method, path + "/local", {}), 405)
        self.status_of(self.api.get(path + "?watch=true"), 405)

    def test_a_table_of_one_has_what_was_asked_for(self):
        self.made_quota("q")
        path = path_of("budgetquotas", "q", includeObject="Object")
        row = self.got(path, accept=TABLE)["rows"][0]
        self.assertEqual(row["object"]["spec"]["limits"], {"maxTotalTokens": 5})

    def test_messages_go_through_a_channel(self):
        thing = {"apiVersion": "reeve.dev/v1", "kind": "Channel", "metadata": {"name": "c"}}
        self.made(path_of("channels"), thing)
        at = path_of("channels", "c")
        for text in ("one", "two"):
            self.status_of(self.api.post(at + "/send", {"body": text}), 200)
        got = self.status_of(self.api.post(at + "/receive", {"count": 2, "consumer": "me"}), 200)
        self.assertEqual([each["body"] for each in got["messages"]], ["one", "two"])
        held = {key: got["messages"][0][key] for key in ("sequence", "token")}
        self.status_of(self.api.post(at + "/ack", held), 200)
        held = {key: got["messages"][1][key] for key in ("sequence", "token")}
        self.status_of(self.api.post(at + "/nack", {**held, "token": 999}), 409)
        self.status_of(self.api.post(at + "/nack", held), 200)
        again = self.status_of(self.api.post(at + "/receive", {}), 200)
        self.assertEqual([each["body"] for each in again["messages"]], ["two"])
        self.status_of(self.api.post(at + "/receive", {"from": "middle"}), 422)

    def test_what_is_of_a_wrong_type_is_refused_whatever_else_is_wrong(self):
        for kind, spec in SPECS.items():
            path = path_of(f"{kind.lower()}s", dryRun="All")
            thing = {"apiVersion": "reeve.dev/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
            refused = 0
            answer = self.api.post(path, thing)
            if kind == "ToolServer":
                # As far as the object is concerned: no programs are started here.
                self.status_of(answer, 422)
                self.assertIn("the setting tools.commands", answer.text)
            else:
                self.status_of(answer, 201)
            for wrong in damaged(spec):
                with self.subTest(kind=kind, spec=wrong):
                    status = self.api.post(path, {**thing, "spec": wrong}).status
                    # What is unknown is dropped, null may be as absent, and numbers can be texts of workflows.
                    self.assertIn(status, (201, 400, 422))
                    refused += status != 201
            self.assertGreater(refused, 50, kind)
        for command in ([1], ["x", 1], [{}]):
            spec = {"command": command}
            thing = {"apiVersion": "reeve.dev/v1", "kind": "ToolServer", "metadata": {"name": "x"}, "spec": spec}
            status = self.status_of(self.api.post(path_of("toolservers"), thing), 422)
            self.assertIn(f"spec.command[{len(command) - 1}]", str(status["details"]["causes"]))

    def test_warnings_are_bounded_and_the_last_says_how_many_are_left_out(self):
        def warnings(thing, **query):
            answer = self.api.post(path_of("workflows", dryRun="All", **query), thing)
            self.status_of(answer, 201)
            return answer.headers.get_all("Warning") or []

        thing = workflow("w")
        task = thing["spec"]["tasks"][0]
        task["credentials"] = [f"k{i}" for i in range(19)]
        self.assertEqual(len(warnings(thing)), 19)
        task["credentials"] = [f"k{i}" for i in range(5000)]
        found = warnings(thing)
        self.assertEqual(len(found), 21)
        self.assertIn('Credential "k19"'.replace('"', '\\"'), found[19])
        self.assertIn("4980 more", found[20])
        # Names that are there are looked at as well, and only so many of them.
        thing_there = {"apiVersion": "reeve.dev/v1", "kind": "Credential", "metadata": {"name": "k"}}
        self.made(path_of("credentials"), {**thing_there, "spec": {"value": "v"}})
        task["credentials"] = ["k"] * 1500 + ["absent"]
        found = warnings(thing)
        self.assertEqual(len(found), 1)
        self.assertIn("501 more", found[0])
        # Long ones are fewer.
        task["credentials"] = ["k" * 400 + str(i) for i in range(30)]
        found = warnings(thing)
        self.assertLess(sum(map(len, found)), 4097)
        self.assertIn(f"{21 - len(found) + 1} more", found[-1])
        thing = workflow("w")
        thing["spec"].update({f"foo{i}": 1 for i in range(40)})
        found = warnings(thing, fieldValidation="Warn")
        self.assertEqual(len(found), 21)
        self.assertIn("20 more", found[20])

    def test_every_verb_of_every_kind_has_an_answer(self):
        # Nothing that is offered may be unknown when it is asked for.
        lists = [("/api/v1", self.got("/api/v1"))]
        for group in self.got("/apis")["groups"]:
            path = f"/apis/{group['preferredVersion']['groupVersion']}"
            lists.append((path, self.got(path)))
        for path, resources in lists:
            for each in resources["resources"]:
                plural, _, part = each["name"].partition("/")
                base = f"{path}/namespaces/default" if each["namespaced"] else path
                for verb in each["verbs"]:
                    with self.subTest(path=path, name=each["name"], verb=verb):
                        self.answers(f"{base}/{plural}", part, verb)

    def answers(self, collection, part, verb):
        absent = f"{collection}/absent" + (f"/{part}" if part else "")
        if verb == "watch":
            with self.api.stream(f"{collection}?watch=true&timeoutSeconds=1") as stream:
                self.assertIn(stream.status, (200, 400, 410))
            return
        method, path = {
            "get": ("GET", absent),
            "list": ("GET", collection),
            "create": ("POST", absent if part else collection),
            "update": ("PUT", absent),
            "patch": ("PATCH", absent),
            "delete": ("DELETE", absent),
            "deletecollection": ("DELETE", f"{collection}?labelSelector=none%3Dsuch"),
        }[verb]
        body = None if method in ("GET", "DELETE") else {"kind": "X"}
        if verb == "patch":
            answer = self.api.patch(path, body)
        else:
            answer = self.api.request(method, path, body)
        self.assertIn(answer.status, (200, 201, 400, 404, 409, 422), f"{method} {path}: {answer}")
        self.assertNotIn("could not find the requested resource", answer.text, f"{method} {path}")


if __name__ == "__main__":
    main()
