#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "gateway/tool/protocol.h"
#include "gateway/tool/upstream_exchange.h"
#include "net/request.h"

namespace reeve::gateway {

/// One message to a tool server.
struct UpstreamMessage {
  Json body;
  std::string method;
  /// What `tools/call` calls.
  std::string tool = {};
  Duration timeout;
  /// Of the revision that it is in.
  Era era = Era::Session;
  /// The revision that was agreed on; empty: none yet.
  std::string version = {};
  /// Headers that repeat arguments.
  std::vector<net::Header> params = {};
};

/// What becomes of what is under way when a tool server is closed.
enum class Closing {
  Quiet,   ///< it ends as it would
  Now,     ///< it ends now
  Silent,  ///< nobody is told of it: whoever waits is gone
};

/// Who sends: is told what comes besides answers. Network thread.
class UpstreamUser {
 public:
  virtual ~UpstreamUser() = default;
  /// The server does not know us any more: what was agreed on counts for nothing.
  virtual void on_lost() = 0;
  /// The server asks us something.
  virtual void on_asked(const Json& request) = 0;
};

/// A way to a tool server: brings it messages, and what comes for each of them to its exchange.
/// Each exchange ends, whatever happens: Unavailable, NotFound, PermissionDenied: nothing was sent;
/// Ambiguous, DeadlineExceeded: it may have arrived. Network thread.
class UpstreamTransport {
 public:
  virtual ~UpstreamTransport() = default;

  /// Before something is asked: sees to it that it can be. What was agreed on may be lost by that.
  virtual Result<void> prepare() = 0;

  virtual void send(UpstreamMessage message, std::shared_ptr<UpstreamExchange> exchange) = 0;

  /// Sends what nobody answers.
  virtual void tell(UpstreamMessage message) = 0;

  /// What was agreed on with the server is not wanted.
  virtual void forget() = 0;

  /// Whether the same server answers each time, so that its revision stays what it was.
  virtual bool is_one_server() const = 0;

  /// How long a server is waited for that may not know the first thing it is asked.
  virtual Duration first_timeout() const = 0;

  /// Nothing is sent any more.
  virtual void close(Closing how) = 0;
};

}  // namespace reeve::gateway
