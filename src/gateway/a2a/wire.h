#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "gateway/ports.h"
#include "net/exchange.h"

/// Agent2Agent (A2A) v1.0: other systems send missions and follow them.
namespace reeve::gateway::a2a {

/// The only version that is spoken.
inline constexpr std::string_view kVersion = "1.0";
inline constexpr std::string_view kVersionHeader = "A2A-Version";

/// In which of its two forms somebody speaks the protocol.
enum class Binding : std::uint8_t { JsonRpc, Http };

/// What went wrong, in all forms that clients read.
struct Fault {
  /// Of JSON-RPC.
  int code = -32603;
  int http = 500;
  /// As google.rpc has it: "NOT_FOUND".
  std::string_view status = "INTERNAL";
  /// As the protocol has it: "TASK_NOT_FOUND"; empty: it is not one of the protocol's.
  std::string_view reason;
  std::string message;
};

Fault task_not_found(std::string_view task);
Fault agent_not_found();
Fault not_cancelable(std::string_view why);
Fault unsupported(std::string message);
Fault invalid_params(std::string message);
Fault version_not_supported(std::string_view given);
Fault method_not_found(std::string_view method);
Fault push_not_supported();
/// What the kernel has answered; who may not know of something is told that it is not there.
Fault fault_of(const Error& error);

/// A request and the form in which it is answered.
///
/// Threading: the network thread.
class Caller {
 public:
  /// `id` of a JSON-RPC request; null otherwise.
  Caller(std::shared_ptr<net::Exchange> exchange, Binding binding, Json id)
      : exchange_(std::move(exchange)), binding_(binding), id_(std::move(id)) {}

  void answer(Json result) const;
  void fail(const Fault& fault) const;

  /// Begins a stream of events. Null: it was answered before.
  std::shared_ptr<net::Stream> stream() const;
  /// One event of the stream as text.
  std::string event(const Json& result) const;

 private:
  std::shared_ptr<net::Exchange> exchange_;
  Binding binding_;
  Json id_;
};

/// JSON with that status.
void respond(net::Exchange& exchange, int status, const Json& body);

/// Who is not let in.
void refuse(net::Exchange& exchange, Binding binding, const Refusal& refusal);

}  // namespace reeve::gateway::a2a
