#pragma once

#include <memory>
#include <string>
#include <variant>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

namespace reeve::cli {

/// `reeve trigger test …`.
class TriggerParser {
 public:
  TriggerParser();
  ~TriggerParser();

  /// The parser must outlive `app`'s parsing.
  void add_to(CLI::App& app, Common& common);

  /// What was asked for; what is wrong with it; or empty text if it was something else.
  std::variant<TriggerTestArgs, std::string> selected() const;

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace reeve::cli
