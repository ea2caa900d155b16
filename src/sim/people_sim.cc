#include "sim/people_sim.h"

#include <string>
#include <vector>

#include "base/strings.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/world.h"

namespace reeve::sim {

namespace {

constexpr Duration kRoundMax{60'000};

model::Decision random_decision(Random& random) {
  const std::uint64_t dice = random.below(100);
  return dice < 65   ? model::Decision::Approve
         : dice < 80 ? model::Decision::Reject
                     : model::Decision::Revise;
}

}  // namespace

void PeopleSim::work() {
  working_ = true;
  look_around();
}

void PeopleSim::look_around() {
  world_.after(world_.random().duration(Duration(1000), kRoundMax), [this] {
    if (!working_) {
      return;
    }
    for (const model::Mission* mission : checkers_.missions()) {
      for (engine::TaskIndex i = 0; i < mission->tasks.size(); ++i) {
        const Box<model::GateStatus>& gate = mission->tasks[i].gate;
        // Closed ones, too: somebody may not have heard of it.
        if (gate && world_.random().percent(gate->open() ? 50 : 2)) {
          decide(*mission, i);
        }
      }
    }
    look_around();
  });
}

void PeopleSim::decide(const model::Mission& mission, engine::TaskIndex task) {
  static const std::vector<std::string> kWho = {
      "user:ann", "user:bob", "user:cid", "user:dan", "user:simulated", "run:m.1.t0.1", "agent:x"};
  Random& random = world_.random();
  engine::DecideGate decision;
  decision.mission = mission.name;
  decision.task = checkers_.task_name(mission.name, task);
  decision.decision = random_decision(random);
  if (decision.decision == model::Decision::Revise && !checkers_.revises(mission.name, task)) {
    decision.decision = model::Decision::Approve;
  }
  decision.message = "because";
  client_.decide(Principal(random.pick(kWho)), std::move(decision));
}

}  // namespace reeve::sim
