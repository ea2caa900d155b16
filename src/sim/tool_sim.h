#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/json.h"
#include "engine/commands.h"
#include "sim/fwd.h"
#include "sim/random.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

/// A gateway that has tools called, and the person who decides about some of the calls. It carries
/// a call out when it is told, freshly, that it may; and sees to it that nothing is carried out
/// twice, or that was not approved.
///
/// Threading: the simulation's.
class ToolSim {
 public:
  ToolSim(World& world, Checkers& checkers, ClientSim& client, store::MemoryStore& disk);

  /// So many calls within that time.
  void use(std::uint64_t calls, Duration within, std::uint64_t seed);

  /// When nobody does anything any more: compares what was done with what is on record.
  void check_end();

  std::uint64_t executions() const { return executions_.size(); }

 private:
  void record(const std::string& name);
  void decide(const std::string& name);
  void begin(const std::string& name);
  void execute(const std::string& name);
  std::string stored_state(const std::string& name) const;

  World& world_;
  Checkers& checkers_;
  ClientSim& client_;
  store::MemoryStore& disk_;
  Random random_{0};
  std::uint64_t calls_ = 0;
  /// How often each call was carried out.
  std::map<std::string, std::uint64_t> executions_;
};

}  // namespace reeve::sim
