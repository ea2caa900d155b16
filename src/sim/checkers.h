#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/engine.h"
#include "journal/event.h"
#include "kernel/core.h"
#include "sim/catalog_checks.h"
#include "sim/channel_checks.h"
#include "sim/family_checks.h"
#include "sim/fwd.h"
#include "sim/object_checks.h"
#include "sim/parking_checks.h"
#include "store/memory/memory_store.h"

namespace reeve::sim {

struct RunRecord;

/// Everything that must hold while anything goes wrong. Folds the journal by itself, event by
/// event, and compares: with the rows on the disk, with the engine's memory, with what really ran
/// on the host, and with what clients were told. The first violation is kept, in words.
///
/// Threading: the simulation's.
class Checkers {
 public:
  using Ledger = std::function<const RunRecord*(Fence)>;

  Checkers(store::MemoryStore& disk, engine::WorkflowLoader loader);
  ~Checkers();

  /// Where to look up what really ran.
  void use(Ledger ledger) { ledger_ = std::move(ledger); }

  void fail(std::string violation);

  const std::optional<std::string>& violation() const { return violation_; }

  // --- while it runs ----------------------------------------------------------------------------

  /// A commit was tried: folds what is new on the disk and compares the rows.
  void disk_changed();

  /// Turns were run: the invariants of every live mission and of the slots on hosts.
  void core_changed(const kernel::Core& core);

  /// A new core was loaded: everything that was acknowledged must be there.
  void recovered();

  /// A request leaves for the host: the event it comes from must be on the disk.
  void effect_released(const model::Effect& effect);

  /// A client was told that its mission exists.
  void acknowledged(const InputId& input, const engine::Reply& reply);

  /// Somebody was told that a decision counts.
  void decision_acknowledged(
      const Principal& who, const engine::DecideGate& decision, const engine::Reply& reply
  );

  /// A client was told that its mission will be aborted.
  void abort_acknowledged(const MissionName& mission);

  // --- at the end -------------------------------------------------------------------------------

  /// Faults have stopped, everything is at rest. `runs`: all that ever were on the host. `calm`:
  /// nothing ever went wrong, so that every effect must have happened exactly once.
  void at_end(bool calm, const std::map<Fence, RunRecord>& runs);

  /// Whether `mission` has a run on a host under this fence.
  static bool is_on_host(const model::Mission* mission, Fence fence);

  /// A mission as the journal tells it, or null.
  const model::Mission* find(const MissionName& name) const;

  TaskName task_name(const MissionName& mission, engine::TaskIndex task) const;

  /// Whether the gate can be sent back.
  bool revises(const MissionName& mission, engine::TaskIndex task) const;

  /// All missions, in the order of their names.
  std::vector<const model::Mission*> missions() const;

  /// Tasks in the order in which their compensation began.
  std::vector<std::string> compensation_order(const MissionName& name) const;

  /// The deployed workflows that are enabled.
  std::vector<journal::ObjectKey> enabled_workflows() const;

  const CatalogChecks& catalog() const { return catalog_; }

  const FamilyChecks& families() const { return families_; }

  const ObjectChecks& objects() const { return objects_; }

  const ParkingChecks& parkings() const { return parkings_; }

  /// A client was told that its message has this number.
  void message_acknowledged(const std::string& channel, coord::Sequence sequence) {
    channels_.acknowledged(channel, sequence);
  }

  /// Whether some group of some channel still has something to do.
  bool channels_unfinished() const { return channels_.unfinished(); }

  std::uint64_t deliveries() const { return channels_.deliveries(); }

  std::uint64_t transitions() const { return transitions_; }

  std::uint64_t launches() const { return launches_; }

 private:
  struct Folded {
    model::Mission mission;
    std::shared_ptr<const workflow::Workflow> workflow;
    /// Compensations in the order in which they began, with the end of what they undo.
    std::vector<std::pair<engine::TaskIndex, Revision>> undone;
    std::map<engine::TaskIndex, std::uint32_t> undo_completions;
    /// Tasks whose result of an earlier epoch or mission still counts, as far as routes go.
    std::set<engine::TaskIndex> kept;
    /// Completed clean-up runs of the current epoch.
    std::map<engine::TaskIndex, std::uint32_t> closing_completions;
    /// Runs that hosts were asked for, by fence: their slot and the last event about them.
    std::map<Fence, std::pair<engine::SlotKey, Revision>> runs;
    /// What must happen once for each opening of a gate: (task, opening, what).
    std::set<std::tuple<engine::TaskIndex, std::uint32_t, std::string>> gate_facts;
  };

  engine::Book* book_of(const journal::ObjectKey& key) const;
  void fold(const journal::Event& event);
  void see_catalog(const journal::Event& event);
  void see_channel(const engine::Book& book, const journal::Event& event);
  void fold_workflow(const journal::Event& event);
  void fold_mission(const journal::Event& event);
  std::shared_ptr<const workflow::Workflow> workflow_for(const journal::Event& event);
  void check_event(Folded& folded, const engine::MissionEvent& event, Revision revision);
  void check_gate(Folded& folded, const engine::MissionEvent& event, Timestamp at);
  void check_vote(const Folded& folded, const engine::GateVoted& vote);
  void check_outcome(const Folded& folded, const engine::GateDecided& decided);
  void check_decisions();
  void check_epoch(Folded& folded, const engine::EpochStarted& event);
  void check_kept(Folded& folded, engine::TaskIndex index);
  void check_stored_missions();
  void check_run_created(Folded& folded, const engine::RunCreated& event);
  void check_run_ended(Folded& folded, const engine::RunEnded& event);
  const RunRecord* run_ended_by(const Folded& folded, const engine::RunEnded& event) const;
  static void note_run(Folded& folded, const engine::MissionEvent& event, Revision revision);
  void check_slot(const Folded& folded, engine::SlotKey key, model::RunState to);
  void compare_row(const journal::ObjectKey& key);
  void check_acknowledged();
  void check_end_of(const Folded& folded);
  void check_compensation(const Folded& folded);
  void check_always_run(const Folded& folded);
  void check_past(const Folded& folded);
  void check_calm(const Folded& folded);
  void check_done(const std::map<Fence, RunRecord>& runs);

  store::MemoryStore& disk_;
  engine::WorkflowLoader loader_;
  Ledger ledger_;
  std::optional<std::string> violation_;
  journal::ChainVerifier chain_;
  /// Versions that are stored: each namespace has its own.
  std::map<std::pair<Namespace, Digest>, std::shared_ptr<const workflow::Workflow>> workflows_;
  std::map<journal::ObjectKey, std::string> workflow_rows_;
  /// By their installation-wide names, as everything that is kept about missions here.
  std::map<std::string, Folded> missions_;
  std::vector<std::unique_ptr<engine::Book>> books_;
  CatalogChecks catalog_;
  ChannelChecks channels_;
  FamilyChecks families_;
  ObjectChecks objects_;
  ParkingChecks parkings_;
  /// Missions made by one input: at most one.
  std::map<std::string, std::string> made_by_;
  std::map<InputId, engine::Reply> acknowledged_;
  std::set<std::string> aborts_;
  /// Votes that somebody was told of: mission, task, opening, who.
  std::set<std::tuple<std::string, std::string, std::int64_t, std::string>> decisions_;
  /// Fences of the runs that were handed out.
  std::map<Fence, std::string> launched_;
  std::uint64_t transitions_ = 0;
  std::uint64_t launches_ = 0;
};

}  // namespace reeve::sim
