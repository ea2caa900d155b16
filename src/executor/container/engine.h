#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reeve::executor::container {

/// How long an engine may take to say that it works, and to remove containers.
inline constexpr Duration kProbeTimeout{15'000};
inline constexpr Duration kRemoveTimeout{30'000};

struct Engine {
  /// Absolute path of its client.
  std::string program;
  /// "podman" or "docker".
  std::string kind;
};

/// The first of podman and docker on `search_path` (as $PATH) whose `info` succeeds. Unsupported:
/// none does; the message says what was found.
Result<Engine> find_engine(std::string_view search_path);

/// Runs a command without input and output to its end: its exit code, 128+n for signal n.
/// DeadlineExceeded: it was killed. For callers that reap no children meanwhile.
Result<int> run_quietly(const std::vector<std::string>& argv, Duration timeout);

}  // namespace reeve::executor::container
