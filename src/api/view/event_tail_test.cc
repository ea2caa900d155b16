#include "api/view/event_tail.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace reeve::api::view {
namespace {

std::vector<journal::Event> events_of(std::uint64_t first, std::uint64_t count) {
  std::vector<journal::Event> events(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    events[i].revision = Revision(first + i);
    events[i].type = (first + i) % 2 == 0 ? "even" : "odd";
  }
  return events;
}

bool is_even(const journal::Event& event) {
  return event.type == "even";
}

TEST(EventTail, GivesTheEventsAfterARevisionInOrder) {
  EventTail tail(100, 1'000'000);
  tail.restart(Revision(10));
  tail.append(events_of(11, 5));
  const auto page = tail.after(Revision(12), {}, 2);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->events.size(), 2U);
  EXPECT_EQ(page->events[0]->revision, Revision(13));
  EXPECT_EQ(page->events[1]->revision, Revision(14));
  EXPECT_EQ(page->through, Revision(14));
  EXPECT_TRUE(page->more);
  const auto rest = tail.after(page->through, {}, 2);
  EXPECT_EQ(rest->events.size(), 1U);
  EXPECT_FALSE(rest->more);
}

TEST(EventTail, GoesOnAfterEventsThatTheFilterLeavesOut) {
  EventTail tail(100, 1'000'000);
  tail.append(events_of(1, 5));
  const auto page = tail.after(Revision(2), is_even, 10);
  ASSERT_EQ(page->events.size(), 1U);
  EXPECT_EQ(page->events[0]->revision, Revision(4));
  EXPECT_EQ(page->through, Revision(5));
  EXPECT_FALSE(page->more);
}

TEST(EventTail, TheFutureIsEmpty) {
  EventTail tail(100, 1'000'000);
  tail.append(events_of(1, 5));
  for (const std::uint64_t revision : {5U, 6U, 99U}) {
    const auto page = tail.after(Revision(revision), {}, 10);
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->events.empty());
    EXPECT_EQ(page->through, Revision(revision));
    EXPECT_FALSE(page->more);
  }
}

TEST(EventTail, RefusesWhatItHasForgotten) {
  EventTail tail(3, 1'000'000);
  tail.append(events_of(1, 5));
  EXPECT_EQ(tail.floor(), Revision(2));
  const auto page = tail.after(Revision(1), {}, 10);
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::Conflict);
  EXPECT_EQ(tail.after(Revision(2), {}, 10)->events.size(), 3U);
}

TEST(EventTail, IsBoundedInBytes) {
  EventTail tail(1000, 10'000);
  for (std::uint64_t i = 1; i <= 20; ++i) {
    auto events = events_of(i, 1);
    events[0].data = std::string(3'000, 'x');
    tail.append(events);
  }
  EXPECT_EQ(tail.floor(), Revision(17));
  auto huge = events_of(21, 1);
  huge[0].data = std::string(20'000, 'x');
  tail.append(huge);
  EXPECT_EQ(tail.floor(), Revision(21));
  EXPECT_TRUE(tail.after(Revision(21), {}, 10));
}

TEST(EventTail, AHoleIsNeverTold) {
  EventTail tail(100, 1'000'000);
  tail.append(events_of(1, 5));
  tail.append(events_of(8, 2));
  EXPECT_FALSE(tail.after(Revision(5), {}, 10));
  EXPECT_EQ(tail.after(Revision(7), {}, 10)->events.size(), 2U);
  tail.restart(Revision(20));
  EXPECT_FALSE(tail.after(Revision(9), {}, 10));
  EXPECT_TRUE(tail.after(Revision(20), {}, 10)->events.empty());
}

TEST(EventTail, LooksAtABoundedNumberAtATime) {
  EventTail tail(10'000, 100'000'000);
  tail.append(events_of(1, kTailVisitedMax + 10));
  const auto page = tail.after(
      Revision(0), [](const auto&) { return false; }, 10
  );
  EXPECT_EQ(page->through, Revision(kTailVisitedMax));
  EXPECT_TRUE(page->more);
}

}  // namespace
}  // namespace reeve::api::view
