#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "model/run.h"
#include "model/trace.h"

/// The directory of one run: the interface between the host, the shim and people (README.md).
namespace reeve::host {

// Names within the directory of a run.
inline constexpr const char* kSpecFile = "spec.json";
inline constexpr const char* kLockFile = "shim.lock";
inline constexpr const char* kShimFile = "shim.json";
inline constexpr const char* kShimErrorFile = "shim.err";
inline constexpr const char* kStdoutFile = "stdout.log";
inline constexpr const char* kStderrFile = "stderr.log";
inline constexpr const char* kIndexFile = "index.log";
inline constexpr const char* kCancelFile = "cancel";
/// The run is to stand still as long as it is there; why.
inline constexpr const char* kFrozenFile = "frozen";
inline constexpr const char* kExitFile = "exit.json";
inline constexpr const char* kExitTempFile = "exit.json.tmp";
inline constexpr const char* kResultFile = "result.json";
inline constexpr const char* kOutputFile = "output";
inline constexpr const char* kTasksFile = "tasks";
/// What the run leaves for later ones, and what an earlier one has left for it.
inline constexpr const char* kBundleFile = "bundle";
inline constexpr const char* kBundleInFile = "bundle-in.json";
/// What the run proves to the API with which run it is: 0600, while it lives.
inline constexpr const char* kTokenFile = "token";
inline constexpr const char* kStepsDir = "steps";
inline constexpr const char* kWorkDir = "work";

// What ties the processes of a run to the request that caused it.
inline constexpr const char* kCorrelationVariable = "REEVE_CORRELATION_ID";
inline constexpr const char* kTraceParentVariable = "TRACEPARENT";
inline constexpr const char* kTraceStateVariable = "TRACESTATE";

/// Longest record file that is read back.
inline constexpr std::uint64_t kRecordBytesMax = std::uint64_t{64} << 20U;

/// Longest file of $REEVE_OUTPUT that is read.
inline constexpr std::uint64_t kOutputFileBytesMax = std::uint64_t{1} << 20U;

/// spec.json: what the host undertook, durable before anything of the run exists.
struct SpecRecord {
  MissionName mission;
  TaskName task;
  RunName run;
  Fence fence;
  /// The boot of the machine in which it was written: a run that may have started in an earlier
  /// boot is lost, whatever else the disk remembers.
  std::string boot_id;
  /// Names the process tree: in its environment (REEVE_MARK) and in its cgroup.
  std::string mark;
  /// Where the API is, and a file with its authority; empty: there is none, or none is needed.
  std::string api = {};
  std::string authority_file = {};
  /// The run's own socket to the API, see RunAccess; empty: none.
  std::string socket = {};
  model::RunSpec spec;
};

/// shim.json: the shim is about to start the first step.
struct ShimRecord {
  int pid = 0;
  /// Clock ticks since boot; with `boot_id` it names the process for ever.
  std::uint64_t start_time = 0;
  std::string boot_id;
  Fence fence;
  /// The cgroup of the process tree; empty: none.
  std::string cgroup;
};

/// How one step ended and which bytes of stdout.log are its own.
struct StepRecord {
  model::Phase phase = model::Phase::Main;
  model::RunEnd end = model::RunEnd::Exited;
  int exit_code = 0;
  std::uint64_t stdout_begin = 0;
  std::uint64_t stdout_end = 0;
};

/// exit.json: the run has ended and its process tree is gone. Outputs and artifacts are not yet
/// collected.
struct ExitRecord {
  RunName run;
  Fence fence;
  model::RunResult result;
  std::vector<StepRecord> steps;
};

/// result.json: the result as it is reported, so that a repeated request gets the same answer.
struct ResultRecord {
  RunName run;
  Fence fence;
  model::RunResult result;
};

/// `<data>/missions/<mission>/runs/<run>`. Invalid: a name that is no plain file name.
Result<std::filesystem::path> run_directory(
    const std::filesystem::path& data_dir, const MissionName& mission, const RunName& run
);

/// The spec with these variables at the end of its environment; those that the workflow sets itself
/// stay as they are.
model::RunSpec with_origin(model::RunSpec spec, const model::Origin& origin);

/// A name for the process tree of (directory, fence) that no other run on this machine has.
std::string make_mark(const std::filesystem::path& dir, Fence fence);

std::string encode(const SpecRecord& record);
std::string encode(const ShimRecord& record);
std::string encode(const ExitRecord& record);
std::string encode(const ResultRecord& record);

// Readers. NotFound: no such file. Corrupt: not what the encoder writes.
Result<SpecRecord> read_spec(const std::filesystem::path& dir);
Result<ShimRecord> read_shim(const std::filesystem::path& dir);
Result<ExitRecord> read_exit(const std::filesystem::path& dir);
Result<ResultRecord> read_result(const std::filesystem::path& dir);

/// At most the first `bytes_max` bytes of `text`, cut between characters.
std::string_view cut_text(std::string_view text, std::size_t bytes_max);

/// Adds a warning within the limits of a result; invalid UTF-8 and excess are replaced.
void add_warning(model::RunResult& result, std::string text);

/// The working directory of a run. Invalid: a relative one that leaves the run's own directory.
Result<std::filesystem::path> working_directory(
    const std::filesystem::path& dir, const model::RunSpec& spec
);

}  // namespace reeve::host
