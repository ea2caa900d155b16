#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "engine/commands.h"
#include "sim/fwd.h"
#include "sim/random.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

/// Runs that ask a model again and again, the gateway that carries their calls, and a provider that
/// counts what it gives. One quota counts them all. The gateway sends a call once at most, and only
/// after it was granted; what the provider has given is never more than the quota allows, whatever
/// crashes.
///
/// Threading: the simulation's.
class MeterSim {
 public:
  struct Options {
    /// Missions "m0" …, each with one run of the task "a".
    std::uint64_t missions = 100;
    std::uint64_t calls_of_each = 3;
    std::uint64_t tokens_max = 10'000;
    /// The most that one call may use.
    std::uint64_t call_tokens_max = 300;
    Duration within{120'000};
    /// terminate, pause, queue
    std::string action = "terminate";
  };

  /// Nobody asks before: the quota is there first.
  static constexpr Duration kFirstCallAfter{20'000};

  MeterSim(World& world, Checkers& checkers, ClientSim& client, store::MemoryStore& disk);

  /// Declares the quota and makes the runs ask.
  void use(const Options& options, std::uint64_t seed);

  /// So much more than everybody can ask for: who is held goes on.
  void raise();

  /// The gateway takes back what it was refused: a request that came twice may have been granted
  /// the second time.
  void close();

  /// Nobody asks any more; compares the sums with what the provider has counted.
  void check_end();

  std::uint64_t given() const { return given_; }

  std::uint64_t refused() const { return refused_.size(); }

 private:
  void set_quota(std::uint64_t tokens_max);
  void ask(std::uint64_t mission, std::uint64_t number);
  void send(const std::string& call, std::uint64_t worst);
  void settle(const std::string& call, std::uint64_t used);
  void refund(const std::string& call);
  void look();
  Json usage() const;

  World& world_;
  Checkers& checkers_;
  ClientSim& client_;
  store::MemoryStore& disk_;
  Random random_{0};
  Options options_;
  std::uint64_t tokens_max_ = 0;
  std::uint64_t given_ = 0;
  /// Calls that were not granted when they were asked for.
  std::vector<std::string> refused_;
  std::map<std::string, std::uint64_t> sent_;
};

}  // namespace reeve::sim
