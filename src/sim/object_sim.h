#pragma once

#include <cstdint>
#include <memory>

#include "engine/engine.h"
#include "sim/fwd.h"
#include "sim/random.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

/// Those who make, change and delete plain objects with finalizers and owners, and namespaces with
/// missions in them. Somebody takes finalizers away from what is being deleted; after
/// `work_properly` until none is left.
///
/// They draw from a stream of their own: a seed without them plays as it always did.
///
/// Threading: the simulation's.
class ObjectSim {
 public:
  ObjectSim(World& world, Checkers& checkers, ClientSim& client, store::MemoryStore& disk);

  /// So many acts within that time; missions are made from `workflow`.
  void use(
      std::uint64_t acts,
      Duration within,
      std::shared_ptr<const workflow::Workflow> workflow,
      std::uint64_t seed
  );

  void work_properly() { properly_ = true; }

  /// Nobody will do anything any more.
  bool at_rest() const { return !using_; }

 private:
  void act();
  void make(const journal::ObjectKey& key);
  void change(const journal::ObjectKey& key);
  void remove(const journal::ObjectKey& key);
  void submit(const Namespace& ns);
  void clean();
  Json read(const journal::ObjectKey& key) const;
  Json random_owners(const Namespace& ns);
  journal::ObjectKey random_key();
  Namespace random_namespace();

  World& world_;
  Checkers& checkers_;
  ClientSim& client_;
  store::MemoryStore& disk_;
  Random random_{0};
  std::shared_ptr<const workflow::Workflow> workflow_;
  std::uint64_t missions_ = 0;
  bool using_ = false;
  bool properly_ = false;
};

}  // namespace reeve::sim
