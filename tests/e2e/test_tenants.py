"""Tenants from one file, and what comes to them from outside: CHK-P5a, the part of CHK-P5b that is about
names, and CHK-P1a."""

from reeve import gate, main, wait_until
from server import BASE, ServerTest, mission, path_of

RBAC = "/apis/rbac.authorization.k8s.io/v1"
# Tokens and cost of each, as the specification has them.
TENANTS = {"alpha": (1_000_000, 5), "beta": (2_000_000, 10), "gamma": (1_500_000, 7)}

TENANT = """
apiVersion: v1
kind: Namespace
metadata: {{name: {name}, labels: {{team: {name}, tier: standard}}}}
---
apiVersion: reeve.dev/v1
kind: BudgetQuota
metadata: {{name: budget, namespace: {name}}}
spec: {{limits: {{maxTotalTokens: {tokens}, maxConcurrentRuns: {runs}}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: team, namespace: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {name}-lead}}]
---
apiVersion: reeve.dev/v1
kind: Workflow
metadata: {{name: build, namespace: {name}}}
spec: {{tasks: [{{name: a, script: 'touch "$T/{name}-begun"; {gate}'}}]}}
"""

PUSH = """
    params: {commit: {required: true}, author: {default: nobody}}
    triggers:
    - name: push
      webhook: {auth: gitlab, secret: hook}
      filter: '{{and (eq .Body.object_kind "push") (eq .Body.ref "refs/heads/main")}}'
      params: {commit: "{{.Body.checkout_sha}}", author: "{{.Body.user_username}}"}
    """


class TenantsTest(ServerTest):
    def apply(self):
        text = "---".join(
            TENANT.format(name=name, tokens=tokens, runs=runs, gate=gate(f"{name}-go"))
            for name, (tokens, runs) in TENANTS.items()
        )
        return self.ok("apply", "-f", self.write("tenants.yaml", text)).out

    def belongings(self, *names):
        """{(kind, namespace, name): revision} of the tenants' objects."""
        found = {}
        for name in names:
            paths = [f"/api/v1/namespaces/{name}", f"{RBAC}/namespaces/{name}/rolebindings/team"]
            paths += [path_of("budgetquotas", "budget", name), path_of("workflows", "build", name)]
            for path in paths:
                answer = self.api.get(path)
                if answer.status == 200:
                    found[path] = answer.json()["metadata"]["resourceVersion"]
                else:
                    self.assertEqual(answer.status, 404, str(answer))
        return found

    def client_of(self, user):
        client = self.client()
        client.token = self.ok("token", "create", user, "--user", user).out.strip()
        return client

    def test_one_file_makes_three_tenants_and_one_goes_alone(self):
        self.apply()
        made = self.belongings(*TENANTS)
        self.assertEqual(len(made), 4 * len(TENANTS))
        head = self.got(path_of("missions", namespace=None))["metadata"]["resourceVersion"]
        self.apply()
        self.assertEqual(self.belongings(*TENANTS), made, "the same file again changes nothing")
        self.assertEqual(self.got(path_of("missions", namespace=None))["metadata"]["resourceVersion"], head)
        # One of them goes while work is going on in all.
        for name in TENANTS:
            self.made(path_of("missions", namespace=name), mission("m", "build"))
            self.await_file(f"{name}-begun")
        self.ok("delete", "namespace", "gamma")
        wait_until(
            lambda: self.api.get("/api/v1/namespaces/gamma").status == 404, what="the end of gamma"
        )
        self.assertEqual(self.belongings("gamma"), {})
        self.assertEqual(self.got(path_of("missions", namespace="gamma"))["items"], [])
        # Its work was ended, that of the others was not.
        wait_until(lambda: len(self.shims()) == 2, what="the end of gamma's run")
        others = ("alpha", "beta")
        self.assertEqual(self.belongings(*others), {p: v for p, v in made.items() if "gamma" not in p})
        for name in others:
            self.touch(f"{name}-go")
            path = path_of("missions", namespace=name, fieldSelector="metadata.name=m")
            with self.api.watch(path) as watch:
                while watch.next()["object"]["status"]["state"] != "COMPLETE":
                    pass
        self.audit()

    def test_a_tenant_can_neither_find_nor_guess_what_others_have(self):
        self.apply()
        alpha = self.client_of("alpha-lead")
        self.assertEqual(alpha.get(path_of("workflows", "build", "alpha")).status, 200)
        for method in ("GET", "DELETE"):
            for namespace in ("beta", "delta"):
                for path in (
                    path_of("workflows", namespace=namespace),
                    path_of("workflows", "build", namespace),
                    path_of("workflows", "absent", namespace),
                    path_of("workflows", namespace=namespace, watch="true"),
                    f"/api/v1/namespaces/{namespace}",
                ):
                    answer = alpha.request(method, path)
                    self.assertIn(answer.status, (403, 404), path)
                    if path.startswith(BASE):
                        self.assertEqual(answer.status, 404, "not even that it is forbidden")
        self.assertEqual(alpha.get("/api/v1/namespaces").status, 403)
        self.assertEqual(alpha.get(path_of("workflows", namespace=None)).status, 403)


class GitLabTest(ServerTest):
    def push(self, body, delivery, secret="s3cret"):
        headers = {
            "Authorization": "",
            "X-Gitlab-Event": "Push Hook",
            "X-Gitlab-Event-UUID": delivery,
            "X-Gitlab-Token": secret,
        }
        return self.api.post("/hooks/default/ci/push", body, headers=headers)

    @staticmethod
    def payload(commit, branch="main"):
        return {
            "object_kind": "push",
            "event_name": "push",
            "ref": f"refs/heads/{branch}",
            "checkout_sha": commit,
            "user_username": "ada",
            "project": {"id": 15, "path_with_namespace": "group/repository"},
            "commits": [{"id": commit, "message": "fix", "added": [], "modified": ["a.c"], "removed": []}],
        }

    def test_a_signed_push_starts_one_run_with_what_was_pushed(self):
        document = self.workflow(
            "- {name: a, script: 'echo \"$commit $author\" >> \"$T/built\"'}", name="ci", spec=PUSH
        )
        self.ok("credential", "set", "hook", "--from-file", self.write("value", "s3cret\n"))
        self.ok("apply", document)
        fired = self.push(self.payload("c0ffee"), "u1")
        self.assertEqual(fired.status, 202, str(fired))
        self.await_mission(fired.json()["mission"], "COMPLETE")
        self.assertEqual(self.lines("built"), ["c0ffee ada"])
        # As GitLab sends it again when it was not answered in time.
        for _ in range(3):
            again = self.push(self.payload("c0ffee"), "u1")
            self.assertEqual((again.status, again.json()["verdict"]), (200, "repeated"))
        for secret in ("", "s3cre", "s3cret2", "S3cret"):
            self.assertEqual(self.push(self.payload("bad"), f"u{secret}", secret).status, 401)
        other = self.push(self.payload("beef", "topic"), "u2")
        self.assertEqual((other.status, other.json()["verdict"]), (200, "filtered"))
        tag = self.push({**self.payload("beef"), "object_kind": "tag_push"}, "u3")
        self.assertEqual((tag.status, tag.json()["verdict"]), (200, "filtered"))
        # And all of it over a restart.
        self.owner.kill()
        self.serve()
        self.assertEqual(self.push(self.payload("c0ffee"), "u1").json()["verdict"], "repeated")
        last = self.push(self.payload("cafe"), "u4")
        self.await_mission(last.json()["mission"], "COMPLETE")
        self.assertEqual(self.lines("built"), ["c0ffee ada", "cafe ada"])
        self.assertEqual(len(self.got(path_of("missions"))["items"]), 2)


if __name__ == "__main__":
    main()
