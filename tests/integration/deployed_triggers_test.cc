// What is deployed, as a store has it that holds more than this program can read.

#include "owner/deployed_triggers.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "engine/catalog.h"

namespace reeve::owner {
namespace {

/// Rows in memory; the rest of a store is not asked for here.
class Rows final : public store::Reader {
 public:
  std::map<journal::ObjectKey, std::string> rows;

  Result<std::optional<store::Row>> get(const journal::ObjectKey& key) override {
    const auto found = rows.find(key);
    return found == rows.end() ? std::nullopt : std::optional(row_of(*found));
  }

  Result<std::vector<store::ListedRow>> list(const store::RowQuery& /*query*/) override {
    std::vector<store::ListedRow> listed;
    for (const auto& each : rows) {
      listed.push_back({.row = row_of(each), .created = Revision(1)});
    }
    return listed;
  }

  Result<store::Head> head() override { return store::Head(); }

  Result<std::vector<journal::Event>> events(const store::EventQuery& /*query*/) override {
    return std::vector<journal::Event>();
  }

  Result<void> each_live_row(const std::function<Result<void>(store::Row)>& /*visit*/) override {
    return {};
  }

  Result<void> each_row(const std::function<Result<void>(store::Row)>& /*visit*/) override {
    return {};
  }

  Result<void> each_timer(const std::function<Result<void>(store::Timer)>& /*visit*/) override {
    return {};
  }

  Result<std::optional<store::InputRecord>> find_input(const InputId& /*id*/) override {
    return std::optional<store::InputRecord>();
  }

  Result<std::uint64_t> count_ended(std::string_view /*tally*/, Revision /*up_to*/) override {
    return std::uint64_t{0};
  }

 private:
  static store::Row row_of(const std::pair<const journal::ObjectKey, std::string>& each) {
    return {.key = each.first, .uid = {}, .revision = {}, .body = each.second};
  }
};

class Deployment : public testing::Test {
 protected:
  static journal::ObjectKey key(std::string name, const std::string& ns = "default") {
    return {.kind = journal::Kind::Workflow, .ns = Namespace(ns), .name = std::move(name)};
  }

  /// A workflow with one trigger that makes two missions in a minute.
  void deploy(const std::string& name, const std::string& ns = "default") {
    engine::Deployed deployed;
    deployed.name = name;
    deployed.ns = Namespace(ns);
    deployed.uid = Uid("u-" + name);
    deployed.owner = Principal("user:test");
    deployed.generation = 1;
    deployed.revision = Revision(1);
    deployed.versions.push_back({.version = "", .digest = sha256(name)});
    engine::TriggerStatus status;
    status.name = "t";
    status.kind = engine::TriggerKind::Inbox;
    status.window = window_;
    deployed.triggers.push_back(std::move(status));
    std::string body;
    engine::encode_deployed(deployed, body);
    rows_.rows[key(name, ns)] = body;
    rows_.rows[key(engine::workflow_row_name(name, sha256(name)), ns)] =
        concat(R"({"spec": {"source": ")", name, R"("}})");
  }

  static Result<std::shared_ptr<const workflow::Workflow>> load(std::string_view source) {
    if (source == "broken") {
      return make_error(ErrorCode::Invalid, "the text is not understood");
    }
    auto workflow = std::make_shared<workflow::Workflow>();
    workflow->name = source;
    workflow::Trigger trigger;
    trigger.name = "t";
    trigger.rate_limit = workflow::RateLimit{.max = 2, .window = std::chrono::minutes(1)};
    workflow->triggers.push_back(std::move(trigger));
    return std::shared_ptr<const workflow::Workflow>(std::move(workflow));
  }

  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  trigger::RateWindow window_;
  Rows rows_;
  DeployedTriggers triggers_{rows_, [](std::string_view source) {
                               return load(source);
                             }};
};

TEST_F(Deployment, AWorkflowThatDoesNotLoadLeavesTheOthersTheirTriggers) {
  deploy("whole");
  deploy("broken");
  rows_.rows[key("garbled")] = "{}";
  const Result<TriggerList> listed = triggers_.list();
  ASSERT_TRUE(listed.ok()) << listed.error().describe();
  ASSERT_EQ(listed->triggers.size(), 1U) << listed->problems.at(0).second.describe();
  EXPECT_EQ(listed->triggers[0].workflow->name, "whole");
  ASSERT_EQ(listed->problems.size(), 2U);
  EXPECT_EQ(listed->problems[0].first, "garbled");
  EXPECT_EQ(listed->problems[1].first, "broken");
}

TEST_F(Deployment, TellsNamespacesApart) {
  window_ = {.started_at = now_, .used = 2};
  deploy("same");
  window_ = {};
  deploy("same", "team");
  deploy("broken", "team");
  const Result<TriggerList> listed = triggers_.list();
  ASSERT_EQ(listed->triggers.size(), 2U);
  EXPECT_EQ(listed->triggers[0].ns, Namespace("default"));
  EXPECT_EQ(listed->triggers[1].ns, Namespace("team"));
  EXPECT_EQ(triggers_.room(listed->triggers[0], now_)->missions, 0U);
  EXPECT_EQ(triggers_.room(listed->triggers[1], now_)->missions, 2U);
  EXPECT_EQ(listed->problems.at(0).first, "broken of namespace team");
  EXPECT_TRUE(triggers_.find(Namespace("team"), "same").ok());
  EXPECT_EQ(triggers_.find(Namespace("other"), "same").error().code, ErrorCode::NotFound);
}

TEST_F(Deployment, SaysWhatARateLimitLeaves) {
  deploy("fresh");
  window_ = {.started_at = now_, .used = 1};
  deploy("half");
  window_ = {.started_at = now_, .used = 2};
  deploy("used");
  const Result<TriggerList> listed = triggers_.list();
  ASSERT_EQ(listed->triggers.size(), 3U) << listed->problems.at(0).second.describe();
  const auto room = [&](std::size_t i, Duration later) {
    return *triggers_.room(listed->triggers[i], now_ + later);
  };
  EXPECT_EQ(room(0, Duration(1)).missions, 2U);
  EXPECT_EQ(room(1, Duration(1)).missions, 1U);
  EXPECT_EQ(room(2, Duration(1)).missions, 0U);
  EXPECT_EQ(room(2, Duration(1)).rests_until, now_ + Duration(60'000));
  EXPECT_EQ(room(2, Duration(60'000)).missions, 2U);
}

}  // namespace
}  // namespace reeve::owner
