#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/model/format/operation.h"

namespace reeve::gateway::model {

/// Whose answers may be given again, and which.
struct CacheScope {
  std::string ns;
  std::string route;
  /// Of its spec as it is now: another one is another route.
  std::string route_state;
  Operation operation = Operation::ChatCompletions;
};

/// The same for requests that ask the same: whatever the order of their members, and whoever is
/// named as their user (`metadata`, `user`, `prompt_cache_key`, `safety_identifier`). The model
/// counts as the client has named it. Invalid: no JSON.
Result<Digest> cache_key(const CacheScope& scope, std::string_view body);

}  // namespace reeve::gateway::model
