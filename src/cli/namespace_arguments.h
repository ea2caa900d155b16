#pragma once

#include <memory>
#include <optional>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

namespace reeve::cli {

/// `reeve namespace create|list|delete`.
class NamespaceParser {
 public:
  NamespaceParser();
  ~NamespaceParser();

  /// The parser must outlive `app`'s parsing.
  void add_to(CLI::App& app, Common& common);

  /// What was asked for; nothing if it was something else.
  std::optional<NamespaceArgs> selected() const;

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace reeve::cli
