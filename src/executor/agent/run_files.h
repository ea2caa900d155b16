#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "executor/agent/cli_plan.h"
#include "executor/agent/work.h"
#include "executor/ports.h"

/// The files of an agent's run, and those that outlive it: what later runs of a mission go on with.
namespace reeve::executor::agent {

/// Where everything of one run is.
struct RunFiles {
  Places places;
  /// Of the mission; later attempts at the task find here what earlier ones left.
  std::filesystem::path journal;
  std::filesystem::path last_session;
  /// Names this attempt for ever.
  std::string key;
  std::string task;
};

/// Makes the directories (0700). Only runs of the mission with this uid find each other's. A run
/// that lies in no data directory keeps all in its own.
Result<RunFiles> make_run_files(const ToolRequest& request, std::string_view mission_uid);

/// The session that is meant by `session` of the work: of an earlier attempt for kPreviousSession,
/// which may be none.
Result<std::string> session_of(const Work& work, const RunFiles& files);

/// Names the session for the next attempt.
Result<void> keep_session(const RunFiles& files, std::string_view session);

/// Claude Code keeps sessions by working directory, which every run has for itself: makes one of
/// `sessions` known in `working_dir`. NotFound: there is no such session.
Result<void> bring_claude_session(
    const std::filesystem::path& sessions,
    const std::filesystem::path& working_dir,
    std::string_view session
);

}  // namespace reeve::executor::agent
