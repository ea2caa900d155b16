#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::model {

/// Where one attempt at a task is. See engine/run_machine.h for the legal moves.
enum class RunState : std::uint8_t { Pending, Launching, Active, Complete, Failed, Aborted, Lost };

std::string_view to_string(RunState state);  ///< "PENDING" …
Result<RunState> parse_run_state(std::string_view text);

/// Builds `<mission>.<epoch>.<task>.<attempt>`.
RunName make_run_name(
    const MissionName& mission, std::uint32_t epoch, const TaskName& task, std::uint32_t attempt
);

/// What a run says at its end that stops because people decide about a tool call of it: once they
/// have, the task goes on as another run.
inline constexpr std::string_view kWaitsForDecision = "WAITS_FOR_DECISION";

/// When a step of a run is carried out.
enum class Phase : std::uint8_t {
  Before,  ///< preparation; a failure skips the main steps
  Main,    ///< the work; stops at the first step that fails
  After,   ///< always; a failure is a warning
};

std::string_view to_string(Phase phase);  ///< "before", "main", "after"
Result<Phase> parse_phase(std::string_view text);

/// One command of a run: a script, run by its shebang, else bash, else sh; or a built-in tool of an
/// executor, with what it is to do.
struct Step {
  Phase phase = Phase::Main;
  std::string script;
  /// Name of the tool ("http"); empty for a script.
  std::string tool = {};
  /// Of the tool.
  Json input = {};
};

/// Which runs keep their artifacts.
enum class ArtifactWhen : std::uint8_t { Always, OnSuccess, OnFailure };

std::string_view to_string(ArtifactWhen when);  ///< "always", "on_success", "on_failure"
Result<ArtifactWhen> parse_artifact_when(std::string_view text);

/// One kept file of a run.
struct ArtifactRef {
  /// Relative to the working directory of the run, with '/' between components, no "..".
  std::string path;
  Digest digest;
  std::uint64_t size_bytes = 0;
  /// Permission bits of the file (0644, 0755).
  std::uint32_t mode = 0644;
  std::optional<Timestamp> expires_at;
  /// Which of the task's artifact paths it was found by, from 1; 0: not known.
  std::uint32_t path_number = 0;
};

using NamedValue = std::pair<std::string, std::string>;

/// Where the value of a credential goes. The text has nothing there, and no text can become such a
/// place: it is known here only.
struct CredentialPlace {
  enum class Part : std::uint8_t {
    Script,       ///< the script of step `index`
    Input,        ///< a string in the input of step `index`, a tool
    Environment,  ///< the value of entry `index` of the environment
  };

  Part part = Part::Environment;
  std::uint32_t index = 0;
  /// Into the input of a tool: a JSON pointer (RFC 6901) to the string.
  std::string pointer = {};
  /// The byte of the text before which it goes.
  std::uint64_t offset = 0;
  /// Written as in the query of an address.
  bool percent_encoded = false;
  /// Which credential of the run's namespace.
  std::string credential = {};

  friend bool operator==(const CredentialPlace&, const CredentialPlace&) = default;
};

std::string_view to_string(CredentialPlace::Part part);  ///< "script", "input", "environment"
Result<CredentialPlace::Part> parse_credential_part(std::string_view text);

/// Where the scripts of a run are carried out instead of directly on the host.
struct Container {
  std::string image;
};

/// How much of the machine the processes of a run see and reach. Every level keeps out what the one
/// before it does, and more.
enum class SandboxLevel : std::uint8_t {
  None,       ///< what the account of the host sees and reaches
  Workspace,  ///< files and processes of its own; the network of the machine
  Isolated,   ///< no network either: nothing but the gateway of the run
};

std::string_view to_string(SandboxLevel level);  ///< "none", "workspace", "isolated"
Result<SandboxLevel> parse_sandbox_level(std::string_view text);

/// Where the steps of a run are kept. What a machine cannot give is refused. With level None the
/// rest means nothing.
struct Sandbox {
  SandboxLevel level = SandboxLevel::None;
  /// Processes and threads at the same time.
  std::uint32_t processes_max = 1024;
  /// Of all of its processes; 0: no limit.
  std::uint64_t memory_bytes_max = 0;
  /// Of one file.
  std::uint64_t file_bytes_max = std::uint64_t{4} << 30U;
  /// Of /tmp, which is in memory.
  std::uint64_t temp_bytes_max = std::uint64_t{512} << 20U;
  /// Of all files in the working directory, looked at from time to time; 0: no limit.
  std::uint64_t disk_bytes_max = 0;
  /// Files and directories of the machine that can be read besides those of the system: absolute.
  std::vector<std::string> readable;

  bool active() const { return level != SandboxLevel::None; }

  friend bool operator==(const Sandbox&, const Sandbox&) = default;
};

/// Everything a host needs to carry out one run. All templates are already rendered.
struct RunSpec {
  std::vector<Step> steps;
  /// Overlaid on the host's own environment, in order; later entries win.
  std::vector<NamedValue> environment;
  /// Absolute, or relative to the run's own directory; empty: the run's own directory.
  std::string working_dir;
  /// Wall time for each attempt, measured on a clock that does not jump; 0: none.
  Duration timeout{0};
  /// Between TERM and KILL.
  Duration grace{5000};
  /// Bytes of each output stream that are kept; what is beyond is counted and dropped.
  std::uint64_t output_bytes_max = std::uint64_t{64} << 20U;
  /// Globs relative to the working directory.
  std::vector<std::string> artifact_paths;
  ArtifactWhen artifact_when = ArtifactWhen::Always;
  std::optional<Duration> artifact_expiry;
  /// Artifacts of other tasks, put into the working directory before the first step.
  std::vector<ArtifactRef> inputs;
  /// Digests of files that were uploaded to the host's data directory, put there under their names.
  std::vector<std::string> uploads;
  std::optional<Container> container;
  Sandbox sandbox;
  /// In any order; within one text in the order of the offsets.
  std::vector<CredentialPlace> credentials;
  /// Whose credentials they are.
  Namespace ns{"default"};
  /// What an earlier run of the mission left for later ones ($REEVE_BUNDLE_IN); null: nothing.
  Json bundle = {};
};

/// How a run's process ended.
enum class RunEnd : std::uint8_t {
  Exited,        ///< by its own exit code
  Signalled,     ///< by a signal it or somebody else sent; exit code 128+signal
  TimedOut,      ///< by us, at its deadline
  Cancelled,     ///< by us, on request
  OutOfMemory,   ///< by the kernel
  LaunchFailed,  ///< it never started: missing interpreter, input, directory
};

std::string_view to_string(RunEnd end);  ///< "exited", "signalled", …
Result<RunEnd> parse_run_end(std::string_view text);

/// Whether `text` may be the exit text of a run: upper-case letters, digits, '_' and '-', at most
/// kExitTextBytesMax of them.
bool is_exit_text(std::string_view text);

/// What a run left behind.
struct RunResult {
  RunEnd end = RunEnd::Exited;
  int exit_code = 0;
  /// What a tool reports instead of a code: a word (`APPROVED`) or a number beyond 255 (an HTTP
  /// status); empty: the exit code says it.
  std::string exit_text;
  /// For people: "killed by SIGSEGV", "no such file or directory: /bin/zsh".
  std::string reason;
  /// Values published by `::set-output` and `$REEVE_OUTPUT`; the last one of a name wins.
  std::vector<NamedValue> outputs;
  std::vector<ArtifactRef> artifacts;
  /// Tasks that the run asks to add to its mission, as it wrote them ($REEVE_TASKS).
  std::string extension;
  /// What the run leaves for later ones ($REEVE_BUNDLE), an object; null: nothing that is valid.
  Json bundle = {};
  /// Things a person should know that did not fail the run.
  std::vector<std::string> warnings;
  Timestamp started_at;
  Timestamp ended_at;

  bool succeeded() const { return end == RunEnd::Exited && exit_code == 0; }
};

// Limits of a result, so that it always fits into an event.
inline constexpr std::size_t kOutputsMax = 256;
inline constexpr std::size_t kOutputNameBytesMax = 128;
inline constexpr std::size_t kOutputValueBytesMax = std::size_t{64} << 10U;
inline constexpr std::size_t kOutputsBytesMax = std::size_t{256} << 10U;
inline constexpr std::size_t kArtifactsMax = 1000;
inline constexpr std::size_t kArtifactPathBytesMax = 512;
inline constexpr std::size_t kExitTextBytesMax = 64;
inline constexpr std::size_t kExtensionBytesMax = std::size_t{512} << 10U;
inline constexpr std::size_t kBundleBytesMax = std::size_t{16} << 10U;
inline constexpr std::size_t kWarningsMax = 32;
inline constexpr std::size_t kWarningBytesMax = 512;

// Limits of a spec.
inline constexpr std::size_t kUploadsMax = 100;
inline constexpr std::size_t kStepsMax = 1000;
inline constexpr std::size_t kEnvironmentMax = 10'000;
inline constexpr std::size_t kCredentialPlacesMax = 1000;
inline constexpr std::size_t kInputsMax = 100'000;
inline constexpr std::uint32_t kSandboxProcessesMin = 8;
inline constexpr std::uint32_t kSandboxProcessesMax = 4'000'000;
inline constexpr std::uint64_t kSandboxBytesMin = std::uint64_t{64} << 10U;
inline constexpr std::uint64_t kSandboxBytesMax = std::uint64_t{1} << 50U;
inline constexpr std::size_t kSandboxReadableMax = 100;

// JSON forms, used in spec.json, exit records and events. Decoders refuse unknown members and
// wrong types and name the field.
Json to_json(const ArtifactRef& artifact);
Result<ArtifactRef> artifact_from_json(const Json& json);
/// The word alone is a sandbox with everything as it is by default.
Json to_json(const Sandbox& sandbox);
Result<Sandbox> sandbox_from_json(const Json& json);
Json to_json(const RunSpec& spec);
Result<RunSpec> run_spec_from_json(const Json& json);
Json to_json(const RunResult& result);
Result<RunResult> run_result_from_json(const Json& json);

}  // namespace reeve::model
