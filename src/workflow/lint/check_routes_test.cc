#include "workflow/lint/fixture.h"

namespace reeve::lint {
namespace {

TEST(Routes, ToResultsThatCannotOccurAreReported) {
  workflow::Workflow workflow;
  workflow.tasks.resize(2);
  workflow.tasks[0].name = TaskName("a");
  workflow.tasks[1].name = TaskName("b");
  workflow.tasks[0].routes = {{"404", workflow::TaskIndex{1}, {6, 42}}};
  EXPECT_EQ(
      finding(examine(workflow), "impossible-code").error.describe(),
      "line 6:42: tasks.a.onExitCode.404: the task never ends with 404: exit codes of programs are "
      "0 "
      "to 255; nothing else leads to \"b\" (use a code that occurs, or remove the route)"
  );
  workflow.tasks[0].routes.push_back({"COMPLETED", workflow::TaskIndex{1}, {}});
  EXPECT_EQ(
      finding(examine(workflow), "impossible-code").error.message.find("nothing else"),
      std::string::npos
  );
}

TEST(Routes, AreNotForWordsThatAreMisspelt) {
  const auto findings_for = [](std::string_view key) {
    return linted(native(concat(
        "  tasks:\n    - {name: a, timeout: 1m, script: x, onExitCode: {",
        key,
        ": b}}\n",
        "    - {name: b, timeout: 1m, script: x}\n"
    )));
  };
  EXPECT_EQ(
      findings_for("COMPLETE"),
      "impossible-code: line 6:54: tasks.a.onExitCode.COMPLETE: the task never ends with COMPLETE: "
      "no result has this name; nothing else leads to \"b\" (did you mean COMPLETED?)"
  );
  for (const std::string_view known : {"COMPLETED", "FAILED", "SKIPPED", "3", "ERR_DISK", "DONE"}) {
    EXPECT_EQ(findings_for(known), "") << known;
  }
}

TEST(Routes, OfRequestsAreStatuses) {
  workflow::Workflow workflow;
  workflow.tasks.resize(1);
  workflow.tasks[0].method = workflow::Method::Http;
  workflow.tasks[0].http = workflow::HttpRequest{};
  workflow.tasks[0].routes = {{"404", workflow::Action::Poll, {}}};
  EXPECT_FALSE(has(examine(workflow), "impossible-code"));
  workflow.tasks[0].routes = {{"3", workflow::Action::Complete, {}}};
  EXPECT_TRUE(has(examine(workflow), "impossible-code"));
}

TEST(Routes, OfRequestsToASuccessAreRoutesForSuccess) {
  const std::string rest = "- {task_type: b, method: SHELL, script: [x]}\n";
  const auto with = [&](std::string_view code) {
    return linted(job(concat(
        "- {task_type: a, method: HTTP_GET, url: 'https://x.org/', on_exit_code: {'",
        code,
        "': b}}\n",
        rest
    )));
  };
  EXPECT_EQ(with("200"), "");
  EXPECT_NE(with("404").find("leaf-trap"), std::string::npos);
}

TEST(Routes, ThatLoopForEverAreSpeltOut) {
  EXPECT_NE(
      linted(native("  tasks:\n    - {name: s, script: x, onCompleted: a}\n"
                    "    - {name: a, script: x, onCompleted: b}\n"
                    "    - {name: b, script: x, onExitCode: {\"0\": a}}\n"))
          .find("the loop a → b → a is left only when a task fails"),
      std::string::npos
  );
}

TEST(Routes, ThatRestartNothingAreReported) {
  EXPECT_NE(
      linted(one("      script: x\n      onFailed: RESTART_JOB\n"))
          .find("RESTART_JOB of a workflow without retries: it fails with ERR_RESTART_JOB"),
      std::string::npos
  );
  EXPECT_EQ(
      linted(one("      script: x\n      onFailed: RESTART_JOB\n", "  retry: {max: 1}\n")), ""
  );
}

}  // namespace
}  // namespace reeve::lint
