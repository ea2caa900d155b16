"""Models that cost money: what tests of budgets share."""

import decimal
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "standins"))

from provider import CHAT, Provider  # noqa: E402  (known once the path is)
from replies import hang, says  # noqa: E402
from server import ServerTest, mission, path_of, workflow  # noqa: E402
from test_run_identity import CLIENT  # noqa: E402

__all__ = ["ASKS", "CHAT", "MoneyFixture", "hang", "says"]

# Asks a model through the gateway with the token of the run; prints what came of it.
ASKS = CLIENT + r"""
def model(text, tokens=20):
    status, body = ask("POST", "/llm/openai/v1/chat/completions", {
        "model": "large", "max_tokens": tokens, "messages": [{"role": "user", "content": text}]})
    error = body.get("error", {})
    print(status, error.get("code") or error.get("type") or "answered", flush=True)
    return status
"""


class MoneyFixture(ServerTest):
    """A server with a model that costs money, and a provider that counts what it is asked for."""

    arguments = ("--models-private-addresses", "true")

    def setUp(self):
        super().setUp()
        self.provider = Provider()
        self.provider.start()
        self.addCleanup(self.provider.stop)
        self.ok("credential", "set", "key", "--from-file", self.write("key", self.provider.key))
        self.made(
            path_of("modelroutes"),
            {
                "apiVersion": "reeve.dev/v1",
                "kind": "ModelRoute",
                "metadata": {"name": "models"},
                "spec": {
                    "providers": [
                        {"name": "standin", "kind": "openai", "baseUrl": self.provider.openai,
                         "credential": "key", "allowPrivate": True}
                    ],
                    "models": [
                        {"name": "large", "provider": "standin", "model": "standin-large",
                         "contextWindow": 200000, "maxOutputTokens": 1000, "prices": {"input": "3", "output": "15"}}
                    ],
                },
            },
        )  # fmt: skip

    def with_script(self, name, body):
        script = self.write(f"{name}.py", ASKS + body)
        self.made(path_of("workflows"), workflow(f"w-{name}", f'python3 -u "{script}"'))
        self.made(path_of("missions"), mission(name, f"w-{name}"))

    def usage(self, row):
        return self.got(path_of("budgetusages", row))["status"]

    def expect_exact(self):
        """What is settled is what the provider has counted, and no promise is left."""
        quota = self.got(path_of("budgetquotas", "team"))["status"]["currentUsage"]
        self.assertEqual(quota["reservedTokens"], 0)
        self.assertEqual(quota["tokens"], self.provider.billed_tokens)
        self.assertEqual(decimal.Decimal(quota["cost"]), self.provider.billed)
        total = self.ok("cost", "-o", "json").json()["total"]
        self.assertEqual(total["tokens"], self.provider.billed_tokens)
