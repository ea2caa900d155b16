// Plain resources: objects that are nothing but data.

#include "base/strings.h"
#include "kernel/audit.h"
#include "objects_fixture.h"

namespace reeve::kernel {
namespace {

using journal::Kind;
using testing::Test;

class Resources : public ObjectsTest {
 protected:
  const journal::ObjectKey quota_ = key(Kind::BudgetQuota, "q");

  static Json with(Json object, std::string_view path, Json value) {
    Json* at = &object;
    const std::vector<std::string_view> names = split(path, '.');
    for (std::size_t i = 0; i + 1 < names.size(); ++i) {
      at = at->find(names[i]);
    }
    at->set(std::string(names.back()), std::move(value));
    return object;
  }
};

TEST_F(Resources, AreStoredAsTheyWereGivenWithWhatTheServerAdds) {
  const auto made = create(
      quota_,
      R"("labels":{"a":"b"},"uid":"mine","resourceVersion":"7","generation":9,)",
      R"("spec":{"hard":{"tokens":5}},"status":{"used":{}},)"
  );
  ASSERT_EQ(outcome(made), "done");
  EXPECT_EQ(made->subject, "q");
  EXPECT_FALSE(made->gone);
  EXPECT_EQ(
      made->detail.dump(),
      concat(
          R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","spec":{"hard":{"tokens":5}},)",
          R"("status":{"used":{}},"metadata":{"labels":{"a":"b"},"name":"q","namespace":"default",)",
          R"("creationTimestamp":"2027-01-15T08:00:00Z","generation":1,"uid":")",
          made->uid.view(),
          R"("}})"
      )
  );
  EXPECT_NE(made->uid.view(), "mine");
  const auto stored_row = row(quota_);
  ASSERT_TRUE(stored_row.has_value());
  EXPECT_EQ(stored_row->body, made->detail.dump());
  EXPECT_EQ(stored_row->revision, made->revision);
  EXPECT_EQ(stored_row->uid, made->uid);
  EXPECT_TRUE(stored_row->live);
}

TEST_F(Resources, AreThereAfterARestart) {
  const auto made = create(quota_, {}, R"("spec":{"n":1.5,"m":10000000000},)");
  bench_.restart();
  bench_.commit();
  const auto same = update(quota_, made->detail);
  ASSERT_EQ(outcome(same), "done");
  EXPECT_EQ(same->revision, made->revision);
  EXPECT_EQ(same->detail, made->detail);
}

TEST_F(Resources, AreNotMadeTwice) {
  create(quota_).value();
  EXPECT_EQ(outcome(create(quota_)), R"(already_exists: q: budgetquotas "q" already exists)");
}

TEST_F(Resources, MustBeWhatTheirNameSays) {
  const auto refused = [&](Json object) {
    Json body = Json::object();
    body.set("object", std::move(object));
    const auto reply = command(quota_, "create", std::move(body));
    return reply.ok() ? "done" : reply.error().subject;
  };
  const Json good = object(quota_);
  EXPECT_EQ(refused(with(good, "kind", "Role")), "kind");
  EXPECT_EQ(refused(with(good, "apiVersion", "v2")), "apiVersion");
  EXPECT_EQ(refused(with(good, "metadata.name", "other")), "metadata.name");
  EXPECT_EQ(refused(with(good, "metadata.namespace", "other")), "metadata.namespace");
  EXPECT_EQ(refused(with(good, "metadata", "text")), "metadata");
  EXPECT_EQ(refused(with(good, "metadata.finalizers", "text")), "metadata.finalizers");
  EXPECT_EQ(
      refused(with(good, "metadata.finalizers", *parse_json(R"(["a","a"])"))), "metadata.finalizers"
  );
  EXPECT_EQ(
      refused(with(good, "metadata.ownerReferences", *parse_json(R"([{"kind":"Role"}])"))),
      "metadata.ownerReferences[0].apiVersion"
  );
  EXPECT_EQ(outcome(command(quota_, "create", Json::object())), "invalid: object: is missing");
  EXPECT_EQ(outcome(command(quota_, "sing", Json::object())).substr(0, 7), "invalid");
  EXPECT_EQ(
      outcome(create(cluster_key(Kind::BudgetQuota, "q"))),
      "invalid: namespace: \"\" is no name for a namespace"
  );
  EXPECT_EQ(
      outcome(create(key(Kind::ClusterRole, "r"))),
      "invalid: metadata.namespace: clusterroles belong to no namespace"
  );
  EXPECT_FALSE(row(quota_).has_value());
}

TEST_F(Resources, TooLargeOnesAreRefused) {
  const std::string big(engine::kResourceBytesMax, 'x');
  const auto made = create(quota_, {}, concat(R"("spec":{"text":")", big, R"("},)"));
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::LimitExceeded);
  EXPECT_FALSE(row(quota_).has_value());
}

TEST_F(Resources, OfTheLargestSizeCanStillBeDeletedStepByStep) {
  std::string big(engine::kResourceBytesMax - 400, 'x');
  const std::string spec = concat(R"("spec":{"text":")", big, R"("},)");
  ASSERT_EQ(outcome(create(quota_, R"("finalizers":["a/b"],)", spec)), "done");
  EXPECT_EQ(outcome(remove(quota_, R"({"propagationPolicy":"Foreground"})")), "done");
  collect();
  EXPECT_TRUE(there(quota_));
  Json object = stored(quota_);
  object.find("metadata")->set("finalizers", Json::array());
  EXPECT_TRUE(update(quota_, std::move(object)).value().gone);
}

TEST_F(Resources, ChangeTheirGenerationWithTheirDesire) {
  const auto made = create(quota_, {}, R"("spec":{"n":1},)");
  const auto generation = [&] {
    return stored(quota_).find("metadata")->get_int("generation");
  };
  Json changed = with(made->detail, "spec.n", 2);
  const auto second = update(quota_, changed);
  ASSERT_EQ(outcome(second), "done");
  EXPECT_EQ(generation(), 2);
  EXPECT_GT(second->revision, made->revision);
  update(quota_, with(second->detail, "metadata.labels", *parse_json(R"({"a":"b"})"))).value();
  EXPECT_EQ(generation(), 2);
  EXPECT_EQ(stored(quota_).find("metadata")->find("labels")->dump(), R"({"a":"b"})");
  update(quota_, with(second->detail, "status", Json::object()), R"({"subresource":"status"})")
      .value();
  EXPECT_EQ(generation(), 2);
  // Members beside the spec are desire, too.
  update(quota_, with(second->detail, "data", "x")).value();
  EXPECT_EQ(generation(), 3);
}

TEST_F(Resources, AWriteThatChangesNothingIsNoEvent) {
  const auto made = create(quota_, R"("labels":{"a":"1","b":"2"},)", R"("spec":{"n":1,"m":2},)");
  Json other_order =
      object(quota_, R"("labels":{"b":"2","a":"1"},)", R"("spec":{"m":2,"n":1},"status":{"x":1},)");
  const auto same = update(quota_, std::move(other_order));
  ASSERT_EQ(outcome(same), "done");
  EXPECT_EQ(same->revision, made->revision);
  EXPECT_EQ(event_types(quota_), std::vector<std::string>{"resource.created"});
}

TEST_F(Resources, StatusAndTheRestAreWrittenApart) {
  const auto made = create(quota_, {}, R"("spec":{"n":1},"status":{"used":1},)");
  Json both = with(with(made->detail, "spec.n", 2), "status.used", 2);
  update(quota_, both).value();
  EXPECT_EQ(stored(quota_).find("status")->dump(), R"({"used":1})");
  EXPECT_EQ(stored(quota_).find("spec")->dump(), R"({"n":2})");
  both = with(with(both, "spec.n", 3), "metadata.labels", *parse_json(R"({"x":"y"})"));
  both = with(both, "metadata.managedFields", *parse_json(R"([{"manager":"m"}])"));
  update(quota_, both, R"({"subresource":"status"})").value();
  EXPECT_EQ(stored(quota_).find("status")->dump(), R"({"used":2})");
  EXPECT_EQ(stored(quota_).find("spec")->dump(), R"({"n":2})");
  EXPECT_EQ(stored(quota_).find("metadata")->find("labels"), nullptr);
  EXPECT_NE(stored(quota_).find("metadata")->find("managedFields"), nullptr);
  EXPECT_EQ(
      outcome(update(quota_, both, R"({"subresource":"scale"})")),
      R"(invalid: subresource: there is no subresource "scale")"
  );
}

TEST_F(Resources, CompareAndSetLetsOneOfTwoWin) {
  const auto made = create(quota_, {}, R"("spec":{"n":7},)");
  const std::string at = concat(R"({"revision":)", made->revision.value(), "}");
  EXPECT_EQ(outcome(update(quota_, with(made->detail, "spec.n", 8), at)), "done");
  const auto late = update(quota_, with(made->detail, "spec.n", 9), at);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::Conflict);
  EXPECT_EQ(
      late.error().message,
      "the object has been modified; please apply your changes to the latest version and try again"
  );
  EXPECT_EQ(stored(quota_).find("spec")->dump(), R"({"n":8})");
}

TEST_F(Resources, AnotherIncarnationIsAConflict) {
  const auto made = create(quota_);
  EXPECT_EQ(
      update(quota_, with(made->detail, "metadata.uid", "another")).error().code,
      ErrorCode::Conflict
  );
  EXPECT_EQ(remove(quota_, R"({"uid":"another"})").error().code, ErrorCode::Conflict);
  EXPECT_EQ(remove(quota_, R"({"revision":1})").error().code, ErrorCode::Conflict);
  EXPECT_TRUE(there(quota_));
  EXPECT_EQ(outcome(remove(quota_, concat(R"({"uid":")", made->uid.view(), R"("})"))), "done");
}

TEST_F(Resources, WithoutFinalizersGoAtOnceAndTheirNameIsFree) {
  const auto made = create(quota_, {}, R"("spec":{"n":1},)");
  const auto gone = remove(quota_);
  ASSERT_EQ(outcome(gone), "done");
  EXPECT_TRUE(gone->gone);
  EXPECT_EQ(gone->uid, made->uid);
  EXPECT_EQ(gone->detail, made->detail);
  EXPECT_GT(gone->revision, made->revision);
  const auto last = row(quota_);
  ASSERT_TRUE(last.has_value());
  EXPECT_FALSE(last->live);
  EXPECT_EQ(last->revision, gone->revision);
  EXPECT_EQ(
      last->body,
      concat(
          R"({"deleted":true,"apiVersion":"reeve.dev/v1","kind":"BudgetQuota",)",
          R"("metadata":{"name":"q","namespace":"default","uid":")",
          made->uid.view(),
          R"("}})"
      )
  );
  EXPECT_EQ(remove(quota_).error().code, ErrorCode::NotFound);
  EXPECT_EQ(update(quota_, made->detail).error().code, ErrorCode::NotFound);
  const auto again = create(quota_);
  ASSERT_EQ(outcome(again), "done");
  EXPECT_NE(again->uid, made->uid);
}

TEST_F(Resources, ANameThatIsUsedAgainInTheSameBatchHasAnotherUid) {
  const auto made = create(quota_);
  Json body = Json::object();
  body.set("object", object(quota_));
  bench_.post(engine::ObjectCommand{.object = quota_, .verb = "delete", .body = {}});
  const std::size_t again =
      bench_.post(engine::ObjectCommand{.object = quota_, .verb = "create", .body = body});
  bench_.commit();
  ASSERT_EQ(outcome(bench_.answer(again)), "done");
  EXPECT_NE(bench_.answer(again)->uid, made->uid);
  EXPECT_EQ(row(quota_)->uid, bench_.answer(again)->uid);
  EXPECT_TRUE(row(quota_)->live);
}

TEST_F(Resources, DeletedAgainWhileTheFirstDeletionIsBeingStored) {
  create(quota_).value();
  bench_.post(engine::ObjectCommand{.object = quota_, .verb = "delete", .body = {}});
  Batch first = bench_.core().seal();
  Json body = Json::object();
  body.set("object", object(quota_));
  bench_.post(engine::ObjectCommand{.object = quota_, .verb = "create", .body = body});
  bench_.post(engine::ObjectCommand{.object = quota_, .verb = "delete", .body = {}});
  bench_.store_batch(std::move(first));
  bench_.commit();
  EXPECT_FALSE(there(quota_));
}

TEST_F(Resources, FinalizersKeepAnObjectUntilTheLastHasGone) {
  const auto made = create(quota_, R"("finalizers":["a/one","a/two"],)");
  const auto asked = remove(quota_);
  ASSERT_EQ(outcome(asked), "done");
  EXPECT_FALSE(asked->gone);
  const Json* metadata = asked->detail.find("metadata");
  EXPECT_EQ(metadata->get_string("deletionTimestamp"), "2027-01-15T08:00:00Z");
  EXPECT_EQ(metadata->get_int("deletionGracePeriodSeconds", -1), 0);
  EXPECT_EQ(metadata->get_int("generation"), 2);
  const auto again = remove(quota_);
  ASSERT_EQ(outcome(again), "done");
  EXPECT_EQ(again->revision, asked->revision);
  const Json more =
      with(asked->detail, "metadata.finalizers", *parse_json(R"(["a/one","a/two","a/three"])"));
  EXPECT_EQ(update(quota_, more).error().code, ErrorCode::Invalid);
  EXPECT_EQ(update(quota_, more).error().subject, "metadata.finalizers");
  const auto fewer =
      update(quota_, with(asked->detail, "metadata.finalizers", *parse_json(R"(["a/two"])")));
  ASSERT_EQ(outcome(fewer), "done");
  EXPECT_FALSE(fewer->gone);
  const auto last = update(quota_, with(fewer->detail, "metadata.finalizers", Json::array()));
  ASSERT_EQ(outcome(last), "done");
  EXPECT_TRUE(last->gone);
  EXPECT_EQ(last->uid, made->uid);
  EXPECT_EQ(last->detail.find("metadata")->get_string("name"), "q");
  EXPECT_FALSE(there(quota_));
  EXPECT_EQ(
      event_types(quota_),
      (std::vector<std::string>{
          "resource.created", "resource.deletion_requested", "resource.updated", "resource.deleted"}
      )
  );
}

TEST_F(Resources, DeletionStaysAskedForWhateverIsWritten) {
  const auto made = create(quota_, R"("finalizers":["a/b"],)", R"("spec":{"n":1},)");
  const auto asked = remove(quota_);
  // The writer has read the object before its deletion was asked for.
  const auto late = update(quota_, with(made->detail, "spec.n", 2));
  ASSERT_EQ(outcome(late), "done");
  const Json* metadata = late->detail.find("metadata");
  EXPECT_NE(metadata->find("deletionTimestamp"), nullptr);
  EXPECT_EQ(metadata->get_int("generation"), 3);
}

TEST_F(Resources, EventsHoldTheObjectWithoutWhatTheyTellThemselves) {
  const auto made = create(quota_, {}, R"("spec":{"n":1},)");
  const auto events = bench_.store().events({.after = {}, .object = quota_, .limit = 10});
  ASSERT_EQ(events->size(), 1U);
  const Json data = *parse_json(events->front().data);
  EXPECT_EQ(data.find("metadata")->find("uid"), nullptr);
  EXPECT_EQ(events->front().uid, made->uid);
  EXPECT_EQ(data.find("spec")->dump(), R"({"n":1})");
}

TEST_F(Resources, RunsMayWriteToTheBlackboardAlone) {
  constexpr std::string_view kRun = "run:m.1.a.1";
  EXPECT_EQ(create(quota_, {}, {}, kRun).error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(
      create(cluster_key(Kind::Namespace, "n"), {}, {}, kRun).error().code,
      ErrorCode::PermissionDenied
  );
  EXPECT_EQ(
      outcome(create(key(Kind::BlackboardEntry, "e"), {}, R"("spec":{"type":"directive"},)", kRun)),
      "done"
  );
}

TEST_F(Resources, OfEveryKindAreKept) {
  for (const engine::ResourceKind& kind : engine::resource_kinds()) {
    EXPECT_EQ(engine::resource_kind(kind.name), engine::resource_kind(kind.kind));
    if (kind.kind == Kind::Incident) {
      continue;  // they are opened, not made: incident_book_test.cc
    }
    const journal::ObjectKey named =
        kind.namespaced ? key(kind.kind, "some") : cluster_key(kind.kind, "some");
    EXPECT_EQ(outcome(create(named)), "done") << kind.name;
    EXPECT_EQ(stored(named).get_string("kind"), kind.name);
  }
  bench_.restart();
  bench_.commit();
  EXPECT_EQ(engine::resource_kind("Pod"), nullptr);
  EXPECT_EQ(engine::resource_kind(Kind::Mission), nullptr);
}

TEST_F(Resources, ABadRowOrEventIsCorrupt) {
  engine::ResourceBook book(*engine::resource_kind(Kind::BudgetQuota));
  const auto load = [&](std::string_view row) {
    const Result<void> loaded = book.load(quota_, *parse_json(row));
    return loaded.ok() ? ErrorCode::Invalid : loaded.error().code;
  };
  EXPECT_EQ(load(R"({"kind":"BudgetQuota"})"), ErrorCode::Corrupt);
  EXPECT_EQ(
      load(R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"q"}})"),
      ErrorCode::Corrupt
  );
  journal::Event event;
  event.object = quota_;
  event.uid = Uid("u");
  event.data = object(quota_).dump();
  const auto apply = [&](std::string type) {
    event.type = std::move(type);
    return book.apply(event).ok();
  };
  EXPECT_FALSE(apply("resource.updated"));
  EXPECT_FALSE(apply("resource.sung"));
  EXPECT_TRUE(apply("resource.created"));
  EXPECT_FALSE(apply("resource.created"));
  event.uid = Uid("other");
  EXPECT_FALSE(apply("resource.updated"));
}

// --- the blackboard -----------------------------------------------------------------------------

class Blackboard : public Resources {
 protected:
  const journal::ObjectKey entry_ = key(Kind::BlackboardEntry, "e");

  std::string author() { return stored(entry_).find("spec")->get_string("author"); }
};

TEST_F(Blackboard, TheServerSaysWhoHasWrittenAnEntry) {
  create(entry_, {}, R"("spec":{"type":"directive","author":"somebody","content":1},)").value();
  EXPECT_EQ(author(), "user:ann");
  const Json before = stored(entry_);
  const auto forged = update(entry_, with(before, "spec.author", "x"), "{}", "user:bob");
  EXPECT_EQ(forged->detail, before);
  update(entry_, with(before, "metadata.labels", *parse_json(R"({"a":"b"})")), "{}", "user:bob")
      .value();
  EXPECT_EQ(author(), "user:ann");
  update(entry_, with(before, "spec.content", 2), "{}", "user:bob").value();
  EXPECT_EQ(author(), "user:bob");
}

TEST_F(Blackboard, DecisionsStayAsTheyAre) {
  const auto made = create(entry_, {}, R"("spec":{"type":"decision","content":1},)");
  ASSERT_EQ(outcome(made), "done");
  EXPECT_EQ(author(), "user:ann");
  EXPECT_EQ(
      outcome(update(entry_, with(made->detail, "spec.content", 2))),
      "invalid_transition: e: a decision cannot be changed"
  );
  EXPECT_EQ(
      outcome(update(entry_, with(made->detail, "metadata.labels", *parse_json(R"({"a":"b"})")))),
      "invalid_transition: e: a decision cannot be changed"
  );
  EXPECT_EQ(
      outcome(update(entry_, with(made->detail, "status", Json(1)), R"({"subresource":"status"})")),
      "invalid_transition: e: a decision cannot be changed"
  );
  EXPECT_EQ(outcome(remove(entry_)), "invalid_transition: e: a decision cannot be deleted");
  EXPECT_EQ(outcome(update(entry_, made->detail)), "done");
  EXPECT_EQ(event_types(entry_), std::vector<std::string>{"resource.created"});
}

TEST_F(Blackboard, DecisionsHaveNothingThatCouldEndThem) {
  const std::string decision = R"("spec":{"type":"decision"},)";
  EXPECT_EQ(
      create(entry_, R"("finalizers":["a/b"],)", decision).error().subject, "metadata.finalizers"
  );
  const auto quota = create(quota_);
  EXPECT_EQ(
      create(entry_, owners({owner(quota_, quota->uid)}), decision).error().subject,
      "metadata.ownerReferences"
  );
}

TEST_F(Blackboard, NothingBecomesADecision) {
  const auto made = create(entry_, {}, R"("spec":{"type":"directive"},)");
  EXPECT_EQ(
      update(entry_, with(made->detail, "spec.type", "decision")).error().subject, "spec.type"
  );
}

}  // namespace
}  // namespace reeve::kernel
