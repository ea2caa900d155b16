#include "api/submission.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "base/time.h"
#include "model/scoped_name.h"
#include "workflow/load/load.h"

namespace reeve::api {

namespace {

/// Parameters are texts; other values are given as JSON.
std::vector<model::NamedValue> params_of(const Json& spec) {
  std::vector<model::NamedValue> params;
  if (const Json* given = spec.find("params"); given != nullptr && given->is_object()) {
    for (const auto& [name, value] : given->as_object()) {
      params.emplace_back(name, value.is_string() ? value.as_string() : value.dump());
    }
  }
  return params;
}

Result<void> read_workflow(const Json& spec, engine::SubmitMission& submission) {
  const std::string source = spec.get_string("source");
  if (source.empty()) {
    const Json* workflow = spec.find("workflow");
    if (workflow != nullptr && workflow->is_object()) {
      submission.deployed = workflow->get_string("name");
      submission.version = workflow->get_string("version");
    }
    return {};
  }
  workflow::LoadOptions options;
  for (const auto& [name, value] : submission.params) {
    options.params.set(name, value);
  }
  workflow::Loaded loaded = workflow::load(source, options);
  if (!loaded.ok()) {
    Error error = loaded.first_error();
    error.subject = error.subject.empty() ? "spec.source" : concat("spec.source: ", error.subject);
    return error;
  }
  submission.workflow = std::move(loaded.workflow);
  return {};
}

}  // namespace

Result<engine::SubmitMission> submission_of(
    const Namespace& ns, std::string_view name, const Json& spec
) {
  engine::SubmitMission submission;
  submission.ns = ns;
  if (!name.empty()) {
    REEVE_CHECK(model::check_mission_name(ns, name));
    submission.name = MissionName(std::string(name));
  }
  submission.params = params_of(spec);
  REEVE_CHECK(read_workflow(spec, submission));
  submission.local = spec.get_bool("local");
  if (const Json* priority = spec.find("priority"); priority != nullptr && priority->is_int()) {
    submission.priority = static_cast<std::int32_t>(priority->as_int());
  }
  submission.user_key = spec.get_string("userKey");
  submission.description = spec.get_string("description");
  if (const std::string when = spec.get_string("notBefore"); !when.empty()) {
    Result<Timestamp> at = parse_date_time(when);
    if (!at) {
      Error error = std::move(at).error();
      error.subject = "spec.notBefore";
      return error;
    }
    submission.not_before = *at;
  }
  if (const Json* after = spec.find("after"); after != nullptr && after->is_array()) {
    for (const Json& before : after->as_array()) {
      submission.after.push_back(
          model::qualify(ns, before.is_string() ? before.as_string() : std::string())
      );
    }
  }
  return submission;
}

}  // namespace reeve::api
