#pragma once

#include <string_view>

namespace reeve::cli {

inline constexpr std::string_view kVersion = "0.1.0";

/// Exit codes, the same for every command.
enum class ExitCode : int {
  Done = 0,
  WorkFailed = 1,   ///< the mission FAILED or was ABORTED; a check found something
  Usage = 2,        ///< unknown flag, missing argument
  Refused = 3,      ///< invalid input, illegal in this state, not permitted
  NotFound = 4,     ///< no such file, mission, task
  Unreachable = 5,  ///< the data directory is owned by another process, or cannot be read
};

/// The command line: parses the arguments, carries out the command, prints. Returns the process's
/// exit code. Main thread.
int run_cli(int argc, char** argv);

}  // namespace reeve::cli
