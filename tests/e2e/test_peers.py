"""Who connects, from where, and with which proof: client certificates, front proxies, limits, and
addresses beyond this machine."""

import http.client
import json
import socket
import ssl

from certificates import Authority
from reeve import main
from server import ServerTest, path_of

REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def own_addresses():
    """IPv4 addresses of this machine that are not loopback ones; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        address = probe.getsockname()[0]
    return [] if address.startswith("127.") else [address]


class PeersTest(ServerTest):
    def serve(self, *args):
        """With authorities of users and of proxies."""
        self.users = Authority(self.dir, "users")
        self.proxies = Authority(self.dir, "proxies")
        return super().serve(
            "--server-tls-client-ca", self.users.file,
            "--auth-front-proxy-client-ca", self.proxies.file,
            "--auth-front-proxy-allowed-names", "front",
            *args,
        )

    def presenting(self, certificate):
        """A client without a token that presents a certificate."""
        client = self.client()
        client.token = None
        client.context = ssl.create_default_context(cadata=self.kubeconfig.authority)
        if certificate:
            client.context.load_cert_chain(*certificate)
        return client

    def who(self, client, headers=None):
        """(user, groups), or the status of a refusal."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = client.post(REVIEWS, review, headers=headers)
        if answer.status != 201:
            return answer.status
        info = answer.json()["status"]["userInfo"]
        return info["username"], sorted(info.get("groups", []))

    def test_certificates_of_a_given_authority_name_users(self):
        alice = self.users.client("alice", "/O=developers/CN=alice")
        self.assertEqual(
            self.who(self.presenting(alice)), ("alice", ["developers", "system:authenticated"])
        )
        stranger = Authority(self.dir, "stranger").client("mallory", "/O=system:masters/CN=admin")
        self.assertEqual(self.who(self.presenting(stranger)), 401)
        # An authority of proxies makes no users.
        self.assertEqual(self.who(self.presenting(self.proxies.client("p", "/CN=front"))), 401)
        # A certificate for servers proves nothing about a client.
        self.assertEqual(self.who(self.presenting(self.users.server("web"))), 401)

    def test_only_a_front_proxy_says_for_whom_it_asks(self):
        spoken_for = {"X-Remote-User": "carol", "X-Remote-Group": "devs"}
        front = self.presenting(self.proxies.client("front", "/CN=front"))
        self.assertEqual(self.who(front, spoken_for), ("carol", ["devs", "system:authenticated"]))
        # Each request says it anew.
        self.assertEqual(self.who(front, {"X-Remote-User": "dave"})[0], "dave")
        self.assertEqual(self.who(front, {"X-Remote-Group": "system:masters"}), 401)
        for name, certificate in (
            ("another name", self.proxies.client("other", "/CN=other")),
            ("a user", self.users.client("front-user", "/CN=front")),
            ("nobody", None),
        ):
            with self.subTest(name):
                self.assertEqual(self.who(self.presenting(certificate), spoken_for), 401)
        with self.subTest("the administrator's token"):
            self.assertEqual(self.who(self.client(), spoken_for), 401)
            self.assertEqual(self.who(self.client())[0], "admin")

    def test_connections_of_one_address_are_limited(self):
        self.ok("down")
        self.owner.wait()
        self.serve("--limits-connections-per-address-max", 2)
        first, second, third = self.client(), self.client(), self.client()
        self.assertEqual(first.get("/livez").status, 200)
        self.assertEqual(second.get("/livez").status, 200)
        with self.assertRaises((OSError, http.client.HTTPException)):
            third.get("/livez")
        self.assertEqual(second.get("/livez").status, 200)

    def test_the_pages_of_a_list_outlive_their_state(self):
        self.ok("down")
        self.owner.wait()
        self.serve("--limits-continue-age", "10s", "--limits-requests-per-second", 0,
                   "--limits-requests-per-second-per-address", 0)
        for number in range(4):
            self.made_quota(f"q{number}")
        page = self.got(path_of("budgetquotas", limit=2))
        token = page["metadata"]["continue"]
        # States for pages are kept for a time, and so many at most.
        for number in range(65):
            self.made_quota(f"later-{number}")
            self.got(path_of("budgetquotas", limit=1))
        answer = self.api.get(path_of("budgetquotas", limit=2, **{"continue": token}))
        self.assertEqual(answer.status, 410, str(answer))
        status = answer.json()
        self.assertEqual(status["reason"], "Expired")
        self.assertIn("inconsistent list", status["message"])
        rest = self.got(path_of("budgetquotas", **{"continue": status["metadata"]["continue"]}))
        names = [item["metadata"]["name"] for item in rest["items"]]
        self.assertEqual(names, ["q2", "q3"])
        self.assertGreater(
            int(rest["metadata"]["resourceVersion"]), int(page["metadata"]["resourceVersion"])
        )


    def test_a_watch_that_missed_too_much_has_to_list_again(self):
        self.ok("down")
        self.owner.wait()
        self.serve("--limits-watch-buffer-events", 10)
        first = self.made_quota("first")["metadata"]["resourceVersion"]
        for number in range(9):
            self.made_quota(f"q{number}")
        path = path_of("budgetquotas", resourceVersion=first)
        with self.api.watch(path) as watch:
            self.assertEqual(watch.take(9)[-1]["object"]["metadata"]["name"], "q8")
        for number in range(9, 20):
            self.made_quota(f"q{number}")
        with self.api.watch(path) as watch:
            event = watch.next()
            self.assertEqual((event["type"], event["object"]["code"]), ("ERROR", 410))
            self.assertIsNone(watch.next())


class AddressTest(ServerTest):
    def request(self, address, host, context):
        connection = http.client.HTTPSConnection(
            address, self.api.port, context=context, timeout=60
        )
        try:
            connection.request(
                "GET", path_of("budgetquotas"),
                headers={"Host": host, "Authorization": f"Bearer {self.api.token}"},
            )
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def test_it_listens_everywhere_and_answers_to_its_names(self):
        addresses = own_addresses()
        if not addresses:
            self.skipTest("this machine has no address but loopback ones")
        self.ok("down")
        self.owner.wait()
        self.owner = self.up(
            "--server-listen", "0.0.0.0:0", "--server-advertise", f"{addresses[0]},reeve.example"
        )
        self.kubeconfig = type(self.kubeconfig)(self.data / "kubeconfig")
        self.api = self.client()
        # The kubeconfig is for this machine.
        self.assertEqual(self.got(path_of("budgetquotas"))["items"], [])
        context = self.api.context
        self.assertEqual(self.request(addresses[0], addresses[0], context)[0], 200)
        self.assertEqual(self.request(addresses[0], "reeve.example", context)[0], 200)
        status, problem = self.request(addresses[0], "evil.example", context)
        self.assertEqual(status, 403)
        self.assertIn("server.advertise", problem["message"])

    def test_an_address_of_its_own_is_in_the_certificate(self):
        addresses = own_addresses()
        if not addresses:
            self.skipTest("this machine has no address but loopback ones")
        self.ok("down")
        self.owner.wait()
        self.owner = self.up("--server-listen", f"{addresses[0]}:0")
        self.kubeconfig = type(self.kubeconfig)(self.data / "kubeconfig")
        self.assertIn(addresses[0], self.kubeconfig.server)
        self.api = self.client()
        self.assertEqual(self.got(path_of("budgetquotas"))["items"], [])

    def test_plain_text_beyond_this_machine_has_to_be_wanted(self):
        self.ok("down")
        self.owner.wait()
        plain = ("--server-listen", "0.0.0.0:0", "--server-tls", "off")
        self.refused(78, "up", *plain, says=["server-tls", "server.allow_plain_text"])
        owner = self.up(*plain, "--server-allow-plain-text", "true")
        self.assertIn("plain text", owner.err())


if __name__ == "__main__":
    main()
