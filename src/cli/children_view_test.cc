#include "cli/children_view.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "cli/mirror.h"
#include "cli/view.h"

namespace reeve::cli {
namespace {

Json json(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Json();
}

constexpr std::string_view kFanOut =
    R"({"name":"a","state":"ACTIVE","attempts":1,"outputs":{},"artifacts":[],"children":{"fansOut":true,"items":[],"missions":[)"
    R"({"mission":"m.a.1","state":"COMPLETE"},{"mission":"m.a.2","state":"FAILED","message":"bad"},{"mission":"m.a.3"},{}]}})";

Json mission_with(std::string_view task) {
  return json(concat(
      R"({"metadata":{"name":"m"},"spec":{"workflow":{"name":"w"}},"status":{"state":"ACTIVE","holds":[],"tasks":[)",
      task,
      "]}}"
  ));
}

TEST(ChildrenProgress, CountsItemsThatAreOverAndThoseThatFailed) {
  EXPECT_EQ(children_progress(json(kFanOut)), "2/4 items, 1 failed");
}

TEST(ChildrenProgress, NamesASingleChild) {
  EXPECT_EQ(
      children_progress(json(R"({"children":{"items":[],"missions":[{"mission":"m.a.1"}]}})")),
      "mission m.a.1"
  );
}

TEST(ChildrenProgress, IsEmptyForATaskWithoutChildren) {
  EXPECT_EQ(children_progress(json(R"({"name":"a"})")), "");
}

TEST(ChildrenProgress, IsOneLineOfATask) {
  const Json mission = mission_with(kFanOut);
  EXPECT_EQ(explain_task(json(kFanOut), mission), "2/4 items, 1 failed");
}

TEST(ExplainTask, SaysWhatAPendingTaskWaitsFor) {
  const std::string_view task =
      R"({"name":"a","state":"PENDING","message":"waits for a host with the label gpu"})";
  EXPECT_EQ(explain_task(json(task), mission_with(kFanOut)), "waits for a host with the label gpu");
}

TEST(ContextDocument, ShowsProgressAndFailedChildren) {
  const std::string text = context_document(mission_with(kFanOut));
  EXPECT_NE(text.find("- a: ACTIVE, 2/4 items, 1 failed"), std::string::npos) << text;
  EXPECT_NE(text.find("  - mission m.a.2: FAILED (`bad`)"), std::string::npos) << text;
}

}  // namespace
}  // namespace reeve::cli
