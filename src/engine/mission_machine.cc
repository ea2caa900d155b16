#include "engine/mission_machine.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/gate_machine.h"
#include "engine/past_runs.h"
#include "engine/run_machine.h"

namespace reeve::engine {

namespace {

using model::Mission;
using model::MissionState;
using model::RunSlot;
using model::RunState;
using model::TaskState;
using model::TaskStatus;

// Rows: from; columns: to; both in the order of MissionState.
constexpr std::array<std::array<bool, model::kMissionStates>, model::kMissionStates> kLegal = {{
    // PREP QUEUED HELD LAUNCHING ACTIVE COMPENSATING COMPLETE FAILED ABORTED
    {false, true, false, false, false, false, false, true, true},     // PREP
    {false, false, true, true, false, false, false, false, true},     // QUEUED
    {false, true, false, false, false, true, false, false, true},     // HELD
    {false, true, false, false, true, false, false, true, true},      // LAUNCHING
    {false, true, true, false, false, true, true, true, true},        // ACTIVE
    {false, false, true, false, false, false, false, true, true},     // COMPENSATING
    {false, false, false, false, false, false, false, false, false},  // COMPLETE
    {false, false, false, false, false, false, false, false, false},  // FAILED
    {false, false, false, false, false, false, false, false, false},  // ABORTED
}};

TaskState task_state_of(RunState state) {
  switch (state) {
    case RunState::Pending:
      return TaskState::Pending;
    case RunState::Launching:
      return TaskState::Launching;
    case RunState::Active:
      return TaskState::Active;
    case RunState::Complete:
      return TaskState::Complete;
    case RunState::Failed:
    case RunState::Lost:
      return TaskState::Failed;
    case RunState::Aborted:
      return TaskState::Aborted;
  }
  return TaskState::Failed;
}

/// Sets the run state and, for the forward leg, the task state that follows from it.
void move_slot(Mission& mission, SlotKey key, RunState to) {
  RunSlot& slot = slot_of(mission, key);
  REEVE_ASSERT(is_legal(slot.state, to));
  slot.state = to;
  if (key.leg == Leg::Forward) {
    mission.tasks[key.task].state = task_state_of(to);
  }
}

void merge_outputs(
    std::vector<model::NamedValue>& into, const std::vector<model::NamedValue>& from
) {
  for (const model::NamedValue& value : from) {
    const auto same = std::find_if(into.begin(), into.end(), [&](const auto& old) {
      return old.first == value.first;
    });
    if (same != into.end()) {
      same->second = value.second;
    } else {
      into.push_back(value);
    }
  }
}

class Applier {
 public:
  Applier(Mission& mission, Revision revision, Timestamp at)
      : m_(mission), revision_(revision), at_(at) {}

  void operator()(const MissionCreated& e) {
    m_.ns = e.ns;
    m_.owner = e.owner;
    m_.workflow_name = e.workflow_name;
    m_.workflow = e.workflow;
    m_.params = e.params;
    m_.continues = e.continues;
    m_.local = e.local;
    m_.user_key = e.user_key;
    m_.priority = e.priority;
    m_.not_before = e.not_before;
    m_.trigger = e.trigger;
    m_.parent = e.parent;
    m_.depth = e.depth;
    m_.inputs = e.inputs;
    m_.description = e.description;
    m_.author = e.author.empty() ? Box<Principal>() : Box<Principal>(e.author);
    m_.after = e.after;
    m_.reopened = e.reopened;
    m_.bundle = e.bundle;
    m_.trace = e.trace.parent.empty() ? Box<model::Trace>() : Box<model::Trace>(e.trace);
    m_.created = revision_;
    m_.created_at = at_;
    m_.tasks.resize(e.task_count);
    for (const Reused& reused : e.reused) {
      TaskStatus& task = m_.tasks.at(reused.task);
      task.kept = true;
      task.exit_code = reused.exit_code;
      task.outputs = reused.outputs;
      task.artifacts = reused.artifacts;
    }
  }

  void operator()(const MissionTransitioned& e) {
    m_.state = e.to;
    m_.reason = e.reason;
    if (!e.error_code.empty() || !e.message.empty()) {
      m_.error_code = e.error_code;
      m_.message = e.message;
    }
    if (e.to == MissionState::Launching && !m_.started_at) {
      m_.started_at = at_;
    }
    end_approval_wait();
    if (e.to == MissionState::Held && e.reason == model::Reason::ApprovalRequired) {
      m_.approval_since = at_;
    }
    if (e.to == MissionState::Held && !anything_under_way()) {
      m_.admitted = false;
    }
    if (is_terminal(e.to)) {
      m_.ended_at = at_;
      m_.holds.clear();
      m_.admitted = false;
      m_.claims = false;
      m_.waiting.clear();
      for (TaskStatus& task : m_.tasks) {
        task.reached = false;
        if (task.state == TaskState::Waiting) {
          task.state = TaskState::Skipped;
        }
      }
    }
  }

  void operator()(const EpochStarted& e) {
    for (TaskStatus& task : m_.tasks) {
      keep_past(task, Leg::Forward, m_.epoch);
    }
    m_.epoch = e.epoch;
    m_.draining = false;
    m_.starts = 0;
    m_.error_code.clear();
    m_.message.clear();
    for (TaskStatus& task : m_.tasks) {
      task.kept = (task.kept || task.state == TaskState::Complete) && !e.full;
      if (e.full) {
        task.children = {};
      }
      if (!task.kept) {
        task.submitted.clear();
        task.exit_code.clear();
        task.started_at.reset();
        task.ended_at.reset();
      }
      if (task.gate && !task.kept && task.gate->revised > 0) {
        task.gate->revised = 0;
        task.gate->changed = revision_;
      }
      task.state = TaskState::Waiting;
      task.reached = false;
      task.run = RunSlot{};
      task.polls = 0;
      task.polling_since.reset();
      task.parked = false;
      task.error_code.clear();
      task.message.clear();
    }
  }

  void operator()(const AbortRequested& e) {
    m_.aborting = true;
    m_.message = e.message;
  }

  void operator()(const DeadlinePassed& /*unused*/) { m_.timed_out = true; }

  void operator()(const TaskReached& e) {
    TaskStatus& task = m_.tasks.at(e.task);
    task.state = TaskState::Waiting;
    task.reached = true;
    task.kept = task.kept && !e.fresh;
    task.submitted.clear();
    task.run.failures = 0;
    task.run.lost = 0;
    task.polls = 0;
    task.polling_since.reset();
    ++m_.starts;
  }

  void operator()(const TaskReused& e) {
    TaskStatus& task = m_.tasks.at(e.task);
    task.state = TaskState::Complete;
    task.reached = false;
    task.kept = false;
    task.ended = revision_;
  }

  void operator()(const TaskSkipped& e) {
    TaskStatus& task = m_.tasks.at(e.task);
    // What follows is not about its run any more.
    keep_past(task, Leg::Forward, m_.epoch);
    task.state = TaskState::Skipped;
    task.reached = false;
    task.kept = false;
    task.exit_code = "SKIPPED";
    task.message = e.message;
    task.ended = revision_;
    task.ended_at = at_;
  }

  void operator()(const RunCreated& e) {
    TaskStatus& task = m_.tasks.at(e.slot.task);
    if (e.slot.leg == Leg::Undo && !task.undo) {
      task.undo.emplace();
    }
    keep_past(task, e.slot.leg, m_.epoch);
    RunSlot& slot = slot_of(m_, e.slot);
    slot.changed = revision_;
    slot.state = RunState::Pending;
    slot.attempt = e.attempt;
    slot.fence = Fence();
    slot.cancelling = false;
    slot.closing = e.closing;
    slot.inside = false;
    slot.timed_out = false;
    slot.over_quota = false;
    slot.frozen = Duration(0);
    slot.not_before = e.not_before;
    slot.pending_since = e.not_before.value_or(at_);
    if (e.slot.leg == Leg::Undo) {
      task.undo->started_at.reset();
      task.undo->ended_at.reset();
      task.undo->exit_code.clear();
      task.undo->error_code.clear();
    }
    ++m_.starts;
    if (e.slot.leg == Leg::Forward) {
      task.state = TaskState::Pending;
      task.reached = false;
      task.kept = false;
      task.parked = false;
    }
  }

  void operator()(const RunLaunching& e) {
    move_slot(m_, e.slot, RunState::Launching);
    RunSlot& slot = slot_of(m_, e.slot);
    slot.fence = Fence(revision_.value());
    slot.changed = revision_;
    slot.inside = e.inside;
    slot.not_before.reset();
    slot.pending_since = Timestamp();
    if (e.slot.leg == Leg::Forward) {
      TaskStatus& task = m_.tasks[e.slot.task];
      ++task.attempts;
      task.started_at = at_;
      task.ended_at.reset();
      task.message.clear();  // what it waited for
      return;
    }
    TaskStatus& task = m_.tasks[e.slot.task];
    task.undo->started_at = at_;
    if (task.state == TaskState::Complete) {
      task.message.clear();  // the same; a failure is explained by it
    }
  }

  void operator()(const RunActive& e) {
    move_slot(m_, e.slot, RunState::Active);
    slot_of(m_, e.slot).changed = revision_;
  }

  void operator()(const RunCancelRequested& e) {
    RunSlot& slot = slot_of(m_, e.slot);
    slot.changed = revision_;
    slot.cancelling = true;
    slot.timed_out = e.timed_out;
    slot.over_quota = e.over_quota;
  }

  void operator()(const RunEnded& e) {
    RunSlot& slot = slot_of(m_, e.slot);
    if (slot.attempt != e.attempt) {
      // Methods inside the engine have no separate creation.
      keep_past(m_.tasks[e.slot.task], e.slot.leg, m_.epoch);
      RunSlot fresh;
      fresh.failures = slot.failures;
      fresh.lost = slot.lost;
      fresh.attempt = e.attempt;
      slot = fresh;
      ++m_.starts;
      if (e.slot.leg == Leg::Forward) {
        ++m_.tasks[e.slot.task].attempts;
        m_.tasks[e.slot.task].started_at = at_;
      }
    }
    move_slot(m_, e.slot, e.state);
    slot.changed = revision_;
    slot.cancelling = false;
    slot.over_quota = false;
    slot.not_before.reset();
    slot.pending_since = Timestamp();
    slot.failures += e.outcome == Outcome::Retry ? 1 : 0;
    slot.lost += e.outcome == Outcome::Again ? 1 : 0;
    if (e.slot.leg == Leg::Forward) {
      end_task(e);
    } else {
      model::UndoRun& undo = *m_.tasks[e.slot.task].undo;
      undo.ended_at = at_;
      undo.exit_code = e.exit_code;
      undo.error_code = e.error_code;
    }
  }

  void operator()(const MissionAdmitted& /*unused*/) {
    m_.admitted = true;
    m_.claims = true;
    m_.waiting.clear();
  }

  void operator()(const MissionWaiting& e) { m_.waiting = e.message; }

  void operator()(const RunWaiting& e) {
    m_.tasks.at(e.slot.task).message = e.message;
    slot_of(m_, e.slot).changed = revision_;
  }

  void operator()(const MissionExtended& e) {
    m_.workflow = e.workflow;
    m_.tasks.resize(e.task_count);
  }

  void operator()(const ExtensionRefused& /*unused*/) {}

  void operator()(const BundleKept& e) { m_.bundle = e.bundle; }

  void operator()(const MissionDeleted& /*e*/) { m_.deleted = true; }

  void operator()(const MissionSubmitted& e) { m_.tasks.at(e.task).submitted.push_back(e.mission); }

  void operator()(const ChildrenPlanned& e) {
    TaskStatus& task = m_.tasks.at(e.task);
    const std::size_t count = e.fans_out ? e.items.size() : 1;
    const bool same = task.children && task.children->fans_out == e.fans_out &&
                      task.children->items == e.items && task.children->missions.size() == count;
    if (!same) {
      task.children.emplace();
      task.children->fans_out = e.fans_out;
      task.children->items = e.items;
      task.children->missions.resize(count);
      return;
    }
    for (model::ChildMission& child : task.children->missions) {
      if (child.ended != model::MissionState::Complete) {
        child = {};
      }
    }
  }

  void operator()(const ChildStarted& e) {
    model::ChildMission& child = m_.tasks.at(e.task).children->missions.at(e.item);
    child.name = e.mission;
    child.own = e.own;
  }

  void operator()(const ChildEnded& e) {
    model::ChildMission& child = m_.tasks.at(e.task).children->missions.at(e.item);
    child.ended = e.state;
    child.error_code = e.error_code;
    child.message = e.message;
    child.outputs = e.outputs;
    child.artifacts = e.artifacts;
  }

  void operator()(const HoldRaised& e) {
    const auto same = std::find_if(m_.holds.begin(), m_.holds.end(), [&](const model::Hold& hold) {
      return hold.kind == e.hold.kind && hold.subject == e.hold.subject;
    });
    if (same != m_.holds.end()) {
      *same = e.hold;
    } else {
      m_.holds.push_back(e.hold);
    }
  }

  void operator()(const HoldReleased& e) {
    const std::optional<Timestamp> held = held_for_quota();
    std::erase_if(m_.holds, [&](const model::Hold& hold) {
      return hold.kind == e.kind && hold.subject == e.subject;
    });
    const bool waits = std::any_of(m_.holds.begin(), m_.holds.end(), [](const model::Hold& hold) {
      return hold.kind == model::HoldKind::Approval;
    });
    if (!waits) {
      end_approval_wait();
    }
    if (held && !held_for_quota()) {
      end_standstill(*held);
    }
  }

  void operator()(const GateOpened& e) {
    TaskStatus& task = m_.tasks.at(e.task);
    task.state = TaskState::Waiting;
    task.reached = false;
    task.kept = false;
    task.exit_code.clear();
    task.error_code.clear();
    task.message.clear();
    task.started_at = at_;
    task.ended_at.reset();
    model::GateStatus& gate = task.gate ? *task.gate : task.gate.emplace();
    REEVE_ASSERT(gate.revision == 0 || is_legal(gate.state, model::ApprovalState::Pending));
    gate.state = model::ApprovalState::Pending;
    gate.revision = e.revision;
    gate.prompt = e.prompt;
    gate.context = e.context;
    gate.opened_at = at_;
    gate.deadline = e.deadline;
    gate.decided_at.reset();
    gate.reminded = false;
    gate.escalated = 0;
    gate.changed = revision_;
  }

  void operator()(const GateVoted& e) {
    model::Vote vote;
    vote.voter = e.voter;
    vote.decision = e.decision;
    vote.message = e.message;
    vote.rule = e.rule;
    vote.revision = e.revision;
    vote.at = at_;
    changed_gate(e.task).votes.push_back(std::move(vote));
  }

  void operator()(const GateReminded& e) { changed_gate(e.task).reminded = true; }

  void operator()(const GateEscalated& e) { changed_gate(e.task).escalated = e.step; }

  void operator()(const GateDecided& e) {
    model::GateStatus& decided = changed_gate(e.task);
    REEVE_ASSERT(is_legal(decided.state, e.outcome));
    decided.state = e.outcome;
    decided.decided_at = at_;
    TaskStatus& task = m_.tasks[e.task];
    merge_outputs(task.outputs, e.outputs);
    if (e.outcome == model::ApprovalState::Revise) {
      ++decided.revised;
      // What the next run is told counts from now on.
      task.ended = revision_;
    }
  }

 private:
  void end_approval_wait() {
    // Time before its start does not count against its limit anyway.
    if (m_.approval_since && m_.started_at) {
      m_.approval_time += at_ - std::max(*m_.approval_since, *m_.started_at);
    }
    m_.approval_since.reset();
  }

  /// Since when it is held because quotas are used up.
  std::optional<Timestamp> held_for_quota() const {
    const auto hold = std::ranges::find(m_.holds, model::HoldKind::Quota, &model::Hold::kind);
    return hold == m_.holds.end() ? std::nullopt : std::optional(hold->since);
  }

  /// The time for which everything stood still counts neither against the mission nor its runs.
  void end_standstill(Timestamp since) {
    constexpr Duration kLeast{1};
    if (m_.started_at) {
      m_.approval_time += at_ - std::max(since, *m_.started_at);
    }
    for (TaskStatus& task : m_.tasks) {
      if (on_host(task.run)) {
        task.run.frozen +=
            std::max(kLeast, Duration(at_ - std::max(since, task.started_at.value_or(since))));
      }
      if (task.undo && on_host(*task.undo)) {
        task.undo->frozen += std::max(kLeast, Duration(at_ - since));
      }
    }
  }

  model::GateStatus& changed_gate(TaskIndex index) {
    REEVE_ASSERT(m_.tasks.at(index).gate.has_value());
    m_.tasks[index].gate->changed = revision_;
    return *m_.tasks[index].gate;
  }

  bool anything_under_way() const {
    return std::any_of(m_.tasks.begin(), m_.tasks.end(), [](const TaskStatus& task) {
      return on_host(task.run) || is_inside(task.run) || (task.undo && on_host(*task.undo));
    });
  }

  void end_task(const RunEnded& e) {
    TaskStatus& task = m_.tasks[e.slot.task];
    task.reached = false;
    task.kept = false;
    task.ended = revision_;
    task.ended_at = at_;
    task.exit_code = e.exit_code;
    task.error_code = e.error_code;
    task.message = e.message;
    merge_outputs(task.outputs, e.outputs);
    // A lost run kept nothing: the files of the attempt before it are still the latest there are.
    if (e.state != RunState::Lost) {
      task.artifacts = e.artifacts;
    }
    task.undoable = task.undoable || e.unknown || e.outcome == Outcome::Completed;
    m_.draining = m_.draining || e.drains;
    switch (e.outcome) {
      case Outcome::Completed:
        task.state = TaskState::Complete;
        break;
      case Outcome::Failed:
        task.state = TaskState::Failed;
        break;
      case Outcome::Aborted:
        task.state = TaskState::Aborted;
        break;
      case Outcome::Poll:
        ++task.polls;
        task.polling_since = task.polling_since ? task.polling_since : std::optional(at_);
        task.state = TaskState::Waiting;
        break;
      case Outcome::Parked:
        task.parked = true;
        task.state = TaskState::Waiting;
        break;
      case Outcome::Pause:
        ++m_.pauses;
        task.state = TaskState::Waiting;
        task.reached = true;
        break;
      case Outcome::Retry:
      case Outcome::Again:
        task.state = TaskState::Waiting;
        break;
    }
  }

  Mission& m_;
  Revision revision_;
  Timestamp at_;
};

}  // namespace

bool is_legal(MissionState from, MissionState to) {
  return kLegal.at(static_cast<std::size_t>(from)).at(static_cast<std::size_t>(to));
}

Result<void> check_transition(MissionState from, MissionState to) {
  if (!is_legal(from, to)) {
    return make_error(
        ErrorCode::IllegalTransition,
        concat("a mission cannot go from ", to_string(from), " to ", to_string(to)),
        "state"
    );
  }
  return {};
}

void apply(Mission& mission, const MissionEvent& event, Revision revision, Timestamp at) {
  std::visit(Applier(mission, revision, at), event);
  mission.revision = revision;
}

RunSlot& slot_of(Mission& mission, SlotKey key) {
  TaskStatus& task = mission.tasks.at(key.task);
  if (key.leg == Leg::Forward) {
    return task.run;
  }
  REEVE_ASSERT(task.undo.has_value());
  return *task.undo;
}

const RunSlot& slot_of(const Mission& mission, SlotKey key) {
  return slot_of(const_cast<Mission&>(mission), key);
}

bool on_host(const RunSlot& slot) {
  return !slot.inside && (slot.state == RunState::Launching || slot.state == RunState::Active);
}

bool is_inside(const RunSlot& slot) {
  return slot.inside && (slot.state == RunState::Launching || slot.state == RunState::Active);
}

bool in_progress(const RunSlot& slot) {
  return on_host(slot) || is_inside(slot) || (slot.state == RunState::Pending && slot.attempt > 0);
}

}  // namespace reeve::engine
