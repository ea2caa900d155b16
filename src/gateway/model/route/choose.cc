#include "gateway/model/route/choose.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

bool fits(const std::vector<std::string>& globs, std::string_view name) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return glob_match(glob, name);
         });
}

bool matches(const RuleMatch& match, const RouteFacts& facts) {
  if (!fits(match.agents, facts.agent) || !fits(match.namespaces, facts.ns) ||
      !fits(match.models, facts.model)) {
    return false;
  }
  for (const auto& label : match.labels) {
    if (std::find(facts.labels.begin(), facts.labels.end(), label) == facts.labels.end()) {
      return false;
    }
  }
  const std::uint64_t tokens = facts.scan == nullptr ? 0 : facts.scan->likely_tokens();
  if (tokens < match.min_input_tokens.value_or(0) ||
      (match.max_input_tokens && tokens > *match.max_input_tokens)) {
    return false;
  }
  return !match.budget_left_below ||
         (facts.budget_left && *facts.budget_left < *match.budget_left_below);
}

/// The same order for the same seed: one after another is drawn by weight from those that are left;
/// those of weight 0 come last, as they were written.
std::vector<std::size_t> draw(std::vector<RouteTarget> targets, std::uint64_t seed) {
  std::vector<std::size_t> order;
  std::uint64_t state = seed;
  while (!targets.empty()) {
    std::uint64_t sum = 0;
    for (const RouteTarget& each : targets) {
      sum += each.weight;
    }
    std::size_t drawn = 0;
    if (sum > 0) {
      state = stable_hash({reinterpret_cast<const char*>(&state), sizeof state});
      std::uint64_t place = state % sum;
      while (place >= targets[drawn].weight) {
        place -= targets[drawn].weight;
        ++drawn;
      }
    }
    order.push_back(targets[drawn].model);
    targets.erase(targets.begin() + static_cast<std::ptrdiff_t>(drawn));
  }
  return order;
}

struct Found {
  const Route* route = nullptr;
  std::size_t model = 0;
};

/// The first route that knows the name; names of models before names of routes.
std::optional<Found> find_route(const std::vector<const Route*>& routes, std::string_view name) {
  for (const Route* route : routes) {
    if (const auto model = find_model(*route, name)) {
      return Found{.route = route, .model = *model};
    }
  }
  for (const Route* route : routes) {
    if (route->name == name && !route->models.empty()) {
      return Found{.route = route, .model = route->default_model};
    }
  }
  return std::nullopt;
}

/// Goes through models in the order in which they are wanted, and keeps those that can answer.
class Picker {
 public:
  Picker(const Route& route, const RouteFacts& facts, const ProviderStates& states, Choice& choice)
      : route_(route), facts_(facts), states_(states), choice_(choice) {}

  void take(std::size_t index, bool fallback) {
    if (!seen_.insert(index).second) {
      return;
    }
    const RouteModel& model = route_.models[index];
    const Provider& provider = route_.providers[model.provider];
    if (provider.kind != facts_.dialect || !provider.offers(facts_.operation)) {
      return;
    }
    offered_ = true;
    if (facts_.scan != nullptr && !may_fit(*facts_.scan, model.bounds.context_window)) {
      window_ = std::max(window_, model.bounds.context_window);
      return;
    }
    fits_ = true;
    const ProviderState state = states_(route_, provider);
    if (!state.closed || state.in_flight >= provider.concurrency) {
      return;
    }
    choice_.candidates.push_back(Candidate{
        .route = &route_,
        .model = &model,
        .provider = &provider,
        .upstream_name = std::string(upstream_name(model, facts_.model)),
        .fallback = fallback});
  }

  /// Why there are none.
  GatewayError refusal() const {
    GatewayError error;
    if (!offered_) {
      error.kind = GatewayErrorKind::UnknownModel;
      error.message = concat(
          "no provider of \"", facts_.model, "\" can be asked for ", to_string(facts_.operation)
      );
      error.param = "model";
    } else if (!fits_) {
      error.kind = GatewayErrorKind::ContextTooLong;
      error.message = concat(
          "prompt is too long: at least ",
          facts_.scan->text_bytes() / kTokenBytesMax,
          " tokens > ",
          window_,
          " maximum"
      );
    } else {
      error.kind = GatewayErrorKind::Busy;
      error.message = concat("no provider of \"", facts_.model, "\" can be asked at the moment");
      error.retry_after_seconds = 1;
    }
    return error;
  }

 private:
  const Route& route_;
  const RouteFacts& facts_;
  const ProviderStates& states_;
  Choice& choice_;
  std::set<std::size_t> seen_;
  bool offered_ = false;
  bool fits_ = false;
  std::uint64_t window_ = 0;
};

}  // namespace

Choice choose(
    const std::vector<const Route*>& routes,
    const RouteFacts& facts,
    const ProviderStates& states,
    std::uint64_t seed
) {
  Choice choice;
  const std::optional<Found> found = find_route(routes, facts.model);
  if (!found) {
    GatewayError error;
    error.kind = GatewayErrorKind::UnknownModel;
    error.message = concat("the model \"", facts.model, "\" does not exist, or may not be asked");
    error.param = "model";
    choice.refusal = std::move(error);
    return choice;
  }
  const Route& route = *found->route;
  Picker picker(route, facts, states, choice);
  if (facts.downgrade && route.downgrade) {
    // Nothing dearer may take its place.
    picker.take(*route.downgrade, false);
  } else {
    const std::vector<std::size_t>* fallback = &route.fallback;
    std::vector<std::size_t> order = {found->model};
    for (const RouteRule& rule : route.rules) {
      if (matches(rule.match, facts)) {
        order = draw(rule.use, seed);
        fallback = rule.fallback.empty() ? fallback : &rule.fallback;
        break;
      }
    }
    for (const std::size_t model : order) {
      picker.take(model, false);
    }
    for (const std::size_t model : *fallback) {
      picker.take(model, true);
    }
  }
  if (choice.candidates.empty()) {
    choice.refusal = picker.refusal();
  }
  return choice;
}

std::vector<std::string> models_of(const std::vector<const Route*>& routes, Dialect dialect) {
  std::vector<std::string> names;
  std::set<std::string> seen;
  const auto add = [&](const std::string& name) {
    if (!name.empty() && seen.insert(name).second) {
      names.push_back(name);
    }
  };
  for (const Route* route : routes) {
    bool any = false;
    for (const RouteModel& model : route->models) {
      if (route->providers[model.provider].kind != dialect) {
        continue;
      }
      any = true;
      if (model.name.find_first_of("*?[") == std::string::npos) {
        add(model.name);
      }
    }
    if (any) {
      add(route->name);
    }
  }
  return names;
}

}  // namespace reeve::gateway::model
