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
#include "api/live_options.h"
#include "api/services.h"
#include "base/result.h"
#include "base/time.h"
#include "net/server.h"
#include "platform/ports.h"
#include "security/identity/authenticator.h"

namespace reeve::api {

/// In the server's directory: the token of the first administrator.
inline constexpr std::string_view kAdminTokenFile = "admin.token";
/// The key that proves tokens of runs.
inline constexpr std::string_view kRunKeyFile = "run.key";

struct ServerOptions {
  /// `<data>/server`: keys, certificates and the first administrator's token.
  std::filesystem::path dir;
  std::vector<net::ListenerOptions> listeners;
  /// What can change later.
  LiveOptions live = {};
  Environment environment = {};
  /// Answer what is below `/llm`, `/mcp`, `/a2a`.
  Gateways gateways = {};
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

  /// As `net::Server::add_listener` and `remove_listener`; after `start`. Any thread.
  Result<net::ListenerId> add_listener(net::ListenerOptions options);
  void remove_listener(net::ListenerId id);

  /// In place of the options of before, without an end of anything that goes on: for requests,
  /// certificates and sizes for connections from now on. After `start`; not on the network thread.
  /// The first thing that is wrong: nothing has changed.
  Result<void> change(LiveOptions options);

  /// New connections get this certificate.
  Result<void> change_certificate(net::TlsMaterial material);

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
