#include <algorithm>
#include <utility>
#include <vector>

#include "base/canonical.h"
#include "base/fields.h"
#include "base/strings.h"
#include "engine/mission_names.h"
#include "engine/tool_call_book.h"
#include "engine/tool_call_events.h"
#include "engine/tool_call_rules.h"
#include "model/approval.h"
#include "model/scoped_name.h"

/// What is done with tool calls, and who may do it.
namespace reeve::engine {

using journal::ObjectKey;

namespace {

using State = ToolCallState;

constexpr std::string_view kDueTimer = "due";
constexpr std::string_view kEscalateTimer = "escalate";
constexpr Duration kApprovalTimeoutMin{1000};
/// What the gateway writes for values that may not be shown, or are too long for that.
constexpr std::string_view kRedactedMark = "[redacted]";
constexpr std::string_view kCutMark = " [cut, ";
constexpr std::string_view kCutMarkEnd = " bytes]";

Error not_there(const ObjectKey& key) {
  return make_error(
      ErrorCode::NotFound, concat("there is no tool call \"", key.name, "\""), key.name
  );
}

Error wrong_state(const ObjectKey& key, const ToolCall& call, std::string_view what) {
  Error error = make_error(
      ErrorCode::IllegalTransition,
      concat("tool call \"", key.name, "\" is ", to_string(call.state), " and ", what),
      "state"
  );
  if (!call.decision.decision.empty()) {
    error.hint = concat(
        call.decision.by.view(),
        " decided: ",
        call.decision.decision,
        " at ",
        format_timestamp(call.decision.at)
    );
  }
  return error;
}

Result<void> check_size(std::size_t bytes, std::size_t max, std::string_view what) {
  if (bytes <= max) {
    return {};
  }
  return make_error(
      ErrorCode::LimitExceeded,
      concat("takes ", bytes, " bytes, at most ", max, " are allowed"),
      std::string(what)
  );
}

Result<void> check_actor(const BookTurn& turn) {
  if (turn.actor().view() == kToolsActor) {
    return {};
  }
  return make_error(
      ErrorCode::PermissionDenied,
      "calls are recorded and carried out by the tool gateway alone",
      turn.actor().str()
  );
}

Result<Duration> approval_timeout(const Json& spec) {
  const std::string written = spec.get_string("approvalTimeout");
  if (written.empty()) {
    return kToolApprovalTimeout;
  }
  REEVE_TRY(const Duration timeout, parse_duration(written));
  if (timeout < kApprovalTimeoutMin || timeout > kToolApprovalTimeoutMax) {
    return make_error(ErrorCode::Invalid, "must be between 1s and 168h", "approvalTimeout");
  }
  return timeout;
}

/// Decisions are for people who are not themselves behind the call.
Result<void> check_decider(const ObjectKey& key, const ToolCall& call, BookTurn& turn) {
  const std::string_view actor = turn.actor().view();
  Error error = make_error(ErrorCode::PermissionDenied, "", turn.actor().str());
  if (!actor.starts_with("user:")) {
    error.message = concat(actor, " is no person: work does not approve work");
    error.hint = "ask a person";
    return error;
  }
  if (call.spec.get_bool("ownerMayApprove")) {
    return {};
  }
  bool own = turn.actor() == call.caller;
  if (!call.mission.empty()) {
    REEVE_TRY(const model::Mission* mission, live_mission(key.ns, call.mission, turn));
    own = own || mission->responsible() == turn.actor();
  }
  if (own) {
    error.message = concat(actor, " is behind this call and may not decide about it");
    error.hint =
        "ask somebody else; a tool whose owner may decide says so in its policy (ownerMayApprove)";
    return error;
  }
  return {};
}

Result<void> check_message(std::string_view message) {
  REEVE_CHECK(check_size(message.size(), model::kVoteMessageBytesMax, "message"));
  if (!is_utf8(message) || message.find('\0') != std::string_view::npos) {
    return make_error(ErrorCode::Invalid, "the message is not UTF-8 text", "message");
  }
  return {};
}

/// Whether the text, or one within, is what stands for a value that is not shown.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows
bool has_marks(const Json& json) {
  if (json.is_string()) {
    const std::string& text = json.as_string();
    const std::size_t cut = text.rfind(kCutMark);
    return text.find(kRedactedMark) != std::string::npos ||
           (cut != std::string::npos && text.ends_with(kCutMarkEnd));
  }
  if (json.is_array()) {
    return std::any_of(json.as_array().begin(), json.as_array().end(), has_marks);
  }
  return json.is_object() &&
         std::any_of(json.as_object().begin(), json.as_object().end(), [](const auto& member) {
           return has_marks(member.second);
         });
}

/// What policy keeps out of the record cannot be written by a person either, and what stands for a
/// value is no value: it would be carried out as it is.
Result<void> check_edit(const ToolCall& call, const Json& edited) {
  REEVE_CHECK(check_size(edited.dump().size(), kToolArgumentsBytesMax, "arguments"));
  Error error = make_error(ErrorCode::Invalid, "", "arguments");
  error.hint = "approve the call as it is, or reject it and say what you want instead";
  for (const std::string& name : call.redact) {
    if (edited.find(name) != nullptr) {
      error.message = concat("\"", name, "\" is kept out of the record: it cannot be edited");
      return error;
    }
  }
  if (has_marks(edited)) {
    error.message = "a value is one that is shown in place of another, redacted or cut";
    return error;
  }
  return {};
}

/// For whoever is told that a call waits, or has waited for too long.
Json about_waiting(const ToolCall& call) {
  Json data = Json::object();
  data.set("state", to_string(call.state)).set("tool", call.tool);
  for (const char* name : {"mission", "task", "agent", "risk"}) {
    if (const std::string text = call.spec.get_string(name); !text.empty()) {
      data.set(name, text);
    }
  }
  if (call.due) {
    data.set("due", format_timestamp(*call.due));
  }
  return data;
}

Json recorded_data(const ToolCall& call, State state) {
  Json data = Json::object();
  data.set("spec", call.spec).set("state", to_string(state)).set("sequence", call.sequence);
  if (call.tainted) {
    data.set("tainted", true);
  }
  return data;
}

}  // namespace

Result<ToolCall*> ToolCallBook::call_named(const ObjectKey& key) {
  const auto found = objects_.find(key);
  if (found == objects_.end() || found->second.deleted) {
    return not_there(key);
  }
  return &found->second;
}

Reply ToolCallBook::reply_about(const ObjectKey& key, const BookTurn& turn) const {
  const ToolCall& call = objects_.at(key);
  Json detail = Json::object();
  detail.set("state", to_string(call.state)).set("sequence", call.sequence);
  detail.set("tainted", call.tainted);
  return turn.reply(key, std::move(detail));
}

Result<Reply> ToolCallBook::turn(const ObjectCommand& command, BookTurn& turn) {
  const std::string& verb = command.verb;
  if (verb == "approve" || verb == "reject") {
    return decide(command, turn);
  }
  if (verb == "rollback") {
    return roll_back(command, turn);
  }
  if (verb == "delete") {
    REEVE_TRY(const ToolCall* call, call_named(command.object));
    const bool waits = call->state == State::Pending;
    turn.set_timer(command.object, std::string(kDueTimer), std::nullopt);
    REEVE_CHECK(turn.emit(command.object, kCallForgotten, Json::object()));
    if (waits) {
      tell_run(command.object, model::Reason::ApprovalExpired, turn);
    }
    return turn.reply(command.object);
  }
  REEVE_CHECK(check_actor(turn));
  if (verb == "record") {
    return record(command, turn);
  }
  if (verb == "begin") {
    return begin(command, turn);
  }
  if (verb == "finish") {
    return finish(command, turn);
  }
  return make_error(ErrorCode::Invalid, concat("a tool call does not know \"", verb, "\""), "verb");
}

// --- recording ----------------------------------------------------------------------------------

/// What is known of a call that was sent before.
Result<Reply> ToolCallBook::repeated(const ObjectKey& before, const ToolCall& call, BookTurn& turn)
    const {
  const ToolCall& first = objects_.at(before);
  if (first.server != call.server || first.tool != call.tool ||
      first.arguments_hash != call.arguments_hash) {
    return make_error(
        ErrorCode::Conflict,
        concat("the idempotency key belongs to another call, ", before.name),
        "idempotencyKey"
    );
  }
  Reply reply = reply_about(before, turn);
  reply.detail.set("name", before.name).set("message", first.message);
  reply.detail.set("result", first.result);
  return reply;
}

Result<Reply> ToolCallBook::record(const ObjectCommand& command, BookTurn& turn) {
  const ObjectKey& key = command.object;
  if (objects_.contains(key)) {
    return make_error(ErrorCode::AlreadyExists, "a tool call has this name", key.name);
  }
  Fields fields(command.body, "record");
  const Json* spec = fields.object("spec");
  const bool at_once = fields.flag("begin");
  const std::string refused = fields.text("refused");
  REEVE_CHECK(fields.finish());
  if (spec == nullptr) {
    return make_error(ErrorCode::Invalid, "is missing", "spec");
  }
  const std::size_t bytes = spec->dump().size();
  REEVE_CHECK(check_size(bytes, kToolArgumentsBytesMax, "arguments"));
  REEVE_CHECK(check_size(refused.size(), kToolMessageBytesMax, "refused"));
  ToolCall call;
  call.spec = *spec;
  REEVE_CHECK(read_spec(call));
  if (const auto before = by_key_.find({key.ns, asker_of(call), call.idempotency_key});
      before != by_key_.end()) {
    return repeated(before->second, call, turn);
  }
  REEVE_TRY(const Duration timeout, approval_timeout(*spec));
  REEVE_CHECK(check_mission(key.ns, call.mission, turn));
  const Group group = group_of(key.ns, call);
  REEVE_CHECK(check_run(group));
  REEVE_TRY(const std::vector<ObjectKey> old, room_for(key.ns, bytes, turn));
  if (const auto known = groups_.find(group); known != groups_.end()) {
    call.sequence = known->second.by_sequence.rbegin()->first;
  }
  ++call.sequence;
  call.tainted = is_tainted(key.ns, call, turn);
  const bool asks =
      spec->get_bool("requiresApproval") || (call.tainted && spec->get_bool("approvalWhenTainted"));
  const State state = !refused.empty() ? State::Rejected
                      : asks           ? State::Pending
                      : at_once        ? State::Executing
                                       : State::Approved;
  Json data = recorded_data(call, state);
  if (!refused.empty()) {
    data.set("message", refused);
  }
  if (state == State::Pending || state == State::Approved) {
    const Timestamp due = turn.now() + (asks ? timeout : kToolApprovedFor);
    data.set("due", format_timestamp(due));
    turn.set_timer(key, std::string(kDueTimer), due);
  }
  if (state == State::Pending) {
    turn.set_timer(key, std::string(kEscalateTimer), turn.now() + timeout / 2);
  }
  REEVE_CHECK(turn.emit_first(key, kCallRecorded, data));
  for (const ObjectKey& each : old) {
    const Result<void> gone = turn.emit(each, kCallForgotten, Json::object());
    REEVE_ASSERT(gone.ok());
  }
  if (state == State::Rejected) {
    guard(key, turn);
  } else if (state == State::Pending) {
    tell_run(key, model::Reason::ApprovalRequired, turn);
  }
  return reply_about(key, turn);
}

// --- decisions ----------------------------------------------------------------------------------

Result<Reply> ToolCallBook::decide(const ObjectCommand& command, BookTurn& turn) {
  const ObjectKey& key = command.object;
  Fields fields(command.body, command.verb);
  const bool approve = command.verb == "approve";
  const std::string message = fields.text("message");
  const Json* edited = approve ? fields.object("arguments") : nullptr;
  REEVE_CHECK(fields.finish());
  REEVE_TRY(const ToolCall* call, call_named(key));
  if (call->state != State::Pending) {
    return wrong_state(key, *call, "waits for no decision");
  }
  if (call->due && *call->due <= turn.now()) {
    return make_error(
        ErrorCode::IllegalTransition,
        concat("tool call \"", key.name, "\" expired at ", format_timestamp(*call->due)),
        "state"
    );
  }
  REEVE_CHECK(check_decider(key, *call, turn));
  REEVE_CHECK(check_message(message));
  if (!approve && trim(message).empty()) {
    return make_error(ErrorCode::Invalid, "a call is not rejected without a reason", "message");
  }
  Json data = Json::object();
  data.set("decision", command.verb);
  if (!message.empty()) {
    data.set("message", message);
  }
  if (edited != nullptr) {
    REEVE_CHECK(check_edit(*call, *edited));
    data.set("arguments", *edited).set("argumentsHash", canonical_digest(*edited).str());
  }
  std::optional<Timestamp> due;
  if (approve) {
    due = turn.now() + kToolApprovedFor;
    data.set("due", format_timestamp(*due));
  }
  REEVE_CHECK(turn.emit(key, kCallDecided, data));
  turn.set_timer(key, std::string(kDueTimer), due);
  turn.set_timer(key, std::string(kEscalateTimer), std::nullopt);
  tell_run(key, approve ? model::Reason::ApprovalGranted : model::Reason::ApprovalRejected, turn);
  return reply_about(key, turn);
}

// --- carrying out -------------------------------------------------------------------------------

Result<Reply> ToolCallBook::begin(const ObjectCommand& command, BookTurn& turn) {
  const ObjectKey& key = command.object;
  Fields fields(command.body, "begin");
  const Digest hash(fields.required_text("argumentsHash"));
  REEVE_CHECK(fields.finish());
  REEVE_TRY(const ToolCall* call, call_named(key));
  if (call->state != State::Approved) {
    return wrong_state(key, *call, "cannot be carried out");
  }
  if (hash != call->approved_hash) {
    return make_error(
        ErrorCode::Conflict, "these are not the arguments that were approved", "argumentsHash"
    );
  }
  if (call->compensates.empty()) {
    REEVE_CHECK(check_mission(key.ns, call->mission, turn));
  }
  REEVE_CHECK(turn.emit(key, kCallBegun, Json::object()));
  turn.set_timer(key, std::string(kDueTimer), std::nullopt);
  return reply_about(key, turn);
}

Result<Reply> ToolCallBook::finish(const ObjectCommand& command, BookTurn& turn) {
  const ObjectKey& key = command.object;
  Fields fields(command.body, "finish");
  const std::string outcome = fields.required_text("outcome");
  const Json* result = fields.object("result");
  const Json* undo = fields.object("undo");
  const std::string message = fields.text("message");
  REEVE_CHECK(fields.finish());
  if (outcome != "completed" && outcome != "failed" && outcome != "unknown") {
    return make_error(ErrorCode::Invalid, "must be completed, failed or unknown", "outcome");
  }
  const State state = outcome == "completed" ? State::Completed
                      : outcome == "failed"  ? State::Failed
                                             : State::Unknown;
  REEVE_TRY(const ToolCall* call, call_named(key));
  if (!may_move(call->state, state)) {
    return wrong_state(key, *call, "is not being carried out");
  }
  REEVE_CHECK(check_size(message.size(), kToolMessageBytesMax, "message"));
  Json data = Json::object();
  data.set("state", to_string(state));
  if (result != nullptr) {
    REEVE_CHECK(check_size(result->dump().size(), kToolResultBytesMax, "result"));
    data.set("result", *result);
  }
  if (undo != nullptr && state == State::Completed) {
    REEVE_CHECK(check_size(undo->dump().size(), kToolUndoBytesMax, "undo"));
    data.set("undo", *undo);
  }
  if (!message.empty()) {
    data.set("message", message);
  }
  const std::string compensates = call->compensates;
  REEVE_CHECK(turn.emit(key, kCallFinished, data));
  turn.set_timer(key, std::string(kDueTimer), std::nullopt);
  if (state != State::Completed) {
    guard(key, turn);
  } else if (!compensates.empty()) {
    compensated(key, turn);
  }
  return reply_about(key, turn);
}

/// What the call was made to undo is undone.
void ToolCallBook::compensated(const ObjectKey& key, BookTurn& turn) {
  ObjectKey original = key;
  original.name = objects_.at(key).compensates;
  const auto found = objects_.find(original);
  if (found == objects_.end() || found->second.deleted ||
      !may_move(found->second.state, State::RolledBack)) {
    return;
  }
  const Result<void> done =
      turn.emit(original, kCallRolledBack, Json::object().set("by", key.name));
  REEVE_ASSERT(done.ok());
}

namespace {

/// Whether the call can be undone, and `turn` is by somebody who may ask for it.
Result<void> check_undoable(const ObjectKey& key, const ToolCall& call, const BookTurn& turn) {
  if (!turn.actor().view().starts_with("user:")) {
    return make_error(
        ErrorCode::PermissionDenied, "calls are rolled back by people", turn.actor().str()
    );
  }
  if (call.state != State::Completed) {
    return wrong_state(key, call, "has nothing to roll back");
  }
  if (call.undo.is_null()) {
    Error error = make_error(
        ErrorCode::IllegalTransition,
        concat("tool \"", call.tool, "\" is not reversible, or kept nothing to go back to"),
        "state"
    );
    error.hint = "undo it by hand";
    return error;
  }
  return {};
}

/// What is called to undo another call, on behalf of whoever wants that.
Json undoing_spec(
    const std::string& name, const ToolCall& call, const Principal& who, const std::string& reason
) {
  const Json* given = call.undo.find("arguments");
  Json arguments = given == nullptr ? Json::object() : *given;
  Json spec = Json::object();
  spec.set("server", call.undo.get_string("server", call.server));
  spec.set("tool", call.undo.get_string("tool"));
  spec.set("argumentsHash", canonical_digest(arguments).str());
  spec.set("arguments", std::move(arguments)).set("caller", who.str());
  if (!call.mission.empty()) {
    spec.set("mission", call.mission).set("run", call.run);
  }
  spec.set("compensates", name);
  if (!reason.empty()) {
    spec.set("reason", reason);
  }
  return spec;
}

ObjectKey rollback_key(const ObjectKey& key, std::uint32_t number) {
  return {
      .kind = key.kind,
      .ns = key.ns,
      .name = concat(key.name, "-rollback-", std::uint64_t{number})};
}

}  // namespace

Result<Reply> ToolCallBook::roll_back(const ObjectCommand& command, BookTurn& turn) {
  const ObjectKey& key = command.object;
  Fields fields(command.body, "rollback");
  const std::string reason = fields.text("message");
  REEVE_CHECK(fields.finish());
  REEVE_CHECK(check_message(reason));
  REEVE_TRY(const ToolCall* original, call_named(key));
  REEVE_CHECK(check_undoable(key, *original, turn));
  const auto last = objects_.find(rollback_key(key, original->rollbacks));
  if (last != objects_.end() && !last->second.deleted && is_open(last->second.state)) {
    return wrong_state(last->first, last->second, "rolls it back already");
  }
  const ObjectKey made = rollback_key(key, original->rollbacks + 1);
  ToolCall call;
  call.spec = undoing_spec(key.name, *original, turn.actor(), reason);
  REEVE_CHECK(read_spec(call));
  const auto known = groups_.find(group_of(key.ns, call));
  call.sequence = known == groups_.end() ? 1 : known->second.by_sequence.rbegin()->first + 1;
  const Timestamp due = turn.now() + kToolApprovedFor;
  Json data = recorded_data(call, State::Approved);
  data.set("due", format_timestamp(due));
  REEVE_CHECK(turn.emit_first(made, kCallRecorded, data));
  REEVE_CHECK(turn.emit(key, kCallRollbackAsked, Json::object().set("by", made.name)));
  turn.set_timer(made, std::string(kDueTimer), due);
  return reply_about(made, turn);
}

// --- time ---------------------------------------------------------------------------------------

void ToolCallBook::on_timer(const ObjectKey& key, std::string_view timer, BookTurn& turn) {
  const Result<ToolCall*> call = call_named(key);
  if (!call || ((*call)->state != State::Pending && (*call)->state != State::Approved)) {
    return;
  }
  const bool escalates = timer == kEscalateTimer;
  if (escalates && (*call)->state != State::Pending) {
    return;
  }
  const Result<void> told =
      turn.emit(key, escalates ? kCallEscalated : kCallExpired, about_waiting(**call));
  REEVE_ASSERT(told.ok());
  if (!escalates) {
    tell_run(key, model::Reason::ApprovalExpired, turn);
  }
}

/// Whether what was being carried out was done is not known, and it is not done again.
void ToolCallBook::recover(BookTurn& turn) {
  std::vector<ObjectKey> begun;
  for (const auto& [key, call] : objects_) {
    if (!call.deleted && call.state == State::Executing) {
      begun.push_back(key);
    }
  }
  const Json data = Json::object().set(
      "message", "the server or its store failed while it was carried out; it may have been done"
  );
  for (const ObjectKey& key : begun) {
    const Result<void> told = turn.emit(key, kCallUnknown, data);
    REEVE_ASSERT(told.ok());
  }
}

}  // namespace reeve::engine
