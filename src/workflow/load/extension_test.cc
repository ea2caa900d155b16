#include "workflow/load/extension.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "workflow/load/fixture.h"
#include "workflow/part.h"

namespace reeve::workflow {
namespace {

const std::string kBase = native("  tasks:\n    - {name: plan, script: x}\n");
constexpr std::string_view kFormicary =
    "job_type: j\ntasks:\n- {task_type: plan, method: SHELL, script: [x], on_completed: end}\n"
    "- {task_type: end, method: SHELL, script: [x]}\n";

std::string extension(std::string_view tasks) {
  return concat("apiVersion: reeve.dev/v1\nkind: WorkflowExtension\nspec:\n  tasks:\n", tasks);
}

std::string extended(std::string_view base, std::string_view tasks) {
  auto source = extend_source(base, extension(tasks));
  EXPECT_TRUE(source.ok()) << source.error().describe();
  return source.ok() ? *source : std::string();
}

Workflow stored(std::string_view source) {
  auto workflow = load_source(source);
  EXPECT_TRUE(workflow.ok()) << workflow.error().describe() << "\n" << source;
  return workflow.ok() ? **workflow : Workflow{};
}

std::string refusal(std::string_view base, std::string_view tasks) {
  auto source = extend_source(base, extension(tasks));
  EXPECT_FALSE(source.ok());
  return source.ok() ? std::string() : source.error().describe();
}

TEST(Extension, AddsTasksBehindThoseThatAreThere) {
  const std::string source = extended(
      kBase, "    - {name: a, script: x, needs: [plan]}\n    - {name: b, script: y, needs: [a]}\n"
  );
  const Workflow w = stored(source);
  ASSERT_EQ(w.tasks.size(), 3U);
  EXPECT_EQ(w.tasks[0].name, TaskName("plan"));
  EXPECT_EQ(w.tasks[1].needs, (std::vector<TaskIndex>{0}));
  EXPECT_EQ(w.tasks[2].needs, (std::vector<TaskIndex>{1}));
  EXPECT_EQ(w.entries, (std::vector<TaskIndex>{0}));
  EXPECT_EQ(w.source, source);
  EXPECT_EQ(w.digest, sha256(source));
  EXPECT_TRUE(source.starts_with(kBase));
}

TEST(Extension, MayBeExtendedAgain) {
  const std::string once = extended(kBase, "    - {name: a, script: x, needs: [plan]}\n");
  const std::string twice = extended(once, "    - {name: b, script: x, needs: [a]}\n");
  EXPECT_TRUE(twice.starts_with(once));
  EXPECT_EQ(stored(twice).tasks.size(), 3U);
}

TEST(Extension, LeavesOutWhatAnEarlierOneHasAdded) {
  const std::string once = extended(kBase, "    - {name: a, script: x, needs: [plan]}\n");
  EXPECT_EQ(extended(once, "    - {name: a, script: \"x\", needs: [plan]}\n"), once);
  const std::string more = extended(
      once, "    - {name: a, script: x, needs: [plan]}\n    - {name: b, script: x, needs: [a]}\n"
  );
  const Workflow w = stored(more);
  ASSERT_EQ(w.tasks.size(), 3U);
  EXPECT_EQ(w.tasks[2].name, TaskName("b"));
  EXPECT_EQ(w.source, more);
}

TEST(Extension, DoesNotChangeWhatIsThere) {
  const std::string once = extended(kBase, "    - {name: a, script: x, needs: [plan]}\n");
  EXPECT_EQ(
      refusal(once, "    - {name: a, script: other, needs: [plan]}\n"),
      "extension:5:14: spec.tasks[0]: there are two tasks named \"a\", the first in line 12 "
      "(rename "
      "one of them)"
  );
  EXPECT_EQ(
      refusal(kBase, "    - {name: plan, script: x}\n"),
      "extension:5:14: spec.tasks[0]: there are two tasks named \"plan\", the first in line 6 "
      "(rename one of them)"
  );
  EXPECT_EQ(
      refusal(kBase, "    - {name: a, script: x, onFailed: plan}\n"),
      "extension:5:38: tasks.a: an added task may not lead back to \"plan\", which was there "
      "before "
      "(lead to a task of the extension)"
  );
}

TEST(Extension, MayRouteAmongItsOwnTasks) {
  const Workflow w = stored(extended(
      kBase,
      "    - {name: a, script: x, needs: [plan], onFailed: fix}\n    - {name: fix, script: x, "
      "onCompleted: a}\n"
  ));
  EXPECT_EQ(w.tasks[1].routes.at(0).target, Target(TaskIndex{2}));
}

TEST(Extension, OfAFormicaryJobIsWrittenInTheNativeForm) {
  const Workflow w = stored(extended(
      kFormicary, "    - {name: a, script: x, needs: [plan]}\n    - {name: now, script: x}\n"
  ));
  EXPECT_EQ(w.format, Format::Formicary);
  ASSERT_EQ(w.tasks.size(), 4U);
  EXPECT_EQ(w.tasks[2].method, Method::Shell);
  EXPECT_EQ(w.tasks[2].needs, (std::vector<TaskIndex>{0}));
  EXPECT_EQ(w.entries, (std::vector<TaskIndex>{0, 3}));
  EXPECT_NE(
      refusal(kFormicary, "    - {task_type: a, script: x}\n").find("did you mean \"name\"?"),
      std::string::npos
  );
}

TEST(Extension, SaysWhereItIsWrong) {
  EXPECT_EQ(
      refusal(kBase, "    - {name: a, script: x, needs: [pln]}\n"),
      "extension:5:36: spec.tasks[0].needs[0]: there is no task \"pln\" (did you mean \"plan\"?)"
  );
  EXPECT_EQ(refusal(kBase, "    - {name: a, script: [}\n").substr(0, 14), "extension:5:26");
  EXPECT_EQ(
      extend_source(kBase, "---\n" + extension("    - {name: a, scrpt: x}\n"))
          .error()
          .position.line,
      6
  );
  EXPECT_EQ(
      extend_source(kBase, kBase).error().describe(),
      "extension:2:7: kind: a document of kind \"Workflow\" does not extend a workflow (write "
      "\"kind: WorkflowExtension\")"
  );
  EXPECT_EQ(
      refusal(kBase, "    []\n"),
      "extension:5:5: spec.tasks: there are no tasks (add at least one: \"- {name: build, script: "
      "make}\")"
  );
}

TEST(Extension, DecidesCountsFromConstantsOfTheWorkflowOnce) {
  const std::string base = native("  params: {n: 2}\n  tasks:\n    - {name: plan, script: x}\n");
  const std::string source =
      extended(base, "    - {name: a, script: x, needs: [plan], retry: {max: \"{{ .n }}\"}}\n");
  EXPECT_NE(source.find("retry: {max: 2}"), std::string::npos) << source;
  EXPECT_EQ(stored(source).tasks[1].retry.retries, 2U);
  EXPECT_EQ(stored(source).source, source);
}

TEST(Extension, IsNotTakenFromAUser) {
  const std::string source = extended(kBase, "    - {name: a, script: x, needs: [plan]}\n");
  EXPECT_EQ(
      only_error(source),
      "line 7:1: more than one document: a second one starts at line 7 (put each workflow into a "
      "file of its own)"
  );
  EXPECT_EQ(
      only_error(extension("    - {name: a, script: x}\n")),
      "line 1:1: \"metadata\" is missing (add \"metadata: {name: nightly-build}\")\nline 2:7: "
      "kind: a document of kind \"WorkflowExtension\" "
      "is not a workflow (write \"kind: Workflow\")"
  );
}

TEST(Extension, KeepsTheDocumentsApartWhateverTheirEnds) {
  const std::string base = "# note\n---\n" + kBase.substr(0, kBase.size() - 1);
  const std::string more = extension("    - {name: a, script: x, needs: [plan]}");
  for (const std::string& text :
       {more, more + "\n", "---\n" + more, "--- # more\n" + more + "\n...\n"}) {
    auto source = extend_source(base, text);
    ASSERT_TRUE(source.ok()) << source.error().describe();
    const Workflow w = stored(*source);
    EXPECT_EQ(w.tasks.size(), 2U);
    EXPECT_EQ(w.source, *source);
    EXPECT_EQ(extend_source(*source, text).value(), *source);
  }
}

TEST(Extension, IsLimited) {
  std::string source = kBase;
  for (std::size_t i = 0; i <= kExtensionsMax; ++i) {
    source += concat("---\n", extension(concat("    - {name: t", i, ", script: x}\n")));
  }
  auto many = load_source(source);
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(many.error().message, "has been extended more than 1000 times");
  auto big = extend_source(
      kBase, extension("    - {name: a, script: x}\n#") + std::string(kSourceBytesMax, '.')
  );
  ASSERT_FALSE(big.ok());
  EXPECT_EQ(big.error().code, ErrorCode::LimitExceeded);
}

TEST(Extension, DoesNotTakeTheWorkflowBeyondItsTasks) {
  std::string tasks = "  tasks:\n";
  for (std::size_t i = 0; i < kTasksMax; ++i) {
    tasks += concat("    - {name: t", i, ", script: x}\n");
  }
  auto more = extend_source(native(tasks), extension("    - {name: more, script: x}\n"));
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(more.error().message, "has 10001 tasks, at most 10000 are allowed");
}

TEST(Part, LoadsAgainFromItsSource) {
  for (const std::string& source :
       {kBase,
        std::string(kFormicary),
        extended(kBase, "    - {name: a, script: x, needs: [plan]}\n")}) {
    const Workflow whole = stored(source);
    const auto last = static_cast<TaskIndex>(whole.tasks.size() - 1);
    auto part = part_of(whole, last);
    ASSERT_TRUE(part.ok());
    const Workflow again = stored((*part)->source);
    EXPECT_TRUE(again.part);
    EXPECT_EQ(again.digest, (*part)->digest);
    EXPECT_NE(again.digest, whole.digest);
    EXPECT_EQ(again.source, (*part)->source);
    ASSERT_EQ(again.tasks.size(), 1U);
    EXPECT_EQ(again.tasks[0].name, whole.tasks[last].name);
    EXPECT_TRUE(again.tasks[0].needs.empty());
  }
}

TEST(Part, IsNotTakenFromAUserNorExtended) {
  const auto part = part_of(stored(kBase), 0).value();
  EXPECT_EQ(
      only_error(part->source),
      "line 1:1: the source of a part of a workflow cannot be submitted (remove the first line to "
      "submit the whole)"
  );
  EXPECT_EQ(
      refusal(part->source, "    - {name: a, script: x}\n"),
      "a part of a workflow cannot be extended (extend the mission that it belongs to)"
  );
  EXPECT_NE(
      load_source(concat("# reeve:part nobody\n", kBase)).error().describe().find("\"nobody\""),
      std::string::npos
  );
}

TEST(Part, OfTheLargestDocumentLoads) {
  std::string text = kBase + "#";
  text += std::string(kSourceBytesMax - text.size(), '.');
  const auto part = part_of(stored(text), 0).value();
  EXPECT_TRUE(stored(part->source).part);
}

}  // namespace
}  // namespace reeve::workflow
