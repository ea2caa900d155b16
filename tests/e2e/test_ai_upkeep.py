"""What surrounds the coding pipeline of examples/ai: picking issues, tidying up, people who decide."""

from ai import EXAMPLES, AiTest
from forge import REPOSITORY, days_ago
from reeve import main


class CleanupTest(AiTest):
    def cleanup(self, **params):
        words = [EXAMPLES / "cleanup.yaml", "-p", f"repo={REPOSITORY}", "-p", "retry_delay=10ms"]
        for name, value in params.items():
            words += ["-p", f"{name}={value}"]
        return self.run_json(*words)

    def test_what_is_over_or_abandoned_is_removed_and_nothing_else(self):
        forge = self.forge
        merged = forge.pull_from("reeve/1-1")
        forge.merge_pull(merged)
        closed = forge.pull_from("reeve/2-1")
        kept_open = forge.pull_from("reeve/3-1", days_old=30)
        fresh_draft = forge.pull_from("reeve/4-1", draft=True)
        stale_draft = forge.pull_from("reeve/5-1", draft=True, days_old=30)
        of_a_person = forge.pull_from("ada/feature", draft=True, days_old=300)
        orphan = forge.pull_from("reeve/6-1", days_old=30)
        working = forge.open_issue("forgotten", labels=("reeve", "reeve-working"))
        busy = forge.open_issue("in work", labels=("reeve", "reeve-working"))
        done = forge.open_issue("done", labels=("reeve", "reeve-pr", "bug"))
        with forge.changing() as state:
            state["pulls"][str(closed)]["state"] = "CLOSED"
            del state["pulls"][str(orphan)]
            state["issues"][str(working)]["updatedAt"] = days_ago(30)
            state["issues"][str(done)]["state"] = "CLOSED"
        before = forge.branches()

        self.assertEqual(self.cleanup(dry_run="true")["status"]["state"], "COMPLETE")
        self.assertEqual(forge.branches(), before)

        # The first attempt fails half way; the second one does the rest.
        forge.fail("api --method DELETE", "network")
        mission = self.cleanup()
        self.assertEqual(mission["status"]["state"], "COMPLETE")
        self.assertEqual(self.task(mission, "carry-out")["attempts"], 2)
        self.assertEqual(forge.branches(), ["ada/feature", "main", "reeve/3-1", "reeve/4-1"])
        self.assertEqual(forge.pull(stale_draft)["state"], "CLOSED")
        self.assertEqual(len(forge.pull(stale_draft)["comments"]), 1)
        for number in (kept_open, fresh_draft, of_a_person):
            self.assertEqual(forge.pull(number)["state"], "OPEN")
        self.assertEqual(forge.issue(working)["labels"], ["reeve"])
        self.assertEqual(forge.issue(busy)["labels"], ["reeve", "reeve-working"])
        self.assertEqual(forge.issue(done)["labels"], ["reeve", "bug"])

        self.assertEqual(self.task(self.cleanup(), "survey")["outputs"]["actions"], "0")


if __name__ == "__main__":
    main()
