#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/incident_book.h"
#include "gateway/model/context.h"
#include "gateway/model/route/route.h"

namespace reeve::gateway::model {

/// How often it is looked whether what routes say of themselves is still true, how long after one
/// status of a route the next one is written at the earliest, and how old times and errors in it
/// may be.
inline constexpr Duration kStatusLook{2'000};
inline constexpr Duration kStatusPause{10'000};
inline constexpr Duration kStatusAgeMax{300'000};
/// Routes of all namespaces that have a status.
inline constexpr std::size_t kRoutesWatchedMax = 5'000;
/// Why there is an incident about a provider.
inline constexpr std::string_view kProviderDown = "ModelProviderDown";

/// What a status is made of, beside the route.
struct StatusFacts {
  std::int64_t generation = 0;
  Timestamp now;
  /// Null: nothing is known since the start.
  std::function<const ProviderHealth*(const Provider& provider)> health;
  std::function<bool(const std::string& credential)> has_credential;
};

/// The status of a ModelRoute: {observedGeneration, conditions: [Ready], openBreakers, providers:
/// [{name, breaker, since, lastError, lastErrorAt, lastSuccessAt}]}. What is not known since the
/// start stays as `before` has it. Pure.
Json route_status(const Result<Route>& route, const StatusFacts& facts, const Json& before);

/// Keeps the status of all routes true, and an incident for each provider that is not asked:
/// level-triggered, so that nothing is lost by a crash between the two.
///
/// Threading: network thread.
class RouteStatusController {
 public:
  /// `context` outlives it.
  explicit RouteStatusController(Context& context) : context_(context) {}

  /// Looks now and then from now on.
  void start();

  void stop();

 private:
  /// A route, and what was written about it.
  struct Known {
    std::string uid;
    std::int64_t generation = 0;
    Result<Route> route;
    std::optional<Duration> written;
    bool writing = false;
  };

  using Name = std::pair<Namespace, std::string>;

  void look();
  Known& known(const Name& name, const Json& object);
  void look_at(const Name& name, const Json& object, Known& known);
  void write(const Name& name, Known& known, Json status);
  void adopt_incidents();
  void report(const std::map<Name, std::string>& down);
  void post(engine::ObjectCommand command, const Name& about, bool opens);

  Context& context_;
  std::map<Name, Known> known_;
  /// Incidents that are open: of a namespace, about `ROUTE/PROVIDER`.
  std::set<Name> incidents_;
  bool adopted_ = false;
  ModelPorts::Cancel cancel_;
};

}  // namespace reeve::gateway::model
