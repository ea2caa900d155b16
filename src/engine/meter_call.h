#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/meter_ledger.h"
#include "engine/quota.h"
#include "journal/event.h"

/// One call of a model: who asked for it, what was promised to it, what it has used. Never what was
/// said. Pure.
namespace reeve::engine {

///            reserve              settle
///   (none) ───────────▶ Open ─────────────▶ Settled
///                         │     refund
///                         └───────────────▶ Refunded
enum class CallPhase : std::uint8_t { Open, Settled, Refunded };

std::string_view to_string(CallPhase phase);  ///< "Open" …

/// What is known when a call is asked for; `worst` is the most that it can use.
struct CallRequest {
  Spender who;
  std::string route;
  std::string provider;
  std::string model;
  std::string principal;
  Spent worst;
};

/// What is known when it is over.
struct CallEnd {
  /// completed, cut, failed, refused, unknown
  std::string outcome;
  std::uint32_t status = 0;
  Spent spent;
  /// Those that have answered, if they are not those that were asked.
  std::string provider;
  std::string model;
  std::uint64_t duration_ms = 0;
  std::uint64_t first_byte_ms = 0;
  std::string stop_reason;
  std::string request_digest;
  std::uint32_t tool_calls = 0;
};

struct ModelCall {
  Uid uid;
  CallRequest request;
  /// Rows of usage of the quotas that count it.
  std::vector<journal::ObjectKey> quotas;
  CallPhase phase = CallPhase::Open;
  std::optional<CallEnd> end;
  /// Why it was refunded.
  std::string reason;
  Timestamp created_at;
  std::optional<Timestamp> ended_at;
  Revision revision;
  bool deleted = false;

  /// Where it counts.
  ChargedTo charged_to() const;
};

/// The body of `reserve`. Invalid: names the member.
Result<CallRequest> call_request_from(const Namespace& ns, const Json& body);

/// The body of `settle`, for a call of this currency.
Result<CallEnd> call_end_from(const Json& body, const std::string& currency);

/// The data of `model_call.reserved`; `dropped` is a run whose row goes, or empty.
Json reserved_data(const ModelCall& call, const std::string& dropped);
/// The data of `model_call.settled`.
Json settled_data(const CallEnd& end);

/// The inverse of both. Corrupt or Invalid: something is missing.
struct ReservedData {
  ModelCall call;
  std::string dropped;
};

Result<ReservedData> reserved_from(const journal::ObjectKey& key, const Json& data);
Result<CallEnd> settled_from(const Json& data, const std::string& currency);

/// The row, as the API shows it. Says whether it is still there.
bool encode_call(const journal::ObjectKey& key, const ModelCall& call, std::string& body);

/// The inverse. Corrupt: it contradicts itself.
Result<ModelCall> decode_call(const journal::ObjectKey& key, const Json& row);

}  // namespace reeve::engine
