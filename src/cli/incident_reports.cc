#include "cli/incident_reports.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "engine/quota.h"

namespace reeve::cli {

namespace {

using engine::IncidentReport;
using journal::Kind;

constexpr std::size_t kNamesMax = 10;

IncidentNews about_spiral(const journal::Event& event, const Json& data) {
  const std::string mission = data.get_string("mission");
  IncidentReport report;
  report.reason = "SpiralDetected";
  report.subject_kind = mission.empty() ? "ToolCall" : "Mission";
  report.subject = mission.empty() ? event.object.name : mission;
  report.message = data.get_string("message");
  return {.report = std::move(report)};
}

std::string end_of_budget(const journal::Event& event, const Json& data) {
  return event.type != "budget.relieved" ? "a new period of the budget has begun"
         : data.get_bool("deleted")      ? "the quota was deleted"
                                         : "the limit was raised, or taken away";
}

/// The event is about the usage of a quota, `quota.NAME`. A new period ends what was, and so do
/// limits none of which is in the way any more.
std::optional<IncidentNews> about_budget(const journal::Event& event, const Json& data) {
  const std::optional<journal::ObjectKey> quota = engine::quota_key_of(event.object);
  if (!quota) {
    return std::nullopt;
  }
  const bool over = event.type != "budget.exceeded";
  if (!data.get_array("left").empty()) {
    return std::nullopt;
  }
  IncidentReport report;
  report.reason = "BudgetExceeded";
  report.subject_kind = "BudgetQuota";
  report.subject = quota->name;
  report.message = over ? end_of_budget(event, data)
                        : concat(
                              data.get_string("limit"),
                              " is used up: ",
                              data.get_string("used"),
                              " of ",
                              data.get_string("level")
                          );
  return IncidentNews{.report = std::move(report), .over = over};
}

/// A server whose tools are held, or were.
std::optional<IncidentNews> about_tools(const journal::Event& event, const Json& object) {
  const Json* tools = object.get_object("status").find("tools");
  if (tools == nullptr || !tools->is_array()) {
    return std::nullopt;
  }
  std::string held;
  std::size_t count = 0;
  for (const Json& tool : tools->as_array()) {
    if (tool.get_string("state") == "Held" && ++count <= kNamesMax) {
      held += concat(held.empty() ? "" : ", ", tool.get_string("name"));
    }
  }
  IncidentReport report;
  report.reason = "ToolChanged";
  report.severity = "critical";
  report.subject_kind = "ToolServer";
  report.subject = event.object.name;
  report.message = count == 0 ? std::string("its tools are as they were accepted")
                              : concat(
                                    std::uint64_t{count},
                                    " tools have changed since they were accepted and are held: ",
                                    held
                                );
  return IncidentNews{.report = std::move(report), .over = count == 0};
}

std::optional<IncidentNews> about_denials(const journal::Event& event, const Json& data) {
  std::int64_t count = data.get_int("others");
  std::string who;
  std::int64_t most = 0;
  const Json* denials = data.find("denials");
  for (const Json& denial :
       denials != nullptr && denials->is_array() ? denials->as_array() : Json::Array()) {
    const std::int64_t times = denial.get_int("count", 1);
    count += times;
    if (times > most) {
      most = times;
      who = denial.get_string("user");
    }
  }
  if (count < kDenialStorm) {
    return std::nullopt;
  }
  IncidentReport report;
  report.reason = "DeniedStorm";
  report.subject_kind = "Namespace";
  report.subject = event.object.ns.str();
  report.message = concat(count, " requests were refused, ", most, " of them of ", who);
  return IncidentNews{.report = std::move(report)};
}

bool may_matter(const journal::Event& event) {
  const std::string_view type = event.type;
  return type == "spiral.detected" || type == "budget.exceeded" || type == "budget.relieved" ||
         type == "usage.period_begun" || type == "access.denied" || type == "breaker.opened" ||
         type == "breaker.closed" ||
         (type == "resource.updated" && event.object.kind == Kind::ToolServer);
}

}  // namespace

std::optional<IncidentNews> incident_of(const journal::Event& event) {
  if (event.object.ns.empty() || !may_matter(event)) {
    return std::nullopt;
  }
  const Result<Json> data = parse_json(event.data);
  if (!data || !data->is_object()) {
    return std::nullopt;
  }
  if (event.type == "spiral.detected") {
    return about_spiral(event, *data);
  }
  if (event.object.kind == Kind::BudgetUsage) {
    return about_budget(event, *data);
  }
  if (event.type == "access.denied") {
    return about_denials(event, *data);
  }
  return about_tools(event, *data);
}

}  // namespace reeve::cli
