#include "sim/checkers.h"

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "sim/simulation.h"

namespace reeve::sim {
namespace {

/// The journal of one finished mission, to be spoilt and read again.
class Spoilt : public testing::Test {
 protected:
  Spoilt() {
    Simulation sim({.seed = 1, .faults = {}, .limits = {}});
    sim.submit(
        "job_type: flow\ntasks:\n- task_type: a\n  method: SHELL\n  script: [\"exit 0\"]\n", "m"
    );
    sim.run_until_idle();
    EXPECT_FALSE(sim.violation().has_value());
    store::EventQuery query;
    events_ = *sim.disk().events(query);
    EXPECT_TRUE(sim.disk()
                    .each_row([&](store::Row row) -> Result<void> {
                      rows_.push_back(std::move(row));
                      return {};
                    })
                    .ok());
  }

  journal::Event& event(std::string_view type) {
    for (journal::Event& event : events_) {
      if (event.type == type) {
        return event;
      }
    }
    ADD_FAILURE() << type;
    return events_.front();
  }

  /// Stores events and rows in one commit, with a good chain, and lets fresh checkers look.
  std::string verdict() {
    store::MemoryStore disk;
    journal::Chain chain;
    store::Commit commit;
    std::uint64_t revision = 0;
    for (journal::Event event : events_) {
      event.revision = Revision(++revision);
      chain.link(event);
      commit.events.push_back(std::move(event));
    }
    commit.rows = rows_;
    if (const Result<void> stored = disk.commit(commit); !stored) {
      return "store: " + stored.error().message;
    }
    WorkflowShelf shelf;
    Checkers checkers(disk, shelf.loader());
    RunRecord done;
    done.done = done_;
    checkers.use([&](Fence) { return &done; });
    checkers.disk_changed();
    return checkers.violation().value_or("");
  }

  std::vector<journal::Event> events_;
  std::vector<store::Row> rows_;
  bool done_ = true;
};

TEST_F(Spoilt, NothingIsFine) {
  EXPECT_EQ(verdict(), "");
}

TEST_F(Spoilt, RowIsNoticed) {
  for (store::Row& row : rows_) {
    const std::size_t at = row.body.find("\"COMPLETE\"");
    if (at != std::string::npos) {
      row.body.replace(at, 10, "\"FAILED\"");
    }
  }
  EXPECT_NE(verdict().find("is not what the journal says"), std::string::npos);
}

TEST_F(Spoilt, TransitionIsNoticed) {
  std::string& data = event("mission.transitioned").data;
  const std::size_t at = data.find("QUEUED");
  ASSERT_NE(at, std::string::npos);
  data.replace(at, 6, "ACTIVE");
  EXPECT_NE(verdict().find("went from PREP to ACTIVE"), std::string::npos);
}

TEST_F(Spoilt, RepeatedStepIsNoticed) {
  std::vector<journal::Event> doubled;
  for (const journal::Event& event : events_) {
    doubled.push_back(event);
    if (event.type == "run.ended") {
      journal::Event again = this->event("run.created");
      again.data.replace(again.data.find("\"attempt\":1"), 11, "\"attempt\":2");
      doubled.push_back(again);
    }
  }
  events_ = doubled;
  EXPECT_NE(verdict().find("was started again without a route"), std::string::npos);
}

TEST_F(Spoilt, SuccessWithoutWorkIsNoticed) {
  done_ = false;
  EXPECT_NE(verdict().find("its work was never done"), std::string::npos);
}

TEST_F(Spoilt, LifeAfterTheEndIsNoticed) {
  events_.push_back(event("task.reached"));
  EXPECT_NE(verdict().find("changed after its end"), std::string::npos);
}

TEST(Checkers, NoticeAnAcknowledgedMissionThatIsGone) {
  store::MemoryStore disk;
  WorkflowShelf shelf;
  Checkers checkers(disk, shelf.loader());
  checkers.acknowledged(
      InputId("i"), {.mission = MissionName("gone"), .uid = Uid("u"), .state = {}, .revision = {}}
  );
  EXPECT_NE(checkers.violation().value_or("").find("is gone"), std::string::npos);
}

TEST(Checkers, NoticeARequestThatIsNotInTheJournal) {
  store::MemoryStore disk;
  WorkflowShelf shelf;
  Checkers checkers(disk, shelf.loader());
  checkers.effect_released(model::CancelRun{
      .mission = MissionName("m"), .run = RunName("r"), .fence = Fence(9), .reason = {}});
  EXPECT_NE(checkers.violation().value_or("").find("not in the journal"), std::string::npos);
}

TEST(Checkers, KeepTheFirstViolation) {
  store::MemoryStore disk;
  WorkflowShelf shelf;
  Checkers checkers(disk, shelf.loader());
  checkers.fail("first");
  checkers.fail("second");
  EXPECT_EQ(checkers.violation().value_or(""), "first");
}

}  // namespace
}  // namespace reeve::sim
