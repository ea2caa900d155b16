#include "gateway/tool/calls.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/canonical.h"
#include "base/hash.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/tool/param_headers.h"

namespace reeve::gateway {

namespace {

constexpr std::size_t kRandomBytes = 2;
/// Of the record of a result, for all but the excerpt.
constexpr std::size_t kResultReserveBytes = 512;
constexpr std::string_view kNotKept = "\n[the rest was not kept]";

Principal gateway_principal() {
  return Principal(std::string(engine::kToolsActor));
}

/// The run without the number of its attempt: what a later attempt asks again is the same.
std::string_view without_attempt(std::string_view run) {
  return run.substr(0, run.rfind('.'));
}

std::string key_of(
    std::string_view ns,
    std::string_view run,
    std::string_view server,
    std::string_view tool,
    std::string_view hash
) {
  return concat(ns, "/", without_attempt(run), "/", server, "/", tool, "/", hash);
}

/// The texts of a result, for the record.
std::string text_of(const Json& result) {
  std::string text;
  const Json* content = result.find("content");
  for (const Json& item :
       content != nullptr && content->is_array() ? content->as_array() : Json::Array()) {
    if (item.get_string("type") == "text") {
      text += item.get_string("text");
    }
  }
  return text;
}

const Json& part(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr ? kNone : *found;
}

/// What is told about a call that has ended, from its record.
CallAnswer kept_answer(const std::string& state, const Json& known, const Json& arguments) {
  const Json& result = part(known, "result");
  const bool done = state == "COMPLETED" || state == "ROLLED_BACK";
  std::string text = result.get_string("excerpt");
  if (!done && text.empty()) {
    const std::string why = known.get_string("message");
    text = why.empty() ? concat("it is ", state) : why;
  }
  return {.allowed = done, .result = text_result(std::move(text), !done), .arguments = arguments};
}

std::string hex(std::uint64_t number) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) {
    text.push_back("0123456789abcdef"[number >> static_cast<unsigned>(shift) & 0xFU]);
  }
  return text;
}

}  // namespace

/// One call and where it is.
struct ToolCalls::Live {
  enum class Step : std::uint8_t { Recording, Waiting, Beginning, Executing, Finishing };

  std::string name;
  /// What `call` has returned, if that is another one.
  std::string asked_as;
  Namespace ns;
  CallRequest request;
  /// Of the arguments that are carried out.
  std::string hash;
  Step step = Step::Recording;
  bool rollback = false;
  Timestamp began;
  OnAnswer on_answer;
  OnHeld on_held;
};

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

void ToolCalls::answer(const LivePtr& call, CallAnswer answer) {
  calls_.erase(call->name);
  if (call->on_answer) {
    std::exchange(call->on_answer, nullptr)(std::move(answer));
  }
}

void ToolCalls::refuse(const LivePtr& call, const std::string& message) {
  answer(call, {.allowed = false, .result = text_result(message, true), .arguments = {}});
}

std::string ToolCalls::call(CallRequest request, OnAnswer on_answer, OnHeld held) {
  auto call = std::make_shared<Live>();
  call->ns = request.caller.ns;
  call->request = std::move(request);
  call->hash = canonical_digest(call->request.arguments).str();
  call->on_answer = std::move(on_answer);
  call->on_held = std::move(held);
  if (calls_.size() >= kLiveCallsMax) {
    refuse(call, "too many calls are under way; try again later");
    return {};
  }
  const std::string key = key_of(
      call->ns.view(),
      call->request.caller.run,
      call->request.server->server.name,
      call->request.tool.name,
      call->hash
  );
  // Somebody asked for exactly this, did not wait, and is back.
  if (const auto left = left_.find(key); left != left_.end() && call->request.refused.empty()) {
    const std::string name = left->second;
    left_.erase(left);
    const ObjectPtr object = ports_.object("toolcalls", call->ns, name);
    const std::string state = object == nullptr ? "" : part(*object, "status").get_string("state");
    if (state == "PENDING" || state == "APPROVED") {
      call->name = name;
      call->step = Live::Step::Waiting;
      calls_[name] = call;
      call->on_held(concat("waits for the approval of ", name));
      decided(call, *object);
      return name;
    }
  }
  call->name = new_name();
  calls_[call->name] = call;
  record(call);
  return call->name;
}

void ToolCalls::record(const LivePtr& call) {
  const CallRequest& request = call->request;
  const ToolPolicy& policy = request.tool.policy;
  Json spec = Json::object();
  spec.set("server", request.server->server.name).set("tool", request.tool.name);
  spec.set("arguments", redact_arguments(request.arguments, policy));
  spec.set("argumentsHash", call->hash).set("caller", request.caller.principal.str());
  if (!request.caller.run.empty()) {
    spec.set("mission", request.caller.mission).set("run", request.caller.run);
  }
  if (!request.agent.empty()) {
    spec.set("agent", request.agent);
  }
  spec.set("risk", policy.risk);
  const auto flag = [&](const char* name, bool set) {
    if (set) {
      spec.set(name, true);
    }
  };
  flag("requiresApproval", policy.requires_approval);
  flag("approvalWhenTainted", policy.approval_when_tainted);
  flag("ownerMayApprove", policy.owner_may_approve);
  flag("untrusted", policy.untrusted);
  flag("reversible", !policy.reverse.empty());
  if (!policy.approval_timeout.empty()) {
    spec.set("approvalTimeout", policy.approval_timeout);
  }
  if (!request.correlation.as_object().empty()) {
    spec.set("correlation", request.correlation);
  }
  Json body = Json::object();
  body.set("spec", std::move(spec)).set("begin", true);
  if (!request.refused.empty()) {
    body.set("refused", request.refused);
  }
  send(call, "record", std::move(body), [this, call](const Result<engine::Reply>& reply) {
    recorded(call, reply);
  });
}

void ToolCalls::recorded(const LivePtr& call, const Result<engine::Reply>& reply) {
  if (!reply) {
    refuse(call, reply.error().describe());
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
  if (call->on_held) {
    call->on_held(concat("waits for the approval of ", call->name));
  }
  // A decision, however quick, comes with what has changed; but for that this is looked at, too.
  if (const ObjectPtr object = ports_.object("toolcalls", call->ns, call->name)) {
    decided(call, *object);
  }
}

/// The call was sent before: what has come of it is the answer, or is waited for.
void ToolCalls::join(const LivePtr& call, const std::string& name, const Json& known) {
  calls_.erase(call->name);
  if (const auto live = calls_.find(name); live != calls_.end()) {
    // Whoever sent it first may not have been missed yet.
    live->second->on_answer = [first = std::move(live->second->on_answer),
                               second = std::exchange(call->on_answer, nullptr)](CallAnswer answer) {
      if (first) {
        first(answer);
      }
      if (second) {
        second(std::move(answer));
      }
    };
    return;
  }
  call->asked_as = std::exchange(call->name, name);
  calls_[name] = call;
  std::erase_if(left_, [&](const auto& entry) { return entry.second == name; });
  const std::string state = known.get_string("state");
  if (state == "PENDING" || state == "APPROVED") {
    wait(call);
  } else {
    answer(call, kept_answer(state, known, call->request.arguments));
  }
}

void ToolCalls::leave(const std::string& name) {
  auto found = calls_.find(name);
  if (found == calls_.end()) {
    found = std::find_if(calls_.begin(), calls_.end(), [&](const auto& entry) {
      return entry.second->asked_as == name;
    });
  }
  if (found == calls_.end()) {
    return;
  }
  const LivePtr call = found->second;
  call->on_answer = nullptr;
  call->on_held = nullptr;
  call->request.listener = {};
  if (call->step == Live::Step::Waiting) {
    calls_.erase(found);
    if (left_.size() < kLeftCallsMax) {
      left_[key_of(
          call->ns.view(),
          call->request.caller.run,
          call->request.server->server.name,
          call->request.tool.name,
          canonical_digest(call->request.arguments).view()
      )] = call->name;
    }
  }
}

// --- decisions ----------------------------------------------------------------------------------

void ToolCalls::changed(const std::vector<ObjectPtr>& calls) {
  for (const ObjectPtr& object : calls) {
    const Json& metadata = part(*object, "metadata");
    const Json& spec = part(*object, "spec");
    const std::string state = part(*object, "status").get_string("state");
    const std::string name = metadata.get_string("name");
    const auto live = calls_.find(name);
    if (live != calls_.end()) {
      decided(LivePtr(live->second), *object);
    } else if (state == "APPROVED" && !spec.get_string("compensates").empty()) {
      roll_back(*object);
    } else if ((state == "PENDING" || state == "APPROVED") && left_.size() < kLeftCallsMax) {
      left_[key_of(
          metadata.get_string("namespace"),
          spec.get_string("run"),
          spec.get_string("server"),
          spec.get_string("tool"),
          spec.get_string("argumentsHash")
      )] = name;
    }
  }
}

void ToolCalls::decided(const LivePtr& call, const Json& object) {
  if (call->step != Live::Step::Waiting) {
    return;
  }
  const Json& status = part(object, "status");
  const std::string state = status.get_string("state");
  if (state == "PENDING") {
    return;
  }
  const Json& approval = part(status, "approval");
  if (state != "APPROVED") {
    const std::string why = approval.get_string("message");
    refuse(
        call,
        state == "REJECTED"  ? concat("rejected by ", approval.get_string("by"), ": ", why)
        : state == "EXPIRED" ? std::string("nobody decided in time")
                             : concat("it is ", state)
    );
    return;
  }
  if (const Json* edited = status.find("editedArguments")) {
    call->request.arguments = *edited;
    call->hash = status.get_string("approvedHash");
  }
  begin(call);
}

void ToolCalls::begin(const LivePtr& call) {
  call->step = Live::Step::Beginning;
  const CatalogTool& tool = call->request.tool;
  if (tool.schema) {
    if (const Result<void> fits = tool.schema->check(call->request.arguments); !fits) {
      fail(call, concat("the arguments do not fit: ", fits.error().describe()));
      return;
    }
  }
  Json body = Json::object();
  body.set("argumentsHash", call->hash);
  send(call, "begin", std::move(body), [this, call](const Result<engine::Reply>& reply) {
    if (reply) {
      execute(call);
    } else {
      refuse(call, reply.error().describe());
    }
  });
}

/// Ends a call that cannot be begun.
void ToolCalls::fail(const LivePtr& call, const std::string& message) {
  Json body = Json::object();
  body.set("outcome", "failed").set("message", message);
  send(call, "finish", std::move(body), [this, call, message](const auto& /*reply*/) {
    refuse(call, message);
  });
}

// --- carrying out -------------------------------------------------------------------------------

void ToolCalls::execute(const LivePtr& call) {
  call->step = Live::Step::Executing;
  call->began = ports_.now();
  const CallRequest& request = call->request;
  if (request.elsewhere) {
    executed(
        call, ToolOutcome{.result = text_result("allowed; the agent carries it out"), .undo = {}}
    );
    return;
  }
  const ToolPolicy& policy = request.tool.policy;
  const CatalogServer& server = *request.server;
  const bool keep_undo = !policy.reverse.empty() && policy.redact.empty() && !call->rollback;
  if (server.upstream == nullptr) {
    run_builtin(
        server.server,
        request.tool.name,
        request.arguments,
        request.caller,
        keep_undo,
        policy.timeout,
        ports_,
        [this, call](Result<ToolOutcome> outcome) { executed(call, std::move(outcome)); }
    );
    return;
  }
  Json undo;
  if (keep_undo) {
    undo = Json::object().set("tool", policy.reverse).set("arguments", request.arguments);
  }
  Upstream::Listener listener = request.listener;
  if (const Json* schema = request.tool.definition.find("inputSchema")) {
    listener.params = param_headers(*schema, request.arguments);
  }
  server.upstream->call(
      request.tool.name,
      request.arguments,
      policy.timeout,
      std::move(listener),
      [this, call, undo = std::move(undo)](Result<Json> result) {
        if (!result) {
          executed(call, result.error());
        } else {
          executed(call, ToolOutcome{.result = std::move(*result), .undo = undo});
        }
      }
  );
}

void ToolCalls::executed(const LivePtr& call, Result<ToolOutcome> outcome) {
  if (!outcome) {
    const std::string what = outcome.error().describe();
    const bool unsure = outcome.error().code == ErrorCode::Ambiguous ||
                        outcome.error().code == ErrorCode::DeadlineExceeded;
    finish(
        call,
        {.result = text_result(unsure ? concat(what, "; it may have been done") : what, true),
         .undo = {},
         .unsure = unsure}
    );
    return;
  }
  if (outcome->result.dump().size() > kToolResultTextMax) {
    finish(
        call,
        {.result = text_result("done, but the result is larger than can be given", true),
         .undo = std::move(outcome->undo)}
    );
    return;
  }
  finish(call, *outcome);
}

void ToolCalls::finish(const LivePtr& call, const ToolOutcome& outcome) {
  call->step = Live::Step::Finishing;
  const std::string whole = outcome.result.dump();
  const bool is_error = outcome.result.get_bool("isError");
  Json kept = Json::object();
  kept.set("digest", sha256(whole).str()).set("bytes", static_cast<std::int64_t>(whole.size()));
  // A call that may be sent again is answered with this then.
  const bool repeats = call->request.correlation.find("idempotencyKey") != nullptr;
  const std::string text = text_of(outcome.result);
  const std::size_t most = repeats ? kRepeatedExcerptBytesMax : kExcerptBytesMax;
  kept.set("excerpt", redact_text(text, most));
  if (kept.dump().size() > engine::kToolResultBytesMax - kResultReserveBytes) {
    kept.set("excerpt", redact_text(text, kExcerptBytesMax));
  }
  if (repeats && text.size() > kept.get_string("excerpt").size()) {
    kept.set("excerpt", concat(kept.get_string("excerpt"), kNotKept));
  }
  kept.set("isError", is_error).set("durationMs", (ports_.now() - call->began).count());
  Json body = Json::object();
  body.set("outcome", outcome.unsure ? "unknown" : is_error ? "failed" : "completed");
  body.set("result", std::move(kept));
  // What would be kept in clear and should not is not kept: it cannot be undone then.
  const bool clear = !outcome.undo.is_null() && without_secrets(outcome.undo) == outcome.undo &&
                     outcome.undo.dump().size() <= engine::kToolUndoBytesMax;
  if (clear) {
    body.set("undo", outcome.undo);
  }
  send(
      call,
      "finish",
      std::move(body),
      [this, call, result = outcome.result](const Result<engine::Reply>& reply) {
        if (!reply) {
          refuse(call, concat("it was done, but that is not on record: ", reply.error().message));
          return;
        }
        answer(call, {.allowed = true, .result = result, .arguments = call->request.arguments});
      }
  );
}

// --- rolling back -------------------------------------------------------------------------------

/// A person wants a call undone: the compensating one is approved and waits for us.
void ToolCalls::roll_back(const Json& object) {
  const Json& metadata = part(object, "metadata");
  const Json& spec = part(object, "spec");
  auto call = std::make_shared<Live>();
  call->name = metadata.get_string("name");
  call->ns = Namespace(metadata.get_string("namespace"));
  call->rollback = true;
  call->hash = spec.get_string("argumentsHash");
  call->step = Live::Step::Beginning;
  call->request.arguments = part(spec, "arguments");
  call->request.caller = {
      .ns = call->ns,
      .mission = spec.get_string("mission"),
      .run = spec.get_string("run"),
      .principal = gateway_principal()};
  calls_[call->name] = call;
  const std::string tool = spec.get_string("tool");
  catalog_.server(call->ns, spec.get_string("server"), [this, call, tool](CatalogServerPtr server) {
    if (server == nullptr || !server->tools.contains(tool)) {
      fail(call, "the tool that would undo it is not there");
      return;
    }
    call->request.tool = server->tools.at(tool);
    call->request.server = std::move(server);
    begin(call);
  });
}

}  // namespace reeve::gateway
