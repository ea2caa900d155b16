"""SIGHUP: settings and certificates that change while everything goes on."""

import shutil
import signal
import socket
import ssl

from certificates import Authority
from reeve import gate, main, wait_until
from server import ServerTest, path_of, quota


class ReloadTest(ServerTest):
    def settings(self, text):
        self.data.mkdir(mode=0o700, exist_ok=True)
        (self.data / "reeve.yaml").write_text(text, encoding="utf-8")

    def reload(self, says="read again"):
        """SIGHUP, and what was said until `says` came."""
        before = len(self.owner.err())
        self.owner.signal(signal.SIGHUP)
        wait_until(lambda: says in self.owner.err()[before:], what=f"{says!r} on standard error")
        return self.owner.err()[before:]

    def certificate(self):
        """What a new connection is shown."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection((self.api.host, self.api.port), timeout=60) as raw:
            with context.wrap_socket(raw) as connection:
                return connection.getpeercert(binary_form=True)

    def test_live_settings_change_and_nothing_ends(self):
        ownership = (self.data / "owner" / "owner.json").read_text()
        waiting = self.workflow(
            f"""
            - {{name: a, script: 'echo x >> "$T/ran"; {gate("go")}'}}
            """,
            name="waiting",
        )
        self.ok("submit", waiting, "--name", "m")
        self.await_file("ran")
        with self.api.watch(path_of("budgetquotas")) as watch:
            self.made_quota("before")
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "before")
            self.settings(
                "log: {level: debug}\n"
                "limits: {body_bytes_max: 1KiB}\n"
                "server: {grace: 1s, allow_plain_text: true}\n"
            )
            said = self.reload()
            self.assertIn("log.level is debug now, it was info", said)
            self.assertIn("server.allow_plain_text needs a restart: it stays false, not true", said)
            self.assertIn("3 changed, 1 needs a restart", said)
            # On the connection and the watch of before, which keep what they began with.
            large = quota("after", annotations={"note": "x" * 2000})
            self.made(path_of("budgetquotas"), large)
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "after")
            answer = self.client().post(path_of("budgetquotas"), quota("large", note="x" * 2000))
            self.assertEqual(answer.status, 413, str(answer))
            self.settings("")
            self.assertIn("3 changed, 0 need a restart", self.reload())
            self.made_quota("last")
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "last")
        # Nobody could take the directory in between, or find it without an owner.
        self.assertEqual((self.data / "owner" / "owner.json").read_text(), ownership)
        self.assertEqual(self.owner.out().count("ready:"), 1)
        self.touch("go")
        self.await_state("m", "COMPLETE")
        self.assertEqual(self.lines("ran"), ["x"])
        self.ok("down")
        self.assertEqual(self.owner.wait().code, 0)
        self.audit()

    def test_rate_limits_and_anonymous_requests_change(self):
        nobody = self.client()
        nobody.token = None
        path = path_of("budgetquotas")
        self.assertEqual(nobody.get(path).status, 401)
        self.settings("auth: {anonymous: true}\nlimits: {requests_per_second_per_address: 1}\n")
        self.made(
            "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "everybody"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view",
                },
                "subjects": [
                    {
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "User",
                        "name": "system:anonymous",
                    }
                ],
            },
        )
        self.assertEqual(nobody.get(path).status, 401)
        self.reload()
        answers = [nobody.get(path).status for _ in range(10)]
        self.assertEqual(answers[0], 200)
        self.assertIn(429, answers)
        self.settings("auth: {anonymous: false}\n")
        self.reload()
        self.assertEqual({nobody.get(path).status for _ in range(20)}, {401})

    def test_wrong_settings_change_nothing_and_are_all_told(self):
        with self.api.watch(path_of("budgetquotas")) as watch:
            self.settings("log: {level: loud}\nservre: {}\nlimits: {body_bytes_max: 1KiB}\n")
            said = self.reload("going on with the settings as they were")
            for problem in ("reeve.yaml:1", "loud", "reeve.yaml:2", "servre"):
                self.assertIn(problem, said)
            garbage = self.write("garbage.pem", "no certificate\n")
            self.settings(
                f"server: {{tls_client_ca: {self.dir}/absent.pem}}\n"
                f"auth: {{front_proxy: {{client_ca: {garbage}}}}}\n"
                "limits: {body_bytes_max: 1KiB}\n"
            )
            said = self.reload("going on with the settings as they were")
            for problem in ("server.tls_client_ca", "absent.pem", "auth.front_proxy", "garbage.pem"):
                self.assertIn(problem, said)
            answer = self.client().post(
                path_of("budgetquotas"), quota("q", annotations={"note": "x" * 2000})
            )
            self.assertEqual(answer.status, 201, str(answer))
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "q")

    def test_replaced_certificates_are_shown_to_new_connections(self):
        self.ok("down")
        self.owner.wait()
        authority = Authority(self.dir, "authority")
        files = [self.dir / "tls.crt", self.dir / "tls.key"]

        def install(made):
            for source, target in zip(made, files):
                shutil.copy(source, target)

        install(authority.server("first"))
        self.owner = self.up(
            "--server-listen", "127.0.0.1:0", "--server-tls", "files",
            "--server-tls-cert", files[0], "--server-tls-key", files[1],
        )
        server = (self.data / "kubeconfig").read_text(encoding="utf-8")
        self.api.port = int(server.split("server: ")[1].split(":")[2].split()[0].strip('"'))
        self.api.context = ssl.create_default_context(cafile=authority.file)
        with self.api.watch(path_of("budgetquotas")) as watch:
            first = self.certificate()
            health = self.got("/health")
            self.assertEqual(
                [c["status"] for c in health["components"] if c["name"] == "certificate"],
                ["degraded"], str(health),
            )
            self.assertIn("reeve_server_certificate_expires_seconds 1", self.api.get("/metrics").text)
            install(authority.server("second"))
            self.assertEqual(self.certificate(), first)
            self.reload()
            second = self.certificate()
            self.assertNotEqual(second, first)
            self.made_quota("q")
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "q")
            # The key of another certificate: what is in use stays.
            shutil.copy(self.dir / "first.key", files[1])
            said = self.reload("going on with the settings as they were")
            self.assertIn("private key", said)
            self.assertEqual(self.certificate(), second)
            self.made_quota("r")
            self.assertEqual(watch.next()["object"]["metadata"]["name"], "r")

    def test_a_new_name_is_in_the_certificate_and_may_be_asked_for(self):
        first = self.certificate()
        path = path_of("budgetquotas")
        host = {"Host": "reeve.example"}
        self.assertEqual(self.api.get(path, headers=host).status, 403)
        self.settings("server: {advertise: [reeve.example]}\n")
        self.reload()
        self.assertNotEqual(self.certificate(), first)
        self.assertEqual(self.api.get(path, headers=host).status, 200)
        with socket.create_connection((self.api.host, self.api.port), timeout=60) as raw:
            # By the authority that clients know.
            with self.api.context.wrap_socket(raw, server_hostname="reeve.example"):
                pass

    def test_the_service_manager_is_told(self):
        self.ok("down")
        self.owner.wait()
        path = self.dir / "notify.sock"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(path))
            manager.settimeout(60)
            owner = self.up("--server-listen", "127.0.0.1:0", env={"NOTIFY_SOCKET": str(path)})
            self.assertEqual(manager.recv(100), b"READY=1")
            owner.signal(signal.SIGHUP)
            first, clock = manager.recv(100).split(b"\n")
            self.assertEqual(first, b"RELOADING=1")
            self.assertRegex(clock, rb"^MONOTONIC_USEC=[0-9]+$")
            self.assertEqual(manager.recv(100), b"READY=1")
            self.ok("down")
            self.assertEqual(manager.recv(100), b"STOPPING=1")


if __name__ == "__main__":
    main()
