"""What tests of the model gateway share: a server with a provider behind it, and runs that ask."""

import collections
import decimal
import http.client
import json
import pathlib
import sys
import urllib.parse

from reeve import gate, wait_until
from server import ServerTest, mission, path_of, workflow

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "standins"))

from provider import CHAT, EMBEDDINGS, MESSAGES, RESPONSES, Provider  # noqa: E402

PATIENCE_SECONDS = 60
# Below /llm, by the operations of the provider.
PATHS = {
    CHAT: "/llm/openai/v1/chat/completions",
    RESPONSES: "/llm/openai/v1/responses",
    EMBEDDINGS: "/llm/openai/v1/embeddings",
    MESSAGES: "/llm/anthropic/v1/messages",
}
COUNT_PATH = "/llm/anthropic/v1/messages/count_tokens"
PRICES = {"input": "3", "output": "15"}

Reply = collections.namedtuple("Reply", "status headers body whole")


def question(api, model=None, text="hi", **more):
    """The body of a request, small and bounded."""
    names = {MESSAGES: "claude", EMBEDDINGS: "embedding"}
    body = {"model": model or names.get(api, "gpt")}
    if api in (CHAT, MESSAGES):
        body["messages"] = [{"role": "user", "content": text}]
    else:
        body["input"] = text
    limits = {CHAT: "max_completion_tokens", RESPONSES: "max_output_tokens", MESSAGES: "max_tokens"}
    if api in limits:
        body[limits[api]] = 100
    return body | more


def json_of(reply):
    return json.loads(reply.body)


class GatewayTest(ServerTest):
    """A server whose route leads to a provider of the test's own."""

    def setUp(self):
        self.provider = Provider().start()
        self.addCleanup(self.provider.stop)
        super().setUp()
        self.ok("credential", "set", "provider-key", "--from-file", self.write("key", self.provider.key))
        (self.dir / "key").unlink()
        self.made_route()

    def serve(self, *args, **more):
        return super().serve(*args, env={"REEVE_MODELS_PRIVATE_ADDRESSES": "true"}, **more)

    def provider_of(self, name, kind, **more):
        base = self.provider.openai if kind == "openai" else self.provider.anthropic
        return {"name": name, "kind": kind, "baseUrl": base, "credential": "provider-key",
                "allowPrivate": True} | more  # fmt: skip

    def route(self, name="models", spec=None, provider=None):
        """A ModelRoute; `spec` and `provider` have other members of it, and of its providers."""
        bounds = {"contextWindow": 200_000, "maxOutputTokens": 4_000, "reasoning": False}
        made = {
            "providers": [self.provider_of("open", "openai", **(provider or {})),
                          self.provider_of("anth", "anthropic", **(provider or {}))],
            "models": [
                {"name": "gpt", "provider": "open", "model": "standin-large", "prices": PRICES} | bounds,
                {"name": "embedding", "provider": "open", "model": "standin-embedding",
                 "prices": {"input": "0.02", "output": "0"}} | bounds,
                {"name": "claude", "provider": "anth", "model": "standin-large", "prices": PRICES} | bounds,
                {"name": "small", "provider": "anth", "model": "standin-small",
                 "prices": {"input": "0.25", "output": "1.25"}} | bounds,
            ],
            "retries": {"max": 2, "backoff": "10ms", "maxBackoff": "20ms"},
        }  # fmt: skip
        return {
            "apiVersion": "reeve.dev/v1",
            "kind": "ModelRoute",
            "metadata": {"name": name},
            "spec": made | (spec or {}),
        }

    def made_route(self, name="models", namespace="default", **more):
        return self.made(path_of("modelroutes", namespace=namespace), self.route(name, **more))

    def changed_route(self, name="models", **more):
        """The route as it is from now on."""
        answer = self.api.patch(path_of("modelroutes", name), self.route(name, **more))
        self.assertEqual(answer.status, 200, str(answer))

    def run_token(self, name="m"):
        """The token of a run that lives until `end_run`."""
        token = f"$T/{name}.token"
        script = f'cp "$REEVE_TOKEN_FILE" {token}.new && mv {token}.new {token}; ' + gate(f"{name}.end")
        self.made(path_of("workflows"), workflow(f"w-{name}", script))
        self.made(path_of("missions"), mission(name, f"w-{name}"))
        return self.await_file(f"{name}.token").read_text(encoding="utf-8").strip()

    def end_run(self, name="m"):
        self.touch(f"{name}.end")
        return self.await_mission(name, "COMPLETE", "FAILED", "ABORTED")

    def opened(self, api, body, token, headers=None):
        """(connection, response) of a request whose answer is yet to be read."""
        url = urllib.parse.urlsplit(self.kubeconfig.server)
        connection = http.client.HTTPSConnection(
            url.hostname, url.port, context=self.api.context, timeout=PATIENCE_SECONDS
        )
        self.addCleanup(connection.close)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} | (headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        connection.request("POST", PATHS.get(api, api), data, sent)
        return connection, connection.getresponse()

    def ask(self, api, body=None, token=None, headers=None):
        """Asks, and reads what comes. `whole`: the answer has an end."""
        body = question(api) if body is None else body
        connection, response = self.opened(api, body, self.token if token is None else token, headers)
        read, whole = b"", True
        try:
            while part := response.read1(1 << 16):
                read += part
        except (OSError, http.client.HTTPException):
            whole = False
        connection.close()
        return Reply(response.status, response.headers, read, whole)

    # --- what was metered -----------------------------------------------------------------------

    def calls(self, *phases):
        """Records of calls, the oldest first."""
        found = self.got(path_of("modelcalls"))["items"]
        found.sort(key=lambda call: int(call["metadata"]["resourceVersion"]))
        return [call for call in found if not phases or call["status"]["phase"] in phases]

    def await_settled(self, count=None):
        """Waits until no call is open, and so many are over."""

        def settled():
            calls = self.calls()
            over = all(call["status"]["phase"] != "Open" for call in calls)
            return calls if over and (count is None or len(calls) >= count) else None

        return wait_until(settled, what="the end of all calls")

    @staticmethod
    def spent(calls):
        """The sum of what was settled: (tokens, cost)."""
        usages = [call["status"].get("usage", {}) for call in calls if call["status"]["phase"] == "Settled"]
        names = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens")
        tokens = sum(usage.get(name, 0) for usage in usages for name in names)
        return tokens, sum((decimal.Decimal(usage.get("cost", "0")) for usage in usages), decimal.Decimal(0))

    def assert_no_key(self):
        """The key of the provider is in no file, no log, no command line and no environment."""
        key = self.provider.key.encode()
        places = [path for path in self.dir.rglob("*") if path.is_file()]
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            places += [entry / "cmdline", entry / "environ"]
        for path in places:
            try:
                content = path.read_bytes()
            except OSError:
                continue
            self.assertNotIn(key, content, str(path))
