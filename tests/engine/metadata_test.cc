// Metadata of objects that have a book or machine of their own, and their deletion.

#include "base/strings.h"
#include "objects_fixture.h"

namespace reeve::kernel {
namespace {

using journal::Kind;

constexpr std::string_view kWorkflow =
    "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
    "  tasks:\n    - {name: a, script: x}\n";

class MetadataOf : public ObjectsTest {
 protected:
  const journal::ObjectKey mission_ = key(Kind::Mission, "m");
  const journal::ObjectKey beside_ = about(Kind::Mission, "m");
  const journal::ObjectKey channel_ = key(Kind::Channel, "c");
  const journal::ObjectKey credential_ = key(Kind::Credential, "secret");
  const journal::ObjectKey workflow_ = key(Kind::Workflow, "w");

  static Json json(std::string_view text) { return *parse_json(text); }

  /// What the row beside an object says.
  std::string said(const journal::ObjectKey& beside) {
    const Json row = stored(beside);
    const Json* spec = row.find("spec");
    return spec == nullptr ? "nothing" : spec->find("metadata")->dump();
  }

  Result<engine::Reply> apply(std::string_view more = {}) {
    Json body = more.empty() ? Json::object() : json(more);
    body.set("source", kWorkflow);
    return command(workflow_, "apply", std::move(body));
  }

  Result<engine::Reply> set_credential(std::string_view more = {}) {
    Json body = more.empty() ? Json::object() : json(more);
    body.set("sealed", "v1.k.abc").set("keyId", "k");
    return command(credential_, "set", std::move(body));
  }

  Result<engine::Reply> resubmit(std::string_view name) {
    return bench_.call(submit_command(name));
  }
};

TEST_F(MetadataOf, MissionsComesInTheSameCommit) {
  const engine::Reply made = submit("m", "default", json(R"({"labels":{"a":"b"},"uid":"x"})"));
  EXPECT_EQ(said(beside_), R"({"labels":{"a":"b"}})");
  const Json spec = *stored(beside_).find("spec");
  EXPECT_EQ(spec.get_string("kind"), "Mission");
  EXPECT_EQ(spec.get_string("name"), "m");
  EXPECT_EQ(spec.get_string("uid"), made.uid.view());
  EXPECT_TRUE(row(beside_)->live);
}

TEST_F(MetadataOf, MissionsThatIsWrongMakesNoMission) {
  engine::SubmitMission command = submit_command("m");
  command.metadata = json(R"({"finalizers":"text"})");
  EXPECT_EQ(bench_.call(std::move(command)).error().subject, "metadata.finalizers");
  EXPECT_FALSE(row(mission_).has_value());
}

TEST_F(MetadataOf, NobodyIsNowhere) {
  submit("m");
  submit("n", "default", json("{}"));
  EXPECT_FALSE(row(beside_).has_value());
  EXPECT_FALSE(row(about(Kind::Mission, "n")).has_value());
}

TEST_F(MetadataOf, MissionsIsReplacedAsAWhole) {
  const engine::Reply made = submit("m");
  const auto set = describe(
      mission_, R"({"labels":{"a":"b"},"annotations":{"c":"d"},"generation":7,"name":"other"})"
  );
  ASSERT_EQ(outcome(set), "done");
  EXPECT_EQ(set->subject, "m");
  EXPECT_EQ(set->uid, made.uid);
  EXPECT_EQ(set->revision, row(beside_)->revision);
  EXPECT_EQ(
      set->detail.dump(),
      concat(
          R"({"metadata":{"labels":{"a":"b"},"annotations":{"c":"d"},"uid":")",
          made.uid.view(),
          R"("}})"
      )
  );
  const auto same = describe(mission_, R"({"annotations":{"c":"d"},"labels":{"a":"b"}})");
  EXPECT_EQ(same->revision, set->revision);
  describe(mission_, R"({"labels":{"e":"f"}})").value();
  EXPECT_EQ(said(beside_), R"({"labels":{"e":"f"}})");
  describe(mission_, "{}").value();
  EXPECT_EQ(said(beside_), "nothing");
  EXPECT_FALSE(row(beside_)->live);
  EXPECT_TRUE(there(mission_));
  describe(mission_, R"({"labels":{"g":"h"}})").value();
  EXPECT_EQ(said(beside_), R"({"labels":{"g":"h"}})");
}

TEST_F(MetadataOf, ObjectsHasTheLaterRevisionOfBoth) {
  const engine::Reply made = submit("m");
  const auto at = [&](Revision revision, std::string_view metadata) {
    Json body = Json::object();
    body.set("revision", revision.value()).set("metadata", json(metadata));
    return command(beside_, "update", std::move(body));
  };
  const auto set = at(row(mission_)->revision, R"({"labels":{"a":"1"}})");
  ASSERT_EQ(outcome(set), "done");
  EXPECT_EQ(at(row(mission_)->revision, "{}").error().code, ErrorCode::Conflict);
  // The mission moves on: what was read before is old.
  bench_.call(started(bench_.take_launch())).value();
  EXPECT_GT(row(mission_)->revision, set->revision);
  EXPECT_EQ(at(set->revision, "{}").error().code, ErrorCode::Conflict);
  EXPECT_EQ(outcome(at(row(mission_)->revision, R"({"labels":{"a":"2"}})")), "done");
  EXPECT_EQ(describe(mission_, R"({"uid":"another"})").error().code, ErrorCode::Conflict);
  EXPECT_EQ(made.uid, row(mission_)->uid);
}

TEST_F(MetadataOf, WhatIsNotThereOrOfAnotherKindIsRefused) {
  EXPECT_EQ(outcome(describe(mission_, "{}")), R"(not_found: m: there is no mission "m")");
  EXPECT_EQ(remove(beside_).error().code, ErrorCode::NotFound);
  EXPECT_EQ(remove(key(Kind::Metadata, "Setting/x")).error().code, ErrorCode::Invalid);
  EXPECT_EQ(remove(key(Kind::Metadata, "Mission/")).error().code, ErrorCode::Invalid);
  submit("m");
  EXPECT_EQ(outcome(command(beside_, "sing", Json::object())).substr(0, 7), "invalid");
  EXPECT_EQ(outcome(command(beside_, "update", Json::object())), "invalid: metadata: is missing");
  EXPECT_EQ(describe(mission_, R"({"labels":[]})").ok(), true);
  EXPECT_EQ(describe(mission_, R"({"labels":[1]})").error().subject, "metadata.labels");
  EXPECT_EQ(describe(mission_, R"({"labels":{"a":1}})").error().subject, "metadata.labels");
  EXPECT_EQ(describe(mission_, R"({"labells":{}})").error().subject, "metadata.labells");
  EXPECT_EQ(
      command(beside_, "delete", Json::object(), "run:m.1.a.1").error().code,
      ErrorCode::PermissionDenied
  );
}

TEST_F(MetadataOf, EndedMissionsLeavesMemoryAndCanBeChangedAfterwards) {
  submit("m", "default", json(R"({"labels":{"a":"b"}})"));
  finish_runs();
  EXPECT_EQ(bench_.stored_state("m"), "COMPLETE");
  EXPECT_FALSE(row(beside_)->live);
  EXPECT_EQ(said(beside_), R"({"labels":{"a":"b"}})");
  for (const bool restart : {false, true}) {
    if (restart) {
      bench_.restart();
      bench_.commit();
    }
    EXPECT_EQ(
        outcome(describe(mission_, restart ? R"({"labels":{"c":"d"}})" : R"({"labels":{"e":"f"}})")
        ),
        "done"
    );
    EXPECT_FALSE(row(beside_)->live);
  }
  EXPECT_EQ(said(beside_), R"({"labels":{"c":"d"}})");
}

// --- missions -----------------------------------------------------------------------------------

TEST_F(MetadataOf, AnEndedMissionIsDeletedAtOnce) {
  const engine::Reply made = submit("m", "default", json(R"({"labels":{"a":"b"}})"));
  finish_runs();
  const auto gone = remove(beside_);
  ASSERT_EQ(outcome(gone), "done");
  EXPECT_TRUE(gone->gone);
  EXPECT_EQ(gone->uid, made.uid);
  EXPECT_FALSE(there(mission_));
  EXPECT_FALSE(there(beside_));
  EXPECT_EQ(
      row(mission_)->body,
      concat(
          R"({"deleted":true,"apiVersion":"reeve.dev/v1","kind":"Mission",)",
          R"("metadata":{"name":"m","namespace":"default","uid":")",
          made.uid.view(),
          R"("}})"
      )
  );
  EXPECT_FALSE(row(mission_)->live);
  EXPECT_EQ(event_types(mission_).back(), "mission.deleted");
  EXPECT_EQ(remove(beside_).error().code, ErrorCode::NotFound);
  EXPECT_EQ(
      bench_.call(engine::RetryMission{.parent = MissionName("m"), .name = {}}).error().code,
      ErrorCode::NotFound
  );
}

TEST_F(MetadataOf, ALiveMissionIsAbortedAndGoesWhenItHasEnded) {
  submit("m");
  const auto asked = remove(beside_);
  ASSERT_EQ(outcome(asked), "done");
  EXPECT_FALSE(asked->gone);
  EXPECT_EQ(
      said(beside_),
      R"({"finalizers":["reeve.dev/run"],"deletionTimestamp":"2027-01-15T08:00:00Z",)"
      R"("deletionGracePeriodSeconds":0})"
  );
  EXPECT_EQ(remove(beside_)->revision, asked->revision);
  bench_.restart();
  bench_.commit();
  const model::LaunchRun run = bench_.take_launches().back();
  bench_.call(finished(run, 1)).value();
  EXPECT_FALSE(there(mission_));
  EXPECT_FALSE(there(beside_));
}

TEST_F(MetadataOf, AMissionThatNobodyHasStartedIsGoneAtOnce) {
  engine::SubmitMission later = submit_command("m");
  later.not_before = bench_.now() + std::chrono::hours(1);
  bench_.call(std::move(later)).value();
  const auto gone = remove(beside_);
  ASSERT_EQ(outcome(gone), "done");
  EXPECT_TRUE(gone->gone);
  EXPECT_FALSE(there(mission_));
}

TEST_F(MetadataOf, OtherFinalizersKeepAMissionThatHasEnded) {
  submit("m", "default", json(R"({"finalizers":["a/b"]})"));
  remove(beside_).value();
  // Its own finalizer is not for others to take away.
  EXPECT_EQ(describe(mission_, R"({"finalizers":["a/b"]})").error().subject, "metadata.finalizers");
  EXPECT_EQ(
      describe(mission_, R"({"finalizers":["a/b","c/d","reeve.dev/run"]})").error().subject,
      "metadata.finalizers"
  );
  finish_runs();
  EXPECT_EQ(bench_.stored_state("m"), "ABORTED");
  EXPECT_TRUE(row(beside_)->live);
  bench_.restart();
  bench_.commit();
  const auto gone = describe(mission_, "{}");
  ASSERT_EQ(outcome(gone), "done");
  EXPECT_TRUE(gone->gone);
  EXPECT_FALSE(there(mission_));
}

TEST_F(MetadataOf, TheNameOfADeletedMissionStaysTaken) {
  submit("m");
  finish_runs();
  remove(beside_).value();
  for (const bool restart : {false, true}) {
    if (restart) {
      bench_.restart();
      bench_.commit();
    }
    const auto again = resubmit("m");
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code, ErrorCode::AlreadyExists);
    EXPECT_NE(again.error().message.find("was deleted"), std::string::npos);
  }
  submit("n");
  EXPECT_NE(resubmit("n").error().message.find("exists already"), std::string::npos);
}

TEST_F(MetadataOf, NothingCanComeAfterADeletedMission) {
  submit("m");
  finish_runs();
  bench_.post(engine::ObjectCommand{.object = beside_, .verb = "delete", .body = {}});
  engine::SubmitMission next = submit_command("n");
  next.after = {MissionName("m")};
  const std::size_t early = bench_.post(next);
  bench_.commit();
  EXPECT_EQ(bench_.answer(early).error().code, ErrorCode::NotFound);
  EXPECT_EQ(bench_.call(next).error().code, ErrorCode::NotFound);
}

TEST_F(MetadataOf, DeletingAMissionWhileItsEndIsBeingStored) {
  submit("m", "default", json(R"({"labels":{"a":"b"}})"));
  bench_.post(finished(bench_.take_launch(), 0));
  Batch ending = bench_.core().seal();
  const std::size_t deletion =
      bench_.post(engine::ObjectCommand{.object = beside_, .verb = "delete", .body = {}});
  bench_.store_batch(std::move(ending));
  bench_.commit();
  EXPECT_TRUE(bench_.answer(deletion)->gone);
  EXPECT_FALSE(there(mission_));
}

// --- workflows, credentials, channels -----------------------------------------------------------

TEST_F(MetadataOf, WorkflowsComesWithTheText) {
  const auto made = apply(R"({"metadata":{"labels":{"a":"b"}}})");
  ASSERT_EQ(outcome(made), "done");
  const journal::ObjectKey beside = about(Kind::Workflow, "w");
  EXPECT_EQ(said(beside), R"({"labels":{"a":"b"}})");
  EXPECT_EQ(apply(R"({"metadata":{"labels":{}},"revision":1})").error().code, ErrorCode::Conflict);
  EXPECT_EQ(outcome(apply()), "done");
  EXPECT_EQ(said(beside), R"({"labels":{"a":"b"}})");
  const std::string latest = concat(
      R"({"metadata":{},"revision":)",
      std::max(row(beside)->revision, row(workflow_)->revision).value(),
      "}"
  );
  EXPECT_EQ(outcome(apply(latest)), "done");
  EXPECT_EQ(said(beside), "nothing");
}

TEST_F(MetadataOf, ADeletedWorkflowMakesNoMissionsAndItsVersionsStay) {
  const auto made = apply();
  engine::SubmitMission before;
  before.name = MissionName("before");
  before.deployed = "w";
  ASSERT_EQ(outcome(bench_.call(before)), "done");
  const auto gone = remove(about(Kind::Workflow, "w"));
  ASSERT_EQ(outcome(gone), "done");
  EXPECT_TRUE(gone->gone);
  EXPECT_FALSE(there(workflow_));
  EXPECT_FALSE(row(workflow_)->live);
  engine::SubmitMission after = before;
  after.name = MissionName("after");
  EXPECT_EQ(bench_.call(after).error().code, ErrorCode::NotFound);
  bench_.restart();
  bench_.commit();
  finish_runs();
  EXPECT_EQ(bench_.stored_state("before"), "COMPLETE");
  const auto again = apply();
  ASSERT_EQ(outcome(again), "done");
  EXPECT_NE(again->uid, made->uid);
  EXPECT_EQ(again->detail.get_int("generation"), 1);
}

TEST_F(MetadataOf, AWorkflowIsDeletedAndDeployedAgainInOneBatch) {
  const auto made = apply();
  bench_.post(engine::ObjectCommand{.object = workflow_, .verb = "delete", .body = {}});
  Json body = Json::object();
  body.set("source", kWorkflow);
  const std::size_t again =
      bench_.post(engine::ObjectCommand{.object = workflow_, .verb = "apply", .body = body});
  bench_.commit();
  ASSERT_EQ(outcome(bench_.answer(again)), "done");
  EXPECT_NE(bench_.answer(again)->uid, made->uid);
  EXPECT_TRUE(row(workflow_)->live);
}

TEST_F(MetadataOf, CredentialsAndChannelsGoAsEver) {
  set_credential(R"({"metadata":{"labels":{"a":"b"}}})").value();
  command(channel_, "set", json(R"({"metadata":{"labels":{"c":"d"}}})")).value();
  EXPECT_EQ(said(about(Kind::Credential, "secret")), R"({"labels":{"a":"b"}})");
  EXPECT_EQ(said(about(Kind::Channel, "c")), R"({"labels":{"c":"d"}})");
  EXPECT_TRUE(command(credential_, "delete", Json::object()).value().gone);
  EXPECT_TRUE(command(channel_, "delete", Json()).value().gone);
  for (const journal::ObjectKey& object : {credential_, channel_}) {
    EXPECT_FALSE(row(object)->live);
    EXPECT_EQ(said(engine::metadata_key(object)), "nothing");
    EXPECT_EQ(command(object, "delete", Json::object()).error().code, ErrorCode::NotFound);
  }
}

TEST_F(MetadataOf, AreMadeOnceAndChangedFromWhatTheyAre) {
  set_credential(R"({"absent":true})").value();
  EXPECT_EQ(set_credential(R"({"absent":true})").error().code, ErrorCode::AlreadyExists);
  const std::string first = std::to_string(row(credential_)->revision.value());
  const auto allow = [&](const std::string& revision, std::string_view more) {
    return command(
        credential_, "allow", json(concat(R"({"workflows":["w"],"revision":)", revision, more, "}"))
    );
  };
  EXPECT_EQ(outcome(allow(first, R"(,"description":"for w")")), "done");
  EXPECT_NE(row(credential_)->body.find("for w"), std::string::npos);
  EXPECT_EQ(allow(first, "").error().code, ErrorCode::Conflict);
  EXPECT_EQ(
      set_credential(concat(R"({"revision":)", first, "}")).error().code, ErrorCode::Conflict
  );
  const std::string now = std::to_string(row(credential_)->revision.value());
  const std::uint64_t before = bench_.store().head()->revision.value();
  EXPECT_EQ(outcome(allow(now, "")), "done");
  EXPECT_EQ(bench_.store().head()->revision.value(), before);
  EXPECT_EQ(outcome(set_credential(concat(R"({"revision":)", now, "}"))), "done");
}

TEST_F(MetadataOf, FinalizersKeepACredentialWhicheverWayItIsDeleted) {
  set_credential(R"({"metadata":{"finalizers":["a/b"]}})").value();
  EXPECT_FALSE(command(credential_, "delete", Json::object()).value().gone);
  EXPECT_TRUE(row(credential_)->live);
  EXPECT_TRUE(describe(credential_, "{}").value().gone);
  EXPECT_FALSE(row(credential_)->live);
}

TEST_F(MetadataOf, RunsMayDeleteChannelsAndNothingElse) {
  constexpr std::string_view kRun = "run:m.1.a.1";
  command(channel_, "set", Json::object(), kRun).value();
  EXPECT_EQ(
      command(channel_, "set", json(R"({"metadata":{"labels":{"a":"b"}}})"), kRun).error().code,
      ErrorCode::PermissionDenied
  );
  EXPECT_EQ(outcome(command(channel_, "delete", Json::object(), kRun)), "done");
  set_credential().value();
  apply().value();
  for (const journal::ObjectKey& object : {credential_, workflow_}) {
    EXPECT_EQ(
        command(object, "delete", Json::object(), kRun).error().code, ErrorCode::PermissionDenied
    );
  }
}

TEST_F(MetadataOf, ABadRowOrEventIsCorrupt) {
  engine::MetadataBook book;
  EXPECT_FALSE(book.load(beside_, json(R"({"kind":"Metadata"})")).ok());
  journal::Event event;
  event.object = beside_;
  event.uid = Uid("u");
  const auto apply_event = [&](std::string type, std::string data) {
    event.type = std::move(type);
    event.data = std::move(data);
    return book.apply(event).ok();
  };
  EXPECT_FALSE(apply_event("metadata.deleted", "{}"));
  EXPECT_FALSE(apply_event("metadata.set", "{}"));
  EXPECT_FALSE(apply_event("metadata.set", R"({"metadata":{}})"));
  EXPECT_FALSE(apply_event("metadata.set", R"({"uid":"o","metadata":{"finalizers":1}})"));
  EXPECT_TRUE(apply_event("metadata.set", R"({"uid":"o","metadata":{"labels":{"a":"b"}}})"));
  EXPECT_FALSE(apply_event("metadata.sung", "{}"));
  EXPECT_TRUE(apply_event("metadata.archived", "{}"));
  EXPECT_FALSE(book.find(beside_)->live());
}

}  // namespace
}  // namespace reeve::kernel
