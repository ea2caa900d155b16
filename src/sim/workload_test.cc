#include "sim/workload.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace reeve::sim {
namespace {

TEST(Workload, IsAlwaysAValidDocument) {
  Random random(1);
  WorkflowShelf shelf;
  for (int i = 0; i < 300; ++i) {
    const std::string source = random_workflow(random, "flow");
    const auto loaded = shelf.load(source);
    ASSERT_TRUE(loaded.ok()) << loaded.error().describe() << "\n" << source;
  }
}

TEST(Workload, UsesEveryFeatureOfTheWalk) {
  Random random(2);
  std::string all;
  for (int i = 0; i < 300; ++i) {
    all += random_workflow(random, "flow");
  }
  for (const char* word : {"needs:",          "onExitCode",
                           "job_type",        "alwaysRun",
                           "always_run",      "allowFailure",
                           "skipIf",          "compensate",
                           "PAUSE_JOB",       "EXECUTING",
                           "RESTART_JOB",     "RESTART_TASK",
                           "FATAL",           "COMPLETED",
                           "ERR_SIMULATED",   "NOOP",
                           "backoff",         "hang",
                           "nolaunch",        "out",
                           "kill-supervisor", "hard_reset_after_retries"}) {
    EXPECT_NE(all.find(word), std::string::npos) << word;
  }
}

TEST(WorkflowShelf, GivesTheSameWorkflowForTheSameText) {
  Random random(3);
  WorkflowShelf shelf;
  const std::string source = random_workflow(random, "flow");
  const auto first = shelf.load(source);
  const auto second = shelf.load(source);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->get(), second->get());
}

TEST(WorkflowShelf, RefusesScriptsThatAreNoBehaviour) {
  WorkflowShelf shelf;
  const auto loaded = shelf.load(
      "job_type: wrong\ntasks:\n- task_type: a\n  method: SHELL\n  script: [\"rm -rf /\"]\n"
  );
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().subject, "script");
}

}  // namespace
}  // namespace reeve::sim
