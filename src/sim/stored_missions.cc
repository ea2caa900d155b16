#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/strings.h"
#include "engine/mission_codec.h"
#include "sim/checkers.h"

// A core that comes back knows what its row says and nothing else. So everything that matters must
// come back from the row as it was: compared member by member, not through the codec.
namespace reeve::sim {

namespace {

auto slot_members(const model::RunSlot& slot) {
  return std::tie(
      slot.state,
      slot.attempt,
      slot.failures,
      slot.lost,
      slot.fence,
      slot.cancelling,
      slot.closing,
      slot.inside,
      slot.timed_out,
      slot.not_before,
      slot.pending_since,
      slot.changed
  );
}

auto undo_members(const model::UndoRun& run) {
  return std::tuple_cat(
      slot_members(run), std::tie(run.started_at, run.ended_at, run.exit_code, run.error_code)
  );
}

auto past_members(const model::PastRun& run) {
  return std::tie(
      run.epoch,
      run.attempt,
      run.undo,
      run.state,
      run.fence,
      run.started_at,
      run.ended_at,
      run.exit_code,
      run.error_code,
      run.changed
  );
}

bool pasts_differ(
    const Box<std::vector<model::PastRun>>& left, const Box<std::vector<model::PastRun>>& right
) {
  if (!left || !right) {
    return left.has_value() != right.has_value();
  }
  return !std::equal(
      left->begin(),
      left->end(),
      right->begin(),
      right->end(),
      [](const auto& a, const auto& b) { return past_members(a) == past_members(b); }
  );
}

auto vote_members(const model::Vote& vote) {
  return std::tie(vote.voter, vote.decision, vote.message, vote.rule, vote.revision, vote.at);
}

auto gate_members(const model::GateStatus& gate) {
  return std::tie(
      gate.state,
      gate.revision,
      gate.revised,
      gate.prompt,
      gate.context,
      gate.opened_at,
      gate.deadline,
      gate.decided_at,
      gate.reminded,
      gate.escalated,
      gate.changed
  );
}

bool gates_differ(const Box<model::GateStatus>& left, const Box<model::GateStatus>& right) {
  if (!left || !right) {
    return left.has_value() != right.has_value();
  }
  return gate_members(*left) != gate_members(*right) ||
         !std::equal(
             left->votes.begin(),
             left->votes.end(),
             right->votes.begin(),
             right->votes.end(),
             [](const auto& a, const auto& b) { return vote_members(a) == vote_members(b); }
         );
}

bool artifacts_differ(
    const std::vector<model::ArtifactRef>& left, const std::vector<model::ArtifactRef>& right
) {
  const auto members = [](const model::ArtifactRef& ref) {
    return std::tie(
        ref.path, ref.digest, ref.size_bytes, ref.mode, ref.expires_at, ref.path_number
    );
  };
  return !std::equal(
      left.begin(),
      left.end(),
      right.begin(),
      right.end(),
      [&](const auto& a, const auto& b) { return members(a) == members(b); }
  );
}

auto child_members(const model::ChildMission& child) {
  return std::tie(
      child.name, child.own, child.ended, child.error_code, child.message, child.outputs
  );
}

bool children_differ(const Box<model::Children>& left, const Box<model::Children>& right) {
  if (!left || !right) {
    return left.has_value() != right.has_value();
  }
  return left->items != right->items || left->fans_out != right->fans_out ||
         !std::equal(
             left->missions.begin(),
             left->missions.end(),
             right->missions.begin(),
             right->missions.end(),
             [](const auto& a, const auto& b) {
               return child_members(a) == child_members(b) &&
                      !artifacts_differ(a.artifacts, b.artifacts);
             }
         );
}

bool parents_differ(
    const std::optional<model::Parent>& left, const std::optional<model::Parent>& right
) {
  if (!left || !right) {
    return left.has_value() != right.has_value();
  }
  return std::tie(left->mission, left->task, left->item) !=
         std::tie(right->mission, right->task, right->item);
}

auto task_members(const model::TaskStatus& task) {
  return std::tie(
      task.state,
      task.reached,
      task.kept,
      task.undoable,
      task.attempts,
      task.polls,
      task.polling_since,
      task.parked,
      task.started_at,
      task.ended_at,
      task.ended,
      task.exit_code,
      task.error_code,
      task.message,
      task.outputs,
      task.submitted
  );
}

auto mission_members(const model::Mission& mission) {
  return std::tie(
      mission.name,
      mission.ns,
      mission.uid,
      mission.owner,
      mission.correlation,
      mission.workflow,
      mission.params,
      mission.continues,
      mission.user_key,
      mission.priority,
      mission.not_before,
      mission.trigger,
      mission.depth,
      mission.description,
      mission.responsible(),
      mission.after,
      mission.created,
      mission.revision,
      mission.created_at,
      mission.started_at,
      mission.ended_at,
      mission.state,
      mission.reason,
      mission.epoch,
      mission.pauses,
      mission.admitted,
      mission.claims,
      mission.waiting,
      mission.draining,
      mission.aborting,
      mission.timed_out,
      mission.starts,
      mission.approval_since,
      mission.approval_time,
      mission.error_code,
      mission.message
  );
}

/// The first part in which two missions differ, or nothing.
std::string difference(const model::Mission& left, const model::Mission& right) {
  if (mission_members(left) != mission_members(right) ||
      artifacts_differ(left.inputs, right.inputs) || parents_differ(left.parent, right.parent)) {
    return "the mission itself";
  }
  if (left.holds.size() != right.holds.size() || left.tasks.size() != right.tasks.size()) {
    return "the number of its holds or tasks";
  }
  for (std::size_t i = 0; i < left.holds.size(); ++i) {
    const auto members = [](const model::Hold& hold) {
      return std::tie(
          hold.kind, hold.subject, hold.since, hold.deadline, hold.on_deadline, hold.message
      );
    };
    if (members(left.holds[i]) != members(right.holds[i])) {
      return "a hold";
    }
  }
  for (std::size_t i = 0; i < left.tasks.size(); ++i) {
    const model::TaskStatus& a = left.tasks[i];
    const model::TaskStatus& b = right.tasks[i];
    const bool undo_differs = a.undo.has_value() != b.undo.has_value() ||
                              (a.undo && undo_members(*a.undo) != undo_members(*b.undo));
    if (task_members(a) != task_members(b) || slot_members(a.run) != slot_members(b.run) ||
        undo_differs || pasts_differ(a.past, b.past) || gates_differ(a.gate, b.gate) ||
        children_differ(a.children, b.children) || artifacts_differ(a.artifacts, b.artifacts)) {
      return concat("task number ", i + 1);
    }
  }
  return {};
}

}  // namespace

void Checkers::check_stored_missions() {
  for (const auto& [name, folded] : missions_) {
    if (folded.mission.deleted) {
      continue;
    }
    const Result<std::optional<store::Row>> row =
        disk_.get(engine::mission_key(folded.mission.name));
    if (!row || !row->has_value()) {
      fail(concat("there is no row for ", name));
      return;
    }
    const Result<Json> json = parse_json((*row)->body);
    if (!json) {
      fail(concat("the row of mission ", name, " is not JSON: ", json.error().describe()));
      return;
    }
    const Result<model::Mission> mission = engine::decode_mission(*json, *folded.workflow);
    if (!mission) {
      fail(concat("the row of mission ", name, ": ", mission.error().describe()));
      return;
    }
    const std::string wrong = difference(*mission, folded.mission);
    if (!wrong.empty()) {
      fail(concat("the row of mission ", name, " does not bring back ", wrong));
    }
  }
}

}  // namespace reeve::sim
