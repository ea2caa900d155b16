"""What a Kubernetes API server answers to 57 requests, asked of ours.

The expectations are facts that were measured against a real server, told again in terms of a
BudgetQuota: status, reason, message, details. Where we deviate on purpose, the case says why.
The cases build on each other, in this order.
"""

from reeve import main
from server import (
    APPLY,
    GROUP,
    JSON,
    JSON_PATCH,
    MERGE,
    PARTIAL_LIST,
    STRATEGIC,
    TABLE,
    ServerTest,
    path_of,
    quota,
)

PLURAL = "budgetquotas"
THING = f"{PLURAL}.{GROUP}"
KIND = f"BudgetQuota.{GROUP}"
Q1 = path_of(PLURAL, "g1")
Q2 = path_of(PLURAL, "g2")
STORED = {"group": GROUP, "kind": PLURAL}
VALIDATED = {"group": GROUP, "kind": "BudgetQuota"}
MODIFIED = (
    f'Operation cannot be fulfilled on {THING} "g1": the object has been modified; '
    "please apply your changes to the latest version and try again"
)


def thing(name="g1", limits=None, **metadata):
    made = quota(name, **metadata)
    made["spec"]["limits"] = limits or {"maxTotalTokens": 5}
    return made


class GoldenTest(ServerTest):
    def ask(self, method, path, body=None, content_type=JSON, accept=None):
        self.answer = self.api.request(method, path, body, content_type, accept)
        return self.answer

    def fails(self, code, reason, message, details=None, causes=None):
        """The last answer was this Status."""
        answer = self.answer
        self.assertEqual(answer.status, code, str(answer))
        status = answer.json()
        self.assertEqual(status["kind"], "Status")
        self.assertEqual(status["apiVersion"], "v1")
        self.assertEqual(status["metadata"], {})
        self.assertEqual(status["status"], "Failure")
        self.assertEqual(status["code"], code)
        self.assertEqual(status.get("reason"), reason)
        self.assertEqual(answer.headers["Content-Type"], JSON)
        if callable(message):
            self.assertTrue(message(status["message"]), status["message"])
        else:
            self.assertEqual(status["message"], message)
        found = dict(status.get("details", {}))
        found_causes = [(c.get("reason"), c.get("field")) for c in found.pop("causes", [])]
        if details is not None:
            self.assertEqual(found, details)
        if causes is not None:
            self.assertEqual(found_causes, causes)

    def works(self, code=200):
        self.assertEqual(self.answer.status, code, str(self.answer))
        return self.answer.json()

    def test_the_requests(self):
        for step in (
            self.create, self.read, self.lists, self.status_and_put, self.patches, self.apply,
            self.other_paths, self.deletes, self.watches, self.discovery,
        ):  # fmt: skip
            with self.subTest(step.__name__):
                step()

    def test_a_quota_is_reset(self):
        self.made_quota("r")
        at = path_of(PLURAL, "r")
        before = self.got(at)
        self.ask("POST", f"{at}/reset")
        after = self.works(201)
        used = {"tokens": 0, "cost": "0.00", "calls": 0, "reservedTokens": 0, "reservedCost": "0.00"}
        self.assertEqual(after["status"]["currentUsage"], used)
        self.assertEqual(after["status"]["warned"], [])
        self.assertRegex(after["status"]["periodStart"], r"Z$")
        self.assertEqual(after["metadata"]["generation"], before["metadata"]["generation"])
        self.assertEqual(self.got(at)["status"], after["status"])
        self.ask("POST", path_of(PLURAL, "nope") + "/reset")
        self.fails(404, "NotFound", f'{THING} "nope" not found', {"name": "nope", **STORED})

    # --- create ---------------------------------------------------------------------------------

    def create(self):
        first = thing(labels={"t": "1"})
        first["status"] = {"currentUsage": {"tokens": 7}}
        self.ask("POST", path_of(PLURAL, fieldManager="me"), first)
        made = self.works(201)
        self.assertEqual(made["status"]["currentUsage"]["tokens"], 0, "a status is not made by clients")
        metadata = made["metadata"]
        self.assertEqual(metadata["generation"], 1)
        self.assertEqual(metadata["namespace"], "default")
        self.assertRegex(metadata["resourceVersion"], r"^[1-9]\d*$")
        self.assertRegex(metadata["uid"], r"^[0-9a-f-]{32,36}$")
        self.assertRegex(metadata["creationTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        (entry,) = metadata["managedFields"]
        self.assertEqual(
            (entry["manager"], entry["operation"], entry["apiVersion"], entry["fieldsType"]),
            ("me", "Update", "reeve.dev/v1", "FieldsV1"),
        )
        self.assertEqual(entry["fieldsV1"]["f:metadata"], {"f:labels": {".": {}, "f:t": {}}})
        self.uid = metadata["uid"]

        self.ask("POST", path_of(PLURAL), first)
        self.fails(409, "AlreadyExists", f'{THING} "g1" already exists', {"name": "g1", **STORED})
        self.ask("POST", path_of(PLURAL), thing("Bad_Name"))
        self.fails(
            422, "Invalid",
            lambda text: text.startswith(
                f'{KIND} "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": '
                "a lowercase RFC 1123 subdomain must consist of"
            ),
            {"name": "Bad_Name", **VALIDATED}, [("FieldValueInvalid", "metadata.name")],
        )  # fmt: skip
        self.ask("POST", path_of(PLURAL), thing("bad", {"maxTotalTokens": "x"}))
        self.fails(
            422, "Invalid",
            lambda text: f'{KIND} "bad" is invalid: spec.limits.maxTotalTokens: Invalid value' in text,
            {"name": "bad", **VALIDATED}, [("FieldValueInvalid", "spec.limits.maxTotalTokens")],
        )  # fmt: skip
        # Kubernetes answers 422 for custom resources and 400 for its own kinds.
        self.ask("POST", path_of(PLURAL), {**thing("a"), "kind": "Nope"})
        self.assertIn(self.answer.status, (400, 422), str(self.answer))
        self.assertIn("Nope", self.answer.json()["message"])
        self.ask("POST", path_of(PLURAL), thing("a", namespace="other"))
        self.fails(
            400, "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
        )  # fmt: skip
        self.ask("POST", path_of(PLURAL, namespace="missing"), thing("a"))
        self.fails(
            404, "NotFound", 'namespaces "missing" not found', {"name": "missing", "kind": "namespaces"}
        )
        nameless = thing("a")
        nameless["metadata"] = {}
        self.ask("POST", path_of(PLURAL), nameless)
        self.fails(
            422, "Invalid",
            f'{KIND} "" is invalid: metadata.name: Required value: name or generateName is required',
            VALIDATED, [("FieldValueRequired", "metadata.name")],
        )  # fmt: skip
        self.ask("POST", path_of(PLURAL), '{"apiVersion":')
        self.fails(
            400, "BadRequest",
            lambda text: text.startswith(
                "the object provided is unrecognized (must be of type BudgetQuota): "
                "couldn't get version/kind; "
            ) and text.endswith('({"apiVersion":)'),
        )  # fmt: skip
        self.ask("POST", path_of(PLURAL), "{}", "text/plain")
        self.fails(
            415, "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )  # fmt: skip

    # --- read -----------------------------------------------------------------------------------

    def read(self):
        self.ask("GET", Q1)
        self.assertEqual(self.works()["metadata"]["uid"], self.uid)
        self.ask("GET", path_of(PLURAL, "nope"))
        self.fails(404, "NotFound", f'{THING} "nope" not found', {"name": "nope", **STORED})
        self.ask("GET", Q1, accept="application/xml")
        self.assertEqual(self.answer.status, 406)
        self.ask("GET", Q1, accept=TABLE)
        table = self.works()
        self.assertEqual((table["kind"], table["apiVersion"]), ("Table", "meta.k8s.io/v1"))
        self.assertEqual(table["columnDefinitions"][0]["name"], "Name")
        self.assertEqual(table["columnDefinitions"][0]["format"], "name")
        (row,) = table["rows"]
        self.assertEqual(row["cells"][0], "g1")
        self.assertEqual(row["object"]["kind"], "PartialObjectMetadata")
        self.assertEqual(row["object"]["apiVersion"], "meta.k8s.io/v1")
        self.assertNotIn("spec", row["object"])

    def lists(self):
        self.ask("GET", path_of(PLURAL, limit=1), accept=TABLE)
        self.assertEqual(len(self.works()["rows"]), 1)
        self.ask("GET", path_of(PLURAL, limit=1), accept=PARTIAL_LIST)
        partial = self.works()
        self.assertEqual(partial["kind"], "PartialObjectMetadataList")
        self.assertEqual(partial["items"][0]["kind"], "PartialObjectMetadata")
        self.assertEqual(set(partial["items"][0]), {"kind", "apiVersion", "metadata"})
        self.ask("GET", path_of(PLURAL, limit=500))
        listed = self.works()
        self.assertEqual(listed["kind"], "BudgetQuotaList")
        self.assertEqual([item["metadata"]["name"] for item in listed["items"]], ["g1"])
        self.assertNotIn("remainingItemCount", listed["metadata"])
        self.assertFalse(listed["metadata"].get("continue"))
        self.assertEqual(listed["items"][0]["kind"], "BudgetQuota")
        self.ask("GET", path_of(PLURAL, fieldSelector="spec.x=1"))
        self.fails(400, "BadRequest", "field label not supported: spec.x")
        self.ask("GET", path_of(PLURAL, labelSelector="a b c"))
        self.fails(400, "BadRequest", lambda text: text.startswith("unable to parse requirement: found 'b', expected:"))
        self.ask("GET", path_of(PLURAL, limit=1, **{"continue": "zzz"}))
        self.fails(400, "BadRequest", lambda text: "continue" in text)
        version = listed["metadata"]["resourceVersion"]
        self.ask("GET", path_of(PLURAL, resourceVersion=99999999, resourceVersionMatch="NotOlderThan"))
        self.fails(
            504, "Timeout", f"Timeout: Too large resource version: 99999999, current: {version}",
            {"retryAfterSeconds": 1}, [("ResourceVersionTooLarge", None)],
        )  # fmt: skip
        self.assertEqual(self.answer.headers["Retry-After"], "1")

    # --- update ---------------------------------------------------------------------------------

    def status_and_put(self):
        status = {"status": {"currentUsage": {"tokens": 3}}, "spec": {"limits": {"maxTotalTokens": 99}}}
        self.ask("PATCH", Q1 + "/status?fieldManager=ctl", status, MERGE)
        changed = self.works()
        self.assertEqual(changed["spec"]["limits"], {"maxTotalTokens": 5}, "only the status is written")
        self.assertEqual(changed["status"]["currentUsage"]["tokens"], 0, "what is used is known to the server alone")
        self.assertEqual(changed["metadata"]["generation"], 1)
        managers = {(e["manager"], e.get("subresource")) for e in changed["metadata"]["managedFields"]}
        self.assertEqual(managers, {("me", None), ("ctl", "status")})
        self.ask("PUT", Q1, thing(resourceVersion="1"))
        self.fails(409, "Conflict", MODIFIED, {"name": "g1", **STORED})
        self.ask("PUT", Q1, thing())
        self.fails(
            422, "Invalid",
            f'{THING} "g1" is invalid: metadata.resourceVersion: Invalid value: 0x0: '
            "must be specified for an update",
            {"name": "g1", **STORED}, [("FieldValueInvalid", "metadata.resourceVersion")],
        )  # fmt: skip
        self.ask("PUT", Q1, thing("g2", resourceVersion="1"))
        self.fails(400, "BadRequest", "the name of the object (g2) does not match the name on the URL (g1)")

    def patches(self):
        zero = "00000000-0000-0000-0000-000000000000"
        self.ask("PATCH", Q1, {"metadata": {"uid": zero}}, MERGE)
        self.fails(
            422, "Invalid",
            lambda text: text.startswith(f'{KIND} "g1" is invalid: metadata.uid: Invalid value: "{zero}": field is immutable'),
            {"name": "g1", **VALIDATED},
        )  # fmt: skip
        limits = {"spec": {"limits": {"maxTotalTokens": 6}}}
        self.ask("PATCH", Q1, {"metadata": {"resourceVersion": "1"}, **limits}, MERGE)
        self.fails(409, "Conflict", MODIFIED, {"name": "g1", **STORED})
        # Custom resources refuse all strategic patches; we take those that are merge patches.
        self.ask("PATCH", Q1, {}, STRATEGIC)
        self.works()
        self.ask("PATCH", Q1, {"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "x"}]}}, STRATEGIC)
        self.fails(
            415, "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )  # fmt: skip
        where = "/spec/limits/maxTotalTokens"
        self.ask("PATCH", Q1, [{"op": "test", "path": where, "value": 1}], JSON_PATCH)
        self.fails(422, "Invalid", "the server rejected our request due to an error in our request", {})
        self.ask("PATCH", Q1, [{"op": "replace", "path": where, "value": 8}], JSON_PATCH)
        changed = self.works()
        self.assertEqual(changed["metadata"]["generation"], 2)
        self.assertIn("golden", [e["manager"] for e in changed["metadata"]["managedFields"]])
        self.ask("PATCH", Q1, {"spec": {"limits": {"maxTotalTokens": 8}}}, MERGE)
        self.assertEqual(self.works()["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"])
        self.ask("PATCH", path_of(PLURAL, "nope"), {}, MERGE)
        self.fails(404, "NotFound", f'{THING} "nope" not found', {"name": "nope", **STORED})

    def apply(self):
        wanted = thing("g1", {"maxTotalTokens": 1, "maxRetries": 2})
        self.ask("PATCH", Q1, wanted, APPLY)
        self.fails(
            422, "Invalid",
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
            {"group": "meta.k8s.io", "kind": "PatchOptions"}, [("FieldValueRequired", "fieldManager")],
        )  # fmt: skip
        self.ask("PATCH", Q1 + "?fieldManager=x", wanted, APPLY)
        self.fails(
            409, "Conflict",
            'Apply failed with 1 conflict: conflict with "golden" using reeve.dev/v1: .spec.limits.maxTotalTokens',
            {}, [("FieldManagerConflict", ".spec.limits.maxTotalTokens")],
        )  # fmt: skip
        self.ask("PATCH", Q1 + "?fieldManager=x&force=true", wanted, APPLY)
        self.assertEqual(self.works()["spec"]["limits"], {"maxTotalTokens": 1, "maxRetries": 2})
        second = thing("g2")
        second["status"] = {"conditions": [condition("A")]}
        self.ask("PATCH", Q2 + "?fieldManager=x", second, APPLY)
        made = self.works(201)
        kinds = [each["type"] for each in made["status"]["conditions"]]
        self.assertEqual(kinds, ["WithinLimits"], "the status has its own endpoint")
        status = {**thing("g2"), "status": {"conditions": [condition("A")]}}
        del status["spec"]
        self.ask("PATCH", Q2 + "/status?fieldManager=ctl", status, APPLY)
        applied = self.works()
        self.assertEqual(applied["status"]["conditions"][0]["type"], "A")
        entry = next(e for e in applied["metadata"]["managedFields"] if e["manager"] == "ctl")
        self.assertEqual((entry["operation"], entry["subresource"]), ("Apply", "status"))
        self.assertIn('k:{"type":"A"}', entry["fieldsV1"]["f:status"]["f:conditions"])

    def other_paths(self):
        # Nothing here has replicas.
        for method, body in (("GET", None), ("PATCH", {"spec": {"replicas": 4}})):
            self.ask(method, Q1 + "/scale", body, MERGE)
            self.assertEqual(self.answer.status, 404, str(self.answer))
        self.ask("GET", Q1 + "/foo")
        self.assertEqual(self.answer.status, 404)
        self.ask("GET", path_of("zzz"))
        self.assertEqual(self.answer.status, 404)
        # Kubernetes answers 409 or 405, depending on who serves the kind.
        self.ask("POST", Q1, thing())
        self.assertEqual(self.answer.status, 405, str(self.answer))
        self.ask("GET", path_of(PLURAL, limit=1))
        page = self.works()
        self.assertEqual(page["metadata"]["remainingItemCount"], 1)
        self.assertTrue(page["metadata"]["continue"])
        generated = thing()
        generated["metadata"] = {"generateName": "gg-"}
        self.ask("POST", path_of(PLURAL, dryRun="All"), generated)
        name = self.works(201)["metadata"]["name"]
        self.assertRegex(name, "^gg-[a-z0-9]{5}$")
        self.ask("GET", path_of(PLURAL, name))
        self.assertEqual(self.answer.status, 404)

    def deletes(self):
        background = {"propagationPolicy": "Background"}
        self.ask("PATCH", Q2, {"metadata": {"finalizers": ["k.dev/hold"]}}, MERGE)
        self.works()
        self.ask("DELETE", Q2, background)
        deleting = self.works()
        self.assertEqual(deleting["kind"], "BudgetQuota")
        self.assertEqual(deleting["metadata"]["deletionGracePeriodSeconds"], 0)
        self.assertEqual(deleting["metadata"]["generation"], 2)
        self.ask("DELETE", Q2)
        self.assertEqual(self.works()["metadata"], deleting["metadata"], "again is nothing new")
        self.ask("PATCH", Q2, {"metadata": {"finalizers": ["k.dev/hold", "k.dev/more"]}}, MERGE)
        self.fails(
            422, "Invalid",
            lambda text: text.startswith(
                f'{KIND} "g2" is invalid: metadata.finalizers: Forbidden: '
                "no new finalizers can be added if the object is being deleted"
            ),
            {"name": "g2", **VALIDATED}, [("FieldValueForbidden", "metadata.finalizers")],
        )  # fmt: skip
        self.ask("PATCH", Q2, {"metadata": {"finalizers": None}}, MERGE)
        self.assertEqual(self.works()["metadata"]["name"], "g2")
        self.ask("GET", Q2)
        self.assertEqual(self.answer.status, 404)
        self.ask("DELETE", Q1, {"preconditions": {"uid": "x"}})
        self.fails(
            409, "Conflict",
            lambda text: "precondition" in text and "x" in text and self.uid in text,
            {"name": "g1", **STORED},
        )  # fmt: skip
        self.ask("DELETE", Q1, background)
        gone = self.works()
        self.assertEqual((gone["kind"], gone["status"]), ("Status", "Success"))
        self.assertEqual(gone["details"], {"name": "g1", **STORED, "uid": self.uid})
        self.ask("DELETE", Q1)
        self.fails(404, "NotFound", f'{THING} "g1" not found', {"name": "g1", **STORED})
        self.made_quota("g3", labels={"t": "1"})
        self.made_quota("g4")
        self.ask("DELETE", path_of(PLURAL, labelSelector="t=1"))
        deleted = self.works()
        self.assertEqual(deleted["kind"], "BudgetQuotaList")
        self.assertEqual([item["metadata"]["name"] for item in deleted["items"]], ["g3"])
        self.ask("GET", path_of(PLURAL))
        self.assertEqual([item["metadata"]["name"] for item in self.works()["items"]], ["g4"])

    # --- watch ----------------------------------------------------------------------------------

    def watches(self):
        with self.api.watch(path_of(PLURAL, resourceVersion=0, timeoutSeconds=1, allowWatchBookmarks="true")) as watch:
            events = watch.all()
        self.assertEqual((events[0]["type"], events[0]["object"]["metadata"]["name"]), ("ADDED", "g4"))
        self.assertEqual({event["type"] for event in events[1:]}, {"BOOKMARK"})
        with self.api.watch(path_of(PLURAL, resourceVersion=99999999, timeoutSeconds=1)) as watch:
            self.assertEqual(watch.all(), [])
        # Kubernetes says 500 here; a number that is none is the client's mistake.
        self.ask("GET", path_of(PLURAL, watch="true", resourceVersion="abc"))
        self.fails(400, "BadRequest", lambda text: "abc" in text)

    def test_who_asks_as_somebody_else_is_that_one(self):
        answer = self.api.get(path_of(PLURAL), headers={"Impersonate-User": "alice"})
        self.assertIn(answer.status, (403, 404), str(answer))
        masters = {"Impersonate-Group": "system:masters"}
        answer = self.api.get(path_of(PLURAL), headers={"Impersonate-User": "alice", **masters})
        self.assertEqual(answer.status, 200, str(answer))
        # A group without a user is nobody, and never the caller instead.
        answer = self.api.get(path_of(PLURAL), headers=masters)
        self.assertEqual(answer.status, 400, str(answer))
        self.api.token = ""
        answer = self.api.get(path_of(PLURAL), headers={"Impersonate-User": "admin"})
        self.assertEqual(answer.status, 401, str(answer))

    def discovery(self):
        self.ask("GET", f"/apis/{GROUP}")
        group = self.works()
        self.assertEqual((group["kind"], group["name"]), ("APIGroup", GROUP))
        self.assertEqual(group["preferredVersion"], {"groupVersion": "reeve.dev/v1", "version": "v1"})
        self.api.token = ""
        self.ask("GET", f"/apis/{GROUP}")
        self.fails(401, "Unauthorized", "Unauthorized")


def condition(name):
    return {
        "type": name,
        "status": "True",
        "reason": "Told",
        "message": "",
        "lastTransitionTime": "2026-11-21T09:30:00Z",
    }


if __name__ == "__main__":
    main()
