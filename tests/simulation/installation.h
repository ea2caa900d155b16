#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "sim/simulation.h"

namespace reeve::sim {

/// A simulated installation in which nothing goes wrong unless a test says so.
class Installation : public Simulation {
 public:
  explicit Installation(std::uint64_t seed = 1, engine::Limits limits = quiet_limits())
      : Simulation({.seed = seed, .faults = {}, .limits = limits}) {}

  static engine::Limits quiet_limits() {
    engine::Limits limits;
    limits.run_slots = 4;
    return limits;
  }

  model::MissionState state(const std::string& name) const { return mission(name).state; }

  const model::TaskStatus& task(const std::string& name, std::size_t index) const {
    return mission(name).tasks.at(index);
  }

  /// How often the script of a task was begun.
  std::uint32_t executions(const std::string& mission, const std::string& task) const {
    return const_cast<Installation*>(this)->host().executions(MissionName(mission), TaskName(task));
  }

  /// How often its work was done.
  std::uint32_t completions(const std::string& mission, const std::string& task) const {
    return const_cast<Installation*>(this)->host().completions(
        MissionName(mission), TaskName(task)
    );
  }

  /// "PREP>QUEUED user_request" for each transition of a mission.
  std::vector<std::string> transitions(const std::string& name) {
    std::vector<std::string> moves;
    store::EventQuery query;
    query.object = journal::ObjectKey{
        .kind = journal::Kind::Mission, .ns = Namespace("default"), .name = name};
    query.limit = 5000;
    const auto events = disk().events(query);
    for (const journal::Event& event : *events) {
      if (event.type == "mission.transitioned") {
        const auto data = parse_json(event.data);
        moves.push_back(concat(
            data->get_string("from"), ">", data->get_string("to"), " ", data->get_string("reason")
        ));
      }
    }
    return moves;
  }

  /// Everything healed, at rest and proven.
  void expect_sound() {
    heal();
    run_until_idle();
    finish(false);
    EXPECT_EQ(violation().value_or(""), "");
  }
};

/// A workflow of the native form from the lines of its tasks.
inline std::string workflow_of(std::string_view name, std::string_view tasks) {
  return concat(
      "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: ",
      name,
      "}\nspec:\n  timeout: 1h\n  tasks:\n",
      tasks
  );
}

}  // namespace reeve::sim
