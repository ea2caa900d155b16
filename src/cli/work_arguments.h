#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/arguments.h"

namespace CLI {
class App;
}

/// The flags of `reeve pool` and `reeve task`, and `--labels`. Private to arguments.cc.
namespace reeve::cli {

class WorkParser {
 public:
  /// Adds the commands to `app`; both arguments outlive this.
  WorkParser(CLI::App& app, Common& common);
  ~WorkParser();

  /// The command that was parsed, if it is one of these.
  std::optional<std::variant<PoolArgs, TaskAddArgs>> selected() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `--labels` of a command that may own the data directory.
void add_labels(CLI::App* command, std::vector<std::string>& labels);

}  // namespace reeve::cli
