"""Agents say where they are: found by what they can do, believed for a time, under their own names."""

import signal

from reeve import main, wait_until
from server import Client, ServerTest, path_of


def endpoint(name, *capabilities, ttl="15s", version="1.0.0"):
    return {
        "apiVersion": "reeve.dev/v1",
        "kind": "Endpoint",
        "metadata": {"name": name},
        "spec": {"url": f"http://{name}.example:80/", "capabilities": list(capabilities), "version": version, "ttl": ttl},
    }


class RegistryTest(ServerTest):
    def register(self, name, *capabilities, **more):
        answer = self.api.post(path_of("endpoints"), endpoint(name, *capabilities, **more))
        self.assertEqual(answer.status, 201, str(answer))

    def renew(self, name, client=None, **body):
        return (client or self.api).post(path_of("endpoints", name) + "/renew", body)

    def names(self, **query):
        answer = self.api.get(path_of("endpoints", **query))
        self.assertEqual(answer.status, 200, str(answer))
        return [item["metadata"]["name"] for item in answer.json()["items"]]

    def user(self, name):
        """Somebody else who may work in the namespace."""
        self.bind(name, "edit")
        made = Client(self.kubeconfig)
        made.token = self.ok("token", "create", f"{name}-token", "--user", name).out.strip()
        self.addCleanup(made.close)
        return made

    def test_they_are_found_by_what_they_can_do(self):
        self.register("a", "review", "go", version="1.2.0")
        self.register("b", "review")
        self.register("c", "deploy")
        for name in "abc":
            self.assertEqual(self.renew(name).status, 201)
        self.assertEqual(self.names(labelSelector="capability.reeve.dev/review=true"), ["a", "b"])
        both = "capability.reeve.dev/review=true,capability.reeve.dev/go=true"
        self.assertEqual(self.names(labelSelector=both), ["a"])
        self.assertEqual(self.names(fieldSelector="spec.version=1.2.0"), ["a"])
        self.assertEqual(self.renew("b", state="unhealthy", message="disk full").status, 201)
        self.assertEqual(self.names(fieldSelector="status.healthy=true"), ["a", "c"])
        listed = self.ok("endpoints", "-o", "json").json()
        self.assertEqual((listed["total"], listed["healthy"]), (3, 2))
        self.assertIn("1 endpoint, 1 healthy", self.ok("endpoints", "--capability", "review", "--healthy").out)

    def test_who_says_nothing_is_not_found_any_more(self):
        """CHK-C1."""
        for name in "abc":
            self.register(name, "review", ttl="3s")
            self.renew(name)
        self.assertEqual(self.names(fieldSelector="status.healthy=true"), ["a", "b", "c"])

        def only_two():
            for name in "ab":
                self.assertEqual(self.renew(name).status, 201)
            return self.names(fieldSelector="status.healthy=true") == ["a", "b"]

        wait_until(only_two, what="the end of c")
        self.assertEqual(self.api.get(path_of("endpoints", "c")).json()["status"]["state"], "expired")
        self.assertNotIn("c.example", self.ok("endpoints").out)
        self.assertIn("c.example", self.ok("endpoints", "--all").out)
        self.assertEqual(self.renew("c").status, 201)
        self.assertEqual(self.names(fieldSelector="status.healthy=true"), ["a", "b", "c"])

    def test_it_is_kept_over_a_restart(self):
        self.register("a", "review", ttl="1h")
        self.register("late", "review", ttl="1s")
        self.renew("a")
        self.owner.kill()
        self.owner.wait()
        self.serve()
        self.assertEqual(self.names(labelSelector="capability.reeve.dev/review=true"), ["a", "late"])
        self.assertEqual(self.names(fieldSelector="status.healthy=true"), ["a"])
        wait_until(
            lambda: self.api.get(path_of("endpoints", "late")).json()["status"]["state"] == "expired",
            what="the end of the other",
        )
        self.owner.signal(signal.SIGTERM)
        self.assertEqual(self.owner.wait().code, 0)
        self.audit()

    def test_a_name_belongs_to_who_has_registered_it(self):
        self.register("a", "review")
        bob = self.user("bob")
        self.assertEqual(bob.post(path_of("endpoints"), endpoint("a", "review")).status, 409)
        self.assertEqual(self.renew("a", client=bob).status, 403)
        stolen = self.api.get(path_of("endpoints", "a")).json()
        stolen["spec"]["url"] = "http://evil.example/"
        self.assertEqual(bob.put(path_of("endpoints", "a"), stolen).status, 403)
        self.assertEqual(bob.patch(path_of("endpoints", "a"), {"spec": {"url": "http://evil/"}}).status, 403)
        self.assertEqual(bob.post(path_of("endpoints"), endpoint("b", "review")).status, 201)
        self.assertEqual(self.renew("b", client=bob).status, 201)
        # What clients say about its state does not count.
        forged = endpoint("c", "review")
        forged["status"] = {"state": "healthy", "healthy": True, "owner": "user:bob"}
        self.assertEqual(self.api.post(path_of("endpoints"), forged).status, 201)
        status = self.api.get(path_of("endpoints", "c")).json()["status"]
        self.assertEqual((status["state"], status["healthy"]), ("starting", False))
        self.assertNotEqual(status["owner"], "user:bob")

    def test_wrong_ones_are_refused_with_the_field(self):
        answer = self.api.post(path_of("endpoints"), endpoint("a", "two words"))
        self.assertEqual(answer.status, 422)
        self.assertIn("spec.capabilities", answer.text)
        self.assertEqual(self.api.post(path_of("endpoints"), endpoint("a", ttl="1ms")).status, 422)
        self.assertEqual(self.renew("nobody").status, 404)

    def test_watches_tell_of_the_end(self):
        self.register("a", "review", ttl="1s")
        with self.api.watch(path_of("endpoints", fieldSelector="metadata.name=a")) as watch:
            states = []
            while "expired" not in states:
                states.append(watch.next()["object"]["status"]["state"])
        self.assertEqual(states, ["starting", "expired"])


if __name__ == "__main__":
    main()
