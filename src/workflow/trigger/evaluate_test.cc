#include "workflow/trigger/evaluate.h"

#include <chrono>

#include <gtest/gtest.h>

#include "workflow/trigger/fixture.h"

namespace reeve::trigger {
namespace {

using namespace std::chrono_literals;

TEST(Evaluate, MakesParamsAndUserKeyFromWhatCame) {
  Fixture f;
  f.param("Order", "{{.Message.id}}");
  f.param("Kind", "{{.Properties.kind}}");
  f.param("Fixed", "plain");
  f.trigger.dedup_key = Fixture::text(" order-{{.Message.id}}\n");
  EXPECT_EQ(
      shown(f.message(R"({"id":"A-7"})")), "fired Order=A-7 Kind=big Fixed=plain user=order-A-7"
  );
}

TEST(Evaluate, KeepsWholeNumbersExact) {
  Fixture f;
  f.param("Total", "{{.Message.total}}");
  f.trigger.filter = Fixture::text("{{gt (atoi (printf \"%v\" .Message.total)) 1000}}");
  EXPECT_EQ(shown(f.message(R"({"total":1000000})")), "fired Total=1000000");
  EXPECT_EQ(shown(f.message(R"({"total":9007199254740993})")), "fired Total=9007199254740993");
  EXPECT_EQ(shown(f.message(R"({"total":12})")), "filtered");
}

TEST(Evaluate, HandsOnMessagesThatAreNoJsonAsText) {
  Fixture f;
  f.param("Text", "{{.Message}}");
  EXPECT_EQ(shown(f.message("hello {{.x}}")), "fired Text=hello {{.x}}");
}

TEST(Evaluate, PassesOnlyIfTheFilterSaysTrue) {
  Fixture f;
  for (const auto& [filter, expected] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "fired"},
           {"true", "fired"},
           {" \n{{eq .Message.a 1}}\t", "fired"},
           {"{{eq .Message.a 2}}", "filtered"},
           {"TRUE", "filtered"},
           {"true true", "filtered"},
           {"{{.Message.none}}", "filtered"},
           {"{{if lt .Message.a 2}}true{{end}}", "fired"}}) {
    f.trigger.filter = Fixture::text(filter);
    EXPECT_EQ(shown(f.message(R"({"a":1})")), expected) << filter;
  }
}

TEST(Evaluate, TakesATextThatFailsAsAFailureAndNotAsFiltered) {
  Fixture f;
  f.trigger.filter = Fixture::text("{{gt .Message.total 5}}");
  const Outcome outcome = f.message(R"({"total":"many"})");
  EXPECT_EQ(outcome.verdict, Verdict::Failed);
  EXPECT_EQ(outcome.error.subject, "triggers.new-order.filter");
  EXPECT_EQ(outcome.error.position.line, 7U);

  f.trigger.filter = {};
  f.param("Bad", "{{.Message | nosuch}}");
  const Outcome bad = f.message("{}");
  EXPECT_EQ(bad.verdict, Verdict::Failed);
  EXPECT_EQ(bad.error.subject, "triggers.new-order.params.Bad");

  f.trigger.params.clear();
  f.trigger.dedup_key = Fixture::text("{{index .Message 3}}");
  EXPECT_EQ(f.message("{}").error.subject, "triggers.new-order.dedup_key");
}

TEST(Evaluate, RefusesUnknownFieldsOfNativeWorkflowsExceptInTheFilter) {
  Fixture f;
  f.param("Order", "{{.Message.id}}");
  EXPECT_EQ(shown(f.message("{}")), "fired Order=<no value>");
  f.workflow.format = workflow::Format::Native;
  EXPECT_EQ(f.message("{}").verdict, Verdict::Failed);
  f.trigger.filter = Fixture::text("{{.Message.id}}");
  EXPECT_EQ(f.message("{}").verdict, Verdict::Filtered);
}

TEST(Evaluate, NamesTheSameOccurrenceTheSame) {
  const Fixture f;
  const std::string key = f.message("{}").submission.input_key;
  EXPECT_EQ(f.message("{}").submission.input_key, key);
  Fixture other;
  other.trigger.name = "other";
  EXPECT_NE(other.message("{}").submission.input_key, key);
  Occurrence nameless;
  EXPECT_EQ(evaluate(f.context(), nameless, {}).submission.input_key, "");
}

TEST(Evaluate, ChecksTheRateLimitLast) {
  Fixture f;
  f.trigger.filter = Fixture::text("{{.Message.ok}}");
  f.trigger.rate_limit = workflow::RateLimit{.max = 1, .window = 60s};
  const RateWindow full{.started_at = kNow - 10s, .used = 1};
  EXPECT_EQ(
      shown(f.message(R"({"ok":true})", full)),
      "rate_limited: triggers.new-order.rate_limit: fired 1 times within 1m already (fires again "
      "from 2026-07-07T10:18:13.000Z)"
  );
  // What is filtered does not use it up.
  const Outcome filtered = f.message(R"({"ok":false})");
  EXPECT_EQ(filtered.verdict, Verdict::Filtered);
  EXPECT_EQ(filtered.window, RateWindow{});
  const Outcome fired = f.message(R"({"ok":true})");
  EXPECT_EQ(fired.window, (RateWindow{.started_at = kNow, .used = 1}));
}

TEST(Evaluate, RefusesParamsThatFitIntoNoEvent) {
  Fixture f;
  f.param("All", "{{.Message}}");
  EXPECT_EQ(f.message(std::string(kParamsBytesMax, 'x')).error.code, ErrorCode::LimitExceeded);
  EXPECT_TRUE(f.message(std::string(kParamsBytesMax - 3, 'x')).fired());
  f.trigger.params.clear();
  f.trigger.dedup_key = Fixture::text("{{.Message}}");
  EXPECT_EQ(f.message(std::string(kUserKeyBytesMax + 1, 'x')).error.code, ErrorCode::LimitExceeded);
}

TEST(AfterSubmission, TakesATakenUserKeyAsDeduplicated) {
  const Fixture f;
  const Outcome fired = f.message("{}");
  EXPECT_EQ(after_submission(fired, {}).verdict, Verdict::Fired);
  EXPECT_EQ(
      after_submission(fired, make_error(ErrorCode::AlreadyExists, "taken")).verdict,
      Verdict::Deduplicated
  );
  EXPECT_EQ(
      after_submission(fired, make_error(ErrorCode::Unavailable, "full")).verdict, Verdict::Failed
  );
  EXPECT_EQ(
      after_submission(fired, make_error(ErrorCode::Cancelled, "skipped by skip_if")).verdict,
      Verdict::Filtered
  );
}

TEST(Occurrences, TellAboutTicksAndFiles) {
  Fixture f;
  f.param("T", "{{.Tick.Time}} {{.Tick.Local}} {{.Tick.Zone}} {{.Tick.Unix}}");
  const cron::Zone zone("+02:00", 2h);
  EXPECT_EQ(
      shown(evaluate(f.context(), tick_occurrence(kNow, zone), {})),
      "fired T=2026-07-07T10:17:23.000Z 2026-07-07T12:17:23 +02:00 1783419443"
  );
  f.trigger.params.clear();
  f.param("F", "{{.File.Name}} {{.File.Path}} {{.File.Size}}");
  const InboxFile file{
      .name = "a.json",
      .path = "/data/inbox/a.json",
      .size_bytes = 12'000'000,
      .modified_at = kNow,
      .digest = "00"};
  EXPECT_EQ(
      shown(evaluate(f.context(), file_occurrence(file, kNow), {})),
      "fired F=a.json /data/inbox/a.json 12000000"
  );
}

}  // namespace
}  // namespace reeve::trigger
