"""Scripts that misbehave: endless output, closed output, daemons, odd files."""

import os

from reeve import ReeveTest, gate, is_alive, main, processes_with, wait_until

MIB = 1 << 20
OUTPUT_MAX = 64 * MIB


class BadOutputTest(ReeveTest):
    def warnings(self, mission):
        ended = [event for event in self.events(mission) if event["type"] == "run.ended"]
        return [warning for event in ended for warning in event["data"].get("warnings", [])]

    def run_script(self, script, code=0, more=""):
        path = self.write("script.sh", script)
        document = self.workflow(f"- {{name: a, script: 'exec bash \"{path}\"'{more}}}")
        result = self.reeve("run", document, "--name", "m", "-o", "json")
        self.assertEqual(result.code, code, str(result)[-4000:])
        self.assertEqual(processes_with(str(self.dir)), {})
        return result.json_lines()[-1]

    def log_size(self, name="stdout.log"):
        return (self.run_dir("m.1.a.1") / name).stat().st_size

    def test_a_script_that_prints_1_gb(self):
        self.run_script("yes 'a line that is printed again and again' | head -c 1000000000; echo; echo the end >&2")
        self.assertLessEqual(self.log_size(), OUTPUT_MAX + MIB)
        self.assertGreaterEqual(self.log_size(), OUTPUT_MAX - MIB)
        self.assertIn("the end", (self.run_dir("m.1.a.1") / "stderr.log").read_text())
        notice = "bytes of standard output were not kept: the limit is 67108864 bytes"
        self.assertIn(notice, str(self.warnings("m")))
        self.assertIn(notice, self.ok("logs", "m", "a").out[-200:])

    def test_a_line_without_end(self):
        self.run_script("head -c 5000000 /dev/zero | tr '\\0' x")
        self.assertEqual(self.log_size(), 5_000_000)
        self.assertEqual(len(self.ok("logs", "m", "a").out), 5_000_000)

    def test_binary_output(self):
        self.run_script("head -c 100000 /dev/urandom; printf '\\033[2J\\0\\377'")
        self.assertEqual(self.log_size(), 100_006)
        self.ok("status", "m")
        self.ok("events", "m")

    def test_a_script_that_closes_its_output(self):
        mission = self.run_script('echo before; exec >&- 2>&-; sleep 0.1; touch "$T/after"; exit 3', code=1)
        self.assertTrue((self.dir / "after").exists())
        self.assertEqual(self.task(mission, "a")["exitCode"], 3)
        self.assertEqual(self.ok("logs", "m", "a").out, "before\n")

    def test_a_daemon_is_gone_afterwards(self):
        self.run_script(
            """
            setsid sleep 1000 & echo $! >> "$T/pids"
            setsid sh -c 'exec </dev/null >/dev/null 2>&1; sleep 1000 & echo $! >> "$T/pids"; wait' &
            (setsid nohup env -i sleep 1000 & echo $! >> "$T/pids")
            setsid bash -c "trap '' TERM HUP; while :; do sleep 1; done" & echo $! >> "$T/pids"
            until [ "$(wc -l < "$T/pids")" = 4 ]; do sleep 0.02; done
            echo main is done
            """
        )
        for pid in self.lines("pids"):
            self.assertFalse(is_alive(int(pid)), f"daemon {pid} is alive")

    def test_a_fork_bomb_of_short_lived_children_is_gone_afterwards(self):
        self.run_script(
            """
            spawn() { while :; do (sleep 0.05; exec -a "bomb $T" sleep 0.05) & wait -n; done; }
            for i in 1 2 3 4; do spawn & done
            sleep 0.5
            """
        )

    def test_values_that_are_too_many_or_too_large_are_warnings(self):
        mission = self.run_script(
            """
            for i in $(seq 300); do echo "::set-output name=n$i::$i"; done
            printf '::set-output name=big::'; head -c 100000 /dev/zero | tr '\\0' x; echo
            echo "::set-output name=bad name::x"
            echo "::set-output name=::x"
            printf 'no equals sign\\n=x\\nunfinished<<END\\n' >> "$REEVE_OUTPUT"
            """
        )
        task = self.task(mission, "a")
        self.assertEqual(len(task["outputs"]), 256)
        self.assertTrue(self.warnings("m"))
        self.audit()

    def test_odd_things_in_the_place_of_the_output_file(self):
        for number, thing in enumerate(("mkfifo", "mkdir", "ln -s /dev/zero")):
            with self.subTest(thing):
                document = self.workflow(f"- {{name: a, script: 'rm \"$REEVE_OUTPUT\"; {thing} \"$REEVE_OUTPUT\"'}}")
                result = self.ok("run", document, "--name", f"odd{number}")
                self.assertIn("warning: $REEVE_OUTPUT was ignored", result.out)

    def test_artifacts_stay_within_the_directory_of_the_run(self):
        (self.dir / "secret").write_text("secret")
        document = self.workflow(
            """
            - name: a
              script: |
                ln -s "$T/secret" link; ln -s "$T" folder; ln -s loop loop; mkfifo pipe; echo fine > file
              artifacts: {paths: ["**", "missing/*"]}
            """
        )
        task = self.task(self.run_json(document, "--name", "m"), "a")
        self.assertEqual([artifact["path"] for artifact in task["artifacts"]], ["file"])
        self.assertIn("missing/*", str(self.warnings("m")))
        outside = self.workflow("- {name: a, script: 'true', artifacts: {paths: [../../../secret, /etc/passwd]}}")
        result = self.reeve("run", outside, "-o", "json")
        if result.code != 3:
            self.assertEqual(self.task(result.json_lines()[-1], "a")["artifacts"], [])

    def test_interpreters(self):
        document = self.workflow(
            """
            - {name: python, script: "#!/usr/bin/env python3\\nimport os\\nprint(2 ** 100)", onCompleted: bash}
            - {name: bash, script: 'set -o pipefail; [[ a == a ]] && echo "${BASH_VERSION:+bash}"', onCompleted: none}
            - {name: none, script: "#!/no/such/interpreter\\nx"}
            """
        )
        result = self.reeve("run", document, "--name", "m")
        self.assertEqual(result.code, 1)
        self.assertEqual(self.ok("logs", "m", "python").out, f"{2**100}\n")
        self.assertEqual(self.ok("logs", "m", "bash").out, "bash\n")
        none = self.task("m", "none")
        self.assertEqual(none["errorCode"], "ERR_ANT_EXECUTION_FAILED")
        self.assertIn("/no/such/interpreter", none["message"])

    def test_a_script_that_deletes_its_own_directories(self):
        mission = self.run_script('rm -rf "$REEVE_WORKSPACE"; echo still here')
        self.assertEqual(self.task(mission, "a")["state"], "COMPLETE")
        result = self.reeve("run", self.workflow(
            """
            - {name: a, script: 'rm -rf "$(dirname "$REEVE_OUTPUT")"; echo gone'}
            """), "--name", "n")
        self.assertIn(result.code, (0, 1), str(result))
        self.assertIn(self.state("n"), ("COMPLETE", "FAILED"))
        self.audit()

    def test_a_run_that_needs_the_terminal_finds_none(self):
        self.run_script('if read -r line; then echo "read $line"; else echo "no input"; fi; [ ! -t 0 ]')
        self.assertEqual(self.ok("logs", "m", "a").out, "no input\n")

    def test_a_program_that_dumps_core_or_runs_out_of_memory(self):
        mission = self.run_script("ulimit -c 0; kill -SEGV $$", code=1)
        self.assertEqual(self.task(mission, "a")["exitCode"], 139)

    def test_descriptors_of_the_program_are_not_inherited(self):
        self.run_script('ls -l /proc/self/fd > "$T/fds"')
        opened = (self.dir / "fds").read_text()
        self.assertNotIn("reeve.db", opened)
        self.assertNotIn("shim.lock", opened)


if __name__ == "__main__":
    main()
