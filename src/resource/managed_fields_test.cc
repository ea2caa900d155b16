#include "resource/managed_fields.h"

#include <gtest/gtest.h>

#include "resource/json_compare.h"
#include "resource/ownership_fixture.h"

namespace reeve::resource {
namespace {

using namespace test;

// What a real apiserver writes for the same requests.
TEST(TrackUpdate, OfACreateGivesTheCreatorEverything) {
  Json body = object(R"({"spec":{"tool":"bash","replicas":1}})");
  body.find("metadata")->set("labels", json(R"({"t":"1"})"));
  const Json created =
      track_update(missions(), nullptr, body, writer("me", "2026-11-21T08:54:30Z"), conditions)
          .value();
  EXPECT_EQ(
      created.find("metadata")->find("managedFields")->dump(),
      R"([{"manager":"me","operation":"Update","apiVersion":"reeve.dev/v1","time":"2026-11-21T08:54:30Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:labels":{".":{},"f:t":{}}},"f:spec":{".":{},"f:replicas":{},"f:tool":{}}}}])"
  );
}

TEST(TrackUpdate, MovesWhatChangesToItsWriter) {
  const Json created = create(R"({"spec":{"tool":"bash","replicas":1}})");
  const Json after =
      update(created, with(created, R"({"spec":{"tool":"zsh","replicas":1}})"), "golden");
  EXPECT_EQ(
      owners(after),
      (Lines{
          R"(me Update  {"f:spec":{".":{},"f:replicas":{}}})",
          R"(golden Update  {"f:spec":{"f:tool":{}}})"})
  );
}

TEST(TrackUpdate, OfFinalizersOwnsEachOne) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  Json held = created;
  held.find("metadata")->set("finalizers", json(R"(["k.dev/hold"])"));
  const Json after = update(created, held, "golden");
  EXPECT_EQ(
      owners(after)[1],
      R"(golden Update  {"f:metadata":{"f:finalizers":{".":{},"v:\"k.dev/hold\"":{}}}})"
  );
  Json cleared = after;
  erase_member(*cleared.find("metadata"), "finalizers");
  EXPECT_EQ(owners(update(after, cleared, "other")), owners(created));
}

TEST(TrackUpdate, ThatChangesNothingKeepsTheTimes) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  EXPECT_EQ(update(created, created, "me"), created);
  EXPECT_EQ(update(created, created, "other"), created);
  Json bare = created;
  erase_member(*bare.find("metadata"), "managedFields");
  EXPECT_EQ(update(created, bare, "other"), created);
}

TEST(TrackUpdate, IgnoresWhatTheServerOwns) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  Json after = created;
  after.find("metadata")->set("resourceVersion", "7");
  after.find("metadata")->set("generation", 3);
  EXPECT_EQ(owners(update(created, after, "other")), owners(created));
}

TEST(TrackUpdate, ThroughASubresourceSaysSo) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  const Json after = track_update(
                         missions(),
                         &created,
                         with(created, R"({"status":{"phase":"Running"}})"),
                         writer("ctl", std::string(kLater), "status"),
                         conditions
  )
                         .value();
  EXPECT_EQ(owners(after)[1], R"(ctl Update status {"f:status":{".":{},"f:phase":{}}})");
}

TEST(TrackUpdate, CanForgetWhoWroteWhat) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  for (const std::string_view reset : {"[]", "[{}]"}) {
    Json after = created;
    after.find("metadata")->set("managedFields", json(reset));
    EXPECT_EQ(owners(update(created, after, "me")), Lines{}) << reset;
  }
}

TEST(TrackUpdate, TakesManagedFieldsOfTheRequestOnlyOnTheObjectItself) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  Json after = created;
  after.find("metadata")
      ->set(
          "managedFields",
          json(
              R"([{"manager":"kubectl","operation":"Apply","apiVersion":"reeve.dev/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:tool":{}}}}])"
          )
      );
  EXPECT_EQ(
      owners(update(created, after, "me")), Lines{R"(kubectl Apply  {"f:spec":{"f:tool":{}}})"}
  );
  EXPECT_EQ(
      owners(
          track_update(
              missions(), &created, after, writer("me", std::string(kLater), "status"), conditions
          )
              .value()
      ),
      owners(created)
  );
}

TEST(TrackUpdate, RefusesManagedFieldsThatAreNone) {
  const Json created = create(R"({"spec":{"tool":"q"}})");
  const std::string_view entries[] = {
      R"(7)",
      R"([7])",
      R"([{},{}])",
      R"([{"manager":"a","operation":"Steal","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{}}])",
      R"([{"manager":"a","operation":"Apply","apiVersion":"","fieldsType":"FieldsV1","fieldsV1":{}}])",
      R"([{"manager":"a","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV2","fieldsV1":{}}])",
      R"([{"manager":"a","operation":"Apply","apiVersion":"v1","time":"soon","fieldsType":"FieldsV1","fieldsV1":{}}])",
      R"([{"manager":"a","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"x":{}}}])",
      R"([{"manager":"a","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{},"more":1}])"};
  for (const std::string_view entry : entries) {
    Json after = created;
    after.find("metadata")->set("managedFields", json(entry));
    const Outcome<Json> result =
        track_update(missions(), &created, after, writer("me", std::string(kLater)), conditions);
    ASSERT_FALSE(result) << entry;
    EXPECT_EQ(result.error().code, 422) << entry;
    EXPECT_EQ(result.error().details->causes[0].field.rfind("metadata.managedFields", 0), 0U);
  }
}

TEST(TrackUpdate, MergesTheOldestOfTooManyWriters) {
  Json current = create(R"({"spec":{"n":0}})");
  for (int i = 1; i <= 14; ++i) {
    Json after = current;
    after.find("spec")->set("k" + std::to_string(i), i);
    const std::string time = "2026-11-21T09:00:" + std::to_string(10 + i) + "Z";
    current = update(current, after, "writer" + std::to_string(i), time);
  }
  const Lines lines = owners(current);
  ASSERT_EQ(lines.size(), kUpdateManagersMax);
  EXPECT_EQ(
      lines[0],
      R"(ancient-changes Update  {"f:spec":{".":{},"f:k1":{},"f:k2":{},"f:k3":{},"f:k4":{},"f:k5":{},"f:n":{}}})"
  );
  EXPECT_EQ(lines[1], R"(writer6 Update  {"f:spec":{"f:k6":{}}})");
}

TEST(TrackUpdate, NeverOwnsAPathTwiceAndOwnsAllThatIsThere) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Chance chance(seed);
    Json current =
        track_update(
            missions(), nullptr, object("{}"), writer("m0", "2026-11-21T09:00:00Z"), conditions
        )
            .value();
    for (int i = 0; i < 6; ++i) {
      Json after = current;
      after.set("spec", chance.object(3));
      current = update(current, after, "m" + std::to_string(i % 3));
    }
    const auto entries = parse_managed_fields(
        current.find("metadata")->find("managedFields") == nullptr
            ? Json::array()
            : *current.find("metadata")->find("managedFields")
    );
    ASSERT_TRUE(entries);
    FieldSet all;
    std::size_t paths = 0;
    for (const ManagedEntry& entry : *entries) {
      all.unite(entry.fields);
      paths += entry.fields.paths();
    }
    EXPECT_EQ(all.paths(), paths) << seed;
    Json expected = Json::object();
    expected.set("spec", *current.find("spec"));
    EXPECT_EQ(all, compare_fields(Json::object(), expected, conditions).added) << seed;
  }
}

TEST(DefaultManager, IsTheProgramOfTheUserAgent) {
  EXPECT_EQ(default_manager("kubectl/v1.33 (linux/amd64)"), "kubectl");
  EXPECT_EQ(default_manager("curl"), "curl");
  EXPECT_EQ(default_manager(""), "unknown");
  EXPECT_EQ(default_manager(std::string(500, 'a')).size(), kManagerBytesMax);
}

}  // namespace
}  // namespace reeve::resource
