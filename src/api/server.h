#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/access.h"
#include "api/services.h"
#include "base/result.h"
#include "base/time.h"
#include "net/server.h"
#include "platform/ports.h"
#include "security/identity/authenticator.h"

namespace reeve::api {

/// In the server's directory: the token of the first administrator.
inline constexpr std::string_view kAdminTokenFile = "admin.token";

struct ServerOptions {
  /// `<data>/server`: keys, certificates and the first administrator's token.
  std::filesystem::path dir;
  std::vector<net::ListenerOptions> listeners;
  /// Of listeners with TLS.
  std::optional<net::TlsMaterial> tls = {};
  net::ServerLimits limits = {};
  AccessOptions access = {};
  view::ViewLimits view = {};
  std::vector<identity::OidcOptions> issuers = {};
  /// Needed if there are issuers; called on a thread of its own.
  identity::Fetcher fetcher = {};
  Environment environment = {};
};

/// The HTTP API over one kernel and its store.
///
/// Threading: made, started and stopped on one thread; `committed` and `reloaded` are for the
/// kernel's threads.
class Server {
 public:
  /// What outlives it.
  struct Parts {
    store::Reader& reader;
    platform::Clock& clock;
    platform::Random& random;
    telemetry::MetricRegistry& metrics;
    telemetry::HealthRegistry& health;
    telemetry::LogHub& log;
  };

  /// Reads keys and tokens, or makes them. The errors of the file system.
  static Result<std::unique_ptr<Server>> create(ServerOptions options, Parts parts);

  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes over what the store has. Before the kernel writes to it.
  Result<void> load();

  /// Kernel's sinks.
  void committed(const store::Commit& commit);
  void reloaded();

  /// Opens the ports. AlreadyExists: one is taken.
  Result<void> start(kernel::Loop& kernel);

  /// The same, after that error, with free ports.
  Result<void> start_anywhere(kernel::Loop& kernel);

  /// After `start`, in the order of the listeners.
  std::vector<std::uint16_t> ports() const;

  /// New connections get this certificate.
  Result<void> reload_certificates(net::TlsMaterial material);

  /// Ends connections, giving requests in progress some time. Returns whether all ended by
  /// themselves.
  bool stop(Duration grace);

  view::View& view();

 private:
  class State;

  explicit Server(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace reeve::api
