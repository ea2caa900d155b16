#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "engine/meter_ledger.h"
#include "engine/meter_rates.h"
#include "engine/quota.h"

/// Whether the worst case of a call fits into what is left. Pure.
namespace reeve::engine {

/// A limit that is in the way.
struct QuotaRefusal {
  const Quota* quota = nullptr;
  QuotaLimit limit = QuotaLimit::TotalTokens;
  /// In place of a limit: `quota_unknown`, `currency`, `held`.
  std::string_view other = {};
  QuotaAction action = QuotaAction::Terminate;
  std::string message;
  std::optional<Duration> retry_after;
  /// How large the limit is and how much of it is used or promised.
  std::string level;
  std::string used;

  std::string_view limit_name() const { return other.empty() ? to_string(limit) : other; }
};

/// What the meter knows of one quota and of the run; rows that are not there have used nothing.
struct QuotaUse {
  const UsageRow* quota = nullptr;
  const UsageRow* run = nullptr;
};

/// Every limit of a quota that `worst` would pass, those included at which somebody is only told.
std::vector<QuotaRefusal> passed_limits(
    const Quota& quota, const QuotaUse& use, const Spent& worst, MeterRates& rates, Timestamp now
);

/// The severest of those that refuse; nothing: none does.
std::optional<QuotaRefusal> severest(const std::vector<QuotaRefusal>& passed);

/// The detail of the reply to a call that is refused.
Json refusal_detail(const QuotaRefusal& refusal);

/// A part of a limit that is used now.
struct QuotaWarning {
  QuotaLimit limit = QuotaLimit::TotalTokens;
  std::string level;
  std::string used;
};

/// The warnings that are due for what is settled.
std::vector<QuotaWarning> due_warnings(const Quota& quota, const UsageRow& row);

/// The least that passes the limit: at least that was asked for when a mission was held for it.
Spent least_passing(const Quota& quota, QuotaLimit limit, const QuotaUse& use);

/// Whether nothing is left of a limit that a mission may be held for; `run` may be null.
bool is_used_up(const Quota& quota, QuotaLimit limit, const QuotaUse& use);

/// Whether a limit that was in the way when it was as large as `level` says is so no more: there is
/// none, or it was raised and not all of it is used.
bool is_relieved(const Quota& quota, QuotaLimit limit, std::string_view level, const QuotaUse& use);

}  // namespace reeve::engine
