"""How long the API works for somebody, and that it stops working for who has gone."""

import contextlib
import json
import signal
import sqlite3
import ssl

from reeve import gate, main, wait_until
from server import ServerTest, mission, path_of, quota, workflow

FOLLOWERS = 10


class DeadlineTest(ServerTest):
    @contextlib.contextmanager
    def writer_held_up(self):
        """Somebody else has the database for a while (less than the server waits for it)."""
        with contextlib.closing(sqlite3.connect(self.data / "reeve.db")) as database:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.rollback()

    def streams(self):
        found = [
            line.split()[1]
            for line in self.api.get("/metrics").text.splitlines()
            if line.startswith("reeve_http_streams ")
        ]
        return int(found[0])

    def test_a_write_that_takes_too_long_is_answered_with_a_timeout(self):
        with self.writer_held_up():
            answer = self.api.post(path_of("budgetquotas", timeout="50ms"), quota("late"))
        self.assertEqual(answer.status, 504, str(answer))
        status = answer.json()
        self.assertEqual((status["kind"], status["reason"], status["code"]), ("Status", "Timeout", 504))
        self.assertIn("it may still happen", status["message"])
        # The connection and the server are as good as before.
        self.assertEqual(self.api.post(path_of("budgetquotas", timeout="60s"), quota("next")).status, 201)
        names = [each["metadata"]["name"] for each in self.got(path_of("budgetquotas"))["items"]]
        self.assertIn(names, (["next"], ["late", "next"]))

    def test_a_batch_that_takes_too_long_says_so(self):
        self.made(path_of("workflows"), workflow("w"))
        items = [{"metadata": {"name": f"m{n}"}, "spec": {"workflow": {"name": "w"}}} for n in range(3)]
        with self.writer_held_up():
            answer = self.api.post(path_of("missions:bulk", timeout="50ms"), {"items": items})
        self.assertEqual((answer.status, answer.json()["reason"]), (504, "Timeout"))

    def test_a_timeout_that_is_none_is_a_bad_request(self):
        for wrong in ("soon", "5", "-5s"):
            for answer in (
                self.api.get(path_of("missions", timeout=wrong)),
                self.api.post(path_of("budgetquotas", timeout=wrong), quota("q")),
            ):
                self.assertEqual(answer.status, 400, str(answer))
                self.assertIn("invalid timeout", answer.text)
        for good in ("0s", "30s", "1h", ""):
            self.assertEqual(self.api.get(path_of("missions", timeout=good)).status, 200)

    def test_followers_that_go_leave_nothing_behind(self):
        self.made(path_of("workflows"), workflow("w", f'echo begun; touch "$T/begun"; {gate("go")}'))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_file("begun")
        paths = [
            path_of("missions", watch="true"),
            path_of("missions", "m/events"),
            path_of("missions", "m/log", follow="true"),
            path_of("events"),
        ]
        followers = [self.api.stream(path) for path in paths for _ in range(FOLLOWERS)]
        self.assertEqual({each.status for each in followers}, {200})
        wait_until(lambda: self.streams() == len(followers), what="all to be followed")
        for number, each in enumerate(followers):
            if number % 2 == 0:
                # Without a good-bye.
                with contextlib.suppress(OSError):
                    each.connection.sock.shutdown(2)
            each.close()
        wait_until(lambda: self.streams() == 0, what="followers to be forgotten")
        self.touch("go")
        self.await_mission("m", "COMPLETE")

    def test_a_batch_is_not_carried_on_for_who_has_gone(self):
        self.made(path_of("workflows"), workflow("w"))
        items = [{"metadata": {"name": f"m{n}"}, "spec": {"workflow": {"name": "w"}}} for n in range(1000)]
        body = json.dumps({"items": items}).encode()
        head = (
            f"POST {path_of('missions:bulk')} HTTP/1.1\r\nHost: {self.api.host}\r\n"
            f"Authorization: Bearer {self.api.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection = self.api._connect()
        connection.connect()
        # The server finds request and good-bye at once.
        self.owner.signal(signal.SIGSTOP)
        try:
            connection.sock.settimeout(None)
            connection.sock.sendall(head.encode() + body)
            with contextlib.suppress(OSError, ssl.SSLError):
                connection.close()
        finally:
            self.owner.signal(signal.SIGCONT)
        # Whoever asks later finds that nothing more comes of it.
        self.assertEqual(self.api.post(path_of("budgetquotas"), quota("after")).status, 201)
        count = len(self.got(path_of("missions"))["items"])
        self.assertLess(count, len(items))
        self.assertEqual(self.api.post(path_of("budgetquotas"), quota("later")).status, 201)
        self.assertEqual(len(self.got(path_of("missions"))["items"]), count)


if __name__ == "__main__":
    main()
