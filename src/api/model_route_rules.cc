#include "api/model_route_rules.h"

#include <algorithm>

#include "base/strings.h"
#include "gateway/model/route/route.h"
#include "resource/causes.h"

namespace reeve::api {

namespace {

using resource::Cause;

/// What a model gives at most has to have room in what it can keep in mind.
void check_models(const Json::Array& models, std::vector<Cause>& causes) {
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string path = concat("spec.models[", i, "].");
    const Json* window = models[i].find("contextWindow");
    const Json* most = models[i].find("maxOutputTokens");
    const Json* limit = models[i].find("outputLimit");
    const auto is_above = [](const Json* one, const Json* other) {
      return one != nullptr && other != nullptr && one->is_int() && other->is_int() &&
             one->as_int() > other->as_int();
    };
    if (is_above(most, window)) {
      causes.push_back(resource::invalid_json(
          concat(path, "maxOutputTokens"), *most, "is more than contextWindow has room for"
      ));
    }
    if (is_above(limit, most)) {
      causes.push_back(resource::invalid_json(
          concat(path, "outputLimit"), *limit, "is more than maxOutputTokens"
      ));
    }
  }
}

void check_rules(const Json::Array& rules, std::vector<Cause>& causes) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Json::Array& use = rules[i].get_array("use");
    const bool nobody = !use.empty() && std::all_of(use.begin(), use.end(), [](const Json& one) {
      return one.get_int("weight", 1) == 0;
    });
    if (nobody) {
      causes.push_back(resource::forbidden_value(
          concat("spec.rules[", i, "].use"), "all weights are 0: one of its models has to have more"
      ));
    }
  }
}

}  // namespace

std::vector<Cause> model_route_causes(const Json& object) {
  const Json& spec = object.get_object("spec");
  std::vector<Cause> causes;
  check_models(spec.get_array("models"), causes);
  check_rules(spec.get_array("rules"), causes);
  const Result<gateway::model::Route> route = gateway::model::read_route(object);
  if (route) {
    return causes;
  }
  const Error& error = route.error();
  causes.push_back(resource::forbidden_value(
      error.subject.empty() ? "spec" : error.subject,
      error.hint.empty() ? error.message : concat(error.message, ": ", error.hint)
  ));
  return causes;
}

}  // namespace reeve::api
