#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"

/// Who may start: missions by the places of their workflow and the units of pools, runs by slots,
/// labels and units.
namespace reeve::engine {

using model::Mission;
using model::MissionState;

namespace {

/// How many of those who wait for a pool are told at once that it has changed.
constexpr std::size_t kToldMax = 1000;

std::string behind_text(std::string_view pool) {
  return concat("waits behind others for units of pool ", model::plain(pool));
}

/// `pool` is one in which a quota counts runs.
std::string quota_text(std::string_view pool) {
  return concat("waits for other runs: ", pool, " lets no more go on at the same time");
}

std::string no_host_text(const std::vector<std::string>& missing) {
  return concat(
      "waits for a host with the label",
      missing.size() == 1 ? " " : "s ",
      join(missing, ", "),
      "; start reeve with --labels ",
      join(missing, ","),
      ", or the mission with --local"
  );
}

/// Missions of one task of a workflow are carried out within the place of the whole.
bool counts(const Plan& plan) {
  return !plan.workflow->part;
}

}  // namespace

// --- missions -----------------------------------------------------------------------------------

std::optional<std::string> Engine::admission_refusal(const Mission& mission, const Plan& plan)
    const {
  const workflow::Workflow& workflow = *plan.workflow;
  if (is_full(plan)) {
    return concat(
        "waits for its turn: at most ",
        workflow.max_concurrency,
        workflow.max_concurrency == 1 ? " mission of " : " missions of ",
        workflow.name,
        " may run at the same time"
    );
  }
  if (mission.claims || plan.semaphores.empty()) {
    return std::nullopt;
  }
  if (std::optional<std::string> refusal = pools_.refusal(plan.semaphores)) {
    return refusal;
  }
  const RunPlace place(score_of(mission), std::numeric_limits<std::uint64_t>::max());
  const std::optional<std::string> pool = behind_others(plan.semaphores, place);
  return pool ? std::optional(behind_text(*pool)) : std::nullopt;
}

/// Whether no more missions of the workflow may run.
bool Engine::is_full(const Plan& plan) const {
  const workflow::Workflow& workflow = *plan.workflow;
  if (workflow.max_concurrency == 0 || !counts(plan)) {
    return false;
  }
  const auto active = active_.find(plan.key);
  return active != active_.end() && active->second.size() >= workflow.max_concurrency;
}

/// The place of a mission in every queue of missions.
std::int64_t Engine::score_of(const Mission& mission) const {
  const Timestamp since = mission.not_before.value_or(mission.created_at);
  return queue_score(since, mission.priority, limits_.ageing);
}

/// The pool for which a run with a better place waits that will get its units when runs end that
/// have them now. Taking units before its turn comes would let those who want little keep it from
/// its own for ever. It cannot come to a standstill: such a run waits for nobody else, not even for
/// the mission of the one that is held up here.
std::optional<std::string> Engine::behind_others(
    const std::vector<workflow::Semaphore>& wanted, RunPlace place
) const {
  for (const workflow::Semaphore& semaphore : wanted) {
    const auto comes_free = [&](std::uint32_t units) {
      return pools_.comes_free(semaphore.pool, units);
    };
    if (runs_.is_behind(semaphore.pool, place, comes_free)) {
      return semaphore.pool;
    }
  }
  return std::nullopt;
}

/// Starts a QUEUED mission or puts it into the queue, with the reason. Does nothing for one that is
/// in the queue already.
void Engine::consider(MissionTurn& turn) {
  const Mission& mission = turn.mission();
  if (!turn.waits_for_admission() || queued_.contains(mission.created)) {
    return;
  }
  if (mission.not_before && *mission.not_before > turn.now()) {
    turn.note_waiting(concat("waits until ", format_timestamp(*mission.not_before)));
    turn.set_timer(std::string(kStartTimer), mission.not_before);
    return;
  }
  const std::string& key = turn.plan().key;
  const AdmissionQueue::Place place{
      .score = mission.claims ? std::numeric_limits<std::int64_t>::min() : score_of(mission),
      .mission = mission.created};
  if (recovering_) {
    add_to_queue(key, place);
    freed_ = true;
    return;
  }
  std::optional<std::string> reason = admission_refusal(mission, turn.plan());
  // One that has units goes before those that may wait for just these.
  if (!reason && counts(turn.plan()) && !mission.claims && queue_.has(key)) {
    reason = concat("waits behind earlier missions of ", turn.plan().workflow->name);
  }
  if (!reason) {
    turn.admit();
    return;
  }
  add_to_queue(key, place);
  turn.note_waiting(explain(*reason, mission));
}

void Engine::add_to_queue(const std::string& workflow, AdmissionQueue::Place place) {
  queue_.add(workflow, place);
  queued_.emplace(place.mission, std::pair(workflow, place));
}

void Engine::leave_queue(const Mission& mission) {
  const auto found = queued_.find(mission.created);
  if (found != queued_.end()) {
    queue_.remove(found->second.first, found->second.second);
    queued_.erase(found);
    freed_ = true;
  }
}

/// Gives what became free to those who wait, best first.
void Engine::admit_waiting(Scope& scope) {
  while (freed_) {
    freed_ = false;
    tell_again_ = true;
    for (const auto& [place, workflow] : queue_.heads()) {
      const auto found = missions_.find(place.mission);
      REEVE_ASSERT(found != missions_.end());
      const std::optional<std::string> reason =
          admission_refusal(*found->second.mission, *found->second.plan);
      MissionTurn turn(*this, scope, *found->second.mission, *found->second.plan);
      if (reason) {
        turn.note_waiting(explain(*reason, *found->second.mission));
        continue;
      }
      leave_queue(*found->second.mission);
      turn.admit();
    }
  }
}

void Engine::give_back_units(
    Revision mission, const std::vector<workflow::Semaphore>& units, Pools::Holder holder
) {
  pools_.give_back(mission, units, holder);
  for (const workflow::Semaphore& unit : units) {
    unblock(unit.pool);
  }
  freed_ = true;
}

/// Brings the books on places and units up to date with a mission.
void Engine::update_claims(const Mission& mission, const Plan& plan) {
  Claim& claim = missions_.at(mission.created).claim;
  const bool place = mission.admitted && counts(plan);
  if (place != claim.place) {
    claim.place = place;
    const auto active = active_.try_emplace(plan.key).first;
    if (place) {
      active->second.insert(active->second.end(), mission.created);
    } else {
      active->second.erase(mission.created);
      freed_ = true;
    }
    if (active->second.empty()) {
      active_.erase(active);
    }
  }
  if (mission.claims && claim.units.empty()) {
    claim.units = plan.semaphores;
    pools_.take(mission.created, claim.units, Pools::Holder::Mission);
  } else if (!mission.claims && !claim.units.empty()) {
    give_back_units(mission.created, std::exchange(claim.units, {}), Pools::Holder::Mission);
  }
}

/// Notes what a live mission may ask for. A pool that nobody has declared may grow by it.
void Engine::add_demand(const Plan& plan) {
  for (const workflow::Semaphore& wanted : plan.demand) {
    const std::uint32_t before = pools_.capacity(wanted.pool);
    pools_.add_demand({wanted});
    if (pools_.capacity(wanted.pool) > before) {
      unblock(wanted.pool);
      freed_ = true;
    }
  }
}

void Engine::pool_changed(
    const Namespace& ns, std::string_view pool, std::optional<std::uint32_t> units
) {
  const std::string key = model::scoped(ns, pool);
  pools_.set_capacity(key, units);
  // Also those who want too much are told.
  runs_.wake_first(key, kToldMax);
  unblock(key);
  freed_ = true;
}

// --- runs ---------------------------------------------------------------------------------------

/// Gives free slots to the runs whose turn it is.
void Engine::dispatch(Scope& scope) {
  while (runs_.has_ready() && on_hosts_.size() < limits_.run_slots) {
    const RunQueue::Turn next = runs_.next();
    const auto found = missions_.find(next.run.created);
    REEVE_ASSERT(found != missions_.end() && !is_terminal(found->second.mission->state));
    MissionTurn turn(*this, scope, *found->second.mission, *found->second.plan);
    const std::optional<Refusal> refusal = launch_refusal(next.run, found->second, next.place);
    if (refusal) {
      runs_.block(next, refusal->pool, wanted_of(next.run, refusal->pool));
      turn.note_waiting(next.run.slot, explain(refusal->reason, *found->second.mission));
      if (refusal->behind && next.woken_by == refusal->pool) {
        continue;
      }
    } else {
      runs_.leave(next.run);
      turn.launch(next.run.slot);
    }
    if (!next.woken_by.empty()) {
      // What it was woken for and did not take is for the next one.
      unblock(next.woken_by);
      freed_ = true;
    }
  }
}

/// Whether a run may not be handed to a host now.
bool Engine::must_wait(const Mission& mission, SlotKey slot) const {
  const RunRef run{.created = mission.created, .slot = slot};
  return launch_refusal(run, missions_.at(mission.created), {}).has_value();
}

/// Without a place the run has had its turn.
std::optional<Engine::Refusal> Engine::launch_refusal(
    const RunRef& run, const Entry& entry, std::optional<RunPlace> place
) const {
  const workflow::Task& task = entry.plan->workflow->tasks.at(run.slot.task);
  std::vector<std::string> missing;
  for (const std::string& tag : task.tags) {
    if (!limits_.labels.contains(tag) && !entry.mission->local) {
      missing.push_back(tag);
    }
  }
  if (!missing.empty()) {
    return Refusal{.reason = no_host_text(missing), .pool = std::string(kNoHost)};
  }
  const std::vector<workflow::Semaphore> semaphores =
      units_of_run(*entry.mission, *entry.plan, run.slot.task);
  for (const workflow::Semaphore& wanted : semaphores) {
    if (std::optional<std::string> reason = pools_.refusal({wanted})) {
      return Refusal{
          .reason = is_quota_pool(wanted.pool) ? quota_text(wanted.pool) : std::move(*reason),
          .pool = wanted.pool};
    }
  }
  if (const auto pool = place ? behind_others(semaphores, *place) : std::nullopt) {
    return Refusal{.reason = behind_text(*pool), .pool = *pool, .behind = true};
  }
  return std::nullopt;
}

/// What a run takes: of the pools of its task, and one place in each quota that counts runs.
std::vector<workflow::Semaphore> Engine::units_of_run(
    const Mission& mission, const Plan& plan, TaskIndex task
) const {
  std::vector<workflow::Semaphore> units = plan.task_semaphores.at(task);
  for (workflow::Semaphore& unit : quota_units(mission, plan, task)) {
    units.push_back(std::move(unit));
  }
  return units;
}

/// Units of a pool that a run takes.
std::uint32_t Engine::wanted_of(const RunRef& run, const std::string& pool) const {
  if (is_quota_pool(pool)) {
    return 1;
  }
  const auto entry = missions_.find(run.created);
  std::uint32_t units = 0;
  if (entry != missions_.end()) {
    for (const workflow::Semaphore& wanted :
         entry->second.plan->task_semaphores.at(run.slot.task)) {
      units += wanted.pool == pool ? wanted.units : 0;
    }
  }
  return units;
}

void Engine::enqueue(const Mission& mission, SlotKey slot) {
  const Timestamp since = slot_of(mission, slot).pending_since;
  runs_.add(
      {.created = mission.created, .slot = slot},
      queue_score(since, mission.priority, limits_.ageing)
  );
}

/// Lets those try again who can have what is free of a pool.
void Engine::unblock(const std::string& pool) {
  const std::uint32_t all = pools_.capacity(pool);
  const std::uint32_t used = pools_.used(pool);
  runs_.wake(pool, all > used ? all - used : 0);
}

void Engine::host_taken(const Mission& mission, SlotKey slot, const Plan& plan) {
  const RunRef run{.created = mission.created, .slot = slot};
  const std::vector<workflow::Semaphore> units = units_of_run(mission, plan, slot.task);
  if (on_hosts_.insert(run).second && !units.empty()) {
    pools_.take(mission.created, units, Pools::Holder::Run);
    run_units_[run] = units;
  }
}

void Engine::host_left(const RunRef& run) {
  on_hosts_.erase(run);
  const auto taken = run_units_.find(run);
  if (taken == run_units_.end()) {
    return;
  }
  const std::vector<workflow::Semaphore> units = std::move(taken->second);
  run_units_.erase(taken);
  give_back_units(run.created, units, Pools::Holder::Run);
}

/// Everything that runs of an ended mission had or waited for.
void Engine::forget_runs(const Mission& mission) {
  const RunRef first{.created = mission.created, .slot = {}};
  auto on_host = on_hosts_.lower_bound(first);
  while (on_host != on_hosts_.end() && on_host->created == mission.created) {
    const RunRef run = *on_host;
    ++on_host;
    host_left(run);
  }
  // What they were woken for, or would have got before others, is for the next ones.
  for (const std::string& pool : runs_.forget(mission.created)) {
    unblock(pool);
    freed_ = true;
  }
}

/// A run that nobody wants any more, or that has to wait for its mission.
void Engine::forget_run(const RunRef& run) {
  if (const std::string pool = runs_.forget(run); !pool.empty()) {
    unblock(pool);
    freed_ = true;
  }
}

}  // namespace reeve::engine
