#include <algorithm>

#include "base/strings.h"
#include "engine/mission_machine.h"
#include "sim/checkers.h"

// What the journal must say about gates, told without the rules of the engine.
namespace reeve::sim {

using model::ApprovalState;
using model::Decision;

TaskName Checkers::task_name(const MissionName& mission, engine::TaskIndex task) const {
  return missions_.at(mission.str()).workflow->tasks.at(task).name;
}

bool Checkers::revises(const MissionName& mission, engine::TaskIndex task) const {
  const auto& gate = missions_.at(mission.str()).workflow->tasks.at(task).gate;
  return gate && gate->revises.has_value();
}

void Checkers::check_gate(Folded& folded, const engine::MissionEvent& event, Timestamp at) {
  const model::Mission& mission = folded.mission;
  const auto once = [&](engine::TaskIndex task, std::uint32_t opening, std::string what) {
    if (!folded.gate_facts.emplace(task, opening, what).second) {
      fail(concat("mission ", mission.name.view(), ": twice ", what));
    }
    const Box<model::GateStatus>& gate = mission.tasks.at(task).gate;
    if (!gate || !gate->open() || gate->revision != opening) {
      fail(concat("mission ", mission.name.view(), ": ", what, " of a gate that is not open"));
    }
  };
  if (const auto* opened = std::get_if<engine::GateOpened>(&event)) {
    const Box<model::GateStatus>& gate = mission.tasks.at(opened->task).gate;
    if ((gate && gate->open()) || opened->revision != (gate ? gate->revision : 0) + 1) {
      fail(concat("mission ", mission.name.view(), " opened a gate out of turn"));
    }
    check_kept(folded, opened->task);
  } else if (const auto* voted = std::get_if<engine::GateVoted>(&event)) {
    once(voted->task, voted->revision, concat("vote of ", voted->voter.view()));
    check_vote(folded, *voted);
  } else if (const auto* reminded = std::get_if<engine::GateReminded>(&event)) {
    once(reminded->task, reminded->revision, "reminder");
  } else if (const auto* escalated = std::get_if<engine::GateEscalated>(&event)) {
    once(escalated->task, escalated->revision, concat("escalation ", escalated->step));
    const auto& steps = folded.workflow->tasks.at(escalated->task).gate->escalations;
    const model::GateStatus& gate = *mission.tasks.at(escalated->task).gate;
    if (escalated->step > steps.size() || gate.opened_at + steps[escalated->step - 1].after > at) {
      fail(concat("mission ", mission.name.view(), " escalated too early"));
    }
  } else if (const auto* decided = std::get_if<engine::GateDecided>(&event)) {
    once(decided->task, decided->revision, "outcome");
    check_outcome(folded, *decided);
    const model::GateStatus& gate = *mission.tasks.at(decided->task).gate;
    if (decided->outcome == ApprovalState::Expired && (!gate.deadline || *gate.deadline > at)) {
      fail(concat("mission ", mission.name.view(), ": a gate expired before its time"));
    }
  } else if (const auto* move = std::get_if<engine::MissionTransitioned>(&event)) {
    const bool waits = move->reason == model::Reason::ApprovalRequired;
    const bool busy =
        std::any_of(mission.tasks.begin(), mission.tasks.end(), [](const model::TaskStatus& task) {
          return engine::in_progress(task.run) || (task.undo && engine::in_progress(*task.undo));
        });
    if (waits && busy) {
      fail(concat("mission ", mission.name.view(), " is held for approval while it works"));
    }
  }
}

/// Only people decide, the owner only where the workflow says so, and of named people only they.
void Checkers::check_vote(const Folded& folded, const engine::GateVoted& vote) {
  const workflow::Gate& gate = *folded.workflow->tasks.at(vote.task).gate;
  const std::string& who = vote.voter.str();
  const bool owner = vote.voter == folded.mission.responsible() && !gate.owner_may_approve;
  const bool named = std::any_of(gate.users.begin(), gate.users.end(), [&](const auto& user) {
    return concat("user:", user) == who;
  });
  const bool anybody = gate.users.empty() && gate.groups.empty();
  // Nobody in this world belongs to a group.
  if (!who.starts_with("user:") || owner || (!named && !anybody)) {
    fail(concat(who, " decided about a gate of mission ", folded.mission.name.view()));
  }
}

/// Nothing is approved without enough different people who did.
void Checkers::check_outcome(const Folded& folded, const engine::GateDecided& decided) {
  const workflow::Gate& gate = *folded.workflow->tasks.at(decided.task).gate;
  std::set<std::string> approved;
  bool rejected = false;
  bool revised = false;
  for (const model::Vote& vote : folded.mission.tasks.at(decided.task).gate->votes) {
    if (vote.revision == decided.revision) {
      rejected = rejected || vote.decision == Decision::Reject;
      revised = revised || vote.decision == Decision::Revise;
      if (vote.decision == Decision::Approve) {
        approved.insert(vote.voter.str());
      }
    }
  }
  const bool all =
      !gate.unanimous || std::all_of(gate.users.begin(), gate.users.end(), [&](const auto& user) {
        return approved.contains(concat("user:", user));
      });
  const bool enough = approved.size() >= gate.approvals && all;
  const bool sound = (decided.outcome != ApprovalState::Granted || (enough && !revised)) &&
                     (decided.outcome != ApprovalState::Rejected || rejected) &&
                     (decided.outcome != ApprovalState::Revise || (revised && gate.revises));
  if (!sound) {
    fail(concat(
        "a gate of mission ",
        folded.mission.name.view(),
        " is ",
        to_string(decided.outcome),
        ", but ",
        approved.size(),
        " people approved"
    ));
  }
}

void Checkers::decision_acknowledged(
    const Principal& who, const engine::DecideGate& decision, const engine::Reply& reply
) {
  if (!who.view().starts_with("user:")) {
    fail(concat(who.view(), " was allowed to decide"));
  }
  decisions_.emplace(
      decision.mission.str(), decision.task.str(), reply.detail.get_int("revision"), who.str()
  );
  check_decisions();
}

/// What somebody was told to count is on record for ever.
void Checkers::check_decisions() {
  for (const auto& [mission, task, opening, who] : decisions_) {
    const auto found = missions_.find(mission);
    const auto index = found == missions_.end() ? std::nullopt : found->second.workflow->find(task);
    const Box<model::GateStatus>* gate =
        index ? &found->second.mission.tasks.at(*index).gate : nullptr;
    const bool there =
        gate != nullptr && *gate &&
        std::any_of((*gate)->votes.begin(), (*gate)->votes.end(), [&](const model::Vote& vote) {
          return vote.voter.view() == who && vote.revision == opening;
        });
    if (!there) {
      fail(concat("the decision of ", who, " about ", mission, "/", task, " is gone"));
    }
  }
}

}  // namespace reeve::sim
