#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/run.h"

namespace reeve::gateway {

/// Lines of `tools.commands`, and words of one.
inline constexpr std::size_t kCommandRuleWordsMax = 200;

/// The program that a tool server is.
struct ToolCommand {
  std::vector<std::string> argv;
  /// Variables with their values.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Variables with the credentials that are their values.
  std::vector<std::pair<std::string, std::string>> credentials;
  model::Sandbox sandbox;

  bool empty() const { return argv.empty(); }

  friend bool operator==(const ToolCommand&, const ToolCommand&) = default;
};

/// From the spec of a ToolServer; empty if it has none. Without `sandbox` it is kept in a
/// workspace. Invalid: a sandbox that is none.
Result<ToolCommand> read_command(const Json& spec);

/// Which programs whoever operates the server lets tool servers be. Each rule is a line of words:
/// first, as `NAME=VALUE`, the variables that may be set, then the words of the command. All of
/// them are globs; `...` at the end stands for any further words. A value may be that of a
/// credential only where it may be any (`**`). Immutable; any thread.
class CommandRules {
 public:
  CommandRules() = default;

  /// Invalid: a rule that names no program, or too many words.
  static Result<CommandRules> parse(const std::vector<std::string>& lines, bool unsandboxed);

  /// Why a program may not be started, and what would help; empty: it may.
  std::string objection(const ToolCommand& command) const;

 private:
  struct Rule {
    std::vector<std::pair<std::string, std::string>> variables;
    std::vector<std::string> words;
    bool further = false;
  };

  static bool fits_words(const Rule& rule, const std::vector<std::string>& argv);
  static bool fits_variable(const Rule& rule, const std::string& name, const std::string* value);
  static std::string unfit_variable(const Rule& rule, const ToolCommand& command);

  std::vector<Rule> rules_;
  bool unsandboxed_ = false;
};

}  // namespace reeve::gateway
