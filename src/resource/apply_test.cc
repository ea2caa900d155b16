#include <gtest/gtest.h>

#include "resource/json_compare.h"
#include "resource/managed_fields.h"
#include "resource/ownership_fixture.h"

namespace reeve::resource {
namespace {

using namespace test;

TEST(Apply, ToNothingCreatesTheObject) {
  const Json created = apply(nullptr, R"({"spec":{"tool":"q"},"status":{"phase":"X"}})", "x");
  EXPECT_EQ(owners(created), Lines{R"(x Apply  {"f:spec":{"f:tool":{}}})"});
  EXPECT_EQ(created.find("status"), nullptr);
  EXPECT_EQ(created.get_string("kind"), "Mission");
}

// The conflict of a real apiserver.
TEST(Apply, OfWhatOthersOwnIsAConflict) {
  const Json created = create(R"({"spec":{"tool":"zsh","replicas":1}})", "golden");
  const Outcome<Json> refused = try_apply(&created, R"({"spec":{"tool":"q","suspend":true}})", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      to_json(refused.error()).dump(),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict: conflict with \"golden\" using reeve.dev/v1: .spec.tool","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"golden\" using reeve.dev/v1","field":".spec.tool"}]},"code":409})"
  );
  const Json forced = apply(&created, R"({"spec":{"tool":"q","suspend":true}})", "x", true);
  EXPECT_EQ(forced.find("spec")->dump(), R"({"tool":"q","replicas":1,"suspend":true})");
  EXPECT_EQ(
      owners(forced),
      (Lines{
          R"(x Apply  {"f:spec":{"f:suspend":{},"f:tool":{}}})",
          R"(golden Update  {"f:spec":{".":{},"f:replicas":{}}})"})
  );
}

TEST(Apply, TellsAllConflictsByManager) {
  Json current = apply(nullptr, R"({"spec":{"a":1,"b":1}})", "one");
  current = apply(&current, R"({"spec":{"c":1}})", "two");
  const Outcome<Json> refused = try_apply(&current, R"({"spec":{"a":2,"b":2,"c":2}})", "x");
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "Apply failed with 3 conflicts: conflicts with \"one\":\n- .spec.a\n- .spec.b\n"
      "conflicts with \"two\":\n- .spec.c"
  );
  EXPECT_EQ(refused.error().details->causes.size(), 3U);
}

TEST(Apply, TellsHowManyConflictsThereAreButNotAll) {
  Json body = object(R"({"spec":{}})");
  Json mine = body;
  for (int i = 0; i < 250; ++i) {
    body.find("spec")->set("k" + std::to_string(i), 1);
    mine.find("spec")->set("k" + std::to_string(i), 2);
  }
  const ApplyRequest first{writer("one", std::string(kLater)), false};
  const ApplyRequest second{writer("two", std::string(kLater)), false};
  const Json current = apply_object(missions(), nullptr, body, first, conditions).value();
  const Outcome<Json> refused = apply_object(missions(), &current, mine, second, conditions);
  ASSERT_FALSE(refused);
  const Status& status = refused.error();
  EXPECT_EQ(status.details->causes.size(), 100U);
  EXPECT_EQ(status.message.rfind("Apply failed with 250 conflicts: ", 0), 0U);
  EXPECT_NE(status.message.find("\nand 150 more"), std::string::npos);
}

TEST(Apply, OfTheSameValueIsShared) {
  Json current = apply(nullptr, R"({"spec":{"a":1}})", "one");
  current = apply(&current, R"({"spec":{"a":1}})", "two");
  EXPECT_EQ(
      owners(current),
      (Lines{R"(one Apply  {"f:spec":{"f:a":{}}})", R"(two Apply  {"f:spec":{"f:a":{}}})"})
  );
  // Who no longer says it gives up its share only.
  current = apply(&current, R"({"spec":{"b":1}})", "one");
  EXPECT_EQ(current.find("spec")->dump(), R"({"a":1,"b":1})");
  // Each of the two is now free of the other.
  current = apply(&current, R"({"spec":{"a":2}})", "two");
  EXPECT_EQ(current.find("spec")->dump(), R"({"a":2,"b":1})");
}

TEST(Apply, TakesAnAtomicMapAsOneValue) {
  const Json current = apply(nullptr, R"({"spec":{"whole":{"a":{"b":1}}}})", "one");
  EXPECT_EQ(owners(current), Lines{R"(one Apply  {"f:spec":{"f:whole":{}}})"});
  const Outcome<Json> refused = try_apply(&current, R"({"spec":{"whole":{"c":1}}})", "two");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().details->causes.front().field, ".spec.whole");
  const Json forced = apply(&current, R"({"spec":{"whole":{"c":1}}})", "two", true);
  EXPECT_EQ(forced.find("spec")->dump(), R"({"whole":{"c":1}})");
  const Json changed = update(forced, with(forced, R"({"spec":{"whole":{"c":2}}})"), "three");
  EXPECT_EQ(owners(changed).back(), R"(three Update  {"f:spec":{"f:whole":{}}})");
}

TEST(Apply, RemovesWhatItsWriterNoLongerSays) {
  Json current = apply(nullptr, R"({"spec":{"a":1,"deep":{"b":{"c":1}},"kept":{"d":1}}})", "x");
  current = update(
      current,
      with(current, R"({"spec":{"a":1,"deep":{"b":{"c":1}},"kept":{"d":1,"e":1}}})"),
      "other"
  );
  current = apply(&current, R"({"spec":{"a":1}})", "x");
  EXPECT_EQ(current.find("spec")->dump(), R"({"a":1,"kept":{"e":1}})");
  current = apply(&current, "{}", "x");
  EXPECT_EQ(current.find("spec")->dump(), R"({"kept":{"e":1}})");
  EXPECT_EQ(owners(current), Lines{R"(other Update  {"f:spec":{"f:kept":{"f:e":{}}}})"});
}

TEST(Apply, LeavesAloneWhatOthersPutIntoItsMembers) {
  const std::string_view both = R"({"status":{"conditions":[{"type":"A","status":"True"}]}})";
  Json current = object("{}");
  current = apply(&current, both, "x", false, "status");
  EXPECT_EQ(
      owners(current),
      Lines{
          R"(x Apply status {"f:status":{"f:conditions":{"k:{\"type\":\"A\"}":{".":{},"f:status":{},"f:type":{}}}}})"}
  );
  current = apply(
      &current,
      R"({"status":{"conditions":[{"type":"A","note":"n"},{"type":"B"}]}})",
      "y",
      false,
      "status"
  );
  EXPECT_EQ(
      current.find("status")->dump(),
      R"({"conditions":[{"type":"A","status":"True","note":"n"},{"type":"B"}]})"
  );
  current = apply(&current, "{}", "x", false, "status");
  EXPECT_EQ(
      current.find("status")->dump(), R"({"conditions":[{"type":"A","note":"n"},{"type":"B"}]})"
  );
  current = apply(&current, R"({"status":{"conditions":[{"type":"B"}]}})", "y", false, "status");
  EXPECT_EQ(current.find("status")->dump(), R"({"conditions":[{"type":"B"}]})");
}

TEST(Apply, ReplacesOtherListsAsAWhole) {
  Json current = apply(nullptr, R"({"spec":{"list":[1,2]}})", "x");
  current = apply(&current, R"({"spec":{"list":[3]}})", "x");
  EXPECT_EQ(current.find("spec")->dump(), R"({"list":[3]})");
  EXPECT_FALSE(try_apply(&current, R"({"spec":{"list":[4]}})", "y"));
}

TEST(Apply, ThatReplacesAnObjectConflictsWithItsParts) {
  Json current = apply(nullptr, R"({"spec":{"a":{"b":1}}})", "one");
  EXPECT_FALSE(try_apply(&current, R"({"spec":{"a":5}})", "two"));
  current = apply(&current, R"({"spec":{"a":5}})", "two", true);
  EXPECT_EQ(owners(current), Lines{R"(two Apply  {"f:spec":{"f:a":{}}})"});
  EXPECT_FALSE(try_apply(&current, R"({"spec":{"a":{"b":1}}})", "one"));
}

TEST(Apply, ConflictsWithAnUpdateOfTheSameManager) {
  const Json created = create(R"({"spec":{"tool":"a"}})", "x");
  EXPECT_FALSE(try_apply(&created, R"({"spec":{"tool":"b"}})", "x"));
}

TEST(Apply, KeepsStatusAndMainApart) {
  const Json created = create(R"({"spec":{"tool":"a"},"status":{"phase":"New"}})");
  const Json main = apply(&created, R"({"spec":{"x":1},"status":{"phase":"Done"}})", "x");
  EXPECT_EQ(main.find("status")->dump(), R"({"phase":"New"})");
  const Json status =
      apply(&main, R"({"spec":{"x":2},"status":{"note":"n"}})", "x", false, "status");
  EXPECT_EQ(status.find("spec")->dump(), R"({"tool":"a","x":1})");
  EXPECT_EQ(status.find("status")->dump(), R"({"phase":"New","note":"n"})");
  EXPECT_EQ(owners(status).size(), 3U);
}

TEST(Apply, AgainChangesNothingAtAll) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Chance chance(seed);
    Json base = object("{}");
    base.set("spec", chance.object(3));
    const Json created =
        track_update(missions(), nullptr, base, writer("me", "2026-11-21T08:00:00Z"), conditions)
            .value();
    Json first = object("{}");
    first.set("spec", chance.object(3));
    Json second = object("{}");
    second.set("spec", chance.object(3));
    const ApplyRequest request{writer("x", "2026-11-21T08:00:01Z"), true};
    const ApplyRequest later{writer("x", "2026-11-21T09:00:00Z"), false};
    const Json once = apply_object(missions(), &created, first, request, conditions).value();
    const Outcome<Json> again = apply_object(missions(), &once, first, later, conditions);
    ASSERT_TRUE(again) << seed << to_json(again.error()).dump();
    EXPECT_EQ(*again, once) << seed;

    // What was applied is there, and what is applied next leaves nothing of it behind that nobody
    // else owns: applying nothing gives back what others own.
    const Json other = apply_object(missions(), &once, second, request, conditions).value();
    const FieldSet said = leaf_fields(second, conditions);
    Json spec_only = Json::object();
    spec_only.set("spec", *second.find("spec"));
    FieldSet missing = leaf_fields(spec_only, conditions);
    missing.subtract(compare_fields(Json::object(), other, conditions).added);
    EXPECT_TRUE(missing.empty()) << seed << to_json(missing).dump();
  }
}

TEST(Apply, OnlyTouchesItsEntryWhenItsSetChanges) {
  Json current = create(R"({"spec":{"a":1,"b":1}})");
  current = apply(&current, R"({"spec":{"a":1}})", "x");
  const Json more = apply(&current, R"({"spec":{"a":1,"b":1}})", "x");
  EXPECT_EQ(owners(more)[0], R"(x Apply  {"f:spec":{"f:a":{},"f:b":{}}})");
  EXPECT_EQ(more.find("spec")->dump(), current.find("spec")->dump());
}

TEST(Apply, NeedsAManagerAndAnIdentity) {
  const Outcome<Json> nobody = try_apply(nullptr, "{}", "");
  ASSERT_FALSE(nobody);
  EXPECT_EQ(
      nobody.error().message,
      R"(PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch)"
  );
  const ApplyRequest request{writer("x", std::string(kLater)), false};
  for (const std::string_view body :
       {R"([])",
        R"({"kind":"Mission","metadata":{"name":"a"}})",
        R"({"apiVersion":"reeve.dev/v1","metadata":{"name":"a"}})",
        R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"a","managedFields":[{}]}})"}) {
    const Outcome<Json> refused =
        apply_object(missions(), nullptr, json(body), request, conditions);
    ASSERT_FALSE(refused) << body;
    EXPECT_EQ(refused.error().code, 400) << body;
  }
  const Outcome<Json> twice = try_apply(
      nullptr, R"({"status":{"conditions":[{"type":"A"},{"type":"A"}]}})", "x", false, "status"
  );
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, 422);
}

TEST(Apply, CannotBeMadeToRemoveWhatItCannotWrite) {
  Json current = create(R"({"spec":{"a":1},"status":{"phase":"New"}})");
  // An entry that claims identity, server-owned members and status.
  current.find("metadata")->set("uid", "u");
  current.find("metadata")
      ->set(
          "managedFields",
          json(
              R"([{"manager":"x","operation":"Apply","apiVersion":"reeve.dev/v1","fieldsType":"FieldsV1","fieldsV1":{"f:kind":{},"f:metadata":{".":{},"f:name":{},"f:uid":{}},"f:status":{".":{},"f:phase":{}},"f:spec":{"f:a":{}}}}])"
          )
      );
  const Json after = apply(&current, "{}", "x");
  EXPECT_EQ(after.get_string("kind"), "Mission");
  EXPECT_EQ(after.find("metadata")->get_string("name"), "g1");
  EXPECT_EQ(after.find("metadata")->get_string("uid"), "u");
  EXPECT_EQ(after.find("status")->dump(), R"({"phase":"New"})");
  EXPECT_EQ(after.find("spec"), nullptr);
}

TEST(Apply, IsBoundedInWriters) {
  Json current = object("{}");
  for (std::size_t i = 0; i < kManagedEntriesMax; ++i) {
    current = apply(&current, R"({"spec":{"a":1}})", "m" + std::to_string(i));
  }
  const Outcome<Json> refused = try_apply(&current, R"({"spec":{"a":1}})", "one-more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 422);
  EXPECT_EQ(refused.error().details->causes[0].reason, "FieldValueTooMany");
}

}  // namespace
}  // namespace reeve::resource
