#include "engine/tool_call.h"

#include <array>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/row_json.h"

namespace reeve::engine {

namespace {

using S = ToolCallState;

constexpr std::array<std::string_view, kToolCallStates> kNames = {
    "PENDING",
    "APPROVED",
    "REJECTED",
    "EXPIRED",
    "EXECUTING",
    "COMPLETED",
    "FAILED",
    "ROLLED_BACK",
    "UNKNOWN"};

constexpr std::array kMoves = {
    std::pair{S::Pending, S::Approved},
    std::pair{S::Pending, S::Rejected},
    std::pair{S::Pending, S::Expired},
    std::pair{S::Approved, S::Executing},
    std::pair{S::Approved, S::Expired},
    std::pair{S::Approved, S::Failed},
    std::pair{S::Executing, S::Completed},
    std::pair{S::Executing, S::Failed},
    std::pair{S::Executing, S::Unknown},
    std::pair{S::Completed, S::RolledBack}};

constexpr std::uint64_t kNumberMax = INT64_MAX;

void set_text(Json& json, std::string_view name, std::string_view text) {
  if (!text.empty()) {
    json.set(std::string(name), text);
  }
}

void set_time(Json& json, std::string_view name, const std::optional<Timestamp>& at) {
  if (at) {
    json.set(std::string(name), format_timestamp(*at));
  }
}

void set_value(Json& json, std::string_view name, const Json& value) {
  if (!value.is_null()) {
    json.set(std::string(name), value);
  }
}

Json decision_json(const ToolDecision& decision) {
  Json json = Json::object();
  json.set("decision", decision.decision).set("by", decision.by.str());
  json.set("at", format_timestamp(decision.at));
  set_text(json, "message", decision.message);
  return json;
}

Json value_of(const Json& json, std::string_view name) {
  const Json* found = json.find(name);
  return found == nullptr ? Json() : *found;
}

Json status_json(const ToolCall& call) {
  Json status = Json::object();
  status.set("state", to_string(call.state)).set("sequence", call.sequence);
  if (call.tainted) {
    status.set("tainted", true);
  }
  if (!call.decision.decision.empty()) {
    status.set("approval", decision_json(call.decision));
  }
  set_value(status, "editedArguments", call.edited);
  status.set("approvedHash", call.approved_hash.str());
  set_time(status, "due", call.due);
  set_time(status, "startedAt", call.started_at);
  set_time(status, "endedAt", call.ended_at);
  set_value(status, "result", call.result);
  set_text(status, "message", call.message);
  set_value(status, "undo", call.undo);
  if (call.rollbacks > 0) {
    status.set("rollbacks", static_cast<std::int64_t>(call.rollbacks));
  }
  set_text(status, "rolledBackBy", call.rolled_back_by);
  status.set("created", call.created.value()).set("revision", call.revision.value());
  status.set("ended", call.ended.value()).set("spiral", call.spiral.value());
  return status;
}

void read_status(const Json& json, ToolCall& call, Members& status) {
  call.state = status.word("state", parse_tool_call_state);
  call.sequence = status.number("sequence", kNumberMax);
  call.tainted = status.flag("tainted");
  if (status.has("approval")) {
    Members decision(status.object("approval"));
    call.decision.decision = decision.needed_text("decision");
    call.decision.by = Principal(decision.needed_text("by"));
    call.decision.at = decision.time("at").value_or(Timestamp());
    call.decision.message = decision.text("message");
  }
  call.edited = value_of(json, "editedArguments");
  call.approved_hash = Digest(status.needed_text("approvedHash"));
  call.due = status.time("due");
  call.started_at = status.time("startedAt");
  call.ended_at = status.time("endedAt");
  call.result = value_of(json, "result");
  call.message = status.text("message");
  call.undo = value_of(json, "undo");
  call.rollbacks = status.count("rollbacks");
  call.rolled_back_by = status.text("rolledBackBy");
  call.created = status.revision("created");
  call.revision = status.revision("revision");
  call.ended = status.revision("ended");
  call.spiral = status.revision("spiral");
}

}  // namespace

std::string_view to_string(ToolCallState state) {
  return kNames[static_cast<std::size_t>(state)];
}

Result<ToolCallState> parse_tool_call_state(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == text) {
      return static_cast<ToolCallState>(i);
    }
  }
  return make_error(
      ErrorCode::Invalid, concat("\"", text, "\" is no state of a tool call"), "state"
  );
}

bool may_move(ToolCallState from, ToolCallState to) {
  for (const auto& [a, b] : kMoves) {
    if (a == from && b == to) {
      return true;
    }
  }
  return false;
}

bool may_begin_as(ToolCallState state) {
  return is_open(state) || state == S::Rejected;
}

bool is_open(ToolCallState state) {
  return state == S::Pending || state == S::Approved || state == S::Executing;
}

bool counts_as_failure(const ToolCall& call) {
  return call.state == S::Failed || call.state == S::Unknown ||
         (call.state == S::Rejected && call.decision.decision.empty());
}

std::string asker_of(const ToolCall& call) {
  return call.run.empty() ? call.caller.str() : call.run.substr(0, call.run.rfind('.'));
}

Result<void> read_spec(ToolCall& call) {
  Fields fields(call.spec, "a tool call");
  call.server = fields.required_text("server");
  call.tool = fields.required_text("tool");
  call.arguments_hash = Digest(fields.required_text("argumentsHash"));
  call.mission = fields.text("mission");
  call.run = fields.text("run");
  call.caller = Principal(fields.required_text("caller"));
  call.compensates = fields.text("compensates");
  call.untrusted = fields.flag("untrusted");
  call.redact = fields.text_list("redact");
  fields.skip("arguments");
  for (const std::string_view name :
       {"requiresApproval", "approvalWhenTainted", "ownerMayApprove", "reversible"}) {
    (void)fields.flag(name);
  }
  for (const std::string_view name : {"agent", "task", "risk", "approvalTimeout", "reason"}) {
    (void)fields.text(name);
  }
  for (const auto& [name, value] : fields.texts("correlation")) {
    if (name == "idempotencyKey") {
      call.idempotency_key = value;
    }
  }
  REEVE_CHECK(fields.finish());
  if (call.mission.empty() != call.run.empty()) {
    return make_error(ErrorCode::Invalid, "a run has a mission, and only a run has", "mission");
  }
  return {};
}

Json to_row(const std::string& name, const Namespace& ns, const ToolCall& call) {
  Json metadata = Json::object();
  metadata.set("name", name).set("namespace", ns.str()).set("uid", call.uid.str());
  metadata.set("creationTimestamp", format_timestamp(call.created_at));
  Json row = Json::object();
  row.set("apiVersion", "reeve.dev/v1").set("kind", "ToolCall");
  row.set("metadata", std::move(metadata)).set("spec", call.spec);
  row.set("status", status_json(call));
  return row;
}

Result<ToolCall> tool_call_from_row(std::string_view name, const Namespace& ns, const Json& row) {
  Members whole(row);
  Members metadata(whole.object("metadata"));
  ToolCall call;
  call.spec = whole.object("spec");
  call.uid = Uid(metadata.needed_text("uid"));
  call.created_at = metadata.time("creationTimestamp").value_or(Timestamp());
  const Json& status_object = whole.object("status");
  Members status(status_object);
  read_status(status_object, call, status);
  for (const Members* part : {&whole, &metadata, &status}) {
    REEVE_CHECK(part->check());
  }
  if (metadata.text("name") != name || metadata.text("namespace") != ns.view()) {
    return corrupt_row(concat("it is the row of another object than ", name));
  }
  if (Result<void> read = read_spec(call); !read) {
    return corrupt_row(read.error().describe());
  }
  return call;
}

}  // namespace reeve::engine
