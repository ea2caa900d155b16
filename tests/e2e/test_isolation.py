"""One tenant asks for everything in every way and learns nothing of another, byte by byte.

`beta` has objects of all kinds. Some have names that `alpha` knows and guesses, others have names
that nobody could guess; all of them are full of words that must not appear in any answer to alpha.
Questions about a name of beta's must be answered as the same question about a name that nobody has.

5,000 requests usually; `REEVE_LOAD=full` makes it 100,000. `REEVE_SEED` repeats one run.
"""

import contextlib
import http.client
import json
import os
import random
import secrets
import threading
import urllib.parse

from reeve import main
from server import (
    APPLY,
    BASE,
    GROUP,
    JSON,
    JSON_PATCH,
    MERGE,
    PARTIAL,
    PARTIAL_LIST,
    STRATEGIC,
    TABLE,
    ServerTest,
    full_size,
    path_of,
    quota,
)

REQUESTS = full_size(5_000, 100_000)
RBAC = "/apis/rbac.authorization.k8s.io/v1"
# Words that occur nowhere else, so that answers about them can be compared without them.
BETA, VICTIM, ABSENT = "beta-corp", "victim-7", "absent-7"
# A word that no honest text contains; what follows it is different in each run.
MARK = "zqmark" + secrets.token_hex(8)
# How long an answer that goes on is listened to.
LISTEN_SECONDS = 0.05
# Headers that are different in each answer, whatever was asked.
VARYING = {"date", "audit-id", "x-request-id", "traceparent", "content-length"}
METHODS = ("GET",) * 8 + ("POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
ACCEPTS = (None, JSON, TABLE, PARTIAL, PARTIAL_LIST, "application/yaml", "text/event-stream", "*/*")
TYPES = (JSON, MERGE, JSON_PATCH, STRATEGIC, APPLY, "application/yaml", "text/plain")
# What the server tells of itself, with times and counts.
ABOUT = ("/metrics", "/health", "/livez")
# Of what alpha tries to be.
DISGUISES = (
    {"Impersonate-User": "bob"},
    {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"},
    {"X-Remote-User": "bob", "X-Remote-Group": "system:masters"},
    {"X-Forwarded-User": "bob", "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=unix"},
    {"X-Reeve-Namespace": BETA, "X-Original-URL": path_of("missions", namespace=BETA)},
    {"X-HTTP-Method-Override": "GET"},
)


def binding(name, role, user, namespace):
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }


class Generator:
    """Makes requests. `known` and `unknown` are names of the same length, for questions in pairs."""

    def __init__(self, seed, kinds, known, loot):
        self.chance = random.Random(seed)
        self.kinds = kinds
        self.known = known
        self.loot = loot

    def pick(self, *choices):
        return self.chance.choice(choices)

    def path(self):
        """A path with places for a namespace and a name."""
        prefix, plural, parts = self.chance.choice(self.kinds)
        place = f"{prefix}/namespaces/{{ns}}/{plural}"
        return self.pick(
            place,
            f"{place}/{{name}}",
            f"{place}/{{name}}",
            f"{place}/{{name}}/{self.chance.choice(parts)}",
            f"{prefix}/{plural}",
            f"{prefix}/{plural}/{{name}}",
            f"{prefix}/namespaces/{{ns}}",
            f"/api/v1/namespaces/{{ns}}/{self.pick('status', 'finalize', 'events', 'pods', 'secrets')}",
            f"/api/v1/namespaces/{{ns}}/pods/{{name}}{self.pick('', '/log', '/exec', '/attach')}",
            f"{prefix}/namespaces/alpha{self.pick('/../{ns}/', '%2F..%2F{ns}/', '//{ns}/', '/%2e%2e/{ns}/')}{plural}",
            f"{prefix}/namespaces/{{ns}}{self.pick('%00', '%20', '.', '/', '%2F', '?')}/{plural}",
            f"/hooks/{{ns}}/{{name}}/{self.pick('t', '{name}')}",
            f"/api/triggers/{{name}}/t?namespace={{ns}}",
            f"/api/jobs/definitions{self.pick('', '/{name}', '/{name}/yaml', '/{name}/mermaid', '/{name}/configs')}?namespace={{ns}}",
            f"/api/jobs/requests{self.pick('', '/{name}', '/{name}/cancel', '/{name}/restart', '/{name}/tasks/g/approval')}?namespace={{ns}}",
            f"/api/{self.pick('approvals/pending', 'orgs/{ns}/configs', 'orgs/alpha/configs')}?namespace={{ns}}",
            f"/missions/{{name}}/events?namespace={{ns}}",
            f"/gates/{{name}}/{self.pick('stream', 'approve', 'reject')}?namespace={{ns}}",
            f"/apis/fractal.ai/v1alpha1/namespaces/{{ns}}/{self.pick('shards', 'shardruns', 'kagents')}{self.pick('', '/{name}')}",
            self.pick("/metrics", "/health", "/openapi/v2", "/openapi/v3", "/apis", "/", "/livez"),
            f"/apis/authorization.k8s.io/v1/{self.pick('selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews')}",
        )  # fmt: skip

    def query(self):
        """Options of lists, watches and streams, with what alpha has got hold of."""
        return "&".join(
            self.pick(
                "watch=true&timeoutSeconds=1",
                f"watch=true&resourceVersion={self.pick(0, 1, self.loot['version'])}",
                "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
                "limit=1",
                f"continue={urllib.parse.quote(self.pick(*self.loot['continues']))}",
                f"resourceVersion={self.loot['version']}&resourceVersionMatch=Exact",
                "labelSelector=" + self.pick("secret", "secret%3Dx", "%21nothing", "x+in+%28a%2Cb%29"),
                "fieldSelector=metadata." + self.pick("namespace%3D{ns}", "name%3D{name}", "namespace%21%3Dalpha"),
                "fieldSelector=involvedObject.kind%3DMission%2CinvolvedObject.name%3D{name}",
                "namespace={ns}",
                f"from={self.pick(0, 1, self.loot['version'])}",
                "follow=true",
                "tailLines=10",
                "pretty=true",
                "dryRun=All",
                "fieldManager=me",
                "force=true",
                "propagationPolicy=Foreground",
            )
            for _ in range(self.pick(0, 0, 1, 1, 2))
        )

    def body(self):
        """Objects that point at what is beta's."""
        owner = {"apiVersion": f"{GROUP}/v1", "kind": "Mission", "name": "{name}", "uid": self.loot["uid"]}
        metadata = self.pick(
            {"name": "{name}"},
            {"name": "{name}", "namespace": "{ns}"},
            {"generateName": "{name}-"},
            {"generateName": "mine-", "ownerReferences": [owner]},
            {"name": "mine", "uid": self.loot["uid"]},
        )
        kind, spec = self.pick(
            ("Mission", {"workflow": {"name": "{name}"}}),
            ("Mission", {"workflow": {"name": "{ns}/{name}"}, "after": ["{name}"]}),
            ("Mission", {"workflow": {"name": "own"}, "params": {"x": "{{{{.secret}}}}"}, "after": ["{name}"]}),
            ("Workflow", {"tasks": [{"name": "a", "script": "true", "credentials": {"X": "{name}"}}]}),
            ("Workflow", {"tasks": [{"name": "a", "workflow": {"name": "{name}"}}]}),
            ("Workflow", {"tasks": [{"name": "a", "script": "true"}], "triggers": [{"name": "t", "channel": "{name}"}]}),
            ("BudgetQuota", {"limits": {"maxTotalTokens": 1}}),
            ("Credential", {"value": "mine"}),
            ("Channel", {}),
            ("Token", {"user": "bob", "hash": "0123456789abcdef." + "0" * 64}),
            ("Namespace", {}),
            ("SelfSubjectRulesReview", {"namespace": "{ns}"}),
            ("SubjectAccessReview", {"user": "bob", "resourceAttributes": {"namespace": "{ns}", "verb": "get", "resource": "missions"}}),
            ("SelfSubjectAccessReview", {"resourceAttributes": {"namespace": "{ns}", "verb": "get", "resource": "missions", "name": "{name}"}}),
        )  # fmt: skip
        group = f"{GROUP}/v1"
        if "Review" in kind:
            group = "authorization.k8s.io/v1"
        whole = {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}
        return self.pick(
            json.dumps(whole),
            json.dumps(whole),
            json.dumps(binding("mine", self.pick("cluster-admin", "view"), "alice", "{ns}")),
            json.dumps({"spec": {"workflow": {"name": "{name}"}}}),
            json.dumps({"metadata": {"ownerReferences": [owner]}}),
            json.dumps([{"op": "copy", "from": "/spec", "path": "/metadata/annotations"}]),
            json.dumps({"name": "{name}", "message": "x", "task": "g"}),
            json.dumps({"job_type": "{name}", "params": {}}),
            "{}",
        )

    def request(self):
        """Method, target, headers, body: with places for a namespace and a name."""
        method = self.chance.choice(METHODS)
        target, query = self.path(), self.query()
        if query:
            target += ("&" if "?" in target else "?") + query
        headers = {}
        accept = self.chance.choice(ACCEPTS)
        if accept:
            headers["Accept"] = accept
        if self.chance.random() < 0.15:
            headers.update(self.chance.choice(DISGUISES))
        if self.chance.random() < 0.1:
            headers["Last-Event-ID"] = self.pick("0", "1", self.loot["version"])
        if self.chance.random() < 0.1:
            headers["Idempotency-Key"] = self.loot["key"]
        body = None
        if method in ("POST", "PUT", "PATCH") or self.chance.random() < 0.02:
            body = self.body()
            headers["Content-Type"] = self.chance.choice(TYPES)
        return method, target, headers, body


def filled(text, ns, name):
    return text and text.replace("{ns}", ns).replace("{name}", name)


def heard(response):
    """What comes of an answer until it is silent for a moment."""
    received = b""
    with contextlib.suppress(TimeoutError):
        while data := response.read1(1 << 16):
            received += data
    return received


class IsolationTest(ServerTest):
    arguments = (
        "--limits-requests-per-second", "0",
        "--limits-requests-per-second-per-address", "0",
    )  # fmt: skip

    def tenant(self, name, user):
        """A namespace with somebody who may do everything in it; returns their client."""
        self.made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        token = self.ok("token", "create", f"{name}-token", "--user", user).out.strip()
        self.made(f"{RBAC}/namespaces/{name}/rolebindings", binding("all", "admin", user, name))
        client = self.client()
        client.token = token
        return client

    def furnish(self, beta):
        """Objects of all kinds with the names of both lists. All say what nobody else may read."""
        names = [VICTIM, f"hidden-{MARK}"]
        for name in names:
            spec = {
                "description": MARK,
                "params": {"p": {"default": MARK}},
                "triggers": [{"name": "t", "webhook": {"auth": "apiKey", "secret": name, "header": "X-Key"}}],
                "tasks": [
                    {"name": "a", "script": f"echo {MARK}; echo {MARK} >&2; echo r={MARK} >> $REEVE_OUTPUT"},
                    {"name": "g", "needs": ["a"], "gate": {"prompt": MARK}},
                ],
            }  # fmt: skip
            labels = {"secret": MARK, "x": "a"}
            described = {"name": name, "labels": labels, "annotations": {"a": MARK}}
            head = {"apiVersion": f"{GROUP}/v1", "metadata": described}
            for plural, kind, content in (
                ("credentials", "Credential", {"value": f"value-{MARK}", "description": MARK}),
                ("workflows", "Workflow", spec),
                ("missions", "Mission", {"workflow": {"name": name}, "params": {"p": MARK}, "description": MARK}),
                ("budgetquotas", "BudgetQuota", {"limits": {"maxTotalTokens": 1}}),
            ):  # fmt: skip
                # Quotas of a tenant are not the tenant's.
                owner = self.api if kind == "BudgetQuota" else beta
                answer = owner.post(path_of(plural, namespace=BETA), {**head, "kind": kind, "spec": content})
                self.assertEqual(answer.status, 201, str(answer))
            role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": described,
                    "rules": [{"apiGroups": [GROUP], "resources": ["missions"], "verbs": ["get"]}]}  # fmt: skip
            answer = beta.post(f"{RBAC}/namespaces/{BETA}/roles", role)
            self.assertEqual(answer.status, 201, str(answer))
            self.ok("channel", "send", "-n", BETA, name, MARK)
            self.ok("config", "set", "-n", BETA, f"C{MARK}", MARK)
        self.ok("token", "create", f"hidden-{MARK}", "--user", f"hidden-{MARK}")
        for name in names:
            self.await_held(beta, name)

    @staticmethod
    def await_held(beta, name):
        """Waits for a mission at its gate, where nothing changes any more."""
        path = path_of("missions", namespace=BETA, fieldSelector=f"metadata.name={name}")
        with beta.watch(path) as watch:
            while watch.next()["object"]["status"]["state"] != "HELD":
                pass

    def loot(self, beta):
        """What alpha may have got hold of: uids, revisions, tokens of pages, keys of requests."""
        pages = []
        for plural in ("missions", "workflows", "runs", "credentials"):
            page = beta.get(path_of(plural, namespace=BETA, limit=1))
            self.assertEqual(page.status, 200, str(page))
            pages.append(page.json())
        key = "key-of-beta"
        answer = beta.post(
            path_of("workflows", f"{VICTIM}/submit", BETA), {"name": "keyed"}, headers={"Idempotency-Key": key}
        )
        self.assertEqual(answer.status, 202, str(answer))
        self.await_held(beta, "keyed")
        mission = beta.get(path_of("missions", VICTIM, BETA)).json()
        return {
            "continues": [page["metadata"]["continue"] for page in pages],
            "version": mission["metadata"]["resourceVersion"],
            "uid": mission["metadata"]["uid"],
            "key": key,
        }

    def kinds(self):
        """(prefix, plural, [subresource, …]) of everything that discovery tells of."""
        found = {}
        for prefix in ("/api/v1", BASE, RBAC):
            for resource in self.got(prefix)["resources"]:
                plural, _, part = resource["name"].partition("/")
                found.setdefault((prefix, plural), []).append(part or "status")
        return [(prefix, plural, parts) for (prefix, plural), parts in sorted(found.items())]

    def send(self, client, method, target, headers, body):
        """Status, headers and everything that comes; what goes on is listened to for a moment."""
        if client.connection is None:
            client.connection = client._connect()
        connection = client.connection
        try:
            connection.putrequest(method, urllib.parse.quote(target, safe="/?&=%+.,:~!*'()-_"))
            made = {"Authorization": f"Bearer {client.token}", **headers}
            data = None if body is None else body.encode()
            if data is not None:
                made["Content-Length"] = str(len(data))
            for name, value in made.items():
                connection.putheader(name, value)
            connection.endheaders(data)
            response = connection.getresponse()
            goes_on = response.chunked and method != "HEAD"
            if goes_on:
                connection.sock.settimeout(LISTEN_SECONDS)
            received = heard(response) if goes_on else response.read()
            if goes_on or response.will_close:
                client.close()
            return response.status, response.getheaders(), received
        except (OSError, http.client.HTTPException) as error:
            client.close()
            question = (method, target, headers, body)
            raise AssertionError(f"seed {self.seed}: {question}: {error!r}\n{self.owner.err()}") from error

    def check(self, question, answer):
        self.asked += 1
        status, headers, received = answer
        text = str(headers).encode() + received
        for secret in self.secrets:
            self.assertNotIn(secret, text, f"seed {self.seed}: {question} was answered with {status}")

    def same(self, question, answers):
        """The answers but for the names in them."""
        made = []
        for (ns, name), (status, headers, received) in answers.items():
            # Longer words first, so that no part of one is replaced.
            text = received.decode(errors="replace").replace(name, "{name}").replace(ns, "{ns}")
            heads = sorted(
                (key.lower(), value.replace(name, "{name}").replace(ns, "{ns}"))
                for key, value in headers
                if key.lower() not in VARYING
            )
            made.append((status, heads, text))
        for other in made[1:]:
            self.assertEqual(made[0], other, f"seed {self.seed}: {question}")

    def ask(self, client, generator):
        method, target, headers, body = generator.request()
        answers = {}
        for ns, name in generator.known:
            question = (method, filled(target, ns, name), headers, filled(body, ns, name))
            answers[ns, name] = self.send(client, *question)
            self.check(question, answers[ns, name])
        # Without a place for a namespace, it was one question and maybe alpha's own answers.
        if "{ns}" in target and not target.startswith(ABOUT) and "namespaces/alpha" not in target:
            self.same((method, target, headers, body), answers)
        mine = (method, filled(target, "alpha", VICTIM), headers, filled(body, BETA, VICTIM))
        self.check(mine, self.send(client, *mine))

    def busy(self, admin, beta, over):
        """Changes things all the time, so that watches and streams would have something to tell."""
        number = 0
        while not over.wait(0.05):
            number += 1
            name = f"busy-{MARK}-{number}"
            made = quota(name, labels={"secret": MARK})
            admin.post(path_of("budgetquotas", namespace=BETA), made)
            beta.post(path_of("workflows", f"{VICTIM}/submit", BETA), {"name": name[:60]})
            admin.delete(path_of("budgetquotas", name, BETA))
            beta.post(path_of("missions", f"{name[:60]}/abort", BETA), {})
        admin.close()
        beta.close()

    def belongings(self, beta):
        """Every object of beta that was there before, as text."""
        found = {}
        for plural in ("missions", "workflows", "credentials", "budgetquotas", "channels"):
            for item in beta.get(path_of(plural, namespace=BETA)).json()["items"]:
                if not item["metadata"]["name"].startswith("busy-"):
                    found[plural, item["metadata"]["name"]] = json.dumps(item, sort_keys=True)
        return found

    def long_streams(self, alpha):
        """What alpha may follow, and follows for the whole time."""
        paths = [path_of(plural, namespace="alpha") + "?watch=true" for plural in ("missions", "runs", "workflows", "budgetquotas", "channels", "approvals")]
        paths += [path_of("events", namespace="alpha") + query for query in ("", "?from=0")]
        paths.append("/api/v1/namespaces/alpha/pods?watch=true")
        streams = [alpha.stream(path) for path in paths]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertEqual(stream.status, 200)
        return streams

    def test_alpha_learns_nothing_of_beta(self):
        self.asked = 0
        self.seed = int(os.environ.get("REEVE_SEED", secrets.randbelow(1 << 32)))
        alpha, beta = self.tenant("alpha", "alice"), self.tenant(BETA, "bob")
        self.furnish(beta)
        loot = self.loot(beta)
        self.secrets = [MARK.encode()]
        hidden = beta.get(path_of("missions", f"hidden-{MARK}", BETA))
        self.assertIn(self.secrets[0], hidden.body, "the words are where they could be read")
        self.secrets.append(hidden.json()["metadata"]["uid"].encode())
        answer = alpha.post(path_of("workflows", namespace="alpha"), {
            "apiVersion": f"{GROUP}/v1", "kind": "Workflow", "metadata": {"name": "own"},
            "spec": {"tasks": [{"name": "a", "script": "true"}]},
        })  # fmt: skip
        self.assertEqual(answer.status, 201, str(answer))
        # The first exists. The second has no such object, the third no such namespace.
        known = ((BETA, VICTIM), (BETA, ABSENT), ("nope-corp", ABSENT))
        generator = Generator(self.seed, self.kinds(), known, loot)
        before = self.belongings(beta)
        streams = self.long_streams(alpha)
        over = threading.Event()
        writer = self.client()
        writer.token = beta.token
        busy = threading.Thread(target=self.busy, args=(self.client(), writer, over))
        busy.start()
        try:
            while self.asked < REQUESTS:
                self.ask(alpha, generator)
        finally:
            over.set()
            busy.join()
        for stream in streams:
            stream.connection.sock.settimeout(LISTEN_SECONDS)
            received = heard(stream.response)
            for secret in self.secrets:
                self.assertNotIn(secret, received)
        # A connection that was silent for so long has been closed by now.
        beta.close()
        after = self.belongings(beta)
        self.assertEqual(sorted(after), sorted(before))
        for key, thing in before.items():
            self.assertEqual(after[key], thing, "alpha changed nothing")


if __name__ == "__main__":
    main()
