#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "cli/arguments.h"

namespace CLI {
class App;
}

/// The flags of `reeve credential` and `reeve config`. Private to arguments.cc.
namespace reeve::cli {

class ConfigurationParser {
 public:
  /// Adds the commands to `app`; both arguments outlive this.
  ConfigurationParser(CLI::App& app, Common& common);
  ~ConfigurationParser();

  /// What is wrong with it, or nothing. Never repeats what could be a value.
  std::string problem() const;

  /// The command that was parsed, if it is one of these.
  std::optional<std::variant<CredentialArgs, ConfigArgs>> selected() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace reeve::cli
