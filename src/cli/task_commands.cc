#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>

#include <sys/file.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/print.h"
#include "cli/task_addition.h"
#include "model/run.h"
#include "platform/posix/files.h"

/// `reeve task`: what a run says about its own mission.
namespace reeve::cli {

namespace {

constexpr std::string_view kPermission = "mission.extend";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// The file for further tasks, if this is a run that may add some.
Result<std::filesystem::path> tasks_file() {
  const std::string path = variable("REEVE_TASKS");
  if (path.empty()) {
    Error error = make_error(
        ErrorCode::Invalid, "there is no run here whose mission could get tasks", "$REEVE_TASKS"
    );
    error.hint = "reeve task add is for the script of a task";
    return error;
  }
  const std::string granted = variable("REEVE_PERMISSIONS");
  if (concat(",", granted, ",").find(concat(",", kPermission, ",")) == std::string::npos) {
    Error error = make_error(
        ErrorCode::PermissionDenied,
        concat("task ", variable("REEVE_TASK"), " may not add tasks to its mission"),
        std::string(kPermission)
    );
    error.hint = concat("give the task permissions: [", kPermission, "]");
    return error;
  }
  return std::filesystem::path(path);
}

/// Keeps processes of a run from adding tasks at the same time, as long as it is open.
Result<platform::FileDescriptor> lock_directory(const std::filesystem::path& dir) {
  platform::FileDescriptor fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) {
    return platform::errno_error("open", dir.native());
  }
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return platform::errno_error("lock", dir.native());
    }
  }
  return fd;
}

Result<void> add_tasks(const std::string& source) {
  REEVE_TRY(const std::filesystem::path file, tasks_file());
  REEVE_TRY(const std::string added, read_input(source));
  REEVE_TRY(const platform::FileDescriptor lock, lock_directory(file.parent_path()));
  std::string present;
  Result<std::string> read = platform::read_file(file, model::kExtensionBytesMax);
  if (read) {
    present = std::move(*read);
  } else if (read.error().code != ErrorCode::NotFound) {
    return std::move(read).error();
  }
  Result<std::string> merged = merged_tasks(present, added);
  if (!merged) {
    Error error = std::move(merged).error();
    error.file = error.position.line > 0 ? input_name(source) : std::string();
    return error;
  }
  return platform::replace_file(file, *merged, 0600);
}

}  // namespace

int add_task(const TaskAddArgs& args) {
  const Result<void> added = add_tasks(args.file);
  return added ? static_cast<int>(ExitCode::Done) : report(added.error());
}

}  // namespace reeve::cli
