"""Lists and watches belong together: what a list says and a watch adds is what a later list says."""

import json
import random
import threading

from reeve import main
from server import GROUP, PARTIAL, TABLE, ServerTest, path_of, quota, workflow

PLURAL = "budgetquotas"
WRITERS = 4
WRITES = 25


def version(thing):
    return int(thing["metadata"]["resourceVersion"])


def folded(state, events, names=("ADDED", "MODIFIED", "DELETED")):
    """The state after events, which must fit it."""
    for event in events:
        kind, thing = event["type"], event["object"]
        name = thing["metadata"]["name"]
        if kind not in names:
            raise AssertionError(event)
        if (kind == "ADDED") == (name in state):
            raise AssertionError(f"{kind} of {name} does not fit {sorted(state)}")
        if kind == "DELETED":
            del state[name]
        else:
            state[name] = thing
    return state


class WatchTest(ServerTest):
    def listed(self, **query):
        found = self.got(path_of(PLURAL, **query))
        return {item["metadata"]["name"]: item for item in found["items"]}, version(found)

    def write(self, number, problems):
        """Makes, changes, relabels and removes objects of its own, and some that all share."""
        chance = random.Random(number)
        client = self.client()
        try:
            for _ in range(WRITES):
                name = f"w{chance.choice([number, number, 'x'])}-{chance.randrange(3)}"
                what = chance.randrange(4)
                if what == 0:
                    labels = {"in": chance.choice(["yes", "no"])}
                    answer = client.post(path_of(PLURAL), quota(name, labels=labels))
                elif what == 1:
                    answer = client.delete(path_of(PLURAL, name))
                elif what == 2:
                    body = {"spec": {"limits": {"maxTotalTokens": chance.randrange(1, 9)}}}
                    answer = client.patch(path_of(PLURAL, name), body)
                else:
                    body = {"metadata": {"labels": {"in": chance.choice(["yes", "no"])}}}
                    answer = client.patch(path_of(PLURAL, name), body)
                if answer.status not in (200, 201, 404, 409):
                    problems.append(str(answer))
        except Exception as error:  # a thread has nobody else to tell
            problems.append(repr(error))

    def under_writers(self):
        problems = []
        threads = [
            threading.Thread(target=self.write, args=(number, problems)) for number in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        return threads, problems

    def test_a_list_and_a_watch_from_it_are_a_later_list(self):
        threads, problems = self.under_writers()
        starts = []
        # Lists in the middle of it, each with a watch of all and one of a selection.
        for _ in range(4):
            for selector in ({}, {"labelSelector": "in=yes"}):
                state, at = self.listed(**selector)
                starts.append((selector, state, self.api.watch(path_of(PLURAL, resourceVersion=at, **selector)), at))
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        last = {json.dumps(selector): self.listed(**selector) for selector in ({}, {"labelSelector": "in=yes"})}
        mark = self.made_quota("mark", labels={"in": "yes"})
        for selector, state, watch, at in starts:
            with self.subTest(selector=selector, at=at), watch:
                events = []
                while (event := watch.next())["object"]["metadata"]["name"] != "mark":
                    events.append(event)
                versions = [version(event["object"]) for event in events]
                self.assertEqual(versions, sorted(versions), "in the order of commits")
                self.assertEqual(len(versions), len(set(versions)), "each once")
                self.assertTrue(all(at < each < version(mark) for each in versions))
                expected, _ = last[json.dumps(selector)]
                self.assertEqual(folded(dict(state), events), expected)

    def test_every_page_of_a_list_is_of_one_moment(self):
        for number in range(7):
            self.made_quota(f"q{number}")
        first = self.got(path_of(PLURAL, limit=3))
        self.assertEqual(first["metadata"]["remainingItemCount"], 4)
        self.api.delete(path_of(PLURAL, "q6"))
        self.api.patch(path_of(PLURAL, "q5"), {"metadata": {"labels": {"x": "y"}}})
        self.made_quota("q9")
        names, token = [item["metadata"]["name"] for item in first["items"]], first["metadata"]["continue"]
        labels = []
        while token:
            page = self.got(path_of(PLURAL, limit=3, **{"continue": token}))
            self.assertEqual(version(page), version(first))
            names += [item["metadata"]["name"] for item in page["items"]]
            labels += [item["metadata"].get("labels") for item in page["items"]]
            token = page["metadata"].get("continue")
        self.assertEqual(names, [f"q{number}" for number in range(7)])
        self.assertEqual(set(map(str, labels)), {"None"})

    def test_selectors_look_at_both_sides_of_a_change(self):
        _, at = self.listed()
        with self.api.watch(path_of(PLURAL, resourceVersion=at, labelSelector="team=a")) as watch:
            self.made_quota("q", labels={"team": "b"})
            for number, team in enumerate("aac"):
                metadata = {"labels": {"team": team}, "annotations": {"number": str(number)}}
                body = {"metadata": metadata}
                changed = self.api.patch(path_of(PLURAL, "q"), body).json()
            events = watch.take(3)
        self.assertEqual([event["type"] for event in events], ["ADDED", "MODIFIED", "DELETED"])
        self.assertEqual(events[2]["object"]["metadata"]["labels"], {"team": "a"}, "the last that matched")
        self.assertEqual(version(events[2]["object"]), version(changed), "at the revision of the change")

    def test_those_who_are_told_the_same_miss_and_repeat_nothing(self):
        # Who has caught up is told together with others; who comes, leaves, reads slowly or asks for
        # something else in between must not change what anybody is told.
        self.made_quota("first", labels={"in": "yes"})
        begin = self.listed()[1]
        alike = [self.api.watch(path_of(PLURAL, resourceVersion=begin)) for _ in range(8)]
        partial = self.api.watch(path_of(PLURAL, resourceVersion=begin), accept=PARTIAL)
        selected = self.api.watch(path_of(PLURAL, resourceVersion=begin, labelSelector="in=yes"))
        writers, problems = self.under_writers()
        late = []
        while any(writer.is_alive() for writer in writers):
            self.api.watch(path_of(PLURAL)).close()
            late.append(self.api.watch(path_of(PLURAL, resourceVersion=begin)))
            late[-1].take(1)
            if len(late) == 3:
                late[0].close()
                break
        for writer in writers:
            writer.join()
        self.assertEqual(problems, [])
        self.made_quota("last", labels={"in": "yes"})

        def told(watch):
            names = []
            while not names or names[-1][2] != "last":
                event = watch.next()
                metadata = event["object"]["metadata"]
                names.append((event["type"], metadata["resourceVersion"], metadata["name"]))
            return names

        first = told(alike[0])
        versions = [int(each[1]) for each in first]
        self.assertEqual(versions, sorted(set(versions)))
        for watch in (*alike[1:], partial):
            self.assertEqual(told(watch), first)
        for watch in late[1:]:
            self.assertEqual(told(watch), first[1:])
        self.assertLessEqual({each[1:] for each in told(selected)}, {each[1:] for each in first})
        for watch in (*alike, *late, partial, selected):
            watch.close()

    def test_much_is_told_as_fast_as_it_is_read(self):
        # More than a stream keeps for its reader: what there is, and then what all watchers are told.
        large = {"note": "x" * 12000}
        count = 160
        for number in range(count):
            self.made_quota(f"q-{number:03}", annotations=large)
        begin = self.listed()[1]
        slow = [self.api.watch(path_of(PLURAL, resourceVersion=begin)) for _ in range(3)]
        query = {
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
        }
        with self.api.watch(path_of(PLURAL, **query)) as watch:
            names = [event["object"]["metadata"]["name"] for event in watch.take(count)]
            self.assertEqual(names, [f"q-{number:03}" for number in range(count)])
            self.assertEqual(watch.next()["type"], "BOOKMARK")
        for number in range(count):
            body = {"metadata": {"annotations": {"note": "y" * 12000}}}
            answer = self.api.patch(path_of(PLURAL, f"q-{number:03}"), body)
            self.assertEqual(answer.status, 200, str(answer))
        for watch in slow:
            with watch:
                names = [event["object"]["metadata"]["name"] for event in watch.take(count)]
                self.assertEqual(names, [f"q-{number:03}" for number in range(count)])

    def test_one_that_is_longer_than_a_stream_keeps_is_told(self):
        long = workflow("long", "echo " + "x" * 1_040_000)
        long["metadata"]["annotations"] = {"note": "y" * 200_000}
        with self.api.watch(path_of("workflows")) as first:
            self.made(path_of("workflows"), long)
            self.made(path_of("workflows"), workflow("short"))
            with self.api.watch(path_of("workflows")) as later:
                for watch in (first, later):
                    told = [event["object"] for event in watch.take(2)]
                    self.assertEqual([thing["metadata"]["name"] for thing in told], ["long", "short"])
                    self.assertEqual(told[0]["metadata"]["annotations"], long["metadata"]["annotations"])

    def test_a_deletion_has_a_revision_of_its_own(self):
        made = self.made_quota("q")
        with self.api.watch(path_of(PLURAL, resourceVersion=version(made))) as watch:
            self.api.delete(path_of(PLURAL, "q"))
            (event,) = watch.take(1)
        self.assertEqual(event["type"], "DELETED")
        self.assertGreater(version(event["object"]), version(made))
        self.assertEqual(version(event["object"]), self.listed()[1])

    def test_it_begins_with_what_is_there_and_says_when_that_is_all(self):
        for name in ("a", "b"):
            self.made_quota(name)
        query = {
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
        }
        with self.api.watch(path_of(PLURAL, **query)) as watch:
            events = watch.take(3)
            self.assertEqual([event["type"] for event in events], ["ADDED", "ADDED", "BOOKMARK"])
            mark = events[2]["object"]
            self.assertEqual(mark["metadata"]["annotations"], {"k8s.io/initial-events-end": "true"})
            self.assertEqual(mark["kind"], "BudgetQuota")
            self.assertEqual(version(mark), self.listed()[1])
            self.made_quota("c")
            (event,) = watch.take(1)
            self.assertEqual(event["object"]["metadata"]["name"], "c")
        for missing in ("resourceVersionMatch", "allowWatchBookmarks"):
            less = {key: value for key, value in query.items() if key != missing}
            answer = self.api.get(path_of(PLURAL, watch="true", **less))
            self.assertEqual(answer.status, 422, str(answer))

    def test_it_ends_in_time_with_a_bookmark_to_resume_at(self):
        made = self.made_quota("a")
        query = {"resourceVersion": version(made), "timeoutSeconds": 1, "allowWatchBookmarks": "true"}
        with self.api.watch(path_of(PLURAL, **query)) as watch:
            events = watch.all()
        self.assertEqual([event["type"] for event in events], ["BOOKMARK"])
        self.made_quota("b")
        with self.api.watch(path_of(PLURAL, resourceVersion=version(events[0]["object"]))) as watch:
            (event,) = watch.take(1)
        self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "b"))

    def test_tables_and_partial_objects(self):
        made = self.made_quota("a")
        path = path_of(PLURAL, resourceVersion=version(made))
        with self.api.watch(path, accept=TABLE) as tables, self.api.watch(path, accept=PARTIAL) as partials:
            self.api.patch(path_of(PLURAL, "a"), {"metadata": {"labels": {"x": "y"}}})
            self.api.delete(path_of(PLURAL, "a"))
            rows, objects = tables.take(2), partials.take(2)
        self.assertEqual([event["type"] for event in rows], ["MODIFIED", "DELETED"])
        for event in rows:
            self.assertEqual(event["object"]["kind"], "Table")
            self.assertEqual(event["object"]["rows"][0]["cells"][0], "a")
            self.assertEqual(event["object"]["rows"][0]["object"]["kind"], "PartialObjectMetadata")
        self.assertEqual(rows[0]["object"]["columnDefinitions"][0]["name"], "Name")
        for event in objects:
            self.assertEqual(event["object"]["kind"], "PartialObjectMetadata")
            self.assertEqual(event["object"]["apiVersion"], "meta.k8s.io/v1")
            self.assertNotIn("spec", event["object"])

    def test_revisions_never_go_back_and_watches_resume_over_a_kill(self):
        made = self.made_quota("a")
        self.made_quota("b")
        before = self.listed()[1]
        self.owner.kill()
        self.serve()
        state, after = self.listed()
        self.assertGreaterEqual(after, before)
        self.assertEqual(sorted(state), ["a", "b"])
        self.assertGreater(version(self.made_quota("c")), before)
        # From before the kill: what followed, or that it is not known any more; never silence.
        with self.api.watch(path_of(PLURAL, resourceVersion=version(made))) as watch:
            event = watch.next()
        if event["type"] == "ERROR":
            self.assertEqual((event["object"]["code"], event["object"]["reason"]), (410, "Expired"))
        else:
            self.assertEqual((event["type"], event["object"]["metadata"]["name"]), ("ADDED", "b"))
        with self.api.watch(path_of(PLURAL, resourceVersion=after)) as watch:
            (event,) = watch.take(1)
        self.assertEqual(event["object"]["metadata"]["name"], "c")

    def test_a_revision_that_is_forgotten_is_an_event_that_says_so(self):
        self.made_quota("a")
        self.owner.kill()
        self.serve()
        with self.api.watch(path_of(PLURAL, resourceVersion=1)) as watch:
            event = watch.next()
            self.assertIsNone(watch.next())
        self.assertEqual(event["type"], "ERROR")
        status = event["object"]
        self.assertEqual((status["kind"], status["code"], status["reason"]), ("Status", 410, "Expired"))
        self.assertRegex(status["message"], r"^too old resource version: 1 \(\d+\)$")

    def test_a_mission_is_watched_to_its_end(self):
        self.made(path_of("workflows"), {
            "apiVersion": f"{GROUP}/v1", "kind": "Workflow", "metadata": {"name": "w"},
            "spec": {"tasks": [{"name": "a", "script": "true"}]},
        })  # fmt: skip
        answer = self.api.post(path_of("workflows", "w/submit"), {"name": "m"})
        self.assertEqual(answer.status, 202, str(answer))
        self.assertEqual(answer.headers["Location"], path_of("missions", "m"))
        self.await_mission("m", "COMPLETE")
        with self.api.stream(path_of("missions", "m/events")) as stream:
            seen = []
            while "COMPLETE" not in str(seen[-1:]):
                seen.append(stream.sse())
        ids = [int(event["id"]) for event in seen]
        self.assertEqual(ids, sorted(ids))
        self.assertEqual(seen[0]["event"], "mission.created")
        with self.api.stream(path_of("missions", "m/events"), headers={"Last-Event-ID": seen[2]["id"]}) as stream:
            self.assertEqual(stream.sse(), seen[3])


if __name__ == "__main__":
    main()
