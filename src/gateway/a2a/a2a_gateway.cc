#include "gateway/a2a/a2a_gateway.h"

#include <array>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "gateway/a2a/call.h"
#include "gateway/a2a/card.h"

namespace reeve::gateway::a2a {

namespace {

constexpr std::string_view kCardPath = "/.well-known/agent-card.json";
constexpr std::string_view kHttpRoot = "v1";
constexpr int kOk = 200;
constexpr int kNotFound = 404;
constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr Duration kCloseTimeout{10'000};

/// The parts of `/a2a/…`, without the first.
std::vector<std::string> parts_of(const net::Request& request) {
  std::vector<std::string> parts;
  for (const std::string_view one : split(request.path, '/')) {
    if (!one.empty()) {
      parts.emplace_back(one);
    }
  }
  if (!parts.empty()) {
    parts.erase(parts.begin());
  }
  return parts;
}

bool is_http_binding(const std::vector<std::string>& parts) {
  constexpr std::size_t kAt = 2;
  return parts.size() > kAt && parts[kAt] == kHttpRoot;
}

std::string version_of(const net::Request& request) {
  if (const std::string* given = request.headers.find(kVersionHeader)) {
    return *given;
  }
  const std::string* given = request.find_query(kVersionHeader);
  return given == nullptr ? std::string() : *given;
}

Fault malformed(int code, std::string message) {
  Fault fault = invalid_params(std::move(message));
  fault.code = code;
  return fault;
}

struct Operation {
  /// Of JSON-RPC.
  std::string_view name;
  void (*run)(const CallPtr& call, const Json& params);
};

void send_plain(const CallPtr& call, const Json& params) {
  send_message(call, params, false);
}

void send_streaming(const CallPtr& call, const Json& params) {
  send_message(call, params, true);
}

void refuse_push(const CallPtr& call, const Json& /*params*/) {
  call->caller.fail(push_not_supported());
}

constexpr std::array kOperations = {
    Operation{"SendMessage", send_plain},
    Operation{"SendStreamingMessage", send_streaming},
    Operation{"GetTask", get_task},
    Operation{"ListTasks", list_tasks},
    Operation{"CancelTask", cancel_task},
    Operation{"SubscribeToTask", subscribe},
    Operation{"CreateTaskPushNotificationConfig", refuse_push},
    Operation{"GetTaskPushNotificationConfig", refuse_push},
    Operation{"ListTaskPushNotificationConfigs", refuse_push},
    Operation{"DeleteTaskPushNotificationConfig", refuse_push}};

void run_rpc(const CallPtr& call, const std::string& method, const Json& params) {
  for (const Operation& operation : kOperations) {
    if (operation.name == method) {
      operation.run(call, params);
      return;
    }
  }
  call->caller.fail(method_not_found(method));
}

/// The parameters of a GET: its query, with numbers and flags as such.
Json params_of_query(const net::Request& request) {
  Json params = Json::object();
  for (const auto& [name, value] : request.query) {
    const Result<Json> parsed = value.size() <= 20 ? parse_json(value) : Result<Json>(Json());
    const bool scalar = parsed && (parsed->is_int() || parsed->is_bool()) && name != "pageToken" &&
                        name != "contextId";
    params.set(name, scalar ? *parsed : Json(value));
  }
  return params;
}

}  // namespace

/// The gateway while it is open.
class A2aGateway::Core {
 public:
  Core(const GatewayServices& services, std::string version)
      : shared_(std::make_shared<Shared>(services)), version_(std::move(version)) {}

  Result<void> open() {
    const auto missions = shared_->services.view.find_type("missions");
    const auto workflows = shared_->services.view.find_type("workflows");
    if (!missions || !workflows) {
      return make_error(ErrorCode::Unsupported, "missions and workflows are not in the view");
    }
    shared_->missions = *missions;
    shared_->workflows = *workflows;
    return {};
  }

  /// Between two steps of the network thread: what is under way there ends before, and what comes
  /// later finds it closed.
  void close() {
    (void
    )shared_->services.server.run([shared = shared_] { shared->closed = true; }, kCloseTimeout);
    shared_->closed = true;
  }

  void serve(GatewayRequest request) {
    const std::shared_ptr<net::Exchange> exchange = request.exchange;
    const net::Request& asked = exchange->request();
    if (asked.path == kCardPath) {
      net_card(request, {}, {});
      return;
    }
    const std::vector<std::string> parts = parts_of(asked);
    constexpr std::size_t kCardParts = 4;
    if (parts.size() == kCardParts && asked.path.ends_with(kCardPath)) {
      net_card(request, parts[0], parts[1]);
    } else if (is_http_binding(parts)) {
      serve_http(std::move(request), parts);
    } else if (parts.empty() || parts.size() == 2) {
      serve_rpc(std::move(request), parts);
    } else {
      respond(*exchange, kNotFound, Json::object().set("error", "there is nothing here"));
    }
  }

 private:
  void net_card(const GatewayRequest& request, const std::string& ns, const std::string& agent)
      const {
    const std::string base = base_of(request.exchange->request());
    if (agent.empty()) {
      respond(
          *request.exchange, kOk, installation_card(find_agents(*shared_, request), base, version_)
      );
      return;
    }
    const api::view::ProjectedPtr workflow = find_agent(*shared_, request, ns, agent);
    if (workflow == nullptr) {
      respond(*request.exchange, kNotFound, Json::object().set("error", "there is no such agent"));
      return;
    }
    respond(*request.exchange, kOk, agent_card(workflow->object, base, version_));
  }

  CallPtr make_call(
      GatewayRequest request, Binding binding, Json id, const std::vector<std::string>& parts
  ) const {
    const std::shared_ptr<net::Exchange> exchange = request.exchange;
    return std::make_shared<Call>(Call{
        .shared = shared_,
        .request = std::move(request),
        .caller = Caller(exchange, binding, std::move(id)),
        .ns = parts.empty() ? std::string() : parts[0],
        .agent = parts.empty() ? std::string() : parts[1]});
  }

  /// Who speaks another version is told so, and nothing else.
  static bool speaks(const Call& call) {
    const std::string version = version_of(call.request.exchange->request());
    if (version == kVersion) {
      return true;
    }
    call.caller.fail(version_not_supported(version));
    return false;
  }

  void serve_rpc(GatewayRequest request, const std::vector<std::string>& parts) const {
    const Result<Json> body = parse_json(request.exchange->request().body);
    const bool object = body && body->is_object();
    const Json* id = object ? body->find("id") : nullptr;
    const bool post = request.exchange->request().method == "POST";
    const CallPtr call =
        make_call(std::move(request), Binding::JsonRpc, id == nullptr ? Json() : *id, parts);
    if (!post || !body) {
      call->caller.fail(malformed(kParseError, "send one JSON-RPC request by POST"));
      return;
    }
    if (!object || body->get_string("jsonrpc") != "2.0" || id == nullptr) {
      call->caller.fail(malformed(kInvalidRequest, "is no JSON-RPC 2.0 request with an id"));
      return;
    }
    if (!speaks(*call)) {
      return;
    }
    const Json* params = body->find("params");
    const bool given = params != nullptr && params->is_object();
    run_rpc(call, body->get_string("method"), given ? *params : Json::object());
  }

  void serve_http(GatewayRequest request, const std::vector<std::string>& parts) const {
    const CallPtr call = make_call(std::move(request), Binding::Http, {}, parts);
    const net::Request& asked = call->request.exchange->request();
    if (!speaks(*call)) {
      return;
    }
    Json params = params_of_query(asked);
    if (!asked.body.empty()) {
      Result<Json> body = parse_json(asked.body);
      if (!body || !body->is_object()) {
        call->caller.fail(invalid_params("the body is no JSON object"));
        return;
      }
      params = *std::move(body);
    }
    run_http(call, std::vector<std::string>(parts.begin() + 3, parts.end()), std::move(params));
  }

  static void run_http(const CallPtr& call, const std::vector<std::string>& rest, Json params) {
    const std::string& method = call->request.exchange->request().method;
    const bool post = method == "POST";
    const bool get = method == "GET";
    if (rest.size() == 1 && post && rest[0] == "message:send") {
      send_message(call, params, false);
    } else if (rest.size() == 1 && post && rest[0] == "message:stream") {
      send_message(call, params, true);
    } else if (rest.size() == 1 && get && rest[0] == "tasks") {
      list_tasks(call, params);
    } else if (rest.size() == 2 && rest[0] == "tasks") {
      const std::size_t colon = rest[1].rfind(':');
      const std::string verb =
          colon == std::string::npos ? std::string() : rest[1].substr(colon + 1);
      params.set("id", rest[1].substr(0, colon));
      if (get && verb.empty()) {
        get_task(call, params);
      } else if (post && verb == "cancel") {
        cancel_task(call, params);
      } else if ((post || get) && verb == "subscribe") {
        subscribe(call, params);
      } else {
        call->caller.fail(method_not_found(rest[1]));
      }
    } else if (rest.size() >= 3 && rest[0] == "tasks" && rest[2] == "pushNotificationConfigs") {
      call->caller.fail(push_not_supported());
    } else {
      call->caller.fail(method_not_found(rest.empty() ? std::string() : rest[0]));
    }
  }

  std::shared_ptr<Shared> shared_;
  std::string version_;
};

A2aGateway::A2aGateway(std::string version) : version_(std::move(version)) {}

A2aGateway::~A2aGateway() = default;

Result<void> A2aGateway::open(const GatewayServices& services) {
  if (core_ != nullptr) {
    // It answers at two prefixes.
    return {};
  }
  auto core = std::make_shared<Core>(services, version_);
  REEVE_CHECK(core->open());
  core_ = std::move(core);
  return {};
}

void A2aGateway::serve(GatewayRequest request) {
  if (core_ != nullptr) {
    core_->serve(std::move(request));
  }
}

void A2aGateway::refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal) {
  const Binding binding =
      is_http_binding(parts_of(exchange->request())) ? Binding::Http : Binding::JsonRpc;
  a2a::refuse(*exchange, binding, refusal);
}

void A2aGateway::close() {
  if (core_ != nullptr) {
    core_->close();
  }
}

}  // namespace reeve::gateway::a2a
