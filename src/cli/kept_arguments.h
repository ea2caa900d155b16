#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

/// The flags of `reeve artifacts` and `reeve cache`. Private to arguments.cc.
namespace reeve::cli {

class KeptParser {
 public:
  KeptParser();
  ~KeptParser();

  /// The parser must outlive `app`'s parsing.
  void add_to(CLI::App& app, Common& common);

  /// The command that was parsed, if it is one of these.
  std::optional<std::variant<ArtifactsArgs, CacheArgs>> selected() const;

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace reeve::cli
