#pragma once

#include <memory>
#include <variant>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

namespace reeve::cli {

/// `reeve channel …` with all of its subcommands.
class ChannelParser {
 public:
  ChannelParser();
  ~ChannelParser();

  /// The parser must outlive `app`'s parsing.
  void add_to(CLI::App& app, Common& common);

  /// What was asked for; what is wrong with it; or empty text if it was something else.
  std::variant<ChannelArgs, std::string> selected() const;

 private:
  struct Options;
  struct Adder;
  std::unique_ptr<Options> options_;
};

}  // namespace reeve::cli
