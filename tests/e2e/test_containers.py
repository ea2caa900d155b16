"""Tasks in containers, with a stand-in for the engine's client: no real engine is tested here.

The stand-in writes down its arguments, and runs the script of `run` where it stands. It keeps what
real ones keep beyond the life of their client in a file for each container, until `rm`.
"""

import os
import signal

from reeve import ReeveTest, gate, main, processes_with, wait_until

PODMAN = r"""#!/bin/bash
set -u
printf '%s\n' "$*" >> "$T/podman.log"
case "$1" in
  info) [ ! -e "$T/broken" ] ;;
  rm) shift 2; for name; do rm -f "$T/containers/$name"; done ;;
  run)
    name=; previous=
    for word; do
      [ "$previous" = --name ] && name=$word
      previous=$word
    done
    mkdir -p "$T/containers"; touch "$T/containers/$name"
    [ -e "$T/lost" ] && exit 125
    trap 'kill "$child" 2>/dev/null' TERM
    /bin/sh "${@: -1}" & child=$!
    wait "$child"; code=$?
    rm -f "$T/containers/$name"
    exit "$code" ;;
esac
"""


class ContainerTest(ReeveTest):
    def setUp(self):
        super().setUp()
        programs = self.dir / "bin"
        programs.mkdir()
        self.podman = programs / "podman"
        self.podman.write_text(PODMAN)
        self.podman.chmod(0o755)
        self.env = {"PATH": f"{programs}:/usr/bin:/bin"}

    def mission_of(self, tasks, code=0, **more):
        return self.run_json(self.workflow(tasks), "--name", "m", code=code, env=self.env, **more)

    def runs(self):
        return [line for line in self.lines("podman.log") if line.startswith("run ")]

    def left(self):
        return [path.name for path in (self.dir / "containers").glob("*")]

    def test_a_task_runs_in_its_image_with_its_directory_and_variables(self):
        mission = self.mission_of("""
        - name: t
          method: DOCKER
          container: {image: "debian:12"}
          environment: {TOKEN: "s3cr3t"}
          beforeScript: x=gone; echo prepared > p
          script:
            - echo "it's $TOKEN" > out.txt; cat p
            - echo "Done=yes" >> "$REEVE_OUTPUT"; echo "::set-output name=Said::hello"
          artifacts: {paths: [out.txt]}
        """)
        self.assertEqual(self.task(mission, "t")["outputs"], {"Said": "hello", "Done": "yes"})
        self.assertEqual(self.ok("artifacts", "get", "m", "t").out, "it's s3cr3t\n")
        run, = self.runs()
        self.assertIn("--rm --init --name reeve-", run)
        self.assertIn(" --env TOKEN ", run)
        self.assertIn("debian:12", run)
        self.assertNotIn("s3cr3t", run)
        self.assertEqual(self.left(), [])

    def test_the_first_script_that_fails_ends_the_task_with_its_code(self):
        mission = self.mission_of("""
        - name: t
          method: KUBERNETES
          container: {image: alpine}
          script: [echo one, exit 7, echo three]
          afterScript: echo after
        """, code=1)
        self.assertEqual(self.task(mission, "t")["exitCode"], 7)
        log = self.ok("logs", "m", "t").out
        self.assertNotIn("three", log)
        self.assertIn("after", log)
        self.assertEqual(len(self.runs()), 2)

    def test_a_container_that_outlives_its_client_is_removed(self):
        tasks = f"""
        - name: t
          method: DOCKER
          container: {{image: alpine}}
          script: {gate("never")}
        """
        command = self.start("run", self.workflow(tasks), "--name", "m", env=self.env)
        wait_until(self.left, what="the container")
        client, = self.clients()
        os.kill(client, signal.SIGKILL)
        result = command.wait()
        self.assertEqual(result.code, 1, str(result))
        self.assertEqual(self.left(), [])
        self.assertTrue([line for line in self.lines("podman.log") if line.startswith("rm --force")])

    def test_a_container_whose_client_fails_by_itself_is_removed(self):
        # As a client that lost its connection to the engine, which goes on.
        self.touch("lost")
        mission = self.mission_of("""
        - name: t
          method: DOCKER
          container: {image: alpine}
          script: 'true'
        """, code=1)
        self.assertEqual(self.task(mission, "t")["exitCode"], 125)
        self.assertEqual(self.left(), [])

    def clients(self):
        return [pid for pid, args in processes_with(str(self.dir)).items()
                if "podman run" in args]

    def test_a_task_that_times_out_leaves_no_container(self):
        mission = self.mission_of(f"""
        - name: t
          method: DOCKER
          timeout: 500ms
          container: {{image: alpine}}
          script: {gate("never")}
        """, code=1)
        self.assertIn("timed out", self.task(mission, "t")["message"])
        self.assertEqual(self.left(), [])

    def test_without_a_working_engine_the_mission_is_refused_with_the_way_out(self):
        document = self.workflow("""
        - {name: t, method: DOCKER, container: {image: alpine}, script: echo hi}
        """)
        self.touch("broken")
        self.refused(3, "run", document, env=self.env,
                     says=["no container engine works here", "info ends with 1", "--local"])
        self.podman.unlink()
        self.refused(3, "run", document, env={"PATH": str(self.dir / "bin")},
                     says="podman is not installed, docker is not installed")
        self.assertIn("hi", self.ok("run", document, "--local").out)

    def test_an_image_that_is_an_option_is_refused(self):
        mission = self.mission_of("""
        - {name: t, method: DOCKER, container: {image: "--privileged"}, script: echo hi}
        """, code=1)
        self.assertIn("name of an image", self.task(mission, "t")["message"])
        self.assertEqual(self.runs(), [])

    def test_doctor_says_whether_an_engine_works(self):
        def finding():
            findings = self.ok("doctor", "-o", "json", env=self.env).json()["findings"]
            return [one for one in findings if one["name"] == "container-engine"][0]

        self.assertEqual(finding()["status"], "ok")
        self.touch("broken")
        self.assertEqual(finding()["status"], "missing")


if __name__ == "__main__":
    main()
