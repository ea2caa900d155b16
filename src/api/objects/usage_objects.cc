#include <string>
#include <string_view>
#include <utility>

#include "api/objects/metadata.h"
#include "api/objects/objects.h"
#include "base/strings.h"
#include "engine/meter_ledger.h"
#include "engine/meter_limits.h"
#include "engine/quota.h"

namespace reeve::api {

namespace {

constexpr std::string_view kRunLabel = "reeve.dev/run";
constexpr std::string_view kAgentLabel = "reeve.dev/agent";
constexpr std::string_view kModelLabel = "reeve.dev/model";
constexpr std::string_view kUsageLabel = "reeve.dev/usage-of";
constexpr std::string_view kWithinLimits = "WithinLimits";

ApiObject finish(const Source& source, Json object) {
  return {
      .ns = source.key.ns.str(),
      .name = source.key.name,
      .uid = source.uid,
      .revision = source.revision,
      .object = std::move(object)};
}

Json begin(const Source& source, std::string_view kind, const Labels& labels) {
  Json object = Json::object();
  object.set("apiVersion", kGroupVersion).set("kind", kind);
  object.set("metadata", make_metadata(source, labels));
  return object;
}

// --- calls --------------------------------------------------------------------------------------

Json call_spec(const Json& kept) {
  Json spec = Json::object();
  for (const std::string_view name :
       {"mission",
        "run",
        "task",
        "workflow",
        "agent",
        "route",
        "provider",
        "model",
        "principal",
        "currency"}) {
    copy_member(kept, name, spec);
  }
  Json reserved = Json::object();
  for (const std::string_view name : {"inputTokens", "outputTokens", "cost"}) {
    copy_member(kept, name, reserved);
  }
  spec.set("reserved", std::move(reserved));
  return spec;
}

Json call_status(const Json& kept, const std::string& created) {
  const std::string phase = kept.get_string("phase");
  Json status = Json::object();
  for (const std::string_view name : {"phase", "quotas", "reason", "endedAt"}) {
    copy_member(kept, name, status);
  }
  const Json& end = member(kept, "end");
  if (const Json* code = end.find("status")) {
    status.set("httpStatus", *code);
  }
  Json usage = Json::object();
  for (const std::string_view name :
       {"inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens", "cost"}) {
    copy_member(end, name, usage);
  }
  if (!usage.as_object().empty()) {
    status.set("usage", std::move(usage));
  }
  for (const std::string_view name :
       {"outcome",
        "provider",
        "model",
        "durationMs",
        "firstByteMs",
        "stopReason",
        "requestDigest",
        "toolCalls"}) {
    copy_member(end, name, status);
  }
  Json conditions = Json::array();
  conditions.push(condition(
      "Settled",
      phase == "Settled" ? "True" : "False",
      phase,
      kept.get_string("reason"),
      kept.get_string("endedAt", created)
  ));
  status.set("conditions", std::move(conditions));
  return status;
}

// --- quotas -------------------------------------------------------------------------------------

Json names_of(const std::map<std::string, std::string>& limits) {
  Json names = Json::array();
  for (const auto& [name, level] : limits) {
    names.push(name);
  }
  return names;
}

/// Whether something is left of what is counted.
Json within_limits(
    const engine::Quota& quota, const engine::UsageRow& row, const std::string& since
) {
  if (quota.unreadable) {
    return condition(kWithinLimits, "Unknown", "Unreadable", *quota.unreadable, since);
  }
  engine::UsageRow settled = row;
  settled.promised = {};
  std::vector<std::string> used_up;
  for (const engine::QuotaLimit limit :
       {engine::QuotaLimit::TotalTokens, engine::QuotaLimit::TotalCost}) {
    if (engine::is_used_up(quota, limit, {.quota = &settled, .run = nullptr})) {
      used_up.emplace_back(to_string(limit));
    }
  }
  if (used_up.empty()) {
    return condition(kWithinLimits, "True", "Within", "", since);
  }
  return condition(
      kWithinLimits, "False", "UsedUp", concat("used up: ", join(used_up, ", ")), since
  );
}

Json current_usage(const engine::Quota& quota, const engine::UsageRow& row) {
  Json usage = Json::object();
  usage.set("tokens", row.period.tokens());
  usage.set("cost", row.period.cost(quota.currency).text());
  usage.set("calls", row.period.calls);
  usage.set("reservedTokens", row.promised.tokens);
  usage.set("reservedCost", row.promised.cost(quota.currency).text());
  return usage;
}

}  // namespace

ApiObject model_call_object(const Source& call) {
  const Json& kept = member(call.row, "spec");
  const Labels labels = {
      {kMissionLabel, label_value(kept.get_string("mission"))},
      {kWorkflowLabel, label_value(kept.get_string("workflow"))},
      {kRunLabel, label_value(kept.get_string("run"))},
      {kTaskLabel, label_value(kept.get_string("task"))},
      {kAgentLabel, label_value(kept.get_string("agent"))},
      {kModelLabel, label_value(kept.get_string("model"))}};
  Json object = begin(call, "ModelCall", labels);
  object.set("spec", call_spec(kept));
  const std::string created = member(call.row, "metadata").get_string("creationTimestamp");
  object.set("status", call_status(member(call.row, "status"), created));
  return finish(call, std::move(object));
}

ApiObject usage_object(const Source& usage) {
  const Json& spec = member(usage.row, "spec");
  Json object = begin(usage, "BudgetUsage", {{kUsageLabel, spec.get_string("of")}});
  object.set("spec", spec);
  Json status = member(usage.row, "status");
  std::erase_if(status.as_object(), [](const Json::Member& one) {
    return one.first == "revision";
  });
  object.set("status", std::move(status));
  return finish(usage, std::move(object));
}

void show_usage(const Source& source, Json& object) {
  const engine::Quota quota = engine::parse_quota(source.key, source.row);
  const journal::ObjectKey key = engine::usage_key_of(source.key);
  engine::UsageRow row;
  bool used = false;
  if (source.usage != nullptr) {
    if (Result<engine::UsageRow> read = engine::decode_usage(key, *source.usage)) {
      row = std::move(*read);
      used = true;
    }
  }
  Json status = member(object, "status");
  status.set("currentUsage", current_usage(quota, row));
  std::string since = member(object, "metadata").get_string("creationTimestamp");
  if (used) {
    Json total = Json::object();
    total.set("calls", row.total.calls).set("tokens", row.total.tokens());
    total.set("cost", row.total.cost(quota.currency).text());
    status.set("totalUsage", std::move(total));
    since = whole_seconds(format_timestamp(row.used_at));
    status.set("lastCheck", since);
    const Timestamp start = row.period_start.value_or(row.created_at);
    status.set("periodStart", whole_seconds(format_timestamp(start)));
    if (const auto span = engine::period_at(quota.period, start)) {
      status.set("periodEnd", whole_seconds(format_timestamp(span->end)));
    }
  }
  status.set("warned", names_of(row.warned)).set("reached", names_of(row.exceeded));
  status.set("heldMissions", row.held);
  status.set("observedGeneration", member(object, "metadata").get_int("generation", 1));
  Json conditions = Json::array();
  for (const Json& kept : elements(status, "conditions")) {
    if (kept.get_string("type") != kWithinLimits) {
      conditions.push(kept);
    }
  }
  conditions.push(within_limits(quota, row, since));
  status.set("conditions", std::move(conditions));
  object.set("status", std::move(status));
}

}  // namespace reeve::api
