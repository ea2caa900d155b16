"""Those outside who are told: a receiver of webhooks and a mail server, scripted by the test."""

import base64
import hashlib
import hmac
import http.server
import json
import socketserver
import threading


class Delivery:
    def __init__(self, path, headers, body):
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def id(self):
        return self.headers["webhook-id"]

    def json(self):
        return json.loads(self.body)

    def signed_with(self, key):
        """As https://www.standardwebhooks.com has it."""
        text = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        digest = hmac.new(key.encode(), text, hashlib.sha256).digest()
        return self.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


class Receiver:
    """Takes POSTs. `answers`: the statuses of the next ones; 200 when there are none left."""

    def __init__(self):
        self.deliveries = []
        self.answers = []
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with outer.lock:
                    status = outer.answers.pop(0) if outer.answers else 200
                    outer.deliveries.append(Delivery(self.path, self.headers, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def events(self):
        with self.lock:
            return [one.json().get("type") for one in self.deliveries]


class MailServer:
    """Takes mail (RFC 5321) without protection. `refuse`: answers RCPT with that."""

    def __init__(self):
        self.mails = []
        self.refuse = None
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                self.say("220 test")
                mail = {"to": []}
                while line := self.rfile.readline().decode().rstrip("\r\n"):
                    verb = line[:4].upper()
                    if verb in ("EHLO", "HELO"):
                        self.say("250 test")
                    elif verb == "MAIL":
                        mail["from"] = line
                        self.say("250 OK")
                    elif verb == "RCPT":
                        mail["to"].append(line)
                        self.say(outer.refuse or "250 OK")
                    elif verb == "DATA":
                        self.say("354 go on")
                        lines = []
                        while (text := self.rfile.readline().decode()) not in (".\r\n", ""):
                            lines.append(text)
                        mail["data"] = "".join(lines)
                        outer.mails.append(mail)
                        self.say("250 OK")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 OK")

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.port = self.server.server_address[1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
