#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

constexpr std::string_view kPipeline = R"(job_type: implement-issue
description: picks an issue, lets a coding agent work on it, opens a pull request
url: https://example.org/issues
platform: linux
cron_trigger: "*/5 * * * *"
timeout: 2h
pause_time: 45s
retry: 2
delay_between_retries: 20s
retry_backoff_policy: {min: 1s, max: 1m, factor: 1.5, jitter: true}
hard_reset_after_retries: 3
max_concurrency: 1
sem_version: "1.4"
required_params: [Repo, IssueNumber]
job_variables:
  Branch: work/{{.IssueNumber}}
  Attempts: 3
  PollInterval: 90
  Labels: [bug, agent]
skip_if: {{ if gt (CountByJobTypeAndState "implement-issue" "EXECUTING") 0 }}true{{ end }}
tasks:
  - task_type: prepare
    method: SHELL
    timeout: 5m
    before_script:
      - mkdir -p out
    script:
      - |
        #!/bin/bash
        set -o pipefail

        git clone "$Repo" repo 2>&1 | tee out/clone.log
        status=${PIPESTATUS[0]}
        if [[ $status -ne 0 ]]; then exit 3; fi
        python3 - <<'PY'
        import json

        print("::set-output name=Title::" + json.dumps({"a": 1}))
        PY
    after_script:
      - echo cleanup
    environment:
      ISSUE_JSON: '{{.IssueJSON}}'
      NOTE: it's {{.IssueNumber}}
      MODEL: "{{ .Model | default "small" | printf "%s" }}"
    artifacts:
      paths: [out/*.log]
      expire_after: 24h
      when: always
    on_completed: implement
    on_exit_code:
      3: blocked
  - task_type: implement
    method: KUBERNETES
    container:
      image: example/agent:{{.Tag}}
      cpu_limit: "2"
      volumes: {empty_dir: [{name: tmp, mount_path: /tmp}]}
    timeout: "{{.AgentTimeout}}"
    retry: {{.Attempts}}
    dependencies: [prepare]
    report_stdout: true
    script: [./agent.sh]
    on_exit_code:
      COMPLETED: poll
      "2": blocked
      "4": PAUSE_JOB
    on_failed: blocked
  - task_type: poll
    method: shell
    delay: "{{.PollInterval}}s"
    dependencies: [implement, poll]
    script:
      - ./poll.sh
    on_exit_code:
      5: EXECUTING
      6: implement
      7: ERR_CLOSED
    except: '{{ if eq .Mode "dry" }}true{{ end }}'
  - task_type: blocked
    method: SHELL
    script: [echo blocked]
    allow_failure: true
  - task_type: cleanup
    method: SHELL
    always_run: true
    script: [rm -rf repo]
)";

TEST(Formicary, ReadsAPipeline) {
  // A quoted template with quotes inside is no YAML; documents of that kind do not exist.
  std::string text(kPipeline);
  const std::string bad = R"(      MODEL: "{{ .Model | default "small" | printf "%s" }}")"
                          "\n";
  text.erase(text.find(bad), bad.size());
  const Workflow w = loaded(text);
  EXPECT_EQ(w.name, "implement-issue");
  EXPECT_EQ(w.format, Format::Formicary);
  ASSERT_EQ(w.triggers.size(), 1U);
  EXPECT_EQ(std::get<CronTrigger>(w.triggers[0].source).expression, "*/5 * * * *");
  EXPECT_EQ(w.timeout, Duration(7'200'000));
  EXPECT_EQ(w.pause_time, Duration(45'000));
  EXPECT_EQ(w.retry.retries, 2U);
  EXPECT_EQ(w.retry.delay, Duration(20'000));
  EXPECT_EQ(w.retry.backoff->factor, 1.5);
  EXPECT_EQ(w.hard_reset_after_retries, 3U);
  EXPECT_EQ(w.version, "1.4");
  EXPECT_EQ(w.required_params, (std::vector<std::string>{"Repo", "IssueNumber"}));
  ASSERT_EQ(w.variables.size(), 4U);
  EXPECT_EQ(w.variables[0].value, Json("work/{{.IssueNumber}}"));
  EXPECT_EQ(w.variables[1].value, Json(3));
  EXPECT_TRUE(w.skip_if.text.starts_with("{{ if gt (Count"));
  EXPECT_EQ(w.skip_if.position, (Position{20, 10}));
  EXPECT_EQ(w.entries, (std::vector<TaskIndex>{0}));
  ASSERT_EQ(w.tasks.size(), 5U);
  const Task& prepare = w.tasks[0];
  EXPECT_NE(prepare.script.at(0).text.find("pipefail\n\ngit"), std::string::npos);
  EXPECT_NE(prepare.script.at(0).text.find("import json\n\nprint"), std::string::npos);
  EXPECT_EQ(prepare.environment.at(0).second.text, "{{.IssueJSON}}");
  EXPECT_EQ(prepare.environment.at(1).second.text, "it's {{.IssueNumber}}");
  EXPECT_EQ(prepare.routes.size(), 2U);
  EXPECT_FALSE(prepare.artifacts.expires_after.has_value());
  const Task& implement = w.tasks[1];
  EXPECT_EQ(implement.method, Method::Kubernetes);
  EXPECT_EQ(implement.image.text, "example/agent:{{.Tag}}");
  EXPECT_EQ(implement.timeout.text, "{{.AgentTimeout}}");
  EXPECT_EQ(implement.retry.retries, 3U);
  EXPECT_EQ(implement.retry.delay, Duration(1000));
  const Task& poll = w.tasks[2];
  EXPECT_EQ(poll.method, Method::Shell);
  EXPECT_EQ(poll.pace, Duration(90'000));
  EXPECT_EQ(poll.dependencies, (std::vector<TaskIndex>{1, 2}));
  EXPECT_EQ(poll.routes.at(0).target, Target(Action::Poll));
  EXPECT_EQ(poll.routes.at(1).target, Target(TaskIndex{1}));
  EXPECT_EQ(poll.routes.at(2).target, Target(FailWith{"ERR_CLOSED"}));
  EXPECT_FALSE(poll.skip_if.empty());
  EXPECT_TRUE(w.tasks[4].always_run);
  EXPECT_EQ(loaded(w.source).digest, w.digest);
}

/// A job of one task with more lines in the job and in the task (task lines indented by two).
std::string job(std::string_view job_lines, std::string_view task_lines = "") {
  return concat(
      "job_type: j\n",
      job_lines,
      "tasks:\n- task_type: a\n  method: SHELL\n  script: [x]\n",
      task_lines
  );
}

TEST(Formicary, DefaultsToTheContainerMethod) {
  EXPECT_EQ(
      loaded("job_type: j\ntasks:\n- task_type: a\n  script: [x]\n").tasks.at(0).method,
      Method::Kubernetes
  );
}

TEST(Formicary, TakesVariablesAsAListToo) {
  const Workflow w = loaded(job("job_variables:\n- name: A\n  value: 1\n- {name: B, value: x}\n"));
  ASSERT_EQ(w.variables.size(), 2U);
  EXPECT_EQ(w.variables[0].value, Json(1));
  EXPECT_EQ(w.variables[1].name, "B");
}

/// A job of one task with these lines (indented by two).
std::string task_of(std::string_view lines) {
  return concat("job_type: j\ntasks:\n- task_type: a\n", lines);
}

struct Case {
  std::string_view job;
  std::string_view task;
  std::string_view found;
};

constexpr Case kRefused[] = {
    {"",
     "  execute_command_without_shell: true\n  after_script: []\n  script: [echo $HOME]\n",
     "not supported yet: execute_command_without_shell, with words a shell would change"},
    {"",
     "  method: HTTP_GET\n  script: [\"http://a\", \"http://b\"]\n",
     "not supported yet: several requests in one task"},
    {"",
     "  method: WEBSOCKET\n",
     "not supported yet: workers that connect by WEBSOCKET; give a url"},
};

class FormicaryRefuses : public ::testing::TestWithParam<Case> {};

TEST_P(FormicaryRefuses, WhatIsNotSupportedYet) {
  const std::string text = task_of(GetParam().task);
  const std::string got = only_error(text);
  EXPECT_NE(got.find(GetParam().found), std::string::npos) << got;
  EXPECT_EQ(load(text).first_error().code, ErrorCode::Unsupported);
}

INSTANTIATE_TEST_SUITE_P(Table, FormicaryRefuses, ::testing::ValuesIn(kRefused));

TEST(Formicary, RefusesMethodsThatDoNotExist) {
  EXPECT_EQ(
      only_error("job_type: j\ntasks:\n- task_type: a\n  method: SHELLL\n"),
      "line 4:11: tasks[0].method: there is no method \"SHELLL\" (did you mean \"SHELL\"?)"
  );
}

constexpr Case kWarned[] = {
    {"retention_days_for_failed: 2\n",
     "",
     "line 2:1: retention_days_for_failed: \"retention_days_for_failed\" is not enforced yet"},
    {"notify: {email: {recipients: [a@example.org]}}\n",
     "",
     "line 2:1: notify: \"notify\" sends nothing yet"},
    {"notify: {email: {recipients: [a@example.org], when: never}}\n",
     "",
     "line 2:1: notify: \"notify\" sends nothing yet"},
    {"tags: [x]\n", "", "line 2:1: tags: \"tags\" is not read; the tags of the tasks count"},
    {"webhook: {url: x}\n", "", "line 2:1: webhook: \"webhook\" calls nothing yet"},
    {"public_plugin: true\n",
     "",
     "line 2:1: public_plugin: \"public_plugin\" does not publish the job to other tenants"},
    {"cron_trigger: \"{{.Cron}}\"\n",
     "",
     "line 2:15: cron_trigger: a schedule with a template is dropped, as there; the job is not "
     "started by time (write the schedule itself)"},
    {"variables: {A: {type: STRING}}\n",
     "",
     "line 2:1: variables: \"variables\" is not read; variables are declared in \"job_variables\""},
    {"descripton: x\n",
     "",
     "line 2:1: descripton: unknown field \"descripton\" is ignored (did you mean "
     "\"description\"?)"},
    {"",
     "  cache: {key: x}\n",
     "line 6:3: tasks[0].cache: a cache without paths, or without a key, keeps nothing (add "
     "\"paths\", and \"key\" or \"key_paths\")"},
    {"", "  webhook: {}\n", "line 6:3: tasks[0].webhook: \"webhook\" calls nothing yet"},
    {"",
     "  approval_policy: {}\n",
     "line 6:3: tasks[0].approval_policy: \"approval_policy\" has no effect with this method"},
    {"",
     "  execute_command_without_shell: true\n",
     "line 6:3: tasks[0].execute_command_without_shell: the commands are run by a shell, which "
     "changes none of their words"},
    {"",
     "  container: {image: x, env_from: []}\n",
     "line 6:25: tasks[0].container.env_from: \"env_from\" has no effect in the local shell"},
    {"",
     "  services: []\n",
     "line 6:3: tasks[0].services: \"services\" has no effect in the local shell"},
    {"",
     "  container: {image: x, memory_limit: 1G}\n",
     "line 6:25: tasks[0].container.memory_limit: \"memory_limit\" has no effect in the local "
     "shell"},
    {"",
     "  artifacts: {paths: [x], expire_after: 1h}\n",
     "line 6:27: tasks[0].artifacts.expire_after: unknown field \"expire_after\" is ignored (did "
     "you mean \"expires_after\"?)"},
    {"",
     "  artifacts: {paths: [/tmp/x]}\n",
     "line 6:23: tasks[0].artifacts.paths: \"/tmp/x\" is outside the task's directory and is not "
     "kept (name files relative to the working directory, without \"..\")"},
    {"",
     "  delay: 5s\n",
     "line 6:10: tasks[0].delay: \"delay\" is the time between polls and the length of a pause"},
    {"",
     "  allow_start_if_completed: true\n",
     "line 6:3: tasks[0].allow_start_if_completed: \"allow_start_if_completed\" has no effect"},
    {"",
     "  on_completed: COMPLETED\n  on_exit_code: {COMPLETED: FATAL}\n",
     "line 6:17: tasks[0].on_completed: replaces the route of COMPLETED to \"FATAL\""},
    {"timeout: 5000000001\n",
     "",
     "line 2:10: timeout: a number without a unit counts nanoseconds: 5000000001 (write a unit: "
     "30s, 5m, 2h)"},
};

class FormicaryWarns : public ::testing::TestWithParam<Case> {};

TEST_P(FormicaryWarns, OfWhatHasNoEffect) {
  EXPECT_EQ(warnings(job(GetParam().job, GetParam().task)), GetParam().found);
}

INSTANTIATE_TEST_SUITE_P(Table, FormicaryWarns, ::testing::ValuesIn(kWarned));

TEST(Formicary, CountsBareDurationsInNanoseconds) {
  EXPECT_EQ(loaded(job("timeout: 5000000001\n")).timeout, Duration(5001));
  EXPECT_EQ(loaded(job("timeout: 0\n")).timeout, Duration(7'200'000));
}

TEST(Formicary, TakesSwitchesAsGoYamlDoes) {
  EXPECT_TRUE(loaded(job("", "  allow_failure: yes\n")).tasks[0].allow_failure);
  EXPECT_FALSE(loaded(job("", "  allow_failure: \"false\"\n")).tasks[0].allow_failure);
  EXPECT_EQ(loaded(job("", "  retry: \"4\"\n")).tasks[0].retry.retries, 4U);
}

TEST(Formicary, DecidesTemplatesInCountsAndNamesAtOnce) {
  const std::string text =
      "job_type: build-{{.Env}}\njob_variables: {Env: test, N: 2, Soon: 30s}\n"
      "timeout: \"{{.Soon}}\"\ntasks:\n- task_type: run-{{.Env}}\n  method: \"{{.M}}\"\n"
      "  retry: {{.N}}\n  allow_failure: {{.Lenient}}\n  script: [x]\n";
  EXPECT_NE(
      only_error(text).find("tasks[0].method: must be known at submission: "), std::string::npos
  );
  LoadOptions options;
  options.params.set("M", "SHELL").set("Lenient", true).set("N", "5");
  const Workflow w = loaded(text, options);
  EXPECT_EQ(w.name, "build-test");
  EXPECT_EQ(w.timeout, Duration(30'000));
  EXPECT_EQ(w.tasks[0].name, TaskName("run-test"));
  EXPECT_EQ(w.tasks[0].retry.retries, 5U);
  EXPECT_TRUE(w.tasks[0].allow_failure);
  // No parameters are needed to load what was made of it.
  const Workflow again = loaded(w.source);
  EXPECT_EQ(again.digest, w.digest);
  EXPECT_EQ(again.tasks[0].retry.retries, 5U);
}

TEST(Formicary, AcceptsUnquotedTemplatesKeepingTheirPlace) {
  const Workflow w = loaded(job("", "  timeout: {{.T}}\n  environment:\n    A: {{.A}}-{{.B}}\n"));
  EXPECT_EQ(w.tasks[0].timeout.text, "{{.T}}");
  EXPECT_EQ(w.tasks[0].timeout.position, (Position{6, 12}));
  EXPECT_EQ(w.tasks[0].environment.at(0).second.text, "{{.A}}-{{.B}}");
  EXPECT_EQ(w.tasks[0].environment.at(0).second.position, (Position{8, 8}));
  // The text of the user is kept as it is.
  EXPECT_NE(w.source.find("timeout: {{.T}}\n"), std::string::npos);
}

TEST(Formicary, TellsTwoTasksThatNothingLeadsTo) {
  const Loaded result = load(
      "job_type: j\ntasks:\n- {task_type: a, method: SHELL, script: [x]}\n"
      "- {task_type: b, method: SHELL, script: [x]}\n"
  );
  ASSERT_FALSE(result.ok());
  const Problem problem = finding(result.problems, "unreachable");
  EXPECT_EQ(problem.error.message, "task b is not reachable");
  EXPECT_EQ(problem.error.position, (Position{4, 15}));
}

TEST(Formicary, DoesNotKnowNeeds) {
  const Loaded result = load(job("", "  needs: [a]\n"));
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(
      finding(result.problems, "unknown-field").error.message, "unknown field \"needs\" is ignored"
  );
}

TEST(Formicary, KnowsTheTasksOfDependencies) {
  EXPECT_EQ(
      only_error("job_type: j\ntasks:\n- task_type: build\n  script: [x]\n  on_completed: use\n"
                 "- task_type: use\n  script: [x]\n  dependencies: [build, biuld]\n"),
      "line 8:25: tasks[1].dependencies[1]: there is no task \"biuld\" (did you mean \"build\"?)"
  );
}

TEST(Formicary, RequiresNames) {
  EXPECT_EQ(
      only_error("job_type:\ntasks:\n- method: SHELL\n  script: [x]\n"),
      "line 1:1: \"job_type\" is missing (add \"job_type: nightly-build\")\n"
      "line 3:3: tasks[0]: \"task_type\" is missing (add \"task_type: build\")"
  );
}

TEST(Formicary, TakesAnItemThatYamlReadsAsAMapAsText) {
  const std::string text =
      "job_type: j\ntasks:\n- task_type: a\n  method: SHELL\n  script:\n"
      "    - echo $(( N > 3 ? 1 : 0 ))  # why\n    - echo state: of {{.S}}\n    - echo \"done: "
      "yes\"\n"
      "    - echo waiting:\n";
  const Loaded result = load(text);
  ASSERT_TRUE(result.ok()) << describe(result.problems);
  const std::vector<Text>& script = result.workflow->tasks[0].script;
  ASSERT_EQ(script.size(), 4U);
  EXPECT_EQ(script[0].text, "echo $(( N > 3 ? 1 : 0 ))");
  EXPECT_EQ(script[1].text, "echo state: of {{.S}}");
  EXPECT_EQ(script[2].text, "echo \"done: yes\"");
  EXPECT_EQ(script[3].text, "echo waiting:");
  EXPECT_EQ(script[1].position, (Position{7, 7}));
  EXPECT_EQ(finding(result.problems, "unquoted-colon").error.position, (Position{6, 7}));
}

TEST(Formicary, RefusesMapsThatCannotBeOneLineOfText) {
  for (const char* item :
       {"{a: b}", "a: b\n      c: d", "a: |\n        b", "a:\n        b", "a: [b]"}) {
    const std::string text = concat(
        "job_type: j\ntasks:\n- task_type: a\n  method: SHELL\n  script:\n    - ", item, "\n"
    );
    EXPECT_NE(only_error(text).find("must be text, not a map"), std::string::npos) << text;
  }
}

TEST(Formicary, SaysWhereTheDirectoryOfAContainerIs) {
  EXPECT_EQ(
      warnings("job_type: j\ntasks:\n- task_type: a\n  script: [x]\n  working_dir: /srv\n"),
      "line 5:16: tasks[0].working_dir: \"/srv\" is within the run's directory in the local shell"
  );
  EXPECT_EQ(warnings(job("", "  working_dir: /srv\n")), "");
}

TEST(Formicary, ReadsFunctionsThatAskForOtherJobs) {
  EXPECT_EQ(
      warnings(
          job("skip_if: >-\n  {{if ge (CountByJobTypeAndState \"b\" \"PENDING\") 5}}true{{end}}\n",
              "  environment:\n    IDS: '{{if .L}}{{SubmitJobsFromJSON \"b\" .L}}{{end}}'\n")
      ),
      ""
  );
}

}  // namespace
}  // namespace reeve::workflow
