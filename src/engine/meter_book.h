#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/book.h"
#include "engine/meter_call.h"
#include "engine/meter_ledger.h"
#include "engine/meter_rates.h"
#include "engine/quota.h"

namespace reeve::engine {

/// Calls that are over and can still be read; what older ones have used stays in the sums and in
/// the journal.
inline constexpr std::size_t kEndedCallsMax = 10'000;
/// Calls that are under way.
inline constexpr std::size_t kOpenCallsMax = 50'000;

/// Calls of models: nothing is sent before the most that it can use was reserved, durably, in all
/// quotas that count it; what it has really used is settled afterwards. Commands about
/// {ModelCall, namespace, id}, of the system alone (PermissionDenied):
///
///     reserve  {mission?, run?, task?, agent?, route?, provider, model, inputTokens, outputTokens,
///               cost, currency?, principal?}
///         The worst case. `detail` of the reply: {granted: true}, or {granted: false, quota,
///         limit, action, message, retryAfterMs?}: of all limits that are in the way the one with
///         the severest action, which was carried out. `limit` is `quota_unknown` if a quota cannot
///         be read, `currency` if it counts another one, `held` if the mission is held for a quota.
///         The same id again, while it is under way, is answered as before. AlreadyExists: the call
///         of that id is over. NotFound: no such mission. IllegalTransition: the run is over.
///         LimitExceeded: too many calls are under way.
///     settle   {outcome, status?, inputTokens, outputTokens, cacheReadTokens?, cacheWriteTokens?,
///               cost, provider?, model?, durationMs?, firstByteMs?, stopReason?, requestDigest?,
///               toolCalls?}
///         `unknown` counts the whole reservation. Settling again changes nothing. NotFound: no
///         such call, or one that was over long ago.
///     refund   {reason}
///         Nothing was sent.
///
/// Each is one event: `model_call.reserved`, `model_call.settled`, `model_call.refunded`. The rows
/// of usage (BudgetUsage, UsageBook) follow from them. Calls that were under way when the process
/// ended are settled as `unknown`.
///
/// Threading: as Book.
class MeterBook final : public Book {
 public:
  explicit MeterBook(std::shared_ptr<UsageLedger> ledger) : ledger_(std::move(ledger)) {}

  journal::Kind kind() const override { return journal::Kind::ModelCall; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Uid uid_of(const journal::ObjectKey& key) const override;
  Revision revision_of(const journal::ObjectKey& key) const override;
  std::vector<journal::ObjectKey> keys() const override;

  /// Nothing of it goes with its namespace: what was spent was spent.
  std::vector<journal::ObjectKey> keys_in(const Namespace& /*ns*/) const override { return {}; }

  void forget(const journal::ObjectKey& key) override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void recover(BookTurn& turn) override;
  std::vector<journal::ObjectKey> take_also_changed() override;

  /// A call that is known, or null.
  const ModelCall* find(const journal::ObjectKey& key) const;

  const UsageLedger& ledger() const { return *ledger_; }

  std::size_t open_calls() const { return open_; }

 private:
  Result<Reply> reserve(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> settle(const ObjectCommand& command, BookTurn& turn);
  Result<Reply> refund(const ObjectCommand& command, BookTurn& turn);
  Result<ModelCall*> open_call(const journal::ObjectKey& key);
  Result<void> end(const journal::ObjectKey& key, CallEnd end, BookTurn& turn);
  Result<void> apply_end(const journal::Event& event, const Json& data);
  void trim(const journal::Event& event);

  std::shared_ptr<UsageLedger> ledger_;
  std::map<journal::ObjectKey, ModelCall> calls_;
  /// Those that are over and still there, by when that was.
  std::map<Revision, journal::ObjectKey> ended_;
  std::size_t open_ = 0;
  std::vector<journal::ObjectKey> changed_;
  /// What was asked for in the last minute: of turns, and not of the journal.
  MeterRates rates_;
};

/// The rows of usage, which calls fill. Commands about {BudgetUsage, namespace or empty,
/// "quota.<name>"}:
///
///     reset  {}
///         A new period of the quota begins now: `usage.period_begun`. What is promised stays
///         promised. Missions that are held for its limits go on. A run may not.
///
/// Other events: `budget.warned` and `budget.exceeded` {quota, limit, level, used, mission?, run?,
/// action?}, once for each crossing in a period; those about single runs once for each run.
/// `budget.relieved` {quota, limits, left, deleted?} when limits that were in the way are so no
/// more, as they were raised or the quota was deleted. `budget.held` {quota, missions} when more or
/// fewer missions are held for it.
///
/// Threading: as Book.
class UsageBook final : public Book {
 public:
  explicit UsageBook(std::shared_ptr<UsageLedger> ledger) : ledger_(std::move(ledger)) {}

  journal::Kind kind() const override { return journal::Kind::BudgetUsage; }

  /// Those of quotas of the cluster have none.
  bool has_namespaces() const override { return false; }

  Result<void> load(const journal::ObjectKey& key, const Json& row) override;
  Result<void> apply(const journal::Event& event) override;
  bool encode(const journal::ObjectKey& key, std::string& body) const override;
  Uid uid_of(const journal::ObjectKey& key) const override;
  Revision revision_of(const journal::ObjectKey& key) const override;
  std::vector<journal::ObjectKey> keys() const override;

  std::vector<journal::ObjectKey> keys_in(const Namespace& /*ns*/) const override { return {}; }

  void forget(const journal::ObjectKey& key) override;
  Result<Reply> turn(const ObjectCommand& command, BookTurn& turn) override;
  void on_timer(const journal::ObjectKey& key, std::string_view timer, BookTurn& turn) override;

  /// Begins a period of a quota if it has no row or its period is over. Says whether it did.
  bool keep_period(const Quota& quota, BookTurn& turn);

  /// A quota has been made or changed: the end of its period is waited for, if it counts anything.
  void watch_period(const Quota& quota, BookTurn& turn);

  /// What somebody is told about a limit.
  struct Notice {
    QuotaLimit limit = QuotaLimit::TotalTokens;
    bool exceeded = false;
    /// How large the limit, or the part of it, is, and how much is used.
    std::string level;
    std::string used;
    std::string mission = {};
    std::string run = {};
    std::string action = {};
    /// About a single run: nothing is remembered of it.
    bool each_run = false;
  };

  /// Tells it unless it was told before.
  void tell(const Quota& quota, const Notice& notice, BookTurn& turn);

  /// A quota or what is used of it has changed, or it has gone (`quota` is null): tells which
  /// limits are not in the way any more.
  void relieve(const journal::ObjectKey& key, const Quota* quota, BookTurn& turn);

  /// Tells how many missions are held for quotas, where that has changed; those that are not in
  /// `held` hold nobody.
  void tell_held(const std::map<journal::ObjectKey, std::uint64_t>& held, BookTurn& turn);

 private:
  void begin_period(const Quota& quota, Timestamp start, BookTurn& turn);

  std::shared_ptr<UsageLedger> ledger_;
};

}  // namespace reeve::engine
