#include "workflow/load/load.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "workflow/load/fixture.h"
#include "workflow/load/problems.h"

namespace reeve::workflow {
namespace {

TEST(Load, RefusesEmptyDocuments) {
  constexpr std::string_view kEmpty =
      "line 1:1: the document is empty (a workflow begins with \"apiVersion: reeve.dev/v1\" and "
      "\"kind: Workflow\")";
  EXPECT_EQ(only_error(""), kEmpty);
  EXPECT_EQ(only_error("\n# nothing\n"), kEmpty);
}

TEST(Load, RefusesBinaryInput) {
  EXPECT_EQ(
      only_error(std::string_view(
          "\x7f"
          "ELF\x02\x01\x01\0\0",
          9
      )),
      "line 1:5: is not text: byte 2 at offset 4 (give the name of a text file)"
  );
  EXPECT_EQ(
      only_error("job_type: x\n# caf\xc3\xa9 \xc3\x28\n"),
      "line 2:9: is not text: byte 0xc3 is not valid UTF-8 (save the file as UTF-8)"
  );
}

TEST(Load, RefusesHugeInputBySizeAlone) {
  const std::string huge(std::size_t{100} << 20U, 'x');
  const Loaded result = load(huge);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.first_error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(result.first_error().message, "is 104857600 bytes long, at most 1048576 are allowed");
  EXPECT_EQ(result.problems[0].rule, "too-large");
}

TEST(Load, AcceptsADocumentOfTheLargestSize) {
  std::string text = "job_type: big\ntasks:\n- task_type: a\n  method: SHELL\n  script: [x]\n";
  while (text.size() + 101 <= kSourceBytesMax) {
    text += "#" + std::string(99, '.') + "\n";
  }
  text += "#" + std::string(kSourceBytesMax - text.size() - 1, '.');
  ASSERT_EQ(text.size(), kSourceBytesMax);
  EXPECT_TRUE(load(text).ok());
}

TEST(Load, RefusesDocumentsThatAreNoWorkflow) {
  EXPECT_EQ(
      only_error("name: x\n"),
      "line 1:1: this is no workflow: it has neither \"kind: Workflow\" nor \"job_type\" (begin "
      "with \"apiVersion: reeve.dev/v1\" and \"kind: Workflow\")"
  );
  EXPECT_EQ(
      only_error("job_typ: x\n"),
      "line 1:1: this is no workflow: it has neither \"kind: Workflow\" nor \"job_type\" (did you "
      "mean \"job_type\" instead of \"job_typ\"?)"
  );
  EXPECT_NE(only_error("- a\n- b\n").find("this is no workflow"), std::string::npos);
  EXPECT_NE(only_error("just text").find("this is no workflow"), std::string::npos);
  EXPECT_EQ(
      only_error("kind: Workflow\njob_type: x\n"),
      "line 1:1: has both \"kind\" and \"job_type\" (remove \"job_type\" from a native workflow, "
      "\"kind\" and \"apiVersion\" from a Formicary job)"
  );
}

TEST(Load, RefusesAliasBombs) {
  std::string text = "job_type: x\na0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    text += concat("a", i, ": &a", i, " [");
    for (int k = 0; k < 9; ++k) {
      text += concat(k == 0 ? "" : ", ", "*a", i - 1);
    }
    text += "]\n";
  }
  const Loaded result = load(text);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.first_error().code, ErrorCode::LimitExceeded);
}

TEST(Load, RefusesDeepNestingDuplicateKeysTabsAndSecondDocuments) {
  EXPECT_EQ(
      load("kind: Workflow\nspec: " + std::string(5000, '[')).first_error().code,
      ErrorCode::LimitExceeded
  );
  EXPECT_EQ(
      only_error("job_type: a\ntasks: []\njob_type: b\n"),
      "line 3:1: the key \"job_type\" is there twice: line 1 and line 3 (remove one of them)"
  );
  EXPECT_EQ(
      only_error("job_type: a\ntasks:\n\t- task_type: b\n"),
      "line 3:1: tabs cannot indent YAML (replace the tabs at the start of the line by spaces)"
  );
  EXPECT_EQ(
      only_error("job_type: a\n---\njob_type: b\n"),
      "line 2:1: more than one document: a second one starts at line 2 (put each workflow into a "
      "file of its own)"
  );
}

TEST(Load, NamesTheFileInEveryProblem) {
  LoadOptions options;
  options.file = "deploy.yaml";
  const Loaded result = load("kind: Workflow\n", options);
  ASSERT_FALSE(result.ok());
  for (const Problem& problem : result.problems) {
    EXPECT_EQ(problem.error.file, "deploy.yaml");
  }
  EXPECT_EQ(
      result.first_error().describe(),
      "deploy.yaml:1:1: \"apiVersion\" is missing (add \"apiVersion: reeve.dev/v1\")"
  );
}

TEST(Load, AcceptsJson) {
  const Workflow w =
      loaded(R"({"apiVersion": "reeve.dev/v1", "kind": "Workflow", "metadata": {"name": "w"},)"
             R"( "spec": {"tasks": [{"name": "a", "script": "x"}]}})");
  EXPECT_EQ(w.name, "w");
}

TEST(Load, AcceptsAByteOrderMarkAndWindowsLineEnds) {
  const Workflow w = loaded(
      "\xEF\xBB\xBFjob_type: w\r\ntasks:\r\n- task_type: a\r\n  method: SHELL\r\n  script:\r\n  - "
      "|\r\n    echo a\r\n    echo b\r\n"
  );
  EXPECT_EQ(w.tasks.at(0).script.at(0).text, "echo a\necho b\n");
}

TEST(Load, ReportsEverythingSortedByPlaceUpToTheCap) {
  std::string text = native("  tasks:\n");
  for (int i = 0; i < 150; ++i) {
    text += concat("    - {name: t", i, ", script: x, wrong: 1}\n");
  }
  const Loaded result = load(text);
  EXPECT_EQ(result.problems.size(), kProblemsMax);
  EXPECT_TRUE(std::is_sorted(
      result.problems.begin(),
      result.problems.end(),
      [](const Problem& a, const Problem& b) {
        return a.error.position.line < b.error.position.line;
      }
  ));
  EXPECT_NE(result.problems.back().error.hint.find("50 more problems"), std::string::npos);
}

TEST(Load, SurvivesEveryPrefixOfADocument) {
  const std::string text =
      "job_type: x\njob_variables:\n  A: [1]\n{{ range $i := .A }}\ntasks:\n- task_type: t{{ $i "
      "}}\n"
      "  script:\n  - |\n    echo {{ .B }}\n  timeout: {{ .T }}\n{{ end }}\n";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const Loaded result = load(std::string_view(text).substr(0, i));
    EXPECT_TRUE(result.ok() || !result.problems.empty());
  }
}

TEST(Load, SurvivesEveryPrefixOfADocumentWithAllBlocks) {
  const std::string text = native(
      "  triggers:\n    - {name: t, cron: {schedule: '@daily', missed: skip}, rateLimit: {max: 1, "
      "window: 1m}}\n  tasks:\n    - name: g\n      gate:\n        prompt: p\n        users: [a]\n"
      "        escalate: [{after: 1h, to: [b]}]\n        context: {c: '{{ .x }}'}\n"
      "    - {name: m, mission: {workflow: w, wait: false}, foreach: {over: [1, {a: 2}], as: i}}\n"
      "    - {name: n, needs: [m], await: {tasks: [m], outputs: {a: b}}}\n"
      "    - {name: h, http: {url: 'http://h', json: {a: [1]}, outputs: {a: /b~1}}}\n"
      "    - {name: s, script: x, cache: {paths: [a], key: k}, credentials: {A: b}, semaphores: "
      "[{pool: p}]}\n"
  );
  ASSERT_TRUE(load(text).ok()) << load(text).first_error().describe();
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const Loaded result = load(std::string_view(text).substr(0, i));
    EXPECT_TRUE(result.ok() || !result.problems.empty());
  }
}

TEST(Load, SurvivesMapsWhereTextIsExpectedAndTheOtherWayRound) {
  const std::string kinds[] = {"x", "[]", "[x]", "{}", "{x: y}", "", "-1", "[[]]", "{x: {}}"};
  for (const char* field :
       {"gate",
        "mission",
        "await",
        "http",
        "webSocket",
        "message",
        "expireArtifacts",
        "fanOut",
        "foreach",
        "cache",
        "artifactIds",
        "credentials",
        "tags",
        "semaphores",
        "permissions",
        "sensor"}) {
    for (const std::string& kind : kinds) {
      const Loaded result =
          load(native(concat("  tasks:\n    - {name: a, script: x, ", field, ": ", kind, "}\n")));
      EXPECT_TRUE(result.ok() || !result.problems.empty()) << field << kind;
    }
  }
  for (const char* field :
       {"approval_policy",
        "sub_workflow",
        "fan_out",
        "await_forked_tasks",
        "resources",
        "cache",
        "tags",
        "headers",
        "query",
        "url",
        "messaging_request_queue",
        "fork_job_type"}) {
    for (const char* method : {"MANUAL", "FORK_JOB", "AWAIT_FORKED_JOB", "HTTP_GET", "MESSAGING"}) {
      for (const std::string& kind : kinds) {
        const Loaded result = load(concat(
            "job_type: j\ntasks:\n- {task_type: a, method: ", method, ", ", field, ": ", kind, "}\n"
        ));
        EXPECT_TRUE(result.ok() || !result.problems.empty()) << field << kind;
      }
    }
  }
}

TEST(Problems, KeepsErrorsRatherThanWarningsAtTheCap) {
  Problems problems("f");
  for (int i = 0; i < 150; ++i) {
    problems.warning("w", {i + 1, 1}, "", "warning");
  }
  problems.error("e", {200, 1}, "", "error");
  EXPECT_TRUE(problems.has_errors());
  const auto list = std::move(problems).take();
  ASSERT_EQ(list.size(), kProblemsMax);
  EXPECT_EQ(list.back().rule, "e");
  EXPECT_EQ(list.back().error.hint, "51 more problems not shown");
}

TEST(Problems, CutsLongTextsBetweenCharacters) {
  Problems problems("f");
  std::string text = "x";
  while (text.size() < 2 * kProblemTextMax) {
    text += "é";
  }
  problems.error("e", {1, 1}, text, text);
  const auto list = std::move(problems).take();
  EXPECT_TRUE(is_utf8(list[0].error.message));
  EXPECT_EQ(list[0].error.message.size(), kProblemTextMax - 1 + std::string_view("…").size());
  EXPECT_TRUE(list[0].error.subject.ends_with("…"));
}

TEST(Problems, TranslatesLinesOfAShapedDocument) {
  Problems problems("f");
  problems.set_lines({1, 5, 9});
  problems.error("e", {2, 3}, "", "error");
  EXPECT_EQ(std::move(problems).take()[0].error.position, (Position{5, 3}));
}

}  // namespace
}  // namespace reeve::workflow
