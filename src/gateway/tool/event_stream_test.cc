#include "gateway/tool/event_stream.h"

#include <gtest/gtest.h>

namespace reeve::gateway {
namespace {

TEST(EventStream, ReadsEventsHoweverTheyAreCut) {
  const std::string text =
      "data: a\ndata:b\n\n: comment\nevent: x\rdata: c\r\n\r\nid: 1\n\ndata: open";
  for (std::size_t size = 1; size < 6; ++size) {
    EventStream stream(1000);
    std::vector<std::string> events;
    for (std::size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(stream
                      .feed(
                          std::string_view(text).substr(at, size),
                          [&](std::string_view data) { events.emplace_back(data); }
                      )
                      .ok());
    }
    EXPECT_EQ(events, (std::vector<std::string>{"a\nb", "c"})) << size;
  }
  EventStream small(10);
  EXPECT_FALSE(small.feed("data: too much of it", [](std::string_view) {}).ok());
}

}  // namespace
}  // namespace reeve::gateway
