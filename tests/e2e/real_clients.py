"""Real clients, unmodified: where they are, and how each is started against a given address.

`scripts/install_clients` brings them. A test that needs one that is not there is skipped.
"""

import dataclasses
import json
import os
import pathlib
import shutil

from reeve import ReeveTest

PROGRAMS = pathlib.Path(__file__).resolve().parent / "clients"
MODEL = "standin-large"
# They read and compile a great deal before they begin.
PATIENCE_SECONDS = 180.0


def clients_folder():
    given = os.environ.get("REEVE_CLIENTS")
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(given or os.path.join(cache, "reeve", "clients"))


FOLDER = clients_folder()


def installed(group):
    """The folder of a group of scripts/install_clients, or "" if it is not there."""
    return str(FOLDER / group) if (FOLDER / group / ".versions").exists() else ""


def node():
    """A node: the one that was installed, or that of the machine; None if there is none."""
    own = FOLDER / "node" / "node_modules" / "node" / "bin" / "node"
    return str(own) if own.exists() else shutil.which("node")


@dataclasses.dataclass
class Fence:
    """What a client is given: addresses and a key."""

    openai: str
    anthropic: str
    key: str
    # The certificate authority of these addresses, if they are ours.
    authority: str = ""


class RealClientsTest(ReeveTest):
    """Each `run_…` starts a client and returns its `Finished`."""

    def need(self, *groups):
        """Skips the test unless these groups are installed."""
        missing = [name for name in groups if not installed(name)]
        if missing:
            self.skipTest(f"not installed: {', '.join(missing)}; scripts/install_clients brings it")

    def program(self, group, name):
        return FOLDER / group / "node_modules" / ".bin" / name

    def client_environment(self, fence, **more):
        made = {"PATH": f"{FOLDER / 'node' / 'node_modules' / 'node' / 'bin'}:{os.environ['PATH']}"}
        if fence.authority:
            made["NODE_EXTRA_CA_CERTS"] = fence.authority
            made["SSL_CERT_FILE"] = fence.authority
        return {**made, **more}

    def run_program(self, group, name, *args, env, cwd=None):
        return self.reeve(
            *args, program=str(self.program(group, name)), env=env, cwd=cwd, timeout=PATIENCE_SECONDS
        )

    def place_module(self, group, file):
        """A program of clients/, beside the libraries of a group: where it is."""
        place = self.dir / f"with-{group}"
        if not place.exists():
            place.mkdir()
            (place / "node_modules").symlink_to(FOLDER / group / "node_modules")
        return pathlib.Path(shutil.copyfile(PROGRAMS / file, place / file))

    def run_module(self, group, file, *args, env):
        return self.reeve(
            self.place_module(group, file), *args, program=node(), env=env, timeout=PATIENCE_SECONDS
        )

    # --- agents ---------------------------------------------------------------------------------

    def run_claude(self, fence, prompt, *args):
        """Claude Code's print mode; its result is the JSON of standard output."""
        self.need("node", "claude")
        env = self.client_environment(
            fence,
            ANTHROPIC_BASE_URL=fence.anthropic,
            ANTHROPIC_AUTH_TOKEN=fence.key,
            CLAUDE_CODE_MAX_RETRIES="1",
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            IS_SANDBOX="1",
        )
        return self.run_program(
            "claude", "claude", "-p", prompt, "--output-format", "json", "--model", MODEL,
            "--strict-mcp-config", *args, env=env,
        )  # fmt: skip

    def run_codex(self, fence, prompt, *args):
        self.need("node", "codex")
        provider = {
            "name": '"fence"',
            "base_url": json.dumps(fence.openai),
            "env_key": '"FENCE_KEY"',
            "wire_api": '"responses"',
            "request_max_retries": "0",
            "stream_max_retries": "0",
        }
        words = ["-c", 'model_provider="fence"']
        for name, value in provider.items():
            words += ["-c", f"model_providers.fence.{name}={value}"]
        env = self.client_environment(fence, FENCE_KEY=fence.key)
        return self.run_program(
            "codex", "codex", "exec", "--json", "--skip-git-repo-check", "--model", MODEL,
            # Its own sandbox does not work below /tmp, which is where tests live.
            "--sandbox", "danger-full-access", *words, *args, prompt, env=env,
        )  # fmt: skip

    def run_opencode(self, fence, prompt, *args):
        self.need("node", "opencode")
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": "fence",
            "options": {"baseURL": fence.openai, "apiKey": "{env:FENCE_KEY}"},
            "models": {MODEL: {"name": MODEL}},
        }
        file = self.write("opencode.json", json.dumps({"provider": {"fence": provider}}))
        env = self.client_environment(
            fence, FENCE_KEY=fence.key, OPENCODE_CONFIG=str(file), PWD=str(self.dir),
            OPENCODE_DISABLE_AUTOUPDATE="1", OPENCODE_DISABLE_LSP_DOWNLOAD="1",
        )  # fmt: skip
        return self.run_program(
            "opencode", "opencode", "run", "--format", "json", "-m", f"fence/{MODEL}", *args, prompt,
            env=env,
        )  # fmt: skip

    # --- libraries ------------------------------------------------------------------------------

    def run_models(self, fence, what):
        self.need("node", "models")
        env = self.client_environment(
            fence, OPENAI_BASE_URL=fence.openai, OPENAI_API_KEY=fence.key,
            ANTHROPIC_BASE_URL=fence.anthropic, ANTHROPIC_API_KEY=fence.key, MODEL=MODEL,
        )  # fmt: skip
        return self.run_module("models", "models_client.mjs", what, env=env)

    def run_mcp(self, fence, url, era):
        self.need("node", "mcp")
        env = self.client_environment(fence, MCP_URL=url, MCP_TOKEN=fence.key)
        return self.run_module("mcp", "mcp_client.mjs", era, env=env)

    def run_inspector(self, fence, url, *args):
        self.need("node", "inspector")
        return self.run_program(
            "inspector", "mcp-inspector", "--cli", url, "--transport", "http", "--header",
            f"authorization: Bearer {fence.key}", *args, env=self.client_environment(fence),
        )  # fmt: skip
