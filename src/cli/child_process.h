#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "cli/follow.h"

/// Programs that a command starts in the foreground. Main thread. Private to cli.
namespace reeve::cli {

/// Starts a program that shares the terminal and dies with this process. Exit codes of what cannot
/// be started: 127 (not found), 126. Io: no process could be made.
Result<pid_t> start_child(const std::vector<std::string>& command);

/// Waits for its end and passes signals on, except SIGINT, which terminals send to both. Its exit
/// code, or 128 + signal.
int wait_for_child(pid_t child, SignalFeed& signals);

}  // namespace reeve::cli
