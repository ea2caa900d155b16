#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/arguments.h"

/// What `reeve doctor` finds out about a server. Private to cli.
namespace reeve::cli {

enum class Verdict : std::uint8_t { Ok, Warn, Fail };

/// `ok`, `warn`, `fail`
std::string_view to_string(Verdict verdict);

/// One line of the server's section.
struct ServerFinding {
  /// Stable, for scripts: `server-tls`
  std::string name;
  Verdict verdict = Verdict::Ok;
  std::string detail;
  /// What to do; empty if Ok.
  std::string fix;
};

/// Looks at the server that commands would ask, and at the journal and private files of the data
/// directory if there are any. Changes nothing; each question has a deadline of seconds. Empty:
/// there is neither. Main thread.
std::vector<ServerFinding> examine_server(const Common& common, const ConnectionArgs& args);

}  // namespace reeve::cli
