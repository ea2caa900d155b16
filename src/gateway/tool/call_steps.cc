#include <algorithm>
#include <utility>

#include "base/canonical.h"
#include "base/strings.h"
#include "gateway/tool/agent_tools.h"
#include "gateway/tool/calls.h"
#include "gateway/tool/live_call.h"
#include "gateway/tool/param_headers.h"

/// What becomes of a call once it is recorded.
namespace reeve::gateway {

// --- decisions ----------------------------------------------------------------------------------

void ToolCalls::decided(const LivePtr& call, const Json& object) {
  if (call->step != Live::Step::Waiting) {
    return;
  }
  const Json& status = object.get_object("status");
  const std::string state = status.get_string("state");
  if (state == "PENDING") {
    return;
  }
  if (state != "APPROVED") {
    refuse(call, why_not(status));
    return;
  }
  if (const Json* edited = status.find("editedArguments")) {
    call->request.arguments = *edited;
    call->hash = canonical_digest(*edited).str();
  }
  begin(call);
}

void ToolCalls::begin(const LivePtr& call) {
  call->step = Live::Step::Beginning;
  catalog_.server(call->ns, call->server, [this, call](CatalogServerPtr server) {
    begin_at(call, std::move(server));
  });
}

/// Takes the terms of today: much may have changed since it was asked. Why it may not be carried
/// out on them; empty: it may.
std::string ToolCalls::renew(const LivePtr& call, CatalogServerPtr server) {
  CallRequest& request = call->request;
  if (server == nullptr) {
    return "the tool server is not there any more";
  }
  if (!server->problem.empty()) {
    return concat("the tool server cannot be used: ", server->problem);
  }
  if (request.server != nullptr && request.server->server.uid != server->server.uid) {
    return "the tool server is another one now";
  }
  if (request.elsewhere) {
    request.tool.policy = policy_of(server->server, request.tool.name);
    request.server = std::move(server);
    return request.tool.policy.allowed ? "" : "policy does not allow the tool any more";
  }
  const auto found = server->tools.find(request.tool.name);
  if (found == server->tools.end()) {
    return "the tool is not there any more";
  }
  if (!call->rollback &&
      !AgentTools::of(request.caller, ports_).allow(call->server, request.tool.name)) {
    return "the agent may not call the tool any more";
  }
  request.tool = found->second;
  request.server = std::move(server);
  // A person may undo what agents may not do; but not with a tool that nobody has accepted.
  return call->rollback ? request.tool.unfit : request.tool.refusal;
}

void ToolCalls::begin_at(const LivePtr& call, CatalogServerPtr server) {
  if (const std::string why = renew(call, std::move(server)); !why.empty()) {
    fail(call, why);
    return;
  }
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
    } else if (is_definite(reply.error().code)) {
      refuse(call, reply.error().describe());
    } else {
      fail(call, concat("it was not carried out: ", reply.error().describe()));
    }
  });
}

/// Ends a call that is not carried out.
void ToolCalls::fail(const LivePtr& call, const std::string& message) {
  Json body = Json::object();
  body.set("outcome", "failed");
  body.set("message", redact_text(message, engine::kToolMessageBytesMax / 2));
  call->end_body = std::move(body);
  call->outcome = refusal(message);
  call->not_recorded = message;
  end(call);
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
  if (!call->clients.empty()) {
    listener.note = [weak = std::weak_ptr(call)](std::string_view method, const Json& params) {
      const LivePtr told = weak.lock();
      const std::vector<Client> clients = told == nullptr ? std::vector<Client>() : told->clients;
      for (const Client& client : clients) {
        if (client.wants(method, params)) {
          client.listener.note(method, params);
        }
      }
    };
  }
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
  call->end_body = finish_body(call->request, outcome, ports_.now() - call->began);
  call->outcome = {.allowed = true, .result = outcome.result, .arguments = call->request.arguments};
  call->not_recorded = "it was done, but that is not on record";
  end(call);
}

/// Puts the end on record, again and again until it is. Whoever waits is told that it is not, and
/// whoever asks meanwhile waits.
void ToolCalls::end(const LivePtr& call) {
  call->step = Live::Step::Ending;
  send(call, "finish", call->end_body, [this, call](const Result<engine::Reply>& reply) {
    const bool again = call->pause > kRecordRetry;
    if (reply || (again && reply.error().code == ErrorCode::IllegalTransition)) {
      answer(call, call->outcome);
      return;
    }
    if (is_definite(reply.error().code)) {
      refuse(call, concat(call->not_recorded, ": ", reply.error().message));
      if (waits(ports_.object("toolcalls", call->ns, call->name).get())) {
        put_aside(call);
      }
      return;
    }
    tell(call, refusal(concat(call->not_recorded, ": ", reply.error().message)));
    ports_.after(call->pause, [this, call] { end(call); });
    call->pause = std::min(call->pause * 2, kRecordRetryMax);
  });
}

// --- rolling back -------------------------------------------------------------------------------

/// A person wants a call undone: the compensating one is approved and waits for us.
void ToolCalls::roll_back(const Json& object) {
  const Json& metadata = object.get_object("metadata");
  const Json& spec = object.get_object("spec");
  auto call = std::make_shared<Live>();
  call->name = metadata.get_string("name");
  call->ns = Namespace(metadata.get_string("namespace"));
  call->rollback = true;
  call->server = spec.get_string("server");
  call->request.arguments = spec.get_object("arguments");
  call->hash = canonical_digest(call->request.arguments).str();
  call->request.tool.name = spec.get_string("tool");
  call->request.caller.ns = call->ns;
  call->request.caller.mission = spec.get_string("mission");
  call->request.caller.run = spec.get_string("run");
  call->request.caller.principal = gateway_principal();
  calls_[call->name] = call;
  begin(call);
}

}  // namespace reeve::gateway
