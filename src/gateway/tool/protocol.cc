#include "gateway/tool/protocol.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::gateway {

namespace {

constexpr int kBadRequest = 400;
constexpr int kDepthMax = 64;
/// A list of tools changes with policy: it is not to be kept for long.
constexpr int kListMillis = 5'000;
constexpr std::string_view kInstructions =
    "Tools are named SERVER__TOOL. Calls are checked, may wait for a person, and are recorded.";

RpcError bad(int code, std::string message, Json id = {}) {
  RpcError error;
  error.http = kBadRequest;
  error.code = code;
  error.message = std::move(message);
  error.id = std::move(id);
  return error;
}

Json server_info() {
  return Json::object().set("name", "reeve").set("version", "1");
}

RpcError unsupported_version(std::string_view requested, Json id) {
  RpcError error = bad(
      kUnsupportedVersion, concat("the revision ", requested, " is not spoken here"), std::move(id)
  );
  Json supported = Json::array();
  supported.push(kStatelessVersion);
  error.data = Json::object().set("requested", requested).set("supported", std::move(supported));
  return error;
}

/// What the header Mcp-Name repeats.
std::string name_of(const RpcMessage& message) {
  if (message.method == "tools/call" || message.method == "prompts/get") {
    return message.params.get_string("name");
  }
  return message.method == "resources/read" ? message.params.get_string("uri") : std::string();
}

/// Headers say what the body says: whoever decides by one of them decides about the same.
std::variant<RpcMessage, RpcError> check_stateless(
    const net::Request& request, RpcMessage message
) {
  message.era = Era::Stateless;
  const std::string version = message.meta().get_string(kVersionMeta);
  const std::string_view header = request.headers.get("MCP-Protocol-Version");
  if (header != version) {
    return bad(
        kHeaderMismatch, "the header MCP-Protocol-Version is not what _meta says", message.id
    );
  }
  if (version != kStatelessVersion) {
    return unsupported_version(version, message.id);
  }
  const Json* capabilities = message.meta().find(kCapabilitiesMeta);
  if (capabilities == nullptr || !capabilities->is_object()) {
    return bad(kInvalidParams, concat("_meta lacks ", kCapabilitiesMeta), message.id);
  }
  if (request.headers.get("Mcp-Method") != message.method) {
    return bad(kHeaderMismatch, "the header Mcp-Method is not the method", message.id);
  }
  const std::string name = name_of(message);
  if (!name.empty() && request.headers.get("Mcp-Name") != name) {
    return bad(kHeaderMismatch, "the header Mcp-Name is not the name", message.id);
  }
  return message;
}

std::variant<RpcMessage, RpcError> check_session(const net::Request& request, RpcMessage message) {
  const std::string_view header = request.headers.get("MCP-Protocol-Version");
  if (header == kStatelessVersion) {
    return bad(kInvalidParams, concat("_meta lacks ", kVersionMeta), message.id);
  }
  const bool known =
      std::find(kSessionVersions.begin(), kSessionVersions.end(), header) != kSessionVersions.end();
  if (!header.empty() && !known && message.method != "initialize") {
    return unsupported_version(header, message.id);
  }
  return message;
}

}  // namespace

const Json& RpcMessage::meta() const {
  static const Json kNone = Json::object();
  const Json* found = params.find("_meta");
  return found != nullptr && found->is_object() ? *found : kNone;
}

std::optional<int> severity_of(std::string_view level) {
  constexpr std::array<std::string_view, 8> kLevels = {
      "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};
  const auto* const found = std::find(kLevels.begin(), kLevels.end(), level);
  return found == kLevels.end() ? std::nullopt
                                : std::optional(static_cast<int>(found - kLevels.begin()));
}

std::variant<RpcMessage, RpcError> read_message(const net::Request& request) {
  const Result<Json> body =
      parse_json(request.body, {.depth_max = kDepthMax, .size_bytes_max = kMessageBytesMax});
  if (!body) {
    return bad(kParseError, body.error().message);
  }
  if (!body->is_object() || body->get_string("jsonrpc") != "2.0") {
    return bad(kInvalidRequest, "one message of JSON-RPC 2.0 is expected");
  }
  RpcMessage message;
  if (const Json* id = body->find("id")) {
    if (!id->is_string() && !id->is_int()) {
      return bad(kInvalidRequest, "an id is a text or a whole number");
    }
    message.id = *id;
  }
  message.method = body->get_string("method");
  if (message.method.empty()) {
    const bool response = body->find("result") != nullptr || body->find("error") != nullptr;
    return response ? std::variant<RpcMessage, RpcError>(message)
                    : bad(kInvalidRequest, "there is no method", message.id);
  }
  if (const Json* params = body->find("params")) {
    if (!params->is_object()) {
      return bad(kInvalidParams, "params must be an object", message.id);
    }
    message.params = *params;
  }
  const Json* version = message.meta().find(kVersionMeta);
  return version != nullptr ? check_stateless(request, std::move(message))
                            : check_session(request, std::move(message));
}

Json result_message(const Json& id, Json result) {
  return Json::object().set("jsonrpc", "2.0").set("id", id).set("result", std::move(result));
}

Json error_message(const RpcError& error) {
  Json json = Json::object();
  json.set("code", error.code).set("message", error.message);
  if (!error.data.is_null()) {
    json.set("data", error.data);
  }
  return Json::object().set("jsonrpc", "2.0").set("id", error.id).set("error", std::move(json));
}

Json in_era(Era era, Json result) {
  if (era == Era::Stateless) {
    result.set("resultType", "complete");
  }
  return result;
}

Json list_in_era(Era era, Json result) {
  if (era == Era::Stateless) {
    // What one may see is not for others.
    result.set("ttlMs", kListMillis).set("cacheScope", "private");
  }
  return in_era(era, std::move(result));
}

Json initialize_result(std::string_view requested) {
  const bool known = std::find(kSessionVersions.begin(), kSessionVersions.end(), requested) !=
                     kSessionVersions.end();
  Json capabilities = Json::object();
  capabilities.set("tools", Json::object().set("listChanged", false));
  capabilities.set("logging", Json::object());
  Json result = Json::object();
  result.set("protocolVersion", known ? requested : kSessionVersion);
  result.set("capabilities", std::move(capabilities)).set("serverInfo", server_info());
  return result.set("instructions", kInstructions);
}

Json discover_result() {
  Json versions = Json::array();
  versions.push(kStatelessVersion);
  Json result = Json::object();
  result.set("supportedVersions", std::move(versions));
  result.set("capabilities", Json::object().set("tools", Json::object()));
  result.set("instructions", kInstructions);
  Json meta = Json::object();
  meta.set("io.modelcontextprotocol/serverInfo", server_info());
  result.set("serverInfo", server_info()).set("_meta", std::move(meta));
  return list_in_era(Era::Stateless, std::move(result));
}

}  // namespace reeve::gateway
