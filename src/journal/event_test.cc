#include "journal/event.h"

#include <functional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"

namespace reeve::journal {
namespace {

Event make_event(std::uint64_t revision) {
  Event event;
  event.revision = Revision(revision);
  event.at = from_unix_millis(1'700'000'000'000 + static_cast<std::int64_t>(revision));
  event.object = {.kind = Kind::Mission, .ns = Namespace("default"), .name = "m1"};
  event.uid = Uid("u1");
  event.type = "mission.transitioned";
  event.actor = Principal("user:alice");
  event.correlation = CorrelationId("c1");
  event.data = concat("{\"n\":", revision, "}");
  return event;
}

std::vector<Event> make_journal(std::uint64_t count) {
  Chain chain;
  std::vector<Event> events;
  for (std::uint64_t revision = 1; revision <= count; ++revision) {
    events.push_back(make_event(revision));
    chain.link(events.back());
  }
  return events;
}

/// The error of the first bad event, or success.
Result<void> verify(const std::vector<Event>& events) {
  ChainVerifier verifier;
  for (const Event& event : events) {
    REEVE_CHECK(verifier.check(event));
  }
  return {};
}

std::string hex(const Sha256Bytes& bytes) {
  return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

TEST(Kind, HasANameThatReadsBack) {
  for (const Kind kind : kAllKinds) {
    const Result<Kind> parsed = parse_kind(to_string(kind));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, kind);
  }
}

TEST(Kind, RefusesAnUnknownName) {
  for (const std::string_view text : {"", "Mission", "missions", "mission "}) {
    const Result<Kind> parsed = parse_kind(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::Invalid);
  }
}

TEST(Chain, StartsFromZeros) {
  EXPECT_EQ(Chain().head(), Sha256Bytes{});
}

TEST(Chain, KeepsItsValueForEver) {
  // Computed from the written definition by another program; a change of the canonical bytes makes
  // every existing journal unverifiable.
  EXPECT_EQ(
      hex(make_journal(1).back().chain),
      "3b654e9d55131f0c8775765b2263ba256be69eaad1f098a1bddce344e8311783"
  );
  EXPECT_EQ(
      hex(make_journal(2).back().chain),
      "9ca53773bb24b53c2bc5dee1bfd810f5778b5f05fe791974e1edcb2c0f642084"
  );
}

TEST(Chain, ContinuesFromAnEarlierHead) {
  const std::vector<Event> events = make_journal(3);
  Chain chain(events[1].chain);
  Event again = make_event(3);
  chain.link(again);
  EXPECT_EQ(again.chain, events[2].chain);
  EXPECT_EQ(chain.head(), events[2].chain);
}

TEST(Chain, DoesNotReadTheChainFieldOfTheEvent) {
  Event event = make_event(1);
  event.chain.fill(0xab);
  Chain chain;
  EXPECT_EQ(chain.advance(event), make_journal(1).back().chain);
}

TEST(Chain, TellsApartEventsWhoseFieldsJoinToTheSameText) {
  Event left = make_event(1);
  left.object.ns = Namespace("ab");
  left.object.name = "c";
  Event right = make_event(1);
  right.object.ns = Namespace("a");
  right.object.name = "bc";
  Chain one;
  one.link(left);
  Chain two;
  two.link(right);
  EXPECT_NE(left.chain, right.chain);
}

TEST(ChainVerifier, AcceptsAnUntouchedJournal) {
  const std::vector<Event> events = make_journal(20);
  ChainVerifier verifier;
  EXPECT_EQ(verifier.last(), Revision(0));
  for (const Event& event : events) {
    ASSERT_TRUE(verifier.check(event).ok());
    EXPECT_EQ(verifier.last(), event.revision);
    EXPECT_EQ(verifier.head(), event.chain);
  }
}

TEST(ChainVerifier, NamesTheEventWithAChangeInAnyField) {
  const std::vector<std::function<void(Event&)>> changes = {
      [](Event& event) { event.at += Duration(1); },
      [](Event& event) { event.object.kind = Kind::Workflow; },
      [](Event& event) { event.object.ns = Namespace("defaulT"); },
      [](Event& event) { event.object.name = "m2"; },
      [](Event& event) { event.uid = Uid("u2"); },
      [](Event& event) { event.type.back() = 'D'; },
      [](Event& event) { event.actor = Principal("user:alicf"); },
      [](Event& event) { event.correlation = CorrelationId(""); },
      [](Event& event) { event.data[1] = static_cast<char>(event.data[1] ^ 1); },
      [](Event& event) { event.data.push_back('\0'); },
      [](Event& event) { event.chain[31] = static_cast<std::uint8_t>(event.chain[31] ^ 0x80U); },
  };
  for (std::size_t index = 0; index < changes.size(); ++index) {
    std::vector<Event> events = make_journal(5);
    changes[index](events[2]);
    const Result<void> verdict = verify(events);
    ASSERT_FALSE(verdict.ok()) << "change " << index;
    EXPECT_EQ(verdict.error().code, ErrorCode::Corrupt);
    EXPECT_NE(verdict.error().message.find("revision 3 "), std::string::npos)
        << verdict.error().message;
  }
}

TEST(ChainVerifier, NamesTheEventAfterAGap) {
  std::vector<Event> events = make_journal(5);
  events.erase(events.begin() + 2);
  const Result<void> verdict = verify(events);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().code, ErrorCode::Corrupt);
  EXPECT_NE(verdict.error().message.find("revision 4 follows revision 2"), std::string::npos);
}

TEST(ChainVerifier, NoticesEventsOutOfOrder) {
  std::vector<Event> events = make_journal(5);
  std::swap(events[2], events[3]);
  EXPECT_FALSE(verify(events).ok());
  std::swap(events[2].revision, events[3].revision);
  const Result<void> verdict = verify(events);
  ASSERT_FALSE(verdict.ok());
  EXPECT_NE(verdict.error().message.find("revision 3 "), std::string::npos);
}

TEST(ChainVerifier, NoticesAnEventThatWasRewrittenWithItsOwnChainValue) {
  std::vector<Event> events = make_journal(5);
  events[2].data = "{}";
  Chain chain(events[1].chain);
  chain.link(events[2]);
  const Result<void> verdict = verify(events);
  ASSERT_FALSE(verdict.ok());
  EXPECT_NE(verdict.error().message.find("revision 4 "), std::string::npos);
}

TEST(ChainVerifier, StaysAtTheLastGoodEventAfterABadOne) {
  const std::vector<Event> events = make_journal(2);
  ChainVerifier verifier;
  ASSERT_TRUE(verifier.check(events[0]).ok());
  Event bad = events[1];
  bad.data = "{}";
  EXPECT_FALSE(verifier.check(bad).ok());
  EXPECT_EQ(verifier.last(), Revision(1));
  EXPECT_EQ(verifier.head(), events[0].chain);
  EXPECT_TRUE(verifier.check(events[1]).ok());
}

}  // namespace
}  // namespace reeve::journal
