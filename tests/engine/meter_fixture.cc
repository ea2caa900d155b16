#include "meter_fixture.h"

#include <utility>

#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::kernel {

using engine::Reply;
using journal::Kind;
using journal::ObjectKey;

namespace {

std::string plain(std::string_view name) {
  return std::string(model::plain(name));
}

}  // namespace

ObjectKey MeterTest::quota_key(const std::string& name, const std::string& ns) {
  return key(ns.empty() ? Kind::ClusterBudgetQuota : Kind::BudgetQuota, name, ns);
}

ObjectKey MeterTest::call_key(const std::string& name, const std::string& ns) {
  return key(Kind::ModelCall, name, ns);
}

void MeterTest::quota(const std::string& name, const std::string& spec, const std::string& ns) {
  const ObjectKey key = quota_key(name, ns);
  const std::string rest = concat(R"("spec":{)", spec, "},");
  const bool changes = there(key);
  const Result<Reply> reply = changes ? update(key, object(key, "", rest)) : create(key, "", rest);
  ASSERT_EQ(outcome(reply), "done");
}

model::LaunchRun MeterTest::start(std::string_view mission, std::string_view ns, Json metadata) {
  submit(mission, std::string(ns), std::move(metadata));
  const model::LaunchRun launch = bench_.take_launch();
  EXPECT_EQ(outcome(bench_.call(started(launch))), "done");
  return launch;
}

Result<Reply> MeterTest::meter(
    const std::string& call,
    std::string verb,
    const std::string& body,
    const std::string& ns,
    std::string_view who
) {
  return command(call_key(call, ns), std::move(verb), *parse_json(body), who);
}

std::string MeterTest::ask(
    const std::string& call,
    const std::string& mission,
    std::uint64_t tokens,
    const std::string& cost,
    const std::string& ns
) {
  const std::string run =
      mission.empty() ? std::string()
                      : concat(R"("mission":")", mission, R"(","run":")", mission, R"(.1.a.1",)");
  const Result<Reply> reply = meter(
      call,
      "reserve",
      concat(
          "{",
          run,
          R"("agent":"coder","provider":"acme","model":"large","inputTokens":)",
          tokens,
          R"(,"outputTokens":0,"cost":")",
          cost,
          R"("})"
      ),
      ns
  );
  if (!reply.ok()) {
    return std::string(to_string(reply.error().code));
  }
  const Json& detail = reply->detail;
  return detail.get_bool("granted") ? "granted"
                                    : concat(
                                          detail.get_string("quota"),
                                          " ",
                                          detail.get_string("limit"),
                                          " ",
                                          detail.get_string("action")
                                      );
}

std::string MeterTest::settle(
    const std::string& call, std::uint64_t tokens, const std::string& cost, const std::string& ns
) {
  const Result<Reply> reply = meter(
      call,
      "settle",
      concat(
          R"({"outcome":"completed","status":200,"inputTokens":)",
          tokens,
          R"(,"outputTokens":0,"cost":")",
          cost,
          R"("})"
      ),
      ns
  );
  return reply.ok() ? "done" : std::string(to_string(reply.error().code));
}

std::string MeterTest::refund(const std::string& call, const std::string& ns) {
  const Result<Reply> reply = meter(call, "refund", R"({"reason":"no connection"})", ns);
  return reply.ok() ? "done" : std::string(to_string(reply.error().code));
}

Json MeterTest::usage(const std::string& row, const std::string& ns) {
  const Json found = stored(key(Kind::BudgetUsage, row, ns));
  const Json* status = found.find("status");
  return status == nullptr ? Json() : *status;
}

std::string MeterTest::used(const std::string& quota, const std::string& ns) {
  const Json status = usage(concat("quota.", quota), ns);
  const Json* period = status.find("period");
  const Json* promised = status.find("promised");
  return concat(
      period == nullptr ? 0 : period->get_int("tokens"),
      "+",
      promised == nullptr ? 0 : promised->get_int("tokens")
  );
}

Json MeterTest::mission_status(std::string_view mission) {
  const Json found = stored(mission_key(mission));
  const Json* status = found.find("status");
  return status == nullptr ? Json() : *status;
}

std::size_t MeterTest::count_events(std::string_view type) {
  store::EventQuery query;
  query.limit = 1'000'000;
  std::size_t count = 0;
  for (const journal::Event& event : *bench_.store().events(query)) {
    count += event.type == type ? 1 : 0;
  }
  return count;
}

std::vector<std::string> MeterTest::asked_of_hosts() {
  std::vector<std::string> asked;
  for (model::Effect& effect : bench_.take_other_effects()) {
    if (const auto* freeze = std::get_if<model::FreezeRun>(&effect)) {
      asked.push_back(concat("freeze ", plain(freeze->run.view())));
    } else if (const auto* thaw = std::get_if<model::ThawRun>(&effect)) {
      asked.push_back(concat("thaw ", plain(thaw->run.view())));
    } else if (auto* cancel = std::get_if<model::CancelRun>(&effect)) {
      asked.push_back(concat("cancel ", plain(cancel->run.view())));
      cancelled_.push_back(std::move(*cancel));
    }
  }
  return asked;
}

void MeterTest::end_cancelled_runs() {
  asked_of_hosts();
  for (const model::CancelRun& cancel : std::exchange(cancelled_, {})) {
    model::RunFinished report{
        .mission = cancel.mission, .run = cancel.run, .fence = cancel.fence, .result = {}};
    report.result.end = model::RunEnd::Cancelled;
    report.result.reason = cancel.reason;
    EXPECT_EQ(outcome(bench_.call(engine::Command(model::Report(std::move(report))))), "done");
  }
}

}  // namespace reeve::kernel
