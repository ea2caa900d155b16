#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/ids.h"
#include "engine/tool_call_book.h"

namespace reeve::gateway {

/// As many as there are records.
inline constexpr std::size_t kLeftCallsMax = engine::kToolCallsMax;

/// Open calls whose clients have gone and may come back for them: by what they ask, the oldest
/// first, and by name. Network thread.
class LeftCalls {
 public:
  using Id = std::pair<Namespace, std::string>;

  /// Where to look for a call: what is asked, of which server, by whom. Attempts of one task are
  /// one asker; who is no run finds calls of the same principal only.
  struct Asked {
    Namespace ns;
    std::string run;
    std::string caller;
    std::string server;
    std::string tool;
    std::string arguments_hash;
  };

  /// False: there are too many.
  bool put(const Id& id, const Asked& asked);

  /// The oldest of those that ask this, which is forgotten here; nothing: there is none.
  std::optional<std::string> take(const Asked& asked);

  void forget(const Id& id);

  /// Forgets those that are not open any more.
  void sweep(const std::function<bool(const Id&)>& is_open);

  std::size_t size() const { return keys_.size(); }

 private:
  std::map<Id, std::string> keys_;
  std::map<std::string, std::set<std::string>> names_;
};

}  // namespace reeve::gateway
