#include "api/model_route_rules.h"

#include "base/strings.h"
#include "gateway/model/route/route.h"
#include "resource/causes.h"

namespace reeve::api {

std::vector<resource::Cause> model_route_causes(const Json& object) {
  const Result<gateway::model::Route> route = gateway::model::read_route(object);
  if (route) {
    return {};
  }
  const Error& error = route.error();
  return {resource::forbidden_value(
      error.subject.empty() ? "spec" : error.subject,
      error.hint.empty() ? error.message : concat(error.message, ": ", error.hint)
  )};
}

}  // namespace reeve::api
