#include "base/json.h"
#include "base/strings.h"
#include "engine/gate_machine.h"
#include "engine/mission_turn.h"

/// What people decide about gates, and why they may not.
namespace reeve::engine {

using model::ApprovalState;
using model::Decision;
using model::GateStatus;
using model::TaskStatus;
using model::Vote;

Json to_json(const GateReply& reply) {
  Json json = Json::object();
  json.set("task", reply.task.str());
  json.set("revision", static_cast<std::int64_t>(reply.revision));
  json.set("decision", to_string(reply.decision));
  json.set("counted", reply.counted);
  json.set("state", to_string(reply.state));
  json.set("approvals", static_cast<std::int64_t>(reply.approvals));
  json.set("approvalsNeeded", static_cast<std::int64_t>(reply.needed));
  return json;
}

Result<GateReply> MissionTurn::decide_gate(const DecideGate& command) {
  REEVE_TRY(const TaskIndex index, gate_named(command.task));
  const workflow::Gate& def = *task_def(index).gate;
  const Voter voter{.principal = scope_.actor, .groups = scope_.groups};
  if (!m_.tasks[index].gate_open()) {
    return not_open(index);
  }
  const GateStatus& gate = *m_.tasks[index].gate;
  if (gate.deadline && *gate.deadline <= scope_.now) {
    return make_error(
        ErrorCode::IllegalTransition,
        concat(
            "gate \"",
            task_def(index).name.view(),
            "\" expired at ",
            format_timestamp(*gate.deadline)
        ),
        "state"
    );
  }
  REEVE_TRY(std::string rule, allowed_by(def, m_.responsible(), voter));
  GateReply reply{.task = task_def(index).name, .revision = gate.revision};
  if (const Vote* vote = vote_of(gate, voter.principal)) {
    reply.decision = vote->decision;
    reply.counted = false;
  } else {
    REEVE_CHECK(check_decision(index, command));
    reply.decision = command.decision;
    emit(GateVoted{
        .task = index,
        .revision = gate.revision,
        .voter = voter.principal,
        .decision = command.decision,
        .message = command.message,
        .rule = std::move(rule)});
  }
  const Tally votes = tally(def, m_.responsible(), gate);
  reply.state = votes.outcome;
  reply.approvals = votes.approvals;
  reply.needed = votes.needed;
  if (votes.outcome != ApprovalState::Pending) {
    close_gate(index, votes.outcome);
  } else if (reply.counted && m_.approval_since) {
    emit(HoldRaised{.hold = approval_hold(index)});
  }
  advance();
  return reply;
}

/// Whether the decision can be taken at all, whoever takes it.
Result<void> MissionTurn::check_decision(TaskIndex index, const DecideGate& command) const {
  const workflow::Gate& def = *task_def(index).gate;
  const GateStatus& gate = *m_.tasks[index].gate;
  const std::string& name = task_def(index).name.str();
  const std::string_view verb = to_string(command.decision);
  if (command.decision != Decision::Approve && trim(command.message).empty()) {
    Error error = make_error(
        ErrorCode::Invalid,
        concat(
            "a gate is not ",
            command.decision == Decision::Reject ? "rejected" : "sent back",
            " without a reason"
        ),
        "message"
    );
    error.hint =
        concat("reeve ", verb, " ", model::plain(m_.name), "/", name, " -m 'what is wrong'");
    return error;
  }
  if (command.message.size() > model::kVoteMessageBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the message is longer than ", model::kVoteMessageBytesMax, " bytes"),
        "message"
    );
  }
  if (!is_utf8(command.message) || command.message.find('\0') != std::string::npos) {
    return make_error(ErrorCode::Invalid, "the message is not UTF-8 text", "message");
  }
  if (gate.votes.size() >= model::kGateVotesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("gate ", name, " has had ", gate.votes.size(), " votes, which is the limit"),
        name
    );
  }
  if (command.decision != Decision::Revise) {
    return {};
  }
  if (!def.revises) {
    Error error = make_error(
        ErrorCode::Invalid, concat("gate ", name, " names no task that could be revised"), name
    );
    error.hint = "approve or reject it; a gate with `revises` can send that task back";
    return error;
  }
  if (gate.revised >= def.revisions_max) {
    Error error = make_error(
        ErrorCode::LimitExceeded,
        concat("gate ", name, " has been sent back ", gate.revised, " times, which is its limit"),
        name
    );
    error.hint = "approve or reject it";
    return error;
  }
  return {};
}

/// The gate that is meant: by name, or the only open one.
Result<TaskIndex> MissionTurn::gate_named(const TaskName& name) const {
  if (!name.empty()) {
    const std::optional<TaskIndex> index = plan_->workflow->find(name.view());
    if (index && task_def(*index).gate) {
      return *index;
    }
    Error error = make_error(
        index ? ErrorCode::Invalid : ErrorCode::NotFound,
        concat(
            "task \"",
            name.view(),
            "\" of mission \"",
            model::plain(m_.name),
            index ? "\" is no gate" : "\" does not exist"
        ),
        "task"
    );
    error.hint = concat("reeve status ", model::plain(m_.name), " shows its gates");
    return error;
  }
  std::vector<std::string> open;
  std::optional<TaskIndex> last;
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    const TaskStatus& task = m_.tasks[i];
    if (task.gate_open()) {
      open.push_back(concat(model::plain(m_.name), "/", task_def(i).name.view()));
    }
    const auto decided = [&](TaskIndex of) {
      return m_.tasks[of].gate->decided_at;
    };
    const bool later =
        task.gate && (!last || task.gate_open() ||
                      (!m_.tasks[*last].gate_open() && decided(*last) <= decided(i)));
    last = later ? i : last;
  }
  if (open.size() > 1) {
    Error error = make_error(
        ErrorCode::Invalid,
        concat("mission \"", model::plain(m_.name), "\" has ", open.size(), " open gates"),
        "task"
    );
    error.hint = concat("say which: ", join(open, ", "));
    return error;
  }
  if (!last) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat(
            "mission \"", model::plain(m_.name), "\" has no open gate; it is ", to_string(m_.state)
        ),
        "state"
    );
    error.hint = "reeve approvals lists what waits for a decision";
    return error;
  }
  return *last;
}

/// Why nothing can be decided about a gate now: who decided what and when, or that it was not its
/// turn yet.
Error MissionTurn::not_open(TaskIndex index) const {
  const TaskStatus& task = m_.tasks[index];
  const std::string name = concat("gate \"", task_def(index).name.view(), "\"");
  if (!task.gate) {
    return make_error(
        ErrorCode::IllegalTransition,
        concat(
            name,
            is_terminal(m_.state)
                ? concat(" was never opened; the mission is ", to_string(m_.state))
                : std::string(" is not open yet")
        ),
        "state"
    );
  }
  const GateStatus& gate = *task.gate;
  Error error = make_error(
      ErrorCode::IllegalTransition,
      concat(
          name,
          " is closed: ",
          describe_outcome(*task_def(index).gate, gate, gate.state),
          gate.decided_at ? concat(" at ", format_timestamp(*gate.decided_at)) : ""
      ),
      "state"
  );
  if (is_terminal(m_.state)) {
    error.message += concat("; the mission is ", to_string(m_.state));
  }
  return error;
}

}  // namespace reeve::engine
