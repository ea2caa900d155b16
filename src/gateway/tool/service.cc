#include "gateway/tool/service.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::gateway {

namespace {

constexpr int kAccepted = 202;
constexpr int kNoContent = 204;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr std::size_t kSessionBytes = 16;
constexpr std::size_t kCorrelationBytesMax = 200;
constexpr std::size_t kToolsListedMax = 2'000;
constexpr std::string_view kSessionHeader = "Mcp-Session-Id";

constexpr std::string_view kPromptSchema =
    R"({"type":"object","required":["tool_name","input"],"properties":{)"
    R"("tool_name":{"type":"string","minLength":1,"maxLength":128},"input":{"type":"object"},)"
    R"("tool_use_id":{"type":"string","maxLength":200}}})";

/// What the agent of a run may call: globs over `SERVER__TOOL`. Absent: whatever policy allows.
struct AgentTools {
  std::string agent;
  std::optional<std::vector<std::string>> globs;

  bool allow(std::string_view name) const {
    return !globs || std::any_of(globs->begin(), globs->end(), [&](const std::string& glob) {
      return glob_match(glob, name);
    });
  }
};

AgentTools agent_tools(const ToolCaller& caller, const ToolPorts& ports) {
  AgentTools tools;
  const ObjectPtr run = caller.run.empty() ? nullptr : ports.object("runs", caller.ns, caller.run);
  const Json* spec = run == nullptr ? nullptr : run->find("spec");
  tools.agent = spec == nullptr ? std::string() : spec->get_string("agent");
  if (tools.agent.empty()) {
    return tools;
  }
  const ObjectPtr agent = ports.object("agents", caller.ns, tools.agent);
  const Json* agent_spec = agent == nullptr ? nullptr : agent->find("spec");
  const Json* list = agent_spec == nullptr ? nullptr : agent_spec->find("tools");
  // An agent that is not there may do nothing.
  tools.globs.emplace();
  for (const Json& glob : list != nullptr && list->is_array() ? list->as_array() : Json::Array()) {
    if (glob.is_string()) {
      tools.globs->push_back(glob.as_string());
    }
  }
  if (agent != nullptr && list == nullptr) {
    tools.globs.reset();
  }
  return tools;
}

/// Names by which the records of clients and ours are joined.
Json correlation_of(const RpcMessage& message) {
  Json names = Json::object();
  for (const char* name : {"claudecode/toolUseId", "callId"}) {
    const std::string value = message.meta().get_string(name);
    if (!value.empty() && value.size() <= kCorrelationBytesMax) {
      names.set(name, value);
    }
  }
  return names;
}

RpcError invalid_params(std::string message) {
  RpcError error;
  error.code = kInvalidParams;
  error.message = std::move(message);
  return error;
}

Json prompt_definition() {
  Json definition = Json::object();
  definition.set("name", kPromptTool);
  definition.set("description", "Asks whether the agent may use one of its own tools.");
  return definition.set("inputSchema", *parse_json(kPromptSchema));
}

Json prompt_answer(bool allow, Json input, const std::string& message) {
  Json told = Json::object();
  told.set("behavior", allow ? "allow" : "deny");
  if (allow) {
    told.set("updatedInput", std::move(input));
  } else {
    told.set("message", message);
  }
  return text_result(told.dump());
}

std::string first_text(const Json& result) {
  const Json* content = result.find("content");
  return content != nullptr && content->is_array() && !content->as_array().empty()
             ? content->as_array().front().get_string("text")
             : std::string();
}

}  // namespace

void ToolService::refuse(
    const std::shared_ptr<net::Exchange>& exchange, int status, const std::string& message
) {
  constexpr int kUnauthorized = 401;
  RpcError error;
  error.code = kInvalidRequest;
  error.message = message;
  net::Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", "application/json"});
  if (status == kUnauthorized) {
    response.headers.push_back({"WWW-Authenticate", "Bearer"});
  }
  response.body = error_message(error).dump();
  exchange->respond(std::move(response));
}

void ToolService::serve(std::shared_ptr<net::Exchange> exchange, ToolCaller caller) {
  const net::Request& request = exchange->request();
  if (request.method == "DELETE") {
    end_session(exchange, caller);
    return;
  }
  if (request.method != "POST") {
    net::Response response;
    response.status = kMethodNotAllowed;
    response.headers.push_back({"Allow", "POST, DELETE"});
    exchange->respond(std::move(response));
    return;
  }
  std::variant<RpcMessage, RpcError> read = read_message(request);
  if (const auto* error = std::get_if<RpcError>(&read)) {
    net::Response response;
    response.status = error->http;
    response.headers.push_back({"Content-Type", "application/json"});
    response.body = error_message(*error).dump();
    exchange->respond(std::move(response));
    return;
  }
  const RpcMessage& message = std::get<RpcMessage>(read);
  if (!in_session(request, message, caller)) {
    const bool named = request.headers.find(kSessionHeader) != nullptr;
    refuse(
        exchange,
        named ? kNotFound : kBadRequest,
        named ? "there is no such session (any more)" : "the header Mcp-Session-Id is missing"
    );
    return;
  }
  if (!message.is_request()) {
    net::Response response;
    response.status = kAccepted;
    exchange->respond(std::move(response));
    return;
  }
  const ResponderPtr responder = Responder::create(exchange, message, ports_);
  dispatch(message, caller, responder);
}

// --- sessions -----------------------------------------------------------------------------------

/// Whether the request belongs to a session of its sender, or needs none.
bool ToolService::in_session(
    const net::Request& request, const RpcMessage& message, const ToolCaller& caller
) {
  if (message.era == Era::Stateless || message.method == "initialize") {
    return true;
  }
  const std::string* id = request.headers.find(kSessionHeader);
  const auto session = id == nullptr ? sessions_.end() : sessions_.find(*id);
  if (session == sessions_.end() || session->second.principal != caller.principal ||
      session->second.used + kSessionIdle < ports_.now()) {
    return false;
  }
  session->second.used = ports_.now();
  return true;
}

void ToolService::end_session(
    const std::shared_ptr<net::Exchange>& exchange, const ToolCaller& caller
) {
  const std::string* id = exchange->request().headers.find(kSessionHeader);
  const auto session = id == nullptr ? sessions_.end() : sessions_.find(*id);
  if (session == sessions_.end() || session->second.principal != caller.principal) {
    refuse(exchange, kNotFound, "there is no such session (any more)");
    return;
  }
  sessions_.erase(session);
  net::Response response;
  response.status = kNoContent;
  exchange->respond(std::move(response));
}

void ToolService::initialize(
    const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder
) {
  if (sessions_.size() >= kSessionsMax) {
    std::erase_if(sessions_, [&](const auto& session) {
      return session.second.used + kSessionIdle < ports_.now();
    });
  }
  if (sessions_.size() >= kSessionsMax) {
    RpcError error;
    error.http = 503;
    error.message = "there are too many sessions; try again later";
    responder->error(std::move(error));
    return;
  }
  const std::string id = ports_.random_hex(kSessionBytes);
  sessions_[id] = {.principal = caller.principal, .used = ports_.now()};
  responder->header(std::string(kSessionHeader), id);
  responder->result(initialize_result(message.params.get_string("protocolVersion")));
}

// --- methods ------------------------------------------------------------------------------------

void ToolService::dispatch(
    const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder
) {
  const bool session = message.era == Era::Session;
  if (message.method == "tools/list") {
    list(caller, responder);
  } else if (message.method == "tools/call") {
    call(message, caller, responder);
  } else if (session && message.method == "initialize") {
    initialize(message, caller, responder);
  } else if (session && (message.method == "ping" || message.method == "logging/setLevel")) {
    responder->result(Json::object());
  } else if (!session && message.method == "server/discover") {
    responder->list(discover_result());
  } else {
    RpcError error;
    error.http = session ? 200 : kNotFound;
    error.code = kMethodNotFound;
    error.message = concat("the method ", message.method, " is not known here");
    responder->error(std::move(error));
  }
}

void ToolService::list(const ToolCaller& caller, const ResponderPtr& responder) {
  const AgentTools agent = agent_tools(caller, ports_);
  catalog_.all(caller.ns, [agent, responder](const std::vector<CatalogServerPtr>& servers) {
    Json tools = Json::array();
    for (const CatalogServerPtr& server : servers) {
      if (server->server.name == kAgentServer && agent.allow(kPromptTool)) {
        tools.push(prompt_definition());
      }
      for (const auto& [name, tool] : server->tools) {
        const std::string full = concat(server->server.name, kToolSeparator, name);
        if (tool.refusal.empty() && agent.allow(full) &&
            tools.as_array().size() < kToolsListedMax) {
          Json definition = tool.definition;
          tools.push(std::move(definition.set("name", full)));
        }
      }
    }
    responder->list(Json::object().set("tools", std::move(tools)));
  });
}

void ToolService::call(
    const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder
) {
  const std::string name = message.params.get_string("name");
  const AgentTools agent = agent_tools(caller, ports_);
  const std::size_t at = name.find(kToolSeparator);
  constexpr std::size_t kNameBytesMax = 256;
  if (name.size() > kNameBytesMax || !agent.allow(name) ||
      (at == std::string::npos && name != kPromptTool)) {
    const std::string shown = redact_text(name, kNameBytesMax);
    responder->error(invalid_params(concat("there is no tool \"", shown, "\"")));
    return;
  }
  if (name == kPromptTool) {
    prompt(message, caller, responder);
    return;
  }
  const std::string tool = name.substr(at + kToolSeparator.size());
  catalog_.server(
      caller.ns,
      name.substr(0, at),
      [this, tool, message, caller, responder](CatalogServerPtr server) {
        if (server == nullptr) {
          responder->error(invalid_params("there is no such tool server"));
          return;
        }
        call_tool(std::move(server), tool, message, caller, responder);
      }
  );
}

void ToolService::call_tool(
    CatalogServerPtr server,
    const std::string& tool,
    const RpcMessage& message,
    const ToolCaller& caller,
    const ResponderPtr& responder
) {
  if (!server->problem.empty()) {
    responder->result(text_result(concat("the tool server cannot be used: ", server->problem), true)
    );
    return;
  }
  CallRequest request;
  const auto found = server->tools.find(tool);
  request.server = std::move(server);
  request.caller = caller;
  request.correlation = correlation_of(message);
  request.agent = agent_tools(caller, ports_).agent;
  if (const Json* arguments = message.params.find("arguments")) {
    if (!arguments->is_object()) {
      responder->error(invalid_params("arguments must be an object"));
      return;
    }
    request.arguments = *arguments;
  }
  if (found == request.server->tools.end()) {
    request.tool.name = tool;
    request.refused = "there is no such tool";
  } else {
    request.tool = found->second;
    request.refused = request.tool.refusal;
  }
  if (request.refused.empty()) {
    if (const Result<void> fits = request.tool.schema->check(request.arguments); !fits) {
      request.refused = concat("the arguments do not fit: ", fits.error().describe());
    }
  }
  start(std::move(request), responder, [responder](CallAnswer answer) {
    responder->result(std::move(answer.result));
  });
}

void ToolService::start(
    CallRequest request, const ResponderPtr& responder, ToolCalls::OnAnswer answer
) {
  const std::string what = request.tool.name;
  responder->hold(concat(what, " is being carried out"));
  const std::string name =
      calls_.call(std::move(request), std::move(answer), [responder](const std::string& why) {
        responder->hold(why);
      });
  if (!name.empty() && responder->open()) {
    responder->on_gone([this, name] { calls_.leave(name); });
  }
}

// --- an agent's own tools -----------------------------------------------------------------------

void ToolService::prompt(
    const RpcMessage& message, const ToolCaller& caller, const ResponderPtr& responder
) {
  static const ArgumentSchema kSchema = *ArgumentSchema::compile(*parse_json(kPromptSchema));
  const Json* given = message.params.find("arguments");
  const Json arguments = given == nullptr ? Json::object() : *given;
  if (const Result<void> fits = kSchema.check(arguments); !fits) {
    responder->error(invalid_params(fits.error().describe()));
    return;
  }
  catalog_.server(
      caller.ns,
      std::string(kAgentServer),
      [this, arguments, message, caller, responder](CatalogServerPtr server) {
        if (server == nullptr || !server->problem.empty()) {
          responder->result(prompt_answer(
              false, {}, "no tool server \"agent\" says what the agent's own tools may do"
          ));
          return;
        }
        prompt_with(std::move(server), arguments, message, caller, responder);
      }
  );
}

void ToolService::prompt_with(
    CatalogServerPtr server,
    const Json& arguments,
    const RpcMessage& message,
    const ToolCaller& caller,
    const ResponderPtr& responder
) {
  CallRequest request;
  request.tool.name = arguments.get_string("tool_name");
  request.tool.policy = policy_of(server->server, request.tool.name);
  if (!request.tool.policy.allowed) {
    request.refused = concat("policy does not allow the tool ", request.tool.name);
  }
  request.server = std::move(server);
  request.arguments = *arguments.find("input");
  request.caller = caller;
  request.correlation = correlation_of(message);
  if (const std::string id = arguments.get_string("tool_use_id"); !id.empty()) {
    request.correlation.set("tool_use_id", id);
  }
  request.agent = agent_tools(caller, ports_).agent;
  request.elsewhere = true;
  start(std::move(request), responder, [responder](CallAnswer answer) {
    responder->result(
        prompt_answer(answer.allowed, std::move(answer.arguments), first_text(answer.result))
    );
  });
}

}  // namespace reeve::gateway
