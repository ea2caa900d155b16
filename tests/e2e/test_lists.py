"""Lists of any length: what they say does not depend on how long they are, and what they cost does
not either."""

import http.client
import json

from reeve import main
from server import PARTIAL_LIST, TABLE, ServerTest, Wire, path_of, resident_bytes

PLURAL = "budgetquotas"
# Each object is so long that a few hundred are far more than a connection keeps for its reader.
NOTE_BYTES = 100_000
COUNT = 120
# What readers may cost together that do not read: a third of what they have asked for. Each holds the
# MiB that would have been answered at once, what its connection has taken, and its room in memory.
STUCK = 10
STUCK_BYTES_MAX = 40_000_000


class ListsTest(ServerTest):
    def fill(self, count=COUNT):
        """Long objects, of which every second one is even."""
        for number in range(count):
            labels = {"parity": "odd" if number % 2 else "even"}
            self.made_quota(f"q{number:03}", labels=labels, annotations={"note": "x" * NOTE_BYTES})

    def listed(self, accept=None, **query):
        answer = self.api.get(path_of(PLURAL, **query), accept=accept)
        self.assertEqual(answer.status, 200, answer.text[:1000])
        return answer

    @staticmethod
    def names(found):
        rows = found.get("rows")
        things = found["items"] if rows is None else [row["object"] for row in rows]
        return [thing["metadata"]["name"] for thing in things]

    def test_a_long_list_says_what_a_short_one_says(self):
        self.fill()
        all_names = [f"q{number:03}" for number in range(COUNT)]
        answer = self.listed()
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        found = answer.json()
        self.assertEqual(self.names(found), all_names)
        self.assertEqual((found["kind"], found["apiVersion"]), ("BudgetQuotaList", "reeve.dev/v1"))
        self.assertEqual(list(found["metadata"]), ["resourceVersion"], "nothing goes on after all of it")
        self.assertEqual(len(found["items"][7]["metadata"]["annotations"]["note"]), NOTE_BYTES)
        # One that is short is told at once, with its length.
        answer = self.listed(limit=3)
        self.assertEqual(int(answer.headers["Content-Length"]), len(answer.body))
        self.assertEqual(answer.json()["metadata"]["remainingItemCount"], COUNT - 3)
        # Rows are short, whatever the objects are; objects in them are not.
        found = self.listed(TABLE).json()
        self.assertEqual((self.names(found), found["kind"]), (all_names, "Table"))
        found = self.listed(TABLE, includeObject="Object").json()
        self.assertEqual((self.names(found), found["kind"]), (all_names, "Table"))
        self.assertEqual(found["columnDefinitions"][0]["name"], "Name")
        found = self.listed(PARTIAL_LIST).json()
        self.assertEqual((self.names(found), found["kind"]), (all_names, "PartialObjectMetadataList"))
        # What is selected, and what is for people.
        found = self.listed(labelSelector="parity=odd", pretty="true")
        self.assertEqual(self.names(found.json()), all_names[1::2])
        self.assertEqual(found.text, json.dumps(found.json(), indent=2) + "\n")
        self.assertEqual(self.api.request("HEAD", path_of(PLURAL)).status, 200)

    def test_long_pages_are_of_one_moment(self):
        self.fill(90)
        seen, at, token = [], None, ""
        while token is not None:
            query = {"limit": 40, **({"continue": token} if token else {})}
            answer = self.listed(**query)
            page = answer.json()
            seen += self.names(page)
            at = at or page["metadata"]["resourceVersion"]
            self.assertEqual(page["metadata"]["resourceVersion"], at)
            token = page["metadata"].get("continue")
            self.assertEqual(page["metadata"].get("remainingItemCount"), 90 - len(seen) if token else None)
            if token:
                self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
                self.api.delete(path_of(PLURAL, f"q{len(seen) + 5:03}"))
                self.made_quota(f"q{len(seen) + 5:03}-new")
        self.assertEqual(seen, [f"q{number:03}" for number in range(90)])

    def test_a_list_is_of_one_moment_however_late_it_is_read(self):
        self.fill(100)
        with Wire(self.api, window=4096) as late:
            late.send(late.head("GET", path_of(PLURAL), Connection="close"))
            while b"\r\n\r\n" not in late.received:
                self.assertTrue(late.more())
            later = self.made_quota("later")["metadata"]["resourceVersion"]
            self.api.delete(path_of(PLURAL, "q099"))
            while not late.received.endswith(b"\r\n0\r\n\r\n"):
                self.assertTrue(late.more())
        body = b""
        rest = late.received.partition(b"\r\n\r\n")[2]
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        found = json.loads(body)
        self.assertEqual(self.names(found), [f"q{number:03}" for number in range(100)])
        self.assertLess(int(found["metadata"]["resourceVersion"]), int(later))

    def test_those_who_do_not_read_cost_little(self):
        self.fill()
        self.listed()
        before = resident_bytes(self.owner.pid)
        stuck = []
        for _ in range(STUCK):
            wire = Wire(self.api, window=4096)
            self.addCleanup(wire.close)
            wire.send(wire.head("GET", path_of(PLURAL)))
            stuck.append(wire)
        for wire in stuck:
            while b"\r\n\r\n" not in wire.received:
                self.assertTrue(wire.more())
        # Somebody else is told all of it meanwhile.
        self.assertEqual(len(self.listed().json()["items"]), COUNT)
        self.assertLess(resident_bytes(self.owner.pid) - before, STUCK_BYTES_MAX)

    def test_a_list_that_ends_early_can_be_told_from_a_whole_one(self):
        self.fill()
        with self.api.stream(path_of(PLURAL)) as stream:
            stream.response.read(1)
            self.owner.kill()
            with self.assertRaises((http.client.IncompleteRead, ConnectionError, OSError)):
                stream.rest()


if __name__ == "__main__":
    main()
