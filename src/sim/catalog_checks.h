#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "engine/catalog.h"
#include "engine/events.h"
#include "journal/event.h"
#include "workflow/cron/schedule.h"
#include "workflow/workflow.h"

namespace reeve::sim {

/// What must hold about deployed workflows, told by the journal alone: each tick makes at most one
/// mission, each mission of a trigger was announced, and no tick is lost: between two ticks that
/// are waited for, every tick was fired, skipped or counted as missed.
///
/// Threading: the simulation's.
class CatalogChecks {
 public:
  using WorkflowOf = std::function<std::shared_ptr<const workflow::Workflow>(const Digest&)>;

  /// An event about a deployed workflow; the violation, if it is one.
  std::optional<std::string> see(const journal::Event& event, const WorkflowOf& workflow_of);

  /// A mission was made.
  void see_mission(const std::string& name, const engine::MissionCreated& created);

  /// At rest: what is left over.
  std::optional<std::string> at_end() const;

  std::uint64_t ticks() const { return ticks_.size(); }

 private:
  using TriggerId = std::pair<std::string, std::string>;

  /// A tick that is waited for, and how many ticks from it on have been dealt with.
  struct Waiting {
    Timestamp due;
    std::uint64_t dealt_with = 0;
  };

  std::optional<std::string> armed(const std::string& workflow, const engine::TriggerArmed& event);
  std::optional<std::string> fired(const std::string& workflow, const engine::TriggerFired& event);
  void forget(const std::string& workflow);

  std::map<std::string, std::map<std::string, cron::Schedule>> schedules_;
  std::map<TriggerId, Waiting> waiting_;
  std::set<std::pair<TriggerId, Timestamp>> ticks_;
  /// Missions that a trigger made and that no event has named yet, with their user keys.
  std::map<std::string, std::string> unannounced_;
};

}  // namespace reeve::sim
