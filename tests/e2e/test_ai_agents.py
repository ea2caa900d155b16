"""How the coding pipeline of examples/ai asks an agent, and what it understands of the answer."""

from ai import AiTest, adapter, option
from reeve import main


class AdapterTest(AiTest):
    """What the pipeline understands of an agent, one invocation at a time."""

    def ask(self, step, agent="claude", access="write"):
        """Runs the adapter for one phase; returns (exit code, status.json, printed, outputs)."""
        self.script(implement=[step])
        return adapter(self, agent, access)

    def test_an_answer_becomes_an_exit_code(self):
        for agent in ("claude", "codex"):
            for status, code in (("done", 0), ("blocked", 2), ("needs-fix", 3)):
                with self.subTest(agent=agent, status=status):
                    step = {"status": status, "summary": "so it is", "unresolved": ["one thing"]}
                    asked = self.ask(step, agent)
                    self.assertEqual(asked.code, code, asked.printed)
                    self.assertEqual(asked.status["summary"], "so it is")
                    self.assertEqual(asked.status["unresolved"], ["one thing"])

    def test_any_command_can_be_the_agent(self):
        command = """grep -q '^Phase: implement' && echo 'I say:' && echo '{"status": "done", "summary": "by hand"}'"""
        asked = self.ask({}, command)
        self.assertEqual((asked.code, asked.status["summary"]), (0, "by hand"), asked.printed)
        self.assertEqual(self.ask({}, "exit 3").code, 1)
        self.assertEqual(self.ask({}, "echo '{}'").code, 1)

    def test_options_of_the_agent_are_passed_on(self):
        self.ask({}, "claude --model 'opus of the day'")
        self.assertEqual(option(self.acted()[-1], "--model"), "opus of the day")
        self.ask({}, "codex --model gpt", "read")
        self.assertEqual(option(self.acted()[-1], "--sandbox"), "read-only")

    def test_what_is_no_answer_is_a_failure_and_says_why(self):
        for mode, agent, why in (
            ("invalid-json", "claude", "not the JSON"),
            ("invalid-json", "codex", "not the JSON"),
            ("no-result", "claude", "without a result"),
            ("no-result", "codex", "without a result"),
            ("crash", "claude", "without a result"),
            ("api-error", "claude", "529"),
            ("api-error", "codex", "overloaded"),
            ("spend-limit", "claude", "enforced_spend_limit_reached"),
            ("spend-limit", "codex", "Quota exceeded"),
            ("max-turns", "claude", "max_turns"),
        ):
            with self.subTest(mode=mode, agent=agent):
                asked = self.ask({"mode": mode}, agent)
                self.assertEqual((asked.code, asked.status["status"]), (1, "failed"))
                self.assertIn(why, asked.status["summary"])

    def test_megabytes_of_events_are_kept_and_told_in_short(self):
        asked = self.ask({"mode": "big-output"})
        self.assertEqual(asked.code, 0)
        self.assertGreater((asked.directory / "transcript.jsonl").stat().st_size, 3_000_000)
        self.assertLess(len(asked.printed), 200_000)

    def test_a_tool_that_was_not_allowed_is_named(self):
        asked = self.ask({"mode": "permission", "status": "blocked"})
        self.assertEqual((asked.code, asked.status["denied"]), (2, ["Bash"]))
        self.assertIn("it was not allowed to use Bash", asked.status["unresolved"])

    def test_costs_and_turns_add_up(self):
        asked = self.ask({})
        self.assertIn("cost_usd=1.2500\nturns=5\n", asked.outputs)
        self.assertIn("implement_claims_tests_pass=true", asked.outputs)


if __name__ == "__main__":
    main()
