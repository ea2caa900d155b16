#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/events.h"
#include "journal/event.h"
#include "model/mission.h"
#include "workflow/workflow.h"

namespace reeve::sim {

/// What must hold between missions, by the journal alone: places, units of pools, user keys,
/// children, missions after missions, missions that templates asked for, and tasks that were added.
/// Each function returns
/// what is wrong, or nothing.
///
/// Threading: the simulation's.
class FamilyChecks {
 public:
  /// An event that has not been applied to its mission yet.
  std::optional<std::string> before(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::MissionEvent& event
  );

  /// The same once it has. Both objects stay where they are until the next call about the mission.
  std::optional<std::string> after(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::MissionEvent& event
  );

  /// An event of a pool.
  void see_pool(const journal::Event& event);

  /// Whole turns are on the disk, nothing is half done.
  std::optional<std::string> settled() const;

  /// Everything is at rest.
  std::optional<std::string> at_end() const;

  std::uint64_t children() const { return children_; }

  std::uint64_t waits() const { return waits_; }

  std::uint64_t extensions() const { return extensions_; }

  std::uint64_t successors() const { return successors_; }

  /// Missions outside of the namespace `default`.
  std::uint64_t foreign() const { return foreign_; }

 private:
  struct View {
    const model::Mission* mission = nullptr;
    const workflow::Workflow* workflow = nullptr;
  };

  std::optional<std::string> child_started(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::ChildStarted& event
  );
  std::optional<std::string> child_ended(
      const model::Mission& mission, const engine::ChildEnded& event
  ) const;
  std::optional<std::string> submitted(
      const model::Mission& mission,
      const workflow::Workflow& workflow,
      const engine::MissionSubmitted& event
  );
  std::optional<std::string> made_once(const MissionName& child, const model::Parent& parent);
  std::optional<std::string> family_over(
      const model::Mission& mission, const workflow::Workflow& workflow, engine::TaskIndex task
  ) const;
  std::optional<std::string> check_place(
      const model::Mission& mission, const workflow::Workflow& workflow
  ) const;
  std::optional<std::string> check_units(
      const Namespace& ns, const std::vector<workflow::Semaphore>& taken, bool next
  ) const;
  std::optional<std::string> check_key(const model::Mission& mission) const;
  std::optional<std::string> check_stopped(const View& view) const;
  std::optional<std::string> check_order(const model::Mission& mission) const;
  std::optional<std::string> check_explained(const View& view) const;
  const View* find(const MissionName& name) const;
  std::size_t active(const Namespace& ns, const std::string& workflow) const;
  std::uint32_t used(const Namespace& ns, const std::string& pool, bool held_only) const;
  std::uint32_t capacity(const Namespace& ns, const std::string& pool) const;

  std::map<std::string, View> all_;
  std::map<std::string, View> live_;
  std::map<std::pair<Namespace, std::string>, std::uint32_t> pools_;
  /// Missions that the record of some task names as its own.
  std::set<std::string> recorded_;
  std::uint64_t children_ = 0;
  std::uint64_t waits_ = 0;
  std::uint64_t extensions_ = 0;
  std::uint64_t successors_ = 0;
  std::uint64_t foreign_ = 0;
};

/// Whether the mission is QUEUED without a place, and why is written down.
bool waits_for_admission(const model::Mission& mission);

/// Whether it is QUEUED with a place, all of its runs wait, and why is written down.
bool waits_for_units(const model::Mission& mission);

}  // namespace reeve::sim
