#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "executor/agent/fence.h"
#include "executor/agent/work.h"
#include "model/run.h"

/// How a command line for agents is started: arguments, environment, files. Pure.
namespace reeve::executor::agent {

/// The name under which agents see the tool gateway.
inline constexpr std::string_view kMcpServer = "reeve";

/// The tool of the gateway that decides about tools of a command line's own.
inline constexpr std::string_view kApprovalTool = "approve";

/// Where things are put, and what there is.
struct Places {
  /// Files of this run alone.
  std::filesystem::path files;
  /// What command lines keep of their sessions; later runs of the mission find it here.
  std::filesystem::path sessions;
  /// Where the command is started.
  std::filesystem::path working_dir;
  /// Whether the run belongs to the superuser.
  bool superuser = false;
  /// Whether the tool gateway can be asked for consent, by its tool kApprovalTool.
  bool approvals = false;
};

/// Written before the start, for the owner's eyes only (0600).
struct PlannedFile {
  std::filesystem::path path;
  std::string text;
};

struct CliPlan {
  std::vector<std::string> argv;
  /// Complete.
  std::vector<model::NamedValue> environment;
  std::vector<PlannedFile> files;
  /// Made if they are not there.
  std::vector<std::filesystem::path> directories;
  /// What its standard input has.
  std::string input;
  /// A file with its last message; empty: there is none.
  std::filesystem::path last_message;
};

/// The plan for `work.cli`. `environment` is that of the run. The token is in the environment and
/// in files only, never among the arguments. Invalid: something is missing that the command needs.
Result<CliPlan> plan_cli(
    const Work& work,
    const Fence& fence,
    const Places& places,
    const std::vector<model::NamedValue>& environment
);

/// The directory in which Claude Code keeps the sessions of a working directory.
std::string claude_project(const std::filesystem::path& working_dir);

}  // namespace reeve::executor::agent
