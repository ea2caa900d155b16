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
#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// The one graph that both front ends (native/ and formicary/) produce.
namespace reeve::workflow {

/// A scalar of the document that may contain `{{ }}`, with its place in the file.
struct Text {
  std::string text;
  Position position;

  bool empty() const { return text.empty(); }
};

/// Index of a task in `Workflow::tasks`.
using TaskIndex = std::uint32_t;

/// How a task is carried out.
enum class Method : std::uint8_t {
  Shell,
  Noop,        ///< completes inside the engine, at once
  Docker,      ///< a container method: runs in the local shell under --local, else refused
  Kubernetes,  ///< as Docker
};

std::string_view to_string(Method method);  ///< "SHELL" …

inline bool is_container(Method method) {
  return method == Method::Docker || method == Method::Kubernetes;
}

/// Delay before attempt n+1: min·factorⁿ, at most max; with jitter a value in [min, that].
struct Backoff {
  Duration min{0};
  Duration max{10'000};
  double factor = 2;
  bool jitter = false;
};

/// How often and when to try again. Attempts = 1 + retries.
struct RetryPolicy {
  std::uint32_t retries = 0;
  /// Fixed delay, used when there is no backoff.
  Duration delay{0};
  std::optional<Backoff> backoff;
};

/// The delay before retry number `retry` (0 is the first retry). `seed` decides jitter, so that
/// the same run always gets the same delay.
Duration retry_delay(const RetryPolicy& policy, std::uint32_t retry, std::uint64_t seed);

/// What a route does when it does not lead to a task.
enum class Action : std::uint8_t {
  Complete,     ///< COMPLETED: count the task as completed, go on as completed
  Fail,         ///< FAILED: count the task as failed, go on as failed
  Fatal,        ///< FATAL: failed with ERR_FATAL, no retry of the whole
  Poll,         ///< EXECUTING: run the same task again after its delay
  RestartTask,  ///< RESTART_TASK: an ordinary retry, if one is left
  RestartJob,   ///< RESTART_JOB: run the mission again from its incomplete tasks
  PauseJob,     ///< PAUSE_JOB: hold the mission, then run the same task again
};

/// Fails the task with a user-chosen code `ERR_…`.
struct FailWith {
  std::string code;

  friend bool operator==(const FailWith&, const FailWith&) = default;
};

using Target = std::variant<TaskIndex, Action, FailWith>;

/// `on`: an exit code in decimal, `COMPLETED`, `FAILED`, or any other upper-case word a method
/// reports as exit code (`SKIPPED`, `APPROVED`).
struct Route {
  std::string on;
  Target target;
  Position position;
};

/// A variable: a constant of any JSON type, or a string with a template.
struct Variable {
  std::string name;
  Json value;
  Position position;
};

struct Artifacts {
  std::vector<Text> paths;
  model::ArtifactWhen when = model::ArtifactWhen::Always;
  std::optional<Duration> expires_after;
};

/// Undoes a completed task (saga). Runs like a task of its own named `<task>~compensate`.
struct Compensation {
  std::vector<Text> script;
  RetryPolicy retry{.retries = 2, .delay = Duration(1000), .backoff = std::nullopt};
  Duration timeout{0};
};

struct Task {
  TaskName name;
  Position position;
  std::string description;
  Method method = Method::Shell;
  std::vector<Text> before_script;
  std::vector<Text> script;
  std::vector<Text> after_script;
  std::vector<std::pair<std::string, Text>> environment;
  std::vector<Variable> variables;
  Text working_dir;
  /// Image of a container method; told to the user when it is run locally instead.
  Text image;
  /// Tasks that must be completed (or skipped) before this one starts. Native form only.
  std::vector<TaskIndex> needs;
  std::vector<Route> routes;
  RetryPolicy retry;
  /// Time between polls and length of a pause; without it polls use the retry delay and pauses the
  /// workflow's `pause_time`.
  std::optional<Duration> pace;
  /// A duration; may be a template. Empty: kTaskTimeoutDefault.
  Text timeout;
  bool always_run = false;
  bool allow_failure = false;
  /// Rendered before the task starts; output that contains "true" skips it.
  Text skip_if;
  /// Tasks whose artifacts are put into the working directory.
  std::vector<TaskIndex> dependencies;
  Artifacts artifacts;
  std::optional<Compensation> compensate;
};

/// A declared parameter of a native workflow.
struct Param {
  std::string name;
  std::optional<Json> fallback;
  bool required = false;
  std::string description;
  Position position;
};

enum class Format : std::uint8_t { Native, Formicary };

std::string_view to_string(Format format);  ///< "native", "formicary"

/// A complete, valid workflow. Immutable once made; shared between missions.
struct Workflow {
  std::string name;
  std::string description;
  std::string version;
  Format format = Format::Native;
  std::vector<Param> params;
  /// Formicary's `required_params`: must be given as params (or have a variable).
  std::vector<std::string> required_params;
  std::vector<Variable> variables;
  std::vector<Task> tasks;
  /// Tasks that start at once.
  std::vector<TaskIndex> entries;
  /// Limit of the whole mission.
  Duration timeout{7'200'000};
  RetryPolicy retry;
  /// Full re-run (no task reuse) on every (N+1)th retry of the whole; 0: never.
  std::uint32_t hard_reset_after_retries = 0;
  Duration pause_time{30'000};
  /// Rendered before anything starts; output that contains "true" skips the mission.
  Text skip_if;
  /// Kept for display and later use; a mission started by hand ignores it.
  std::string cron_trigger;
  /// SHA-256 of the text it was loaded from, after structural templates were applied.
  Digest digest;
  /// That text; loading it again gives the same workflow.
  std::string source;

  std::optional<TaskIndex> find(std::string_view task_name) const;
};

inline constexpr Duration kTaskTimeoutDefault{3'600'000};
inline constexpr std::size_t kTasksMax = 1000;
inline constexpr std::size_t kNameBytesMax = 100;
inline constexpr std::size_t kDescriptionBytesMax = std::size_t{8} << 10U;
inline constexpr std::size_t kSourceBytesMax = std::size_t{1} << 20U;
inline constexpr std::uint32_t kRetriesMax = 1000;

}  // namespace reeve::workflow
