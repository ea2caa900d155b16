#include "engine/gate_codec.h"

#include "engine/gate_machine.h"
#include "engine/row_json.h"

namespace reeve::engine {

namespace {

void write_votes(JsonWriter& json, const std::vector<model::Vote>& votes) {
  json.key("votes");
  json.begin_array();
  for (const model::Vote& vote : votes) {
    json.begin_object();
    json.member("voter", vote.voter.view());
    json.member("decision", to_string(vote.decision));
    write_text(json, "message", vote.message);
    json.member("rule", std::string_view(vote.rule));
    json.member("revision", static_cast<std::uint64_t>(vote.revision));
    write_time(json, "at", vote.at);
    json.end_object();
  }
  json.end_array();
}

Result<model::Vote> read_vote(const Json& from) {
  Members in(from);
  model::Vote vote;
  vote.voter = Principal(in.needed_text("voter"));
  vote.decision = in.word("decision", model::parse_decision);
  vote.message = in.text("message");
  vote.rule = in.needed_text("rule");
  vote.revision = in.count("revision");
  vote.at = in.time("at").value_or(Timestamp{});
  REEVE_CHECK(in.check());
  return vote;
}

}  // namespace

void write_gate(
    JsonWriter& json,
    const Principal& owner,
    const model::GateStatus& gate,
    const workflow::Task& def,
    RowForm form
) {
  json.key("gate");
  json.begin_object();
  json.member("state", to_string(gate.state));
  json.member("revision", static_cast<std::uint64_t>(gate.revision));
  write_count(json, "revised", gate.revised);
  write_text(json, "prompt", gate.prompt);
  write_values(json, "context", gate.context);
  write_time(json, "openedAt", gate.opened_at);
  write_time(json, "deadline", gate.deadline);
  write_time(json, "decidedAt", gate.decided_at);
  write_flag(json, "reminded", gate.reminded);
  write_count(json, "escalated", gate.escalated);
  write_votes(json, gate.votes);
  if (form == RowForm::Whole) {
    write_count(json, "changedRevision", gate.changed.value());
  }
  if (gate.open() && def.gate) {
    const Tally votes = tally(*def.gate, owner, gate);
    json.member("approvals", static_cast<std::uint64_t>(votes.approvals));
    json.member("approvalsNeeded", static_cast<std::uint64_t>(votes.needed));
    json.member("mayDecide", std::string_view(who_may(*def.gate, owner)));
    write_flag(json, "revisable", def.gate->revises.has_value());
  }
  json.end_object();
}

Result<model::GateStatus> read_gate(const Json& from) {
  Members in(from);
  model::GateStatus gate;
  gate.state = in.word("state", model::parse_approval_state);
  gate.revision = in.count("revision");
  if (gate.revision == 0) {
    in.fail("revision", "is missing");
  }
  gate.revised = in.count("revised");
  gate.prompt = in.text("prompt");
  gate.context = in.values("context");
  gate.opened_at = in.time("openedAt").value_or(Timestamp{});
  gate.deadline = in.time("deadline");
  gate.decided_at = in.time("decidedAt");
  gate.reminded = in.flag("reminded");
  gate.escalated = in.count("escalated");
  for (const Json& item : in.items("votes")) {
    REEVE_TRY(model::Vote vote, read_vote(item));
    gate.votes.push_back(std::move(vote));
  }
  gate.changed = in.revision("changedRevision");
  REEVE_CHECK(in.check());
  return gate;
}

}  // namespace reeve::engine
