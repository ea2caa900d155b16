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

/// What runs wait for that no host of this process can carry out.
constexpr std::string_view kNoHost = "(no host)";

/// Missions of one task of a workflow are carried out within the place of the whole.
bool counts(const Plan& plan) {
  return !plan.workflow->part;
}

}  // namespace

// --- missions -----------------------------------------------------------------------------------

std::optional<std::string> Engine::admission_refusal(const Mission& mission, const Plan& plan)
    const {
  const workflow::Workflow& workflow = *plan.workflow;
  if (workflow.max_concurrency > 0 && counts(plan)) {
    const auto active = active_.find(workflow.name);
    if (active != active_.end() && active->second >= workflow.max_concurrency) {
      return concat(
          "waits for its turn: at most ",
          workflow.max_concurrency,
          workflow.max_concurrency == 1 ? " mission of " : " missions of ",
          workflow.name,
          " may run at the same time"
      );
    }
  }
  return mission.claims ? std::nullopt : pools_.refusal(workflow.semaphores);
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
  const std::string& name = turn.plan().workflow->name;
  std::optional<std::string> reason = admission_refusal(mission, turn.plan());
  // One that has units goes before those that may wait for just these.
  if (!reason && counts(turn.plan()) && !mission.claims && queue_.has(name)) {
    reason = concat("waits behind earlier missions of ", name);
  }
  if (!reason) {
    turn.admit();
    return;
  }
  const Timestamp since = mission.not_before.value_or(mission.created_at);
  const AdmissionQueue::Place place{
      .score = mission.claims ? std::numeric_limits<std::int64_t>::min()
                              : queue_score(since, mission.priority, limits_.ageing),
      .mission = mission.created};
  queue_.add(name, place);
  queued_.emplace(mission.created, std::pair(name, place));
  turn.note_waiting(std::move(*reason));
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
    for (const auto& [place, workflow] : queue_.heads()) {
      const auto found = missions_.find(place.mission);
      REEVE_ASSERT(found != missions_.end());
      const std::optional<std::string> reason =
          admission_refusal(*found->second.mission, *found->second.plan);
      MissionTurn turn(*this, scope, *found->second.mission, *found->second.plan);
      if (reason) {
        turn.note_waiting(*reason);
        continue;
      }
      leave_queue(*found->second.mission);
      turn.admit();
    }
  }
}

/// Brings the books on places and units up to date with a mission.
void Engine::update_claims(const Mission& mission, const Plan& plan) {
  Claim& claim = claims_[mission.created];
  const bool place = mission.admitted && counts(plan);
  if (place != claim.place) {
    claim.place = place;
    std::uint32_t& active = active_[plan.workflow->name];
    active = place ? active + 1 : active - 1;
    freed_ = freed_ || !place;
  }
  if (mission.claims && claim.units.empty()) {
    claim.units = plan.workflow->semaphores;
    pools_.take(claim.units);
  } else if (!mission.claims && !claim.units.empty()) {
    pools_.give_back(claim.units);
    for (const workflow::Semaphore& unit : claim.units) {
      unblock(unit.pool);
    }
    claim.units.clear();
    freed_ = true;
  }
  if (!claim.place && claim.units.empty()) {
    claims_.erase(mission.created);
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

void Engine::pool_changed(const std::string& pool, std::optional<std::uint32_t> units) {
  pools_.set_capacity(pool, units);
  unblock(pool);
  freed_ = true;
}

// --- runs ---------------------------------------------------------------------------------------

/// Gives free slots to the runs whose turn it is.
void Engine::dispatch(Scope& scope) {
  while (!ready_.empty() && on_hosts_.size() < limits_.run_slots) {
    const auto [place, run] = *ready_.begin();
    ready_.erase(ready_.begin());
    const auto found = missions_.find(run.created);
    if (found == missions_.end() || is_terminal(found->second.mission->state)) {
      ready_since_.erase(run);
      woken_by_.erase(run);
      continue;
    }
    MissionTurn turn(*this, scope, *found->second.mission, *found->second.plan);
    std::string pool;
    if (std::optional<std::string> reason = launch_refusal(run, found->second, pool)) {
      const auto woken = woken_by_.find(run);
      const std::string by = woken == woken_by_.end() ? pool : woken->second;
      blocked_[pool].emplace(place, run);
      turn.note_waiting(run.slot, std::move(*reason));
      if (by != pool) {
        // What it was woken for and cannot use is for the next one.
        unblock(by);
      }
      woken_by_.erase(run);
      continue;
    }
    ready_since_.erase(run);
    woken_by_.erase(run);
    turn.launch(run.slot);
  }
}

/// Whether a run may not be handed to a host now.
bool Engine::must_wait(const Mission& mission, SlotKey slot) const {
  std::string pool;
  const RunRef run{.created = mission.created, .slot = slot};
  return launch_refusal(run, missions_.at(mission.created), pool).has_value();
}

/// Why a run may not be handed to a host now; `pool` is what it waits for.
std::optional<std::string> Engine::launch_refusal(
    const RunRef& run, const Entry& entry, std::string& pool
) const {
  const workflow::Task& task = entry.plan->workflow->tasks.at(run.slot.task);
  std::vector<std::string> missing;
  for (const std::string& tag : task.tags) {
    if (!limits_.labels.contains(tag) && !entry.mission->local) {
      missing.push_back(tag);
    }
  }
  if (!missing.empty()) {
    pool = kNoHost;
    return concat(
        "waits for a host with the label",
        missing.size() == 1 ? " " : "s ",
        join(missing, ", "),
        "; start reeve with --labels ",
        join(missing, ","),
        ", or the mission with --local"
    );
  }
  std::optional<std::string> reason = pools_.refusal(task.semaphores);
  if (reason) {
    for (const workflow::Semaphore& wanted : task.semaphores) {
      if (pools_.refusal({wanted})) {
        pool = wanted.pool;
        break;
      }
    }
  }
  return reason;
}

/// Units of a pool that a run takes.
std::uint32_t Engine::wanted_of(const RunRef& run, const std::string& pool) const {
  const auto entry = missions_.find(run.created);
  std::uint32_t units = 0;
  if (entry != missions_.end()) {
    for (const workflow::Semaphore& wanted :
         entry->second.plan->workflow->tasks.at(run.slot.task).semaphores) {
      units += wanted.pool == pool ? wanted.units : 0;
    }
  }
  return units;
}

void Engine::enqueue(const Mission& mission, SlotKey slot, Timestamp since) {
  const RunRef run{.created = mission.created, .slot = slot};
  const ReadyPlace place(queue_score(since, mission.priority, limits_.ageing), ready_count_);
  if (ready_since_.emplace(run, place).second) {
    ++ready_count_;
    ready_.emplace(place, run);
  }
}

/// Lets as many of those who wait for a pool try again as it could possibly serve. Those who want
/// more than it has stay where they are and are in nobody's way.
void Engine::unblock(const std::string& pool) {
  const auto found = blocked_.find(pool);
  if (found == blocked_.end()) {
    return;
  }
  auto& waiting = found->second;
  std::uint32_t woken = 0;
  for (auto next = waiting.begin(); next != waiting.end() && woken < pools_.capacity(pool);) {
    if (wanted_of(next->second, pool) > pools_.capacity(pool)) {
      ++next;
      continue;
    }
    ready_.insert(*next);
    woken_by_[next->second] = pool;
    next = waiting.erase(next);
    ++woken;
  }
  if (waiting.empty()) {
    blocked_.erase(found);
  }
}

void Engine::host_taken(const Mission& mission, SlotKey slot, const Plan& plan) {
  const RunRef run{.created = mission.created, .slot = slot};
  const std::vector<workflow::Semaphore>& units = plan.workflow->tasks.at(slot.task).semaphores;
  if (on_hosts_.insert(run).second && !units.empty()) {
    pools_.take(units);
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
  pools_.give_back(units);
  for (const workflow::Semaphore& unit : units) {
    unblock(unit.pool);
  }
  freed_ = true;
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
  auto waiting = ready_since_.lower_bound(first);
  while (waiting != ready_since_.end() && waiting->first.created == mission.created) {
    const std::pair<ReadyPlace, RunRef> place(waiting->second, waiting->first);
    ready_.erase(place);
    for (auto blocked = blocked_.begin(); blocked != blocked_.end();) {
      blocked->second.erase(place);
      blocked = blocked->second.empty() ? blocked_.erase(blocked) : std::next(blocked);
    }
    woken_by_.erase(waiting->first);
    waiting = ready_since_.erase(waiting);
  }
}

}  // namespace reeve::engine
