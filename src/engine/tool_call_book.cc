#include "engine/tool_call_book.h"

#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "engine/tool_call_events.h"

/// The state of tool calls: what events make of it, and rows.
namespace reeve::engine {

using journal::ObjectKey;

namespace {

Error misfit(const journal::Event& event) {
  return make_error(
      ErrorCode::Corrupt, concat("the event ", event.type, " does not fit"), event.object.name
  );
}

std::size_t bytes_of(const ToolCall& call) {
  constexpr std::size_t kFixed = 512;
  return kFixed + call.spec.dump().size() + call.edited.dump().size() + call.result.dump().size() +
         call.undo.dump().size() + call.message.size() + call.decision.message.size();
}

Result<void> apply_recorded(const Json& data, const journal::Event& event, ToolCall& call) {
  Fields fields(data, "a recorded call");
  const Json* spec = fields.object("spec");
  REEVE_TRY(const ToolCallState state, parse_tool_call_state(fields.required_text("state")));
  call.sequence = static_cast<std::uint64_t>(fields.number("sequence", 1, INT64_MAX));
  call.tainted = fields.flag("tainted");
  call.due = fields.time("due");
  call.message = fields.text("message");
  REEVE_CHECK(fields.finish());
  if (spec == nullptr || !may_begin_as(state)) {
    return misfit(event);
  }
  call.spec = *spec;
  REEVE_CHECK(read_spec(call));
  call.uid = event.uid;
  call.created = event.revision;
  call.created_at = event.at;
  call.approved_hash = call.arguments_hash;
  call.state = state;
  if (state == ToolCallState::Executing) {
    call.started_at = event.at;
  }
  return {};
}

Result<void> apply_decided(const Json& data, const journal::Event& event, ToolCall& call) {
  Fields fields(data, "a decision");
  call.decision.decision = fields.required_text("decision");
  call.decision.message = fields.text("message");
  call.decision.by = event.actor;
  call.decision.at = event.at;
  call.due = fields.time("due");
  const Json* edited = fields.object("arguments");
  const std::string hash = fields.text("argumentsHash");
  REEVE_CHECK(fields.finish());
  if (edited != nullptr) {
    call.edited = *edited;
    call.approved_hash = Digest(hash);
  }
  call.state =
      call.decision.decision == "approve" ? ToolCallState::Approved : ToolCallState::Rejected;
  return {};
}

Result<void> apply_finished(const Json& data, ToolCall& call) {
  Fields fields(data, "the end of a call");
  REEVE_TRY(call.state, parse_tool_call_state(fields.required_text("state")));
  if (const Json* result = fields.object("result")) {
    call.result = *result;
  }
  if (const Json* undo = fields.object("undo")) {
    call.undo = *undo;
  }
  call.message = fields.text("message");
  return fields.finish();
}

/// What an event makes of a call that is there.
Result<void> apply_change(const Json& data, const journal::Event& event, ToolCall& call) {
  const ToolCallState before = call.state;
  if (event.type == kCallDecided) {
    REEVE_CHECK(apply_decided(data, event, call));
  } else if (event.type == kCallBegun) {
    call.state = ToolCallState::Executing;
    call.started_at = event.at;
    call.due.reset();
  } else if (event.type == kCallFinished) {
    REEVE_CHECK(apply_finished(data, call));
  } else if (event.type == kCallExpired) {
    call.state = ToolCallState::Expired;
  } else if (event.type == kCallUnknown) {
    call.state = ToolCallState::Unknown;
    call.message = data.get_string("message");
  } else if (event.type == kCallRolledBack) {
    call.state = ToolCallState::RolledBack;
    call.rolled_back_by = data.get_string("by");
  } else if (event.type == kCallRollbackAsked) {
    ++call.rollbacks;
    return {};
  } else if (event.type == kCallEscalated) {
    return {};
  } else if (event.type == kSpiralDetected) {
    call.spiral = event.revision;
    return {};
  } else if (event.type == kCallForgotten) {
    call.deleted = true;
    return {};
  } else {
    return misfit(event);
  }
  return may_move(before, call.state) ? Result<void>() : misfit(event);
}

void settle_end(const journal::Event& event, ToolCall& call) {
  call.revision = event.revision;
  if (!is_open(call.state)) {
    call.due.reset();
  }
  if (!is_open(call.state) && call.ended == Revision()) {
    call.ended = event.revision;
    call.ended_at = event.at;
  }
}

}  // namespace

ToolCallBook::Group ToolCallBook::group_of(const Namespace& ns, const ToolCall& call) {
  return {ns, call.run.empty() ? call.caller.str() : concat("run:", call.run)};
}

ToolCallBook::Group ToolCallBook::reader_of(const Namespace& ns, const ToolCall& call) {
  return {ns, call.mission.empty() ? call.caller.str() : concat("mission:", call.mission)};
}

void ToolCallBook::unindex(const ObjectKey& key, const ToolCall& call) {
  const auto group = groups_.find(group_of(key.ns, call));
  if (call.deleted || group == groups_.end()) {
    return;
  }
  const auto own = shelves_.find(key.ns);
  for (Shelf* shelf : {&all_, &own->second}) {
    shelf->bytes -= call.bytes;
    shelf->by_age.erase(call.created);
  }
  if (own->second.by_age.empty()) {
    shelves_.erase(own);
  }
  if (const auto reads = taints_.find(reader_of(key.ns, call)); reads != taints_.end()) {
    reads->second.erase(call.created);
    if (reads->second.empty()) {
      taints_.erase(reads);
    }
  }
  if (!call.idempotency_key.empty()) {
    by_key_.erase({key.ns, asker_of(call), call.idempotency_key});
  }
  group->second.open -= is_open(call.state) ? 1 : 0;
  group->second.by_sequence.erase(call.sequence);
  if (group->second.by_sequence.empty()) {
    groups_.erase(group);
  }
}

void ToolCallBook::put(const ObjectKey& key, ToolCall call) {
  call.bytes = bytes_of(call);
  // The new one first: its group stays.
  if (!call.deleted) {
    Calls& calls = groups_[group_of(key.ns, call)];
    const auto known = objects_.find(key);
    const bool there = known != objects_.end() && !known->second.deleted;
    calls.open += is_open(call.state) ? 1 : 0;
    calls.open -= there && is_open(known->second.state) ? 1 : 0;
    if (call.untrusted && call.started_at) {
      taints_[reader_of(key.ns, call)].insert(call.created);
    }
    calls.by_sequence[call.sequence] = key;
    if (!call.idempotency_key.empty()) {
      by_key_[{key.ns, asker_of(call), call.idempotency_key}] = key;
    }
    for (Shelf* shelf : {&all_, &shelves_[key.ns]}) {
      shelf->by_age[call.created] = key;
      shelf->bytes += call.bytes;
      shelf->bytes -= there ? known->second.bytes : 0;
    }
  } else if (const auto known = objects_.find(key); known != objects_.end()) {
    unindex(key, known->second);
  }
  objects_.insert_or_assign(key, std::move(call));
}

Result<void> ToolCallBook::load(const ObjectKey& key, const Json& row) {
  REEVE_TRY(ToolCall call, tool_call_from_row(key.name, key.ns, row));
  put(key, std::move(call));
  return {};
}

bool ToolCallBook::encode(const ObjectKey& key, std::string& body) const {
  const ToolCall& call = objects_.at(key);
  if (call.deleted) {
    encode_deleted("reeve.dev/v1", "ToolCall", key, call.uid, body);
    return false;
  }
  body += to_row(key.name, key.ns, call).dump();
  return true;
}

std::vector<ObjectKey> ToolCallBook::keys_in(const Namespace& ns) const {
  std::vector<ObjectKey> keys;
  auto at = objects_.lower_bound({.kind = kind(), .ns = ns, .name = {}});
  for (; at != objects_.end() && at->first.ns == ns; ++at) {
    keys.push_back(at->first);
  }
  return keys;
}

Result<void> ToolCallBook::apply(const journal::Event& event) {
  REEVE_TRY(const Json data, parse_json(event.data));
  const auto found = objects_.find(event.object);
  const bool exists = found != objects_.end() && !found->second.deleted;
  if (exists == (event.type == kCallRecorded)) {
    return misfit(event);
  }
  ToolCall call;
  if (exists) {
    call = found->second;
    REEVE_CHECK(apply_change(data, event, call));
  } else {
    REEVE_CHECK(apply_recorded(data, event, call));
  }
  settle_end(event, call);
  put(event.object, std::move(call));
  return {};
}

}  // namespace reeve::engine
