#include "executor/agent/run_files.h"

#include <algorithm>
#include <unistd.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::executor::agent {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivate = 0600;
constexpr mode_t kPrivateDirectory = 0700;
constexpr std::uint64_t kSessionNameBytesMax = 128;
constexpr std::uint64_t kSessionBytesMax = std::uint64_t{256} << 20U;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Sessions are named by their programs; none of them needs more than this. A name stands among the
/// arguments of a command: it must not look like an option.
bool is_session_name(std::string_view name) {
  return !name.empty() && name.size() <= kSessionNameBytesMax && is_alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '_';
         });
}

}  // namespace

Result<RunFiles> make_run_files(const ToolRequest& request, std::string_view mission_uid) {
  RunFiles files;
  const std::string run = value_of(request.environment, "REEVE_RUN");
  files.task = value_of(request.environment, "REEVE_TASK");
  files.key = concat(
      run,
      "\n",
      value_of(request.environment, "REEVE_NONCE"),
      "\n",
      value_of(request.environment, "REEVE_FENCE")
  );
  files.places.files = request.run_dir / "steps" / "agent";
  files.places.superuser = ::geteuid() == 0;
  REEVE_CHECK(platform::make_directories(files.places.files, kPrivateDirectory));
  // `<mission>/runs/<run>`; all runs of the task within an epoch share what is before the attempt.
  fs::path common = files.places.files;
  if (!request.data_dir.empty()) {
    const fs::path shared = request.run_dir.parent_path().parent_path() / "agents" /
                            (is_session_name(mission_uid) ? mission_uid : "mission");
    // A fence may leave a run nothing but its own directory: then nothing outlives it.
    common =
        platform::make_directories(shared / "sessions", kPrivateDirectory).ok() ? shared : common;
  }
  const std::string slot = run.substr(0, run.rfind('.'));
  files.places.sessions = common / "sessions";
  files.journal = common / concat(slot.empty() ? "run" : slot, ".jsonl");
  files.last_session = common / concat(slot.empty() ? "run" : slot, ".session");
  REEVE_CHECK(platform::make_directories(files.places.sessions, kPrivateDirectory));
  return files;
}

Result<std::string> session_of(const Work& work, const RunFiles& files) {
  std::string session = work.session;
  if (session == kPreviousSession) {
    const auto kept = platform::read_file(files.last_session, kSessionNameBytesMax);
    session = kept ? std::string(trim(*kept)) : std::string();
  }
  if (!session.empty() && !is_session_name(session)) {
    return make_error(ErrorCode::Invalid, "is no name of a session", "session");
  }
  return session;
}

Result<void> keep_session(const RunFiles& files, std::string_view session) {
  return is_session_name(session) ? platform::replace_file(files.last_session, session, kPrivate)
                                  : Result<void>{};
}

Result<void> bring_claude_session(
    const fs::path& sessions, const fs::path& working_dir, std::string_view session
) {
  const fs::path projects = sessions / "claude" / "projects";
  const std::string file = concat(session, ".jsonl");
  const fs::path here = projects / claude_project(working_dir);
  std::error_code failed;
  if (fs::exists(here / file, failed)) {
    return {};
  }
  for (const fs::directory_entry& project : fs::directory_iterator(projects, failed)) {
    const auto text = platform::read_file(project.path() / file, kSessionBytesMax);
    if (text) {
      REEVE_CHECK(platform::make_directories(here, kPrivateDirectory));
      return platform::replace_file(here / file, *text, kPrivate);
    }
  }
  Error error = make_error(
      ErrorCode::NotFound, concat("there is no session ", session, " in this mission"), "session"
  );
  error.hint = "sessions can be continued by later tasks of the same mission";
  return error;
}

}  // namespace reeve::executor::agent
