#include "gateway/tool/calls.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/canonical.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/tool/live_call.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kRandomBytes = 2;

std::string hex(std::uint64_t number) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) {
    text.push_back("0123456789abcdef"[number >> static_cast<unsigned>(shift) & 0xFU]);
  }
  return text;
}

LeftCalls::Asked asked_of(const Json& object) {
  const Json& spec = object.get_object("spec");
  return {
      .ns = Namespace(object.get_object("metadata").get_string("namespace")),
      .run = spec.get_string("run"),
      .caller = spec.get_string("caller"),
      .server = spec.get_string("server"),
      .tool = spec.get_string("tool"),
      .arguments_hash = spec.get_string("argumentsHash")};
}

}  // namespace

/// Names follow each other in time, so that lists by name are lists by sequence.
std::string ToolCalls::new_name() {
  constexpr unsigned kCounterBits = 12;
  const auto now = static_cast<std::uint64_t>(to_unix_millis(ports_.now())) << kCounterBits;
  last_time_ = std::max(last_time_ + 1, now);
  return concat("tc-", hex(last_time_), ports_.random_hex(kRandomBytes));
}

void ToolCalls::send(const LivePtr& call, std::string verb, Json body, ToolPorts::Reply reply) {
  ports_.command(
      engine::ObjectCommand{
          .object = {.kind = journal::Kind::ToolCall, .ns = call->ns, .name = call->name},
          .verb = std::move(verb),
          .body = std::move(body)},
      gateway_principal(),
      std::move(reply)
  );
}

/// Whoever waits waits no longer.
void ToolCalls::tell(const LivePtr& call, const CallAnswer& answer) {
  const std::vector<Client> clients = std::exchange(call->clients, {});
  for (const Client& client : clients) {
    tickets_.erase(client.ticket);
  }
  for (const Client& client : clients) {
    client.answer(answer);
  }
}

void ToolCalls::answer(const LivePtr& call, const CallAnswer& answer) {
  calls_.erase(call->name);
  tell(call, answer);
}

void ToolCalls::refuse(const LivePtr& call, const std::string& message) {
  answer(call, refusal(message));
}

ToolCalls::Ticket ToolCalls::call(CallRequest request, OnAnswer answer, OnHeld held) {
  if (calls_.size() >= kLiveCallsMax) {
    answer(refusal("too many calls are under way; try again later"));
    return 0;
  }
  auto call = std::make_shared<Live>();
  const Ticket ticket = ++last_ticket_;
  call->clients.push_back({ticket, std::move(answer), std::move(held), request.listener});
  call->ns = request.caller.ns;
  call->server = request.server->server.name;
  call->hash = canonical_digest(request.arguments).str();
  call->asked = {
      .ns = request.caller.ns,
      .run = request.caller.run,
      .caller = request.caller.principal.str(),
      .server = call->server,
      .tool = request.tool.name,
      .arguments_hash = call->hash};
  call->request = std::move(request);
  tickets_[ticket] = call;
  if (call->request.refused.empty() && resume(call)) {
    return ticket;
  }
  call->name = new_name();
  calls_[call->name] = call;
  send(
      call,
      "record",
      record_body(call->request, call->hash),
      [this, call](const Result<engine::Reply>& reply) { recorded(call, reply); }
  );
  return ticket;
}

/// Whether somebody has asked for exactly this, did not wait, and is back.
bool ToolCalls::resume(const LivePtr& call) {
  while (const auto name = left_.take(call->asked)) {
    const ObjectPtr object = ports_.object("toolcalls", call->ns, *name);
    if (waits(object.get())) {
      call->name = *name;
      calls_[*name] = call;
      wait(call);
      return true;
    }
  }
  return false;
}

void ToolCalls::recorded(const LivePtr& call, const Result<engine::Reply>& reply) {
  if (!reply) {
    const std::string what = reply.error().describe();
    if (is_definite(reply.error().code)) {
      refuse(call, what);
    } else {
      // It may be on record as one that is being carried out.
      tell(call, refusal(what));
      fail(call, concat("it was not carried out: ", what));
    }
    return;
  }
  if (const std::string name = reply->detail.get_string("name"); !name.empty()) {
    join(call, name, reply->detail);
    return;
  }
  const std::string state = reply->detail.get_string("state");
  if (state == "EXECUTING") {
    execute(call);
  } else if (state == "PENDING") {
    wait(call);
  } else {
    refuse(call, call->request.refused);
  }
}

void ToolCalls::wait(const LivePtr& call) {
  call->step = Live::Step::Waiting;
  if (call->clients.empty()) {
    put_aside(call);
    return;
  }
  const std::vector<Client> clients = call->clients;
  for (const Client& client : clients) {
    client.held(concat("waits for the approval of ", call->name));
  }
  // A decision, however quick, comes with what has changed; but for that this is looked at, too.
  if (const ObjectPtr object = ports_.object("toolcalls", call->ns, call->name)) {
    decided(call, *object);
  }
}

/// Nobody waits for it: it is not carried out until somebody does.
void ToolCalls::put_aside(const LivePtr& call) {
  calls_.erase(call->name);
  keep_left({call->ns, call->name}, call->asked);
}

void ToolCalls::keep_left(const LeftCalls::Id& id, const LeftCalls::Asked& asked) {
  if (left_.put(id, asked)) {
    return;
  }
  left_.sweep([this](const LeftCalls::Id& each) {
    return waits(ports_.object("toolcalls", each.first, each.second).get());
  });
  (void)left_.put(id, asked);
}

/// The call was sent before: what has come of it is the answer, or is waited for.
void ToolCalls::join(const LivePtr& call, const std::string& name, const Json& known) {
  calls_.erase(call->name);
  if (const auto live = calls_.find(name); live != calls_.end()) {
    // Whoever sent it first may not have been missed yet.
    const LivePtr first = live->second;
    for (Client& client : std::exchange(call->clients, {})) {
      tickets_[client.ticket] = first;
      if (first->step == Live::Step::Waiting) {
        client.held(concat("waits for the approval of ", name));
      }
      first->clients.push_back(std::move(client));
    }
    return;
  }
  if (call->clients.empty()) {
    return;
  }
  call->name = name;
  calls_[name] = call;
  left_.forget({call->ns, name});
  const std::string state = known.get_string("state");
  if (state == "PENDING" || state == "APPROVED") {
    wait(call);
  } else {
    const ObjectPtr object = ports_.object("toolcalls", call->ns, name);
    answer(call, kept_answer(call->request, known, object.get()));
  }
}

void ToolCalls::leave(Ticket ticket) {
  const auto found = tickets_.find(ticket);
  if (found == tickets_.end()) {
    return;
  }
  const LivePtr call = found->second;
  tickets_.erase(found);
  std::erase_if(call->clients, [&](const Client& client) { return client.ticket == ticket; });
  if (call->clients.empty() && call->step == Live::Step::Waiting) {
    put_aside(call);
  }
}

bool ToolCalls::is_awaited(Ticket ticket) const {
  const auto found = tickets_.find(ticket);
  return found != tickets_.end() && found->second->step == Live::Step::Waiting;
}

// --- decisions ----------------------------------------------------------------------------------

void ToolCalls::changed(const std::vector<ObjectPtr>& calls) {
  for (const ObjectPtr& object : calls) {
    const Json& metadata = object->get_object("metadata");
    const std::string name = metadata.get_string("name");
    const LeftCalls::Id id = {Namespace(metadata.get_string("namespace")), name};
    const auto live = calls_.find(name);
    if (live != calls_.end()) {
      decided(LivePtr(live->second), *object);
    } else if (!waits(object.get())) {
      left_.forget(id);
    } else if (object->get_object("spec").get_string("compensates").empty()) {
      keep_left(id, asked_of(*object));
    } else {
      roll_back(*object);
    }
  }
}

}  // namespace reeve::gateway
