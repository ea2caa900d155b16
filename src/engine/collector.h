#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "engine/engine.h"
#include "engine/object_metadata.h"
#include "journal/event.h"

namespace reeve::engine {

/// Objects that one step of garbage collection changes, and objects that it looks at.
inline constexpr std::uint32_t kCollectMax = 100;
inline constexpr std::uint32_t kCollectVisitsMax = 2000;
/// Between two steps, while there is more to do.
inline constexpr Duration kCollectPause{10};
/// How often everything that has owners or is being deleted is looked at again.
inline constexpr Duration kSweepPeriod{std::chrono::minutes(10)};

/// Garbage collection: what becomes of an object whose owners are gone, of the dependents of one
/// that is deleted, and of what is in a namespace that is deleted. It knows who refers to whom by
/// what books tell it, works off what has changed in bounded steps, each a turn of its own, and
/// looks at everything again after a restart and now and then: lost work is found.
///
///     owner removed ───────▶ each dependent: another owner is there? ─yes─▶ the reference goes
///                                             └─no──▶ it is deleted
///     foregroundDeletion ──▶ dependents are deleted; none blocks any more ─▶ the finalizer goes
///     orphan ──────────────▶ dependents lose the reference ────────────────▶ the finalizer goes
///     namespace Terminating ▶ missions are aborted and deleted, then all else ─▶ it goes
///
/// Owners are looked up by kind, name and uid in the namespace of the dependent, or where
/// cluster-scoped objects are. One that is there with another uid is gone. Of a kind that this
/// program does not keep nothing is known: such dependents stay.
///
/// Threading: engine loop.
class Collector {
 public:
  /// An object is there with these links.
  void changed(const journal::ObjectKey& key, const ObjectLinks& links);

  /// An object is there and has neither owners nor a deletion any more.
  void forget_links(const journal::ObjectKey& key);

  /// An object is no more. `key` is what `changed` was told: of plain resources their own, of
  /// others that of their metadata.
  void removed(const journal::ObjectKey& key, const Uid& uid);

  /// Looks at everything again, step by step.
  void sweep();

  /// One step.
  void step(Engine& engine, Scope& scope);

  /// At the end of a turn: sees to it that another step comes if there is work.
  void arm(Scope& scope);

  /// A timer of this class is due.
  void on_timer(std::string_view timer, Engine& engine, Scope& scope);

  /// Something is left to do now.
  bool is_busy() const { return !queue_.empty(); }

  /// Who owns its timers: an object that has no row.
  static journal::ObjectKey timer_key();

 private:
  enum class What : std::uint8_t { Object, Dependents, Sweep };

  struct WorkId {
    What what = What::Object;
    journal::ObjectKey key;
    Uid uid;

    friend auto operator<=>(const WorkId&, const WorkId&) = default;
  };

  struct Work {
    WorkId id;
    /// What was looked at last.
    std::optional<journal::ObjectKey> cursor;
    /// A dependent blocks its owner.
    bool blocked = false;
  };

  struct Known {
    std::vector<OwnerReference> owners;
    bool deleting = false;
  };

  /// A namespace that is being emptied.
  struct Teardown {
    /// Missions in memory up to here have been asked to go.
    Revision missions;
    bool missions_asked = false;
    /// Those that were asked and are still there.
    std::set<journal::ObjectKey> waiting;
    /// Missions in the store, newest first: those from here on have gone.
    Revision ended;
    bool ended_asked = false;
  };

  struct Budget {
    std::uint32_t changes = kCollectMax;
    std::uint32_t visits = kCollectVisitsMax;

    bool spent() const { return changes == 0 || visits == 0; }

    void visit() { visits -= visits > 0 ? 1 : 0; }

    void change() { changes -= changes > 0 ? 1 : 0; }
  };

  enum class Owner : std::uint8_t { Present, Deleting, Gone, Unknown };

  void push(WorkId id);
  void unindex(const journal::ObjectKey& key);
  void wake_owners(const Known& known, const Namespace& ns);
  /// Each says whether it is done.
  bool run(Work& work, Engine& engine, Scope& scope);
  bool look_at(Work& work, Engine& engine, Scope& scope);
  bool look_at_dependents(Work& work, Engine& engine, Scope& scope);
  bool look_at_all(Work& work);
  void judge(const journal::ObjectKey& key, const ObjectLinks& links, Engine& engine, Scope& scope);
  bool orphan(const Work& work, const Uid& uid, Engine& engine, Scope& scope);
  bool delete_dependents(Work& work, const Uid& uid, Engine& engine, Scope& scope);
  bool has_dependents_to_delete(const Uid& uid) const;
  Owner state_of(const OwnerReference& owner, const journal::ObjectKey& dependent, Engine& engine)
      const;
  void remove(const journal::ObjectKey& key, bool awaited, Engine& engine, Scope& scope);
  static std::optional<ObjectState> there(const journal::ObjectKey& object, Engine& engine);
  // namespace_teardown.cc
  bool tear_down(const journal::ObjectKey& key, Engine& engine, Scope& scope);
  bool ask_missions(const Namespace& ns, Teardown& teardown, Engine& engine, Scope& scope);
  bool empty_books(const Namespace& ns, bool& left, Engine& engine, Scope& scope);
  bool remove_ended(const Namespace& ns, Teardown& teardown, Engine& engine, Scope& scope);
  void ask(const journal::ObjectKey& object, Teardown& teardown, Engine& engine, Scope& scope);

  std::map<journal::ObjectKey, Known> known_;
  std::map<Uid, std::set<journal::ObjectKey>> dependents_;
  std::map<Namespace, Teardown> teardowns_;
  std::deque<Work> queue_;
  /// What is in the queue, and whether it was asked for again meanwhile.
  std::map<WorkId, bool> queued_;
  Budget budget_;
  /// When the timers are due, as far as they were armed.
  std::optional<Timestamp> step_due_;
  std::optional<Timestamp> sweep_due_;
};

}  // namespace reeve::engine
