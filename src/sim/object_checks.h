#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/json.h"
#include "engine/object_metadata.h"
#include "journal/event.h"

namespace reeve::sim {

/// What must hold about plain resources, metadata and namespaces, told by the journal alone: an
/// object is made once for each uid, nothing new is made in a namespace that is not there or is
/// going, nobody is removed who has finalizers, none are added to what is being deleted, and a
/// namespace that goes is empty. At rest nothing is left that garbage collection should have taken.
///
/// Threading: the simulation's.
class ObjectChecks {
 public:
  /// Any event; the violation, if it is one.
  std::optional<std::string> see(const journal::Event& event);

  /// At rest: what is left over.
  std::optional<std::string> at_end() const;

  /// Whether somebody is being deleted and has a finalizer of this name.
  bool waits_for(std::string_view finalizer) const;

  std::uint64_t removed() const { return gone_.size(); }

 private:
  struct Object {
    Uid uid;
    Json metadata;
    Json desire;
    engine::ObjectLinks links;
  };

  std::optional<std::string> see_resource(const journal::Event& event);
  std::optional<std::string> see_metadata(const journal::Event& event);
  std::optional<std::string> see_mission(const journal::Event& event);
  std::optional<std::string> check_step(
      const Object& before, const Object& after, const journal::Event& event
  ) const;
  std::optional<std::string> check_open(const Namespace& ns) const;
  std::optional<std::string> check_empty(const std::string& ns) const;
  std::optional<std::string> left_over(const journal::ObjectKey& key, const Object& object) const;

  /// Plain resources, and metadata under its own key.
  std::map<journal::ObjectKey, Object> objects_;
  /// Missions that were not deleted.
  std::map<journal::ObjectKey, Uid> missions_;
  /// Every uid that there ever was, and those of what is no more.
  std::set<Uid> uids_;
  std::set<Uid> gone_;
};

}  // namespace reeve::sim
