#include "resource/object_rules.h"

#include <gtest/gtest.h>

#include "resource/fixture.h"
#include "resource/managed_fields.h"
#include "resource/merge_patch.h"

namespace reeve::resource {
namespace {

using test::json;
using test::missions;

ObjectPlace place(std::string name = "") {
  return {missions(), NameRule::Subdomain, "default", std::move(name)};
}

CreateSeeds seeds() {
  return {"uid-1", "2026-11-21T08:54:30Z", [] {
            return std::string("2prrs");
          }};
}

Outcome<Json> try_create(std::string_view body) {
  return prepare_create(place(), json(body), seeds());
}

std::string refusal(std::string_view body, int code) {
  const Outcome<Json> result = try_create(body);
  EXPECT_FALSE(result) << body;
  EXPECT_EQ(result ? 0 : result.error().code, code) << body;
  return result ? "" : result.error().message;
}

Json stored() {
  return json(
      R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1","namespace":"default","uid":"uid-1","resourceVersion":"504","generation":1,"creationTimestamp":"2026-11-21T08:54:30Z","labels":{"t":"1"}},"spec":{"tool":"bash","replicas":1},"status":{"phase":"X"}})"
  );
}

Outcome<Json> try_patch(const Json& existing, std::string_view patch) {
  return prepare_update(
      place("g1"), existing, merge_patch(existing, json(patch)), UpdateVerb::Patch
  );
}

Json patched(const Json& existing, std::string_view patch) {
  return try_patch(existing, patch).value();
}

const Json& metadata(const Json& object) {
  return *object.find("metadata");
}

TEST(PrepareCreate, SetsWhatTheServerOwnsAndDropsStatus) {
  const Json created =
      try_create(
          R"({"kind":"Mission","apiVersion":"reeve.dev/v1","metadata":{"labels":{"t":"1"},"name":"g1","uid":"mine","generation":9,"creationTimestamp":null,"deletionTimestamp":"2020-01-01T00:00:00Z","annotations":{}},"status":{"phase":"X"},"spec":{"tool":"bash"}})"
      )
          .value();
  EXPECT_EQ(
      created.dump(),
      R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1","namespace":"default","uid":"uid-1","generation":1,"creationTimestamp":"2026-11-21T08:54:30Z","labels":{"t":"1"}},"spec":{"tool":"bash"}})"
  );
}

TEST(PrepareCreate, MakesANameFromItsBeginning) {
  const Json created =
      try_create(
          R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"generateName":"gg-"}})"
      )
          .value();
  EXPECT_EQ(metadata(created).get_string("name"), "gg-2prrs");
  EXPECT_EQ(metadata(created).get_string("generateName"), "gg-");
  const Json cut =
      try_create(
          R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"generateName":")" +
          std::string(80, 'a') + R"("}})"
      )
          .value();
  EXPECT_EQ(metadata(cut).get_string("name").size(), 63U);
}

// The refusals of a real apiserver.
TEST(PrepareCreate, RefusesInKubernetesWords) {
  EXPECT_EQ(
      refusal(R"({"apiVersion":"reeve.dev/v1","kind":"Nope","metadata":{"name":"a"}})", 422),
      R"(Nope.reeve.dev "a" is invalid: kind: Invalid value: "Nope": must be Mission)"
  );
  EXPECT_EQ(
      refusal(
          R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"a","namespace":"other"}})",
          400
      ),
      "the namespace of the provided object does not match the namespace sent on the request"
  );
  EXPECT_EQ(
      refusal(R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{}})", 422),
      R"(Mission.reeve.dev "" is invalid: metadata.name: Required value: name or generateName is required)"
  );
  EXPECT_EQ(
      refusal(
          R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"a","resourceVersion":"1"}})",
          400
      ),
      "resourceVersion should not be set on objects to be created"
  );
  EXPECT_EQ(
      refusal(R"({"apiVersion":"reeve.dev/v2","kind":"Mission","metadata":{"name":"a"}})", 400),
      "the API version in the data (reeve.dev/v2) does not match the expected API version "
      "(reeve.dev/v1)"
  );
  refusal("[]", 400);
  refusal(R"({"apiVersion":"reeve.dev/v1","metadata":{"name":"a"}})", 400);
  refusal(R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":7})", 422);
  refusal(R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"A"}})", 422);
}

TEST(PrepareUpdate, CountsGenerationsOfTheDesiredStateOnly) {
  const Json before = stored();
  EXPECT_EQ(metadata(patched(before, R"({"spec":{"tool":"zsh"}})")).get_int("generation"), 2);
  EXPECT_EQ(
      metadata(patched(before, R"({"metadata":{"labels":{"t":"2"}}})")).get_int("generation"), 1
  );
  EXPECT_EQ(metadata(patched(before, R"({"metadata":{"generation":7}})")).get_int("generation"), 1);
  EXPECT_EQ(patched(before, R"({"status":{"phase":"Y"}})"), before);
  EXPECT_EQ(patched(before, R"({"status":null})"), before);
}

TEST(PrepareUpdate, PutsBackWhatTheClientLeftOut) {
  const Json before = stored();
  const Json after =
      prepare_update(
          place("g1"),
          before,
          json(
              R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1","resourceVersion":"504"},"spec":{"tool":"b"}})"
          ),
          UpdateVerb::Put
      )
          .value();
  EXPECT_EQ(
      after.dump(),
      R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1","namespace":"default","uid":"uid-1","resourceVersion":"504","generation":2,"creationTimestamp":"2026-11-21T08:54:30Z"},"spec":{"tool":"b"},"status":{"phase":"X"}})"
  );
  EXPECT_EQ(
      patched(before, R"({"metadata":{"uid":null,"creationTimestamp":null,"namespace":null}})"),
      before
  );
}

TEST(PrepareUpdate, OfAPutNamesTheVersionItHasSeen) {
  const auto put = [](std::string_view meta) {
    Json body = json(R"({"apiVersion":"reeve.dev/v1","kind":"Mission","spec":{"tool":"b"}})");
    body.set("metadata", json(meta));
    return prepare_update(place("g1"), stored(), body, UpdateVerb::Put);
  };
  EXPECT_EQ(
      to_json(put(R"({"name":"g1"})").error()).dump(),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"missions.reeve.dev \"g1\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update","reason":"Invalid","details":{"name":"g1","group":"reeve.dev","kind":"missions","causes":[{"reason":"FieldValueInvalid","message":"Invalid value: 0x0: must be specified for an update","field":"metadata.resourceVersion"}]},"code":422})"
  );
  EXPECT_EQ(put(R"({"name":"g1","resourceVersion":"1"})").error().code, 409);
  EXPECT_EQ(
      put(R"({"name":"g2","resourceVersion":"1"})").error().message,
      "the name of the object (g2) does not match the name on the URL (g1)"
  );
  EXPECT_EQ(put(R"({"name":"g1","resourceVersion":"504","uid":"x"})").error().code, 409);
  EXPECT_EQ(put(R"({"resourceVersion":"504"})").error().code, 400);
}

TEST(PrepareUpdate, RefusesToChangeWhatIsImmutable) {
  const Outcome<Json> uid = try_patch(stored(), R"({"metadata":{"uid":"0"}})");
  ASSERT_FALSE(uid);
  EXPECT_EQ(
      uid.error().message,
      R"(Mission.reeve.dev "g1" is invalid: metadata.uid: Invalid value: "0": field is immutable)"
  );
  for (const std::string_view patch :
       {R"({"metadata":{"creationTimestamp":"2020-01-01T00:00:00Z"}})",
        R"({"metadata":{"deletionTimestamp":"2020-01-01T00:00:00Z"}})",
        R"({"metadata":{"deletionGracePeriodSeconds":3}})"}) {
    const Outcome<Json> result = try_patch(stored(), patch);
    ASSERT_FALSE(result) << patch;
    EXPECT_EQ(result.error().code, 422) << patch;
  }
  EXPECT_EQ(try_patch(stored(), R"({"metadata":{"resourceVersion":"1"}})").error().code, 409);
  EXPECT_EQ(try_patch(stored(), R"({"metadata":{"name":"other"}})").error().code, 400);
}

TEST(PrepareStatusUpdate, ChangesNothingButStatus) {
  const Json before = stored();
  const Json after =
      prepare_status_update(
          place("g1"),
          before,
          merge_patch(
              before,
              json(
                  R"({"status":{"phase":"Running"},"spec":{"tool":"ignored"},"metadata":{"labels":{"x":"y"},"managedFields":[]}})"
              )
          ),
          UpdateVerb::Patch
      )
          .value();
  EXPECT_EQ(after.find("status")->dump(), R"({"phase":"Running"})");
  EXPECT_EQ(*after.find("spec"), *before.find("spec"));
  EXPECT_EQ(metadata(after), metadata(before));
  EXPECT_FALSE(prepare_status_update(
      place("g1"),
      before,
      json(R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1"}})"),
      UpdateVerb::Put
  ));
}

TEST(SameObject, DoesNotSeeTimesOfWriters) {
  const Json before =
      track_update(
          missions(), nullptr, stored(), {"a", "reeve.dev/v1", "", "2026-01-01T00:00:00Z"}, {}
      )
          .value();
  Json after =
      track_update(
          missions(), nullptr, stored(), {"a", "reeve.dev/v1", "", "2027-01-01T00:00:00Z"}, {}
      )
          .value();
  EXPECT_NE(before, after);
  after.find("metadata")->set("resourceVersion", "900");
  EXPECT_TRUE(same_object(before, after));
  EXPECT_FALSE(same_object(before, patched(before, R"({"spec":{"tool":"zsh"}})")));
  EXPECT_FALSE(same_object(before, patched(before, R"({"metadata":{"labels":{"t":"2"}}})")));
}

Json held(std::string_view finalizers) {
  Json object = stored();
  object.find("metadata")->set("finalizers", json(finalizers));
  return object;
}

Deletion deletion(const Json& existing, Propagation propagation = Propagation::Background) {
  DeleteOptions options;
  options.propagation = propagation;
  return prepare_delete(place("g1"), existing, options, "2026-11-21T09:00:00Z").value();
}

TEST(PrepareDelete, RemovesWhatNobodyHolds) {
  EXPECT_EQ(deletion(stored()).action, Deletion::Action::Remove);
}

TEST(PrepareDelete, MarksWhatIsHeldAndWaitsThen) {
  const Deletion first = deletion(held(R"(["k.dev/hold"])"));
  ASSERT_EQ(first.action, Deletion::Action::Mark);
  const Json& marked = metadata(first.object);
  EXPECT_EQ(marked.get_string("deletionTimestamp"), "2026-11-21T09:00:00Z");
  EXPECT_EQ(marked.get_int("deletionGracePeriodSeconds", 7), 0);
  EXPECT_EQ(marked.get_int("generation"), 2);
  EXPECT_FALSE(ready_to_remove(first.object));
  const Deletion second = deletion(first.object);
  EXPECT_EQ(second.action, Deletion::Action::Wait);
  EXPECT_EQ(second.object, first.object);
}

TEST(PrepareDelete, LetsNoNewFinalizersIn) {
  const Json marked = deletion(held(R"(["k.dev/hold"])")).object;
  const Outcome<Json> refused =
      try_patch(marked, R"({"metadata":{"finalizers":["k.dev/hold","k.dev/more"]}})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      R"(Mission.reeve.dev "g1" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"k.dev/more"})"
  );
  const Json cleared = patched(marked, R"({"metadata":{"finalizers":null}})");
  EXPECT_TRUE(ready_to_remove(cleared));
  EXPECT_EQ(metadata(cleared).get_int("generation"), 2);
  EXPECT_FALSE(ready_to_remove(stored()));
}

TEST(PrepareDelete, LeavesDependentsToTheCollectorAsAsked) {
  const Deletion foreground = deletion(held(R"(["orphan"])"), Propagation::Foreground);
  EXPECT_EQ(metadata(foreground.object).find("finalizers")->dump(), R"(["foregroundDeletion"])");
  const Deletion orphan = deletion(stored(), Propagation::Orphan);
  EXPECT_EQ(metadata(orphan.object).find("finalizers")->dump(), R"(["orphan"])");
  EXPECT_EQ(deletion(orphan.object, Propagation::Default).action, Deletion::Action::Wait);
  EXPECT_EQ(deletion(orphan.object, Propagation::Background).action, Deletion::Action::Remove);
}

TEST(PrepareDelete, IsForTheObjectThatWasMeant) {
  DeleteOptions options;
  options.uid = "x";
  const Outcome<Deletion> refused =
      prepare_delete(place("g1"), stored(), options, "2026-11-21T09:00:00Z");
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      to_json(refused.error()).dump(),
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on Mission.reeve.dev \"g1\": the UID in the precondition (x) does not match the UID in record (uid-1). The object might have been deleted and then recreated","reason":"Conflict","details":{"name":"g1","group":"reeve.dev","kind":"Mission"},"code":409})"
  );
  options = {};
  options.uid = "uid-1";
  options.resource_version = "504";
  EXPECT_TRUE(prepare_delete(place("g1"), stored(), options, "2026-11-21T09:00:00Z"));
  options.resource_version = "503";
  EXPECT_FALSE(prepare_delete(place("g1"), stored(), options, "2026-11-21T09:00:00Z"));
}

}  // namespace
}  // namespace reeve::resource
