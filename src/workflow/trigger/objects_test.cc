#include "workflow/trigger/objects.h"

#include <chrono>

#include <gtest/gtest.h>

#include "workflow/trigger/fixture.h"

namespace reeve::trigger {
namespace {

using namespace std::chrono_literals;

const workflow::ObjectTrigger kTrigger{
    .poll = true, .bucket = "lake", .prefix = "in/", .suffix = ".csv", .poll_interval = 60s};

ObjectInfo object(std::string key, Duration after) {
  return {.key = std::move(key), .size_bytes = 10, .etag = "e", .modified_at = kNow + after};
}

std::string keys(const ObjectPoll& poll) {
  std::string text;
  for (const ObjectInfo& fresh : poll.fresh) {
    text += concat(text.empty() ? "" : " ", fresh.key);
  }
  return text;
}

TEST(PollObjects, RecordsOnlyTheCursorTheFirstTime) {
  const auto poll = poll_objects(kTrigger, std::nullopt, {object("in/a.csv", 0s)});
  EXPECT_EQ(keys(poll), "");
  EXPECT_EQ(poll.cursor, (ObjectCursor{.modified_at = kNow, .keys = {"in/a.csv"}}));
  EXPECT_EQ(keys(poll_objects(kTrigger, poll.cursor, {object("in/a.csv", 0s)})), "");
}

TEST(PollObjects, HandsOnEverythingThatCameIntoAnEmptyBucket) {
  const auto first = poll_objects(kTrigger, std::nullopt, {});
  EXPECT_EQ(keys(poll_objects(kTrigger, first.cursor, {object("in/a.csv", 0s)})), "in/a.csv");
}

TEST(PollObjects, LosesNoKeyThatSortsBeforeTheCursor) {
  const auto first = poll_objects(kTrigger, std::nullopt, {object("in/m.csv", 0s)});
  // Of the same second, and later.
  const std::vector<ObjectInfo> listing = {
      object("in/a.csv", 5s), object("in/b.csv", 0s), object("in/m.csv", 0s)};
  const auto second = poll_objects(kTrigger, first.cursor, listing);
  EXPECT_EQ(keys(second), "in/b.csv in/a.csv");
  EXPECT_EQ(keys(poll_objects(kTrigger, second.cursor, listing)), "");
}

TEST(PollObjects, SeesAnObjectThatIsWrittenAgain) {
  const auto first = poll_objects(kTrigger, std::nullopt, {object("in/a.csv", 0s)});
  EXPECT_EQ(keys(poll_objects(kTrigger, first.cursor, {object("in/a.csv", 1s)})), "in/a.csv");
}

TEST(PollObjects, LooksAtPrefixAndSuffix) {
  const auto poll = poll_objects(
      kTrigger,
      ObjectCursor{},
      {object("in/a.csv", 0s), object("in/a.txt", 0s), object("out/a.csv", 0s), object("in/", 0s)}
  );
  EXPECT_EQ(keys(poll), "in/a.csv");
}

TEST(PollObjects, HandsOnSoManyAndTheOthersNextTime) {
  std::vector<ObjectInfo> listing;
  for (std::size_t i = 0; i < kObjectsPerPollMax * 2 + 5; ++i) {
    listing.push_back(object(concat("in/", 10'000 - i, ".csv"), Duration(i % 2)));
  }
  ObjectCursor cursor;
  std::set<std::string> seen;
  std::size_t polls = 0;
  for (bool more = true; more; ++polls) {
    const auto poll = poll_objects(kTrigger, cursor, listing);
    EXPECT_LE(poll.fresh.size(), kObjectsPerPollMax);
    for (const ObjectInfo& fresh : poll.fresh) {
      EXPECT_TRUE(seen.insert(fresh.key).second) << fresh.key;
    }
    cursor = poll.cursor;
    more = poll.more;
  }
  EXPECT_EQ(seen.size(), listing.size());
  EXPECT_EQ(polls, 3U);
}

TEST(PollObjects, RemembersABoundedNumberOfKeys) {
  std::vector<ObjectInfo> listing;
  for (std::size_t i = 0; i < kCursorKeysMax + 10; ++i) {
    listing.push_back(object(concat("in/", 100'000 + i, ".csv"), 0s));
  }
  const auto poll = poll_objects(kTrigger, std::nullopt, listing);
  EXPECT_EQ(poll.cursor.keys.size(), kCursorKeysMax);
}

TEST(ObjectOccurrence, NamesTheVersionOfTheObject) {
  Fixture f;
  f.param("O", "{{.Object.Bucket}}/{{.Object.Key}} {{.Object.Size}} {{.Object.ETag}}");
  const ObjectInfo info{
      .key = "in/a.csv", .size_bytes = 5'000'000'000, .etag = "abc", .modified_at = kNow};
  const Outcome outcome = evaluate(f.context(), object_occurrence("lake", info, kNow), {});
  EXPECT_EQ(shown(outcome), "fired O=lake/in/a.csv 5000000000 abc");
  ObjectInfo again = info;
  again.etag = "def";
  EXPECT_NE(
      evaluate(f.context(), object_occurrence("lake", again, kNow), {}).submission.input_key,
      outcome.submission.input_key
  );
}

TEST(ObjectCursor, SurvivesARoundTrip) {
  const ObjectCursor cursor{.modified_at = kNow, .keys = {"a", "b\"c"}};
  EXPECT_EQ(*object_cursor_from_json(to_json(cursor)), cursor);
  for (const char* text :
       {"{}",
        R"({"modifiedAt":"2026-07-07T10:17:23.000Z"})",
        R"({"modifiedAt":"2026-07-07T10:17:23.000Z","keys":[1]})",
        R"({"modifiedAt":"","keys":[]})"}) {
    EXPECT_FALSE(object_cursor_from_json(*parse_json(text)).ok()) << text;
  }
}

}  // namespace
}  // namespace reeve::trigger
