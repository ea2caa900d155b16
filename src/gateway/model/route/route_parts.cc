#include "gateway/model/route/route_parts.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

constexpr std::size_t kHeadersMax = 20;
constexpr std::size_t kGlobsMax = 50;
constexpr std::size_t kGuardrailsMax = 50;
constexpr std::int64_t kCaptureBytesMax = 1'048'576;
constexpr auto kTokensMost = static_cast<std::int64_t>(kRequestTokensMax);

Error invalid(std::string message, std::string subject, std::string hint = {}) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
  error.hint = std::move(hint);
  return error;
}

/// A time within limits, or the fallback.
Result<Duration> time_in(
    Fields& fields,
    const std::string& path,
    std::string_view name,
    Duration fallback,
    Duration least = Duration(1)
) {
  const std::string written = fields.text(name);
  if (written.empty()) {
    return fallback;
  }
  const std::string place = concat(path, '.', name);
  const Result<Duration> time = parse_duration(written);
  if (!time) {
    return invalid(time.error().message, place);
  }
  if (*time < least || *time > kUpstreamTimeMax) {
    return invalid(
        concat("must be from ", format_duration(least), " to ", format_duration(kUpstreamTimeMax)),
        place
    );
  }
  return *time;
}

/// A number from 0 to 1, or the fallback.
Result<std::optional<double>> part_in(
    Fields& fields, const Json& json, const std::string& path, std::string_view name
) {
  fields.skip(name);
  const Json* member = json.find(name);
  if (member == nullptr) {
    return std::optional<double>();
  }
  if (!member->is_number() || !(member->as_double() >= 0) || !(member->as_double() <= 1)) {
    return invalid("must be a number from 0 to 1", concat(path, '.', name));
  }
  return std::optional<double>(member->as_double());
}

bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

Result<void> check_headers(
    const std::vector<std::pair<std::string, std::string>>& headers, const std::string& path
) {
  constexpr std::array<std::string_view, 12> kOurs = {
      "authorization",
      "proxy-authorization",
      "x-api-key",
      "api-key",
      "cookie",
      "host",
      "content-length",
      "content-type",
      "connection",
      "transfer-encoding",
      "accept-encoding",
      "upgrade"};
  if (headers.size() > kHeadersMax) {
    return invalid(concat("has more than ", kHeadersMax, " entries"), path);
  }
  for (const auto& [name, value] : headers) {
    const std::string place = concat(path, '.', name);
    if (!is_header_name(name)) {
      return invalid("is no name of a header", place);
    }
    if (std::find(kOurs.begin(), kOurs.end(), to_lower(name)) != kOurs.end()) {
      return invalid("is set by the gateway", place, "keys belong into a Credential");
    }
    const bool clean =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!clean) {
      return invalid("must have printable ASCII characters only", place);
    }
  }
  return {};
}

Result<std::string> checked_url(std::string url, bool allow_private, const std::string& path) {
  const bool is_plain = url.starts_with("http://");
  if (!is_plain && !url.starts_with("https://")) {
    return invalid("must begin with https://", path);
  }
  if (is_plain && !allow_private) {
    return invalid("must begin with https://", path, "or set `allowPrivate` of the provider");
  }
  while (url.ends_with('/')) {
    url.pop_back();
  }
  const std::size_t host = url.find("://") + 3;
  const bool clean = std::all_of(url.begin(), url.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '?' && c != '#' && c != '@' && c != '"' && c != '\\';
  });
  if (!clean || host >= url.size() || url[host] == '/') {
    return invalid("must be a host and a path, without query and user", path);
  }
  return url;
}

std::optional<Operation> parse_operation(std::string_view name) {
  for (const Operation each :
       {Operation::ChatCompletions,
        Operation::Responses,
        Operation::Embeddings,
        Operation::Messages,
        Operation::CountTokens}) {
    if (to_string(each) == name) {
      return each;
    }
  }
  return std::nullopt;
}

Result<void> read_operations(
    const std::vector<std::string>& names, Provider& provider, const std::string& path
) {
  Provider all;
  all.kind = provider.kind;
  for (const std::string& name : names) {
    const std::optional<Operation> operation = parse_operation(name);
    if (!operation || !all.offers(*operation)) {
      return invalid(
          concat("\"", name, "\" is nothing that a provider of this kind can be asked"),
          path,
          provider.kind == Dialect::OpenAi ? "chat.completions, responses or embeddings"
                                           : "messages or count_tokens"
      );
    }
    provider.operations.push_back(*operation);
  }
  return {};
}

Result<ProviderTimeouts> read_timeouts(const Json& json, const std::string& path) {
  ProviderTimeouts timeouts;
  Fields fields(json, path);
  REEVE_TRY(timeouts.connect, time_in(fields, path, "connect", timeouts.connect));
  REEVE_TRY(timeouts.first_byte, time_in(fields, path, "firstByte", timeouts.first_byte));
  REEVE_TRY(timeouts.idle, time_in(fields, path, "idle", timeouts.idle));
  REEVE_TRY(timeouts.total, time_in(fields, path, "total", timeouts.total));
  REEVE_CHECK(fields.finish());
  return timeouts;
}

Result<BreakerSettings> read_breaker(const Json& json, const std::string& path) {
  BreakerSettings breaker;
  Fields fields(json, path);
  const auto failures = fields.optional_number("failures", 0, 1'000);
  const auto probes = fields.optional_number("probes", 1, 100);
  REEVE_TRY(breaker.open_for, time_in(fields, path, "openFor", breaker.open_for));
  REEVE_CHECK(fields.finish());
  breaker.failures = static_cast<std::uint32_t>(failures.value_or(breaker.failures));
  breaker.probes = static_cast<std::uint32_t>(probes.value_or(breaker.probes));
  return breaker;
}

/// Absent: the fallback; without one, the price has to be there.
Result<Money> price_in(
    Fields& fields,
    const std::string& path,
    std::string_view name,
    std::optional<Money> fallback = {}
) {
  const std::string written = fields.text(name);
  const std::string place = concat(path, '.', name);
  if (written.empty()) {
    return fallback ? Result<Money>(*fallback)
                    : Result<Money>(invalid("is missing", place, "a price such as \"3.00\""));
  }
  const Result<Money> price = Money::parse(written);
  return price ? price : Result<Money>(invalid(price.error().message, place));
}

/// Prices that are not said are never lower than what a provider of that kind takes.
Result<PriceSet> read_price_set(Fields& fields, const std::string& path, Dialect kind) {
  PriceSet set;
  REEVE_TRY(set.input, price_in(fields, path, "input"));
  REEVE_TRY(set.output, price_in(fields, path, "output"));
  REEVE_TRY(set.cache_read, price_in(fields, path, "cacheRead", set.input));
  const bool anthropic = kind == Dialect::Anthropic;
  const Money written = anthropic ? set.input + set.input : set.input;
  REEVE_TRY(set.cache_write, price_in(fields, path, "cacheWrite", written));
  const Money kept = anthropic ? std::max(set.cache_write, written) : set.cache_write;
  REEVE_TRY(set.cache_write_long, price_in(fields, path, "cacheWriteLong", kept));
  return set;
}

Result<Prices> read_prices(const Json& json, const std::string& path, Dialect kind) {
  Prices prices;
  Fields fields(json, path);
  REEVE_TRY(prices.usual, read_price_set(fields, path, kind));
  const Json* long_context = fields.object("longContext");
  REEVE_CHECK(fields.finish());
  if (long_context != nullptr) {
    const std::string place = concat(path, ".longContext");
    Fields more(*long_context, place);
    prices.long_above = static_cast<std::uint64_t>(more.number("above", 1, kTokensMost));
    REEVE_TRY(prices.long_context, read_price_set(more, place, kind));
    REEVE_CHECK(more.finish());
    if (prices.long_above == 0) {
      return invalid("is missing", concat(place, ".above"));
    }
  }
  return prices;
}

Result<void> read_cost(
    const Json* prices, RouteModel& model, const std::string& path, Dialect kind
) {
  if (model.free == (prices != nullptr)) {
    return invalid(
        model.free ? "a model that is free has no prices" : "what the model costs is not known",
        concat(path, ".prices"),
        "set `prices`, or `free: true`"
    );
  }
  if (prices != nullptr) {
    REEVE_TRY(model.prices, read_prices(*prices, concat(path, ".prices"), kind));
  }
  return {};
}

Result<CaptureKind> parse_capture(std::string_view written, const std::string& path) {
  for (const CaptureKind each : {CaptureKind::None, CaptureKind::Metadata, CaptureKind::Body}) {
    if (to_string(each) == written) {
      return each;
    }
  }
  return invalid("must be none, metadata or body", path);
}

Result<GuardrailRule> read_guardrail(const Json& json, const std::string& path) {
  GuardrailRule rule;
  Fields fields(json, path);
  rule.name = fields.required_text("name");
  const bool secrets = fields.flag("secrets");
  rule.pattern = fields.text("pattern");
  rule.ignore_case = fields.flag("ignoreCase");
  const std::string action = fields.required_text("action");
  const std::string direction = fields.text("direction", "both");
  REEVE_CHECK(fields.finish());
  if (secrets != rule.pattern.empty()) {
    return invalid("needs either `secrets: true` or a pattern", path);
  }
  if (action == "report") {
    rule.action = GuardrailAction::Report;
  } else if (action == "redact") {
    rule.action = GuardrailAction::Redact;
  } else if (action == "block") {
    rule.action = GuardrailAction::Block;
  } else {
    return invalid("must be report, redact or block", concat(path, ".action"));
  }
  rule.in_request = direction == "request" || direction == "both";
  rule.in_response = direction == "response" || direction == "both";
  if (!rule.in_request && !rule.in_response) {
    return invalid("must be request, response or both", concat(path, ".direction"));
  }
  return rule;
}

}  // namespace

Result<Provider> read_provider(const Json& json, const std::string& path) {
  Provider provider;
  Fields fields(json, path);
  provider.name = fields.required_text("name");
  const std::string kind = fields.required_text("kind");
  const std::string url = fields.required_text("baseUrl");
  provider.credential = fields.text("credential");
  provider.headers = fields.texts("headers");
  provider.allow_private = fields.flag("allowPrivate");
  const std::vector<std::string> operations = fields.text_list("operations");
  const Json* timeouts = fields.object("timeouts");
  const auto concurrency = fields.optional_number("concurrency", 1, 10'000);
  const Json* breaker = fields.object("breaker");
  REEVE_CHECK(fields.finish());
  if (kind != "openai" && kind != "anthropic") {
    return invalid("must be openai or anthropic", concat(path, ".kind"));
  }
  provider.kind = kind == "openai" ? Dialect::OpenAi : Dialect::Anthropic;
  REEVE_TRY(provider.base_url, checked_url(url, provider.allow_private, concat(path, ".baseUrl")));
  REEVE_CHECK(check_headers(provider.headers, concat(path, ".headers")));
  REEVE_CHECK(read_operations(operations, provider, concat(path, ".operations")));
  provider.concurrency = static_cast<std::uint32_t>(concurrency.value_or(provider.concurrency));
  if (timeouts != nullptr) {
    REEVE_TRY(provider.timeouts, read_timeouts(*timeouts, concat(path, ".timeouts")));
  }
  if (breaker != nullptr) {
    REEVE_TRY(provider.breaker, read_breaker(*breaker, concat(path, ".breaker")));
  }
  return provider;
}

Result<RouteModel> read_model(
    const Json& json, const std::string& path, const std::vector<Provider>& providers
) {
  RouteModel model;
  Fields fields(json, path);
  model.name = fields.required_text("name");
  const std::string provider = fields.required_text("provider");
  model.upstream_name = fields.text("model");
  const auto number = [&](std::string_view name) {
    const auto value = fields.optional_number(name, 1, kTokensMost);
    return value ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(*value))
                 : std::optional<std::uint64_t>();
  };
  model.bounds.context_window = number("contextWindow").value_or(0);
  model.bounds.max_output_tokens = number("maxOutputTokens").value_or(0);
  model.output_limit = number("outputLimit");
  model.output_limit_member = fields.text("outputLimitField");
  model.bounds.image_tokens = number("imageTokens").value_or(kImageTokens);
  model.bounds.file_tokens = number("fileTokens").value_or(0);
  const Json* prices = fields.object("prices");
  model.free = fields.flag("free");
  const std::string unbounded = fields.text("unbounded", "refuse");
  // For people.
  (void)fields.text("tier");
  model.reasoning = fields.flag("reasoning", true);
  REEVE_CHECK(fields.finish());
  if (std::max(model.name.size(), model.upstream_name.size()) > kModelNameBytesMax) {
    return invalid("is too long", concat(path, ".name"));
  }
  if (unbounded != "refuse" && unbounded != "allow") {
    return invalid("must be refuse or allow", concat(path, ".unbounded"));
  }
  model.bounds.allow_unbounded = unbounded == "allow";
  if (!model.output_limit_member.empty() && model.output_limit_member != "max_tokens" &&
      model.output_limit_member != "max_completion_tokens") {
    return invalid(
        "must be max_tokens or max_completion_tokens", concat(path, ".outputLimitField")
    );
  }
  const auto found = std::find_if(providers.begin(), providers.end(), [&](const Provider& each) {
    return each.name == provider;
  });
  if (found == providers.end()) {
    return invalid(
        concat("there is no provider \"", provider, '"'),
        concat(path, ".provider"),
        "name one of spec.providers"
    );
  }
  model.provider = static_cast<std::size_t>(found - providers.begin());
  REEVE_CHECK(read_cost(prices, model, path, found->kind));
  return model;
}

Result<RuleMatch> read_match(const Json& json, const std::string& path) {
  RuleMatch match;
  Fields fields(json, path);
  match.agents = fields.text_list("agents");
  match.namespaces = fields.text_list("namespaces");
  match.models = fields.text_list("models");
  match.labels = fields.texts("labels");
  const auto least = fields.optional_number("minInputTokens", 0, kTokensMost);
  const auto most = fields.optional_number("maxInputTokens", 0, kTokensMost);
  REEVE_TRY(match.budget_left_below, part_in(fields, json, path, "budgetLeftBelow"));
  REEVE_CHECK(fields.finish());
  if (std::max({match.agents.size(), match.namespaces.size(), match.models.size()}) > kGlobsMax) {
    return invalid(concat("has more than ", kGlobsMax, " entries in a list"), path);
  }
  if (least) {
    match.min_input_tokens = static_cast<std::uint64_t>(*least);
  }
  if (most) {
    match.max_input_tokens = static_cast<std::uint64_t>(*most);
  }
  if (least && most && *least > *most) {
    return invalid("can never match: the least is above the most", path);
  }
  return match;
}

Result<RetrySettings> read_retries(const Json& json, const std::string& path) {
  RetrySettings retries;
  Fields fields(json, path);
  const auto max = fields.optional_number("max", 0, kRetriesMax);
  REEVE_TRY(retries.backoff, time_in(fields, path, "backoff", retries.backoff, Duration(0)));
  REEVE_TRY(
      retries.max_backoff, time_in(fields, path, "maxBackoff", retries.max_backoff, Duration(0))
  );
  REEVE_TRY(const std::optional<double> jitter, part_in(fields, json, path, "jitter"));
  REEVE_CHECK(fields.finish());
  retries.max = static_cast<std::uint32_t>(max.value_or(retries.max));
  retries.jitter = jitter.value_or(retries.jitter);
  return retries;
}

Result<std::vector<GuardrailRule>> read_guardrails(const Json& json, const std::string& path) {
  std::vector<GuardrailRule> rules;
  std::set<std::string> names;
  if (json.as_array().size() > kGuardrailsMax) {
    return invalid(concat("has more than ", kGuardrailsMax, " entries"), path);
  }
  for (std::size_t i = 0; i < json.as_array().size(); ++i) {
    const std::string place = concat(path, '[', i, ']');
    REEVE_TRY(GuardrailRule rule, read_guardrail(json.as_array()[i], place));
    if (!names.insert(rule.name).second) {
      return invalid("another guardrail has the same name", concat(place, ".name"));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<Duration> read_cache(const Json& json, const std::string& path) {
  Fields fields(json, path);
  (void)fields.required_text("ttl");
  REEVE_TRY(const Duration ttl, time_in(fields, path, "ttl", Duration(0)));
  REEVE_CHECK(fields.finish());
  return ttl;
}

Result<CapturePolicy> read_capture(const Json& json, const std::string& path) {
  CapturePolicy policy;
  Fields fields(json, path);
  const std::string request = fields.text("request", "metadata");
  const std::string response = fields.text("response", "metadata");
  const auto bytes = fields.optional_number("maxBytes", 0, kCaptureBytesMax);
  REEVE_CHECK(fields.finish());
  REEVE_TRY(policy.request, parse_capture(request, concat(path, ".request")));
  REEVE_TRY(policy.response, parse_capture(response, concat(path, ".response")));
  policy.bytes_max = bytes ? static_cast<std::size_t>(*bytes) : policy.bytes_max;
  return policy;
}

}  // namespace reeve::gateway::model
