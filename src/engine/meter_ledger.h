#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

/// What was used, by whom, exactly: sums that only grow. Pure.
namespace reeve::engine {

/// What a row of usage is about. Every settled call counts once in each of them, as far as it is
/// known whose it was.
enum class UsageOf : std::uint8_t { Quota, Run, Mission, Agent, Model, Workflow, Day };

inline constexpr std::size_t kUsageKinds = 7;

std::string_view to_string(UsageOf of);  ///< "quota" …
Result<UsageOf> parse_usage_of(std::string_view text);

/// Rows of one kind in one namespace. Beyond that the one that was not used for the longest time is
/// added to the row `<kind>.~earlier`, so that the sum of a kind stays exact.
inline constexpr std::array<std::size_t, kUsageKinds> kUsageRowsMax = {
    100'000, 4'000, 2'000, 500, 200, 500, 400};
/// Different currencies of all calls.
inline constexpr std::size_t kUsageCurrenciesMax = 8;
/// Longest name of a model, provider, route, agent, …
inline constexpr std::size_t kMeterTextBytesMax = 200;
/// Tokens of one call.
inline constexpr std::int64_t kCallTokensMax = 1'000'000'000'000;
/// Cost of one call.
inline constexpr Money kCallCostMax = Money::from_nanos(100'000 * Money::kNanos);
/// Where sums of tokens stop: what JSON can say exactly.
inline constexpr std::uint64_t kTokensMax = INT64_MAX;

/// What the name of a row says for all that was not used for a long time.
inline constexpr std::string_view kUsageEarlier = "~earlier";

using Costs = std::map<std::string, Money>;

/// What one call has used.
struct Spent {
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  /// Of the input, read from and written to a cache of the provider; not in `input_tokens`.
  std::uint64_t cache_read_tokens = 0;
  std::uint64_t cache_write_tokens = 0;
  Money cost;
  std::string currency;

  std::uint64_t tokens() const;
};

struct UsageSum {
  std::uint64_t calls = 0;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  std::uint64_t cache_read_tokens = 0;
  std::uint64_t cache_write_tokens = 0;
  Costs costs;

  std::uint64_t tokens() const;
  Money cost(const std::string& currency) const;
  void add(const Spent& spent);
  void add(const UsageSum& other);
};

/// What is promised to calls that are not settled.
struct Promised {
  std::uint64_t calls = 0;
  std::uint64_t tokens = 0;
  Costs costs;

  Money cost(const std::string& currency) const;
};

struct UsageRow {
  Uid uid;
  UsageOf of = UsageOf::Quota;
  /// What it is about: the name of the quota, `<provider>/<model>`, `2026-11-27`.
  std::string subject;
  /// Since it was made.
  UsageSum total;
  Promised promised;
  /// Of quotas: in the period that began then.
  UsageSum period;
  std::optional<Timestamp> period_start;
  /// The limits at which somebody was told in this period, and how large they were.
  std::map<std::string, std::string> warned;
  std::map<std::string, std::string> exceeded;
  /// Of quotas: missions that are held for them.
  std::uint64_t held = 0;
  Timestamp created_at;
  Timestamp used_at;
  Revision revision;
  bool deleted = false;
};

/// Where a call counts.
struct ChargedTo {
  Namespace ns;
  /// Rows of quotas, in order.
  std::vector<journal::ObjectKey> quotas;
  std::string run;
  std::string mission;
  std::string agent;
  std::string workflow;
  /// `<provider>/<model>`
  std::string model;
};

/// `2026-11-27`
std::string day_of(Timestamp at);

/// The row about something in a namespace. Texts that cannot be names are replaced by a hash.
journal::ObjectKey usage_key(const Namespace& ns, UsageOf of, std::string_view subject);

/// All rows of usage. Changed by what events say, in the order of the journal, so that turns,
/// recovery and audit agree.
///
/// Threading: engine loop, or one thread for an audit.
class UsageLedger {
 public:
  /// When, and by which event, something changes.
  struct Stamp {
    Revision revision;
    Timestamp at;
    Uid uid;
  };

  /// A row that is there, or null.
  const UsageRow* find(const journal::ObjectKey& key) const;

  /// The same, also of one that has gone and whose last row is not stored.
  const UsageRow* find_any(const journal::ObjectKey& key) const;

  const std::map<journal::ObjectKey, UsageRow>& rows() const { return rows_; }

  /// Begins a period of a quota, and its row if there is none: what it counts starts at nothing,
  /// what is promised stays.
  void begin_period(const journal::ObjectKey& key, Timestamp start, const Stamp& stamp);

  /// Somebody is told that a limit is near, or reached. Corrupt: there is no such row.
  Result<void> note(
      const journal::ObjectKey& key,
      bool exceeded,
      const std::string& limit,
      const std::string& level,
      const Stamp& stamp
  );

  /// Limits at which somebody was told are not in the way any more. Corrupt: there is no such row.
  Result<void> relieve(
      const journal::ObjectKey& key, const std::vector<std::string>& limits, const Stamp& stamp
  );

  /// So many missions are held for a quota now. Corrupt: there is no such row.
  Result<void> hold(const journal::ObjectKey& key, std::uint64_t missions, const Stamp& stamp);

  /// The rows of quotas that missions are held for.
  const std::set<journal::ObjectKey>& held() const { return held_; }

  /// A promise to a call. Corrupt: a quota's row is not there.
  Result<void> promise(const ChargedTo& to, const Spent& worst, const Stamp& stamp);

  /// The promise is taken back. Corrupt: there was none.
  Result<void> take_back(const ChargedTo& to, const Spent& worst, const Stamp& stamp);

  /// What a call has used, after its promise was taken back.
  Result<void> spend(const ChargedTo& to, const Spent& spent, const Stamp& stamp);

  /// A run that is over will spend nothing more.
  void drop_run(const Namespace& ns, const std::string& run, const Stamp& stamp);

  /// The run of a namespace that was not used for the longest time, if there are so many that one
  /// has to go. `is_over` says whether it may.
  template <class Predicate>
  std::optional<std::string> run_to_drop(const Namespace& ns, const Predicate& is_over) const {
    const auto order = order_.find({ns, UsageOf::Run});
    if (order == order_.end() || order->second.size() < kUsageRowsMax[1]) {
      return std::nullopt;
    }
    for (const auto& [revision, key] : order->second) {
      const UsageRow& row = rows_.at(key);
      if (row.promised.calls == 0 && is_over(row.subject)) {
        return row.subject;
      }
    }
    return std::nullopt;
  }

  void put(const journal::ObjectKey& key, UsageRow row);
  void forget(const journal::ObjectKey& key);

  /// Whether there is room for another currency, or it is known.
  bool knows_currency(const std::string& currency) const {
    return currencies_.contains(currency) || currencies_.size() < kUsageCurrenciesMax;
  }

  /// The rows that changed since the last call, once each.
  std::vector<journal::ObjectKey> take_changed();

 private:
  using Order = std::set<std::pair<Revision, journal::ObjectKey>>;

  UsageRow* live(const journal::ObjectKey& key);
  UsageRow& used(const Namespace& ns, UsageOf of, const std::string& subject, const Stamp& stamp);
  void touch(const journal::ObjectKey& key, UsageRow& row, const Stamp& stamp);
  void remove(const journal::ObjectKey& key, UsageRow& row, const Stamp& stamp);
  void make_room(const Namespace& ns, UsageOf of, const Stamp& stamp);
  Result<std::vector<UsageRow*>> promised_rows(const ChargedTo& to, const Stamp& stamp);

  std::map<journal::ObjectKey, UsageRow> rows_;
  /// Those that may go, the least lately used first.
  std::map<std::pair<Namespace, UsageOf>, Order> order_;
  std::set<journal::ObjectKey> changed_;
  std::set<journal::ObjectKey> held_;
  std::set<std::string> currencies_;
};

/// The row as the API shows it; equal states have equal bytes. Says whether it is still there.
bool encode_usage(const journal::ObjectKey& key, const UsageRow& row, std::string& body);

/// The inverse. Corrupt: it contradicts itself.
Result<UsageRow> decode_usage(const journal::ObjectKey& key, const Json& json);

/// Costs as `{"USD":"1.20"}`.
Json to_json(const Costs& costs);
Result<Costs> costs_from_json(const Json& json);

}  // namespace reeve::engine
