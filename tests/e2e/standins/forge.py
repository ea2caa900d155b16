"""A git forge for tests: one bare repository, and its issues and pull requests in a JSON file.

The stand-in `gh` works on it as the real one works on the service; tests look at it and act on it
as the people do who open issues, review and merge. Several processes may use it at the same time:
whoever changes something holds the lock of the file.
"""

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import subprocess
import time

OWNER = "acme"
NAME = "widgets"
REPOSITORY = f"{OWNER}/{NAME}"
HOST = "https://forge.example"
BOT = "reeve-bot"


class Refused(Exception):
    """What the forge answers when it does not do something."""


class Forge:
    """The forge in `directory`: forge.json, repo.git."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.repository = self.directory / "repo.git"
        self._file = self.directory / "forge.json"

    # --- state ----------------------------------------------------------------------------------

    @staticmethod
    def create(directory, files):
        """A forge whose repository has one commit with `files`."""
        forge = Forge(directory)
        forge.directory.mkdir(parents=True)
        seed = forge.directory / "seed"
        run_git(None, "init", "--quiet", "--initial-branch=main", str(seed))
        for name, text in files.items():
            path = seed / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        run_git(seed, "add", "--all")
        run_git(seed, "commit", "--quiet", "--message", "Begin")
        run_git(None, "clone", "--quiet", "--bare", str(seed), str(forge.repository))
        state = {
            "next": 1,
            "begin": int(time.time()),
            "clock": 0,
            "labels": ["bug"],
            "issues": {},
            "pulls": {},
            # What each pushed head of a pull request meets: one list of checks per head, in the
            # order in which heads appear; the last one serves all that follow. Every look at the
            # checks of a head moves it on by one list.
            "ci": [[[{"name": "build", "state": "SUCCESS"}]]],
            "heads": {},
            # What people say to every new pull request: [text, author, association].
            "remarks": [],
            # The review decision of every new pull request, such as REVIEW_REQUIRED.
            "review": "",
            # {"match": words of the command, "times": how often, "kind": rate-limit, network, auth}
            "faults": [],
            "calls": [],
        }
        forge._file.write_text(json.dumps(state), encoding="utf-8")
        return forge

    @contextlib.contextmanager
    def changing(self):
        """The state; what was changed is kept, unless an exception leaves the block."""
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads(self._file.read_text(encoding="utf-8"))
            yield state
            temporary = self._file.with_suffix(".new")
            temporary.write_text(json.dumps(state, indent=1), encoding="utf-8")
            temporary.replace(self._file)

    def state(self):
        """The state, to look at."""
        return json.loads(self._file.read_text(encoding="utf-8"))

    # --- people ---------------------------------------------------------------------------------

    def open_issue(self, title, body="", labels=("reeve",)):
        with self.changing() as state:
            number = take_number(state)
            state["labels"] = sorted({*state["labels"], *labels})
            state["issues"][str(number)] = {
                "number": number,
                "title": title,
                "body": body,
                "state": "OPEN",
                "author": "ada",
                "labels": list(labels),
                "comments": [],
                "createdAt": now(state),
            }
            return number

    def issue(self, number):
        return self.state()["issues"][str(number)]

    def pull(self, number):
        with self.changing() as state:
            return self.refresh(state, state["pulls"][str(number)])

    def pulls(self):
        with self.changing() as state:
            return [self.refresh(state, pull) for pull in state["pulls"].values()]

    def comment(self, kind, number, body, author="ada", association="MEMBER"):
        with self.changing() as state:
            add_comment(state, state[kind][str(number)], body, author, association)

    def fail(self, match, kind, times=1):
        with self.changing() as state:
            state["faults"].append({"match": match, "kind": kind, "times": times})

    def calls(self, match=""):
        return [call for call in self.state()["calls"] if match in call]

    def pull_from(self, branch, draft=False, days_old=0):
        """A pull request of a branch with one commit, which nobody has touched for so many days."""
        base = self.head_of("main")
        date = f"@{int(time.time()) - days_old * 86400} +0000"
        tree = self.git("rev-parse", f"{base}^{{tree}}").strip()
        commit = run_git(self.repository, "commit-tree", tree, "-p", base, "-m", branch, date=date)
        self.git("update-ref", f"refs/heads/{branch}", commit.strip())
        with self.changing() as state:
            number = take_number(state)
            pull = new_pull(state, number, branch, branch, "", draft)
            pull["headRefOid"] = commit.strip()
            pull["updatedAt"] = days_ago(days_old)
            return number

    # --- git ------------------------------------------------------------------------------------

    def git(self, *args):
        return run_git(self.repository, *args)

    def branches(self):
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def head_of(self, branch):
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").strip()
        except subprocess.CalledProcessError:
            return ""

    def file(self, path, branch="main"):
        return self.git("show", f"{branch}:{path}")

    def refresh(self, state, pull):
        """Brings what depends on the repository up to date; returns the pull request."""
        head = self.head_of(pull["headRefName"])
        if pull["state"] == "OPEN" and head:
            pull["headRefOid"] = head
            pull["mergeable"] = self._mergeable(pull)
        if head and head not in state["heads"]:
            state["heads"][head] = {"order": len(state["heads"]), "looks": 0}
        return pull

    def _mergeable(self, pull):
        base = self.head_of(pull["baseRefName"])
        done = subprocess.run(
            ["git", "merge-tree", "--write-tree", base, pull["headRefOid"]],
            cwd=self.repository,
            capture_output=True,
            check=False,
        )
        return "MERGEABLE" if done.returncode == 0 else "CONFLICTING"

    def merge(self, state, pull):
        """A merge commit on the base branch."""
        self.refresh(state, pull)
        if pull["state"] != "OPEN" or pull["isDraft"]:
            raise Refused("GraphQL: Pull Request is not mergeable (mergePullRequest)")
        if pull["mergeable"] != "MERGEABLE":
            raise Refused(
                f"X Pull request {REPOSITORY}#{pull['number']} is not mergeable:"
                " the merge commit cannot be cleanly created."
            )
        base = self.head_of(pull["baseRefName"])
        tree = self.git("merge-tree", "--write-tree", base, pull["headRefOid"]).split()[0]
        message = f"Merge pull request #{pull['number']}"
        commit = self.git(
            "commit-tree", tree, "-p", base, "-p", pull["headRefOid"], "-m", message
        ).strip()
        self.git("update-ref", f"refs/heads/{pull['baseRefName']}", commit, base)
        pull.update({"state": "MERGED", "mergedAt": now(state), "closedAt": now(state)})

    def merge_pull(self, number):
        with self.changing() as state:
            self.merge(state, state["pulls"][str(number)])

    def checks(self, state, pull, look):
        """The checks of the head. `look`: the next time they have gone on."""
        self.refresh(state, pull)
        head = state["heads"].get(pull["headRefOid"])
        if head is None or not state["ci"]:
            return []
        # Only heads of pull requests count, so their order is that of the first look at them.
        if "turn" not in head:
            head["turn"] = sum("turn" in other for other in state["heads"].values())
        turns = state["ci"][min(head["turn"], len(state["ci"]) - 1)]
        checks = turns[min(head["looks"], len(turns) - 1)] if turns else []
        head["looks"] += 1 if look else 0
        return checks


def run_git(directory, *args, date=None):
    env = {
        **os.environ,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    if date is not None:
        env["GIT_COMMITTER_DATE"] = env["GIT_AUTHOR_DATE"] = date
    done = subprocess.run(
        ["git", *args], cwd=directory, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def take_number(state):
    state["next"] += 1
    return state["next"] - 1


def now(state):
    """A clock that goes on by a second whenever something happens."""
    state["clock"] += 1
    moment = datetime.datetime.fromtimestamp(state["begin"] + state["clock"], datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def days_ago(days):
    moment = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def new_pull(state, number, title, head, body, draft, base="main", labels=()):
    pull = {
        "number": number,
        "title": title,
        "body": body,
        "state": "OPEN",
        "author": BOT,
        "labels": list(labels),
        "comments": [],
        "reviews": [],
        "lineComments": [],
        "reviewDecision": state["review"],
        "baseRefName": base,
        "headRefName": head,
        "headRefOid": "",
        "isDraft": draft,
        "mergeable": "UNKNOWN",
        "createdAt": now(state),
    }
    state["pulls"][str(number)] = pull
    return pull


def add_comment(state, subject, body, author, association):
    at = now(state)
    number = len(subject["comments"]) + 1
    subject["comments"].append(
        {
            "id": f"IC_{subject['number']}_{number}",
            "author": author,
            "authorAssociation": association,
            "body": body,
            "createdAt": at,
            "url": f"{HOST}/{REPOSITORY}/issues/{subject['number']}#issuecomment-{number}",
        }
    )
