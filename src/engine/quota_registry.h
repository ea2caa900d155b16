#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/fwd.h"
#include "engine/quota.h"
#include "journal/event.h"

namespace reeve::engine {

/// Remembered answers to "which quotas count this one"; beyond that all are forgotten.
inline constexpr std::size_t kMatchesRememberedMax = 20'000;

/// All quotas, each read once for every version of it. Built again from the objects after a
/// restart.
///
/// Threading: engine loop.
class QuotaRegistry {
 public:
  /// An object has changed, been made or gone: a quota, a namespace or metadata.
  void changed(const journal::ObjectKey& object);

  /// Whether a quota has changed that was not read again.
  bool is_stale() const { return !stale_.empty(); }

  /// Reads again what has changed, and gives it.
  std::vector<journal::ObjectKey> refresh(const Engine& engine);

  /// A quota that is there, or null. Valid until the next `refresh`.
  const Quota* find(const journal::ObjectKey& key) const;

  /// The quotas that count a spender, those that cannot be read included; in order. Valid until the
  /// next `changed` or `refresh`.
  const std::vector<const Quota*>& matching(const Spender& spender, const Engine& engine);

  const std::map<journal::ObjectKey, Quota>& all() const { return quotas_; }

  bool empty() const { return quotas_.empty() && stale_.empty(); }

 private:
  std::map<journal::ObjectKey, Quota> quotas_;
  std::set<journal::ObjectKey> stale_;
  std::unordered_map<std::string, std::vector<const Quota*>> matches_;
};

}  // namespace reeve::engine
