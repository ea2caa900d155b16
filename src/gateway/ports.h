#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "gateway/run_identity.h"
#include "net/exchange.h"
#include "security/access/identity.h"
#include "telemetry/correlation.h"

namespace reeve::api::view {
class View;
}

namespace reeve::kernel {
class Loop;
}

namespace reeve::net {
class Server;
}

namespace reeve::platform {
class Random;
}

namespace reeve::telemetry {
class Logger;
class MetricRegistry;
}  // namespace reeve::telemetry

/// The port between the HTTP API and what agents work through: gateways to models and tools.
namespace reeve::gateway {

/// A request of somebody who is known, on its way to a gateway.
struct GatewayRequest {
  std::shared_ptr<net::Exchange> exchange;
  access::Identity identity;
  /// Absent: whoever asks is no run.
  std::optional<RunIdentity> run;
  telemetry::Correlation correlation;
  /// As in the journal: `user:alice`, `run:build.1.test.1`.
  Principal principal;
  /// Whether whoever asks may do that in a namespace: `may("create", "modelroutes", "use", ns)`.
  std::function<bool(
      std::string_view verb, std::string_view resource, std::string_view part, std::string_view ns
  )>
      may;
};

/// Why somebody is not let in.
struct Refusal {
  /// 401, 403, 421, 429, 503.
  int status = 401;
  std::string message;
  /// 0: it does not help to ask again.
  std::uint32_t retry_after_seconds = 0;
};

/// What a gateway works with; all of it outlives the gateway.
struct GatewayServices {
  kernel::Loop& kernel;
  /// Objects as the API shows them. Any thread.
  api::view::View& view;
  /// The network thread that calls `serve`.
  net::Server& server;
  telemetry::MetricRegistry& metrics;
  telemetry::Logger& log;
  platform::Random& random;
  /// Civil time. Any thread.
  std::function<Timestamp()> now;
  /// The value of a credential of a namespace: for use, never for telling. NotFound: there is none.
  std::function<Result<Secret>(std::string_view ns, std::string_view credential)> reveal;
};

/// Answers the requests below one prefix of the server's paths.
///
/// Threading: the network thread, except where a gateway says otherwise.
class Gateway {
 public:
  virtual ~Gateway() = default;

  /// Before the first request, on the thread that starts the server.
  virtual Result<void> open(const GatewayServices& services) = 0;

  /// Answers the exchange, sooner or later. Must not block.
  virtual void serve(GatewayRequest request) = 0;

  /// Answers a request that is not let in, in the words of the gateway's protocol.
  virtual void refuse(const std::shared_ptr<net::Exchange>& exchange, const Refusal& refusal) = 0;

  using Checked = std::function<void(Result<void>)>;

  /// Whether a call of a tool that waits for a person could be carried out with `arguments` in
  /// place of its own; `call` is the ToolCall as the API shows it. `done` is called once, at once
  /// or later on the network thread, unless the gateway is closed before. Invalid: they do not fit,
  /// `subject` is the member that does not.
  virtual void check_edit(const Json& /*call*/, const Json& /*arguments*/, Checked done) {
    done({});
  }

  /// No request comes any more; what is under way is ended, and nothing of `services` is used
  /// afterwards. On the thread that stops the server; the network thread still runs. Also if `open`
  /// has failed or was never called.
  virtual void close() = 0;
};

}  // namespace reeve::gateway
