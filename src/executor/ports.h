#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/run.h"

/// The port of executors: what a built-in tool is given and what it gives back.
namespace reeve::executor {

/// What a tool is asked to do, and where.
struct ToolRequest {
  /// As the workflow was rendered. From a file: check it like anything from outside.
  Json input;
  /// Of the run. A tool may keep files of its own below `run_dir / "steps"`.
  std::filesystem::path run_dir;
  std::filesystem::path working_dir;
  /// The host's; empty if the run has no place in one.
  std::filesystem::path data_dir;
  /// The run's environment.
  std::vector<model::NamedValue> environment;
};

/// Where a tool's results go. None of it is redacted: a tool never writes credentials.
class ToolOutput {
 public:
  virtual ~ToolOutput() = default;

  /// Appends to the run's standard output.
  virtual void write(std::string_view bytes) = 0;

  /// One line for people on the run's standard error.
  virtual void note(std::string_view line) = 0;

  /// Publishes an output of the task; the last value of a name wins. Limits: model/run.h.
  virtual Result<void> publish(std::string_view name, std::string_view value) = 0;

  /// A warning of the run.
  virtual void warn(std::string text) = 0;
};

/// How a tool's work ended.
struct ToolEnd {
  /// 0: it succeeded. At most 255.
  int exit_code = 0;
  /// What routes see instead of the code, see model::is_exit_text; empty: the code.
  std::string exit_text;
  /// Why it failed, for people.
  std::string reason;
  /// Whether `::set-output` lines in what it wrote publish values. Never for what comes from
  /// others.
  bool script_output = false;
};

/// One kind of work. A tool runs alone in a process of its own, in the run's environment and
/// working directory, under the run's shim, which logs its output and ends it at the deadline
/// (SIGTERM, then SIGKILL) or on cancellation. A run that is lost is carried out again, so a tool
/// is repeated like a script. Single-threaded unless it says otherwise.
class Tool {
 public:
  virtual ~Tool() = default;

  /// As in model::Step::tool.
  virtual std::string_view name() const = 0;

  /// An error is a failure with exit code 1 and the error as its reason.
  virtual Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) = 0;
};

}  // namespace reeve::executor
