#include <gtest/gtest.h>

#include "base/strings.h"
#include "walk.h"

/// Runs that add tasks to their missions, and templates that ask for missions.
namespace reeve::engine {
namespace {

constexpr std::string_view kInitializer = "{name: init, script: x, permissions: [mission.extend]}";

class ExtensionWalk : public Walk {
 public:
  /// The run of a task ends and asks for tasks.
  void extended(std::string_view task, std::string tasks, int exit_code = 0) {
    const model::LaunchRun& launch = launch_of(task);
    model::RunResult result;
    result.exit_code = exit_code;
    result.extension = std::move(tasks);
    const Result<Reply> reply = report(model::RunFinished{
        .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = result});
    ASSERT_TRUE(reply.ok()) << reply.error().describe();
  }
};

TEST(Extension, AddsTasksThatStartWhenTheirTimeHasCome) {
  ExtensionWalk w;
  w.submit({std::string(kInitializer)});
  w.extended(
      "init",
      R"([{"name": "a", "script": "x"}, {"name": "b", "script": "x", "needs": ["a", "init"]}])"
  );
  EXPECT_EQ(w.tasks(), "init=COMPLETE a=LAUNCHING b=WAITING");
  w.finished("a");
  w.finished("b");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

TEST(Extension, SurvivesARestart) {
  ExtensionWalk w;
  w.submit({std::string(kInitializer)});
  w.extended("init", R"([{"name": "a", "script": "x"}])");
  w.restart();
  w.started("a");
  w.finished("a");
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

// CHK-H4b: what a run asked for before it failed does not exist.
TEST(Extension, OfAFailedRunIsNotSeen) {
  ExtensionWalk w;
  w.submit({"{name: init, script: x, permissions: [mission.extend], retry: {max: 1}}"});
  w.extended("init", R"([{"name": "a", "script": "x"}])", 1);
  EXPECT_EQ(w.tasks(), "init=LAUNCHING");
  w.extended("init", R"([{"name": "a", "script": "x"}])");
  EXPECT_EQ(w.tasks(), "init=COMPLETE a=LAUNCHING");
}

// CHK-H4c.
TEST(Extension, WithoutThePermissionFailsTheRunAndIsRecorded) {
  ExtensionWalk w;
  w.submit({"{name: init, script: x}"});
  w.extended("init", R"([{"name": "a", "script": "x"}])");
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.count_events("extension.refused"), 1U);
  EXPECT_NE(w.mission().message.find("mission.extend"), std::string::npos) << w.mission().message;
}

TEST(Extension, IsAddedWholeOrNotAtAll) {
  ExtensionWalk w;
  w.submit({std::string(kInitializer)});
  w.extended(
      "init", R"([{"name": "a", "script": "x"}, {"name": "b", "needs": ["nobody"], "script": "x"}])"
  );
  EXPECT_EQ(w.verdict(), "FAILED ERR_VALIDATION");
  EXPECT_EQ(w.tasks(), "init=FAILED");
}

// CHK-H4b: names are the keys.
TEST(Extension, ARepeatedTaskIsThereOnce) {
  ExtensionWalk w;
  w.submit(
      {std::string(kInitializer),
       "{name: again, needs: [init], script: x, permissions: [mission.extend]}"}
  );
  w.extended("init", R"([{"name": "a", "script": "x"}])");
  w.extended("again", R"([{"name": "a", "script": "x"}])");
  EXPECT_EQ(w.tasks(), "init=COMPLETE again=COMPLETE a=LAUNCHING");
}

// CHK-H4a.
TEST(Extension, AThousandTasksEachRunOnceAndNoMoreThanThereAreSlots) {
  ExtensionWalk w;
  w.check_every(200);
  w.submit({std::string(kInitializer)});
  std::string tasks = "[";
  for (int i = 0; i < 1000; ++i) {
    tasks += concat(i == 0 ? "" : ",", R"({"name": "t)", i, R"(", "script": "x"})");
  }
  w.extended("init", tasks + "]");
  EXPECT_EQ(w.mission().tasks.size(), 1001U);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(
        w.engine().runs_on_hosts(), std::min<std::size_t>(16, 1000U - static_cast<std::size_t>(i))
    );
    const std::string name = concat("t", i);
    w.started(name);
    w.finished(name);
    ASSERT_EQ(w.task(name).attempts, 1U);
  }
  EXPECT_EQ(w.verdict(), "COMPLETE");
}

}  // namespace
}  // namespace reeve::engine
