#pragma once

#include "engine/events.h"
#include "model/mission.h"
#include "sim/fwd.h"

namespace reeve::sim {

/// People who look at open gates now and then and decide: early or late, twice, about what is
/// closed already, without being asked; and runs that try to approve their own work.
///
/// Threading: the simulation's.
class PeopleSim {
 public:
  PeopleSim(World& world, Checkers& checkers, ClientSim& client)
      : world_(world), checkers_(checkers), client_(client) {}

  /// From now on they look around, until `rest`.
  void work();

  void rest() { working_ = false; }

 private:
  void look_around();
  void decide(const model::Mission& mission, engine::TaskIndex task);

  World& world_;
  Checkers& checkers_;
  ClientSim& client_;
  bool working_ = false;
};

}  // namespace reeve::sim
