#include "gateway/a2a/task.h"

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::gateway::a2a {
namespace {

Json mission(std::string_view state, std::string_view tasks = "[]", std::string_view more = "") {
  return *parse_json(concat(
      R"({"metadata":{"namespace":"team","name":"m","creationTimestamp":"2026-11-21T09:30:00Z",)"
      R"("annotations":{"a2a.reeve.dev/context":"talk"}},"status":{"state":")",
      state,
      R"(","workflow":{"name":"w"},"tasks":)",
      tasks,
      more,
      "}}"
  ));
}

constexpr std::string_view kDone =
    R"([{"name":"a","state":"COMPLETE","outputs":{"said":"hi"}},{"name":"b","state":"ACTIVE"}])";

TEST(Task, IsAMission) {
  const Json task = task_of(mission("ACTIVE", kDone));
  EXPECT_EQ(task.get_string("id"), "team~m");
  EXPECT_EQ(task.get_string("contextId"), "talk");
  EXPECT_EQ(task.find("status")->get_string("state"), "TASK_STATE_WORKING");
  const Json& artifacts = *task.find("artifacts");
  ASSERT_EQ(artifacts.as_array().size(), 1U);
  EXPECT_EQ(artifacts.as_array()[0].get_string("artifactId"), "a");
  EXPECT_EQ(
      artifacts.as_array()[0].find("parts")->as_array()[0].dump(),
      R"({"text":"hi","metadata":{"output":"said"}})"
  );
  EXPECT_EQ(task_of(mission("ACTIVE", kDone), false).find("artifacts"), nullptr);
}

TEST(Task, HasAHeadThatSaysWhatTheTaskSays) {
  for (const char* state : {"PREP", "ACTIVE", "HELD", "COMPLETE", "FAILED", "ABORTED"}) {
    const Json one = mission(state, "[]", R"(,"startedAt":"2026-11-21T09:31:00Z")");
    const Json task = task_of(one);
    const TaskHead head = head_of(one);
    EXPECT_EQ(head.id, task.get_string("id"));
    EXPECT_EQ(head.context, task.get_string("contextId"));
    EXPECT_EQ(head.state, task.find("status")->get_string("state"));
    EXPECT_EQ(head.timestamp, task.find("status")->get_string("timestamp"));
  }
}

TEST(Task, HasAStateForEachOfAMission) {
  EXPECT_EQ(task_state("QUEUED"), "TASK_STATE_SUBMITTED");
  EXPECT_EQ(task_state("HELD"), "TASK_STATE_WORKING");
  EXPECT_EQ(task_state("COMPENSATING"), "TASK_STATE_WORKING");
  EXPECT_EQ(task_state("COMPLETE"), "TASK_STATE_COMPLETED");
  EXPECT_EQ(task_state("FAILED"), "TASK_STATE_FAILED");
  EXPECT_EQ(task_state("ABORTED"), "TASK_STATE_CANCELED");
}

TEST(Task, SaysWhyItIsHeldOrHasFailed) {
  const auto note = [](const Json& of) {
    const Json task = task_of(of);
    const Json* message = task.find("status")->find("message");
    return message == nullptr ? std::string()
                              : message->find("parts")->as_array()[0].get_string("text");
  };
  EXPECT_EQ(
      note(mission("HELD", "[]", R"(,"waitsFor":"approval of review")")),
      "it is held: approval of review"
  );
  EXPECT_EQ(note(mission("FAILED", "[]", R"(,"message":"exit 1")")), "exit 1");
  EXPECT_EQ(note(mission("ACTIVE", "[]", R"(,"message":"earlier")")), "earlier");
  EXPECT_EQ(note(mission("COMPLETE", "[]", R"(,"message":"earlier")")), "");
}

TEST(Progress, TellsWhatIsNewAndNothingTwice) {
  Progress progress;
  const auto kinds = [&](const Json& of) {
    std::string all;
    for (const Json& event : progress.next(of)) {
      all += concat(event.as_object().front().first, " ");
    }
    return all;
  };
  EXPECT_EQ(kinds(mission("QUEUED")), "task ");
  EXPECT_EQ(kinds(mission("QUEUED")), "");
  EXPECT_EQ(kinds(mission("ACTIVE")), "statusUpdate ");
  EXPECT_EQ(kinds(mission("ACTIVE", kDone)), "artifactUpdate ");
  EXPECT_EQ(kinds(mission("ACTIVE", kDone)), "");
  EXPECT_EQ(kinds(mission("COMPLETE", kDone)), "statusUpdate ");
}

TEST(Progress, BeginsWithAllThatIsThere) {
  Progress progress;
  const std::vector<Json> events = progress.next(mission("COMPLETE", kDone));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].find("task")->find("artifacts")->as_array().size(), 1U);
  EXPECT_TRUE(progress.next(mission("COMPLETE", kDone)).empty());
}

}  // namespace
}  // namespace reeve::gateway::a2a
