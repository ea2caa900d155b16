#include "sim/parking_checks.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "engine/mission_machine.h"
#include "engine/tool_call_events.h"
#include "model/run.h"
#include "model/scoped_name.h"
#include "sim/host_sim.h"

namespace reeve::sim {

using engine::Leg;
using engine::SlotKey;

namespace {

constexpr std::string_view kUndoSuffix = "~compensate";

std::string described(const std::pair<std::string, std::string>& task) {
  return concat("task ", task.second, " of mission ", task.first);
}

bool is_stopping(const model::Mission& mission) {
  return mission.draining || mission.aborting || mission.timed_out;
}

const model::RunSlot* slot_at(const model::Mission& mission, SlotKey key) {
  const model::TaskStatus& task = mission.tasks.at(key.task);
  return key.leg == Leg::Forward ? &task.run : task.undo ? &*task.undo : nullptr;
}

/// When its run was handed to the host.
std::optional<Timestamp> started_at(const model::Mission& mission, SlotKey key) {
  const model::TaskStatus& task = mission.tasks.at(key.task);
  return key.leg == Leg::Forward ? task.started_at
         : task.undo             ? task.undo->started_at
                                 : std::nullopt;
}

}  // namespace

ParkingChecks::TaskKey ParkingChecks::key_of(
    const model::Mission& mission, const workflow::Workflow& workflow, SlotKey slot
) {
  const std::string_view task = workflow.tasks.at(slot.task).name.view();
  const std::string_view leg = slot.leg == Leg::Undo ? kUndoSuffix : std::string_view();
  return {mission.name.str(), concat(mission.epoch, ".", task, leg)};
}

// --- calls --------------------------------------------------------------------------------------

void ParkingChecks::see_call(const journal::Event& event) {
  if (event.type == engine::kCallRecorded) {
    const Result<Json> data = parse_json(event.data);
    const Json spec = data ? data->get_object("spec") : Json::object();
    const std::string mission = spec.get_string("mission");
    const std::string run = spec.get_string("run");
    if (mission.empty() || data->get_string("state") != "PENDING") {
      return;
    }
    // <mission>.<epoch>.<task>.<attempt>
    const std::size_t first = mission.size() + 1;
    const TaskKey task{
        model::scoped(event.object.ns, mission), run.substr(first, run.rfind('.') - first)};
    tasks_[event.object] = task;
    pending_[task].insert(event.object);
    return;
  }
  const auto known = tasks_.find(event.object);
  if (known == tasks_.end()) {
    return;
  }
  if (event.type == engine::kCallDecided || event.type == engine::kCallExpired) {
    decided_[known->second] = {.revision = event.revision, .at = event.at};
    pending_[known->second].erase(event.object);
  } else if (event.type == engine::kCallForgotten) {
    pending_[known->second].erase(event.object);
  }
}

ParkingChecks::Calls ParkingChecks::pending(const TaskKey& task) const {
  const auto found = pending_.find(task);
  return found == pending_.end() ? Calls() : found->second;
}

bool ParkingChecks::all_pending(const TaskKey& task, const Calls& calls) const {
  const Calls now = pending(task);
  return !calls.empty() && std::all_of(calls.begin(), calls.end(), [&](const auto& call) {
    return now.contains(call);
  });
}

// --- missions -----------------------------------------------------------------------------------

std::optional<std::string> ParkingChecks::before(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::MissionEvent& event,
    const RunRecord* ran
) {
  if (const auto* ended = std::get_if<engine::RunEnded>(&event)) {
    return ends(mission, workflow, *ended, ran);
  }
  if (const auto* made = std::get_if<engine::RunCreated>(&event)) {
    return follows(mission, key_of(mission, workflow, made->slot));
  }
  if (const auto* launching = std::get_if<engine::RunLaunching>(&event)) {
    const TaskKey task = key_of(mission, workflow, launching->slot);
    const auto found = following_.find(task);
    if (found != following_.end() && all_pending(task, found->second)) {
      return concat(described(task), " was started while people decide about its call");
    }
    following_.erase(task);
  } else if (std::holds_alternative<engine::EpochStarted>(event)) {
    std::erase_if(parked_, [&](const auto& parked) {
      return parked.first.first == mission.name.view();
    });
  }
  return std::nullopt;
}

/// A run ends: parked if it says so and there is a reason, and not otherwise.
std::optional<std::string> ParkingChecks::ends(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::RunEnded& event,
    const RunRecord* ran
) {
  const TaskKey task = key_of(mission, workflow, event.slot);
  const model::RunSlot* slot = slot_at(mission, event.slot);
  // One that its host has given up may say so all the same.
  const bool said = ran != nullptr && ran->result.exit_text == model::kWaitsForDecision;
  const auto decided = decided_.find(task);
  const bool decided_since = slot != nullptr && decided != decided_.end() &&
                             decided->second.revision.value() > slot->fence.value();
  // The decision that made the run may have come in its first millisecond.
  const bool decided_then =
      decided != decided_.end() && decided->second.at == started_at(mission, event.slot);
  const Calls awaited = pending(task);
  if (event.outcome == engine::Outcome::Parked) {
    ++parkings_;
    failures_ = slot == nullptr ? 0 : slot->failures;
    if (!said || (awaited.empty() && !decided_since && !decided_then)) {
      return concat(
          described(task), said ? " waits for nobody" : " was parked, and its run did not say so"
      );
    }
    if (event.slot.leg == Leg::Forward && !slot->closing) {
      parked_[task] = {.mission = &mission, .task = event.slot.task, .awaited = awaited};
    }
    return std::nullopt;
  }
  const bool goes_on = slot != nullptr && !slot->cancelling && !slot->over_quota &&
                       (!is_stopping(mission) || slot->closing || event.slot.leg == Leg::Undo);
  if (said && goes_on && event.state != model::RunState::Lost &&
      (!awaited.empty() || decided_since)) {
    return concat(described(task), " waited for people and is ", to_string(event.outcome));
  }
  return std::nullopt;
}

/// Another run of the task, as long as its mission goes on.
std::optional<std::string> ParkingChecks::follows(
    const model::Mission& mission, const TaskKey& task
) {
  const auto found = parked_.find(task);
  if (found == parked_.end()) {
    return std::nullopt;
  }
  const Calls awaited = std::move(found->second.awaited);
  parked_.erase(found);
  if (all_pending(task, awaited) && !is_stopping(mission)) {
    return concat(described(task), " goes on while people decide about its call");
  }
  following_[task] = awaited;
  return std::nullopt;
}

std::optional<std::string> ParkingChecks::after(
    const model::Mission& mission,
    const workflow::Workflow& workflow,
    const engine::MissionEvent& event
) {
  if (mission.approval_since) {
    held_[mission.name.str()] = {.mission = &mission, .workflow = &workflow};
  } else {
    held_.erase(mission.name.str());
  }
  const auto* ended = std::get_if<engine::RunEnded>(&event);
  if (ended == nullptr || ended->outcome != engine::Outcome::Parked) {
    return std::nullopt;
  }
  if (slot_at(mission, ended->slot)->failures != failures_) {
    return concat(
        described(key_of(mission, workflow, ended->slot)), ": waiting for people took a retry"
    );
  }
  return std::nullopt;
}

std::optional<std::string> ParkingChecks::settled() const {
  for (const auto& [task, parked] : parked_) {
    if (is_terminal(parked.mission->state)) {
      return concat("mission ", task.first, " has ended and task ", task.second, " is parked");
    }
    if (!parked.mission->tasks.at(parked.task).parked) {
      return concat(described(task), " has been parked and forgotten");
    }
    if (!all_pending(task, parked.awaited)) {
      return concat(described(task), " is still parked, and its call is decided");
    }
  }
  for (const auto& [name, view] : held_) {
    for (const model::Hold& hold : view.mission->holds) {
      const auto index = view.workflow->find(hold.subject);
      if (hold.kind != model::HoldKind::Approval || !index ||
          view.workflow->tasks.at(*index).method == workflow::Method::Gate) {
        continue;
      }
      if (!parked_.contains(key_of(*view.mission, *view.workflow, {.task = *index}))) {
        return concat("mission ", name, " is held: ", hold.message, "; that is decided");
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> ParkingChecks::at_end() const {
  return parked_.empty()
             ? std::nullopt
             : std::optional(concat(described(parked_.begin()->first), " is left parked"));
}

}  // namespace reeve::sim
