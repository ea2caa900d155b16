#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/metadata_book.h"
#include "engine/meter_book.h"
#include "engine/meter_limits.h"
#include "engine/mission_names.h"
#include "engine/mission_turn.h"
#include "engine/quota_registry.h"

/// Quotas and those whom they count: what is in the way of a call, what happens at a limit, and who
/// goes on when there is room again.
namespace reeve::engine {

using journal::Kind;
using journal::ObjectKey;
using model::Mission;

namespace {

/// Begins the names of the pools in which runs are counted; no pool is called so.
constexpr std::string_view kQuotaPool = "quota ";

std::string pool_of(const Quota& quota) {
  return concat(kQuotaPool, quota.label());
}

/// How a hold names the limit that it is for.
std::string hold_subject(const Quota& quota, QuotaLimit limit) {
  return concat(quota.label(), ":", to_string(limit));
}

bool waits_at_concurrency(const Quota& quota) {
  return quota.limits.concurrent_runs &&
         (quota.on_concurrency == QuotaAction::Queue || quota.on_concurrency == QuotaAction::Pause);
}

ObjectKey quota_named(std::string_view label) {
  const std::size_t slash = label.find('/');
  if (slash == std::string_view::npos) {
    return {.kind = Kind::ClusterBudgetQuota, .ns = Namespace(), .name = std::string(label)};
  }
  return {
      .kind = Kind::BudgetQuota,
      .ns = Namespace(std::string(label.substr(0, slash))),
      .name = std::string(label.substr(slash + 1))};
}

/// Where it is known before a run begins; empty otherwise.
std::string agent_of(const workflow::Task& task) {
  const bool known = task.agent && task.agent->name.text.find("{{") == std::string::npos;
  return known ? task.agent->name.text : std::string();
}

/// Whether the run that has passed a limit asks for nothing more: it is told of once, then.
bool stops_offender(const QuotaRefusal& refusal) {
  return refusal.quota->scope == QuotaScope::Offender &&
         (refusal.action == QuotaAction::Terminate || refusal.action == QuotaAction::Pause);
}

std::string held_message(const std::string& reason) {
  return concat(reason, "; it goes on when the limit is raised, reset, or a new period begins");
}

}  // namespace

// --- views --------------------------------------------------------------------------------------

bool Engine::is_quota_pool(std::string_view pool) {
  return pool.starts_with(kQuotaPool);
}

Json Engine::metadata_of(const ObjectKey& object) const {
  const Metadata* row = metadata_->empty() ? nullptr : metadata_->find(metadata_key(object));
  return row == nullptr ? Json::object() : MetadataBook::content_of(*row);
}

const Quota* Engine::quota_of_usage(const ObjectKey& usage) const {
  const std::optional<ObjectKey> key = quota_key_of(usage);
  return key ? quotas_->find(*key) : nullptr;
}

std::vector<const Quota*> Engine::quotas_of(const Spender& who) const {
  return quotas_->empty() ? std::vector<const Quota*>() : quotas_->matching(who, *this);
}

std::vector<const Quota*> Engine::quotas_of_task(
    const Mission& mission, const Plan& plan, TaskIndex task
) const {
  if (quotas_->empty()) {
    return {};
  }
  Spender who;
  who.ns = mission.ns;
  who.mission = std::string(model::plain(mission.name));
  who.task = plan.workflow->tasks[task].name.str();
  who.workflow = plan.workflow->name;
  who.agent = agent_of(plan.workflow->tasks[task]);
  return quotas_->matching(who, *this);
}

bool Engine::is_run_on_host(const Namespace& ns, std::string_view run) {
  return std::any_of(on_hosts_.begin(), on_hosts_.end(), [&](const RunRef& ref) {
    Entry& entry = missions_.at(ref.created);
    Scope unused;
    const MissionTurn turn(*this, unused, *entry.mission, *entry.plan);
    return entry.mission->ns == ns && model::plain(turn.run_name(ref.slot).view()) == run;
  });
}

/// Completes who wants to spend by what the mission says. A refusal: it is held.
Result<std::optional<QuotaRefusal>> Engine::look_at_spender(Spender& who, Scope& scope) {
  if (who.mission.empty()) {
    return std::optional<QuotaRefusal>();
  }
  who.mission = std::string(model::plain(who.mission));
  who.run = std::string(model::plain(who.run));
  REEVE_TRY(Entry * entry, entry_of(model::qualify(who.ns, who.mission)));
  MissionTurn turn(*this, scope, *entry->mission, *entry->plan);
  const std::optional<SlotKey> slot = turn.slot_named(RunName(model::scoped(who.ns, who.run)));
  if (!slot || !on_host(slot_of(*entry->mission, *slot)) ||
      slot_of(*entry->mission, *slot).cancelling) {
    return make_error(
        ErrorCode::IllegalTransition,
        concat("run ", who.run, " is over, or is being stopped"),
        who.run
    );
  }
  who.task = entry->plan->workflow->tasks[slot->task].name.str();
  who.workflow = entry->plan->workflow->name;
  const model::Hold* hold = turn.quota_hold();
  if (hold == nullptr) {
    return std::optional<QuotaRefusal>();
  }
  QuotaRefusal refusal;
  refusal.quota =
      quotas_->find(quota_named(std::string_view(hold->subject).substr(0, hold->subject.find(':')))
      );
  refusal.other = "held";
  refusal.action = QuotaAction::Pause;
  refusal.message = hold->message;
  return std::optional(std::move(refusal));
}

// --- calls --------------------------------------------------------------------------------------

std::optional<QuotaRefusal> Engine::check_quotas(
    const std::vector<const Quota*>& quotas,
    const Spender& who,
    const Spent& worst,
    MeterRates& rates,
    Scope& scope
) {
  const UsageLedger& ledger = meter_->ledger();
  BookTurn usage(*this, *usage_, scope);
  std::vector<QuotaRefusal> passed;
  for (const Quota* quota : quotas) {
    if (!quota->unreadable) {
      usage_->keep_period(*quota, usage);
    }
    const QuotaUse use{
        .quota = ledger.find(usage_key_of(quota->key)),
        .run = who.run.empty() ? nullptr : ledger.find(usage_key(who.ns, UsageOf::Run, who.run))};
    for (QuotaRefusal& one : passed_limits(*quota, use, worst, rates, scope.now)) {
      passed.push_back(std::move(one));
    }
  }
  for (const QuotaRefusal& one : passed) {
    if (one.other.empty()) {
      const bool of_run = one.limit == QuotaLimit::RunTokens || one.limit == QuotaLimit::RunCost;
      usage_->tell(
          *one.quota,
          {.limit = one.limit,
           .exceeded = true,
           .level = one.level,
           .used = one.used,
           .mission = who.mission,
           .run = who.run,
           .action = std::string(to_string(one.action)),
           .each_run = of_run && stops_offender(one)},
          usage
      );
    }
  }
  std::optional<QuotaRefusal> worst_one = severest(passed);
  if (worst_one && worst_one->other.empty()) {
    enforce(*worst_one, who, worst, scope);
  }
  return worst_one;
}

/// Carries out what a limit says.
void Engine::enforce(
    const QuotaRefusal& refusal, const Spender& who, const Spent& wanted, Scope& scope
) {
  const bool stops = refusal.action == QuotaAction::Terminate;
  if (!stops && refusal.action != QuotaAction::Pause) {
    return;
  }
  for (const RunRef& run : runs_to_stop(*refusal.quota, refusal.limit, who, scope)) {
    Entry& entry = missions_.at(run.created);
    MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
    if (stops) {
      turn.stop_over_quota(run.slot, refusal.message);
    } else if (hold_mission(turn, *refusal.quota, refusal.limit, refusal.message)) {
      over_quota_[run.created][hold_subject(*refusal.quota, refusal.limit)] = {
          .wanted = wanted, .run = who.run};
    }
  }
}

bool Engine::hold_mission(
    MissionTurn& turn, const Quota& quota, QuotaLimit limit, const std::string& message
) {
  const std::string subject = hold_subject(quota, limit);
  if (!turn.hold_for_quota(subject, held_message(message))) {
    return false;
  }
  over_quota_[turn.mission().created].try_emplace(subject);
  held_told_ = false;
  return true;
}

/// The runs on hosts that an action happens to.
std::vector<RunRef> Engine::runs_to_stop(
    const Quota& quota, QuotaLimit limit, const Spender& who, Scope& scope
) {
  const bool of_cost = limit == QuotaLimit::TotalCost || limit == QuotaLimit::RunCost;
  const auto used = [&](const Namespace& ns, std::string_view run) {
    const UsageRow* row = meter_->ledger().find(usage_key(ns, UsageOf::Run, run));
    if (row == nullptr) {
      return std::uint64_t{0};
    }
    return of_cost
               ? static_cast<std::uint64_t>(
                     (row->total.cost(quota.currency) + row->promised.cost(quota.currency)).nanos()
                 )
               : row->total.tokens() + row->promised.tokens;
  };
  std::vector<RunRef> runs;
  std::uint64_t most = 0;
  for (const RunRef& ref : on_hosts_) {
    Entry& entry = missions_.at(ref.created);
    if (ref.slot.leg != Leg::Forward) {
      continue;
    }
    const MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
    const std::string run(model::plain(turn.run_name(ref.slot).view()));
    if (quota.scope == QuotaScope::Offender) {
      if (entry.mission->ns == who.ns && run == who.run) {
        runs.push_back(ref);
      }
      continue;
    }
    const std::vector<const Quota*> counting =
        quotas_of_task(*entry.mission, *entry.plan, ref.slot.task);
    if (std::find(counting.begin(), counting.end(), &quota) == counting.end()) {
      continue;
    }
    const std::uint64_t amount = used(entry.mission->ns, run);
    if (quota.scope == QuotaScope::Highest && !runs.empty() && amount <= most) {
      continue;
    }
    if (quota.scope == QuotaScope::Highest) {
      runs.clear();
      most = amount;
    }
    runs.push_back(ref);
  }
  return runs;
}

void Engine::quotas_used(const std::vector<ObjectKey>& rows, const Spender& who, Scope& scope) {
  BookTurn usage(*this, *usage_, scope);
  for (const ObjectKey& key : rows) {
    const Quota* quota = quota_of_usage(key);
    const UsageRow* row = meter_->ledger().find(key);
    if (quota == nullptr || row == nullptr || quota->unreadable) {
      continue;
    }
    for (const QuotaWarning& warning : due_warnings(*quota, *row)) {
      usage_->tell(
          *quota,
          {.limit = warning.limit,
           .level = warning.level,
           .used = warning.used,
           .mission = who.mission,
           .run = who.run},
          usage
      );
    }
    usage_->relieve(quota->key, quota, usage);
    if (!over_quota_.empty()) {
      quota_has_room(quota->key, scope);
    }
  }
}

void Engine::tell_duration(
    const Quota& quota,
    const Mission& mission,
    const std::string& run,
    Duration used,
    Duration level,
    bool exceeded,
    Scope& scope
) {
  BookTurn usage(*this, *usage_, scope);
  usage_->tell(
      quota,
      {.limit = QuotaLimit::RunDuration,
       .exceeded = exceeded,
       .level = format_duration(level),
       .used = format_duration(used),
       .mission = std::string(model::plain(mission.name)),
       .run = run,
       .action = exceeded ? std::string(to_string(quota.on_duration)) : std::string(),
       .each_run = true},
      usage
  );
}

// --- room again ---------------------------------------------------------------------------------

/// Whether what a mission is held for is not in the way any more.
bool Engine::has_room(const MissionTurn& turn, const model::Hold& hold, const OverQuota& over)
    const {
  const std::size_t colon = hold.subject.rfind(':');
  const std::string_view subject = hold.subject;
  const Quota* quota = quotas_->find(quota_named(subject.substr(0, colon)));
  const std::optional<QuotaLimit> limit = parse_quota_limit(subject.substr(colon + 1));
  if (quota == nullptr || !limit) {
    return true;
  }
  if (quota->unreadable) {
    return false;
  }
  const Mission& mission = turn.mission();
  if (*limit == QuotaLimit::RunDuration) {
    return !quota->limits.run_duration ||
           turn.all_runs_below(*quota->limits.run_duration, hold.since);
  }
  const QuotaAction action = quota->action_at(*limit);
  const UsageLedger& ledger = meter_->ledger();
  const QuotaUse use{
      .quota = ledger.find(usage_key_of(quota->key)),
      .run =
          over.run.empty() ? nullptr : ledger.find(usage_key(mission.ns, UsageOf::Run, over.run))};
  if (action != QuotaAction::Pause) {
    return true;
  }
  if (is_used_up(*quota, *limit, use)) {
    return false;
  }
  MeterRates none;
  const std::vector<QuotaRefusal> passed =
      passed_limits(*quota, use, over.wanted, none, Timestamp());
  return std::none_of(passed.begin(), passed.end(), [&](const QuotaRefusal& one) {
    return one.other.empty() && one.limit == *limit;
  });
}

bool Engine::release_quota_holds(MissionTurn& turn) {
  const auto known = over_quota_.find(turn.mission().created);
  std::vector<std::string> released;
  for (const model::Hold& hold : turn.mission().holds) {
    if (hold.kind != model::HoldKind::Quota) {
      continue;
    }
    OverQuota over;
    if (known != over_quota_.end() && known->second.contains(hold.subject)) {
      over = known->second.at(hold.subject);
    }
    if (has_room(turn, hold, over)) {
      released.push_back(hold.subject);
    }
  }
  for (const std::string& subject : released) {
    turn.release_quota(subject);
  }
  return !released.empty();
}

void Engine::quota_has_room(const ObjectKey& quota, Scope& scope) {
  const std::string mark =
      concat(quota.ns.empty() ? std::string() : concat(quota.ns.view(), "/"), quota.name, ":");
  std::vector<Revision> held;
  for (const auto& [created, holds] : over_quota_) {
    const bool concerned = std::any_of(holds.begin(), holds.end(), [&](const auto& hold) {
      return hold.first.starts_with(mark);
    });
    if (concerned) {
      held.push_back(created);
    }
  }
  for (const Revision created : held) {
    const auto entry = missions_.find(created);
    if (entry == missions_.end()) {
      over_quota_.erase(created);
      continue;
    }
    MissionTurn turn(*this, scope, *entry->second.mission, *entry->second.plan);
    release_quota_holds(turn);
  }
}

/// A hold of a quota is gone, whoever has released it.
void Engine::quota_hold_gone(const Mission& mission, const std::string& subject) {
  const auto found = over_quota_.find(mission.created);
  if (found != over_quota_.end()) {
    found->second.erase(subject);
    held_told_ = false;
    if (found->second.empty()) {
      over_quota_.erase(found);
    }
  }
}

// --- quotas that change -------------------------------------------------------------------------

void Engine::follow_quotas(Scope& scope) {
  if (!quotas_->is_stale()) {
    return;
  }
  const std::vector<ObjectKey> changed = quotas_->refresh(*this);
  for (const ObjectKey& key : changed) {
    const Quota* quota = quotas_->find(key);
    Quota named;
    named.key = key;
    const std::string pool = pool_of(named);
    const bool counts_runs = quota != nullptr && waits_at_concurrency(*quota);
    pools_.set_capacity(
        pool, counts_runs ? std::optional(*quota->limits.concurrent_runs) : std::nullopt
    );
    runs_.wake_first(pool, SIZE_MAX);
    freed_ = true;
    BookTurn usage(*this, *usage_, scope);
    if (quota != nullptr) {
      usage_->watch_period(*quota, usage);
    }
    usage_->relieve(key, quota, usage);
  }
  recount_runs();
  for (const ObjectKey& key : changed) {
    Quota named;
    named.key = key;
    unblock(pool_of(named));
    quota_has_room(key, scope);
  }
  const std::set<RunRef> runs = on_hosts_;
  for (const RunRef& run : runs) {
    Entry& entry = missions_.at(run.created);
    MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
    if (!turn.is_held_for_quota()) {
      turn.watch_duration(run.slot, true);
    }
  }
}

/// Quotas say how many missions are held for them.
void Engine::tell_held(Scope& scope) {
  if (std::exchange(held_told_, true)) {
    return;
  }
  std::map<ObjectKey, std::uint64_t> held;
  for (const auto& [created, holds] : over_quota_) {
    std::set<ObjectKey> quotas;
    for (const auto& [subject, over] : holds) {
      quotas.insert(usage_key_of(quota_named(std::string_view(subject).substr(0, subject.rfind(':'))
      )));
    }
    for (const ObjectKey& key : quotas) {
      ++held[key];
    }
  }
  BookTurn usage(*this, *usage_, scope);
  usage_->tell_held(held, usage);
}

/// The places that runs on hosts have in quotas, after those have changed.
void Engine::recount_runs() {
  for (const RunRef& run : on_hosts_) {
    const Entry& entry = missions_.at(run.created);
    std::vector<workflow::Semaphore> units =
        units_of_run(*entry.mission, *entry.plan, run.slot.task);
    std::vector<workflow::Semaphore>& taken = run_units_[run];
    pools_.give_back(run.created, taken, Pools::Holder::Run);
    pools_.take(run.created, units, Pools::Holder::Run);
    taken = std::move(units);
    if (taken.empty()) {
      run_units_.erase(run);
    }
  }
}

std::vector<workflow::Semaphore> Engine::quota_units(
    const Mission& mission, const Plan& plan, TaskIndex task
) const {
  std::vector<workflow::Semaphore> units;
  for (const Quota* quota : quotas_of_task(mission, plan, task)) {
    if (waits_at_concurrency(*quota)) {
      units.push_back({.pool = pool_of(*quota), .units = 1, .position = {}});
    }
  }
  return units;
}

/// Whether a quota lets no more runs begin and ends those that try; says so.
std::optional<std::string> Engine::refused_by_quota(
    const Mission& mission, const Plan& plan, SlotKey slot, Scope& scope
) {
  for (const Quota* quota : quotas_of_task(mission, plan, slot.task)) {
    if (!quota->limits.concurrent_runs || waits_at_concurrency(*quota)) {
      continue;
    }
    const std::uint32_t max = *quota->limits.concurrent_runs;
    const auto running = std::count_if(on_hosts_.begin(), on_hosts_.end(), [&](const RunRef& run) {
      const Entry& entry = missions_.at(run.created);
      const auto counting = quotas_of_task(*entry.mission, *entry.plan, run.slot.task);
      return std::find(counting.begin(), counting.end(), quota) != counting.end();
    });
    if (running < static_cast<std::int64_t>(max)) {
      continue;
    }
    BookTurn usage(*this, *usage_, scope);
    usage_->tell(
        *quota,
        {.limit = QuotaLimit::ConcurrentRuns,
         .exceeded = true,
         .level = std::to_string(max),
         .used = std::to_string(running),
         .mission = std::string(model::plain(mission.name)),
         .action = std::string(to_string(quota->on_concurrency))},
        usage
    );
    if (quota->on_concurrency == QuotaAction::Terminate) {
      return concat("quota ", quota->label(), " lets ", max, " runs go on at the same time");
    }
  }
  return std::nullopt;
}

/// Retries that are left to a task whose workflow allows so many.
std::uint32_t Engine::retries_max(
    const Mission& mission, const Plan& plan, TaskIndex task, std::uint32_t retries
) const {
  for (const Quota* quota : quotas_of_task(mission, plan, task)) {
    retries = std::min(retries, quota->limits.retries.value_or(retries));
  }
  return retries;
}

/// After a restart: missions that are held, and what became possible meanwhile. What was asked for
/// when they were held is not known any more; it was the least that does not fit, or more.
void Engine::recover_quota_holds(Scope& scope) {
  const UsageLedger& ledger = meter_->ledger();
  const auto what_held = [&](const Entry& entry, const std::string& hold) {
    OverQuota over;
    const std::string_view subject = hold;
    const std::size_t colon = subject.rfind(':');
    const Quota* quota = quotas_->find(quota_named(subject.substr(0, colon)));
    const std::optional<QuotaLimit> limit = parse_quota_limit(subject.substr(colon + 1));
    if (quota == nullptr || !limit) {
      return over;
    }
    if (*limit != QuotaLimit::RunTokens && *limit != QuotaLimit::RunCost) {
      const QuotaUse use{.quota = ledger.find(usage_key_of(quota->key))};
      over.wanted = least_passing(*quota, *limit, use);
      return over;
    }
    const MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
    for (const RunRef& ref : on_hosts_) {
      if (ref.created != entry.mission->created || ref.slot.leg != Leg::Forward) {
        continue;
      }
      const std::string run(model::plain(turn.run_name(ref.slot).view()));
      const QuotaUse use{.run = ledger.find(usage_key(entry.mission->ns, UsageOf::Run, run))};
      const Spent least = least_passing(*quota, *limit, use);
      // The one that has used the most.
      if (over.run.empty() || least.tokens() < over.wanted.tokens() ||
          least.cost < over.wanted.cost) {
        over = {.wanted = least, .run = run};
      }
    }
    return over;
  };
  for (const auto& [created, entry] : missions_) {
    for (const model::Hold& hold : entry.mission->holds) {
      if (hold.kind == model::HoldKind::Quota) {
        over_quota_[created].insert_or_assign(hold.subject, what_held(entry, hold.subject));
      }
    }
  }
  held_told_ = false;
  std::vector<Revision> held;
  for (const auto& [created, holds] : over_quota_) {
    held.push_back(created);
  }
  for (const Revision created : held) {
    Entry& entry = missions_.at(created);
    MissionTurn turn(*this, scope, *entry.mission, *entry.plan);
    release_quota_holds(turn);
  }
}

}  // namespace reeve::engine
