#include "engine/gate_machine.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace reeve::engine {

namespace {

using model::ApprovalState;
using model::Decision;
using model::GateStatus;
using model::Vote;
using workflow::Gate;

// Rows: from; columns: to; both in the order of ApprovalState.
constexpr std::array<std::array<bool, model::kApprovalStates>, model::kApprovalStates> kLegal = {{
    // PENDING GRANTED REJECTED REVISE EXPIRED WITHDRAWN
    {false, true, true, true, true, true},      // PENDING
    {true, false, false, false, false, false},  // GRANTED
    {true, false, false, false, false, false},  // REJECTED
    {true, false, false, false, false, false},  // REVISE
    {true, false, false, false, false, false},  // EXPIRED
    {true, false, false, false, false, false},  // WITHDRAWN
}};

constexpr std::string_view kUserKind = "user:";
constexpr std::string_view kInboxKind = "inbox:";

std::string_view kind_of(const Principal& principal) {
  return principal.view().substr(0, principal.view().find(':'));
}

/// A workflow names people with or without their kind.
bool is_named(std::string_view name, const Principal& principal) {
  return name == principal.view() || concat(kUserKind, name) == principal.view();
}

bool is_named(const std::vector<std::string>& names, const Principal& principal) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return is_named(name, principal);
  });
}

/// A file of the inbox may have been put there by the person of its account or by a run of theirs:
/// either way it is not for that person to approve.
bool is_owner(const Principal& owner, const Principal& principal) {
  const bool from_inbox = owner.view().starts_with(kInboxKind);
  return principal == owner ||
         (from_inbox &&
          principal.view() == concat(kUserKind, owner.view().substr(kInboxKind.size())));
}

bool owner_is_barred(const Gate& gate, const Principal& owner, const Principal& principal) {
  return is_owner(owner, principal) && !gate.owner_may_approve;
}

/// The people who are named, each once, without an owner who may not decide.
std::vector<std::string> electorate(const Gate& gate, const Principal& owner) {
  std::vector<std::string> names;
  for (const std::string& user : gate.users) {
    const bool with_kind = user.starts_with(kUserKind);
    std::string name = with_kind ? user : concat(kUserKind, user);
    const bool known = std::find(names.begin(), names.end(), name) != names.end();
    if (!known && !owner_is_barred(gate, owner, Principal(name))) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

std::uint32_t count(const GateStatus& status, Decision decision) {
  return static_cast<std::uint32_t>(std::count_if(
      status.votes.begin(),
      status.votes.end(),
      [&](const Vote& vote) {
        return vote.revision == status.revision && vote.decision == decision;
      }
  ));
}

Error self_approval(std::string message, std::string hint) {
  Error error =
      make_error(ErrorCode::PermissionDenied, std::move(message), std::string(kRuleSelfApproval));
  error.hint = std::move(hint);
  return error;
}

}  // namespace

bool is_legal(ApprovalState from, ApprovalState to) {
  return kLegal.at(static_cast<std::size_t>(from)).at(static_cast<std::size_t>(to));
}

Result<std::string> allowed_by(const Gate& gate, const Principal& owner, const Voter& voter) {
  const std::string_view kind = kind_of(voter.principal);
  if (kind == "run" || kind == "agent") {
    return self_approval(
        concat(voter.principal.view(), " is no person: work does not approve work"),
        concat("ask ", who_may(gate, owner))
    );
  }
  if (owner_is_barred(gate, owner, voter.principal)) {
    return self_approval(
        concat(voter.principal.view(), " owns the mission and may not decide about it"),
        concat(
            "ask ",
            who_may(gate, owner),
            "; a workflow whose owner may decide says so in its gate (ownerMayApprove)"
        )
    );
  }
  if (kind == "user") {
    if (is_named(gate.users, voter.principal)) {
      return std::string("user");
    }
    for (const std::string& group : gate.groups) {
      if (std::find(voter.groups.begin(), voter.groups.end(), group) != voter.groups.end()) {
        return concat("group:", group);
      }
    }
    if (gate.users.empty() && gate.groups.empty()) {
      return std::string("anyone");
    }
  }
  Error error = make_error(
      ErrorCode::PermissionDenied,
      concat(voter.principal.view(), " may not decide about this gate"),
      voter.principal.str()
  );
  error.hint = concat("ask ", who_may(gate, owner));
  return error;
}

std::uint32_t approvals_needed(const Gate& gate) {
  const auto named = static_cast<std::uint32_t>(electorate(gate, Principal()).size());
  return std::max({gate.approvals, gate.unanimous ? named : 0U, 1U});
}

Tally tally(const Gate& gate, const Principal& owner, const GateStatus& status) {
  Tally result;
  result.approvals = count(status, Decision::Approve);
  result.needed = approvals_needed(gate);
  const std::uint32_t rejections = count(status, Decision::Reject);
  if (count(status, Decision::Revise) > 0) {
    result.outcome = ApprovalState::Revise;
    return result;
  }
  // Who is left to approve is only known when everybody who may is named.
  const bool closed = !gate.users.empty() && gate.groups.empty() && !gate.unanimous;
  const auto named = static_cast<std::uint32_t>(electorate(gate, owner).size());
  const bool impossible = closed && named < result.needed + rejections;
  if (rejections > 0 && (!closed || impossible)) {
    result.outcome = ApprovalState::Rejected;
    return result;
  }
  bool everybody = true;
  for (const std::string& user :
       gate.unanimous ? electorate(gate, owner) : std::vector<std::string>()) {
    const Vote* vote = vote_of(status, Principal(user));
    everybody = everybody && vote != nullptr && vote->decision == Decision::Approve;
  }
  if (everybody && result.approvals >= result.needed) {
    result.outcome = ApprovalState::Granted;
  }
  return result;
}

Result<void> check_electorate(const Gate& gate, const Principal& owner) {
  if (gate.users.empty() || (!gate.groups.empty() && !gate.unanimous)) {
    return {};
  }
  const auto named = static_cast<std::uint32_t>(electorate(gate, owner).size());
  const std::uint32_t needed = approvals_needed(gate);
  const bool all_named = electorate(gate, Principal()).size() == named;
  if (gate.unanimous ? all_named && (named >= needed || !gate.groups.empty()) : named >= needed) {
    return {};
  }
  Error error = make_error(
      ErrorCode::Invalid,
      concat(
          "the gate cannot be opened: it needs ",
          needed,
          needed == 1 ? " approval, but only " : " approvals, but only ",
          named,
          " of those who are named may approve",
          all_named ? "" : concat(" (", owner.view(), " owns the mission)")
      )
  );
  error.hint = "name more people, a group, or let the owner decide (ownerMayApprove)";
  return error;
}

std::string who_may(const Gate& gate, const Principal& owner) {
  if (gate.users.empty() && gate.groups.empty()) {
    return gate.owner_may_approve ? std::string("anybody") : concat("anybody but ", owner.view());
  }
  std::vector<std::string> names;
  for (const std::string& user : electorate(gate, owner)) {
    names.push_back(user.substr(kUserKind.size()));
  }
  for (const std::string& group : gate.groups) {
    names.push_back(concat("a member of ", group));
  }
  if (names.empty()) {
    return "nobody";
  }
  const std::string last = names.back();
  names.pop_back();
  return names.empty() ? last : concat(join(names, ", "), " or ", last);
}

Said said(const GateStatus& status, std::optional<Decision> decision) {
  Said result;
  for (const Vote& vote : status.votes) {
    if (vote.revision != status.revision || (decision && vote.decision != *decision)) {
      continue;
    }
    result.voters.push_back(vote.voter.str());
    if (!vote.message.empty()) {
      result.messages.push_back(vote.message);
    }
  }
  return result;
}

std::string describe_outcome(const Gate& gate, const GateStatus& status, ApprovalState outcome) {
  const auto by = [&](std::string_view what, Decision decision) {
    const Said people = said(status, decision);
    return concat(
        what,
        " by ",
        join(people.voters, " and "),
        people.messages.empty() ? "" : ": ",
        join(people.messages, "; ")
    );
  };
  switch (outcome) {
    case ApprovalState::Granted:
      return by("approved", Decision::Approve);
    case ApprovalState::Rejected:
      return by("rejected", Decision::Reject);
    case ApprovalState::Revise:
      return by("sent back", Decision::Revise);
    case ApprovalState::Expired:
      return concat("nobody decided within ", format_duration(gate.deadline.value_or(Duration(0))));
    case ApprovalState::Withdrawn:
      return "withdrawn: the mission stopped before anybody decided";
    case ApprovalState::Pending:
      return "open";
  }
  return {};
}

const Vote* vote_of(const GateStatus& status, const Principal& voter) {
  for (const Vote& vote : status.votes) {
    if (vote.revision == status.revision && vote.voter == voter) {
      return &vote;
    }
  }
  return nullptr;
}

std::optional<Timestamp> next_due(const Gate& gate, const GateStatus& status) {
  if (!status.open()) {
    return std::nullopt;
  }
  std::optional<Timestamp> due = status.deadline;
  const auto take = [&](Duration after) {
    const Timestamp at = status.opened_at + after;
    due = due ? std::min(*due, at) : at;
  };
  if (gate.remind_after && !status.reminded) {
    take(*gate.remind_after);
  }
  if (status.escalated < gate.escalations.size()) {
    take(gate.escalations[status.escalated].after);
  }
  return due;
}

namespace {

/// For each task, the tasks that needs and routes lead to from it (or, backward, that lead to it).
std::vector<std::vector<workflow::TaskIndex>> edges(
    const workflow::Workflow& workflow, bool backward
) {
  std::vector<std::vector<workflow::TaskIndex>> lists(workflow.tasks.size());
  const auto add = [&](workflow::TaskIndex from, workflow::TaskIndex to) {
    lists[backward ? to : from].push_back(backward ? from : to);
  };
  for (workflow::TaskIndex i = 0; i < workflow.tasks.size(); ++i) {
    for (const workflow::TaskIndex need : workflow.tasks[i].needs) {
      add(need, i);
    }
    for (const workflow::Route& route : workflow.tasks[i].routes) {
      if (const auto* target = std::get_if<workflow::TaskIndex>(&route.target)) {
        add(i, *target);
      }
    }
  }
  return lists;
}

std::vector<bool> reachable(
    const std::vector<std::vector<workflow::TaskIndex>>& lists, workflow::TaskIndex from
) {
  std::vector<bool> seen(lists.size());
  std::vector<workflow::TaskIndex> open = {from};
  seen[from] = true;
  while (!open.empty()) {
    const workflow::TaskIndex at = open.back();
    open.pop_back();
    for (const workflow::TaskIndex next : lists[at]) {
      if (!seen[next]) {
        seen[next] = true;
        open.push_back(next);
      }
    }
  }
  return seen;
}

}  // namespace

std::vector<bool> between(
    const workflow::Workflow& workflow, workflow::TaskIndex first, workflow::TaskIndex gate
) {
  std::vector<bool> result = reachable(edges(workflow, false), first);
  const std::vector<bool> leads = reachable(edges(workflow, true), gate);
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = result[i] && leads[i];
  }
  result[first] = true;
  return result;
}

namespace {

std::optional<std::string> broken_vote_rule(
    const model::Mission& mission, const Gate& gate, const GateStatus& status
) {
  for (const Vote& vote : status.votes) {
    const auto again = std::count_if(status.votes.begin(), status.votes.end(), [&](const Vote& v) {
      return v.voter == vote.voter && v.revision == vote.revision;
    });
    if (again != 1) {
      return concat(vote.voter.view(), " voted ", again, " times");
    }
    if (vote.rule.empty() || kind_of(vote.voter) != "user" ||
        owner_is_barred(gate, mission.responsible(), vote.voter)) {
      return concat("the vote of ", vote.voter.view(), " was not allowed");
    }
    if (vote.revision == 0 || vote.revision > status.revision) {
      return "a vote is about an opening that never was";
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> broken_gate_rule(
    const model::Mission& mission, const workflow::Task& def, const model::TaskStatus& task
) {
  const GateStatus& status = *task.gate;
  if (!def.gate || status.revision == 0) {
    return "there was never such a gate";
  }
  if (auto broken = broken_vote_rule(mission, *def.gate, status)) {
    return broken;
  }
  if (status.escalated > def.gate->escalations.size()) {
    return "it was escalated more often than the workflow says";
  }
  const ApprovalState votes = tally(*def.gate, mission.responsible(), status).outcome;
  switch (status.state) {
    case ApprovalState::Pending:
      if (task.state != model::TaskState::Waiting || task.reached || task.kept) {
        return concat("the gate is open, but its task is ", to_string(task.state));
      }
      if (votes != ApprovalState::Pending) {
        return concat("the gate is open, but its votes say ", to_string(votes));
      }
      break;
    case ApprovalState::Granted:
    case ApprovalState::Rejected:
    case ApprovalState::Revise:
      if (votes != status.state) {
        return concat(
            "the gate is ", to_string(status.state), ", but its votes say ", to_string(votes)
        );
      }
      break;
    case ApprovalState::Expired:
    case ApprovalState::Withdrawn:
      if (votes != ApprovalState::Pending) {
        return concat(
            "the gate is ", to_string(status.state), ", but its votes say ", to_string(votes)
        );
      }
      break;
  }
  const bool approved = task.state == model::TaskState::Complete && task.exit_code == kExitApproved;
  if (approved && status.state != ApprovalState::Granted) {
    return concat("the task is approved, but the gate is ", to_string(status.state));
  }
  return std::nullopt;
}

}  // namespace reeve::engine
