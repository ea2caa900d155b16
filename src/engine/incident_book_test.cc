#include "engine/incident_book.h"

#include <gtest/gtest.h>

namespace reeve::engine {
namespace {

class IncidentBookTest : public ::testing::Test {
 protected:
  IncidentBookTest() : engine_(Limits{}, "test", {}) {}

  Result<Reply> send(const ObjectCommand& command, std::string_view actor) {
    Scope scope;
    scope.now = now_;
    scope.next = next_;
    scope.actor = Principal(std::string(actor));
    auto reply = engine_.turn(command, scope);
    for (const journal::Event& event : scope.events) {
      types_.push_back(event.type);
      EXPECT_TRUE(fold_.apply(event).ok()) << event.type;
    }
    next_ = scope.next;
    return reply;
  }

  Result<Reply> open(std::string_view actor = "system:notify") {
    return send(open_incident(kDefault, report_), actor);
  }

  Result<Reply> settle(std::string verb, std::string_view actor) {
    ObjectCommand command = resolve_incident(kDefault, report_);
    command.verb = std::move(verb);
    return send(command, actor);
  }

  Json status() const {
    const ObjectCommand command = open_incident(kDefault, report_);
    return *parse_json(fold_.find(command.object)->text)->find("status");
  }

  const Namespace kDefault{"default"};
  IncidentReport report_{
      .reason = "NotificationsFailing",
      .severity = "warning",
      .subject_kind = "NotificationSink",
      .subject = "on-call",
      .message = "status 500"};
  Engine engine_;
  IncidentBook fold_;
  Timestamp now_ = from_unix_millis(1'800'000'000'000);
  Revision next_{1};
  std::vector<std::string> types_;
};

TEST_F(IncidentBookTest, IsOneForAReasonAndASubject) {
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(open().ok());
  now_ += kIncidentSeenPeriod;
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(types_, (std::vector<std::string>{"incident.opened", "incident.seen"}));
  EXPECT_EQ(status().get_int("occurrences"), 2);
  report_.subject = "other";
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(types_.back(), "incident.opened");
}

TEST_F(IncidentBookTest, IsOpenedByTheSystemAlone) {
  EXPECT_EQ(open("user:ann").error().code, ErrorCode::PermissionDenied);
  EXPECT_EQ(open("run:m.1.t.1").error().code, ErrorCode::PermissionDenied);
  ObjectCommand named = open_incident(kDefault, report_);
  named.object.name = "inc-mine";
  EXPECT_EQ(send(named, "system:notify").error().code, ErrorCode::Invalid);
  ObjectCommand created = open_incident(kDefault, report_);
  created.verb = "create";
  EXPECT_EQ(send(created, "user:ann").error().code, ErrorCode::Invalid);
  EXPECT_TRUE(types_.empty());
}

TEST_F(IncidentBookTest, IsAcknowledgedClosedAndOpenedAgain) {
  EXPECT_EQ(settle("close", "user:ann").error().code, ErrorCode::NotFound);
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(settle("acknowledge", "user:ann").ok());
  EXPECT_EQ(status().get_string("acknowledgedBy"), "user:ann");
  ASSERT_TRUE(settle("acknowledge", "user:bob").ok());
  EXPECT_EQ(status().get_string("acknowledgedBy"), "user:ann");
  EXPECT_EQ(settle("close", "run:m.1.t.1").error().code, ErrorCode::PermissionDenied);
  ASSERT_TRUE(settle("close", "user:bob").ok());
  ASSERT_TRUE(settle("close", "user:ann").ok());
  EXPECT_EQ(status().get_string("closedBy"), "user:bob");
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(status().get_string("state"), "open");
  EXPECT_EQ(status().find("closedBy"), nullptr);
  EXPECT_EQ(status().get_int("occurrences"), 2);
  EXPECT_EQ(
      types_,
      (std::vector<std::string>{
          "incident.opened", "incident.acknowledged", "incident.closed", "incident.reopened"})
  );
}

}  // namespace
}  // namespace reeve::engine
