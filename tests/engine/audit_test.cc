#include "kernel/audit.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "kernel_fixture.h"

namespace reeve::kernel {
namespace {

/// What is read from a store, with one thing changed on the way.
class Tampered final : public store::Reader {
 public:
  explicit Tampered(store::Reader& inner) : inner_(inner) {}

  std::function<void(journal::Event&)> event = [](journal::Event&) {
  };
  /// False: the row is gone.
  std::function<bool(store::Row&)> row = [](store::Row&) {
    return true;
  };
  std::function<void(store::Head&)> end = [](store::Head&) {
  };

  Result<store::Head> head() override {
    REEVE_TRY(store::Head head, inner_.head());
    end(head);
    return head;
  }

  Result<std::vector<journal::Event>> events(const store::EventQuery& query) override {
    REEVE_TRY(std::vector<journal::Event> events, inner_.events(query));
    for (journal::Event& each : events) {
      event(each);
    }
    return events;
  }

  Result<void> each_row(const std::function<Result<void>(store::Row)>& visit) override {
    return inner_.each_row([&](store::Row each) -> Result<void> {
      return row(each) ? visit(std::move(each)) : Result<void>();
    });
  }

  Result<std::optional<store::Row>> get(const journal::ObjectKey& key) override {
    return inner_.get(key);
  }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery& query) override {
    return inner_.list(query);
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>& visit) override {
    return inner_.each_live_row(visit);
  }

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>& visit) override {
    return inner_.each_timer(visit);
  }

  Result<std::optional<store::InputRecord>> find_input(const InputId& id) override {
    return inner_.find_input(id);
  }

  Result<std::uint64_t> count_ended(std::string_view tally, Revision up_to) override {
    return inner_.count_ended(tally, up_to);
  }

 private:
  store::Reader& inner_;
};

/// A store with one mission that has ended, one that waits and one that continues another.
void fill(Bench& b) {
  const std::string once =
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
      "  tasks: [{name: a, script: x}, {name: b, needs: [a], script: x}]\n";
  b.call(submit_command("failed", once), "id-1").value();
  b.call(finished(b.take_launch(), 0)).value();
  b.call(finished(b.take_launch(), 1)).value();
  b.call(submit_command("waits")).value();
  b.call(finished(b.take_launch(), 1)).value();
  b.call(engine::RetryMission{.parent = MissionName("failed"), .name = MissionName("again")})
      .value();
  b.call(started(b.take_launch())).value();
}

class Audit : public ::testing::Test {
 protected:
  void SetUp() override { fill(bench_); }

  Result<AuditReport> audit() { return kernel::audit(tampered_, core_options().loader); }

  /// The message of an audit that must find something.
  std::string finding() {
    const Result<AuditReport> report = audit();
    EXPECT_FALSE(report.ok());
    EXPECT_TRUE(report.ok() || report.error().code == ErrorCode::Corrupt)
        << report.error().describe();
    return report.ok() ? "nothing" : report.error().describe();
  }

  Bench bench_;
  Tampered tampered_{bench_.store()};
};

TEST(AuditOfNothing, IsFine) {
  Bench b;
  const Result<AuditReport> report = audit(b.store(), core_options().loader);
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_EQ(report->events, 0U);
}

TEST_F(Audit, ProvesASoundStore) {
  const Result<AuditReport> report = audit();
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_EQ(report->missions, 3U);
  EXPECT_EQ(report->workflows, 2U);
  const store::Head head = *bench_.store().head();
  EXPECT_EQ(report->last, head.revision);
  EXPECT_EQ(report->events, head.revision.value());
  EXPECT_EQ(report->head, head.chain);
}

TEST_F(Audit, FindsAChangedByteInAnyEvent) {
  const std::uint64_t last = bench_.store().head()->revision.value();
  for (std::uint64_t revision = 1; revision <= last; ++revision) {
    tampered_.event = [&](journal::Event& event) {
      if (event.revision.value() == revision) {
        event.data.back() = static_cast<char>(event.data.back() ^ 1);
      }
    };
    EXPECT_NE(finding().find(std::to_string(revision)), std::string::npos) << revision;
  }
}

TEST_F(Audit, FindsAChangedFieldOfAnEvent) {
  const std::vector<std::function<void(journal::Event&)>> changes = {
      [](journal::Event& e) { e.actor = Principal("user:mallory"); },
      [](journal::Event& e) { e.at += Duration(1); },
      [](journal::Event& e) { e.type = "run.active"; },
      [](journal::Event& e) { e.object.name = "other"; },
      [](journal::Event& e) { e.uid = Uid("other"); },
      [](journal::Event& e) {
        e.correlation = CorrelationId("other");
      }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    tampered_.event = [&](journal::Event& event) {
      if (event.revision == Revision(5)) {
        changes[i](event);
      }
    };
    EXPECT_NE(finding().find("5"), std::string::npos) << i;
  }
}

TEST_F(Audit, FindsAChangedRow) {
  for (const std::string name : {"failed", "waits", "again"}) {
    tampered_.row = [&](store::Row& row) {
      if (row.key.name == name) {
        row.body.replace(row.body.find("\"epoch\":1"), 9, "\"epoch\":2");
      }
      return true;
    };
    EXPECT_NE(finding().find(name), std::string::npos);
  }
}

TEST_F(Audit, FindsWhatWasChangedBesideTheBodyOfARow) {
  const std::function<void(store::Row&)> changes[] = {
      [](store::Row& row) { row.live = !row.live; },
      [](store::Row& row) { row.uid = Uid("another"); },
      [](store::Row& row) { row.revision = Revision(row.revision.value() - 1); },
  };
  for (const auto& change : changes) {
    tampered_.row = [&](store::Row& row) {
      if (row.key.name == "waits") {
        change(row);
      }
      return true;
    };
    EXPECT_NE(finding().find("waits"), std::string::npos);
  }
}

TEST_F(Audit, FindsAChangedWorkflow) {
  tampered_.row = [](store::Row& row) {
    if (row.key.kind == journal::Kind::Workflow) {
      row.body += " ";
    }
    return true;
  };
  EXPECT_NE(finding().find("w@"), std::string::npos);
}

TEST_F(Audit, FindsAMissingRow) {
  tampered_.row = [](store::Row& row) {
    return row.key.name != "waits";
  };
  EXPECT_NE(finding().find("missing"), std::string::npos);
}

TEST_F(Audit, FindsARowThatNoEventMade) {
  tampered_.row = [](store::Row& row) {
    if (row.key.name == "waits") {
      row.key.name = "ghost";
    }
    return true;
  };
  const Result<AuditReport> report = audit();
  ASSERT_FALSE(report.ok());
  EXPECT_NE(report.error().describe().find("ghost"), std::string::npos);
}

TEST_F(Audit, FindsAnEndThatIsNotTheEnd) {
  tampered_.end = [](store::Head& head) {
    head.chain[0] ^= 1;
  };
  finding();
  tampered_.end = [](store::Head& head) {
    head.revision = head.revision.next();
  };
  EXPECT_NE(finding().find("journal ends"), std::string::npos);
}

// --- events that fit the chain but not the story ------------------------------------------------

journal::Event event_of(const Result<std::vector<journal::Event>>& events, std::string_view type) {
  for (const journal::Event& event : *events) {
    if (event.type == type) {
      return event;
    }
  }
  ADD_FAILURE() << "no event " << type;
  return {};
}

TEST_F(Audit, FoldRefusesWhatDoesNotFit) {
  const Result<std::vector<journal::Event>> events = bench_.store().events({});
  ASSERT_TRUE(events.ok());
  Fold fold(core_options().loader);
  journal::Event created = event_of(events, "mission.created");
  EXPECT_EQ(fold.apply(created).error().code, ErrorCode::Corrupt) << "its workflow is unknown";
  EXPECT_TRUE(fold.apply(event_of(events, "workflow.registered")).ok());
  EXPECT_EQ(fold.apply(event_of(events, "run.active")).error().code, ErrorCode::Corrupt)
      << "its mission is unknown";
  EXPECT_TRUE(fold.apply(created).ok());
  EXPECT_EQ(fold.apply(created).error().code, ErrorCode::Corrupt) << "created twice";
  journal::Event strange = created;
  strange.type = "mission.upgraded";
  EXPECT_EQ(fold.apply(strange).error().code, ErrorCode::Corrupt);
  journal::Event leap = created;
  leap.type = "mission.transitioned";
  leap.data = R"({"from":"PREP","to":"COMPLETE","reason":"completion"})";
  EXPECT_NE(fold.apply(leap).error().describe().find("illegal"), std::string::npos);
  leap.data = R"({"from":"ACTIVE","to":"COMPLETE","reason":"completion"})";
  EXPECT_FALSE(fold.apply(leap).ok()) << "it is not ACTIVE";
  journal::Event other = event_of(events, "workflow.registered");
  other.type = "workflow.changed";
  EXPECT_EQ(fold.apply(other).error().code, ErrorCode::Corrupt);
  EXPECT_EQ(fold.body(mission_key("none")).error().code, ErrorCode::NotFound);
}

TEST_F(Audit, FoldRefusesAWorkflowThatIsNotItsDigest) {
  journal::Event event = event_of(bench_.store().events({}), "workflow.registered");
  const std::size_t at = event.data.find("script: x");
  ASSERT_NE(at, std::string::npos);
  event.data.replace(at, 9, "script: y");
  Fold fold(core_options().loader);
  EXPECT_EQ(fold.apply(event).error().code, ErrorCode::Corrupt);
}

TEST_F(Audit, SkipsWhatIsCommittedMeanwhile) {
  const Revision before = bench_.store().head()->revision;
  const store::Head old = *bench_.store().head();
  bench_.call(submit_command("later")).value();
  tampered_.end = [&](store::Head& head) {
    head = old;
  };
  const Result<AuditReport> report = audit();
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_EQ(report->last, before);
}

}  // namespace
}  // namespace reeve::kernel
