#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "workflow/workflow.h"

/// Who may start, and in which order: the places among the missions of a workflow, the units of
/// pools, and the queues of those who wait for them. Pure; everything in it follows from the
/// missions and is built again from them after a restart.
namespace reeve::engine {

/// The place in a queue: smaller goes first. Every point of priority is worth the waiting time of
/// `ageing`, so that nobody waits for ever behind those who are more important.
std::int64_t queue_score(Timestamp since, std::int32_t priority, Duration ageing);

/// Units of pools that are taken.
class Pools {
 public:
  /// A run gives its units back without anybody's help, because its time is limited; a mission may
  /// wait for others, or for people.
  enum class Holder : std::uint8_t { Mission, Run };

  /// Declares how many units a pool has; nothing: nobody declares it any more.
  void set_capacity(const std::string& pool, std::optional<std::uint32_t> units);

  /// Notes that a mission may ask for these units, until `forget_demand` with the same. A pool that
  /// nobody has declared is as large as the largest of them.
  void add_demand(const std::vector<workflow::Semaphore>& units);
  void forget_demand(const std::vector<workflow::Semaphore>& units);

  /// As declared; else the largest demand, which its users can only have one after the other.
  std::uint32_t capacity(const std::string& pool) const;

  std::uint32_t used(const std::string& pool) const;

  /// The pools of which something is taken.
  const std::map<std::string, std::uint32_t>& used() const { return used_; }

  /// Nothing is taken and nobody may ask for anything.
  bool at_rest() const {
    return used_.empty() && used_by_runs_.empty() && holders_.empty() && demand_.empty();
  }

  /// Why the units cannot be taken now, for people; nothing if they can.
  std::optional<std::string> refusal(const std::vector<workflow::Semaphore>& wanted) const;

  /// Whether so many units are free, or will be once those runs have ended that have some now.
  bool comes_free(const std::string& pool, std::uint32_t units) const;

  /// `mission` has them, itself or by a run.
  void take(Revision mission, const std::vector<workflow::Semaphore>& units, Holder holder);
  void give_back(Revision mission, const std::vector<workflow::Semaphore>& units, Holder holder);

  /// Which missions have how many units of a pool.
  const std::map<Revision, std::uint32_t>& holders(const std::string& pool) const;

 private:
  std::map<std::string, std::uint32_t> capacity_;
  std::map<std::string, std::uint32_t> used_;
  /// Of these by runs.
  std::map<std::string, std::uint32_t> used_by_runs_;
  std::map<std::string, std::map<Revision, std::uint32_t>> holders_;
  /// How many missions may ask for how many units at a time.
  std::map<std::string, std::map<std::uint32_t, std::uint32_t>> demand_;
};

/// Missions that wait for a place or for units, by workflow: those of one workflow wait for the
/// same things, so that only the first of each queue has to be looked at.
class AdmissionQueue {
 public:
  struct Place {
    std::int64_t score = 0;
    Revision mission;

    friend auto operator<=>(const Place&, const Place&) = default;
  };

  void add(const std::string& workflow, Place place);
  void remove(const std::string& workflow, Place place);

  /// The first of those of a workflow, of which somebody waits.
  Revision first(const std::string& workflow) const {
    return queues_.at(workflow).begin()->mission;
  }

  /// Whether somebody of that workflow waits.
  bool has(const std::string& workflow) const { return queues_.contains(workflow); }

  /// The first of every workflow's queue, best first.
  std::vector<std::pair<Place, std::string>> heads() const;

 private:
  std::map<std::string, std::set<Place>> queues_;
};

}  // namespace reeve::engine
