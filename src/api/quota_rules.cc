#include "api/quota_rules.h"

#include <string_view>

#include "base/money.h"
#include "base/strings.h"
#include "base/time.h"
#include "engine/quota.h"
#include "resource/causes.h"

namespace reeve::api {

namespace {

using resource::Cause;

/// Where a limit of one run is larger than that of all of them.
Cause above_total(std::string_view of_run, const Json& value, std::string_view total) {
  return resource::invalid_json(
      concat("spec.limits.", of_run),
      value,
      concat("is more than ", total, ", which all runs share: it would bound nothing")
  );
}

void check_limits(const Json& limits, std::vector<Cause>& causes) {
  const Json* run_tokens = limits.find("maxTokensPerRun");
  const Json* total_tokens = limits.find("maxTotalTokens");
  if (run_tokens != nullptr && total_tokens != nullptr && run_tokens->is_int() &&
      total_tokens->is_int() && run_tokens->as_int() > total_tokens->as_int()) {
    causes.push_back(above_total("maxTokensPerRun", *run_tokens, "maxTotalTokens"));
  }
  const Json* run_cost = limits.find("maxCostPerRun");
  const Json* total_cost = limits.find("maxTotalCost");
  if (run_cost != nullptr && total_cost != nullptr) {
    const Result<Money> one = Money::parse(limits.get_string("maxCostPerRun"));
    const Result<Money> all = Money::parse(limits.get_string("maxTotalCost"));
    if (one && all && *one > *all) {
      causes.push_back(above_total("maxCostPerRun", *run_cost, "maxTotalCost"));
    }
  }
  const Json* time = limits.find("maxDuration");
  const Result<Duration> duration = parse_duration(limits.get_string("maxDuration"));
  if (time != nullptr && duration && duration->count() <= 0) {
    causes.push_back(
        resource::invalid_json("spec.limits.maxDuration", *time, "must be longer than nothing")
    );
  }
}

/// A cheaper model makes no run shorter, and no fewer of them.
void check_enforcement(const Json& enforcement, std::vector<Cause>& causes) {
  for (const std::string_view name : {"onDurationLimit", "onConcurrencyLimit"}) {
    if (enforcement.get_string(name) == "downgrade") {
      causes.push_back(resource::invalid_value(
          concat("spec.enforcement.", name),
          "downgrade",
          "a cheaper model does not help there: terminate, pause, queue or alert"
      ));
    }
  }
}

}  // namespace

std::vector<Cause> quota_causes(journal::Kind kind, const Json& object) {
  const Json& spec = object.get_object("spec");
  std::vector<Cause> causes;
  check_limits(spec.get_object("limits"), causes);
  check_enforcement(spec.get_object("enforcement"), causes);
  if (!causes.empty()) {
    return causes;
  }
  const Json& metadata = object.get_object("metadata");
  const journal::ObjectKey key{
      .kind = kind,
      .ns = Namespace(metadata.get_string("namespace")),
      .name = metadata.get_string("name")};
  const engine::Quota quota = engine::parse_quota(key, object);
  if (quota.unreadable) {
    causes.push_back(resource::forbidden_value("spec", *quota.unreadable));
  }
  return causes;
}

}  // namespace reeve::api
