#include "engine/collector.h"

#include <algorithm>
#include <utility>

#include "engine/book.h"
#include "engine/metadata_book.h"
#include "engine/resource_book.h"

namespace reeve::engine {

namespace {

using journal::Kind;
using journal::ObjectKey;

constexpr std::string_view kCollectTimer = "collect";
constexpr std::string_view kSweepTimer = "sweep";
/// A timer that has not fired so long after its time is armed again.
constexpr Duration kTimerPatience{60'000};
constexpr std::string_view kActor = "system:garbage-collector";

/// What the object is called to whom `changed` was told about it.
ObjectKey index_key(const ObjectKey& object) {
  return resource_kind(object.kind) != nullptr ? object : metadata_key(object);
}

/// The object that something in the index stands for.
std::optional<ObjectKey> object_behind(const ObjectKey& key) {
  if (key.kind != Kind::Metadata) {
    return key;
  }
  Result<ObjectKey> object = object_of_metadata(key);
  return object ? std::optional(std::move(*object)) : std::nullopt;
}

/// Where an owner would be that a dependent in `ns` names. Nothing: no kind that is kept here, or
/// one in a namespace that is named by what belongs to none.
std::optional<ObjectKey> key_of_owner(const OwnerReference& owner, const Namespace& ns) {
  ObjectKey key;
  key.name = owner.name;
  if (const ResourceKind* kind = resource_kind(std::string_view(owner.kind))) {
    key.kind = kind->kind;
    key.ns = kind->namespaced ? ns : Namespace();
    const bool possible = !kind->namespaced || !ns.empty();
    return owner.api_version == kind->api_version && possible ? std::optional(key) : std::nullopt;
  }
  for (const Kind kind : {Kind::Workflow, Kind::Mission, Kind::Credential, Kind::Channel}) {
    if (owner.kind == metadata_kind_name(kind) && owner.api_version == "reeve.dev/v1" &&
        !ns.empty()) {
      key.kind = kind;
      key.ns = ns;
      return key;
    }
  }
  return std::nullopt;
}

}  // namespace

ObjectKey Collector::timer_key() {
  return {.kind = Kind::Metadata, .ns = Namespace(), .name = "collector"};
}

// --- what is known ------------------------------------------------------------------------------

void Collector::push(WorkId id) {
  const auto [queued, is_new] = queued_.emplace(id, false);
  if (is_new) {
    queue_.push_back({.id = std::move(id), .cursor = {}, .blocked = false});
  } else {
    queued->second = true;
  }
}

void Collector::unindex(const ObjectKey& key) {
  const auto known = known_.find(key);
  if (known == known_.end()) {
    return;
  }
  for (const OwnerReference& owner : known->second.owners) {
    const auto dependents = dependents_.find(owner.uid);
    if (dependents != dependents_.end()) {
      dependents->second.erase(key);
      if (dependents->second.empty()) {
        dependents_.erase(dependents);
      }
    }
  }
  known_.erase(known);
}

void Collector::changed(const ObjectKey& key, const ObjectLinks& links) {
  const auto before = known_.find(key);
  const Known was = before == known_.end() ? Known{} : before->second;
  unindex(key);
  known_[key] = {.owners = links.owners, .deleting = links.deleting};
  for (const OwnerReference& owner : links.owners) {
    dependents_[owner.uid].insert(key);
  }
  push({.what = What::Object, .key = key, .uid = {}});
  if (was.owners != links.owners) {
    wake_owners(was, key.ns);
  }
}

void Collector::forget_links(const ObjectKey& key) {
  const auto before = known_.find(key);
  if (before != known_.end()) {
    const Known was = before->second;
    unindex(key);
    wake_owners(was, key.ns);
  }
}

/// Owners that wait for their dependents look again.
void Collector::wake_owners(const Known& known, const Namespace& ns) {
  for (const OwnerReference& owner : known.owners) {
    const std::optional<ObjectKey> object = key_of_owner(owner, ns);
    if (!object) {
      continue;
    }
    const ObjectKey key = index_key(*object);
    const auto found = known_.find(key);
    if (found != known_.end() && found->second.deleting) {
      push({.what = What::Object, .key = key, .uid = {}});
    }
  }
}

void Collector::removed(const ObjectKey& key, const Uid& uid) {
  forget_links(key);
  if (dependents_.contains(uid)) {
    push({.what = What::Dependents, .key = {}, .uid = uid});
  }
  if (key.kind == Kind::Namespace) {
    teardowns_.erase(Namespace(key.name));
    return;
  }
  const auto teardown = teardowns_.find(key.ns);
  if (teardown != teardowns_.end()) {
    if (const std::optional<ObjectKey> object = object_behind(key)) {
      teardown->second.waiting.erase(*object);
    }
    push({.what = What::Object, .key = namespace_key(key.ns), .uid = {}});
  }
}

void Collector::sweep() {
  push({.what = What::Sweep, .key = {}, .uid = {}});
}

// --- time ---------------------------------------------------------------------------------------

void Collector::arm(Scope& scope) {
  // A sweep with nothing to look at is over.
  if (known_.empty() && queue_.size() == 1 && queue_.front().id.what == What::Sweep) {
    queue_.clear();
    queued_.clear();
  }
  const auto arm_one = [&](std::optional<Timestamp>& armed, std::string_view timer, Duration in) {
    // Armed by a turn that came to nothing, it will never fire.
    if (armed && scope.now <= *armed + kTimerPatience) {
      return;
    }
    armed = scope.now + in;
    scope.timers.push_back({.owner = timer_key(), .key = std::string(timer), .due = armed});
  };
  if (!queue_.empty()) {
    arm_one(step_due_, kCollectTimer, kCollectPause);
  }
  if (!known_.empty()) {
    arm_one(sweep_due_, kSweepTimer, kSweepPeriod);
  }
}

void Collector::on_timer(std::string_view timer, Engine& engine, Scope& scope) {
  if (timer == kSweepTimer) {
    sweep_due_.reset();
    sweep();
    return;
  }
  step_due_.reset();
  step(engine, scope);
}

// --- work ---------------------------------------------------------------------------------------

void Collector::step(Engine& engine, Scope& scope) {
  const Principal actor = std::exchange(scope.actor, Principal(std::string(kActor)));
  budget_ = Budget();
  while (!queue_.empty() && !budget_.spent()) {
    Work work = std::move(queue_.front());
    queue_.pop_front();
    if (!run(work, engine, scope)) {
      queue_.push_front(std::move(work));
      break;
    }
    const auto queued = queued_.find(work.id);
    const bool again = queued->second;
    queued_.erase(queued);
    if (again) {
      push(work.id);
    }
  }
  scope.actor = actor;
}

bool Collector::run(Work& work, Engine& engine, Scope& scope) {
  switch (work.id.what) {
    case What::Object:
      return look_at(work, engine, scope);
    case What::Dependents:
      return look_at_dependents(work, engine, scope);
    case What::Sweep:
      return look_at_all(work);
  }
  return true;
}

bool Collector::look_at(Work& work, Engine& engine, Scope& scope) {
  budget_.visit();
  const ObjectKey& key = work.id.key;
  const Book* book = engine.book_of(key);
  const ObjectLinks* found = book == nullptr ? nullptr : book->links_of(key);
  const std::optional<ObjectKey> object = object_behind(key);
  if (found == nullptr || !object) {
    return true;
  }
  const ObjectLinks links = *found;
  if (!links.deleting) {
    judge(key, links, engine, scope);
    return true;
  }
  const std::optional<ObjectState> state = there(*object, engine);
  if (state && links.has_finalizer(kOrphanFinalizer)) {
    return orphan(work, state->uid, engine, scope);
  }
  if (state && links.has_finalizer(kForegroundFinalizer)) {
    return delete_dependents(work, state->uid, engine, scope);
  }
  return key.kind != Kind::Namespace || tear_down(key, engine, scope);
}

/// The dependents of an owner that is gone.
bool Collector::look_at_dependents(Work& work, Engine& engine, Scope& scope) {
  while (!budget_.spent()) {
    const auto dependents = dependents_.find(work.id.uid);
    if (dependents == dependents_.end()) {
      return true;
    }
    const auto next =
        work.cursor ? dependents->second.upper_bound(*work.cursor) : dependents->second.begin();
    if (next == dependents->second.end()) {
      return true;
    }
    const ObjectKey key = *next;
    work.cursor = key;
    budget_.visit();
    const Book* book = engine.book_of(key);
    const ObjectLinks* links = book == nullptr ? nullptr : book->links_of(key);
    if (links != nullptr && !links->deleting) {
      judge(key, ObjectLinks(*links), engine, scope);
    }
  }
  return false;
}

bool Collector::look_at_all(Work& work) {
  while (!budget_.spent()) {
    const auto next = work.cursor ? known_.upper_bound(*work.cursor) : known_.begin();
    if (next == known_.end()) {
      return true;
    }
    budget_.visit();
    work.cursor = next->first;
    push({.what = What::Object, .key = next->first, .uid = {}});
  }
  return false;
}

/// An object goes when none of its owners is left; references to those that are not left go.
void Collector::judge(
    const ObjectKey& key, const ObjectLinks& links, Engine& engine, Scope& scope
) {
  if (links.owners.empty()) {
    return;
  }
  std::vector<Uid> gone;
  bool stays = false;
  bool awaited = false;
  for (const OwnerReference& owner : links.owners) {
    const Owner state = state_of(owner, key, engine);
    if (state == Owner::Gone) {
      gone.push_back(owner.uid);
    }
    stays = stays || state == Owner::Present || state == Owner::Unknown;
    awaited = awaited || state == Owner::Deleting;
  }
  if (!stays) {
    remove(key, awaited, engine, scope);
  } else if (!gone.empty()) {
    budget_.change();
    engine.drop_owners(key, gone, scope);
  }
}

Collector::Owner Collector::state_of(
    const OwnerReference& owner, const ObjectKey& dependent, Engine& engine
) const {
  const std::optional<ObjectKey> object = key_of_owner(owner, dependent.ns);
  if (!object) {
    return Owner::Unknown;
  }
  const Result<std::optional<Uid>> uid = engine.uid_of_stored(*object);
  if (!uid) {
    return Owner::Unknown;  // the store failed; the next sweep asks again
  }
  if (!*uid || **uid != owner.uid) {
    return Owner::Gone;
  }
  const ObjectKey key = index_key(*object);
  const Book* book = engine.book_of(key);
  const ObjectLinks* links = book == nullptr ? nullptr : book->links_of(key);
  const bool waits =
      links != nullptr && links->deleting && links->has_finalizer(kForegroundFinalizer);
  return waits ? Owner::Deleting : Owner::Present;
}

/// Deletes a dependent. Somebody may wait for it: then what depends on it goes first, where there
/// is something, and not around in a circle.
void Collector::remove(const ObjectKey& key, bool awaited, Engine& engine, Scope& scope) {
  const std::optional<ObjectKey> object = object_behind(key);
  const std::optional<ObjectState> state = object ? there(*object, engine) : std::nullopt;
  if (!state) {
    return;
  }
  const bool deeper = awaited && has_dependents_to_delete(state->uid);
  budget_.change();
  engine.request_deletion(
      *object, deeper ? Propagation::Foreground : Propagation::Background, scope
  );
}

/// A mission that has ended may be in the store alone.
std::optional<ObjectState> Collector::there(const ObjectKey& object, Engine& engine) {
  // If the store fails the next sweep tries again.
  return engine.fetch(object).ok() ? engine.state_of(object) : std::nullopt;
}

/// The dependents of an object lose their owner and stay.
bool Collector::orphan(const Work& work, const Uid& uid, Engine& engine, Scope& scope) {
  while (!budget_.spent()) {
    const auto dependents = dependents_.find(uid);
    if (dependents == dependents_.end()) {
      budget_.change();
      engine.drop_finalizers(work.id.key, {std::string(kOrphanFinalizer)}, scope);
      return true;
    }
    const ObjectKey key = *dependents->second.begin();
    budget_.visit();
    budget_.change();
    engine.drop_owners(key, {uid}, scope);
    const auto left = dependents_.find(uid);
    if (left != dependents_.end() && left->second.contains(key)) {
      // What is indexed is not there: nothing can refer to anybody.
      unindex(key);
    }
  }
  return false;
}

bool Collector::has_dependents_to_delete(const Uid& uid) const {
  const auto dependents = dependents_.find(uid);
  return dependents != dependents_.end() &&
         std::any_of(dependents->second.begin(), dependents->second.end(), [&](const auto& key) {
           return !known_.at(key).deleting;
         });
}

/// The dependents of an object go before it; those that do not block it may go later.
bool Collector::delete_dependents(Work& work, const Uid& uid, Engine& engine, Scope& scope) {
  while (!budget_.spent()) {
    const auto dependents = dependents_.find(uid);
    const bool any = dependents != dependents_.end();
    const auto next = !any          ? std::set<ObjectKey>::const_iterator()
                      : work.cursor ? dependents->second.upper_bound(*work.cursor)
                                    : dependents->second.begin();
    if (!any || next == dependents->second.end()) {
      if (!work.blocked) {
        budget_.change();
        engine.drop_finalizers(work.id.key, {std::string(kForegroundFinalizer)}, scope);
      }
      return true;
    }
    const ObjectKey key = *next;
    work.cursor = key;
    budget_.visit();
    if (!known_.at(key).deleting) {
      remove(key, true, engine, scope);
    }
    const auto left = known_.find(key);
    if (left == known_.end()) {
      continue;
    }
    const std::vector<OwnerReference>& owners = left->second.owners;
    work.blocked = work.blocked || std::any_of(owners.begin(), owners.end(), [&](const auto& o) {
                     return o.uid == uid && o.blocks;
                   });
  }
  return false;
}

}  // namespace reeve::engine
