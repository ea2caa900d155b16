#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "engine/engine.h"
#include "sim/faults.h"
#include "sim/fwd.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

/// Clients that want their commands done: they repeat a command, with the same input id, until they
/// have an answer; some repeat it anyway. They abort missions at odd times, resume what is held and
/// try again what failed.
///
/// Threading: the simulation's.
class ClientSim {
 public:
  /// Gets the first answer to a request.
  using Then = std::function<void(const Result<engine::Reply>&)>;

  ClientSim(
      World& world,
      FaultRates& faults,
      Checkers& checkers,
      ControllerSim& controller,
      store::MemoryStore& disk
  );

  /// Submits a mission; with an empty name the kernel names it. Returns the number of the request.
  std::size_t submit(
      std::shared_ptr<const workflow::Workflow> workflow,
      std::string name,
      std::vector<model::NamedValue> params = {},
      const Namespace& ns = Namespace("default")
  );

  /// The same with everything that a client can say. `then` is told the first answer.
  std::size_t submit(engine::SubmitMission command, Then then = nullptr);

  /// Declares a pool or changes its size; without units it is forgotten.
  std::size_t set_pool(
      const std::string& pool,
      std::optional<std::uint64_t> units,
      const Namespace& ns = Namespace("default")
  );

  std::size_t abort(const MissionName& mission);
  std::size_t resume(const MissionName& mission);
  /// A command about a deployed workflow: apply, enable, disable.
  std::size_t deploy(
      const std::string& workflow,
      std::string verb,
      Json body = Json::object(),
      const Namespace& ns = Namespace("default")
  );
  /// A command about any object that has a book.
  std::size_t order(
      journal::ObjectKey object,
      std::string verb,
      Json body = Json::object(),
      Then then = nullptr,
      const Principal& who = Principal("user:simulated")
  );
  std::size_t retry(const MissionName& parent, std::string name);
  /// What `who` decides about a gate.
  std::size_t decide(const Principal& who, engine::DecideGate decision);

  /// What a request was answered with, once it was: null before.
  const Result<engine::Reply>* answer(std::size_t request) const;

  /// From now on a client that learns of a mission meddles with it now and then.
  void meddle(bool on) { meddling_ = on; }

  /// Requests without an answer.
  std::size_t waiting() const;

 private:
  struct Request {
    InputId id;
    engine::Command command;
    std::unique_ptr<Result<engine::Reply>> answer;
    Then then = nullptr;
    Principal who = Principal("user:simulated");
  };

  std::size_t add(engine::Command command);
  void send(std::size_t number);
  void transmit(std::size_t number);
  void receive(std::size_t number, Result<engine::Reply> reply);
  void judge(const Request& request, const Result<engine::Reply>& reply);
  void judge_decision(const Request& request, const Result<engine::Reply>& reply);
  void plan_visit(const MissionName& mission);
  void visit(const MissionName& mission);

  World& world_;
  FaultRates& faults_;
  Checkers& checkers_;
  ControllerSim& controller_;
  store::MemoryStore& disk_;
  std::vector<Request> requests_;
  bool meddling_ = false;
};

}  // namespace reeve::sim
