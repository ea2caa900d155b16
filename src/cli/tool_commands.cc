#include <cstdlib>
#include <filesystem>

#include "base/strings.h"
#include "cli/child_process.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/print.h"
#include "cli/session.h"
#include "kernel/audit.h"
#include "platform/posix/directory_lock.h"

namespace reeve::cli {

namespace {

/// What `reeve audit verify` found to be wrong.
int report_finding(const Common& common, const Error& error) {
  if (common.output == Output::Json) {
    Json json = Json::object();
    json.set("ok", false).set("subject", error.subject).set("message", error.message);
    print(json.pretty());
  }
  report(error);
  return static_cast<int>(ExitCode::WorkFailed);
}

}  // namespace

int run_under_lock(const Common& common, const LockArgs& args) {
  SignalFeed signals;
  platform::LockRequest request;
  request.directory = args.directory.empty() ? DataDir{.root = common.data_dir}.locks()
                                             : std::filesystem::path(args.directory);
  request.name = args.name;
  request.timeout = args.timeout;
  request.purpose = join(args.command, " ").substr(0, 200);
  request.cancel_fd = signals.fd();
  Result<platform::DirectoryLock> lock = platform::DirectoryLock::acquire(request);
  if (!lock) {
    return report(lock.error());
  }
  ::setenv("REEVE_LOCK_TOKEN", std::to_string(lock->token()).c_str(), 1);
  ::setenv("REEVE_LOCK_NAME", args.name.c_str(), 1);
  // In its own process, so that the lock is held exactly as long as `reeve lock` lives: if that is
  // killed, so is the command.
  const Result<pid_t> child = start_child(args.command);
  if (!child) {
    return report(child.error());
  }
  const int code = wait_for_child(*child, signals);
  if (Result<void> released = lock->release(); !released) {
    return report(released.error());
  }
  return code;
}

int verify_audit(const Common& common) {
  const Result<std::unique_ptr<store::Store>> store =
      open_for_reading(DataDir{.root = common.data_dir});
  if (!store) {
    // A store that does not even open because it was damaged is a finding, too.
    return store.error().code == ErrorCode::Corrupt ? report_finding(common, store.error())
                                                    : report(store.error());
  }
  const Result<kernel::AuditReport> result = kernel::audit(**store, workflow_loader());
  if (!result) {
    return report_finding(common, result.error());
  }
  const std::string head =
      to_hex({reinterpret_cast<const char*>(result->head.data()), result->head.size()});
  if (common.output == Output::Json) {
    Json json = Json::object();
    json.set("ok", true)
        .set("events", result->events)
        .set("missions", result->missions)
        .set("workflows", result->workflows);
    json.set("lastRevision", result->last.value()).set("head", head);
    print(json.pretty());
  } else {
    print(concat(
        "the journal is whole: ",
        result->events,
        " events, ",
        result->missions,
        " missions, ",
        result->workflows,
        " workflows; every row follows from its events\nhead ",
        head,
        " at revision ",
        result->last.value(),
        "\n"
    ));
  }
  return 0;
}

}  // namespace reeve::cli
