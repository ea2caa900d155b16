#include "engine/meter_limits.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"

namespace reeve::engine {

namespace {

/// Collects the limits of one quota that are passed.
class Passed {
 public:
  Passed(const Quota& quota, std::vector<QuotaRefusal>& out) : quota_(quota), out_(out) {}

  void tokens(QuotaLimit limit, std::uint64_t used, std::uint64_t wanted, std::uint64_t max) {
    if (used > max || wanted > max - used) {
      add(limit,
          concat(
              max,
              " tokens, of which ",
              used,
              " are used or promised and ",
              wanted,
              " more are ",
              "asked for"
          ),
          std::to_string(max),
          std::to_string(used));
    }
  }

  void cost(QuotaLimit limit, Money used, Money wanted, Money max) {
    if (used > max || wanted > max - used) {
      add(limit,
          concat(
              max.text(),
              " ",
              quota_.currency,
              ", of which ",
              used.text(),
              " are used or promised and ",
              wanted.text(),
              " more are asked for"
          ),
          max.text(),
          used.text());
    }
  }

  QuotaRefusal& add(
      QuotaLimit limit, const std::string& what, std::string level, std::string used
  ) {
    out_.push_back(
        {.quota = &quota_,
         .limit = limit,
         .action = quota_.action_at(limit),
         .message = concat("quota ", quota_.label(), ": ", to_string(limit), " is ", what),
         .retry_after = std::nullopt,
         .level = std::move(level),
         .used = std::move(used)}
    );
    return out_.back();
  }

 private:
  const Quota& quota_;
  std::vector<QuotaRefusal>& out_;
};

std::uint64_t tokens_of(const UsageRow* row, bool in_period) {
  if (row == nullptr) {
    return 0;
  }
  const std::uint64_t settled = in_period ? row->period.tokens() : row->total.tokens();
  return settled > kTokensMax - row->promised.tokens ? kTokensMax : settled + row->promised.tokens;
}

Money cost_of(const UsageRow* row, bool in_period, const std::string& currency) {
  if (row == nullptr) {
    return {};
  }
  return (in_period ? row->period : row->total).cost(currency) + row->promised.cost(currency);
}

void check_rates(
    const Quota& quota, const Spent& worst, MeterRates& rates, Timestamp now, Passed& passed
) {
  const QuotaLimits& limits = quota.limits;
  if (!limits.minute_tokens && !limits.minute_requests) {
    return;
  }
  const journal::ObjectKey key = usage_key_of(quota.key);
  const MeterRates::Use use = rates.use(key, now);
  const std::uint64_t wanted = worst.tokens();
  const auto wait = rates.wait_for(key, now, limits.minute_tokens, limits.minute_requests, wanted);
  if (limits.minute_tokens && use.tokens + wanted > *limits.minute_tokens) {
    passed
        .add(
            QuotaLimit::MinuteTokens,
            concat(*limits.minute_tokens, "; ", use.tokens, " were asked for in the last minute"),
            std::to_string(*limits.minute_tokens),
            std::to_string(use.tokens)
        )
        .retry_after = wait;
  }
  if (limits.minute_requests && use.requests >= *limits.minute_requests) {
    passed
        .add(
            QuotaLimit::MinuteRequests,
            concat(*limits.minute_requests, ", and there were as many in the last minute"),
            std::to_string(*limits.minute_requests),
            std::to_string(use.requests)
        )
        .retry_after = wait;
  }
}

QuotaRefusal other_refusal(const Quota& quota, std::string_view other, std::string message) {
  QuotaRefusal refusal;
  refusal.quota = &quota;
  refusal.other = other;
  refusal.message = std::move(message);
  return refusal;
}

template <class Number>
bool is_above(const std::optional<Number>& limit, std::string_view level) {
  std::uint64_t before = 0;
  const auto read = std::from_chars(level.data(), level.data() + level.size(), before);
  return !limit || read.ec != std::errc() || *limit > before;
}

bool is_above(const std::optional<Money>& limit, std::string_view level) {
  const Result<Money> before = Money::parse(level);
  return !limit || !before || *limit > *before;
}

bool is_above(const std::optional<Duration>& limit, std::string_view level) {
  const Result<Duration> before = parse_duration(level);
  return !limit || !before || *limit > *before;
}

/// Whether there is no such limit, or it is higher than it was.
bool was_raised(const QuotaLimits& limits, QuotaLimit limit, std::string_view level) {
  switch (limit) {
    case QuotaLimit::TotalTokens:
      return is_above(limits.total_tokens, level);
    case QuotaLimit::TotalCost:
      return is_above(limits.total_cost, level);
    case QuotaLimit::RunTokens:
      return is_above(limits.run_tokens, level);
    case QuotaLimit::RunCost:
      return is_above(limits.run_cost, level);
    case QuotaLimit::MinuteTokens:
      return is_above(limits.minute_tokens, level);
    case QuotaLimit::MinuteRequests:
      return is_above(limits.minute_requests, level);
    case QuotaLimit::ConcurrentRuns:
      return is_above(limits.concurrent_runs, level);
    case QuotaLimit::RunDuration:
      return is_above(limits.run_duration, level);
    case QuotaLimit::Retries:
      return is_above(limits.retries, level);
  }
  return false;
}

}  // namespace

std::vector<QuotaRefusal> passed_limits(
    const Quota& quota, const QuotaUse& use, const Spent& worst, MeterRates& rates, Timestamp now
) {
  if (quota.unreadable) {
    return {other_refusal(
        quota,
        kQuotaUnknown,
        concat("quota ", quota.label(), " cannot be read: ", *quota.unreadable)
    )};
  }
  const QuotaLimits& limits = quota.limits;
  if (limits.of_cost() && worst.currency != quota.currency) {
    return {other_refusal(
        quota,
        "currency",
        concat(
            "quota ",
            quota.label(),
            " counts ",
            quota.currency,
            ", the price is in ",
            worst.currency
        )
    )};
  }
  std::vector<QuotaRefusal> out;
  Passed passed(quota, out);
  if (limits.total_tokens) {
    passed.tokens(
        QuotaLimit::TotalTokens, tokens_of(use.quota, true), worst.tokens(), *limits.total_tokens
    );
  }
  if (limits.run_tokens) {
    passed.tokens(
        QuotaLimit::RunTokens, tokens_of(use.run, false), worst.tokens(), *limits.run_tokens
    );
  }
  if (limits.total_cost) {
    passed.cost(
        QuotaLimit::TotalCost,
        cost_of(use.quota, true, quota.currency),
        worst.cost,
        *limits.total_cost
    );
  }
  if (limits.run_cost) {
    passed.cost(
        QuotaLimit::RunCost, cost_of(use.run, false, quota.currency), worst.cost, *limits.run_cost
    );
  }
  check_rates(quota, worst, rates, now, passed);
  return out;
}

std::optional<QuotaRefusal> severest(const std::vector<QuotaRefusal>& passed) {
  const QuotaRefusal* worst = nullptr;
  for (const QuotaRefusal& refusal : passed) {
    const bool refuses = !refusal.other.empty() || refusal.action != QuotaAction::Alert;
    const bool later = worst != nullptr && refusal.action == worst->action &&
                       refusal.retry_after > worst->retry_after;
    if (refuses && (worst == nullptr || refusal.action > worst->action || later)) {
      worst = &refusal;
    }
  }
  return worst == nullptr ? std::nullopt : std::optional(*worst);
}

Json refusal_detail(const QuotaRefusal& refusal) {
  Json detail = Json::object();
  detail.set("granted", false).set("quota", refusal.quota == nullptr ? "" : refusal.quota->label());
  detail.set("limit", refusal.limit_name()).set("action", to_string(refusal.action));
  detail.set("message", refusal.message);
  if (refusal.retry_after) {
    detail.set("retryAfterMs", std::int64_t{refusal.retry_after->count()});
  }
  return detail;
}

std::vector<QuotaWarning> due_warnings(const Quota& quota, const UsageRow& row) {
  std::vector<QuotaWarning> due;
  const QuotaLimits& limits = quota.limits;
  if (limits.total_tokens) {
    const std::uint64_t level = warn_level(*limits.total_tokens, quota.warn_tokens);
    const std::uint64_t used = row.period.tokens();
    if (level > 0 && used >= level) {
      due.push_back(
          {.limit = QuotaLimit::TotalTokens,
           .level = std::to_string(level),
           .used = std::to_string(used)}
      );
    }
  }
  if (limits.total_cost) {
    const auto nanos = static_cast<std::uint64_t>(limits.total_cost->nanos());
    const std::uint64_t level = warn_level(nanos, quota.warn_cost);
    const Money used = row.period.cost(quota.currency);
    if (level > 0 && static_cast<std::uint64_t>(used.nanos()) >= level) {
      due.push_back(
          {.limit = QuotaLimit::TotalCost,
           .level = Money::from_nanos(static_cast<std::int64_t>(level)).text(),
           .used = used.text()}
      );
    }
  }
  return due;
}

Spent least_passing(const Quota& quota, QuotaLimit limit, const QuotaUse& use) {
  const QuotaLimits& limits = quota.limits;
  Spent least;
  least.currency = quota.currency;
  const bool of_run = limit == QuotaLimit::RunTokens || limit == QuotaLimit::RunCost;
  const UsageRow* row = of_run ? use.run : use.quota;
  if (limit == QuotaLimit::TotalTokens || limit == QuotaLimit::RunTokens) {
    const auto& max = of_run ? limits.run_tokens : limits.total_tokens;
    const std::uint64_t used = tokens_of(row, !of_run);
    least.input_tokens = max && used <= *max ? *max - used + 1 : 0;
  } else if (limit == QuotaLimit::TotalCost || limit == QuotaLimit::RunCost) {
    const auto& max = of_run ? limits.run_cost : limits.total_cost;
    const Money used = cost_of(row, !of_run, quota.currency);
    least.cost = max && used <= *max ? *max - used + Money::from_nanos(1) : Money();
  }
  return least;
}

bool is_used_up(const Quota& quota, QuotaLimit limit, const QuotaUse& use) {
  const QuotaLimits& limits = quota.limits;
  switch (limit) {
    case QuotaLimit::TotalTokens:
      return limits.total_tokens && tokens_of(use.quota, true) >= *limits.total_tokens;
    case QuotaLimit::TotalCost:
      return limits.total_cost && cost_of(use.quota, true, quota.currency) >= *limits.total_cost;
    case QuotaLimit::RunTokens:
      return limits.run_tokens && tokens_of(use.run, false) >= *limits.run_tokens;
    case QuotaLimit::RunCost:
      return limits.run_cost && cost_of(use.run, false, quota.currency) >= *limits.run_cost;
    case QuotaLimit::MinuteTokens:
    case QuotaLimit::MinuteRequests:
    case QuotaLimit::ConcurrentRuns:
    case QuotaLimit::RunDuration:
    case QuotaLimit::Retries:
      return false;
  }
  return false;
}

bool is_relieved(
    const Quota& quota, QuotaLimit limit, std::string_view level, const QuotaUse& use
) {
  return !quota.unreadable && was_raised(quota.limits, limit, level) &&
         !is_used_up(quota, limit, use);
}

}  // namespace reeve::engine
