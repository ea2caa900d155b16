#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "host/cgroup.h"
#include "host/log_writer.h"
#include "host/output_filter.h"
#include "host/run_dir.h"
#include "host/run_secrets.h"
#include "host/step_process.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "platform/sandbox/sandbox.h"

namespace reeve::host {

/// What became of the main process of one step, or why there is none.
struct StepEnd {
  model::RunEnd end = model::RunEnd::Exited;
  int exit_code = 0;
  std::string reason;
  /// As a tool reported it; see model::RunResult.
  std::string exit_text = {};
  /// Whether `::set-output` lines of its output count.
  bool script_output = true;

  bool succeeded() const { return end == model::RunEnd::Exited && exit_code == 0; }
};

/// Bytes of output taken at a time.
inline constexpr std::size_t kOutputReadBytes = std::size_t{64} << 10U;

/// An output pipe of a step.
struct OutputPipe {
  platform::FileDescriptor fd;
  PipeId id = 0;
};

/// Supervises one run inside a shim: its steps, deadline, cancellation, output and tree. The caller
/// has blocked SIGTERM, SIGINT and SIGCHLD, is a child subreaper and has no other children.
/// Single-threaded: everything happens in `poll_once`.
class RunSupervisor {
 public:
  RunSupervisor(std::filesystem::path dir, SpecRecord spec, RunSecrets secrets, Cgroup* cgroup)
      : dir_(std::move(dir)),
        spec_(std::move(spec)),
        secrets_(std::move(secrets)),
        cgroup_(cgroup),
        log_(dir_, spec_.spec.output_bytes_max),
        filter_(log_) {}

  ~RunSupervisor();
  RunSupervisor(const RunSupervisor&) = delete;
  RunSupervisor& operator=(const RunSupervisor&) = delete;

  /// Signals, timer, standing files. Nothing of the run is started yet.
  Result<void> prepare();

  /// Carries out all steps and ends the tree.
  ExitRecord run();

 private:
  struct Running {
    int pid = 0;
    bool exited = false;
    int status = 0;
  };

  void run_phase(model::Phase phase, Duration deadline, std::optional<StepEnd>& verdict);
  StepEnd run_step(std::size_t index, Duration deadline);
  Result<StepCommand> command_for(std::size_t index);
  Result<StepCommand> script_command(std::size_t index);
  Result<StepCommand> tool_command(std::size_t index);
  Result<StepCommand> container_command(std::size_t index);
  Result<int> lend_memory(const char* name, std::string_view bytes, StepCommand& command);
  StepEnd told_by_tool(std::size_t index, StepEnd end);
  void clean_file(const char* file, std::uint64_t bytes_max, std::string_view name);
  void look_into_artifacts();
  void supervise(Duration deadline);
  bool should_stop(Duration deadline) const;
  bool is_over() const;
  void begin_stop(bool cancelled);
  StepEnd judge() const;
  bool was_out_of_memory() const;
  std::string step_name(std::size_t index) const;
  void collect_pipes();
  void poll_once(Duration wake_at);
  void arm(Duration wake_at);
  void take_signals();
  void reap();
  bool read_pipe(OutputPipe& pipe, std::size_t bytes_max);
  void kill_tree();
  Result<void> furnish();
  sandbox::Request sandbox_request() const;
  void show_sandbox(std::map<std::string, std::string>& values) const;
  void show_gateway(std::map<std::string, std::string>& values) const;
  const sandbox::Entrance* entrance() const;
  void note_end(int pid, int status);
  void look_at_disk();
  Duration run_time() const;
  void settle_stillness();
  Result<void> build_environment();
  Result<void> read_token();
  std::string cancel_reason() const;
  void finish(ExitRecord& record, const StepEnd& verdict);

  std::filesystem::path dir_;
  SpecRecord spec_;
  RunSecrets secrets_;
  /// What the run proves with which run it is; empty: nothing.
  Secret token_;
  Cgroup* cgroup_;
  LogWriter log_;
  OutputFilter filter_;
  platform::SystemClock clock_;
  platform::FileDescriptor signals_;
  platform::FileDescriptor timer_;
  std::filesystem::path working_dir_;
  std::vector<std::string> environment_;
  std::string shell_;
  ExitRecord record_;
  /// Of the last main step that was a tool and reported one.
  std::string exit_text_;

  /// Where its steps are kept; made anew when its keeper has ended with the tree.
  std::optional<sandbox::Sandbox> sandbox_;
  bool sandbox_lost_ = false;
  /// When the size of the working directory is looked at next, and what was found to be too much.
  Duration disk_look_at_ = Duration::max();
  std::uint64_t disk_bytes_ = 0;
  bool disk_full_ = false;

  /// Whether the run stands still, since when, and for how long it did before.
  bool still_ = false;
  bool still_by_group_ = false;
  Duration still_since_{0};
  Duration still_total_{0};

  Running step_;
  model::Phase phase_ = model::Phase::Before;
  std::vector<OutputPipe> pipes_;
  /// What the current step reads instead of a file, because a credential is in it.
  platform::FileDescriptor memory_;
  /// All times here are of the clock of the run, which stands still with it.
  /// SIGTERMs received, and how many of them have had their effect.
  int cancels_ = 0;
  int cancels_done_ = 0;
  int canceller_ = 0;
  /// The stop of the current step: why, and when TERM gives way to KILL.
  std::optional<model::RunEnd> stopping_;
  Duration kill_at_ = Duration::max();
  Duration armed_ = Duration::max();
  bool we_killed_ = false;
  std::uint64_t oom_before_ = 0;
  bool cancelled_ = false;
  std::array<char, kOutputReadBytes> buffer_{};
};

}  // namespace reeve::host
