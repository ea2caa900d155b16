#pragma once

#include <string>
#include <vector>

#include "base/json.h"

/// What somebody has changed in an object, put on top of what others have changed meanwhile. Pure;
/// any thread. Private to cli.
namespace reeve::cli {

struct Rebased {
  Json object;
  /// Where both have changed the same, and `edited` won: "spec.limits.maxTotalTokens". Lists are
  /// compared as a whole.
  std::vector<std::string> disputed;
};

/// `current` with every change that leads from `original` to `edited`. As deep as the values are.
Rebased rebase(const Json& original, const Json& edited, const Json& current);

}  // namespace reeve::cli
