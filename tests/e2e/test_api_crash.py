"""The API when the process dies: what was acknowledged is there, what was not is absent or whole."""

import signal
import threading

from reeve import gate, main, wait_until
from server import ServerTest, mission, path_of, quota, workflow

THREADS = 50
# Writes that must be acknowledged before the process is killed.
ACKNOWLEDGED = 150


class ApiCrashTest(ServerTest):
    def writer(self, number, acknowledged, attempted):
        """Makes objects and changes each once, until the connection breaks."""
        client = self.client()
        try:
            for count in range(10_000):
                name = f"t{number}-{count}"
                attempted.append(name)
                if client.post(path_of("budgetquotas"), quota(name, 1)).status != 201:
                    continue
                acknowledged[name] = 1
                body = {"spec": {"limits": {"maxTotalTokens": 2}}}
                if client.patch(path_of("budgetquotas", name), body).status == 200:
                    acknowledged[name] = 2
        except OSError:
            pass
        except Exception as error:  # http.client has errors of its own for a broken connection
            if type(error).__module__ != "http.client":
                raise
        finally:
            client.close()

    def test_acknowledged_writes_outlive_a_kill_under_load(self):
        acknowledged, attempted = {}, []
        threads = [
            threading.Thread(target=self.writer, args=(number, acknowledged, attempted))
            for number in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) >= ACKNOWLEDGED, what="load")
        self.owner.kill()
        for thread in threads:
            thread.join()
        self.serve()
        items = self.got(path_of("budgetquotas"))["items"]
        found = {i["metadata"]["name"]: i["spec"]["limits"]["maxTotalTokens"] for i in items}
        for name, tokens in acknowledged.items():
            # A change that was not acknowledged may have been made.
            self.assertIn(found.get(name), range(tokens, 3), name)
        self.assertLessEqual(set(found), set(attempted))
        for item in items:
            self.assertEqual(item["metadata"]["generation"], item["spec"]["limits"]["maxTotalTokens"])
        self.audit()

    def test_a_request_with_a_key_is_carried_out_once_over_a_kill(self):
        self.made(path_of("workflows"), workflow("w"))
        path = path_of("workflows", "w/submit")
        key = {"Idempotency-Key": "same"}
        first = self.api.post(path, {"priority": 3}, headers=key)
        self.assertEqual(first.status, 202, str(first))
        name = first.json()["metadata"]["name"]
        self.owner.kill()
        self.serve()
        again = self.api.post(path, {"priority": 3}, headers=key)
        self.assertEqual(again.json()["metadata"]["name"], name)
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")
        self.assertEqual(len(self.got(path_of("missions"))["items"]), 1)
        other = self.api.post(path, {"priority": 4}, headers=key)
        self.assertEqual(other.status, 422, str(other))
        self.await_mission(name, "COMPLETE")

    def test_a_follower_of_events_misses_nothing_over_a_kill(self):
        self.made(path_of("workflows"), workflow("w", f'touch "$T/begun"; {gate("go")}'))
        self.made(path_of("missions"), mission("m", "w"))
        self.await_file("begun")
        path = path_of("missions", "m/events")
        with self.api.stream(path) as stream:
            seen = [stream.sse() for _ in range(3)]
            self.owner.kill()
        self.serve()
        self.touch("go")
        self.await_mission("m", "COMPLETE")
        with self.api.stream(path, headers={"Last-Event-ID": seen[-1]["id"]}) as stream:
            while seen[-1]["event"] != "mission.transitioned" or '"to":"COMPLETE"' not in seen[-1]["data"]:
                seen.append(stream.sse())
                self.assertIsNotNone(seen[-1])
        recorded = [event["revision"] for event in self.events("m")]
        self.assertEqual([int(event["id"]) for event in seen], recorded[: len(seen)])

    def test_the_end_of_the_process_is_the_end_of_watches_and_not_of_answers(self):
        with self.api.watch(path_of("budgetquotas")) as watch:
            self.made_quota("a")
            self.assertEqual(watch.next()["type"], "ADDED")
            self.owner.signal(signal.SIGTERM)
            # Cleanly: an error here would be one of http.client.
            self.assertIsNone(watch.next())
        self.assertEqual(self.owner.wait().code, 0)
        self.serve()
        self.got(path_of("budgetquotas", "a"))


if __name__ == "__main__":
    main()
