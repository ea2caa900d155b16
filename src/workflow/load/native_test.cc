#include <string>
#include <variant>

#include <gtest/gtest.h>

#include "workflow/load/fixture.h"

namespace reeve::workflow {
namespace {

constexpr std::string_view kComplete = R"(apiVersion: reeve.dev/v1
kind: Workflow
metadata:
  name: build-and-test
  labels: {team: core}
spec:
  description: builds a tool and tests it
  version: "1.2"
  params:
    source: {default: jq, description: what to build}
    target: {required: true}
    jobs: 4
  variables:
    prefix: /opt/{{ .source }}
    flags: [a, b]
  timeout: 30m
  retry: {max: 2, delay: 5s, backoff: {min: 1s, max: 30s, factor: 3, jitter: true}}
  pauseTime: 45s
  skipIf: '{{ if eq .source "none" }}true{{ end }}'
  tasks:
    - name: fetch
      description: gets the source
      beforeScript: mkdir src
      script:
        - |
          #!/bin/bash
          set -euo pipefail

          git clone "$source" src
      afterScript: ["echo done"]
      environment:
        HOW: "{{ .jobs }}"
        PORT: 8080
        EMPTY:
      variables: {depth: 1}
      workingDir: work
      retry: {max: 1, delay: 500ms}
      timeout: 5m
      artifacts: {paths: ["src/**"], when: onSuccess, expiresAfter: 24h}
      compensate: {script: rm -rf src, retry: {max: 4}, timeout: 1m}
    - name: build
      method: DOCKER
      container: {image: "gcc:{{ .source }}"}
      needs: [fetch]
      dependencies: [fetch]
      script: make
      timeout: "{{ .limit }}"
      onCompleted: test
      onFailed: diagnose
      onExitCode: {"2": diagnose, 3: COMPLETED, "4": ERR_DISK}
    - name: test
      script: make check
      allowFailure: true
      skipIf: '{{ .skip }}'
    - name: diagnose
      script: cat log
    - name: tidy
      method: NOOP
      alwaysRun: true
)";

TEST(Native, ReadsEveryField) {
  const Workflow w = loaded(kComplete);
  EXPECT_EQ(w.name, "build-and-test");
  EXPECT_EQ(w.format, Format::Native);
  EXPECT_EQ(w.description, "builds a tool and tests it");
  EXPECT_EQ(w.version, "1.2");
  ASSERT_EQ(w.params.size(), 3U);
  EXPECT_EQ(*w.params[0].fallback, Json("jq"));
  EXPECT_EQ(w.params[0].description, "what to build");
  EXPECT_TRUE(w.params[1].required);
  EXPECT_FALSE(w.params[1].fallback.has_value());
  EXPECT_EQ(*w.params[2].fallback, Json(4));
  ASSERT_EQ(w.variables.size(), 2U);
  EXPECT_EQ(w.variables[0].value, Json("/opt/{{ .source }}"));
  EXPECT_EQ(w.variables[1].value.dump(), "[\"a\",\"b\"]");
  EXPECT_EQ(w.timeout, Duration(1'800'000));
  EXPECT_EQ(w.retry.retries, 2U);
  EXPECT_EQ(w.retry.delay, Duration(5000));
  EXPECT_EQ(w.retry.backoff->min, Duration(1000));
  EXPECT_EQ(w.retry.backoff->max, Duration(30'000));
  EXPECT_EQ(w.retry.backoff->factor, 3);
  EXPECT_TRUE(w.retry.backoff->jitter);
  EXPECT_EQ(w.pause_time, Duration(45'000));
  EXPECT_EQ(w.skip_if.text, "{{ if eq .source \"none\" }}true{{ end }}");
  EXPECT_EQ(w.source, kComplete);
  EXPECT_EQ(w.digest, sha256(kComplete));
}

TEST(Native, ReadsEveryFieldOfATask) {
  const Workflow w = loaded(kComplete);
  ASSERT_EQ(w.tasks.size(), 5U);
  const Task& fetch = w.tasks[0];
  EXPECT_EQ(fetch.name, TaskName("fetch"));
  EXPECT_EQ(fetch.position, (Position{21, 13}));
  EXPECT_EQ(fetch.method, Method::Shell);
  EXPECT_EQ(fetch.before_script.at(0).text, "mkdir src");
  EXPECT_EQ(
      fetch.script.at(0).text, "#!/bin/bash\nset -euo pipefail\n\ngit clone \"$source\" src\n"
  );
  EXPECT_EQ(fetch.script.at(0).position, (Position{26, 11}));
  EXPECT_EQ(fetch.after_script.at(0).text, "echo done");
  ASSERT_EQ(fetch.environment.size(), 3U);
  EXPECT_EQ(fetch.environment[0].second.text, "{{ .jobs }}");
  EXPECT_EQ(fetch.environment[0].second.position, (Position{32, 15}));
  EXPECT_EQ(fetch.environment[1].second.text, "8080");
  EXPECT_EQ(fetch.environment[2].second.text, "");
  EXPECT_EQ(fetch.variables.at(0).value, Json(1));
  EXPECT_EQ(fetch.working_dir.text, "work");
  EXPECT_EQ(fetch.retry.retries, 1U);
  EXPECT_EQ(fetch.timeout.text, "5m");
  EXPECT_EQ(fetch.artifacts.paths.at(0).text, "src/**");
  EXPECT_EQ(fetch.artifacts.when, model::ArtifactWhen::OnSuccess);
  EXPECT_EQ(*fetch.artifacts.expires_after, Duration(86'400'000));
  EXPECT_EQ(fetch.compensate->script.at(0).text, "rm -rf src");
  EXPECT_EQ(fetch.compensate->retry.retries, 4U);
  EXPECT_EQ(fetch.compensate->retry.delay, Duration(1000));
  EXPECT_EQ(fetch.compensate->timeout, Duration(60'000));
}

TEST(Native, ResolvesNamesToTasksAndActions) {
  const Workflow w = loaded(kComplete);
  const Task& build = w.tasks[1];
  EXPECT_EQ(build.method, Method::Docker);
  EXPECT_EQ(build.image.text, "gcc:{{ .source }}");
  EXPECT_EQ(build.needs, (std::vector<TaskIndex>{0}));
  EXPECT_EQ(build.dependencies, (std::vector<TaskIndex>{0}));
  EXPECT_EQ(build.timeout.text, "{{ .limit }}");
  ASSERT_EQ(build.routes.size(), 5U);
  EXPECT_EQ(build.routes[0].on, "2");
  EXPECT_EQ(build.routes[0].target, Target(TaskIndex{3}));
  EXPECT_EQ(build.routes[1].target, Target(Action::Complete));
  EXPECT_EQ(build.routes[2].target, Target(FailWith{"ERR_DISK"}));
  EXPECT_EQ(build.routes[3].on, "COMPLETED");
  EXPECT_EQ(build.routes[4].on, "FAILED");
  EXPECT_TRUE(w.tasks[2].allow_failure);
  EXPECT_TRUE(w.tasks[4].always_run);
  EXPECT_EQ(w.entries, (std::vector<TaskIndex>{0}));
}

TEST(Native, LoadsItsOwnSourceAgainToTheSame) {
  const Workflow w = loaded(kComplete);
  const Workflow again = loaded(w.source);
  EXPECT_EQ(again.digest, w.digest);
  EXPECT_EQ(again.tasks.size(), w.tasks.size());
}

struct Bad {
  std::string_view spec;
  std::string_view error;
};

constexpr Bad kBad[] = {
    {"  tasks:\n    - name: a\n      scirpt: x\n",
     "line 7:7: spec.tasks[0].scirpt: unknown field \"scirpt\" (did you mean \"script\"?)"},
    {"  tasks:\n    - name: a\n      timeout: 1m\n",
     "line 6:13: spec.tasks[0].script: task \"a\" has no script (add one, or \"method: NOOP\" for "
     "a task that does nothing)"},
    {"  tasks: [{name: a, script: x, tiemout: 1s}]\n",
     "line 5:32: spec.tasks[0].tiemout: unknown field \"tiemout\" (did you mean \"timeout\"?)"},
    {"  task: []\n  tasks: [{name: a, script: x}]\n",
     "line 5:3: spec.task: unknown field \"task\" (did you mean \"tasks\"?)"},
    {"  tasks: [{name: a, script: x, timeout: soon}]\n",
     "line 5:41: spec.tasks[0].timeout: must be a duration, not \"soon\" (write 500ms, 30s, 5m, 2h "
     "or 1h30m)"},
    {"  tasks: [{name: a, script: x, timeout: 0s}]\n",
     "line 5:41: spec.tasks[0].timeout: must be longer than nothing"},
    {"  timeout: 30\n  tasks: [{name: a, script: x}]\n",
     "line 5:12: spec.timeout: must be a duration, not \"30\" (add the unit: 30s, 30m or 30h)"},
    {"  tasks: [{name: a, script: x, retry: {max: 1001}}]\n",
     "line 5:45: spec.tasks[0].retry.max: must be a whole number from 0 to 1000, not \"1001\""},
    {"  tasks: [{name: a, script: x, retry: {max: \"2\"}}]\n",
     "line 5:45: spec.tasks[0].retry.max: must be a whole number from 0 to 1000, not \"2\""},
    {"  tasks: [{name: a, script: x, retry: 3}]\n",
     "line 5:39: spec.tasks[0].retry: must be a map, not \"3\""},
    {"  tasks: [{name: a, script: x, retry: {backoff: {min: 2s, max: 1s}}}]\n",
     "line 5:64: spec.tasks[0].retry.backoff.max: must not be shorter than \"min\""},
    {"  tasks: [{name: a, script: x, retry: {backoff: {min: 2s, factor: 0.5}}}]\n",
     "line 5:67: spec.tasks[0].retry.backoff.factor: must be a number from 1.0 to 1000.0, not "
     "\"0.5\""},
    {"  tasks: [{name: a, script: x, alwaysRun: yes}]\n",
     "line 5:43: spec.tasks[0].alwaysRun: must be true or false, not \"yes\""},
    {"  tasks: [{name: a, script: {b: c}}]\n",
     "line 5:29: spec.tasks[0].script: must be text or a list of texts, not a map"},
    {"  tasks: [{name: a/b, script: x}]\n",
     "line 5:18: spec.tasks[0].name: the name \"a/b\" may hold only letters, digits, \".\", \"_\" "
     "and \"-\""},
    {"  tasks: [{name: a..b, script: x}]\n",
     "line 5:18: spec.tasks[0].name: the name \"a..b\" may not hold \"..\""},
    {"  tasks: [{name: -a, script: x}]\n",
     "line 5:18: spec.tasks[0].name: the name \"-a\" must begin with a letter or digit"},
    {"  tasks: [{name: a~compensate, script: x}]\n",
     "line 5:18: spec.tasks[0].name: the name \"a~compensate\" may hold only letters, digits, "
     "\".\", \"_\" and \"-\""},
    {"  tasks: [{script: x}]\n", "line 5:11: spec.tasks[0]: \"name\" is missing"},
    {"  tasks: []\n", "line 5:10: spec.tasks: there are no tasks (add at least one"},
    {"  tasks: {a: b}\n", "line 5:10: spec.tasks: must be a list of tasks, not a map"},
    {"  description: x\n", "line 5:3: spec: \"tasks\" is missing"},
    {"  tasks: [{name: a, script: x, method: SHEL}]\n",
     "line 5:40: spec.tasks[0].method: there is no method \"SHEL\" (did you mean \"SHELL\"?)"},
    {"  tasks: [{name: a, method: NOOP, script: x}]\n",
     "line 5:43: spec.tasks[0].script: task \"a\" has the method NOOP and a script (remove one of "
     "the two)"},
    {"  tasks: [{name: a, script: x}, {name: a, script: y}]\n",
     "line 5:40: spec.tasks[1]: there are two tasks named \"a\", the first in line 5 (rename one "
     "of "
     "them)"},
    {"  tasks: [{name: build, script: x}, {name: b, script: y, needs: [biuld]}]\n",
     "line 5:66: spec.tasks[1].needs[0]: there is no task \"biuld\" (did you mean \"build\"?)"},
    {"  tasks: [{name: a, script: x, onFailed: FATLA}]\n",
     "line 5:42: spec.tasks[0].onFailed: the route leads to \"FATLA\", which is no task and no "
     "action (did you mean \"FATAL\"?)"},
    {"  tasks: [{name: a, script: x, onExitCode: {256: FATAL}}]\n",
     "line 5:45: spec.tasks[0].onExitCode.256: \"256\" is no exit code (use a number from 0 to "
     "255, "
     "COMPLETED or FAILED)"},
    {"  tasks: [{name: a, script: x, onFailed: FATAL, onExitCode: {failed: FATAL}}]\n",
     "line 5:42: spec.tasks[0].onFailed: \"onFailed\" says the same as the key FAILED of "
     "\"onExitCode\" (remove one of the two)"},
    {"  tasks: [{name: a, script: x, artifacts: {paths: [../x]}}]\n",
     "line 5:52: spec.tasks[0].artifacts.paths: \"../x\" is outside the task's directory (name "
     "files relative to the working directory, without \"..\")"},
    {"  tasks: [{name: a, script: x, artifacts: {paths: [x], when: never}}]\n",
     "line 5:62: spec.tasks[0].artifacts.when: must be always, onSuccess or onFailure, not "
     "\"never\""},
    {"  tasks: [{name: a, script: x, workingDir: a/../../b}]\n",
     "line 5:44: spec.tasks[0].workingDir: \"a/../../b\" leaves the task's directory (use a path "
     "without \"..\")"},
    {"  tasks: [{name: a, script: x, environment: {A-B: c}}]\n",
     "line 5:46: spec.tasks[0].environment.A-B: \"A-B\" cannot name an environment variable (use "
     "letters, digits and \"_\", not beginning with a digit)"},
    {"  params: {a b: c}\n  tasks: [{name: a, script: x}]\n",
     "line 5:12: spec.params.a b: \"a b\" cannot name a parameter (use letters, digits, \"_\" and "
     "\"-\", beginning with a letter)"},
    {"  params: {p: {required: true, default: 1}}\n  tasks: [{name: a, script: x}]\n",
     "line 5:12: spec.params.p: parameter \"p\" is required and has a default (remove one of the "
     "two)"},
    {"  params: {p: 1}\n  variables: {p: 2}\n  tasks: [{name: a, script: x}]\n",
     "line 6:18: spec.variables.p: \"p\" is a parameter too, declared in line 5 (rename one of "
     "them)"},
    {"  timeout:\n  tasks: [{name: a, script: x}]\n",
     "line 5:3: spec.timeout: \"timeout\" has no value (give it one or remove the line)"},
    {"  notify: []\n  tasks: [{name: a, script: x}]\n",
     "line 5:3: spec.notify: not supported yet: notify (line 5)"},
    {"  tasks:\n    - {name: a, agent: x, script: x}\n",
     "spec.tasks[0].agent: must be a map, not \"x\" (for example \"agent: {name: coder, prompt: "
     "'Fix "
     "the build'}\")"},
    {"  tasks:\n    - {name: a, method: HTTP_GET}\n",
     "line 6:25: spec.tasks[0].method: \"HTTP_GET\" is not written as a method here (write a block "
     "\"http\" instead)"},
    {"  tasks:\n    - {name: a, method: MANUAL}\n", "(write a block \"gate\" instead)"},
    {"  tasks:\n    - {name: a, method: TOOL}\n", "not supported yet: method TOOL (line 6)"},
    {"  tasks:\n    - {name: a, method: AGENT}\n", "(write a block \"agent\" instead)"},
    {"  tasks:\n    - name: a\n      script: echo {{ .X\n",
     "line 7:20: spec.tasks[0].script: unclosed action"},
    {"  tasks:\n    - name: a\n      script: x\n      timeout: {{ .T }}\n",
     "line 8:16: a value that begins with {{ must be quoted (quote it: \"{{ .T }}\")"},
    {"  tasks:\n    - name: a\n      script: x\n      retry: {max: \"{{ .N }}\"}\n", ""},
};

class NativeRefuses : public ::testing::TestWithParam<Bad> {};

TEST_P(NativeRefuses, WithPlaceFieldAndFix) {
  const std::string got = only_error(native(GetParam().spec));
  if (GetParam().error.empty()) {
    EXPECT_NE(got.find("must be known at submission: "), std::string::npos) << got;
    EXPECT_NE(got.find("line 8:24: spec.tasks[0].retry.max"), std::string::npos) << got;
    return;
  }
  EXPECT_NE(got.find(GetParam().error), std::string::npos) << "got:\n"
                                                           << got << "\nwanted:\n"
                                                           << GetParam().error;
}

INSTANTIATE_TEST_SUITE_P(Table, NativeRefuses, ::testing::ValuesIn(kBad));

TEST(Native, JudgesTheGraphOnceEveryTaskCanBeRead) {
  const std::string tasks = "  tasks:\n    - {name: a, script: x, artifacts: {paths: [f]}}\n";
  EXPECT_EQ(
      only_error(native(tasks + "    - {name: b, script: x, needs: a, dependencies: [a]}\n")),
      "line 7:35: spec.tasks[1].needs: must be a list of task names, not \"a\" (write \"needs: "
      "[a]\")"
  );
  EXPECT_EQ(
      only_error(native(tasks + "    - {name: b, script: x, dependencies: [a]}\n")),
      "line 7:14: tasks.b: task \"b\" depends on \"a\", which never runs before it (add \"a\" to "
      "its "
      "needs, or a route from there)"
  );
}

TEST(Native, ChecksTheHead) {
  EXPECT_EQ(
      only_error("apiVersion: v2\nkind: Workflw\nmetadata: {name: w}\nspec: {tasks: [{name: a, "
                 "script: x}]}\n"),
      "line 1:13: apiVersion: unknown version \"v2\" (write \"apiVersion: reeve.dev/v1\")\n"
      "line 2:7: kind: a document of kind \"Workflw\" is not a workflow (write \"kind: Workflow\")"
  );
  EXPECT_EQ(
      only_error("kind: Workflow\n"),
      "line 1:1: \"apiVersion\" is missing (add \"apiVersion: reeve.dev/v1\")\n"
      "line 1:1: \"metadata\" is missing (add \"metadata: {name: nightly-build}\")\n"
      "line 1:1: \"spec\" is missing (add \"spec: {tasks: [{name: build, script: make}]}\")"
  );
}

TEST(Native, ReportsCyclesInNeeds) {
  const Loaded result = load(native(
      "  tasks:\n    - {name: a, script: x, needs: [b]}\n    - {name: b, script: x, needs: [a]}\n"
  ));
  ASSERT_FALSE(result.ok());
  const Problem cycle = finding(result.problems, "cycle");
  EXPECT_EQ(cycle.severity, Severity::Error);
  EXPECT_EQ(cycle.error.file, "workflow");
  EXPECT_GT(cycle.error.position.line, 0);
}

TEST(Native, DecidesCountsFromParamsAndKeepsThemInTheSource) {
  const std::string text = native(
      "  params: {n: 2}\n  tasks:\n    - name: a\n      script: x\n      retry: {max: \"{{ .n "
      "}}\"}\n"
  );
  EXPECT_EQ(loaded(text).tasks[0].retry.retries, 2U);
  LoadOptions options;
  options.params.set("n", "7");
  const Workflow w = loaded(text, options);
  EXPECT_EQ(w.tasks[0].retry.retries, 7U);
  EXPECT_NE(w.source.find("retry: {max: 7}"), std::string::npos) << w.source;
  EXPECT_EQ(loaded(w.source).digest, w.digest);
}

TEST(Native, LimitsDescriptionsAndTasks) {
  const std::string long_text(kDescriptionBytesMax + 1, 'x');
  const Loaded described =
      load(native(concat("  description: ", long_text, "\n  tasks: [{name: a, script: x}]\n")));
  EXPECT_EQ(described.first_error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(described.first_error().message, "has 8193 bytes, at most 8192 are allowed");
  std::string tasks = "  tasks:\n";
  for (std::size_t i = 0; i <= kTasksMax; ++i) {
    tasks += concat("    - {name: t", i, ", script: x}\n");
  }
  const Loaded many = load(native(tasks));
  EXPECT_EQ(many.first_error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(many.first_error().message, "has 10001 tasks, at most 10000 are allowed");
}

TEST(Native, LimitsVariablesParamsAndRoutes) {
  const auto many = [](std::string_view item, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
      out += concat(i == 0 ? "" : ", ", item, i, ": 1");
    }
    return out;
  };
  const std::string tasks = "  tasks: [{name: a, script: x}]\n";
  const auto limit = [](const std::string& spec) {
    const Loaded result = load(native(spec));
    EXPECT_FALSE(result.ok());
    return result.ok() ? Error{} : result.first_error();
  };
  const Error variables = limit(concat("  variables: {", many("v", 1001), "}\n", tasks));
  EXPECT_EQ(variables.code, ErrorCode::LimitExceeded);
  EXPECT_EQ(variables.message, "has more than 1000 variables");
  EXPECT_EQ(
      limit(concat("  params: {", many("p", 1001), "}\n", tasks)).message,
      "has more than 1000 parameters"
  );
  EXPECT_EQ(
      limit(concat("  tasks: [{name: a, script: x, onExitCode: {", many("W", 301), "}}]\n"))
          .message,
      "has more than 300 routes"
  );
  std::string refs = "'{{ .p }}'";
  for (int i = 0; i < 10'000; ++i) {
    refs += ", '{{ .p }}'";
  }
  EXPECT_EQ(
      limit(
          concat("  params: {p: a}\n  tasks: [{name: a, script: x, dependencies: [", refs, "]}]\n")
      )
          .message,
      "more than 10000 values with templates must be known at submission"
  );
}

TEST(Native, PlacesTemplateErrorsInsideBlocks) {
  const std::string text = native(
      "  tasks:\n    - name: a\n      script:\n        - |\n          echo one\n\n"
      "          echo {{ nosuch .X }}\n"
  );
  const Loaded result = load(text);
  ASSERT_FALSE(result.ok());
  const Problem problem = finding(result.problems, "template");
  EXPECT_EQ(problem.error.position.line, 11);
  EXPECT_GE(problem.error.position.column, 16);
  EXPECT_NE(problem.error.message.find("nosuch"), std::string::npos);
}

}  // namespace
}  // namespace reeve::workflow
