#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/box.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "model/approval.h"
#include "model/run.h"
#include "model/trace.h"

/// A mission: one intent that must finish. The structs hold state only; engine/ holds the rules.
namespace reeve::model {

/// See engine/mission_machine.h for the legal moves.
enum class MissionState : std::uint8_t {
  Prep,
  Queued,
  Held,
  Launching,
  Active,
  Compensating,
  Complete,
  Failed,
  Aborted,
};

inline constexpr std::size_t kMissionStates = 9;

std::string_view to_string(MissionState state);  ///< "PREP" …
Result<MissionState> parse_mission_state(std::string_view text);

constexpr bool is_terminal(MissionState state) {
  return state == MissionState::Complete || state == MissionState::Failed ||
         state == MissionState::Aborted;
}

/// Why a mission moved. One closed list for all kinds of moves.
enum class Reason : std::uint8_t {
  UserRequest,
  Scheduler,
  AgentReady,
  Completion,
  Failure,
  Timeout,
  QuotaExceeded,
  RateLimit,
  WorkerLost,
  ApprovalGranted,
  ApprovalRejected,
  ApprovalExpired,
  HoldReleased,
  Retry,
  Drain,
  Dependency,
  Compensation,
  Skipped,
  ApprovalRequired,
};

std::string_view to_string(Reason reason);  ///< "user_request" …
Result<Reason> parse_reason(std::string_view text);

/// The fold of a task's runs, plus WAITING and SKIPPED.
enum class TaskState : std::uint8_t {
  Waiting,  ///< not its turn yet
  Pending,  ///< a run waits for its delay or for a free slot
  Launching,
  Active,
  Complete,
  Failed,
  Aborted,
  Skipped,
};

std::string_view to_string(TaskState state);  ///< "WAITING" …
Result<TaskState> parse_task_state(std::string_view text);

constexpr bool is_ended(TaskState state) {
  return state == TaskState::Complete || state == TaskState::Failed ||
         state == TaskState::Aborted || state == TaskState::Skipped;
}

/// Why an intent does not proceed.
enum class HoldKind : std::uint8_t {
  Approval,
  Validation,
  Quota,
  Dependency,
  Policy,
  Spiral,
  NoAgent,
  NoTier,
  NoCapacity,
  Backoff,
  Drain,
  CompensationFailed,
};

std::string_view to_string(HoldKind kind);  ///< "approval" …
Result<HoldKind> parse_hold_kind(std::string_view text);

/// What happens to a hold at its deadline.
enum class OnDeadline : std::uint8_t { Release, Abort };

std::string_view to_string(OnDeadline action);  ///< "release", "abort"
Result<OnDeadline> parse_on_deadline(std::string_view text);

/// One open reason not to proceed; identified by (kind, subject).
struct Hold {
  HoldKind kind = HoldKind::Backoff;
  /// What it is about: a task's name, or empty for the whole mission.
  std::string subject;
  Timestamp since;
  std::optional<Timestamp> deadline;
  OnDeadline on_deadline = OnDeadline::Release;
  /// For people: what is waited for and what would release it.
  std::string message;
};

/// The current or last run of a task (or of its compensation).
struct RunSlot {
  RunState state = RunState::Pending;
  /// Number of this run within the epoch, from 1; 0: there was none yet.
  std::uint32_t attempt = 0;
  /// Failed runs since the task was last reached: retries that are used up.
  std::uint32_t failures = 0;
  /// Runs lost by infrastructure since the task was last reached.
  std::uint32_t lost = 0;
  Fence fence;
  bool cancelling = false;
  /// Started when the mission closes (`always_run`): its routes are not followed.
  bool closing = false;
  /// Carried out inside the engine (children, waiting): no host knows it.
  bool inside = false;
  /// Of such a run: it is being cancelled because its time is over.
  bool timed_out = false;
  /// It is being cancelled because a quota is used up: its end counts as a failure.
  bool over_quota = false;
  /// For how long it stood still because its mission was held for a quota.
  Duration frozen{0};
  /// While PENDING: not before this time.
  std::optional<Timestamp> not_before;
  /// While PENDING: since when it could start but for others; its place among those who wait.
  Timestamp pending_since{};
  /// Revision of the last event that changed this run; 0: not known.
  Revision changed{};
};

/// The run of a compensation, with what a task's status has of the forward one.
struct UndoRun : RunSlot {
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> ended_at;
  std::string exit_code;
  std::string error_code;
};

/// Whether the slot holds a run that was handed to a host: what people know as a Run.
inline bool is_run(const RunSlot& slot) {
  return !slot.inside && slot.fence != Fence();
}

/// A run that is over and whose slot another one has taken.
struct PastRun {
  std::uint32_t epoch = 1;
  std::uint32_t attempt = 1;
  /// Of the task's compensation.
  bool undo = false;
  RunState state = RunState::Complete;
  Fence fence;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> ended_at;
  std::string exit_code;
  std::string error_code;
  /// Revision of the last event that changed it.
  Revision changed;
};

/// Past runs of one task that are kept, the latest ones.
inline constexpr std::size_t kPastRunsMax = 50;

/// A mission that a task of another one has started, or an item of a fan-out whose turn has not
/// come. Its end is recorded here before anything follows from it.
struct ChildMission {
  /// Empty: not started.
  MissionName name;
  /// False: it was there already, under the same user key.
  bool own = true;
  /// How it ended; without a value it has not.
  std::optional<MissionState> ended;
  std::string error_code;
  std::string message;
  std::vector<NamedValue> outputs;
  std::vector<ArtifactRef> artifacts;

  bool live() const { return !name.empty() && !ended; }

  /// About how much its results take.
  std::size_t result_bytes() const;
};

/// What a task has started: one mission, or one for each item of a fan-out.
struct Children {
  /// JSON texts; empty if the task does not fan out.
  std::vector<std::string> items;
  bool fans_out = false;
  std::vector<ChildMission> missions;
};

/// Which task of which mission made a mission.
struct Parent {
  MissionName mission;
  TaskName task;
  std::uint32_t item = 0;
  /// It goes on by itself: nothing waits for it.
  bool detached = false;
};

struct TaskStatus {
  TaskState state = TaskState::Waiting;
  /// An entry or a route has led here, and the task has not started yet.
  bool reached = false;
  /// Completed in an earlier epoch (or parent mission); reaching it reuses that result.
  bool kept = false;
  RunSlot run;
  /// Present once compensation of this task has begun.
  Box<UndoRun> undo;
  /// Runs on hosts before the ones in `run` and `undo`, oldest first, at most kPastRunsMax; present
  /// once there is one. One whose task was skipped afterwards is here and in `run`.
  Box<std::vector<PastRun>> past;
  /// Whether its effect may have to be undone: it completed, or its outcome is unknown.
  bool undoable = false;
  /// Runs in all epochs.
  std::uint32_t attempts = 0;
  std::uint32_t polls = 0;
  std::optional<Timestamp> polling_since;
  /// Its last run has stopped because people decide about a tool call of it.
  bool parked = false;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> ended_at;
  /// Revision at which it last ended; orders outputs and compensation.
  Revision ended;
  /// Decimal, or a word such as SKIPPED.
  std::string exit_code;
  std::string error_code;
  std::string message;
  std::vector<NamedValue> outputs;
  std::vector<ArtifactRef> artifacts;
  /// Present once the task has started missions of its own.
  Box<Children> children;
  /// Present once a gate was opened.
  Box<GateStatus> gate;

  bool gate_open() const { return gate && gate->open(); }

  /// Whether it goes on once people have decided something.
  bool waits_for_people() const { return parked || gate_open(); }

  /// Missions that its templates asked for since it was last reached, in order; empty names for
  /// those that could not be made.
  std::vector<MissionName> submitted;
};

struct Mission {
  /// Installation-wide (scoped_name.h), as all names of missions here.
  MissionName name;
  Namespace ns;
  Uid uid;
  Principal owner;
  CorrelationId correlation;
  /// Of the request that made it; absent: it had none.
  Box<Trace> trace;

  std::string workflow_name;
  Digest workflow;
  std::vector<NamedValue> params;
  /// The ended mission whose completed tasks this one reuses.
  std::optional<MissionName> continues;
  /// Container methods run in the local shell.
  bool local = false;
  /// At most one live mission of a namespace has it.
  std::string user_key;
  /// Higher goes first.
  std::int32_t priority = 0;
  /// Not before this time.
  std::optional<Timestamp> not_before;
  /// Name of the trigger that made it.
  std::string trigger;
  std::optional<Parent> parent;
  /// How many missions stand above it.
  std::uint32_t depth = 0;
  /// Put into the working directory of every run.
  std::vector<ArtifactRef> inputs;
  /// For people.
  std::string description;
  /// The person for whom the run works that owns it; absent if the owner is no run.
  Box<Principal> author;
  /// Missions that must complete first.
  std::vector<MissionName> after;
  /// Why it was made from a COMPLETE mission; empty: it was not.
  std::string reopened;
  /// The last valid context bundle of its runs, or of the mission it continues; null: none.
  Json bundle = {};

  /// Revision of its first and of its last event.
  Revision created;
  Revision revision;
  Timestamp created_at;
  std::optional<Timestamp> started_at;
  std::optional<Timestamp> ended_at;

  MissionState state = MissionState::Prep;
  Reason reason = Reason::UserRequest;
  /// Restarts of the whole, from 1.
  std::uint32_t epoch = 1;
  /// How often a task paused it, in all epochs.
  std::uint32_t pauses = 0;
  /// A task failed and nothing handles it: start nothing new.
  bool draining = false;
  /// Someone asked to stop.
  bool aborting = false;
  /// The mission's own deadline has passed.
  bool timed_out = false;
  /// How often a task was started in this epoch; bounds loops.
  std::uint32_t starts = 0;
  /// Since when it is HELD for approval, and how long it was before: time that does not count
  /// against its limit.
  std::optional<Timestamp> approval_since;
  Duration approval_time{0};
  std::string error_code;
  std::string message;
  /// It has a place among the missions of its workflow that may run; a HELD one has none.
  bool admitted = false;
  /// It has been admitted once: the semaphores of its workflow are its own until it ends.
  bool claims = false;
  /// What a QUEUED mission waits for, for people.
  std::string waiting;
  /// It has ended and was deleted: nothing but its name and its events are left.
  bool deleted = false;

  std::vector<TaskStatus> tasks;
  std::vector<Hold> holds;

  /// Who may not decide about their own work: the owner, or the person behind it.
  const Principal& responsible() const { return author ? *author : owner; }
};

/// "my-mission", "build.2": letters, digits, '.', '_', '-', at most 100, starts with a letter or
/// digit. Invalid says what is wrong. Mission and task names become directory names.
Result<void> check_name(std::string_view name, std::string_view what);

}  // namespace reeve::model
