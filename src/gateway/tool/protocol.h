#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.h"
#include "net/request.h"

/// The Model Context Protocol as its clients speak it: with sessions (to 2025-11-25), and without
/// (2026-07-28). Pure; any thread.
namespace reeve::gateway {

inline constexpr std::string_view kStatelessVersion = "2026-07-28";
inline constexpr std::string_view kSessionVersion = "2025-11-25";
inline constexpr std::array<std::string_view, 3> kSessionVersions = {
    "2025-11-25", "2025-06-18", "2025-03-26"};

inline constexpr std::string_view kVersionMeta = "io.modelcontextprotocol/protocolVersion";
inline constexpr std::string_view kCapabilitiesMeta = "io.modelcontextprotocol/clientCapabilities";

/// A name that a client gives to a call so that it can send it again without having it done twice.
inline constexpr std::string_view kIdempotencyMeta = "reeve.dev/idempotencyKey";
/// How long a client waits for people to decide, such as "1m"; it is answered kWaitsForDecision
/// then and sends the call again under its idempotency key when it likes.
inline constexpr std::string_view kDecisionWaitMeta = "reeve.dev/decisionWait";
inline constexpr std::string_view kLogLevelMeta = "io.modelcontextprotocol/logLevel";

inline constexpr std::string_view kProgressMethod = "notifications/progress";
inline constexpr std::string_view kLogMethod = "notifications/message";

inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;
inline constexpr int kHeaderMismatch = -32020;
inline constexpr int kMissingCapability = -32021;
inline constexpr int kUnsupportedVersion = -32022;
inline constexpr int kWaitsForDecision = -32050;

/// One message of a request may be that large, and that deep.
inline constexpr std::size_t kMessageBytesMax = std::size_t{2} << 20U;

enum class Era { Session, Stateless };

struct RpcError {
  int http = 200;
  int code = kInternalError;
  std::string message;
  /// Null: none.
  Json data = {};
  /// Of the request; null if it could not be read.
  Json id = {};
};

/// A message of a client.
struct RpcMessage {
  Era era = Era::Session;
  /// Null: a notification.
  Json id;
  /// Empty: a response, which nobody has asked for.
  std::string method;
  Json params = Json::object();

  bool is_request() const { return !id.is_null() && !method.empty(); }

  /// `params._meta`, an empty object if there is none.
  const Json& meta() const;
};

/// How severe messages of a log are, from 0 (debug) to 7 (emergency); nothing: there is no such
/// level.
std::optional<int> severity_of(std::string_view level);

/// Reads the body of a POST and compares it with its headers.
std::variant<RpcMessage, RpcError> read_message(const net::Request& request);

Json result_message(const Json& id, Json result);
Json error_message(const RpcError& error);

/// A result as the era has it: the stateless one says that it is complete.
Json in_era(Era era, Json result);

/// The same of a list, or of what the server is: how long it may be kept.
Json list_in_era(Era era, Json result);

/// What `initialize` is answered with; `requested` is the revision that the client wants.
Json initialize_result(std::string_view requested);

Json discover_result();

}  // namespace reeve::gateway
