#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gateway/model/format/errors.h"
#include "gateway/model/format/operation.h"
#include "gateway/model/format/request_scan.h"
#include "gateway/model/route/route.h"

namespace reeve::gateway::model {

/// What is known of a request when it is decided where it goes.
struct RouteFacts {
  std::string ns;
  /// Empty: it is none.
  std::string agent;
  /// Of the mission.
  std::vector<std::pair<std::string, std::string>> labels;
  Operation operation = Operation::ChatCompletions;
  Dialect dialect = Dialect::OpenAi;
  /// As the client has named it: a model, or a route.
  std::string model;
  const RequestScan* scan = nullptr;
  /// The part of the tightest budget that is left, 0 to 1; absent: none counts it.
  std::optional<double> budget_left;
  /// A quota says that a cheaper model is to be asked.
  bool downgrade = false;
};

/// How a provider is at the moment.
struct ProviderState {
  /// Its breaker lets calls through.
  bool closed = true;
  /// Calls that are under way.
  std::uint32_t in_flight = 0;
};

using ProviderStates = std::function<ProviderState(const Route& route, const Provider& provider)>;

/// One way to answer a request.
struct Candidate {
  const Route* route = nullptr;
  const RouteModel* model = nullptr;
  const Provider* provider = nullptr;
  /// The name to send.
  std::string upstream_name;
  /// It is not the one that was meant.
  bool fallback = false;
};

/// Where a request goes: the first candidate, and the next one whenever one fails before the first
/// byte. Never empty without a refusal. Points into the routes.
struct Choice {
  std::vector<Candidate> candidates;
  /// Absent if there are candidates.
  std::optional<GatewayError> refusal;
};

/// The first route that knows the model, or has its name, decides. Its first rule that matches
/// says among which models the choice is; without one, the model that was asked for. Their order
/// follows from weights and `seed` (any number, another one for each request); fallbacks come
/// after them. Left out are providers of another dialect, without the operation, with an open
/// breaker or without a place, and models into whose context the input cannot fit. Each model
/// occurs once.
///
/// A refusal says what the last thing was that was in the way: UnknownModel, ContextTooLong, Busy.
Choice choose(
    const std::vector<const Route*>& routes,
    const RouteFacts& facts,
    const ProviderStates& states,
    std::uint64_t seed
);

/// Models that somebody may ask for in a dialect, for listing: names without globs, and names of
/// routes.
std::vector<std::string> models_of(const std::vector<const Route*>& routes, Dialect dialect);

}  // namespace reeve::gateway::model
