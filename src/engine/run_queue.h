#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/ids.h"
#include "engine/events.h"

/// The runs that wait to be handed to a host. Pure; built again from the missions after a restart.
namespace reeve::engine {

/// Names a slot of a live mission; ordered by the mission's age.
struct RunRef {
  Revision created;
  SlotKey slot;

  friend auto operator<=>(const RunRef&, const RunRef&) = default;
};

/// Where a run stands in line: by score (see `queue_score`), then by when it came.
using RunPlace = std::pair<std::int64_t, std::uint64_t>;

/// Runs in line: those whose turn may come at once, best first, and those that wait for units of a
/// pool. Of the latter only those are looked at again that what has become free suffices for.
class RunQueue {
 public:
  /// A run that is looked at.
  struct Turn {
    RunRef run;
    RunPlace place;
    /// The pool that has made it ready again; empty: none.
    std::string woken_by;
  };

  /// Puts a run in line. No effect if it is there.
  void add(RunRef run, std::int64_t score);

  bool has_ready() const { return !ready_.empty(); }

  /// The first of the ready ones. It stays in line until `leave`, or waits after `block`.
  Turn next();

  void leave(RunRef run) { places_.erase(run); }

  /// It needs so many units of a pool that it cannot have now.
  void block(const Turn& turn, const std::string& pool, std::uint32_t units);

  /// So many units of a pool are free: makes those ready that can have them, best first.
  void wake(const std::string& pool, std::uint32_t free);

  /// Makes the first `count` that wait for a pool ready, whatever they need.
  void wake_first(const std::string& pool, std::size_t count);

  /// Whether a run with a better place waits for the pool, or was woken for it and has not had its
  /// turn, that needs a number of units of which `holds` is true.
  bool is_behind(
      const std::string& pool, RunPlace place, const std::function<bool(std::uint32_t units)>& holds
  ) const;

  struct Wait {
    std::string pool;
    std::uint32_t units = 0;
  };

  /// What a run waits for; null: its turn.
  const Wait* wait_of(const RunRef& run) const;

  /// Everything of a mission leaves. Returns the pools that it waited for, or was woken for.
  std::set<std::string> forget(Revision mission);

  /// The same of one run; empty: none, or it was not in line.
  std::string forget(const RunRef& run);

  /// Runs in line, ready or not.
  std::size_t size() const { return places_.size(); }

 private:
  /// Who waits for a pool, by the units that they need.
  using Waiting = std::map<std::uint32_t, std::set<std::pair<RunPlace, RunRef>>>;

  static Waiting::iterator best_of(Waiting& waiting, std::uint32_t units_max);
  void make_ready(const std::string& pool, Waiting& waiting, Waiting::iterator group);
  void drop_if_empty(const std::string& pool);

  std::map<RunRef, RunPlace> places_;
  std::uint64_t count_ = 0;
  std::set<std::pair<RunPlace, RunRef>> ready_;
  /// What ready runs were woken for.
  std::map<RunRef, Wait> woken_by_;
  std::map<std::string, Waiting> waiting_;
  std::map<RunRef, Wait> waits_;
};

}  // namespace reeve::engine
