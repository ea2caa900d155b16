#include "store_contract.h"

#include <atomic>
#include <thread>

namespace reeve::store {
namespace {

using Names = std::vector<std::string>;
using Revisions = std::vector<std::uint64_t>;

TEST_P(StoreContract, IsEmptyAtFirst) {
  const Result<Head> head = store().head();
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->revision, Revision(0));
  EXPECT_EQ(head->chain, Sha256Bytes{});
  EXPECT_EQ(body_of(mission("m")), "absent");
  EXPECT_EQ(listed({}), Names{});
  EXPECT_EQ(revisions({}), Revisions{});
  EXPECT_EQ(revisions({.after = {}, .object = mission("m"), .limit = 5}), Revisions{});
  EXPECT_EQ(live_names(), Names{});
  EXPECT_EQ(timers(), Names{});
}

TEST_P(StoreContract, ReturnsEventsAsTheyWereCommitted) {
  Commit original;
  writer().add_event(original, mission("m\"1'é"), "{\"a\":\"\\u0000 ü\"}");
  original.events[0].uid = Uid("");
  writer() = JournalWriter();
  journal::Chain chain;
  chain.link(original.events[0]);
  commit(original);
  const Result<std::vector<journal::Event>> events = store().events({});
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1U);
  const journal::Event& read = events->front();
  const journal::Event& written = original.events.front();
  EXPECT_EQ(read.revision, written.revision);
  EXPECT_EQ(read.at, written.at);
  EXPECT_EQ(read.object, written.object);
  EXPECT_EQ(read.uid, written.uid);
  EXPECT_EQ(read.type, written.type);
  EXPECT_EQ(read.actor, written.actor);
  EXPECT_EQ(read.correlation, written.correlation);
  EXPECT_EQ(read.data, written.data);
  EXPECT_EQ(read.chain, written.chain);
}

TEST_P(StoreContract, MovesTheHeadToTheLastEvent) {
  Commit batch;
  writer().add(batch, mission("a"), "{}");
  writer().add(batch, mission("b"), "{}");
  commit(batch);
  const Result<Head> head = store().head();
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->revision, Revision(2));
  EXPECT_EQ(head->chain, batch.events.back().chain);
}

TEST_P(StoreContract, RefusesEventsThatDoNotFollowTheHead) {
  put(mission("a"));
  JournalWriter ahead(*store().head());
  (void)ahead.one(mission("b"), "{}");
  const Result<void> gap = store().commit(ahead.one(mission("b"), "{}"));
  ASSERT_FALSE(gap.ok());
  EXPECT_EQ(gap.error().code, ErrorCode::Conflict);

  JournalWriter behind;
  const Result<void> repeat = store().commit(behind.one(mission("b"), "{}"));
  ASSERT_FALSE(repeat.ok());
  EXPECT_EQ(repeat.error().code, ErrorCode::Conflict);
  EXPECT_EQ(store().head()->revision, Revision(1));
  EXPECT_EQ(body_of(mission("b")), "absent");
}

TEST_P(StoreContract, RefusesAGapInsideACommit) {
  Commit batch;
  writer().add_event(batch, mission("a"));
  writer().add_event(batch, mission("a"));
  writer().add_event(batch, mission("a"));
  batch.events.erase(batch.events.begin() + 1);
  const Result<void> stored = store().commit(batch);
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::Conflict);
  EXPECT_EQ(revisions({}), Revisions{});
}

TEST_P(StoreContract, RefusesEventsOfAnotherHistory) {
  put(mission("a"));
  Head other = *store().head();
  other.chain[0] = static_cast<std::uint8_t>(other.chain[0] ^ 1U);
  JournalWriter stranger(other);
  const Result<void> stored = store().commit(stranger.one(mission("a"), "{\"n\":2}"));
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::Conflict);
  EXPECT_EQ(body_of(mission("a")), "{}");
}

TEST_P(StoreContract, StoresNothingOfARefusedCommit) {
  put(mission("a"));
  Commit batch;
  writer().add(batch, mission("a"), "{\"n\":2}");
  writer().add(batch, mission("b"), "{}");
  batch.timers.push_back({.owner = mission("a"), .key = "t", .due = from_unix_millis(5)});
  batch.inputs.push_back(
      {.id = InputId("i"), .revision = Revision(3), .expires_at = {}, .subject = "a"}
  );
  batch.events.back().data.assign(journal::kEventDataBytesMax + 1, ' ');
  const Result<void> stored = store().commit(batch);
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::LimitExceeded);
  EXPECT_EQ(store().head()->revision, Revision(1));
  EXPECT_EQ(revisions({}), Revisions{1});
  EXPECT_EQ(body_of(mission("a")), "{}");
  EXPECT_EQ(body_of(mission("b")), "absent");
  EXPECT_EQ(timers(), Names{});
  EXPECT_FALSE(store().find_input(InputId("i"))->has_value());
}

TEST_P(StoreContract, TakesTheLargestEvent) {
  Commit batch;
  writer().add_event(batch, mission("a"), std::string(journal::kEventDataBytesMax, '7'));
  commit(batch);
  EXPECT_EQ(store().events({})->front().data.size(), journal::kEventDataBytesMax);
}

TEST_P(StoreContract, ReplacesARowAndKeepsTheRevisionOfItsCreation) {
  put(mission("a"), "{\"n\":1}");
  put(mission("b"));
  Commit update = writer().one(mission("a"), "{\"n\":2}", false);
  update.rows[0].uid = Uid("another");
  commit(update);
  const std::optional<Row> row = *store().get(mission("a"));
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->body, "{\"n\":2}");
  EXPECT_EQ(row->revision, Revision(3));
  EXPECT_EQ(row->uid, Uid("another"));
  EXPECT_FALSE(row->live);
  const std::vector<ListedRow> rows = *store().list({});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].row.key.name, "b");
  EXPECT_EQ(rows[1].row.key.name, "a");
  EXPECT_EQ(rows[1].created, Revision(1));
}

TEST_P(StoreContract, DatesAnObjectFromItsFirstEventInACommit) {
  Commit batch;
  writer().add_event(batch, mission("first"));
  writer().add_event(batch, mission("second"));
  writer().add_event(batch, mission("second"));
  writer().add_event(batch, mission("first"));
  for (const auto& [name, revision] : {std::pair("second", 3U), std::pair("first", 4U)}) {
    batch.rows.push_back(
        {.key = mission(name),
         .uid = Uid("u"),
         .revision = Revision(revision),
         .live = true,
         .body = "{}"}
    );
  }
  commit(batch);
  EXPECT_EQ(live_names(), (Names{"first", "second"}));
  EXPECT_EQ(store().list({})->back().created, Revision(1));
}

TEST_P(StoreContract, CountsWhatIsNotLiveByItsTally) {
  const auto end = [&](const char* name, const char* tally, bool live) {
    Commit batch;
    writer().add_event(batch, mission(name));
    const Revision revision = batch.events.back().revision;
    batch.rows.push_back(
        {.key = mission(name),
         .uid = Uid("u"),
         .revision = revision,
         .live = live,
         .body = "{}",
         .tally = tally}
    );
    commit(batch);
    return revision;
  };
  end("a", "w/COMPLETE", true);
  const Revision first = end("a", "w/COMPLETE", false);
  end("b", "w/COMPLETE", false);
  end("c", "w/FAILED", false);
  end("d", "w/COMPLETE", true);
  end("e", "", false);
  const Revision last(1'000'000);
  EXPECT_EQ(store().count_ended("w/COMPLETE", last).value(), 2U);
  EXPECT_EQ(store().count_ended("w/COMPLETE", first).value(), 1U);
  EXPECT_EQ(store().count_ended("w/FAILED", last).value(), 1U);
  EXPECT_EQ(store().count_ended("other/FAILED", last).value(), 0U);
}

TEST_P(StoreContract, TellsApartKindsAndNamespacesOfOneName) {
  put(mission("x"), "{\"k\":1}");
  put(workflow("x"), "{\"k\":2}");
  put(mission("x", "other"), "{\"k\":3}");
  EXPECT_EQ(body_of(mission("x")), "{\"k\":1}");
  EXPECT_EQ(body_of(workflow("x")), "{\"k\":2}");
  EXPECT_EQ(body_of(mission("x", "other")), "{\"k\":3}");
  EXPECT_EQ(revisions({.after = {}, .object = workflow("x"), .limit = 9}), Revisions{2});
}

TEST_P(StoreContract, ListsByKindNamespaceAndLife) {
  put(mission("a"));
  put(workflow("w"));
  put(mission("b", "other"));
  put(mission("c"), "{}", false);
  put(mission("d"));
  EXPECT_EQ(listed({}), (Names{"d", "c", "b", "a"}));
  RowQuery query;
  query.kind = journal::Kind::Workflow;
  EXPECT_EQ(listed(query), (Names{"w"}));
  query = {};
  query.ns = Namespace("default");
  EXPECT_EQ(listed(query), (Names{"d", "c", "a"}));
  query.live_only = true;
  EXPECT_EQ(listed(query), (Names{"d", "a"}));
  query.ns.reset();
  EXPECT_EQ(listed(query), (Names{"d", "b", "a"}));
  query.limit = 0;
  EXPECT_EQ(listed(query), Names{});
}

TEST_P(StoreContract, PagesNewestFirstWhileRowsAreInserted) {
  for (int index = 1; index <= 7; ++index) {
    put(mission(concat("m", index)));
  }
  Names seen;
  RowQuery query;
  query.limit = 3;
  for (int page = 0; page < 3; ++page) {
    const std::vector<ListedRow> rows = *store().list(query);
    for (const ListedRow& listed : rows) {
      seen.push_back(listed.row.key.name);
    }
    query.before = rows.back().created;
    put(mission(concat("later", page)));
    put(mission("m1"), "{\"touched\":true}");
  }
  EXPECT_EQ(seen, (Names{"m7", "m6", "m5", "m4", "m3", "m2", "m1"}));
  EXPECT_EQ(listed(query), Names{});
}

TEST_P(StoreContract, ScansLiveRowsInOrderOfCreation) {
  put(mission("z"));
  put(workflow("k"));
  put(mission("gone"));
  put(mission("a"));
  put(mission("dead"), "{}", false);
  put(mission("gone"), "{}", false);
  put(mission("z"), "{\"n\":2}");
  EXPECT_EQ(live_names(), (Names{"z", "k", "a"}));
  put(mission("gone"), "{}", true);
  EXPECT_EQ(live_names(), (Names{"z", "k", "gone", "a"}));
}

TEST_P(StoreContract, ScansAllRowsInOrderOfTheirKeys) {
  put(mission("b"));
  put(mission("a", "zz"), "{}", false);
  put(workflow("w"));
  put(mission("a"));
  std::vector<journal::ObjectKey> keys;
  ASSERT_TRUE(store()
                  .each_row([&](const Row& row) -> Result<void> {
                    keys.push_back(row.key);
                    return {};
                  })
                  .ok());
  EXPECT_EQ(
      keys,
      (std::vector<journal::ObjectKey>{
          workflow("w"), mission("a"), mission("b"), mission("a", "zz")})
  );
}

TEST_P(StoreContract, EndsAScanWithTheErrorOfItsVisitor) {
  put(mission("a"));
  put(mission("b"));
  arm(mission("a"), "t", 1);
  arm(mission("b"), "t", 2);
  int visits = 0;
  const auto refuse = [&](const auto&) -> Result<void> {
    ++visits;
    return make_error(ErrorCode::Cancelled, "enough");
  };
  EXPECT_EQ(store().each_live_row(refuse).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(store().each_row(refuse).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(store().each_timer(refuse).error().code, ErrorCode::Cancelled);
  EXPECT_EQ(visits, 3);
  // An abandoned scan leaves nothing behind that would disturb the next.
  EXPECT_EQ(live_names(), (Names{"a", "b"}));
  put(mission("c"));
  EXPECT_EQ(live_names(), (Names{"a", "b", "c"}));
}

TEST_P(StoreContract, LetsAVisitorReadAndWriteTheStore) {
  put(mission("a"));
  put(mission("b"));
  const Result<void> scanned = store().each_live_row([&](const Row& row) -> Result<void> {
    EXPECT_EQ(body_of(row.key), "{}");
    return store().commit(writer().one(mission(concat(row.key.name, "-child")), "{}"));
  });
  ASSERT_TRUE(scanned.ok()) << scanned.error().describe();
  EXPECT_EQ(live_names(), (Names{"a", "b", "a-child", "b-child"}));
}

TEST_P(StoreContract, KeepsOneTimerPerOwnerAndKey) {
  arm(mission("a"), "retry", 50);
  arm(mission("a"), "deadline", 40);
  arm(mission("b"), "retry", 30);
  arm(workflow("a"), "retry", 45);
  EXPECT_EQ(timers(), (Names{"b/retry@30", "a/deadline@40", "a/retry@45", "a/retry@50"}));
  arm(mission("a"), "retry", 10);
  EXPECT_EQ(timers(), (Names{"a/retry@10", "b/retry@30", "a/deadline@40", "a/retry@45"}));
  disarm(mission("a"), "retry");
  disarm(mission("a"), "never armed");
  EXPECT_EQ(timers(), (Names{"b/retry@30", "a/deadline@40", "a/retry@45"}));
}

TEST_P(StoreContract, OrdersTimersOfOneInstantByOwnerAndKey) {
  arm(workflow("a"), "k", 5);
  arm(mission("b"), "k", 5);
  arm(mission("a"), "z", 5);
  arm(mission("a"), "k", 5);
  arm(mission("x"), "k", -3);
  EXPECT_EQ(timers(), (Names{"x/k@-3", "a/k@5", "a/z@5", "b/k@5", "a/k@5"}));
}

TEST_P(StoreContract, FindsHandledInputsUntilTheyAreForgotten) {
  Commit batch = writer().one(mission("a"), "{}");
  for (int index = 1; index <= 5; ++index) {
    batch.inputs.push_back(
        {.id = InputId(concat("i", index)),
         .revision = Revision(1),
         .expires_at = from_unix_millis(index * 10),
         .subject = "a"}
    );
  }
  commit(batch);
  const std::optional<InputRecord> found = *store().find_input(InputId("i3"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, InputId("i3"));
  EXPECT_EQ(found->revision, Revision(1));
  EXPECT_EQ(found->expires_at, from_unix_millis(30));
  EXPECT_EQ(found->subject, "a");
  EXPECT_FALSE(store().find_input(InputId("i"))->has_value());

  const auto remaining = [&] {
    std::string ids;
    for (int index = 1; index <= 5; ++index) {
      ids += store().find_input(InputId(concat("i", index)))->has_value() ? 'y' : 'n';
    }
    return ids;
  };
  ASSERT_TRUE(store().forget_inputs(from_unix_millis(30), 1).ok());
  EXPECT_EQ(remaining(), "nyyyy");
  ASSERT_TRUE(store().forget_inputs(from_unix_millis(30), 100).ok());
  EXPECT_EQ(remaining(), "nnyyy");
  ASSERT_TRUE(store().forget_inputs(from_unix_millis(1000), 2).ok());
  EXPECT_EQ(remaining(), "nnnny");
}

TEST_P(StoreContract, ReplacesTheRecordOfARepeatedInput) {
  Commit batch;
  batch.inputs.push_back(
      {.id = InputId("i"), .revision = {}, .expires_at = from_unix_millis(10), .subject = "a"}
  );
  commit(batch);
  batch.inputs[0].expires_at = from_unix_millis(99);
  batch.inputs[0].subject = "b";
  commit(batch);
  ASSERT_TRUE(store().forget_inputs(from_unix_millis(50), 100).ok());
  const std::optional<InputRecord> found = *store().find_input(InputId("i"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->subject, "b");
}

TEST_P(StoreContract, PagesThroughTheJournal) {
  for (int index = 0; index < 7; ++index) {
    put(mission(concat("m", index % 2)));
  }
  EXPECT_EQ(revisions({.after = Revision(0), .object = {}, .limit = 3}), (Revisions{1, 2, 3}));
  EXPECT_EQ(revisions({.after = Revision(3), .object = {}, .limit = 3}), (Revisions{4, 5, 6}));
  EXPECT_EQ(revisions({.after = Revision(6), .object = {}, .limit = 3}), (Revisions{7}));
  EXPECT_EQ(revisions({.after = Revision(7), .object = {}, .limit = 3}), Revisions{});
  EXPECT_EQ(revisions({.after = Revision(99), .object = {}, .limit = 3}), Revisions{});
}

TEST_P(StoreContract, PagesThroughTheHistoryOfOneObject) {
  Commit batch;
  writer().add_event(batch, mission("a"));  // 1
  writer().add(batch, mission("a"), "{}");  // 2
  writer().add_event(batch, mission("b"));  // 3
  commit(batch);
  put(mission("b"));  // 4
  Commit more;
  writer().add_event(more, mission("b"));  // 5
  writer().add_event(more, mission("a"));  // 6
  writer().add_event(more, mission("b"));  // 7
  writer().add_event(more, mission("a"));  // 8
  commit(more);
  const auto page = [&](const char* name, std::uint64_t after, std::uint32_t limit) {
    return revisions({.after = Revision(after), .object = mission(name), .limit = limit});
  };
  EXPECT_EQ(page("a", 0, 500), (Revisions{1, 2, 6, 8}));
  EXPECT_EQ(page("b", 0, 500), (Revisions{3, 4, 5, 7}));
  EXPECT_EQ(page("a", 0, 2), (Revisions{1, 2}));
  EXPECT_EQ(page("a", 2, 1), (Revisions{6}));
  EXPECT_EQ(page("a", 3, 2), (Revisions{6, 8}));
  EXPECT_EQ(page("a", 8, 2), Revisions{});
  EXPECT_EQ(page("a", 0, 0), Revisions{});
}

TEST_P(StoreContract, ReadsTheNewestEventsOfAnObject) {
  Commit batch;
  for (int i = 0; i < 3; ++i) {
    writer().add_event(batch, mission("a"));  // 1, 3, 5
    writer().add_event(batch, mission("b"));  // 2, 4, 6
  }
  commit(batch);
  const auto newest = [&](std::uint64_t after, std::uint32_t limit) {
    return revisions(
        {.after = Revision(after), .object = mission("a"), .limit = limit, .newest = true}
    );
  };
  EXPECT_EQ(newest(0, 2), (Revisions{3, 5}));
  EXPECT_EQ(newest(0, 9), (Revisions{1, 3, 5}));
  EXPECT_EQ(newest(3, 9), (Revisions{5}));
  EXPECT_EQ(newest(0, 0), Revisions{});
}

TEST_P(StoreContract, KeepsTheHistoryOfAnObjectWithoutARow) {
  Commit batch;
  writer().add_event(batch, mission("ghost"));
  commit(batch);
  EXPECT_EQ(body_of(mission("ghost")), "absent");
  EXPECT_EQ(listed({}), Names{});
  EXPECT_EQ(live_names(), Names{});
  put(mission("other"));
  put(mission("ghost"), "{\"n\":1}");
  EXPECT_EQ(revisions({.after = {}, .object = mission("ghost"), .limit = 9}), (Revisions{1, 3}));
  EXPECT_EQ(body_of(mission("ghost")), "{\"n\":1}");
  EXPECT_EQ(live_names(), (Names{"ghost", "other"}));
}

TEST_P(StoreContract, HasTheSameContentAfterReopening) {
  put(mission("a"), "{\"n\":1}");
  put(mission("b"), "{}", false);
  arm(mission("a"), "retry", 12);
  Commit batch = writer().one(workflow("w"), "{}");
  batch.inputs.push_back(
      {.id = InputId("i"), .revision = Revision(3), .expires_at = {}, .subject = "w"}
  );
  commit(batch);
  const Head before = *store().head();
  reopen();
  EXPECT_EQ(store().head()->revision, before.revision);
  EXPECT_EQ(store().head()->chain, before.chain);
  EXPECT_EQ(revisions({}), (Revisions{1, 2, 3}));
  EXPECT_EQ(body_of(mission("a")), "{\"n\":1}");
  EXPECT_EQ(listed({}), (Names{"b", "a"}));
  EXPECT_EQ(live_names(), (Names{"a", "w"}));
  EXPECT_EQ(timers(), (Names{"a/retry@12"}));
  EXPECT_TRUE(store().find_input(InputId("i"))->has_value());
  put(mission("a"), "{\"n\":2}");
  EXPECT_EQ(revisions({.after = {}, .object = mission("a"), .limit = 9}), (Revisions{1, 4}));
}

TEST_P(StoreContract, HoldsAJournalWhoseChainVerifies) {
  for (int index = 0; index < 20; ++index) {
    put(mission(concat("m", index % 3)), concat("{\"n\":", index, "}"));
  }
  reopen();
  journal::ChainVerifier verifier;
  const std::vector<journal::Event> events = *store().events({});
  for (const journal::Event& event : events) {
    const Result<void> verdict = verifier.check(event);
    ASSERT_TRUE(verdict.ok()) << verdict.error().describe();
  }
  EXPECT_EQ(verifier.last(), Revision(20));
  EXPECT_EQ(verifier.head(), store().head()->chain);
}

TEST_P(StoreContract, TakesACommitWithoutEvents) {
  put(mission("a"));
  const Head before = *store().head();
  commit({});
  arm(mission("a"), "t", 3);
  EXPECT_EQ(store().head()->revision, before.revision);
  put(mission("b"));
  EXPECT_EQ(store().head()->revision, Revision(2));
}

// CHK-C10
TEST_P(StoreContract, LetsExactlyOneOfManyWritersWinEachRevision) {
  constexpr int kWriters = 32;
  constexpr int kAttempts = 8;
  std::vector<std::atomic<int>> winners(kWriters * kAttempts + 1);
  std::atomic<int> unexpected = 0;
  std::vector<std::thread> threads;
  threads.reserve(kWriters);
  for (int number = 0; number < kWriters; ++number) {
    threads.emplace_back([&, number] {
      for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const Result<Head> head = store().head();
        if (!head.ok()) {
          ++unexpected;
          continue;
        }
        JournalWriter writer(*head);
        const Result<void> stored =
            store().commit(writer.one(mission(concat("m", number)), concat("{\"n\":", attempt, "}"))
            );
        if (stored.ok()) {
          ++winners[writer.last().value()];
        } else if (stored.error().code != ErrorCode::Conflict) {
          ++unexpected;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(unexpected, 0);
  const std::uint64_t last = store().head()->revision.value();
  EXPECT_GE(last, static_cast<std::uint64_t>(kAttempts));
  for (std::uint64_t revision = 1; revision < winners.size(); ++revision) {
    EXPECT_EQ(winners[revision], revision <= last ? 1 : 0) << "revision " << revision;
  }
  journal::ChainVerifier verifier;
  const std::vector<journal::Event> events = *store().events({});
  EXPECT_EQ(events.size(), last);
  for (const journal::Event& event : events) {
    ASSERT_TRUE(verifier.check(event).ok());
  }
}

}  // namespace
}  // namespace reeve::store
