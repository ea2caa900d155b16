"""The http tool: what it asks, what it refuses, and what it makes of odd answers."""

import http.server
import json
import os
import socket
import ssl
import subprocess
import threading

from reeve import PROGRAM, PATIENCE_SECONDS, ReeveTest, main


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by path; remembers what it was asked."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", content_type="text/plain", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        path, _, query = self.path.partition("?")
        if path == "/json":
            self.answer(200, b'{"id":7,"tags":["a","b"],"a/b":"slash"}', "application/json")
        elif path.startswith("/status/"):
            self.answer(int(path.removeprefix("/status/")), b"as you wish\n")
        elif path.startswith("/redirect/"):
            status = int(path.removeprefix("/redirect/"))
            self.answer(status, b"moved", headers=[("Location", query)])
        elif path == "/loop":
            self.answer(302, headers=[("Location", "/loop")])
        elif path == "/binary":
            self.answer(200, b"\x00\x01\x02", "application/octet-stream")
        elif path == "/chunked":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one ", b"two ", b"three"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
        elif path == "/endless":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            while True:
                try:
                    self.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                except OSError:
                    return
        elif path == "/headers":
            self.close_connection = True
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 60_000 + b"\r\n")
                for number in range(20):
                    self.wfile.write(b"B%d: " % number + b"x" * 60_000 + b"\r\n")
                self.wfile.write(b"\r\n")
            except OSError:
                pass
        elif path == "/short":
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        elif path == "/garbage":
            self.close_connection = True
            self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        elif path == "/silent":
            self.server.silent.wait(PATIENCE_SECONDS)
            self.close_connection = True
        else:
            self.answer(200, b"hello\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


class Server:
    def __init__(self, context=None):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.asked = []
        self.http.silent = threading.Event()
        if context is not None:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.port = self.http.server_address[1]
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path="/", host="127.0.0.1", scheme="http"):
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def asked(self):
        return self.http.asked

    def close(self):
        self.http.silent.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


class HttpTest(ReeveTest):
    def setUp(self):
        super().setUp()
        self.server = Server()
        self.addCleanup(self.server.close)
        self.run_dir = self.data / "missions" / "m" / "runs" / "r"
        self.work = self.run_dir / "work"
        (self.run_dir / "steps").mkdir(parents=True)
        self.work.mkdir()

    def ask(self, url, environment=None, **members):
        """Runs the tool alone; returns its process and the record of its end."""
        request = {"verb": "GET", "url": url, "allowPrivate": True, "redirectsMax": 5,
                   "redirectsCrossHost": True} | members
        file = self.run_dir / "steps" / "0.json"
        file.write_text(json.dumps(request), encoding="utf-8")
        self.published = self.run_dir / "output"
        self.published.write_text("")
        process = subprocess.run(
            [PROGRAM, "executor", "http", str(file)], cwd=self.work, capture_output=True,
            env=os.environ | {"REEVE_OUTPUT": str(self.published)} | (environment or {}),
            timeout=PATIENCE_SECONDS, check=False)
        self.end = json.loads(file.with_suffix(".end").read_text())
        self.assertEqual(self.end["exitCode"], process.returncode)
        self.out = process.stdout.decode(errors="replace")
        self.err = process.stderr.decode(errors="replace")
        return self.end

    def values(self):
        return dict(line.split("=", 1) for line in self.published.read_text().splitlines())

    def assert_refused(self, url, reason, **members):
        end = self.ask(url, **members)
        self.assertEqual((end["exitCode"], end["exitText"]), (1, ""))
        self.assertIn(reason, end["reason"])

    def test_a_status_is_the_exit_text_and_from_400_on_a_failure(self):
        for status in (200, 204, 304, 399):
            end = self.ask(self.server.url(f"/status/{status}"))
            self.assertEqual((end["exitCode"], end["exitText"]), (0, str(status)))
        for status in (400, 404, 500, 599):
            end = self.ask(self.server.url(f"/status/{status}"))
            self.assertEqual((end["exitCode"], end["exitText"]), (1, str(status)))
            self.assertEqual(self.values()["HttpStatus"], str(status))

    def test_two_requests_of_a_mission_keep_their_statuses_apart(self):
        one = '{{ index . "one-http-status" }} {{ index . "one-http-content-type" }}'
        tasks = f"""
        - name: one
          http: {{url: "{self.server.url('/json')}", allowPrivate: true}}
          onCompleted: two
        - name: two
          http: {{url: "{self.server.url('/status/204')}", allowPrivate: true}}
          onCompleted: tell
        - name: tell
          script: 'echo "{one}, {{{{ index . "two-http-status" }}}}, last {{{{ .HttpStatus }}}}"'
        """
        result = self.reeve("run", self.workflow(tasks), "--name", "m")
        self.assertIn("200 application/json, 204, last 204", result.out, str(result))

    def test_the_body_is_logged_kept_and_picked_apart(self):
        end = self.ask(self.server.url("/json"), outputs=[
            {"name": "Id", "pointer": "/id"}, {"name": "Tag", "pointer": "/tags/1"},
            {"name": "Slash", "pointer": "/a~1b"}, {"name": "All", "pointer": ""}])
        self.assertEqual(end["exitText"], "200", end)
        self.assertEqual(json.loads(self.out)["id"], 7)
        self.assertEqual(json.loads((self.work / "response.body").read_text())["id"], 7)
        values = self.values()
        self.assertEqual((values["Id"], values["Tag"], values["Slash"]), ("7", "b", "slash"))
        self.assertEqual(json.loads(values["All"])["tags"], ["a", "b"])
        self.assertEqual(values["HttpContentType"], "application/json")

    def test_a_pointer_that_finds_nothing_fails_the_task(self):
        missing = [{"name": "X", "pointer": "/nope"}]
        self.assert_refused(self.server.url("/json"), "has no /nope", outputs=missing)
        self.assert_refused(self.server.url("/"), "is not JSON", outputs=missing)

    def test_a_body_that_is_no_text_is_kept_but_not_logged(self):
        self.ask(self.server.url("/binary"))
        self.assertEqual(self.out, "")
        self.assertEqual((self.work / "response.body").read_bytes(), b"\0\1\2")

    def test_verbs_headers_and_bodies_arrive(self):
        for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            self.ask(self.server.url("/x"), verb=verb)
            self.assertEqual(self.server.asked[-1][0], verb)
        self.ask(self.server.url("/x?q=1"), verb="PUT", body="päyload",
                 headers=[{"name": "X-Empty", "value": ""}, {"name": "X-A", "value": "b"}])
        verb, path, headers, body = self.server.asked[-1]
        self.assertEqual((verb, path, body.decode()), ("PUT", "/x?q=1", "päyload"))
        self.assertEqual((headers["X-A"], headers["X-Empty"]), ("b", ""))
        self.assertNotIn("Content-Type", headers)
        self.assertNotIn("Expect", headers)

    def test_nothing_secret_of_a_request_is_written_anywhere(self):
        secret = "s3cr3t-value"
        url = f"http://user:{secret}@127.0.0.1:{self.server.port}/status/500?token={secret}"
        self.ask(url, verb="POST", body=secret,
                 headers=[{"name": "Authorization", "value": f"Bearer {secret}"}])
        self.assertEqual(self.server.asked[-1][3].decode(), secret)
        for text in (self.out, self.err, json.dumps(self.end), self.published.read_text()):
            self.assertNotIn(secret, text)
        self.ask(f"http://user:{secret}@127.0.0.1:1/?token={secret}")
        self.assertEqual(self.end["exitCode"], 1)
        for text in (self.out, self.err, json.dumps(self.end)):
            self.assertNotIn(secret, text)

    def test_private_addresses_are_refused_in_every_writing(self):
        port = self.server.port
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]",
                     "[::1]"):
            self.assert_refused(f"http://{host}:{port}/", "private network", allowPrivate=False)
        self.assertEqual(self.server.asked, [])

    def test_metadata_services_are_refused_always(self):
        for host in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0",
                     "[64:ff9b::a9fe:a9fe]", "224.0.0.1"):
            self.assert_refused(f"http://{host}/latest/meta-data", "never asked")

    def test_other_schemes_are_refused(self):
        for url in ("file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "127.0.0.1"):
            self.assert_refused(url, "no http or https address" if "://" in url else "")

    def test_redirects_are_followed_as_far_as_the_task_says(self):
        url = self.server.url
        self.assertEqual(self.ask(url("/redirect/302?/json"))["exitText"], "200")
        self.assertEqual(self.ask(url("/redirect/302?/json"), redirectsMax=0)["exitText"], "302")
        self.assert_refused(url("/loop"), "more than 3 redirects", redirectsMax=3)
        self.assertEqual(len([path for _, path, *_ in self.server.asked if path == "/loop"]), 4)

    def test_redirects_lead_neither_to_metadata_nor_to_files(self):
        url = self.server.url
        self.assert_refused(url("/redirect/302?http://169.254.169.254/"), "never asked")
        self.assert_refused(url("/redirect/302?file:///etc/passwd"), "other than http")
        self.assert_refused(url("/redirect/302?gopher://127.0.0.1/"), "other than http")

    def test_credentials_do_not_follow_to_another_host(self):
        other = self.server.url("/seen", host="localhost")
        headers = [{"name": name, "value": "s"} for name in
                   ("Authorization", "Cookie", "X-Api-Key", "Accept")]
        self.ask(self.server.url(f"/redirect/302?{other}"), headers=headers)
        *_, (_, first, before, _), (_, second, after, _) = self.server.asked
        self.assertTrue(first.startswith("/redirect"))
        self.assertEqual(second, "/seen")
        self.assertIn("Authorization", before)
        for name in ("Authorization", "Cookie", "X-Api-Key"):
            self.assertNotIn(name, after)
        self.assertIn("Accept", after)
        self.assert_refused(self.server.url(f"/redirect/302?{other}"), "another host",
                            redirectsCrossHost=False)
        self.assert_refused(self.server.url(f"/redirect/307?{other}"), "body of the request",
                            verb="POST", body="x")

    def test_a_post_becomes_a_get_or_stays_a_post(self):
        self.ask(self.server.url("/redirect/303?/x"), verb="POST", body="b")
        self.assertEqual([verb for verb, *_ in self.server.asked], ["POST", "GET"])
        self.ask(self.server.url("/redirect/308?/x"), verb="POST", body="b")
        self.assertEqual(self.server.asked[-1][0], "POST")
        self.assertEqual(self.server.asked[-1][3], b"b")

    def test_a_response_beyond_the_limit_ends_the_request(self):
        self.assert_refused(self.server.url("/endless"), "longer than 100000 bytes",
                            responseBytesMax=100_000)
        self.assertLessEqual((self.work / "response.body").stat().st_size, 100_000)
        self.assertEqual(self.ask(self.server.url("/json"), responseBytesMax=39)["exitText"], "200")
        self.assert_refused(self.server.url("/json"), "longer than 38", responseBytesMax=38)

    def test_odd_answers_are_failures_with_a_reason(self):
        self.assertEqual(self.ask(self.server.url("/chunked"))["exitText"], "200")
        self.assertEqual(self.out, "one two three\n")
        for path in ("/garbage", "/short", "/headers"):
            end = self.ask(self.server.url(path))
            self.assertEqual((end["exitCode"], end["exitText"]), (1, ""), path)
            self.assertIn(path, end["reason"])
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        self.assert_refused(f"http://127.0.0.1:{closed.getsockname()[1]}/", "127.0.0.1")
        closed.close()
        self.assert_refused("http://no-such-name.invalid/", "no-such-name.invalid")

    def test_the_environment_names_no_proxy_for_us(self):
        proxies = {name: "http://127.0.0.1:1" for name in ("http_proxy", "ALL_PROXY")}
        self.assertEqual(self.ask(self.server.url("/"), environment=proxies)["exitText"], "200")

    def test_a_response_cannot_overwrite_what_a_link_points_to(self):
        target = self.dir / "precious"
        target.write_text("precious")
        (self.work / "response.body").symlink_to(target)
        self.assertEqual(self.ask(self.server.url("/"))["exitCode"], 1)
        self.assertEqual(target.read_text(), "precious")

    def certificates(self):
        """A CA of our own and a certificate of it for 127.0.0.1."""
        pki = self.dir / "pki"
        pki.mkdir()

        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=pki, check=True, capture_output=True)

        new = ("req", "-newkey", "rsa:2048", "-nodes", "-days", "2")
        openssl(*new, "-x509", "-subj", "/CN=own", "-keyout", "ca.key", "-out", "ca.pem")
        openssl(*new, "-subj", "/CN=here", "-keyout", "here.key", "-out", "here.csr")
        (pki / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "here.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "here.pem")
        return pki

    def test_certificates_are_verified(self):
        pki = self.certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "here.pem", pki / "here.key")
        server = Server(context)
        self.addCleanup(server.close)
        url = server.url("/json", scheme="https")
        self.assert_refused(url, "certificate")
        self.assertEqual(server.asked, [])
        authority = str(pki / "ca.pem")
        self.assertEqual(self.ask(url, caFile=authority)["exitText"], "200")
        wrong_name = server.url("/json", host="localhost", scheme="https")
        self.assert_refused(wrong_name, "localhost", caFile=authority)
        end = self.ask(wrong_name, verifyTls=False)
        self.assertEqual(end["exitText"], "200")
        self.assertIn("not verified", end["warnings"][0])
        to_plain = server.url(f"/redirect/302?{self.server.url('/')}", scheme="https")
        self.assert_refused(to_plain, "leave TLS", caFile=authority)

    def test_a_mission_asks_routes_on_the_status_and_uses_what_it_learned(self):
        tasks = f"""
        - name: ask
          http:
            url: "{self.server.url('/json')}"
            allowPrivate: true
            outputs: {{Id: /id}}
          artifacts: {{paths: [response.body]}}
          onExitCode: {{200: tell}}
        - name: tell
          script: echo "id {{{{ .Id }}}}, status {{{{ .HttpStatus }}}}"
          onCompleted: miss
        - name: miss
          http: {{url: "{self.server.url('/status/404')}", allowPrivate: true}}
          onExitCode: {{404: found}}
        - {{name: found, script: echo it was missing}}
        """
        result = self.reeve("run", self.workflow(tasks), "--name", "m")
        self.assertIn("id 7, status 200", result.out, str(result))
        self.assertIn("it was missing", result.out)
        self.assertEqual(json.loads(self.ok("artifacts", "get", "m", "ask").out)["id"], 7)
        self.assertEqual(self.task("m", "miss")["exitCode"], 404)
        self.assertIn("answered with status 404", self.task("m", "miss")["message"])
        self.audit()

    def test_a_request_ends_with_the_timeout_of_its_task(self):
        tasks = f"""
        - name: ask
          timeout: 300ms
          http: {{url: "{self.server.url('/silent')}", allowPrivate: true}}
        """
        mission = self.run_json(self.workflow(tasks), code=1)
        self.assertIn("timed out after 300ms", self.task(mission, "ask")["message"])

    def test_without_permission_a_mission_asks_no_private_address(self):
        tasks = f"- {{name: ask, http: {{url: '{self.server.url('/')}'}}}}"
        mission = self.run_json(self.workflow(tasks), code=1)
        self.assertIn("allowPrivate", self.task(mission, "ask")["message"])
        self.assertEqual(self.server.asked, [])

    def test_input_that_is_no_request_is_refused(self):
        self.assert_refused(self.server.url("/"), "colour: is not a known member", colour="red")
        self.assert_refused(self.server.url("/"), "caFile", caFile="/nonexistent")


if __name__ == "__main__":
    main()
