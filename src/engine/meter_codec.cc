#include <algorithm>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/meter_ledger.h"
#include "engine/object_metadata.h"

/// Rows of usage as JSON.
namespace reeve::engine {

namespace {

constexpr std::string_view kApiVersion = "reeve.dev/v1";
constexpr std::string_view kKindName = "BudgetUsage";

Error corrupt(std::string message, const std::string& name) {
  return make_error(ErrorCode::Corrupt, std::move(message), name);
}

/// A sum may have one digit more than an amount that people write.
Result<Money> sum_from(std::string_view text) {
  constexpr std::size_t kDigits = 10;
  constexpr std::int64_t kBillion = 1'000'000'000;
  if (text.find('.') != kDigits || text.front() < '0' || text.front() > '9') {
    return Money::parse(text);
  }
  REEVE_TRY(const Money rest, Money::parse(text.substr(1)));
  return Money::from_nanos((text.front() - '0') * kBillion * Money::kNanos) + rest;
}

void write_costs(JsonWriter& json, std::string_view name, const Costs& costs) {
  json.key(name);
  json.begin_object();
  for (const auto& [currency, amount] : costs) {
    json.member(currency, std::string_view(amount.text()));
  }
  json.end_object();
}

void write_sum(JsonWriter& json, const UsageSum& sum) {
  json.member("calls", sum.calls);
  json.member("tokens", sum.tokens());
  json.member("inputTokens", sum.input_tokens);
  json.member("outputTokens", sum.output_tokens);
  json.member("cacheReadTokens", sum.cache_read_tokens);
  json.member("cacheWriteTokens", sum.cache_write_tokens);
  write_costs(json, "costs", sum.costs);
}

/// For people: "1.20 USD".
std::string cost_text(const Costs& costs) {
  std::vector<std::string> parts;
  for (const auto& [currency, amount] : costs) {
    parts.push_back(concat(amount.text(), " ", currency));
  }
  return join(parts, ", ");
}

void write_texts(
    JsonWriter& json, std::string_view name, const std::map<std::string, std::string>& texts
) {
  if (texts.empty()) {
    return;
  }
  json.key(name);
  json.begin_object();
  for (const auto& [key, value] : texts) {
    json.member(key, std::string_view(value));
  }
  json.end_object();
}

void write_status(JsonWriter& json, const UsageRow& row) {
  json.key("status");
  json.begin_object();
  write_sum(json, row.total);
  json.member("cost", std::string_view(cost_text(row.total.costs)));
  if (row.promised.calls > 0) {
    json.key("promised");
    json.begin_object();
    json.member("calls", row.promised.calls);
    json.member("tokens", row.promised.tokens);
    write_costs(json, "costs", row.promised.costs);
    json.end_object();
  }
  if (row.period_start) {
    json.key("period");
    json.begin_object();
    write_sum(json, row.period);
    json.member("start", std::string_view(format_timestamp(*row.period_start)));
    json.end_object();
  }
  write_texts(json, "warned", row.warned);
  write_texts(json, "exceeded", row.exceeded);
  if (row.held > 0) {
    json.member("held", row.held);
  }
  json.member("lastUsed", std::string_view(format_timestamp(row.used_at)));
  json.member("revision", row.revision.value());
  json.end_object();
}

std::uint64_t count_in(Fields& fields, std::string_view name) {
  return static_cast<std::uint64_t>(fields.number(name, 0, INT64_MAX));
}

Result<Costs> costs_in(Fields& fields) {
  const Json* costs = fields.object("costs");
  return costs == nullptr ? Result<Costs>(Costs()) : costs_from_json(*costs);
}

Result<UsageSum> sum_in(Fields& fields) {
  UsageSum sum;
  sum.calls = count_in(fields, "calls");
  fields.skip("tokens");
  sum.input_tokens = count_in(fields, "inputTokens");
  sum.output_tokens = count_in(fields, "outputTokens");
  sum.cache_read_tokens = count_in(fields, "cacheReadTokens");
  sum.cache_write_tokens = count_in(fields, "cacheWriteTokens");
  REEVE_TRY(sum.costs, costs_in(fields));
  return sum;
}

std::map<std::string, std::string> texts_in(Fields& fields, std::string_view name) {
  std::map<std::string, std::string> texts;
  for (auto& [key, value] : fields.texts(name)) {
    texts.emplace(std::move(key), std::move(value));
  }
  return texts;
}

Result<void> read_period(const Json& json, UsageRow& row) {
  Fields fields(json, "status.period");
  REEVE_TRY(row.period, sum_in(fields));
  row.period_start = fields.required_time("start");
  return fields.finish();
}

Result<void> read_promised(const Json& json, UsageRow& row) {
  Fields fields(json, "status.promised");
  row.promised.calls = count_in(fields, "calls");
  row.promised.tokens = count_in(fields, "tokens");
  REEVE_TRY(row.promised.costs, costs_in(fields));
  return fields.finish();
}

Result<void> read_status(const Json& json, UsageRow& row) {
  Fields fields(json, "status");
  REEVE_TRY(row.total, sum_in(fields));
  fields.skip("cost");
  const Json* promised = fields.object("promised");
  const Json* period = fields.object("period");
  row.warned = texts_in(fields, "warned");
  row.exceeded = texts_in(fields, "exceeded");
  row.held = count_in(fields, "held");
  row.used_at = fields.required_time("lastUsed");
  row.revision = Revision(count_in(fields, "revision"));
  REEVE_CHECK(fields.finish());
  if (promised != nullptr) {
    REEVE_CHECK(read_promised(*promised, row));
  }
  return period == nullptr ? Result<void>() : read_period(*period, row);
}

}  // namespace

Json to_json(const Costs& costs) {
  Json json = Json::object();
  for (const auto& [currency, amount] : costs) {
    json.set(currency, amount.text());
  }
  return json;
}

Result<Costs> costs_from_json(const Json& json) {
  if (!json.is_object()) {
    return make_error(ErrorCode::Invalid, "must be an object", "costs");
  }
  Costs costs;
  for (const auto& [currency, amount] : json.as_object()) {
    if (!amount.is_string()) {
      return make_error(ErrorCode::Invalid, "must be a text", concat("costs.", currency));
    }
    REEVE_TRY(costs[currency], sum_from(amount.as_string()));
  }
  return costs;
}

bool encode_usage(const journal::ObjectKey& key, const UsageRow& row, std::string& body) {
  if (row.deleted) {
    encode_deleted(kApiVersion, kKindName, key, row.uid, body);
    return false;
  }
  JsonWriter json(body);
  json.begin_object();
  json.member("apiVersion", kApiVersion);
  json.member("kind", kKindName);
  json.key("metadata");
  json.begin_object();
  json.member("name", std::string_view(key.name));
  json.member("namespace", key.ns.view());
  json.member("uid", row.uid.view());
  json.member("creationTimestamp", std::string_view(format_timestamp(row.created_at)));
  json.end_object();
  json.key("spec");
  json.begin_object();
  json.member("of", to_string(row.of));
  json.member("subject", std::string_view(row.subject));
  json.end_object();
  write_status(json, row);
  json.end_object();
  return true;
}

Result<UsageRow> decode_usage(const journal::ObjectKey& key, const Json& json) {
  Fields fields(json, "the row of usage");
  fields.required_text("apiVersion");
  fields.required_text("kind");
  const Json* metadata_json = fields.object("metadata");
  const Json* spec_json = fields.object("spec");
  const Json* status_json = fields.object("status");
  if (!fields.finish() || metadata_json == nullptr || spec_json == nullptr ||
      status_json == nullptr) {
    return corrupt("its row is not one of usage", key.name);
  }
  UsageRow row;
  Fields metadata(*metadata_json, "metadata");
  const std::string name = metadata.required_text("name");
  const std::string ns = metadata.text("namespace");
  row.uid = Uid(metadata.required_text("uid"));
  row.created_at = metadata.required_time("creationTimestamp");
  Fields spec(*spec_json, "spec");
  const Result<UsageOf> of = parse_usage_of(spec.required_text("of"));
  row.subject = spec.required_text("subject");
  const Result<void> read = read_status(*status_json, row);
  for (const Result<void>& part : {metadata.finish(), spec.finish(), read}) {
    if (!part) {
      return corrupt(part.error().describe(), key.name);
    }
  }
  if (!of || name != key.name || ns != key.ns.view()) {
    return corrupt("its row is about something else", key.name);
  }
  row.of = *of;
  return row;
}

}  // namespace reeve::engine
