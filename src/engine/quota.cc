#include "engine/quota.h"

#include <algorithm>
#include <cmath>

#include "base/fields.h"
#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::int64_t kConcurrentRunsMax = 1'000'000;
constexpr std::int64_t kRetriesMax = 1000;

constexpr std::array<std::pair<QuotaAction, std::string_view>, 5> kActions = {{
    {QuotaAction::Alert, "alert"},
    {QuotaAction::Downgrade, "downgrade"},
    {QuotaAction::Queue, "queue"},
    {QuotaAction::Pause, "pause"},
    {QuotaAction::Terminate, "terminate"},
}};

constexpr std::array<std::pair<QuotaLimit, std::string_view>, 9> kLimits = {{
    {QuotaLimit::TotalTokens, "maxTotalTokens"},
    {QuotaLimit::TotalCost, "maxTotalCost"},
    {QuotaLimit::RunTokens, "maxTokensPerRun"},
    {QuotaLimit::RunCost, "maxCostPerRun"},
    {QuotaLimit::MinuteTokens, "maxTokensPerMinute"},
    {QuotaLimit::MinuteRequests, "maxRequestsPerMinute"},
    {QuotaLimit::ConcurrentRuns, "maxConcurrentRuns"},
    {QuotaLimit::RunDuration, "maxDuration"},
    {QuotaLimit::Retries, "maxRetries"},
}};

Error invalid(std::string message, std::string_view subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(subject));
}

Result<QuotaAction> action_in(Fields& fields, std::string_view name, QuotaAction fallback) {
  const std::string text = fields.text(name);
  return text.empty() ? Result<QuotaAction>(fallback) : parse_quota_action(text);
}

Result<std::optional<Money>> money_in(Fields& fields, std::string_view name) {
  const std::string text = fields.text(name);
  if (text.empty()) {
    return std::optional<Money>();
  }
  REEVE_TRY(const Money amount, Money::parse(text));
  return std::optional<Money>(amount);
}

template <class Number>
std::optional<Number> count_in(
    Fields& fields, std::string_view name, std::int64_t min, std::int64_t max
) {
  const std::optional<std::int64_t> number = fields.optional_number(name, min, max);
  return number ? std::optional<Number>(static_cast<Number>(*number)) : std::nullopt;
}

Result<QuotaLimits> limits_in(const Json& json) {
  Fields fields(json, "spec.limits");
  QuotaLimits limits;
  limits.total_tokens = count_in<std::uint64_t>(fields, "maxTotalTokens", 1, INT64_MAX);
  limits.run_tokens = count_in<std::uint64_t>(fields, "maxTokensPerRun", 1, INT64_MAX);
  limits.minute_tokens = count_in<std::uint64_t>(fields, "maxTokensPerMinute", 1, INT64_MAX);
  limits.minute_requests = count_in<std::uint64_t>(fields, "maxRequestsPerMinute", 1, INT64_MAX);
  limits.concurrent_runs =
      count_in<std::uint32_t>(fields, "maxConcurrentRuns", 1, kConcurrentRunsMax);
  limits.retries = count_in<std::uint32_t>(fields, "maxRetries", 0, kRetriesMax);
  REEVE_TRY(limits.total_cost, money_in(fields, "maxTotalCost"));
  REEVE_TRY(limits.run_cost, money_in(fields, "maxCostPerRun"));
  if (const std::string text = fields.text("maxDuration"); !text.empty()) {
    REEVE_TRY(const Duration duration, parse_duration(text));
    if (duration.count() <= 0) {
      return invalid("must be longer than nothing", "maxDuration");
    }
    limits.run_duration = duration;
  }
  REEVE_CHECK(fields.finish());
  return limits;
}

Result<QuotaSelector> selector_in(const Json& json, bool cluster) {
  Fields fields(json, "spec.selector");
  QuotaSelector selector;
  selector.labels = fields.texts("matchLabels");
  selector.workflow = fields.text("workflow");
  selector.agent = fields.text("agent");
  selector.mission = fields.text("mission");
  selector.task = fields.text("task");
  if (cluster) {
    selector.tenant = fields.text("tenant");
    selector.namespaces = fields.text_list("namespaces");
  }
  REEVE_CHECK(fields.finish());
  return selector;
}

Result<QuotaPeriod> parse_period(std::string_view text) {
  if (text.empty()) {
    return QuotaPeriod::Never;
  }
  if (text == "day") {
    return QuotaPeriod::Day;
  }
  if (text == "week") {
    return QuotaPeriod::Week;
  }
  if (text == "month") {
    return QuotaPeriod::Month;
  }
  return invalid(concat("there is no period \"", text, "\""), "spec.period");
}

Result<QuotaScope> parse_scope(std::string_view text) {
  if (text.empty() || text == "offender") {
    return QuotaScope::Offender;
  }
  if (text == "highest") {
    return QuotaScope::Highest;
  }
  if (text == "all") {
    return QuotaScope::All;
  }
  return invalid(concat("there is no scope \"", text, "\""), "spec.enforcement.scope");
}

Result<void> read_enforcement(const Json& json, Quota& quota) {
  Fields fields(json, "spec.enforcement");
  REEVE_TRY(quota.on_tokens, action_in(fields, "onTokenLimit", quota.on_tokens));
  REEVE_TRY(quota.on_cost, action_in(fields, "onCostLimit", quota.on_cost));
  REEVE_TRY(quota.on_duration, action_in(fields, "onDurationLimit", quota.on_duration));
  REEVE_TRY(quota.on_concurrency, action_in(fields, "onConcurrencyLimit", quota.on_concurrency));
  REEVE_TRY(quota.scope, parse_scope(fields.text("scope")));
  return fields.finish();
}

/// A part of a limit; what is absent stays.
Result<void> read_part(const Json& json, std::string_view name, double& part) {
  const Json* given = json.find(name);
  if (given == nullptr) {
    return {};
  }
  if (!given->is_number() || given->as_double() < 0 || given->as_double() > 1) {
    return invalid("must be a number from 0 to 1", name);
  }
  part = given->as_double();
  return {};
}

Result<void> read_warnings(const Json& json, Quota& quota) {
  Fields fields(json, "spec.warnings");
  for (const std::string_view name : {"tokenThreshold", "costThreshold", "durationThreshold"}) {
    fields.skip(name);
  }
  REEVE_CHECK(fields.finish());
  REEVE_CHECK(read_part(json, "tokenThreshold", quota.warn_tokens));
  REEVE_CHECK(read_part(json, "costThreshold", quota.warn_cost));
  return read_part(json, "durationThreshold", quota.warn_duration);
}

Result<void> read_spec(const Json& object, Quota& quota) {
  const Json* spec = object.find("spec");
  if (spec == nullptr) {
    return invalid("is missing", "spec");
  }
  Fields fields(*spec, "spec");
  const Json* limits = fields.object("limits");
  const Json* selector = fields.object("selector");
  const Json* enforcement = fields.object("enforcement");
  const Json* warnings = fields.object("warnings");
  fields.skip("notifications");
  const std::string period = fields.text("period");
  quota.currency = fields.text("currency", quota.currency);
  REEVE_CHECK(fields.finish());
  if (limits == nullptr) {
    return invalid("is missing", "spec.limits");
  }
  REEVE_TRY(quota.limits, limits_in(*limits));
  REEVE_TRY(quota.period, parse_period(period));
  if (selector != nullptr) {
    const bool cluster = quota.key.kind == journal::Kind::ClusterBudgetQuota;
    REEVE_TRY(quota.selector, selector_in(*selector, cluster));
  }
  if (enforcement != nullptr) {
    REEVE_CHECK(read_enforcement(*enforcement, quota));
  }
  return warnings == nullptr ? Result<void>() : read_warnings(*warnings, quota);
}

bool has_label(const Json* labels, const std::pair<std::string, std::string>& wanted) {
  const Json* value = labels == nullptr ? nullptr : labels->find(wanted.first);
  return value != nullptr && value->is_string() && value->as_string() == wanted.second;
}

bool matches(const std::string& wanted, const std::string& there) {
  return wanted.empty() || wanted == there;
}

}  // namespace

std::string_view to_string(QuotaAction action) {
  for (const auto& [known, name] : kActions) {
    if (known == action) {
      return name;
    }
  }
  return {};
}

Result<QuotaAction> parse_quota_action(std::string_view text) {
  for (const auto& [known, name] : kActions) {
    if (name == text) {
      return known;
    }
  }
  return invalid(
      concat("there is no action \"", text, "\"; terminate, pause, queue, downgrade or alert"),
      "action"
  );
}

std::string_view to_string(QuotaLimit limit) {
  for (const auto& [known, name] : kLimits) {
    if (known == limit) {
      return name;
    }
  }
  return {};
}

std::optional<QuotaLimit> parse_quota_limit(std::string_view text) {
  for (const auto& [known, name] : kLimits) {
    if (name == text) {
      return known;
    }
  }
  return std::nullopt;
}

std::string label_of(const journal::ObjectKey& quota) {
  return quota.ns.empty() ? quota.name : concat(quota.ns.view(), "/", quota.name);
}

std::string Quota::label() const {
  return label_of(key);
}

QuotaAction Quota::action_at(QuotaLimit limit) const {
  switch (limit) {
    case QuotaLimit::TotalTokens:
    case QuotaLimit::RunTokens:
      return on_tokens;
    case QuotaLimit::TotalCost:
    case QuotaLimit::RunCost:
      return on_cost;
    case QuotaLimit::RunDuration:
      return on_duration;
    case QuotaLimit::ConcurrentRuns:
      return on_concurrency;
    case QuotaLimit::MinuteTokens:
    case QuotaLimit::MinuteRequests:
    case QuotaLimit::Retries:
      return QuotaAction::Queue;
  }
  return QuotaAction::Terminate;
}

Quota parse_quota(const journal::ObjectKey& key, const Json& object) {
  Quota quota;
  quota.key = key;
  if (const Result<void> read = read_spec(object, quota); !read) {
    Quota unreadable;
    unreadable.key = key;
    unreadable.unreadable = read.error().describe();
    return unreadable;
  }
  return quota;
}

std::optional<PeriodSpan> period_at(QuotaPeriod period, Timestamp at) {
  using std::chrono::days;
  using std::chrono::months;
  const auto day = std::chrono::floor<days>(at);
  switch (period) {
    case QuotaPeriod::Never:
      return std::nullopt;
    case QuotaPeriod::Day:
      return PeriodSpan{.start = day, .end = day + days(1)};
    case QuotaPeriod::Week: {
      const std::chrono::weekday weekday(day);
      const auto monday = day - (weekday - std::chrono::Monday);
      return PeriodSpan{.start = monday, .end = monday + days(7)};
    }
    case QuotaPeriod::Month: {
      const std::chrono::year_month_day date(day);
      const std::chrono::year_month_day first(date.year() / date.month() / 1);
      const std::chrono::year_month_day next(first + months(1));
      return PeriodSpan{.start = std::chrono::sys_days(first), .end = std::chrono::sys_days(next)};
    }
  }
  return std::nullopt;
}

bool counts(const Quota& quota, const Spender& spender, const SpenderFacts& facts) {
  const QuotaSelector& selector = quota.selector;
  if (quota.key.kind == journal::Kind::BudgetQuota) {
    if (quota.key.ns != spender.ns) {
      return false;
    }
  } else {
    const bool listed =
        selector.namespaces.empty() ||
        std::find(selector.namespaces.begin(), selector.namespaces.end(), spender.ns.view()) !=
            selector.namespaces.end();
    if (!listed || !matches(selector.tenant, facts.tenant)) {
      return false;
    }
  }
  return matches(selector.workflow, spender.workflow) && matches(selector.agent, spender.agent) &&
         matches(selector.mission, spender.mission) && matches(selector.task, spender.task) &&
         std::all_of(selector.labels.begin(), selector.labels.end(), [&](const auto& label) {
           return has_label(facts.labels, label);
         });
}

journal::ObjectKey usage_key_of(const journal::ObjectKey& quota) {
  return {
      .kind = journal::Kind::BudgetUsage, .ns = quota.ns, .name = concat(kQuotaUsage, quota.name)};
}

std::optional<journal::ObjectKey> quota_key_of(const journal::ObjectKey& usage) {
  if (usage.kind != journal::Kind::BudgetUsage || !usage.name.starts_with(kQuotaUsage) ||
      usage.name.size() == kQuotaUsage.size()) {
    return std::nullopt;
  }
  return journal::ObjectKey{
      .kind = usage.ns.empty() ? journal::Kind::ClusterBudgetQuota : journal::Kind::BudgetQuota,
      .ns = usage.ns,
      .name = usage.name.substr(kQuotaUsage.size())};
}

bool is_quota(journal::Kind kind) {
  return kind == journal::Kind::BudgetQuota || kind == journal::Kind::ClusterBudgetQuota;
}

std::uint64_t warn_level(std::uint64_t limit, double part) {
  if (part <= 0) {
    return 0;
  }
  const double level = std::ceil(static_cast<double>(limit) * part);
  return level < 1                             ? 1
         : level >= static_cast<double>(limit) ? limit
                                               : static_cast<std::uint64_t>(level);
}

}  // namespace reeve::engine
