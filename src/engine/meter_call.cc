#include "engine/meter_call.h"

#include <algorithm>
#include <array>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/object_metadata.h"
#include "engine/quota.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kApiVersion = "reeve.dev/v1";
constexpr std::string_view kKindName = "ModelCall";
constexpr std::array<std::string_view, 5> kOutcomes = {
    "completed", "cut", "failed", "refused", "unknown"};
constexpr std::string_view kUnknown = "unknown";
constexpr std::int64_t kStatusMax = 999;
constexpr std::int64_t kMillisMax = 1'000'000'000;
constexpr std::int64_t kToolCallsMax = 100'000;
constexpr std::size_t kCurrencyBytes = 3;

Error invalid(std::string message, std::string_view subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(subject));
}

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

/// Texts of callers have a length.
Result<std::string> text_in(Fields& fields, std::string_view name, bool required) {
  std::string text = required ? fields.required_text(name) : fields.text(name);
  if (text.size() > kMeterTextBytesMax) {
    return invalid(concat("is longer than ", kMeterTextBytesMax, " bytes"), name);
  }
  return text;
}

std::uint64_t tokens_in(Fields& fields, std::string_view name) {
  return static_cast<std::uint64_t>(fields.number(name, 0, kCallTokensMax));
}

/// What nobody knows the price of is never for nothing: who calls says "0".
Result<Money> cost_in(Fields& fields, std::string_view name, bool required) {
  const std::string text = required ? fields.required_text(name) : fields.text(name);
  if (text.empty()) {
    return required ? Result<Money>(invalid("is missing", name)) : Result<Money>(Money());
  }
  REEVE_TRY(const Money cost, Money::parse(text));
  if (cost > kCallCostMax) {
    return invalid(concat("one call costs at most ", kCallCostMax.text()), name);
  }
  return cost;
}

bool is_currency(std::string_view text) {
  return text.size() == kCurrencyBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

/// What `reserve` and its event have in common.
Result<CallRequest> request_in(Fields& fields, const Namespace& ns) {
  CallRequest request;
  request.who.ns = ns;
  REEVE_TRY(request.who.mission, text_in(fields, "mission", false));
  request.who.run = fields.text("run");
  REEVE_TRY(request.who.task, text_in(fields, "task", false));
  REEVE_TRY(request.who.agent, text_in(fields, "agent", false));
  REEVE_TRY(request.route, text_in(fields, "route", false));
  REEVE_TRY(request.provider, text_in(fields, "provider", true));
  REEVE_TRY(request.model, text_in(fields, "model", true));
  REEVE_TRY(request.principal, text_in(fields, "principal", false));
  request.worst.input_tokens = tokens_in(fields, "inputTokens");
  request.worst.output_tokens = tokens_in(fields, "outputTokens");
  REEVE_TRY(request.worst.cost, cost_in(fields, "cost", true));
  request.worst.currency = fields.text("currency", "USD");
  if (!is_currency(request.worst.currency)) {
    return invalid("is no currency: three capital letters, as in USD", "currency");
  }
  if (request.who.mission.empty() != request.who.run.empty()) {
    return invalid("a mission has a run, and a run a mission", "run");
  }
  return request;
}

void set_text(Json& json, std::string_view name, const std::string& text) {
  if (!text.empty()) {
    json.set(std::string(name), text);
  }
}

void set_count(Json& json, std::string_view name, std::uint64_t count) {
  if (count > 0) {
    json.set(std::string(name), count);
  }
}

/// "team/core", or "core" of the cluster: the quota whose row it is.
std::string quota_text(const journal::ObjectKey& row) {
  const std::string_view name = std::string_view(row.name).substr(kQuotaUsage.size());
  return row.ns.empty() ? std::string(name) : concat(row.ns.view(), "/", name);
}

journal::ObjectKey quota_row(std::string_view text) {
  const std::size_t slash = text.find('/');
  const bool cluster = slash == std::string_view::npos;
  return {
      .kind = journal::Kind::BudgetUsage,
      .ns = Namespace(std::string(cluster ? std::string_view() : text.substr(0, slash))),
      .name = concat(kQuotaUsage, cluster ? text : text.substr(slash + 1))};
}

void set_request(Json& json, const CallRequest& request) {
  set_text(json, "mission", request.who.mission);
  set_text(json, "run", request.who.run);
  set_text(json, "task", request.who.task);
  set_text(json, "workflow", request.who.workflow);
  set_text(json, "agent", request.who.agent);
  set_text(json, "route", request.route);
  json.set("provider", request.provider).set("model", request.model);
  set_text(json, "principal", request.principal);
  json.set("inputTokens", request.worst.input_tokens);
  json.set("outputTokens", request.worst.output_tokens);
  json.set("cost", request.worst.cost.text()).set("currency", request.worst.currency);
}

Json quotas_json(const std::vector<journal::ObjectKey>& quotas) {
  Json list = Json::array();
  for (const journal::ObjectKey& quota : quotas) {
    list.push(quota_text(quota));
  }
  return list;
}

}  // namespace

std::string_view to_string(CallPhase phase) {
  switch (phase) {
    case CallPhase::Open:
      return "Open";
    case CallPhase::Settled:
      return "Settled";
    case CallPhase::Refunded:
      return "Refunded";
  }
  return {};
}

ChargedTo ModelCall::charged_to() const {
  const bool elsewhere = end && !end->model.empty();
  return {
      .ns = request.who.ns,
      .quotas = quotas,
      .run = request.who.run,
      .mission = request.who.mission,
      .agent = request.who.agent,
      .workflow = request.who.workflow,
      .model = concat(
          elsewhere ? end->provider : request.provider, "/", elsewhere ? end->model : request.model
      )};
}

Result<CallRequest> call_request_from(const Namespace& ns, const Json& body) {
  Fields fields(body, "reserve");
  REEVE_TRY(CallRequest request, request_in(fields, ns));
  REEVE_CHECK(fields.finish());
  return request;
}

Result<CallEnd> call_end_from(const Json& body, const std::string& currency) {
  Fields fields(body, "settle");
  CallEnd end;
  end.outcome = fields.required_text("outcome");
  end.status = static_cast<std::uint32_t>(fields.number("status", 0, kStatusMax));
  end.spent.input_tokens = tokens_in(fields, "inputTokens");
  end.spent.output_tokens = tokens_in(fields, "outputTokens");
  end.spent.cache_read_tokens = tokens_in(fields, "cacheReadTokens");
  end.spent.cache_write_tokens = tokens_in(fields, "cacheWriteTokens");
  REEVE_TRY(end.spent.cost, cost_in(fields, "cost", end.outcome != kUnknown));
  end.spent.currency = currency;
  REEVE_TRY(end.provider, text_in(fields, "provider", false));
  REEVE_TRY(end.model, text_in(fields, "model", false));
  end.duration_ms = static_cast<std::uint64_t>(fields.number("durationMs", 0, kMillisMax));
  end.first_byte_ms = static_cast<std::uint64_t>(fields.number("firstByteMs", 0, kMillisMax));
  REEVE_TRY(end.stop_reason, text_in(fields, "stopReason", false));
  REEVE_TRY(end.request_digest, text_in(fields, "requestDigest", false));
  end.tool_calls = static_cast<std::uint32_t>(fields.number("toolCalls", 0, kToolCallsMax));
  REEVE_CHECK(fields.finish());
  if (std::find(kOutcomes.begin(), kOutcomes.end(), end.outcome) == kOutcomes.end()) {
    return invalid(
        concat(
            "there is no outcome \"",
            end.outcome,
            "\"; it is completed, cut, failed, refused or unknown"
        ),
        "outcome"
    );
  }
  if (end.provider.empty() != end.model.empty()) {
    return invalid("a model has a provider, and a provider a model", "provider");
  }
  return end;
}

Json reserved_data(const ModelCall& call, const std::string& dropped) {
  Json data = Json::object();
  set_request(data, call.request);
  data.set("quotas", quotas_json(call.quotas));
  set_text(data, "dropped", dropped);
  return data;
}

Result<ReservedData> reserved_from(const journal::ObjectKey& key, const Json& data) {
  ReservedData read;
  Fields fields(data, "model_call.reserved");
  REEVE_TRY(read.call.request, request_in(fields, key.ns));
  read.call.request.who.workflow = fields.text("workflow");
  for (const std::string& quota : fields.text_list("quotas")) {
    read.call.quotas.push_back(quota_row(quota));
  }
  read.dropped = fields.text("dropped");
  REEVE_CHECK(fields.finish());
  return read;
}

Json settled_data(const CallEnd& end) {
  Json data = Json::object();
  data.set("outcome", end.outcome);
  set_count(data, "status", end.status);
  data.set("inputTokens", end.spent.input_tokens);
  data.set("outputTokens", end.spent.output_tokens);
  set_count(data, "cacheReadTokens", end.spent.cache_read_tokens);
  set_count(data, "cacheWriteTokens", end.spent.cache_write_tokens);
  data.set("cost", end.spent.cost.text());
  set_text(data, "provider", end.provider);
  set_text(data, "model", end.model);
  set_count(data, "durationMs", end.duration_ms);
  set_count(data, "firstByteMs", end.first_byte_ms);
  set_text(data, "stopReason", end.stop_reason);
  set_text(data, "requestDigest", end.request_digest);
  set_count(data, "toolCalls", end.tool_calls);
  return data;
}

Result<CallEnd> settled_from(const Json& data, const std::string& currency) {
  return call_end_from(data, currency);
}

bool encode_call(const journal::ObjectKey& key, const ModelCall& call, std::string& body) {
  if (call.deleted) {
    encode_deleted(kApiVersion, kKindName, key, call.uid, body);
    return false;
  }
  Json metadata = Json::object();
  metadata.set("name", key.name).set("namespace", key.ns.str()).set("uid", call.uid.str());
  metadata.set("creationTimestamp", format_timestamp(call.created_at));
  Json spec = Json::object();
  set_request(spec, call.request);
  Json status = Json::object();
  status.set("phase", to_string(call.phase)).set("quotas", quotas_json(call.quotas));
  if (call.end) {
    status.set("end", settled_data(*call.end));
  }
  set_text(status, "reason", call.reason);
  if (call.ended_at) {
    status.set("endedAt", format_timestamp(*call.ended_at));
  }
  status.set("revision", call.revision.value());
  Json row = Json::object();
  row.set("apiVersion", kApiVersion).set("kind", kKindName);
  row.set("metadata", std::move(metadata)).set("spec", std::move(spec));
  row.set("status", std::move(status));
  body += row.dump();
  return true;
}

namespace {

Result<CallPhase> parse_phase(std::string_view text) {
  for (const CallPhase phase : {CallPhase::Open, CallPhase::Settled, CallPhase::Refunded}) {
    if (to_string(phase) == text) {
      return phase;
    }
  }
  return invalid(concat("there is no phase \"", text, "\""), "phase");
}

Result<void> read_status(const Json& json, ModelCall& call) {
  Fields fields(json, "status");
  REEVE_TRY(call.phase, parse_phase(fields.required_text("phase")));
  for (const std::string& quota : fields.text_list("quotas")) {
    call.quotas.push_back(quota_row(quota));
  }
  const Json* end = fields.object("end");
  call.reason = fields.text("reason");
  call.ended_at = fields.time("endedAt");
  call.revision = Revision(static_cast<std::uint64_t>(fields.number("revision", 0, INT64_MAX)));
  REEVE_CHECK(fields.finish());
  if (end != nullptr) {
    REEVE_TRY(call.end, settled_from(*end, call.request.worst.currency));
  }
  return {};
}

Result<ModelCall> read_call(const journal::ObjectKey& key, const Json& row) {
  Fields fields(row, "the row of a call");
  fields.required_text("apiVersion");
  fields.required_text("kind");
  const Json* metadata_json = fields.object("metadata");
  const Json* spec_json = fields.object("spec");
  const Json* status_json = fields.object("status");
  REEVE_CHECK(fields.finish());
  if (metadata_json == nullptr || spec_json == nullptr || status_json == nullptr) {
    return corrupt("its row is not one of a call", key.name);
  }
  ModelCall call;
  Fields metadata(*metadata_json, "metadata");
  const std::string name = metadata.required_text("name");
  const std::string ns = metadata.required_text("namespace");
  call.uid = Uid(metadata.required_text("uid"));
  call.created_at = metadata.required_time("creationTimestamp");
  REEVE_CHECK(metadata.finish());
  Fields spec(*spec_json, "spec");
  REEVE_TRY(call.request, request_in(spec, key.ns));
  call.request.who.workflow = spec.text("workflow");
  REEVE_CHECK(spec.finish());
  REEVE_CHECK(read_status(*status_json, call));
  if (name != key.name || ns != key.ns.view()) {
    return corrupt("its row belongs to another call", key.name);
  }
  return call;
}

}  // namespace

Result<ModelCall> decode_call(const journal::ObjectKey& key, const Json& row) {
  Result<ModelCall> call = read_call(key, row);
  return call ? std::move(call) : Result<ModelCall>(corrupt(call.error().describe(), key.name));
}

}  // namespace reeve::engine
