#include "store/faulty/faulty_store.h"

#include "store/memory/memory_store.h"
#include "store_contract.h"

namespace reeve::store {
namespace {

/// A store with one mission "a", and a plan that does one thing at one point.
class FaultyStoreTest : public ::testing::Test {
 protected:
  FaultyStoreTest() {
    Commit first = writer_.one(mission("a"), "{\"n\":1}");
    first.timers.push_back({.owner = mission("a"), .key = "t", .due = from_unix_millis(1)});
    first.inputs.push_back(
        {.id = InputId("i"), .revision = Revision(1), .expires_at = {}, .subject = "a"}
    );
    EXPECT_TRUE(inner_.commit(first).ok());
  }

  void strike(FaultPoint point, Fault fault) {
    point_ = point;
    fault_ = fault;
  }

  ErrorCode commit_code() {
    const Result<void> stored = faulty_.commit(writer_.one(mission("b"), "{}"));
    EXPECT_FALSE(stored.ok());
    return stored.error().code;
  }

  bool stored_b() { return inner_.get(mission("b"))->has_value(); }

  MemoryStore inner_;
  FaultPoint point_ = FaultPoint::Head;
  Fault fault_ = Fault::None;
  FaultyStore faulty_{inner_, [this](FaultPoint point) {
                        return point == point_ ? fault_ : Fault::None;
                      }};
  JournalWriter writer_;
};

TEST_F(FaultyStoreTest, StoresNothingWhenACommitFailsBefore) {
  strike(FaultPoint::Commit, Fault::FailIo);
  EXPECT_EQ(commit_code(), ErrorCode::Io);
  EXPECT_FALSE(stored_b());
}

TEST_F(FaultyStoreTest, StoresNothingWhenTheDiskIsFull) {
  strike(FaultPoint::Commit, Fault::FailFull);
  EXPECT_EQ(commit_code(), ErrorCode::LimitExceeded);
  EXPECT_FALSE(stored_b());
}

TEST_F(FaultyStoreTest, StoresWhatItReportsAsAmbiguous) {
  strike(FaultPoint::Commit, Fault::FailAfter);
  EXPECT_EQ(commit_code(), ErrorCode::Ambiguous);
  EXPECT_TRUE(stored_b());
}

TEST_F(FaultyStoreTest, ReportsTheStoresOwnErrorBeforeAnInjectedOne) {
  strike(FaultPoint::Commit, Fault::FailAfter);
  JournalWriter stale;
  const Result<void> stored = faulty_.commit(stale.one(mission("b"), "{}"));
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::Conflict);
}

TEST_F(FaultyStoreTest, KeepsInputsWhenForgettingFailsBefore) {
  strike(FaultPoint::ForgetInputs, Fault::FailIo);
  EXPECT_FALSE(faulty_.forget_inputs(from_unix_millis(99), 9).ok());
  EXPECT_TRUE(inner_.find_input(InputId("i"))->has_value());
  strike(FaultPoint::ForgetInputs, Fault::FailAfter);
  EXPECT_EQ(faulty_.forget_inputs(from_unix_millis(99), 9).error().code, ErrorCode::Ambiguous);
  EXPECT_FALSE(inner_.find_input(InputId("i"))->has_value());
}

TEST_F(FaultyStoreTest, FailsEachReadAndNamesIt) {
  const auto nothing = [](const auto&) -> Result<void> {
    return {};
  };
  const auto message = [](const auto& result) {
    return result.ok() ? std::string("ok") : result.error().describe();
  };
  const std::vector<std::pair<FaultPoint, std::function<std::string()>>> reads = {
      {FaultPoint::Head,
       [&] {
         return message(faulty_.head());
       }},
      {FaultPoint::Get,
       [&] {
         return message(faulty_.get(mission("a")));
       }},
      {FaultPoint::List,
       [&] {
         return message(faulty_.list({}));
       }},
      {FaultPoint::Events,
       [&] {
         return message(faulty_.events({}));
       }},
      {FaultPoint::EachLiveRow,
       [&] {
         return message(faulty_.each_live_row(nothing));
       }},
      {FaultPoint::EachRow,
       [&] {
         return message(faulty_.each_row(nothing));
       }},
      {FaultPoint::EachTimer,
       [&] {
         return message(faulty_.each_timer(nothing));
       }},
      {FaultPoint::FindInput,
       [&] {
         return message(faulty_.find_input(InputId("i")));
       }},
      {FaultPoint::CountEnded,
       [&] {
         return message(faulty_.count_ended("w/COMPLETE", Revision(1)));
       }},
  };
  const std::vector<std::string> names = {
      "head",
      "get",
      "list",
      "events",
      "each_live_row",
      "each_row",
      "each_timer",
      "find_input",
      "count_ended"};
  for (std::size_t index = 0; index < reads.size(); ++index) {
    for (const Fault fault : {Fault::FailIo, Fault::FailFull, Fault::FailAfter}) {
      strike(reads[index].first, fault);
      EXPECT_NE(reads[index].second().find(concat(names[index], ":")), std::string::npos);
    }
    strike(reads[index].first, Fault::None);
    EXPECT_EQ(reads[index].second(), "ok");
  }
}

TEST_F(FaultyStoreTest, LetsTheVisitorSeeEverythingBeforeALateFault) {
  strike(FaultPoint::EachLiveRow, Fault::FailAfter);
  int visits = 0;
  const Result<void> scanned = faulty_.each_live_row([&](const Row&) -> Result<void> {
    ++visits;
    return {};
  });
  EXPECT_EQ(scanned.error().code, ErrorCode::Io);
  EXPECT_EQ(visits, 1);
}

TEST(MemoryStore, CloneKeepsTheContentOfItsMoment) {
  MemoryStore store;
  JournalWriter writer;
  ASSERT_TRUE(store.commit(writer.one(mission("a"), "{\"n\":1}")).ok());
  const std::unique_ptr<MemoryStore> copy = store.clone();
  ASSERT_TRUE(store.commit(writer.one(mission("a"), "{\"n\":2}")).ok());
  EXPECT_EQ(copy->head()->revision, Revision(1));
  EXPECT_EQ((*copy->get(mission("a")))->body, "{\"n\":1}");
  JournalWriter branch(*copy->head());
  ASSERT_TRUE(copy->commit(branch.one(mission("b"), "{}")).ok());
  EXPECT_FALSE(store.get(mission("b"))->has_value());
}

}  // namespace
}  // namespace reeve::store
