#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/money.h"
#include "base/result.h"
#include "base/time.h"
#include "journal/event.h"

/// What an allowance says: whom it counts, what may be used, what happens at a limit. Read once for
/// each version of the object. Pure.
namespace reeve::engine {

/// The error code of what ends because an allowance is used up.
inline constexpr std::string_view kErrorQuota = "quota_exceeded";
/// Named as the limit of a quota that cannot be read: nothing is granted then.
inline constexpr std::string_view kQuotaUnknown = "quota_unknown";

enum class QuotaAction : std::uint8_t { Alert, Downgrade, Queue, Pause, Terminate };

std::string_view to_string(QuotaAction action);  ///< "alert" …
Result<QuotaAction> parse_quota_action(std::string_view text);

/// Whom an action happens to: who crossed the limit, who has used most, or everybody.
enum class QuotaScope : std::uint8_t { Offender, Highest, All };

/// When what was used is forgotten, in UTC.
enum class QuotaPeriod : std::uint8_t { Never, Day, Week, Month };

/// What a quota may bound.
enum class QuotaLimit : std::uint8_t {
  TotalTokens,
  TotalCost,
  RunTokens,
  RunCost,
  MinuteTokens,
  MinuteRequests,
  ConcurrentRuns,
  RunDuration,
  Retries,
};

std::string_view to_string(QuotaLimit limit);  ///< "maxTotalTokens" …
/// Nothing: there is no such limit.
std::optional<QuotaLimit> parse_quota_limit(std::string_view text);

/// The missions and runs that are counted.
struct QuotaSelector {
  /// Labels of the mission.
  std::vector<std::pair<std::string, std::string>> labels;
  std::string workflow;
  std::string agent;
  std::string mission;
  std::string task;
  /// Of a ClusterBudgetQuota: namespaces with this value of the label `tenant`, and these ones.
  std::string tenant;
  std::vector<std::string> namespaces;

  /// Whether only what belongs to a mission can match.
  bool needs_mission() const {
    return !labels.empty() || !workflow.empty() || !mission.empty() || !task.empty();
  }
};

struct QuotaLimits {
  std::optional<std::uint64_t> total_tokens;
  std::optional<Money> total_cost;
  std::optional<std::uint64_t> run_tokens;
  std::optional<Money> run_cost;
  std::optional<std::uint64_t> minute_tokens;
  std::optional<std::uint64_t> minute_requests;
  std::optional<std::uint32_t> concurrent_runs;
  std::optional<Duration> run_duration;
  std::optional<std::uint32_t> retries;

  bool of_cost() const { return total_cost || run_cost; }
};

/// A BudgetQuota or ClusterBudgetQuota.
struct Quota {
  journal::ObjectKey key;
  /// Why it cannot be read; then it grants nothing to anybody in its place.
  std::optional<std::string> unreadable;
  QuotaSelector selector;
  QuotaLimits limits;
  QuotaPeriod period = QuotaPeriod::Never;
  std::string currency = "USD";
  QuotaAction on_tokens = QuotaAction::Terminate;
  QuotaAction on_cost = QuotaAction::Terminate;
  QuotaAction on_duration = QuotaAction::Pause;
  QuotaAction on_concurrency = QuotaAction::Queue;
  QuotaScope scope = QuotaScope::Offender;
  /// Parts of the limits at which somebody is told; 0: at none.
  double warn_tokens = 0.8;
  double warn_cost = 0.8;
  double warn_duration = 0.75;

  /// "team/core", or "core" of the cluster.
  std::string label() const;

  /// What happens at one of its limits.
  QuotaAction action_at(QuotaLimit limit) const;
};

/// Reads the stored object. One that is wrong is `unreadable`, and never an error.
Quota parse_quota(const journal::ObjectKey& key, const Json& object);

/// Where a period that `at` is in has begun and will end; nothing: it has no end.
struct PeriodSpan {
  Timestamp start;
  Timestamp end;
};

/// Weeks begin on Monday.
std::optional<PeriodSpan> period_at(QuotaPeriod period, Timestamp at);

/// Who wants to spend.
struct Spender {
  Namespace ns;
  /// Plain names; empty: no mission, run, …
  std::string mission;
  std::string run;
  std::string task;
  std::string workflow;
  std::string agent;
};

/// What is known of whom a selector looks at. Null or empty: there is nothing.
struct SpenderFacts {
  const Json* labels = nullptr;
  std::string tenant;
};

/// Whether a quota counts a spender.
bool counts(const Quota& quota, const Spender& spender, const SpenderFacts& facts);

/// "team/core", or "core" of the cluster.
std::string label_of(const journal::ObjectKey& quota);

/// BudgetQuota or ClusterBudgetQuota.
bool is_quota(journal::Kind kind);

/// What names of rows of usage begin with if they are about a quota.
inline constexpr std::string_view kQuotaUsage = "quota.";

/// The row in which the usage of a quota is kept, whatever becomes of the quota.
journal::ObjectKey usage_key_of(const journal::ObjectKey& quota);

/// The inverse. Nothing: the row is about no quota.
std::optional<journal::ObjectKey> quota_key_of(const journal::ObjectKey& usage);

/// The level of a limit at which a warning is due, at least 1; 0: never.
std::uint64_t warn_level(std::uint64_t limit, double part);

}  // namespace reeve::engine
