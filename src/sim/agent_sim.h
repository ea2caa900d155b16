#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "journal/event.h"
#include "sim/fwd.h"
#include "sim/random.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

/// Runs of the built-in agent loop that call tools about which people decide, the gateway that
/// carries their calls, and the people: who decide early or late, twice, not at all, or delete what
/// they were asked. A run that would have to wait for long ends and says so; the next one of its
/// task sends the same calls under the same keys. Nothing may be carried out twice, or unapproved.
///
/// Threading: the simulation's.
class AgentSim {
 public:
  AgentSim(
      World& world, Checkers& checkers, ClientSim& client, HostSim& host, store::MemoryStore& disk
  );

  /// Where chances come from. From now on people decide, in a hurry, until `rest`.
  void use(std::uint64_t seed);

  void rest() { deciding_ = false; }

  /// How long runs wait for people at most.
  void wait_at_most(Duration patience) { patience_max_ = patience; }

  /// What somebody does now about everything that waits: "approve", "reject" or "delete".
  void decide_all(std::string_view verb);

  /// Calls that were carried out.
  std::uint64_t executions() const { return executions_.size(); }

  /// Runs that ended because people had to decide.
  std::uint64_t parkings() const { return parkings_; }

 private:
  /// One of the calls that a run makes.
  struct Question {
    Fence fence;
    std::uint32_t number = 0;
    std::uint32_t calls = 0;

    Question next() const { return {.fence = fence, .number = number + 1, .calls = calls}; }
  };

  bool is_stopped(Fence fence, const std::function<void()>& again);
  void ask(Question question);
  void look(Question question, const journal::ObjectKey& call, Timestamp until);
  void start(Question question, const journal::ObjectKey& call, Timestamp until);
  void execute(const Question& question, const journal::ObjectKey& call);
  void settle(const journal::ObjectKey& call, std::string_view outcome);
  void plan_decision(const journal::ObjectKey& call);
  void decide(const journal::ObjectKey& call, std::string_view verb);
  journal::ObjectKey call_key(const Question& question, std::string name) const;
  std::string state_of(const journal::ObjectKey& call) const;

  World& world_;
  Checkers& checkers_;
  ClientSim& client_;
  HostSim& host_;
  store::MemoryStore& disk_;
  Random random_{0};
  Duration patience_max_{20'000};
  bool deciding_ = false;
  /// Whether there is less time to decide than usual.
  bool hurried_ = false;
  std::uint64_t names_ = 0;
  std::uint64_t parkings_ = 0;
  /// About which people were asked, and which somebody wanted.
  std::vector<journal::ObjectKey> asked_;
  std::set<journal::ObjectKey> approved_;
  /// How often each was carried out: its task, and which of its calls it is.
  std::map<std::pair<std::string, std::uint32_t>, std::uint64_t> executions_;
};

}  // namespace reeve::sim
