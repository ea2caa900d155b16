#pragma once

#include <memory>
#include <optional>

#include "cli/arguments.h"

namespace CLI {
class App;
}  // namespace CLI

/// The flags of commands about the server and its objects. Private to arguments.cc.
namespace reeve::cli {

class ServerParser {
 public:
  ServerParser();
  ~ServerParser();

  /// The parser must outlive `app`'s parsing. `reeve config` must be there already.
  void add_to(CLI::App& app, Common& common);

  /// The command that was parsed, if it is one of these.
  std::optional<BoundCommand> selected() const;

 private:
  struct Options;
  std::unique_ptr<Options> options_;
};

}  // namespace reeve::cli
