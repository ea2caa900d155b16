#include "gateway/model/route/route.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "gateway/model/route/route_parts.h"

namespace reeve::gateway::model {

namespace {

bool is_glob(std::string_view name) {
  return name.find_first_of("*?[") != std::string_view::npos;
}

Error invalid(std::string message, std::string subject, std::string hint = {}) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
  error.hint = std::move(hint);
  return error;
}

/// Reads the parts that name other parts; those must be there already.
class RouteReader {
 public:
  explicit RouteReader(Route& route) : route_(route) {}

  Result<void> read_providers(const Json* list) {
    REEVE_CHECK(check_size(list, "spec.providers", kProvidersMax, true));
    std::set<std::string> names;
    for (std::size_t i = 0; i < list->as_array().size(); ++i) {
      const std::string path = concat("spec.providers[", i, ']');
      REEVE_TRY(Provider provider, read_provider(list->as_array()[i], path));
      if (!names.insert(provider.name).second) {
        return invalid("another provider has the same name", concat(path, ".name"));
      }
      route_.providers.push_back(std::move(provider));
    }
    return {};
  }

  Result<void> read_models(const Json* list) {
    REEVE_CHECK(check_size(list, "spec.models", kRouteModelsMax, true));
    std::set<std::string> names;
    for (std::size_t i = 0; i < list->as_array().size(); ++i) {
      const std::string path = concat("spec.models[", i, ']');
      REEVE_TRY(RouteModel model, read_model(list->as_array()[i], path, route_.providers));
      if (!names.insert(model.name).second) {
        return invalid("another model has the same name", concat(path, ".name"));
      }
      route_.models.push_back(std::move(model));
    }
    return {};
  }

  Result<void> read_rules(const Json* list) {
    if (list == nullptr) {
      return {};
    }
    REEVE_CHECK(check_size(list, "spec.rules", kRulesMax, false));
    for (std::size_t i = 0; i < list->as_array().size(); ++i) {
      REEVE_CHECK(read_rule(list->as_array()[i], concat("spec.rules[", i, ']')));
    }
    return {};
  }

  Result<std::vector<std::size_t>> read_names(
      const std::vector<std::string>& names, const std::string& path
  ) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < names.size(); ++i) {
      REEVE_TRY(const std::size_t model, target(names[i], concat(path, '[', i, ']')));
      found.push_back(model);
    }
    if (found.size() > kTargetsMax) {
      return invalid(concat("has more than ", kTargetsMax, " entries"), path);
    }
    return found;
  }

  /// The model of exactly this name.
  Result<std::size_t> target(const std::string& name, const std::string& path) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < route_.models.size(); ++i) {
      if (route_.models[i].name == name) {
        if (is_glob(name)) {
          return invalid(
              "is a glob, which does not say what to ask for", path, "name a model that is no glob"
          );
        }
        return i;
      }
      names.push_back(route_.models[i].name);
    }
    const std::string near = nearest(name, names);
    return invalid(
        concat("there is no model \"", name, '"'),
        path,
        near.empty() ? "name one of spec.models" : concat("did you mean \"", near, "\"?")
    );
  }

 private:
  static Result<void> check_size(
      const Json* list, std::string_view path, std::size_t most, bool needed
  ) {
    if (list == nullptr || (needed && list->as_array().empty())) {
      return invalid("needs at least one entry", std::string(path));
    }
    if (list->as_array().size() > most) {
      return invalid(concat("has more than ", most, " entries"), std::string(path));
    }
    return {};
  }

  Result<void> read_rule(const Json& json, const std::string& path) {
    RouteRule rule;
    Fields fields(json, path);
    const Json* match = fields.object("match");
    const Json* use = fields.array("use");
    const std::vector<std::string> fallback = fields.text_list("fallback");
    REEVE_CHECK(fields.finish());
    if (match != nullptr) {
      REEVE_TRY(rule.match, read_match(*match, concat(path, ".match")));
    }
    REEVE_CHECK(check_size(use, concat(path, ".use"), kTargetsMax, true));
    std::set<std::size_t> seen;
    for (std::size_t i = 0; i < use->as_array().size(); ++i) {
      const std::string place = concat(path, ".use[", i, ']');
      Fields entry(use->as_array()[i], place);
      const std::string name = entry.required_text("model");
      const std::optional<std::int64_t> weight = entry.optional_number("weight", 0, 1'000);
      REEVE_CHECK(entry.finish());
      REEVE_TRY(const std::size_t model, target(name, concat(place, ".model")));
      if (!seen.insert(model).second) {
        return invalid("is there twice", concat(place, ".model"));
      }
      rule.use.push_back({.model = model, .weight = static_cast<std::uint32_t>(weight.value_or(1))}
      );
    }
    REEVE_TRY(rule.fallback, read_names(fallback, concat(path, ".fallback")));
    route_.rules.push_back(std::move(rule));
    return {};
  }

  Route& route_;
};

Result<void> make_patterns(Route& route) {
  std::vector<GuardrailRule> requests;
  std::vector<GuardrailRule> responses;
  for (const GuardrailRule& rule : route.guardrails) {
    if (rule.in_request) {
      requests.push_back(rule);
    }
    if (rule.in_response) {
      responses.push_back(rule);
    }
  }
  const auto made = [](const std::vector<GuardrailRule>& rules,
                       std::shared_ptr<const GuardrailSet>& set) -> Result<void> {
    if (rules.empty()) {
      return {};
    }
    Result<std::shared_ptr<const GuardrailSet>> result = GuardrailSet::make(rules);
    if (!result) {
      return invalid(
          result.error().message, concat("spec.guardrails[", result.error().subject, ']')
      );
    }
    set = *std::move(result);
    return {};
  };
  REEVE_CHECK(made(requests, route.request_patterns));
  if (requests.size() == route.guardrails.size() && responses.size() == requests.size()) {
    route.response_patterns = route.request_patterns;
    return {};
  }
  return made(responses, route.response_patterns);
}

Result<void> read_spec(const Json& spec, Route& route) {
  Fields fields(spec, "spec");
  route.currency = fields.text("currency", "USD");
  const Json* providers = fields.array("providers");
  const Json* models = fields.array("models");
  const Json* rules = fields.array("rules");
  const std::vector<std::string> fallback = fields.text_list("fallback");
  const std::string default_model = fields.text("default");
  const std::string downgrade = fields.text("downgrade");
  const Json* retries = fields.object("retries");
  const Json* guardrails = fields.array("guardrails");
  const Json* cache = fields.object("cache");
  const Json* capture = fields.object("capture");
  REEVE_CHECK(fields.finish());
  if (route.currency.size() != 3 ||
      !std::all_of(route.currency.begin(), route.currency.end(), [](char c) {
        return c >= 'A' && c <= 'Z';
      })) {
    return invalid("is no currency: three capital letters, as in USD", "spec.currency");
  }
  RouteReader reader(route);
  REEVE_CHECK(reader.read_providers(providers));
  REEVE_CHECK(reader.read_models(models));
  REEVE_CHECK(reader.read_rules(rules));
  REEVE_TRY(route.fallback, reader.read_names(fallback, "spec.fallback"));
  if (!default_model.empty()) {
    REEVE_TRY(route.default_model, reader.target(default_model, "spec.default"));
  }
  if (!downgrade.empty()) {
    REEVE_TRY(const std::size_t model, reader.target(downgrade, "spec.downgrade"));
    route.downgrade = model;
  }
  if (retries != nullptr) {
    REEVE_TRY(route.retries, read_retries(*retries, "spec.retries"));
  }
  if (guardrails != nullptr) {
    REEVE_TRY(route.guardrails, read_guardrails(*guardrails, "spec.guardrails"));
  }
  if (cache != nullptr) {
    REEVE_TRY(route.cache_ttl, read_cache(*cache, "spec.cache"));
  }
  if (capture != nullptr) {
    REEVE_TRY(route.capture, read_capture(*capture, "spec.capture"));
  }
  return make_patterns(route);
}

}  // namespace

bool Provider::offers(Operation operation) const {
  if (!operations.empty()) {
    return std::find(operations.begin(), operations.end(), operation) != operations.end();
  }
  switch (operation) {
    case Operation::ChatCompletions:
    case Operation::Responses:
    case Operation::Embeddings:
      return kind == Dialect::OpenAi;
    case Operation::Messages:
    case Operation::CountTokens:
      return kind == Dialect::Anthropic;
    case Operation::Models:
    case Operation::Model:
      return true;
  }
  return false;
}

Result<Route> read_route(const Json& object) {
  Route route;
  if (const Json* metadata = object.find("metadata")) {
    route.ns = metadata->get_string("namespace");
    route.name = metadata->get_string("name");
    route.uid = metadata->get_string("uid");
    route.generation = metadata->get_int("generation", 1);
  }
  const Json* spec = object.find("spec");
  if (spec == nullptr) {
    return invalid("is missing", "spec");
  }
  REEVE_CHECK(read_spec(*spec, route));
  return route;
}

std::optional<std::size_t> find_model(const Route& route, std::string_view name) {
  for (std::size_t i = 0; i < route.models.size(); ++i) {
    if (route.models[i].name == name && !is_glob(name)) {
      return i;
    }
  }
  for (std::size_t i = 0; i < route.models.size(); ++i) {
    if (is_glob(route.models[i].name) && glob_match(route.models[i].name, name)) {
      return i;
    }
  }
  return std::nullopt;
}

std::string_view upstream_name(const RouteModel& model, std::string_view asked) {
  if (!model.upstream_name.empty()) {
    return model.upstream_name;
  }
  return is_glob(model.name) ? asked : std::string_view(model.name);
}

}  // namespace reeve::gateway::model
