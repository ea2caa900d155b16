#pragma once

#include <memory>
#include <optional>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

/// The flags of `reeve quota` and `reeve cost`. Private to cli.
namespace reeve::cli {

class QuotaParser {
 public:
  QuotaParser();
  ~QuotaParser();

  /// The parser must outlive `app`'s parsing.
  void add_to(CLI::App& app, Common& common);

  /// The command that was parsed, if it is one of these.
  std::optional<BoundCommand> selected() const;

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace reeve::cli
