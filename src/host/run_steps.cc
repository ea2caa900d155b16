#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <set>
#include <string_view>
#include <unistd.h>

#include <sys/stat.h>

#include "base/secret.h"
#include "base/strings.h"
#include "executor/container/command.h"
#include "executor/container/engine.h"
#include "executor/shell/script.h"
#include "executor/tool_record.h"
#include "host/artifacts.h"
#include "host/process_tree.h"
#include "host/run_supervisor.h"

/// What the steps of a run are given, and what is done with what they leave in files.
namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using Part = model::CredentialPlace::Part;
using model::RunEnd;

constexpr mode_t kScriptMode = 0700;
constexpr mode_t kPrivateMode = 0600;

extern "C" char** environ;  // NOLINT: the C library's name

Result<void> overwrite(const fs::path& path, std::string_view text) {
  const platform::FileDescriptor fd(
      ::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
  );
  while (fd && !text.empty()) {
    const ssize_t count = ::write(fd.get(), text.data(), text.size());
    if (count <= 0) {
      return platform::errno_error("write", path);
    }
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return fd ? Result<void>{} : platform::errno_error("open", path);
}

}  // namespace

Result<void> RunSupervisor::build_environment() {
  std::map<std::string, std::string> values;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    // A first character may be '=', so the search starts at the second.
    const std::size_t split_at = text.find('=', 1);
    if (split_at != std::string_view::npos) {
      values[std::string(text.substr(0, split_at))] = text.substr(split_at + 1);
    }
  }
  show_sandbox(values);
  // Names the file that opens all credentials; no business of tasks.
  values.erase("REEVE_PASSPHRASE_FILE");
  // Where the host's own process comes from is not where the run comes from.
  for (const char* name : {kCorrelationVariable, kTraceParentVariable, kTraceStateVariable}) {
    values.erase(name);
  }
  for (std::size_t i = 0; i < spec_.spec.environment.size(); ++i) {
    const std::string& name = spec_.spec.environment[i].first;
    REEVE_TRY(const Secret value, secrets_.fill(spec_.spec, Part::Environment, i));
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos ||
        value.view().find('\0') != std::string_view::npos) {
      add_warning(
          record_.result, concat("environment variable ", name, " has an impossible name or value")
      );
      continue;
    }
    wipe(values[name]);
    values[name] = value.view();
  }
  values["PWD"] = working_dir_.native();
  values["REEVE_WORKSPACE"] = working_dir_.native();
  values["REEVE_OUTPUT"] = (dir_ / kOutputFile).native();
  values["REEVE_TASKS"] = (dir_ / kTasksFile).native();
  values["REEVE_BUNDLE"] = (dir_ / kBundleFile).native();
  // Those of a run which we ourselves are part of are none of ours.
  for (const char* inherited :
       {"REEVE_BUNDLE_IN",
        "REEVE_API",
        "REEVE_CA_FILE",
        "REEVE_TOKEN_FILE",
        "REEVE_GATEWAY_SOCKET"}) {
    values.erase(inherited);
  }
  if (!token_.empty()) {
    values["REEVE_API"] = spec_.api;
    values["REEVE_TOKEN_FILE"] = (dir_ / kTokenFile).native();
    if (!spec_.authority_file.empty()) {
      values["REEVE_CA_FILE"] = spec_.authority_file;
    }
    if (!spec_.socket.empty()) {
      values["REEVE_GATEWAY_SOCKET"] = spec_.socket;
    }
  }
  show_gateway(values);
  if (!spec_.spec.bundle.is_null()) {
    values["REEVE_BUNDLE_IN"] = (dir_ / kBundleInFile).native();
  }
  values["REEVE_RUN"] = spec_.run.str();
  values["REEVE_FENCE"] = concat(spec_.fence.value());
  values[std::string(kMarkVariable)] = spec_.mark;
  for (auto& [name, value] : values) {
    std::string& entry = environment_.emplace_back();
    entry.reserve(name.size() + value.size() + 1);
    entry.append(name).append("=").append(value);
    wipe(value);
  }
  return {};
}

/// A run without a token has no API.
Result<void> RunSupervisor::read_token() {
  constexpr std::uint64_t kTokenBytesMax = 4096;
  if (spec_.api.empty()) {
    return {};
  }
  REEVE_TRY(std::string text, platform::read_file(dir_ / kTokenFile, kTokenBytesMax));
  token_ = Secret(text);
  wipe(text);
  return {};
}

Result<StepCommand> RunSupervisor::command_for(std::size_t index) {
  if (!spec_.spec.steps[index].tool.empty()) {
    return tool_command(index);
  }
  return spec_.spec.container ? container_command(index) : script_command(index);
}

/// The script in a container. The engine's client is the step; it passes on TERM, and what is left
/// of the container when the client was killed is removed by the host.
Result<StepCommand> RunSupervisor::container_command(std::size_t index) {
  const char* search_path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): one thread
  REEVE_TRY(
      const executor::container::Engine engine,
      executor::container::find_engine(search_path != nullptr ? search_path : "")
  );
  const fs::path file = dir_ / kStepsDir / concat(index, ".sh");
  REEVE_CHECK(platform::replace_file(file, spec_.spec.steps[index].script, kScriptMode));
  executor::container::ContainerRun run{
      .engine = engine.program,
      .name = executor::container::container_name(spec_.mark, index),
      .image = spec_.spec.container->image,
      .working_dir = working_dir_,
      .script = file,
      .output = dir_ / kOutputFile,
      .writable = {dir_ / kBundleFile},
      .readable = {},
      .variables = {},
      .user = {}};
  std::set<std::string> names = {
      "REEVE_WORKSPACE",
      "REEVE_OUTPUT",
      "REEVE_BUNDLE",
      "REEVE_RUN",
      "REEVE_FENCE",
      std::string(kMarkVariable)};
  if (!spec_.spec.bundle.is_null()) {
    run.readable.push_back(dir_ / kBundleInFile);
    names.insert("REEVE_BUNDLE_IN");
  }
  for (const auto& [name, value] : spec_.spec.environment) {
    names.insert(name);
  }
  run.variables.assign(names.begin(), names.end());
  if (engine.kind == "docker" && ::getuid() != 0) {
    // Without it, files in the working directory would belong to root.
    run.user = concat(::getuid(), ":", ::getgid());
  }
  REEVE_TRY(std::vector<std::string> argv, executor::container::run_command(run));
  return StepCommand{
      .argv = std::move(argv),
      .program = {},
      .environment = environment_,
      .working_dir = working_dir_,
      .cgroup = cgroup_ != nullptr ? cgroup_->directory() : -1};
}

/// This very program, also if its file was replaced meanwhile.
Result<StepCommand> RunSupervisor::tool_command(std::size_t index) {
  const model::Step& step = spec_.spec.steps[index];
  const fs::path file = executor::tool_input_file(dir_, index);
  ::unlink(executor::tool_end_file(file).c_str());
  // For people: without the values of credentials, which the tool gets in memory.
  REEVE_CHECK(platform::replace_file(file, step.input.dump(), kPrivateMode));
  StepCommand command{
      .argv = {"reeve", "executor", step.tool, file.native()},
      .program = "/proc/self/exe",
      .environment = environment_,
      .working_dir = working_dir_,
      .cgroup = cgroup_ != nullptr ? cgroup_->directory() : -1};
  // The other tools are ours alone and work on what sandboxes do not show.
  if (step.tool == "agent") {
    command.entrance = entrance();
  }
  if (has_places(spec_.spec, Part::Input, index)) {
    REEVE_TRY(const Secret input, secrets_.fill_input(spec_.spec, index));
    REEVE_TRY(const int fd, lend_memory("reeve-input", input.view(), command));
    command.argv.push_back(concat("/proc/self/fd/", fd));
  }
  return command;
}

/// Puts `bytes` into memory that only the step of `command` inherits; the number it has there.
Result<int> RunSupervisor::lend_memory(
    const char* name, std::string_view bytes, StepCommand& command
) {
  // Above what scripts redirect by number.
  constexpr int kLowestFd = 20;
  REEVE_TRY(const platform::FileDescriptor memory, sealed_memory(name, bytes));
  memory_.reset(::fcntl(memory.get(), F_DUPFD_CLOEXEC, kLowestFd));
  if (!memory_) {
    return platform::errno_error("duplicate", name);
  }
  command.inherited.push_back(memory_.get());
  return memory_.get();
}

/// Adds what a tool that ended by itself says about its end.
StepEnd RunSupervisor::told_by_tool(std::size_t index, StepEnd end) {
  if (spec_.spec.steps[index].tool.empty()) {
    return end;
  }
  end.script_output = false;
  if (end.end != RunEnd::Exited) {
    return end;
  }
  const fs::path file = executor::tool_end_file(executor::tool_input_file(dir_, index));
  auto record = executor::read_tool_record(file);
  if (record.ok() && filter_.active()) {
    record->end.reason = filter_.masked(record->end.reason);
    for (std::string& warning : record->warnings) {
      warning = filter_.masked(warning);
    }
    const auto written = platform::replace_file(file, executor::encode(*record), kPrivateMode);
    if (!written.ok()) {
      ::unlink(file.c_str());
    }
  }
  if (!record.ok() || record->end.exit_code != end.exit_code) {
    return end;
  }
  for (const std::string& warning : record->warnings) {
    add_warning(record_.result, warning);
  }
  end.script_output = record->end.script_output;
  end.exit_text = record->end.exit_text;
  if (!record->end.reason.empty()) {
    end.reason = record->end.reason;
  }
  return end;
}

Result<StepCommand> RunSupervisor::script_command(std::size_t index) {
  const std::string& script = spec_.spec.steps[index].script;
  const fs::path file = dir_ / kStepsDir / concat(index, ".sh");
  const bool secret = has_places(spec_.spec, Part::Script, index);
  // One with credentials is here for people only, without their values.
  REEVE_CHECK(platform::replace_file(file, script, secret ? kPrivateMode : kScriptMode));
  StepCommand command{
      .argv = executor::shell::interpreter(script, shell_),
      .program = {},
      .environment = environment_,
      .working_dir = working_dir_,
      .cgroup = cgroup_ != nullptr ? cgroup_->directory() : -1,
      .entrance = entrance()};
  if (!secret) {
    command.argv.push_back(file.native());
    return command;
  }
  REEVE_TRY(const Secret whole, secrets_.fill(spec_.spec, Part::Script, index));
  REEVE_TRY(const int fd, lend_memory("reeve-script", whole.view(), command));
  command.argv.push_back(concat("/proc/self/fd/", fd));
  return command;
}

/// Masks what steps wrote to a file that is read when the run has ended.
void RunSupervisor::clean_file(const char* file, std::uint64_t bytes_max, std::string_view name) {
  const fs::path path = dir_ / file;

  struct stat info {};

  if (!filter_.active() || ::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
      info.st_size == 0) {
    return;
  }
  const auto text = platform::read_file(path, bytes_max);
  // What is too long is not read by anybody.
  const std::string clean = text.ok() ? filter_.masked(*text) : std::string();
  if (text.ok() && clean == *text) {
    return;
  }
  if (!text.ok()) {
    add_warning(record_.result, concat(name, " was emptied: ", text.error().describe()));
  }
  // A sandbox shows this very file, not another one of its name.
  const auto written = sandbox_ ? overwrite(path, clean) : platform::replace_file(path, clean);
  if (!written.ok()) {
    ::unlink(path.c_str());
    add_warning(record_.result, concat(name, " was removed: ", written.error().describe()));
  }
}

/// Artifacts are kept as they are; somebody should know if a credential is in one.
void RunSupervisor::look_into_artifacts() {
  if (!filter_.active()) {
    return;
  }
  const bool succeeded = record_.result.succeeded();
  for (const platform::FoundFile& found :
       find_artifacts(working_dir_, spec_.spec, succeeded).files) {
    const auto text = platform::read_file(found.source, kScannedArtifactBytesMax);
    if (text.ok() && text->find('\0') == std::string::npos && filter_.contains_secret(*text)) {
      add_warning(
          record_.result, concat("artifact ", found.path, " contains the value of a credential")
      );
    }
  }
}

}  // namespace reeve::host
