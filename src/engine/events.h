#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "model/mission.h"
#include "model/run.h"
#include "workflow/workflow.h"

/// What can happen to a mission. Each event is complete: applying it (mission_machine.h) needs the
/// state before it and nothing else.
namespace reeve::engine {

using workflow::TaskIndex;

/// Which of a task's two scripts a run carries out.
enum class Leg : std::uint8_t { Forward, Undo };

/// Names one run slot of a mission.
struct SlotKey {
  TaskIndex task = 0;
  Leg leg = Leg::Forward;

  friend bool operator==(const SlotKey&, const SlotKey&) = default;
  friend auto operator<=>(const SlotKey&, const SlotKey&) = default;
};

/// A task result taken over from the mission that this one continues.
struct Reused {
  TaskIndex task = 0;
  std::string exit_code;
  std::vector<model::NamedValue> outputs;
  std::vector<model::ArtifactRef> artifacts;
};

struct MissionCreated {
  Namespace ns;
  Principal owner;
  std::string workflow_name;
  Digest workflow;
  std::uint32_t task_count = 0;
  std::vector<model::NamedValue> params;
  std::optional<MissionName> continues;
  std::vector<Reused> reused;
  bool local = false;
  std::string user_key;
  std::int32_t priority = 0;
  std::optional<Timestamp> not_before;
  std::string trigger;
  std::optional<model::Parent> parent;
  std::uint32_t depth = 0;
  std::vector<model::ArtifactRef> inputs;
  std::string description;
  /// The person for whom the run works that owns it; empty: the owner is no run.
  Principal author;
  std::vector<MissionName> after;
  /// Why a COMPLETE mission was reopened by this one.
  std::string reopened;
  /// The context bundle of the mission that it continues; null: none.
  Json bundle = {};
  /// Of the request that made it.
  model::Trace trace = {};
};

struct MissionTransitioned {
  model::MissionState from = model::MissionState::Prep;
  model::MissionState to = model::MissionState::Prep;
  model::Reason reason = model::Reason::UserRequest;
  std::string error_code;
  std::string message;
};

/// The mission starts over from its incomplete tasks.
struct EpochStarted {
  std::uint32_t epoch = 1;
  /// Also completed tasks run again.
  bool full = false;
};

struct AbortRequested {
  std::string message;
};

struct DeadlinePassed {};

/// An entry, a route or `needs` lead to a task.
struct TaskReached {
  TaskIndex task = 0;
  /// Something that ran in this epoch led here: an earlier result must not be reused.
  bool fresh = false;
};

/// A completed task's earlier result counts again.
struct TaskReused {
  TaskIndex task = 0;
};

struct TaskSkipped {
  TaskIndex task = 0;
  std::string message;
};

struct RunCreated {
  SlotKey slot;
  std::uint32_t attempt = 1;
  std::optional<Timestamp> not_before;
  /// Started because the mission closes, not because something led to it.
  bool closing = false;
};

/// A host is asked to carry it out. Its fence is the revision of this event.
struct RunLaunching {
  SlotKey slot;
  /// The engine itself carries it out.
  bool inside = false;
};

struct RunActive {
  SlotKey slot;
};

struct RunCancelRequested {
  SlotKey slot;
  std::string message;
  /// Its time is over; only for runs inside the engine, hosts watch the time of theirs.
  bool timed_out = false;
  /// A quota is used up.
  bool over_quota = false;
};

/// What the end of a run means for its task.
enum class Outcome : std::uint8_t {
  Completed,
  Failed,
  Retry,    ///< one more run follows; a retry is used up
  Poll,     ///< one more run follows; no retry is used up
  Pause,    ///< the mission is held, then the task runs again
  Again,    ///< lost by infrastructure, one more run follows
  Aborted,  ///< ended on request
  Parked,   ///< one more run follows once people have decided about a tool call
};

std::string_view to_string(Outcome outcome);
Result<Outcome> parse_outcome(std::string_view text);

struct RunEnded {
  SlotKey slot;
  std::uint32_t attempt = 1;
  model::RunState state = model::RunState::Complete;
  Outcome outcome = Outcome::Completed;
  /// Decimal, or empty for a lost run.
  std::string exit_code;
  std::string error_code;
  std::string message;
  /// Nothing handles this failure: the mission starts nothing new.
  bool drains = false;
  /// Its effect may have happened although it did not complete.
  bool unknown = false;
  std::vector<model::NamedValue> outputs;
  std::vector<model::ArtifactRef> artifacts;
  std::vector<std::string> warnings;
};

/// A hold of the same kind and subject is replaced.
struct HoldRaised {
  model::Hold hold;
};

struct HoldReleased {
  model::HoldKind kind = model::HoldKind::Backoff;
  std::string subject;
  bool expired = false;
};

/// A task that starts missions knows which; earlier ones of the same items that completed count.
struct ChildrenPlanned {
  TaskIndex task = 0;
  bool fans_out = false;
  /// JSON texts.
  std::vector<std::string> items;
};

struct ChildStarted {
  TaskIndex task = 0;
  std::uint32_t item = 0;
  MissionName mission;
  bool own = true;
};

/// The child has ended, or could not be started.
struct ChildEnded {
  TaskIndex task = 0;
  std::uint32_t item = 0;
  model::MissionState state = model::MissionState::Complete;
  std::string error_code;
  std::string message;
  std::vector<model::NamedValue> outputs;
  std::vector<model::ArtifactRef> artifacts;
};

/// People may decide from now on. Also counts as the start of the gate's task.
struct GateOpened {
  TaskIndex task = 0;
  /// Number of this opening.
  std::uint32_t revision = 1;
  std::string prompt;
  std::vector<model::NamedValue> context;
  std::optional<Timestamp> deadline;
};

/// Somebody who may has decided.
struct GateVoted {
  TaskIndex task = 0;
  std::uint32_t revision = 1;
  Principal voter;
  model::Decision decision = model::Decision::Approve;
  std::string message;
  std::string rule;
};

/// Those who may decide are reminded.
struct GateReminded {
  TaskIndex task = 0;
  std::uint32_t revision = 1;
};

/// Somebody else is told that nobody has decided.
struct GateEscalated {
  TaskIndex task = 0;
  std::uint32_t revision = 1;
  /// Which of the gate's escalations, from 1.
  std::uint32_t step = 1;
  std::vector<std::string> recipients;
  std::string message;
};

/// The gate is closed. A `run.ended` follows unless it is sent back.
struct GateDecided {
  TaskIndex task = 0;
  std::uint32_t revision = 1;
  model::ApprovalState outcome = model::ApprovalState::Granted;
  std::string message;
  std::vector<model::NamedValue> outputs;
};

/// It may start now.
struct MissionAdmitted {};

/// It may not start yet, and why.
struct MissionWaiting {
  std::string message;
};

/// What a run waits for: one that could start may not yet, or people decide about a tool call of
/// one on a host. Empty: nothing any more.
struct RunWaiting {
  SlotKey slot;
  std::string message;
};

/// A run has added tasks: the mission goes on with a version of its workflow that has them.
struct MissionExtended {
  TaskIndex task = 0;
  Digest workflow;
  std::uint32_t task_count = 0;
};

/// A run wanted to add tasks and did not.
struct ExtensionRefused {
  TaskIndex task = 0;
  std::string message;
};

/// A template of a task asked for a mission. Without one it could not be made, and why.
struct MissionSubmitted {
  TaskIndex task = 0;
  MissionName mission;
  bool own = true;
  std::string message;
};

/// A run has left a context bundle for later runs.
struct BundleKept {
  TaskIndex task = 0;
  Json bundle;
};

/// An ended mission was deleted. Nothing follows.
struct MissionDeleted {};

using MissionEvent = std::variant<
    MissionCreated,
    MissionTransitioned,
    EpochStarted,
    AbortRequested,
    DeadlinePassed,
    TaskReached,
    TaskReused,
    TaskSkipped,
    RunCreated,
    RunLaunching,
    RunActive,
    RunCancelRequested,
    RunEnded,
    HoldRaised,
    HoldReleased,
    ChildrenPlanned,
    ChildStarted,
    ChildEnded,
    GateOpened,
    GateVoted,
    GateReminded,
    GateEscalated,
    GateDecided,
    MissionAdmitted,
    MissionWaiting,
    RunWaiting,
    MissionSubmitted,
    MissionExtended,
    ExtensionRefused,
    BundleKept,
    MissionDeleted>;

/// The journal's name of an event: "mission.created", "run.ended", …
std::string_view type_of(const MissionEvent& event);

/// Every name that `type_of` can return, in the order of MissionEvent's alternatives.
const std::vector<std::string_view>& mission_event_types();

/// Appends the event's data as compact JSON. Tasks are named, not numbered; missions have their
/// plain names, because none of another namespace has anything to do with this one.
void encode(const MissionEvent& event, const workflow::Workflow& workflow, std::string& out);

/// The inverse of `encode`, for a mission of namespace `ns`. Corrupt: unknown type, missing member,
/// unknown task.
Result<MissionEvent> decode(
    std::string_view type,
    std::string_view data,
    const workflow::Workflow& workflow,
    const Namespace& ns
);

}  // namespace reeve::engine
