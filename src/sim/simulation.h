#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "model/mission.h"
#include "sim/agent_sim.h"
#include "sim/channel_sim.h"
#include "sim/checkers.h"
#include "sim/client_sim.h"
#include "sim/controller_sim.h"
#include "sim/faults.h"
#include "sim/host_sim.h"
#include "sim/object_sim.h"
#include "sim/people_sim.h"
#include "sim/workload.h"
#include "sim/world.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

struct SimulationOptions {
  std::uint64_t seed = 1;
  FaultRates faults;
  engine::Limits limits{.run_slots = 4, .starts_max = 60, .epochs_max = 4};
};

/// A whole installation on virtual time: disk, controller, host, clients. Scenario tests drive it
/// step by step; `simulate` lets a seed do it.
///
/// Threading: one thread.
class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  World& world() { return world_; }

  FaultRates& faults() { return faults_; }

  ControllerSim& controller() { return controller_; }

  HostSim& host() { return host_; }

  ClientSim& client() { return client_; }

  PeopleSim& people() { return people_; }

  ChannelSim& channels() { return channels_; }

  ObjectSim& objects() { return objects_; }

  AgentSim& agents() { return agents_; }

  Checkers& checkers() { return checkers_; }

  store::MemoryStore& disk() { return disk_; }

  WorkflowShelf& shelf() { return shelf_; }

  /// Submits the document under `name`. Fails the simulation if it cannot be loaded.
  void submit(
      const std::string& source, const std::string& name, const Namespace& ns = Namespace("default")
  );

  /// A mission as the journal tells it, by its installation-wide name; it must exist.
  const model::Mission& mission(const std::string& name) const;

  /// Lets `by` pass. False: something was violated.
  bool advance(Duration by);

  /// Until nothing can happen any more without somebody's help; not longer than `kRestMax`.
  /// Violated if that is not enough.
  void run_until_idle();

  /// Deploys the document. Fails the simulation if it cannot be loaded.
  void deploy(const std::string& source, const Namespace& ns = Namespace("default"));

  /// No more faults; everything that is down comes back, and triggers are put to rest.
  void heal();

  /// Everything is at rest: the host idle, the clients answered, each mission ended or held for a
  /// person.
  bool at_rest() const;

  /// Runs the last checks. Call once, at rest. `calm`: nothing ever went wrong, so that what the
  /// journal says and what ran on the host must be exactly the same.
  void finish(bool calm);

  const std::optional<std::string>& violation() const { return checkers_.violation(); }

 private:
  void rest_triggers();

  FaultRates faults_;
  World world_;
  WorkflowShelf shelf_;
  store::MemoryStore disk_;
  Checkers checkers_;
  ControllerSim controller_;
  HostSim host_;
  ClientSim client_;
  PeopleSim people_;
  ChannelSim channels_;
  ObjectSim objects_;
  AgentSim agents_;
};

/// The longest that a healed world may take to come to rest, in virtual time and in steps.
inline constexpr Duration kRestMax{std::chrono::hours(48)};
inline constexpr std::uint64_t kStepsMax = 400'000;

/// What a simulated seed came to.
struct Outcome {
  std::uint64_t seed = 0;
  /// The same for the same seed, always.
  std::uint64_t trace = 0;
  std::optional<std::string> violation;
  std::uint64_t missions = 0;
  std::uint64_t held = 0;
  std::uint64_t transitions = 0;
  std::uint64_t executions = 0;
  std::uint64_t crashes = 0;
  std::uint64_t reloads = 0;
  std::uint64_t steps = 0;
  /// Of cron triggers that made a mission.
  std::uint64_t ticks = 0;
  /// Messages that were handed out.
  std::uint64_t deliveries = 0;
  /// Missions of another namespace than `default`.
  std::uint64_t foreign = 0;
  /// Plain objects and missions that were removed.
  std::uint64_t removed = 0;
  /// Runs that ended because people had to decide.
  std::uint64_t parkings = 0;
};

/// The other namespace of the workloads, in which everything is named as in `default`.
inline constexpr const char* kOtherNamespace = "other";

/// Plays one seed to its end: random workload, random faults, then healing and the last checks.
/// `look`, if given, sees the world afterwards.
Outcome simulate(std::uint64_t seed, const std::function<void(Simulation&)>& look = nullptr);

}  // namespace reeve::sim
