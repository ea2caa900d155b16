#include "gateway/model/catalog.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

std::string name_of(const Json& object) {
  const Json* metadata = object.find("metadata");
  return metadata == nullptr ? std::string() : metadata->get_string("name");
}

void add(RouteSet& set, const Json& object) {
  Result<Route> read = read_route(object);
  if (!read) {
    set.problems.push_back(
        concat("route ", name_of(object), " cannot be used: ", read.error().describe())
    );
    return;
  }
  for (const RouteRule& rule : read->rules) {
    set.uses_labels = set.uses_labels || !rule.match.labels.empty();
    set.uses_budgets = set.uses_budgets || rule.match.budget_left_below.has_value();
  }
  set.owned.push_back(std::make_shared<const Route>(std::move(*read)));
  set.routes.push_back(set.owned.back().get());
}

}  // namespace

RouteSetPtr RouteCatalog::routes(const Namespace& ns) {
  const std::vector<SeenObject> objects = ports_.objects("modelroutes", ns, kRoutesMax);
  std::vector<std::pair<std::string, std::int64_t>> states;
  states.reserve(objects.size());
  for (const SeenObject& seen : objects) {
    const Json& metadata = seen.object->get_object("metadata");
    states.emplace_back(metadata.get_string("uid"), metadata.get_int("generation", 1));
  }
  const auto found = known_.find(ns);
  if (found != known_.end() && found->second.states == states) {
    return found->second.set;
  }
  auto set = std::make_shared<RouteSet>();
  for (const SeenObject& seen : objects) {
    add(*set, *seen.object);
  }
  if (found == known_.end() && known_.size() >= kCatalogNamespacesMax) {
    known_.erase(known_.begin());
  }
  known_[ns] = {.states = std::move(states), .set = set};
  return set;
}

AllowedRoutes allowed_routes(
    const RouteSet& set, const std::string& agent_name, const Json* agent_object
) {
  AllowedRoutes allowed;
  if (agent_name.empty()) {
    allowed.routes = set.routes;
    return allowed;
  }
  if (agent_object == nullptr) {
    allowed.refusal = concat("agent ", agent_name, " is not there any more");
    return allowed;
  }
  const Json* spec = agent_object->find("spec");
  const std::string model = spec == nullptr ? std::string() : spec->get_string("model");
  if (model.empty()) {
    allowed.routes = set.routes;
    return allowed;
  }
  const auto route = std::find_if(set.routes.begin(), set.routes.end(), [&](const Route* each) {
    return each->name == model;
  });
  if (route != set.routes.end()) {
    allowed.routes = {*route};
    return allowed;
  }
  allowed.routes = set.routes;
  allowed.only = model;
  return allowed;
}

}  // namespace reeve::gateway::model
