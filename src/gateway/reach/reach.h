#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/view/view.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/commands.h"
#include "gateway/ports.h"
#include "kernel/core.h"
#include "net/client.h"

/// What a gateway reaches of the server that it is in.
namespace reeve::gateway {

/// The namespace of the run that asks; of others the one that `Reeve-Namespace` names, else
/// `default`.
Namespace namespace_of(const GatewayRequest& request);

/// The kernel, objects and timers of the server, for a gateway on its network thread. Once it is
/// closed, what is still under way finds nobody.
///
/// Threading: the network thread, except where it says otherwise.
class Reach {
 public:
  using Reply = std::function<void(Result<engine::Reply>)>;
  using Cancel = std::function<void()>;

  /// Any thread. What `services` refers to outlives this.
  explicit Reach(const GatewayServices& services) : services_(services) {}

  /// Any thread.
  const GatewayServices& services() const { return services_; }

  /// Hands an input to the kernel. `reply` is called later, when the outcome is durable; `done` of
  /// the input is not used.
  void command(kernel::Input input, Reply reply);

  /// Calls `then` after a while, unless what is returned is called before. Any thread.
  Cancel after(Duration delay, std::function<void()> then);

  /// An object as the API shows it; `plural` names its kind. Null: there is none.
  api::view::ProjectedPtr object(
      std::string_view plural, const Namespace& ns, std::string_view name
  );

  /// Those of a namespace (absent: of all, the empty one: of none), by name, at most `max`.
  std::vector<api::view::ProjectedPtr> objects(
      std::string_view plural, const std::optional<Namespace>& ns, std::size_t max
  );

  /// A client that connects to public addresses, and to private ones if `allow_private`. Addresses
  /// are looked at when they are connected to: a name cannot come to mean another one. Any thread.
  Result<std::unique_ptr<net::Client>> make_client(
      bool allow_private, std::size_t connections_max = net::ClientOptions().connections_max
  ) const;

  /// Nothing is called any more.
  void close() { *open_ = false; }

 private:
  std::optional<api::view::TypeId> type_of(std::string_view plural);

  GatewayServices services_;
  /// Types of the view, by the names of their kinds.
  std::map<std::string, std::optional<api::view::TypeId>, std::less<>> types_;
  std::shared_ptr<bool> open_ = std::make_shared<bool>(true);
};

}  // namespace reeve::gateway
