"""Messages between processes: `reeve channel`."""

import json

from reeve import PROGRAM, ReeveTest, main, wait_until


class ChannelTest(ReeveTest):
    def receive(self, *args):
        """What is handed out, as objects."""
        out = self.ok("channel", "receive", "orders", "-o", "json", *args).out
        return [json.loads(line) for line in out.splitlines()]

    def test_a_message_is_there_until_it_is_acknowledged(self):
        self.assertEqual(self.ok("channel", "send", "orders", '{"id": 7}').out, "message 1\n")
        (message,) = self.receive()
        self.assertEqual(message["body"], '{"id": 7}')
        self.assertEqual(message["deliveries"], 1)
        self.assertEqual(self.receive(), [])
        self.ok("channel", "ack", "orders", message["receipt"])
        self.ok("channel", "ack", "orders", message["receipt"])
        self.assertIn("default: 0 wait, 0 handed out", self.ok("channel", "list").out)
        self.audit()

    def test_a_message_of_a_consumer_that_fell_silent_is_handed_out_again(self):
        self.ok("channel", "send", "orders", "x")
        (first,) = self.receive("--visibility", "1ms")
        (second,) = wait_until(self.receive, what="the second delivery")
        self.assertEqual(second["deliveries"], 2)
        self.refused(3, "channel", "ack", "orders", first["receipt"], says="no longer yours")
        self.ok("channel", "ack", "orders", second["receipt"])

    def test_what_nobody_can_deal_with_is_put_aside_and_can_be_sent_again(self):
        self.ok("channel", "send", "orders", "poison")
        (message,) = self.receive()
        self.ok("channel", "nack", "orders", message["receipt"], "--give-up", "no such order")
        self.assertIn("dead, group default: no such order", self.ok("channel", "list", "orders").out)
        self.assertEqual(self.ok("channel", "resend", "orders", "1").out, "message 2\n")
        (again,) = self.receive()
        self.assertEqual(again["body"], "poison")
        self.audit()

    def test_an_owner_serves_any_number_of_processes(self):
        owner = self.up()
        for number in range(3):
            self.ok("channel", "send", "orders", f"m{number}", "--key", "k")
        (message,) = self.receive("--count", "10")
        self.assertEqual(message["body"], "m0")
        self.ok("channel", "ack", "orders", message["receipt"])
        owner.kill()
        self.up()
        (message,) = self.receive("--ack")
        self.assertEqual(message["body"], "m1")
        (message,) = self.receive("--ack")
        self.assertEqual(message["body"], "m2")
        self.ok("down")
        self.audit()

    def test_a_task_sends_and_others_receive(self):
        path = self.workflow(
            f"""
            - {{name: a, script: 'echo hello | {PROGRAM} channel send greetings'}}
            """,
            name="sender",
        )
        self.up()
        self.ok("run", path)
        out = self.ok("channel", "receive", "greetings", "--ack").out
        self.assertRegex(out, r"^1/\d+\thello\n$")

    def test_a_task_asks_over_channels_and_uses_the_reply(self):
        path = self.write(
            "ask.yaml",
            """
            job_type: ask
            job_variables: {Question: how}
            tasks:
            - task_type: ask
              method: MESSAGING
              timeout: 1m
              messaging_request_queue: requests
              messaging_reply_queue: replies
              on_completed: use
            - task_type: use
              method: SHELL
              timeout: 1m
              script: ['echo "it said $reply"']
            """,
        )
        self.up()
        asking = self.start("run", path, "--name", "m")
        wait_until(
            lambda: "requests" in self.reeve("channel", "list").out, what="the request"
        )
        (request,) = wait_until(
            lambda: self.ok("channel", "receive", "requests", "-o", "json").json_lines(),
            what="the message",
        )
        self.assertEqual(json.loads(request["body"]), {"Question": "how"})
        self.assertEqual(request["properties"]["replyTo"], "replies")
        asker = request["properties"]["correlationId"]
        self.ok("channel", "send", "replies", "none", "--property", "correlationId=other")
        self.ok("channel", "send", "replies", "so", "--property", f"correlationId={asker}")
        self.assertEqual(asking.wait().code, 0)
        self.assertIn("it said so", self.ok("logs", "m", "use").out)
        self.assertIn("no group", self.ok("channel", "list", "replies").out)

    def test_mistakes_are_told_with_the_way_out(self):
        self.refused(4, "channel", "list", says="no data")
        self.ok("channel", "send", "orders", "x")
        self.refused(4, "channel", "receive", "order", says="did you mean orders?")
        self.refused(4, "channel", "list", "order", says="did you mean orders?")
        self.refused(3, "channel", "send", "a/b", "x", says="is no name of a channel")
        self.refused(3, "channel", "send", "orders", "x", "--delay", "5", says="is not a duration")
        self.refused(2, "channel", "ack", "orders", "1", says="is no receipt")
        self.refused(2, "channel", "send", "orders", "x", "--property", "a", says="key=value")
        self.ok("channel", "set", "orders", "--messages-max", "1")
        self.refused(3, "channel", "send", "orders", "y", says=["the channel is full", "acknowledge"])


if __name__ == "__main__":
    main()
