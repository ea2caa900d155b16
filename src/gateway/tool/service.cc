#include "gateway/tool/service.h"

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "gateway/tool/param_headers.h"

namespace reeve::gateway {

namespace {

using ResponderPtr = std::shared_ptr<Responder>;

constexpr int kAccepted = 202;
constexpr int kNoContent = 204;
constexpr int kBadRequest = 400;
constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr std::size_t kSessionBytes = 16;
constexpr std::size_t kCorrelationBytesMax = 200;
constexpr std::size_t kParamsMax = 50;
constexpr std::size_t kRefusedBytesMax = 1'024;
constexpr std::string_view kTooLarge = "the arguments are larger than can be put on record";
constexpr std::size_t kToolsListedMax = 2'000;
constexpr std::string_view kSessionHeader = "Mcp-Session-Id";

constexpr std::string_view kPromptSchema =
    R"({"type":"object","required":["tool_name","input"],"properties":{)"
    R"("tool_name":{"type":"string","minLength":1,"maxLength":128},"input":{"type":"object"},)"
    R"("tool_use_id":{"type":"string","maxLength":200}}})";

/// The server that a path is about, empty for all of them; nothing: it is no path of ours.
std::optional<std::string> server_in(std::string_view path) {
  constexpr std::string_view kRoot = "/mcp";
  if (!path.starts_with(kRoot)) {
    return std::nullopt;
  }
  path.remove_prefix(kRoot.size());
  if (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  if (path.empty()) {
    return std::string();
  }
  path.remove_prefix(1);
  return path.find('/') == std::string_view::npos ? std::optional(std::string(path)) : std::nullopt;
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
  if (const std::string key = message.meta().get_string(kIdempotencyMeta); !key.empty()) {
    names.set("idempotencyKey", key.size() <= kCorrelationBytesMax ? key : sha256(key).str());
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

/// Longer than that nobody waits who says for how long.
constexpr Duration kDecisionWaitMax = std::chrono::hours(1);

/// How long the client waits for people; nothing: until they have decided.
Result<std::optional<Duration>> decision_wait(const RpcMessage& message) {
  const Json* given = message.meta().find(kDecisionWaitMeta);
  if (given == nullptr) {
    return std::optional<Duration>();
  }
  const Result<Duration> wait = given->is_string()
                                    ? parse_duration(given->as_string())
                                    : make_error(ErrorCode::Invalid, "is no duration");
  if (!wait || *wait < Duration(0) || *wait > kDecisionWaitMax) {
    return make_error(
        ErrorCode::Invalid,
        concat("_meta: ", kDecisionWaitMeta, " is no duration such as 1m of at most 1h")
    );
  }
  return std::optional(*wait);
}

/// Sends a client away whose call people are to decide about, unless they do so in time. It lives
/// as long as the client waits, and its timer no longer.
class Parting : public std::enable_shared_from_this<Parting> {
 public:
  Parting(const ResponderPtr& responder, const std::shared_ptr<ToolCalls>& calls)
      : responder_(responder), calls_(calls) {}

  ~Parting() {
    if (cancel_) {
      cancel_();
    }
  }

  Parting(const Parting&) = delete;
  Parting& operator=(const Parting&) = delete;

  void set_ticket(ToolCalls::Ticket ticket) { ticket_ = ticket; }

  void held(const std::string& reason, Duration wait, const ToolPorts& ports) {
    const bool first = why_.empty();
    why_ = reason;
    if (first) {
      cancel_ = ports.after(wait, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->part();
        }
      });
    }
  }

 private:
  void part() {
    cancel_ = nullptr;
    const auto calls = calls_.lock();
    const auto responder = responder_.lock();
    // What is decided is carried out, however long that takes.
    if (calls == nullptr || responder == nullptr || !responder->open() ||
        !calls->is_awaited(ticket_)) {
      return;
    }
    RpcError error;
    error.code = kWaitsForDecision;
    error.message = why_;
    calls->leave(ticket_);
    responder->error(std::move(error));
  }

  std::weak_ptr<Responder> responder_;
  std::weak_ptr<ToolCalls> calls_;
  ToolCalls::Ticket ticket_ = 0;
  std::string why_;
  ToolPorts::Cancel cancel_;
};

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
  const std::optional<std::string> server = server_in(request.path);
  if (!server ||
      (!server->empty() && ports_.object("toolservers", caller.ns, *server) == nullptr)) {
    refuse(exchange, kNotFound, "there is no such tool server");
    return;
  }
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
  Asked asked;
  asked.message = std::get<RpcMessage>(std::move(read));
  const bool in_session = asked.message.era == Era::Session && asked.message.method != "initialize";
  Session* session = in_session ? session_of(request, caller) : nullptr;
  if (in_session && session == nullptr) {
    const bool named = request.headers.find(kSessionHeader) != nullptr;
    refuse(
        exchange,
        named ? kNotFound : kBadRequest,
        named ? "there is no such session (any more)" : "the header Mcp-Session-Id is missing"
    );
    return;
  }
  if (!asked.message.is_request()) {
    net::Response response;
    response.status = kAccepted;
    exchange->respond(std::move(response));
    return;
  }
  asked.log_level =
      session != nullptr ? session->log_level : asked.message.meta().get_string(kLogLevelMeta);
  asked.caller = std::move(caller);
  asked.server = *server;
  for (const net::Header& header : request.headers) {
    if (to_lower(header.name).starts_with("mcp-param-") && asked.params.size() < kParamsMax) {
      asked.params.push_back(header);
    }
  }
  asked.responder = Responder::create(exchange, asked.message, ports_);
  dispatch(asked, request);
}

// --- sessions -----------------------------------------------------------------------------------

/// The session of the sender; null: there is none, or it is over.
Session* ToolService::session_of(const net::Request& request, const ToolCaller& caller) {
  const std::string* id = request.headers.find(kSessionHeader);
  return id == nullptr ? nullptr : sessions_.find(*id, caller, ports_.now());
}

void ToolService::end_session(
    const std::shared_ptr<net::Exchange>& exchange, const ToolCaller& caller
) {
  if (session_of(exchange->request(), caller) == nullptr) {
    refuse(exchange, kNotFound, "there is no such session (any more)");
    return;
  }
  sessions_.end(*exchange->request().headers.find(kSessionHeader));
  net::Response response;
  response.status = kNoContent;
  exchange->respond(std::move(response));
}

void ToolService::initialize(const Asked& asked) {
  const std::string id = ports_.random_hex(kSessionBytes);
  const bool added =
      sessions_.add(id, asked.caller, ports_.now(), [this](const ToolCaller& caller) {
        const ObjectPtr run =
            caller.run.empty() ? nullptr : ports_.object("runs", caller.ns, caller.run);
        return caller.run.empty() ||
               (run != nullptr && run->get_object("status").find("endedAt") == nullptr);
      });
  if (!added) {
    RpcError error;
    error.http = 503;
    error.message = "there are too many sessions; try again later";
    asked.responder->error(std::move(error));
    return;
  }
  asked.responder->header(std::string(kSessionHeader), id);
  asked.responder->result(initialize_result(asked.message.params.get_string("protocolVersion")));
}

void ToolService::set_level(const Asked& asked, const net::Request& request) {
  const std::string level = asked.message.params.get_string("level");
  Session* session = session_of(request, asked.caller);
  if (!severity_of(level) || session == nullptr) {
    asked.responder->error(invalid_params("there is no such level"));
    return;
  }
  session->log_level = level;
  asked.responder->result(Json::object());
}

// --- methods ------------------------------------------------------------------------------------

void ToolService::dispatch(const Asked& asked, const net::Request& request) {
  const std::string& method = asked.message.method;
  const bool session = asked.message.era == Era::Session;
  if (method == "tools/list") {
    list(asked);
  } else if (method == "tools/call") {
    call(asked);
  } else if (session && method == "initialize") {
    initialize(asked);
  } else if (session && method == "ping") {
    asked.responder->result(Json::object());
  } else if (session && method == "logging/setLevel") {
    set_level(asked, request);
  } else if (!session && method == "server/discover") {
    asked.responder->list(discover_result());
  } else {
    RpcError error;
    error.http = session ? 200 : kNotFound;
    error.code = kMethodNotFound;
    error.message = concat("the method ", method, " is not known here");
    asked.responder->error(std::move(error));
  }
}

void ToolService::list(const Asked& asked) {
  const AgentTools agent = AgentTools::of(asked.caller, ports_);
  const bool bare = !asked.server.empty();
  const bool is_agent = !asked.caller.agent.empty();
  const auto told = [agent, bare, is_agent, responder = asked.responder](
                        const std::vector<CatalogServerPtr>& servers
                    ) {
    Json tools = Json::array();
    // An agent's command line is told to ask it, and ends if it is not there.
    bool prompts = !bare && is_agent;
    for (const CatalogServerPtr& server : servers) {
      prompts = prompts || (!bare && server->server.name == kAgentServer);
    }
    if (prompts) {
      tools.push(prompt_definition());
    }
    for (const CatalogServerPtr& server : servers) {
      for (const auto& [name, tool] : server->tools) {
        if (tool.refusal.empty() && agent.allow(server->server.name, name) &&
            tools.as_array().size() < kToolsListedMax) {
          Json definition = tool.definition;
          tools.push(std::move(definition.set(
              "name", bare ? name : concat(server->server.name, kToolSeparator, name)
          )));
        }
      }
    }
    responder->list(Json::object().set("tools", std::move(tools)));
  };
  if (bare) {
    catalog_.server(asked.caller.ns, asked.server, [told](CatalogServerPtr server) {
      told(server == nullptr ? std::vector<CatalogServerPtr>() : std::vector{std::move(server)});
    });
  } else {
    catalog_.all(asked.caller.ns, told);
  }
}

void ToolService::call(const Asked& asked) {
  const std::string name = asked.message.params.get_string("name");
  const std::size_t at = name.find(kToolSeparator);
  constexpr std::size_t kNameBytesMax = 256;
  const bool bare = !asked.server.empty();
  if (!bare && name == kPromptTool) {
    prompt(asked);
    return;
  }
  const bool named = name.size() <= kNameBytesMax && (bare || at != std::string::npos);
  const std::string server = bare ? asked.server : name.substr(0, named ? at : 0);
  const std::string tool = bare || !named ? name : name.substr(at + kToolSeparator.size());
  if (!named || !AgentTools::of(asked.caller, ports_).allow(server, tool)) {
    const std::string shown = redact_text(name, kNameBytesMax);
    asked.responder->error(invalid_params(concat("there is no tool \"", shown, "\"")));
    return;
  }
  catalog_.server(asked.caller.ns, server, [this, tool, asked](CatalogServerPtr found) {
    if (found == nullptr) {
      asked.responder->error(invalid_params("there is no such tool server"));
      return;
    }
    call_tool(asked, std::move(found), tool);
  });
}

void ToolService::call_tool(const Asked& asked, CatalogServerPtr server, const std::string& tool) {
  const ResponderPtr& responder = asked.responder;
  if (!server->problem.empty()) {
    responder->result(text_result(concat("the tool server cannot be used: ", server->problem), true)
    );
    return;
  }
  CallRequest request;
  const auto found = server->tools.find(tool);
  request.server = std::move(server);
  request.caller = asked.caller;
  request.correlation = correlation_of(asked.message);
  if (const Json* arguments = asked.message.params.find("arguments")) {
    if (!arguments->is_object()) {
      responder->error(invalid_params("arguments must be an object"));
      return;
    }
    // Before anything is done with them that takes time.
    if (!fits_record(*arguments, engine::kToolArgumentsBytesMax)) {
      responder->result(text_result(std::string(kTooLarge), true));
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
    const Json* schema = request.tool.definition.find("inputSchema");
    if (asked.message.era == Era::Stateless && schema != nullptr) {
      RpcError differs;
      differs.http = kBadRequest;
      differs.code = kHeaderMismatch;
      differs.message = param_mismatch(*schema, request.arguments, asked.params);
      if (!differs.message.empty()) {
        responder->error(std::move(differs));
        return;
      }
    }
  }
  if (request.refused.empty()) {
    if (const Result<void> fits = request.tool.schema->check(request.arguments); !fits) {
      request.refused = redact_text(
          concat("the arguments do not fit: ", fits.error().describe()), kRefusedBytesMax
      );
    }
  }
  start(asked, std::move(request), [responder](CallAnswer answer) {
    responder->result(std::move(answer.result));
  });
}

void ToolService::start(const Asked& asked, CallRequest request, ToolCalls::OnAnswer answer) {
  const ResponderPtr& responder = asked.responder;
  const Result<std::optional<Duration>> wait = decision_wait(asked.message);
  if (!wait) {
    responder->error(invalid_params(wait.error().message));
    return;
  }
  const auto parting = std::make_shared<Parting>(responder, calls_);
  responder->hold(concat(request.tool.name, " is being carried out"));
  request.listener.log_level = asked.log_level;
  request.listener.note = [responder](std::string_view method, const Json& params) {
    responder->note(method, params);
  };
  const ToolCalls::Ticket ticket = calls_->call(
      std::move(request),
      std::move(answer),
      [responder, parting, wait = *wait, ports = &ports_](const std::string& why) {
        responder->hold(why);
        if (wait) {
          parting->held(why, *wait, *ports);
        }
      }
  );
  parting->set_ticket(ticket);
  if (ticket != 0 && responder->open()) {
    responder->on_gone([calls = std::weak_ptr(calls_), ticket] {
      if (const auto there = calls.lock()) {
        there->leave(ticket);
      }
    });
  }
}

// --- an agent's own tools -----------------------------------------------------------------------

void ToolService::prompt(const Asked& asked) {
  static const ArgumentSchema kSchema = *ArgumentSchema::compile(*parse_json(kPromptSchema));
  const Json* given = asked.message.params.find("arguments");
  if (given != nullptr && !fits_record(*given, engine::kToolArgumentsBytesMax)) {
    asked.responder->result(prompt_answer(false, {}, std::string(kTooLarge)));
    return;
  }
  const Json arguments = given == nullptr ? Json::object() : *given;
  if (const Result<void> fits = kSchema.check(arguments); !fits) {
    asked.responder->error(invalid_params(fits.error().describe()));
    return;
  }
  catalog_.server(
      asked.caller.ns,
      std::string(kAgentServer),
      [this, arguments, asked](CatalogServerPtr server) {
        if (server == nullptr || !server->problem.empty()) {
          asked.responder->result(prompt_answer(
              false, {}, "no tool server \"agent\" says what the agent's own tools may do"
          ));
          return;
        }
        prompt_with(asked, std::move(server), arguments);
      }
  );
}

void ToolService::prompt_with(const Asked& asked, CatalogServerPtr server, const Json& arguments) {
  CallRequest request;
  request.tool.name = arguments.get_string("tool_name");
  request.tool.policy = policy_of(server->server, request.tool.name);
  if (!request.tool.policy.allowed) {
    request.refused = concat("policy does not allow the tool ", request.tool.name);
  }
  request.server = std::move(server);
  request.arguments = *arguments.find("input");
  request.caller = asked.caller;
  request.correlation = correlation_of(asked.message);
  if (const std::string id = arguments.get_string("tool_use_id"); !id.empty()) {
    request.correlation.set("tool_use_id", id);
  }
  request.elsewhere = true;
  start(asked, std::move(request), [responder = asked.responder](CallAnswer answer) {
    responder->result(
        prompt_answer(answer.allowed, std::move(answer.arguments), first_text(answer.result))
    );
  });
}

}  // namespace reeve::gateway
