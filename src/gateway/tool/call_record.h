#pragma once

#include <cstddef>
#include <string>

#include "base/json.h"
#include "gateway/tool/builtin.h"
#include "gateway/tool/catalog.h"
#include "gateway/tool/upstream.h"

/// A call as it is put on record, and told from the record. Pure; any thread.
namespace reeve::gateway {

/// What is kept of a result as text.
inline constexpr std::size_t kExcerptBytesMax = 2'048;
/// The same of a call that may be sent again, and is answered with it then.
inline constexpr std::size_t kRepeatedExcerptBytesMax = 12'288;

/// What somebody asks to be called.
struct CallRequest {
  CatalogServerPtr server;
  CatalogTool tool;
  Json arguments = Json::object();
  ToolCaller caller;
  /// Names that the client has for it.
  Json correlation = Json::object();
  /// Not empty: it is not carried out, for this reason, which is put on record.
  std::string refused;
  /// A built-in tool of the agent itself: approved here, carried out there.
  bool elsewhere = false;
  /// Who is told what a tool server tells before its answer.
  Upstream::Listener listener = {};
};

/// What came of it, for whoever asked.
struct CallAnswer {
  bool allowed = false;
  /// As the protocol has it.
  Json result;
  /// The arguments that were approved.
  Json arguments;
};

/// The body of `record`; `hash` is of the arguments.
Json record_body(const CallRequest& request, const std::string& hash);

/// The body of `finish`. `outcome.undo` is left out if it could not be kept as it is.
Json finish_body(const CallRequest& request, const ToolOutcome& outcome, Duration took);

/// Why a call was not carried out that is REJECTED or EXPIRED; `status` is that of its record.
std::string why_not(const Json& status);

/// What is told about a call that was sent before and has ended: `known` is the reply to `record`,
/// `object` the record as the API shows it (null: not seen).
CallAnswer kept_answer(const CallRequest& request, const Json& known, const Json* object);

}  // namespace reeve::gateway
