#include "cli/view.h"

#include <gtest/gtest.h>

namespace reeve::cli {
namespace {

TEST(EventToJson, HasEveryFieldThatTheChainCovers) {
  journal::Event event;
  event.revision = Revision(7);
  event.at = Timestamp(Duration(1'000));
  event.object = {.kind = journal::Kind::Mission, .ns = Namespace("default"), .name = "m-1"};
  event.uid = Uid("u1");
  event.type = "task.reached";
  event.actor = Principal("system:host");
  event.correlation = CorrelationId("c1");
  event.data = R"({"task":"a"})";
  event.chain.front() = 0xAB;
  const std::string zeros(2 * (event.chain.size() - 1), '0');
  EXPECT_EQ(
      event_to_json(event).dump(),
      R"({"revision":7,"at":"1970-01-01T00:00:01.000Z","type":"task.reached","kind":"mission",)"
      R"("namespace":"default","name":"m-1","uid":"u1","actor":"system:host",)"
      R"("correlation":"c1","data":{"task":"a"},"chain":"ab)" +
          zeros + "\"}"
  );
}

TEST(EventToJson, ShowsDataThatIsNoJsonAsText) {
  journal::Event event;
  event.data = "{";
  EXPECT_EQ(event_to_json(event).get_string("data"), "{");
}

}  // namespace
}  // namespace reeve::cli
