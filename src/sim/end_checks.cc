#include <algorithm>

#include "base/strings.h"
#include "engine/mission_machine.h"
#include "kernel/audit.h"
#include "sim/checkers.h"
#include "sim/host_sim.h"

namespace reeve::sim {

using model::MissionState;
using model::RunState;

void Checkers::at_end(bool calm, const std::map<Fence, RunRecord>& runs) {
  disk_changed();
  check_acknowledged();
  check_decisions();
  check_done(runs);
  if (const std::optional<std::string> left = catalog_.at_end()) {
    fail(*left);
  }
  if (const std::optional<std::string> left = channels_.at_end()) {
    fail(*left);
  }
  if (const std::optional<std::string> left = families_.at_end()) {
    fail(*left);
  }
  if (const std::optional<std::string> left = objects_.at_end()) {
    fail(*left);
  }
  if (const std::optional<std::string> left = parkings_.at_end()) {
    fail(*left);
  }
  for (const auto& [name, folded] : missions_) {
    check_end_of(folded);
    check_past(folded);
    if (calm) {
      check_calm(folded);
    }
  }
  const auto executed = std::count_if(runs.begin(), runs.end(), [](const auto& run) {
    return run.second.state == RunRecord::State::Finished ||
           run.second.state == RunRecord::State::Lost;
  });
  if (calm && static_cast<std::uint64_t>(executed) != launches_) {
    fail(concat(launches_, " runs were handed out, ", executed, " were executed"));
  }
  const Result<kernel::AuditReport> audited = kernel::audit(disk_, loader_);
  if (!audited) {
    fail(concat("audit: ", audited.error().describe()));
  } else if (audited->missions != missions_.size() || audited->head != chain_.head()) {
    fail("the audit has not seen the whole journal");
  }
}

/// Finished, or explained by a hold that only a person can release.
void Checkers::check_end_of(const Folded& folded) {
  const model::Mission& mission = folded.mission;
  const std::string& name = mission.name.str();
  if (!is_terminal(mission.state)) {
    const bool explained =
        mission.state == MissionState::Held &&
        std::all_of(mission.holds.begin(), mission.holds.end(), [](const model::Hold& hold) {
          // That the mission before this one is not over is checked with the families.
          const bool needs_other = hold.kind == model::HoldKind::CompensationFailed ||
                                   hold.kind == model::HoldKind::Approval ||
                                   hold.kind == model::HoldKind::Dependency;
          return needs_other && !hold.deadline && !hold.message.empty();
        });
    if (!explained && !waits_for_admission(mission) && !waits_for_units(mission)) {
      fail(concat("mission ", name, " is ", to_string(mission.state), " without explanation"));
    }
    return;
  }
  if (aborts_.contains(name) && mission.state != MissionState::Aborted) {
    fail(concat("mission ", name, " was to be aborted and is ", to_string(mission.state)));
  }
  if (mission.state == MissionState::Failed && mission.message.empty()) {
    fail(concat("mission ", name, " failed without a reason"));
  }
  check_compensation(folded);
  check_always_run(folded);
}

/// Remembers each run that a host was asked for, and when something about it was last said.
void Checkers::note_run(Folded& folded, const engine::MissionEvent& event, Revision revision) {
  const auto changed = [&](engine::SlotKey key) {
    const Fence fence = slot_of(folded.mission, key).fence;
    if (const auto run = folded.runs.find(fence); run != folded.runs.end()) {
      run->second.second = revision;
    }
  };
  if (const auto* launching = std::get_if<engine::RunLaunching>(&event)) {
    if (!launching->inside) {
      folded.runs[Fence(revision.value())] = {launching->slot, revision};
    }
  } else if (const auto* active = std::get_if<engine::RunActive>(&event)) {
    changed(active->slot);
  } else if (const auto* cancelled = std::get_if<engine::RunCancelRequested>(&event)) {
    changed(cancelled->slot);
  } else if (const auto* ended = std::get_if<engine::RunEnded>(&event)) {
    changed(ended->slot);
  }
}

/// Every run is still told of, in its slot or among those before it, up to the limit.
void Checkers::check_past(const Folded& folded) {
  for (engine::TaskIndex i = 0; i < folded.mission.tasks.size(); ++i) {
    const model::TaskStatus& task = folded.mission.tasks[i];
    std::map<Fence, Revision> told;
    if (model::is_run(task.run)) {
      told[task.run.fence] = task.run.changed;
    }
    if (task.undo && model::is_run(*task.undo)) {
      told[task.undo->fence] = task.undo->changed;
    }
    for (const model::PastRun& run : task.past ? *task.past : std::vector<model::PastRun>()) {
      told[run.fence] = run.changed;
    }
    const bool full = task.past && task.past->size() == model::kPastRunsMax;
    for (const auto& [fence, run] : folded.runs) {
      const auto found = told.find(fence);
      if (run.first.task == i && (found == told.end() ? !full : found->second != run.second)) {
        fail(concat(
            "mission ",
            folded.mission.name.view(),
            " does not tell of the run with fence ",
            fence.value(),
            ", or not what became of it last"
        ));
      }
    }
  }
}

/// The latest effect is undone first, and none is forgotten unless someone gave up.
void Checkers::check_compensation(const Folded& folded) {
  const model::Mission& mission = folded.mission;
  for (std::size_t i = 1; i < folded.undone.size(); ++i) {
    if (folded.undone[i - 1].second < folded.undone[i].second) {
      fail(concat("mission ", mission.name.view(), " was undone in the wrong order"));
    }
  }
  if (mission.state == MissionState::Complete) {
    if (!folded.undone.empty()) {
      fail(concat("mission ", mission.name.view(), " is COMPLETE and was undone"));
    }
    return;
  }
  for (std::size_t i = 0; i < mission.tasks.size(); ++i) {
    const model::TaskStatus& task = mission.tasks[i];
    if (!task.undoable || !folded.workflow->tasks[i].compensate) {
      continue;
    }
    const bool tried = task.undo.has_value();
    const bool undone = tried && task.undo->state == RunState::Complete;
    if (!undone && !(mission.state == MissionState::Aborted && tried)) {
      fail(concat(
          "mission ",
          mission.name.view(),
          " ended without undoing task ",
          folded.workflow->tasks[i].name.view()
      ));
    }
  }
}

void Checkers::check_always_run(const Folded& folded) {
  const model::Mission& mission = folded.mission;
  bool ran = false;
  for (std::size_t i = 0; i < mission.tasks.size(); ++i) {
    // What people have decided is no work that has to be cleaned up.
    const bool gate = folded.workflow->tasks[i].method == workflow::Method::Gate;
    ran = ran || (mission.tasks[i].attempts > 0 && !gate);
  }
  if (!ran) {
    return;
  }
  for (std::size_t i = 0; i < mission.tasks.size(); ++i) {
    const model::TaskStatus& task = mission.tasks[i];
    if (folded.workflow->tasks[i].always_run && task.run.attempt == 0 &&
        task.exit_code != "SKIPPED") {
      fail(concat(
          "mission ",
          mission.name.view(),
          " ended without its clean-up ",
          folded.workflow->tasks[i].name.view()
      ));
    }
  }
}

/// What was really done, known to the journal or not, has been undone in a mission that failed.
void Checkers::check_done(const std::map<Fence, RunRecord>& runs) {
  for (const auto& [fence, record] : runs) {
    const auto found = missions_.find(record.mission.str());
    if (!record.done || found == missions_.end() ||
        found->second.mission.state != MissionState::Failed) {
      continue;
    }
    const std::optional<engine::TaskIndex> index = found->second.workflow->find(record.task.view());
    const model::TaskStatus& task = found->second.mission.tasks.at(index.value_or(0));
    if (index && found->second.workflow->tasks.at(*index).compensate &&
        !(task.undo && task.undo->state == RunState::Complete)) {
      fail(concat(
          "run ", record.run.view(), " did its work, the mission failed, and nothing was undone"
      ));
    }
  }
}

/// Nothing went wrong: what the journal says and what really ran are the same.
void Checkers::check_calm(const Folded& folded) {
  for (std::size_t i = 0; i < folded.mission.tasks.size(); ++i) {
    const model::TaskStatus& task = folded.mission.tasks[i];
    const bool undone = task.undo && task.undo->state == RunState::Complete;
    const RunRecord* record = undone && ledger_ ? ledger_(task.undo->fence) : nullptr;
    if (undone && (record == nullptr || !record->done || record->executions != 1)) {
      fail(concat("task ", folded.workflow->tasks[i].name.view(), " was not undone exactly once"));
    }
  }
}

}  // namespace reeve::sim
