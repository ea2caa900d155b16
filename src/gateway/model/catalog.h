#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "gateway/model/ports.h"
#include "gateway/model/route/route.h"

namespace reeve::gateway::model {

/// Routes of one namespace that are looked at.
inline constexpr std::size_t kRoutesMax = 200;
/// Namespaces whose routes are kept ready.
inline constexpr std::size_t kCatalogNamespacesMax = 1'000;

/// The routes of a namespace, ready to choose from. Never changes.
struct RouteSet {
  std::vector<std::shared_ptr<const Route>> owned;
  /// The same, by name.
  std::vector<const Route*> routes;
  /// Whether a rule looks at labels of missions, or at budgets.
  bool uses_labels = false;
  bool uses_budgets = false;
  /// What is wrong with routes that cannot be read.
  std::vector<std::string> problems;
};

using RouteSetPtr = std::shared_ptr<const RouteSet>;

/// Routes as they are declared now; each spec is read once, whatever their status says. Network
/// thread.
class RouteCatalog {
 public:
  explicit RouteCatalog(const ModelPorts& ports) : ports_(ports) {}

  RouteSetPtr routes(const Namespace& ns);

 private:
  struct Known {
    /// Uids and generations.
    std::vector<std::pair<std::string, std::int64_t>> states;
    RouteSetPtr set;
  };

  const ModelPorts& ports_;
  std::map<Namespace, Known> known_;
};

/// What of the routes somebody may ask.
struct AllowedRoutes {
  std::vector<const Route*> routes;
  /// Not empty: this model alone.
  std::string only;
  /// Not empty: why nothing is allowed.
  std::string refusal;

  bool allows(std::string_view model) const { return only.empty() || only == model; }
};

/// An agent that names a route may ask the models of that route; one that names a model may ask
/// that one. `agent` is the object; its name is for messages.
AllowedRoutes allowed_routes(
    const RouteSet& set, const std::string& agent_name, const Json* agent_object
);

}  // namespace reeve::gateway::model
