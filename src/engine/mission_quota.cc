#include <algorithm>

#include "base/strings.h"
#include "engine/mission_turn.h"
#include "engine/quota.h"

/// What becomes of a mission whose runs have reached a limit: it stands still, or they end.
namespace reeve::engine {

using model::Hold;
using model::HoldKind;
using model::MissionState;
using model::Reason;
using model::RunSlot;
using model::RunState;

bool MissionTurn::is_held_for_quota() const {
  return std::any_of(m_.holds.begin(), m_.holds.end(), [](const Hold& hold) {
    return hold.kind == HoldKind::Quota;
  });
}

const Hold* MissionTurn::quota_hold(std::string_view subject) const {
  const auto found = std::find_if(m_.holds.begin(), m_.holds.end(), [&](const Hold& hold) {
    return hold.kind == HoldKind::Quota && (subject.empty() || hold.subject == subject);
  });
  return found == m_.holds.end() ? nullptr : &*found;
}

/// Ends a run that may use nothing more. It fails: nobody asked for its end.
void MissionTurn::stop_over_quota(SlotKey key, const std::string& message) {
  const RunSlot& slot = slot_of(m_, key);
  if (!on_host(slot) || slot.cancelling) {
    return;
  }
  emit(RunCancelRequested{.slot = key, .message = message, .over_quota = true});
  scope_.effects.emplace_back(model::CancelRun{
      .mission = m_.name, .run = run_name(key), .fence = slot.fence, .reason = message});
}

/// Holds the mission, whose runs stand still. What undoes or ends it is not held up.
bool MissionTurn::hold_for_quota(const std::string& subject, const std::string& message) {
  if (is_terminal(m_.state) || stopping() || m_.state == MissionState::Compensating ||
      undo_failed() || quota_hold(subject) != nullptr) {
    return false;
  }
  Hold hold;
  hold.kind = HoldKind::Quota;
  hold.subject = subject;
  // The time that it stands still begins with the first one.
  const Hold* first = quota_hold();
  hold.since = first == nullptr ? scope_.now : first->since;
  hold.message = message;
  if (m_.state == MissionState::Launching) {
    become_active(Reason::QuotaExceeded);
  }
  const bool moves = first == nullptr;
  emit(HoldRaised{.hold = std::move(hold)});
  if (m_.state != MissionState::Held) {
    transition(MissionState::Held, Reason::QuotaExceeded);
  }
  if (moves) {
    set_timer("deadline", std::nullopt);
    freeze_runs(message);
  }
  return true;
}

void MissionTurn::release_quota(const std::string& subject) {
  const Hold* found = quota_hold(subject);
  if (found == nullptr) {
    return;
  }
  if (m_.holds.size() == 1) {
    resume(Reason::HoldReleased, false);
  } else {
    release(Hold(*found), false);
  }
}

void MissionTurn::each_run_on_host(const std::function<void(SlotKey)>& visit) {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    for (const Leg leg : {Leg::Forward, Leg::Undo}) {
      const SlotKey key{.task = i, .leg = leg};
      if ((leg == Leg::Forward || m_.tasks[i].undo) && on_host(slot_of(m_, key))) {
        visit(key);
      }
    }
  }
}

void MissionTurn::freeze_runs(const std::string& message) {
  each_run_on_host([&](SlotKey key) { freeze(key, message); });
}

void MissionTurn::freeze(SlotKey key, const std::string& message) {
  scope_.effects.emplace_back(model::FreezeRun{
      .mission = m_.name, .run = run_name(key), .fence = slot_of(m_, key).fence, .reason = message}
  );
}

void MissionTurn::thaw(SlotKey key) {
  scope_.effects.emplace_back(model::ThawRun{
      .mission = m_.name, .run = run_name(key), .fence = slot_of(m_, key).fence});
}

/// What follows when the last hold of a quota is gone.
void MissionTurn::quota_released() {
  each_run_on_host([&](SlotKey key) {
    thaw(key);
    watch_duration(key, true);
  });
  if (m_.started_at) {
    rearm_deadline();
  }
}

/// For how long a run has had time of its own.
Duration MissionTurn::elapsed(TaskIndex index, Timestamp at) const {
  const model::TaskStatus& task = m_.tasks[index];
  return at - task.started_at.value_or(at) - task.run.frozen;
}

bool MissionTurn::all_runs_below(Duration limit, Timestamp at) const {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (m_.tasks[i].run.state == RunState::Active && elapsed(i, at) >= limit) {
      return false;
    }
  }
  return true;
}

/// Arms the timer of the next thing that happens to a run because it goes on for too long.
/// `overdue`: also what should have happened before counts.
void MissionTurn::watch_duration(SlotKey key, bool overdue) {
  if (key.leg != Leg::Forward || slot_of(m_, key).state != RunState::Active) {
    return;
  }
  std::optional<Duration> next;
  const Duration now = elapsed(key.task, scope_.now);
  for (const Quota* quota : engine_.quotas_of_task(m_, *plan_, key.task)) {
    if (!quota->limits.run_duration) {
      continue;
    }
    for (const Duration at : {warn_after(*quota), *quota->limits.run_duration}) {
      const bool counts =
          at > now || (overdue && at == *quota->limits.run_duration && at.count() > 0);
      if (counts && at.count() > 0 && (!next || at < *next)) {
        next = at;
      }
    }
  }
  set_timer(
      slot_timer(kQuotaTimer, key),
      next ? std::optional(std::max(scope_.now, scope_.now + (*next - now))) : std::nullopt
  );
}

Duration MissionTurn::warn_after(const Quota& quota) {
  const auto limit = static_cast<std::uint64_t>(quota.limits.run_duration->count());
  return Duration(static_cast<std::int64_t>(warn_level(limit, quota.warn_duration)));
}

/// A run has gone on for so long that somebody is told, or something happens to it.
void MissionTurn::on_quota_timer(SlotKey key) {
  if (slot_of(m_, key).state != RunState::Active || is_held_for_quota()) {
    return;
  }
  const Duration now = elapsed(key.task, scope_.now);
  const std::string run(model::plain(run_name(key).view()));
  for (const Quota* quota : engine_.quotas_of_task(m_, *plan_, key.task)) {
    if (!quota->limits.run_duration) {
      continue;
    }
    const Duration limit = *quota->limits.run_duration;
    const Duration warn = warn_after(*quota);
    const bool exceeded = now >= limit;
    if (!exceeded && (warn.count() == 0 || now < warn)) {
      continue;
    }
    const std::string message = concat(
        "quota ",
        quota->label(),
        ": run ",
        run,
        " has gone on for ",
        format_duration(now),
        "; maxDuration is ",
        format_duration(limit)
    );
    engine_.tell_duration(*quota, m_, run, now, exceeded ? limit : warn, exceeded, scope_);
    if (exceeded && quota->on_duration == QuotaAction::Terminate) {
      stop_over_quota(key, message);
    } else if (exceeded && (quota->on_duration == QuotaAction::Pause || quota->on_duration == QuotaAction::Queue)) {
      engine_.hold_mission(*this, *quota, QuotaLimit::RunDuration, message);
    }
  }
  watch_duration(key, false);
}

}  // namespace reeve::engine
