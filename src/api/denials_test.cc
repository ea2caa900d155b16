#include "api/denials.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/denial_book.h"

namespace reeve::api {
namespace {

const Timestamp kNow = from_unix_millis(1'800'000'000'000);

Denial of(std::string user, std::string ns = "a") {
  return {
      .ns = std::move(ns),
      .user = std::move(user),
      .verb = "get",
      .resource = "missions.reeve.dev",
      .asked_namespace = {}};
}

std::uint64_t counted(const std::vector<Denials::Record>& records) {
  std::uint64_t total = 0;
  for (const Denials::Record& record : records) {
    total += static_cast<std::uint64_t>(record.body.get_int("others"));
    for (const Json& entry : record.body.find("denials")->as_array()) {
      total += static_cast<std::uint64_t>(entry.get_int("count"));
    }
  }
  return total;
}

TEST(Denials, CountsWhatIsTheSame) {
  Denials denials;
  EXPECT_TRUE(denials.empty());
  for (int i = 0; i < 1000; ++i) {
    denials.note(of("user:bob"), kNow);
  }
  denials.note(of("user:eve"), kNow);
  const auto records = denials.take(kNow + Duration(5));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].ns, "a");
  EXPECT_EQ(
      records[0].body.dump(),
      R"({"from":"2027-01-15T08:00:00.000Z","to":"2027-01-15T08:00:00.005Z","denials":[)"
      R"({"user":"user:bob","verb":"get","resource":"missions.reeve.dev","count":1000},)"
      R"({"user":"user:eve","verb":"get","resource":"missions.reeve.dev","count":1}],"others":0})"
  );
  EXPECT_TRUE(denials.empty());
  EXPECT_TRUE(denials.take(kNow).empty());
}

TEST(Denials, KeepsAFloodSmallAndLosesNoCount) {
  Denials denials;
  constexpr int kMany = 20'000;
  for (int i = 0; i < kMany; ++i) {
    Denial each = of(concat("user:", std::string(1000, 'x'), i), concat("ns", i % 100));
    each.user = concat("user:", i, std::string(1000, 'x'));
    denials.note(std::move(each), kNow);
  }
  const auto records = denials.take(kNow);
  EXPECT_LE(records.size(), kDenialNamespacesMax + 1);
  EXPECT_EQ(counted(records), std::uint64_t{kMany});
  std::size_t bytes = 0;
  for (const Denials::Record& record : records) {
    EXPECT_LE(record.body.find("denials")->as_array().size(), engine::kDenialsOfRecordMax);
    bytes += record.body.dump().size();
  }
  EXPECT_LE(bytes, 64'000U);
}

TEST(Denials, CutsTextsBetweenCharacters) {
  Denials denials;
  std::string user(127, 'x');
  denials.note(of(user + "\xc3\xa4"), kNow);
  const auto records = denials.take(kNow);
  EXPECT_EQ(records[0].body.find("denials")->as_array()[0].get_string("user"), user);
}

}  // namespace
}  // namespace reeve::api
