"""Requests that start missions: who may send them, and what they are told."""

import hashlib
import hmac
import json
import time

from reeve import main, wait_until
from web import WebTest

SECRET = "It's a Secret to Everybody"


def signed(body, secret=SECRET):
    return "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


class HooksTest(WebTest):
    def deploy(self, name, webhook, more=""):
        """A workflow with one trigger, `t`, that writes what it was given."""
        spec = f"""
            params: {{what: {{default: none}}}}
            triggers:
            - name: t
              webhook: {webhook}
              params: {{what: "{{{{.Body.n}}}}"}}
              {more}
            """
        script = f"- {{name: a, script: 'echo {{{{.what}}}} >> \"$T/{name}.out\"'}}"
        self.ok("apply", self.workflow(script, name=name, spec=spec))

    def secret(self, value=SECRET):
        self.ok("credential", "set", "hook", "--from-file", self.write("value", value + "\n"))

    def hook(self, name, body, status, headers=None, path=None):
        text = body if isinstance(body, str) else json.dumps(body)
        path = path or f"/hooks/default/{name}/t"
        return self.post(path, text, status, headers=headers, token=False)

    def github(self, name, body, status, delivery="1", event="push", signature=None):
        text = json.dumps(body)
        headers = {
            "X-Hub-Signature-256": signature or signed(text),
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": delivery,
        }
        return self.hook(name, text, status, headers)

    def missions(self):
        return self.ok("status", "-o", "name", "--limit", "100").out.split()

    def test_a_signed_delivery_makes_one_mission_with_its_payload(self):
        self.serve()
        self.secret()
        self.deploy("w", "{auth: github, secret: hook}")
        answer = self.github("w", {"n": 7}, 202)
        mission = answer.json()["mission"]
        self.assertEqual(answer.json()["verdict"], "fired")
        place = f"/apis/reeve.dev/v1/namespaces/default/missions/{mission}"
        self.assertEqual(answer.headers["Location"], place)
        self.assertEqual(self.get(place).json()["status"]["origin"]["trigger"], "t")
        self.await_state(mission, "COMPLETE")
        self.assertEqual(self.lines("w.out"), ["7"])
        # Sent again, as senders do that did not get the answer.
        again = self.github("w", {"n": 7}, 200).json()
        self.assertEqual((again["verdict"], again["mission"]), ("repeated", ""))
        self.github("w", {"n": 8}, 202, delivery="2")
        wait_until(lambda: len(self.lines("w.out")) == 2, what="the second mission")
        self.assertEqual(len(self.missions()), 2)
        # What GitHub sends when the webhook is made.
        self.assertEqual(self.github("w", {}, 200, "3", "ping").json()["verdict"], "filtered")

    def test_without_a_proof_nobody_learns_anything(self):
        owner = self.serve()
        self.secret()
        self.deploy("w", "{auth: github, secret: hook}")
        self.deploy("keyless", "{auth: gitlab, secret: absent}")
        wrong = self.github("w", {"n": 1}, 401, signature=signed("{}")).json()
        self.assertEqual(wrong["reason"], "Unauthorized")
        others = [
            self.hook("w", {"n": 1}, 401),
            self.github("nothing", {"n": 1}, 401),
            self.hook("w", {"n": 1}, 401, path="/hooks/default/w/other"),
            self.hook("w", {"n": 1}, 401, path="/hooks/elsewhere/w/t"),
            self.hook("keyless", {"n": 1}, 401, {"X-Gitlab-Token": ""}),
        ]
        for other in others:
            self.assertEqual(other.json(), wrong)
        self.hook("w", "x" * ((1 << 20) + 1), 413)
        self.hook("nothing", "x" * ((1 << 20) + 1), 413)
        self.assertEqual(self.http("GET", "/hooks/default/w/t", token=False).status, 405)
        self.assertEqual(self.missions(), [])
        # The token of a user is no proof, and no hindrance.
        self.post("/hooks/default/w/t", {"n": 1}, 401)
        self.assertIn("there is no credential", owner.err())

    def test_the_time_of_a_refusal_tells_nothing(self):
        self.serve()
        self.secret()
        self.deploy("w", "{auth: github, secret: hook}")
        refused = [
            lambda: self.github("w", {"n": 1}, 401, signature=signed("{}")),
            lambda: self.github("w", {"n": 1}, 401, signature="x"),
            lambda: self.github("nothing", {"n": 1}, 401),
            lambda: self.hook("w", {"n": 1}, 401, path="/hooks/default/w/other"),
            lambda: self.hook("w", {"n": 1}, 401, path="/api/triggers/w/t"),
        ]
        for ask in refused:
            begun = time.monotonic()
            ask()
            # All of them wait for the same moment after the request, which is never earlier.
            self.assertGreaterEqual(time.monotonic() - begun, 0.2)
        self.assertEqual(self.github("w", {"n": 1}, 202).json()["verdict"], "fired")

    def test_each_way_of_proving_works(self):
        self.serve()
        self.secret("s3cret")
        self.deploy("lab", "{auth: gitlab, secret: hook}")
        self.deploy("own", "{auth: hmacSha256, secret: hook, header: X-Signature}")
        self.deploy("bearer", "{auth: bearerToken, secret: hook}")
        self.deploy("key", "{auth: apiKey, secret: hook, header: X-Key}")
        self.deploy("open", "{auth: none}")
        text = json.dumps({"n": 1})
        proofs = {
            "lab": {"X-Gitlab-Token": "s3cret", "X-Gitlab-Event-UUID": "d1"},
            "own": {"X-Signature": signed(text, "s3cret")},
            "bearer": {"Authorization": "Bearer s3cret"},
            "key": {"X-Key": "s3cret"},
            "open": {},
        }
        for name, headers in proofs.items():
            with self.subTest(name):
                self.await_state(self.hook(name, text, 202, headers).json()["mission"], "COMPLETE")
        self.assertEqual(self.hook("lab", text, 200, proofs["lab"]).json()["verdict"], "repeated")
        # Deliveries of others have no name unless they are given one.
        named = {**proofs["key"], "Idempotency-Key": "order-1"}
        self.hook("key", text, 202, named)
        self.assertEqual(self.hook("key", text, 200, named).json()["verdict"], "repeated")
        self.hook("key", text, 202, proofs["key"])

    def test_what_is_not_wanted_is_said_with_the_reason(self):
        self.serve()
        self.secret()
        self.deploy("w", "{auth: github, secret: hook}", 'filter: "{{eq .Body.ref \\"main\\"}}"')
        self.assertEqual(self.github("w", {"n": 1, "ref": "side"}, 200).json()["verdict"], "filtered")
        self.github("w", {"n": 1, "ref": "main"}, 202, "2")
        self.deploy("few", "{auth: none}", "rateLimit: {max: 1, window: 1h}")
        self.hook("few", {"n": 1}, 202)
        late = self.hook("few", {"n": 2}, 429)
        self.assertGreater(int(late.headers["Retry-After"]), 60)
        self.hook("few", "no JSON", 400)
        self.ok("disable", "few")
        self.hook("few", {"n": 3}, 409)
        self.ok("enable", "few")

    def test_formicary_senders_get_the_answers_that_they_know(self):
        self.serve()
        self.secret()
        self.deploy("w", "{auth: hmacSha256, secret: hook, header: X-Sig}", 'dedupKey: "k"')
        text = json.dumps({"n": 5})
        path = "/api/triggers/w/t"
        made = self.hook("w", text, 202, {"X-Sig": signed(text)}, path).json()
        self.await_state(made["request_id"], "COMPLETE")
        wrong = self.hook("w", text, 401, {"X-Sig": "0"}, path)
        self.assertEqual(wrong.json(), {"error": "authentication failed"})


if __name__ == "__main__":
    main()
