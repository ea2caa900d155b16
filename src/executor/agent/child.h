#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/run.h"

/// The process of a command line.
namespace reeve::executor::agent {

struct ChildCommand {
  /// The first word is looked for in PATH.
  std::vector<std::string> argv;
  /// Complete.
  std::vector<model::NamedValue> environment;
  /// What its standard input has.
  std::string input;
  /// Then it is ended; 0: never.
  Duration duration{0};
};

struct ChildEnd {
  /// As of a shell: 128 + signal for one that was killed.
  int code = 0;
  bool timed_out = false;
};

/// Starts it in the working directory of this process and waits for its end. Its standard error is
/// ours; every line of its standard output goes to `take`, those longer than `line_bytes_max` do
/// not. NotFound: there is no such program. For single-threaded processes.
Result<ChildEnd> run_child(
    const ChildCommand& command,
    std::size_t line_bytes_max,
    const std::function<void(std::string_view)>& take
);

}  // namespace reeve::executor::agent
