#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/model/format/operation.h"

namespace reeve::gateway::model {

/// Why a client gets no answer of a model.
enum class GatewayErrorKind : std::uint8_t {
  BudgetExhausted,   ///< a quota is used up; asking again does not help
  Held,              ///< the mission stands still until somebody decides; as above
  RateLimited,       ///< later, yes
  Unauthorised,      ///< no token, or one that is not valid (any more)
  Forbidden,         ///< it may not
  NotFound,          ///< no such operation
  MethodNotAllowed,  ///< not with this method
  UpgradeRequired,   ///< WebSockets are not spoken; plain HTTP is
  UnknownModel,      ///< no route has such a model
  Malformed,         ///< the request is wrong
  CallIdReused,      ///< its name stands for another request already
  TooLarge,          ///< its body is too large
  ContextTooLong,    ///< its input does not fit any model that it may ask
  Unbounded,         ///< its cost cannot be bounded
  Guardrail,         ///< something in it may not pass
  Busy,              ///< no place or no provider at the moment
  UpstreamFailed,    ///< no provider could answer
  UpstreamTimeout,   ///< none did in time
  Internal,          ///< our own fault
};

/// "budget_exhausted", …; for metrics and logs.
std::string_view to_string(GatewayErrorKind kind);

struct GatewayError {
  GatewayErrorKind kind = GatewayErrorKind::Internal;
  /// For people; never anything of a request or a secret.
  std::string message = {};
  /// Of RateLimited, Busy, UpstreamFailed; 0: not told.
  std::uint32_t retry_after_seconds = 0;
  /// The member of the request that it is about; empty: none.
  std::string param = {};
  /// Of MethodNotAllowed: what is allowed.
  std::string allow = {};
};

struct ErrorAnswer {
  int status = 500;
  /// `Content-Type` among them; not the length.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// The answer in the words of a dialect. Statuses, headers and codes are those at which real
/// clients stop at once where asking again cannot help (429, `x-should-retry: false` and
/// `insufficient_quota` or `enforced_spend_limit_reached`), and at which they wait where it can
/// (429 and `retry-after`).
ErrorAnswer error_answer(Operation operation, Dialect dialect, const GatewayError& error);

/// The event that ends a stream which has begun. Only between two events; elsewhere the connection
/// has to be broken. `event_number`: of Responses, how many events were passed on.
std::string error_event(
    Operation operation, const GatewayError& error, std::uint64_t event_number = 0
);

/// What a refusal with this status is called: 401, 403, 404, 405, 413, 421, 426, 429, 503.
GatewayErrorKind error_kind_of_status(int status);

}  // namespace reeve::gateway::model
