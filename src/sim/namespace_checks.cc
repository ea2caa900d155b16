#include "sim/namespace_checks.h"

#include <vector>

#include "base/strings.h"
#include "model/scoped_name.h"

namespace reeve::sim {

namespace {

using Problem = std::optional<std::string>;

/// All missions that a mission names, in the order in which it does.
std::vector<MissionName> named_by(const model::Mission& mission) {
  std::vector<MissionName> names = mission.after;
  if (mission.continues) {
    names.push_back(*mission.continues);
  }
  if (mission.parent) {
    names.push_back(mission.parent->mission);
  }
  for (const model::TaskStatus& task : mission.tasks) {
    names.insert(names.end(), task.submitted.begin(), task.submitted.end());
    if (task.children) {
      for (const model::ChildMission& child : task.children->missions) {
        names.push_back(child.name);
      }
    }
  }
  return names;
}

}  // namespace

Problem crossing_of(const model::Mission& mission) {
  if (model::qualify(mission.ns, model::plain(mission.name)) != mission.name) {
    return concat(
        "mission ", mission.name.view(), " is in memory as one of namespace ", mission.ns.view()
    );
  }
  for (const MissionName& name : named_by(mission)) {
    if (!name.empty() && model::namespace_of(name.view()) != mission.ns) {
      return concat(
          "mission ",
          mission.name.view(),
          " has to do with mission ",
          name.view(),
          " of another namespace"
      );
    }
  }
  return std::nullopt;
}

Problem crossing_of(const model::Effect& effect) {
  const auto [mission, run] =
      std::visit([](const auto& e) { return std::pair(e.mission, e.run); }, effect);
  const Namespace ns = model::namespace_of(mission.view());
  if (model::namespace_of(run.view()) != ns) {
    return concat("run ", run.view(), " is one of mission ", mission.view());
  }
  const auto* launch = std::get_if<model::LaunchRun>(&effect);
  // A request to go on with a run may have nothing but its name.
  if (launch == nullptr || launch->spec.steps.empty()) {
    return std::nullopt;
  }
  if (!launch->spec.credentials.empty() && launch->spec.ns != ns) {
    return concat("run ", run.view(), " gets credentials of namespace ", launch->spec.ns.view());
  }
  for (const auto& [name, value] : launch->spec.environment) {
    if (name == "REEVE_NAMESPACE" && value != ns.view()) {
      return concat("run ", run.view(), " is told that its namespace is ", value);
    }
  }
  return std::nullopt;
}

}  // namespace reeve::sim
