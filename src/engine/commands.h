#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/time.h"
#include "journal/event.h"
#include "model/approval.h"
#include "model/effect.h"
#include "model/mission.h"
#include "workflow/workflow.h"

/// What can be asked of the engine, and what it answers.
namespace reeve::engine {

/// Make a mission from a workflow. Without a name it gets `<workflow>-<revision>`.
///
/// Everything that it says is about its namespace: the deployed workflow, the user key, and the
/// missions in `after`, whose names are installation-wide all the same (`model::qualify`).
struct SubmitMission {
  /// As the namespace is to call it: the plain name.
  MissionName name;
  Namespace ns{"default"};
  /// Null: the one that is deployed, see below.
  std::shared_ptr<const workflow::Workflow> workflow;
  std::vector<model::NamedValue> params;
  bool local = false;
  /// While a live mission of the namespace has it, a submission with the same one makes no other
  /// mission and is answered with that one.
  std::string user_key = {};
  /// Without a value: the workflow's.
  std::optional<std::int32_t> priority = {};
  std::optional<Timestamp> not_before = {};
  /// Name of the trigger that asks.
  std::string trigger = {};
  /// On whose behalf, if not on that of whoever asks.
  Principal owner = {};
  /// Without a workflow: name and version (empty: the present one) of one that is deployed. The
  /// kernel looks it up.
  std::string deployed = {};
  std::string version = {};
  /// For people.
  std::string description = {};
  /// Missions that must complete first; one that does not aborts this one.
  std::vector<MissionName> after = {};
  /// labels, annotations, finalizers, ownerReferences, managedFields, as in metadata_book.h; stored
  /// in the same commit. Null: none.
  Json metadata = {};
};

/// Make a child of an ended mission that reuses its completed tasks, in the same namespace.
struct RetryMission {
  MissionName parent;
  /// The plain name.
  MissionName name;
  /// The parent is COMPLETE and is to run again, for the reason in `message`.
  bool reopen = false;
  std::string message = {};
  /// Of reopening: this task and what comes after it run again; empty: all tasks.
  TaskName from = {};
};

/// Longest reason for reopening a mission.
inline constexpr std::size_t kReopenReasonBytesMax = 1024;
/// Missions that one mission may wait for.
inline constexpr std::size_t kAfterMax = 100;
/// Parameters of one mission.
inline constexpr std::size_t kParamsMax = 1000;
/// Longest reason for aborting a mission.
inline constexpr std::size_t kAbortReasonBytesMax = 1024;

/// What runs wait for that no host of this process can carry out, in the place of a pool.
inline constexpr std::string_view kNoHost = "(no host)";

/// Stop: cancel what runs, undo and clean up, end ABORTED.
struct AbortMission {
  MissionName mission;
  std::string message;
  /// As in SubmitMission, in place of what was there; null: that stays.
  Json metadata = {};
};

/// Release the holds that wait for a person (a failed compensation is tried again).
struct ResumeMission {
  MissionName mission;
};

/// Decide about an open gate. Who decides, and in which groups, is the sender of the input.
///
/// IllegalTransition: the gate is not open; says who decided what and when. PermissionDenied: the
/// sender may not decide, with the rule or with those who may. Invalid: no reason given, no such
/// gate, or several are open and none is named. A second decision of the same sender about the same
/// opening has no effect and is answered with where the gate stands.
struct DecideGate {
  MissionName mission;
  /// Empty: the only open gate.
  TaskName task;
  model::Decision decision = model::Decision::Approve;
  /// Needed to reject and to revise.
  std::string message;
};

struct TimerFired {
  journal::ObjectKey owner;
  std::string key;
};

/// Compare one mission with what should be going on, and mend. Idempotent.
struct Reconcile {
  MissionName mission;
};

/// A command about an object of a kind that has a book (book.h), in the words of that book.
struct ObjectCommand {
  journal::ObjectKey object;
  /// "set", "apply", "send".
  std::string verb;
  Json body;
};

using Command = std::variant<
    SubmitMission,
    RetryMission,
    AbortMission,
    ResumeMission,
    DecideGate,
    model::Report,
    TimerFired,
    Reconcile,
    ObjectCommand>;

/// What came of a decision.
struct GateReply {
  TaskName task;
  std::uint32_t revision = 1;
  /// What the sender has decided, now or before.
  model::Decision decision = model::Decision::Approve;
  /// False: the sender had decided before.
  bool counted = true;
  model::ApprovalState state = model::ApprovalState::Pending;
  std::uint32_t approvals = 0;
  std::uint32_t needed = 1;
};

/// For `Reply::detail`.
Json to_json(const GateReply& reply);

/// What a command did, for its sender.
struct Reply {
  /// Of commands about missions: the installation-wide name.
  MissionName mission = {};
  Uid uid = {};
  model::MissionState state = model::MissionState::Prep;
  Revision revision = {};
  /// It was there already, under the same user key.
  bool existing = false;
  /// The same input was handled before; this is about what it did then.
  bool repeated = false;
  /// Of commands about other objects: its name, and what was asked for. Of DecideGate: what came of
  /// the decision (to_json of a GateReply).
  std::string subject = {};
  Json detail = {};
  /// The object is no more: a deletion, or the write that took its last finalizer away.
  bool gone = false;
};

}  // namespace reeve::engine
