#include "host/run_supervisor.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <string_view>
#include <unistd.h>

#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "base/strings.h"
#include "executor/shell/script.h"
#include "host/process_tree.h"
#include "host/shim.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using model::Phase;
using model::RunEnd;

constexpr Duration kNever = Duration::max();
/// All after steps together, so that "always" is not "for ever".
constexpr Duration kAfterTimeMax{60'000};
/// The same once the run was cancelled: the host waits only grace + 10 s for us.
constexpr Duration kAfterTimeCancelled{5'000};
constexpr Duration kAfterGraceCancelled{1'000};
/// What a pipe can hold at most: reading that much after the writer's death reads all of it.
constexpr std::size_t kDrainBytesMax = std::size_t{1} << 20U;
/// Pipes that background processes of earlier steps still write to.
constexpr std::size_t kLingeringPipesMax = 64;
constexpr std::uint64_t kCancelReasonBytesMax = 1024;
constexpr int kSignalExitBase = 128;

std::string end_text(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? concat("killed by SIG", name) : concat("killed by signal ", signal);
}

/// What the shell means by codes of its own; empty for those of programs.
std::string_view meaning_of(int code) {
  constexpr int kNotExecutable = 126;
  constexpr int kNotFound = 127;
  switch (code) {
    case kNotExecutable:
      return ": it is there and cannot be executed";
    case kNotFound:
      return ": no such program, or no such file in the directory of the run, which starts empty";
    default:
      return "";
  }
}

}  // namespace

RunSupervisor::~RunSupervisor() {
  for (std::string& entry : environment_) {
    wipe(entry);
  }
}

Result<void> RunSupervisor::prepare() {
  sigset_t taken;
  ::sigemptyset(&taken);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD, kLookSignal}) {
    ::sigaddset(&taken, signal);
  }
  signals_.reset(::signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC));
  timer_.reset(::timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!signals_ || !timer_) {
    return platform::errno_error("signalfd", dir_);
  }
  REEVE_TRY(working_dir_, working_directory(dir_, spec_.spec));
  if (spec_.spec.working_dir.empty() || spec_.spec.working_dir.front() != '/') {
    REEVE_CHECK(platform::make_directories(working_dir_));
  }
  REEVE_CHECK(platform::make_directories(dir_ / kStepsDir));
  REEVE_CHECK(platform::replace_file(dir_ / kOutputFile, ""));
  REEVE_CHECK(platform::replace_file(dir_ / kTasksFile, ""));
  REEVE_CHECK(platform::replace_file(dir_ / kBundleFile, ""));
  if (!spec_.spec.bundle.is_null()) {
    REEVE_CHECK(platform::replace_file(dir_ / kBundleInFile, spec_.spec.bundle.pretty()));
  }
  shell_ = executor::shell::default_shell();
  record_.run = spec_.run;
  record_.fence = spec_.fence;
  REEVE_CHECK(read_token());
  std::vector<std::string_view> hidden = secrets_.values();
  if (!token_.empty()) {
    hidden.push_back(token_.view());
  }
  REEVE_CHECK(filter_.hide(hidden));
  REEVE_CHECK(furnish());
  return build_environment();
}

ExitRecord RunSupervisor::run() {
  settle_stillness();
  const Duration started = run_time();
  const Duration timeout = spec_.spec.timeout;
  record_.result.started_at = clock_.now();
  const Duration deadline = timeout.count() > 0 ? started + timeout : kNever;
  std::optional<StepEnd> verdict;
  run_phase(Phase::Before, deadline, verdict);
  if (!verdict) {
    run_phase(Phase::Main, deadline, verdict);
  }
  cancelled_ = verdict && verdict->end == RunEnd::Cancelled;
  Duration after_time = timeout.count() > 0 ? std::min(timeout, kAfterTimeMax) : kAfterTimeMax;
  after_time = cancelled_ ? std::min(after_time, kAfterTimeCancelled) : after_time;
  std::optional<StepEnd> ignored;
  run_phase(Phase::After, run_time() + after_time, ignored);
  kill_tree();
  if (sandbox_) {
    sandbox_->remove();
  }
  finish(record_, verdict.value_or(StepEnd{.reason = {}, .exit_text = exit_text_}));
  return std::move(record_);
}

void RunSupervisor::run_phase(Phase phase, Duration deadline, std::optional<StepEnd>& verdict) {
  phase_ = phase;
  for (std::size_t index = 0; index < spec_.spec.steps.size(); ++index) {
    if (spec_.spec.steps[index].phase != phase) {
      continue;
    }
    const std::uint64_t begin = log_.kept(Stream::Out);
    StepEnd end = run_step(index, deadline);
    record_.steps.push_back(StepRecord{
        .phase = phase,
        .end = end.end,
        .exit_code = end.exit_code,
        .stdout_begin = begin,
        .stdout_end = end.script_output ? log_.kept(Stream::Out) : begin});
    if (end.succeeded()) {
      if (phase == Phase::Main && !end.exit_text.empty()) {
        exit_text_ = std::move(end.exit_text);
      }
      continue;
    }
    if (phase == Phase::After) {
      add_warning(record_.result, concat(step_name(index), ": ", end.reason));
      continue;
    }
    if (end.end == RunEnd::Exited || end.end == RunEnd::Signalled) {
      end.reason = concat(step_name(index), " ", end.reason);
    }
    verdict = std::move(end);
    return;
  }
}

std::string RunSupervisor::step_name(std::size_t index) const {
  std::size_t number = 0;
  for (std::size_t i = 0; i <= index; ++i) {
    number += spec_.spec.steps[i].phase == phase_ ? 1U : 0U;
  }
  switch (phase_) {
    case Phase::Before:
      return concat("before step ", number);
    case Phase::Main:
      return concat("step ", number);
    case Phase::After:
      return concat("after step ", number);
  }
  return "step";
}

StepEnd RunSupervisor::run_step(std::size_t index, Duration deadline) {
  stopping_.reset();
  step_ = Running{};
  kill_at_ = kNever;
  we_killed_ = false;
  take_signals();
  while (still_) {
    poll_once(kNever);
  }
  if (should_stop(deadline)) {
    begin_stop(cancels_ > cancels_done_);
    return judge();
  }
  if (const auto furnished = furnish(); !furnished.ok()) {
    return StepEnd{
        .end = RunEnd::LaunchFailed,
        .exit_code = kExitNotFound,
        .reason = furnished.error().describe()};
  }
  oom_before_ = machine_oom_kills() + (cgroup_ != nullptr ? cgroup_->oom_kills() : 0);
  auto command = command_for(index);
  auto process = command.ok() ? start_step(*command) : Result<StepProcess>(command.error());
  memory_.reset();
  if (command.ok()) {
    for (std::string& entry : command->environment) {
      wipe(entry);
    }
  }
  if (!process.ok()) {
    const bool refused = process.error().code == ErrorCode::PermissionDenied;
    return StepEnd{
        .end = RunEnd::LaunchFailed,
        .exit_code = refused ? kExitNotExecutable : kExitNotFound,
        .reason = process.error().message};
  }
  step_.pid = process->pid;
  pipes_.push_back(OutputPipe{.fd = std::move(process->out), .id = filter_.open(Stream::Out)});
  pipes_.push_back(OutputPipe{.fd = std::move(process->err), .id = filter_.open(Stream::Err)});
  supervise(deadline);
  collect_pipes();
  filter_.settle(clock_.now());
  clean_file(kOutputFile, kOutputFileBytesMax, "$REEVE_OUTPUT");
  clean_file(kTasksFile, model::kExtensionBytesMax, "$REEVE_TASKS");
  clean_file(kBundleFile, model::kBundleBytesMax, "$REEVE_BUNDLE");
  return told_by_tool(index, judge());
}

void RunSupervisor::supervise(Duration deadline) {
  while (!is_over()) {
    if (!stopping_ && should_stop(deadline)) {
      begin_stop(cancels_ > cancels_done_);
    }
    if (stopping_ && run_time() >= kill_at_) {
      we_killed_ = true;
      kill_tree();
      return;
    }
    look_at_disk();
    poll_once(stopping_ ? kill_at_ : std::min(deadline, disk_look_at_));
  }
}

bool RunSupervisor::should_stop(Duration deadline) const {
  return cancels_ > cancels_done_ || disk_full_ || run_time() >= deadline;
}

/// A step ends with its main process: pipes that daemons keep open do not count. A step that was
/// told to stop ends with its process group, so that every member gets its grace.
bool RunSupervisor::is_over() const {
  if (!step_.exited) {
    return false;
  }
  return !stopping_ || (::kill(-step_.pid, 0) != 0 && errno == ESRCH);
}

void RunSupervisor::begin_stop(bool cancelled) {
  stopping_ = cancelled ? RunEnd::Cancelled : RunEnd::TimedOut;
  cancels_done_ = cancels_;
  const bool hurried = cancelled_ || (cancelled && phase_ == Phase::After);
  const Duration grace =
      hurried ? std::min(spec_.spec.grace, kAfterGraceCancelled) : spec_.spec.grace;
  kill_at_ = run_time() + grace;
  if (step_.pid > 0 && !step_.exited) {
    ::kill(-step_.pid, SIGTERM);
    // A stopped process cannot act on TERM before it is continued.
    ::kill(-step_.pid, SIGCONT);
  }
}

StepEnd RunSupervisor::judge() const {
  if (stopping_ == RunEnd::TimedOut && disk_full_) {
    return {
        RunEnd::Signalled,
        kSignalExitBase + SIGTERM,
        concat(
            "was ended: its working directory holds ",
            disk_bytes_,
            " bytes, and diskBytesMax is ",
            spec_.spec.sandbox.disk_bytes_max
        )};
  }
  if (stopping_ == RunEnd::TimedOut) {
    const std::string limit = phase_ == Phase::After ? std::string("the time for after steps")
                                                     : format_duration(spec_.spec.timeout);
    return {RunEnd::TimedOut, kExitTimedOut, concat("timed out after ", limit)};
  }
  if (stopping_ == RunEnd::Cancelled) {
    return {RunEnd::Cancelled, kExitCancelled, cancel_reason()};
  }
  if (was_out_of_memory()) {
    return {RunEnd::OutOfMemory, kSignalExitBase + SIGKILL, "killed because memory ran out"};
  }
  if (WIFSIGNALED(step_.status)) {
    const int signal = WTERMSIG(step_.status);
    return {RunEnd::Signalled, kSignalExitBase + signal, end_text(signal)};
  }
  const int code = WEXITSTATUS(step_.status);
  std::string reason = code == 0 ? "" : concat("exited with code ", code, meaning_of(code));
  return {RunEnd::Exited, code, std::move(reason)};
}

/// A KILL that is not ours while the kernel's counter of such kills grew. A shell reports the KILL
/// of its child as an exit code.
bool RunSupervisor::was_out_of_memory() const {
  const bool killed =
      (WIFSIGNALED(step_.status) && WTERMSIG(step_.status) == SIGKILL) ||
      (WIFEXITED(step_.status) && WEXITSTATUS(step_.status) == kSignalExitBase + SIGKILL);
  if (!killed || we_killed_) {
    return false;
  }
  return machine_oom_kills() + (cgroup_ != nullptr ? cgroup_->oom_kills() : 0) > oom_before_;
}

std::string RunSupervisor::cancel_reason() const {
  const auto reason = platform::read_file(dir_ / kCancelFile, kCancelReasonBytesMax);
  if (reason.ok() && !trim(*reason).empty() && is_utf8(*reason)) {
    return concat("cancelled: ", trim(*reason));
  }
  return reason.ok() ? std::string("cancelled")
                     : concat("cancelled by a signal from process ", canceller_);
}

/// Reads what the ended step left in its pipes; those that others still hold open stay watched.
void RunSupervisor::collect_pipes() {
  std::erase_if(pipes_, [this](OutputPipe& pipe) { return !read_pipe(pipe, kDrainBytesMax); });
  while (pipes_.size() > kLingeringPipesMax) {
    filter_.close(pipes_.front().id, clock_.now());
    pipes_.erase(pipes_.begin());
  }
}

/// Reads until the pipe is empty or `bytes_max` were read; false: its last writer is gone.
bool RunSupervisor::read_pipe(OutputPipe& pipe, std::size_t bytes_max) {
  std::size_t total = 0;
  while (total < bytes_max) {
    const ssize_t count = ::read(pipe.fd.get(), buffer_.data(), buffer_.size());
    if (count > 0) {
      const auto size = static_cast<std::size_t>(count);
      filter_.append(pipe.id, std::string_view(buffer_.data(), size), clock_.now());
      total += size;
    } else if (errno == EAGAIN && count < 0) {
      return true;
    } else if (count == 0 || errno != EINTR) {
      filter_.close(pipe.id, clock_.now());
      return false;
    }
  }
  return true;
}

void RunSupervisor::arm(Duration wake_at) {
  if (wake_at == armed_) {
    return;
  }
  armed_ = wake_at;
  itimerspec spec{};
  if (wake_at != kNever) {
    constexpr std::int64_t kMillisPerSecond = 1000;
    constexpr std::int64_t kNanosPerMilli = 1'000'000;
    const std::int64_t millis = std::max<std::int64_t>(wake_at.count(), 1);
    spec.it_value.tv_sec = static_cast<time_t>(millis / kMillisPerSecond);
    spec.it_value.tv_nsec = static_cast<long>(millis % kMillisPerSecond * kNanosPerMilli);
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void RunSupervisor::poll_once(Duration wake_at) {
  arm(still_ || wake_at == kNever ? kNever : wake_at + still_total_);
  std::vector<pollfd> fds;
  fds.reserve(pipes_.size() + 2);
  fds.push_back({.fd = signals_.get(), .events = POLLIN, .revents = 0});
  fds.push_back({.fd = timer_.get(), .events = POLLIN, .revents = 0});
  for (const OutputPipe& pipe : pipes_) {
    fds.push_back({.fd = pipe.fd.get(), .events = POLLIN, .revents = 0});
  }
  if (::poll(fds.data(), fds.size(), -1) <= 0) {
    return;
  }
  std::vector<OutputPipe> open;
  open.reserve(pipes_.size());
  for (std::size_t i = 0; i < pipes_.size(); ++i) {
    if (fds[i + 2].revents == 0 || read_pipe(pipes_[i], kOutputReadBytes)) {
      open.push_back(std::move(pipes_[i]));
    }
  }
  pipes_ = std::move(open);
  take_signals();
}

void RunSupervisor::take_signals() {
  bool look = false;
  for (;;) {
    signalfd_siginfo info{};
    const ssize_t count = ::read(signals_.get(), &info, sizeof info);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count != static_cast<ssize_t>(sizeof info)) {
      break;
    }
    look = look || info.ssi_signo != static_cast<std::uint32_t>(SIGCHLD);
    if (info.ssi_signo != static_cast<std::uint32_t>(SIGCHLD) &&
        info.ssi_signo != static_cast<std::uint32_t>(kLookSignal)) {
      ++cancels_;
      canceller_ = static_cast<int>(info.ssi_pid);
    }
  }
  if (look) {
    settle_stillness();
  }
  reap();
}

void RunSupervisor::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
      return;
    }
    note_end(pid, status);
  }
}

void RunSupervisor::kill_tree() {
  bool group_was_killed = false;
  const auto kill_group = [this, &group_was_killed] {
    if (cgroup_ != nullptr) {
      cgroup_->kill_all();
      group_was_killed = true;
    }
    return group_was_killed;
  };
  const auto reaped = [this](int pid, int status) {
    note_end(pid, status);
  };
  const std::vector<int> left = kill_own_tree(kill_group, reaped);
  if (group_was_killed && !cgroup_->renew()) {
    cgroup_ = nullptr;
  }
  if (!left.empty()) {
    add_warning(
        record_.result, concat(left.size(), " processes could not be ended, the first is ", left[0])
    );
  }
}

void RunSupervisor::finish(ExitRecord& record, const StepEnd& verdict) {
  collect_pipes();
  record.result.end = verdict.end;
  record.result.exit_code = verdict.exit_code;
  record.result.exit_text = verdict.exit_text;
  record.result.reason = filter_.masked(verdict.reason);
  record.result.ended_at = clock_.now();
  filter_.settle(record.result.ended_at);
  log_.finish(record.result.ended_at);
  clean_file(kOutputFile, kOutputFileBytesMax, "$REEVE_OUTPUT");
  clean_file(kTasksFile, model::kExtensionBytesMax, "$REEVE_TASKS");
  clean_file(kBundleFile, model::kBundleBytesMax, "$REEVE_BUNDLE");
  for (const auto* warnings : {&log_.warnings(), &filter_.warnings()}) {
    for (const std::string& warning : *warnings) {
      add_warning(record.result, warning);
    }
  }
  look_into_artifacts();
  for (std::string& warning : record.result.warnings) {
    warning = filter_.masked(warning);
  }
}

}  // namespace reeve::host
