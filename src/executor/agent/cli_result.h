#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "executor/agent/result.h"
#include "executor/agent/work.h"

/// What command lines for agents print, as a result. Pure.
namespace reeve::executor::agent {

/// Bytes of one printed line; what is longer is passed over.
inline constexpr std::size_t kLineBytesMax = std::size_t{8} << 20U;
/// Bytes that are kept of what a command prints that speaks no dialect.
inline constexpr std::size_t kTextBytesMax = std::size_t{1} << 20U;

/// Takes the lines of one command.
class ResultReader {
 public:
  virtual ~ResultReader() = default;

  /// What people are told of this line: none, one or more lines.
  virtual std::vector<std::string> take(std::string_view line) = 0;

  /// The command has ended with this code. `last_message` is its file of that name, or empty.
  virtual AgentResult finish(int exit_code, std::string_view last_message) = 0;
};

/// Claude: `--output-format stream-json`. What counts is `is_error` and `terminal_reason` of the
/// last object, never `subtype`: errors of the API come as "success". Codex: `exec --json`.
/// OpenCode: `run
/// --format json`. Text: what is printed is the result, and the code says whether it is one.
std::unique_ptr<ResultReader> make_reader(Dialect dialect);

}  // namespace reeve::executor::agent
