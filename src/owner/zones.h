#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "workflow/cron/ports.h"

namespace reeve::owner {

/// The zones of another source, each read once: a turn does not wait for files, and a zone does not
/// change under a trigger while this process lives. Errors are not remembered. Any thread.
class ZoneCache final : public cron::ZoneSource {
 public:
  /// `source` outlives the cache.
  explicit ZoneCache(cron::ZoneSource& source) : source_(source) {}

  Result<cron::Zone> find(std::string_view name) override {
    const std::scoped_lock lock(mutex_);
    if (const auto known = zones_.find(name); known != zones_.end()) {
      return known->second;
    }
    REEVE_TRY(cron::Zone zone, source_.find(name));
    zones_.emplace(std::string(name), zone);
    return zone;
  }

 private:
  cron::ZoneSource& source_;
  std::mutex mutex_;
  std::map<std::string, cron::Zone, std::less<>> zones_;
};

}  // namespace reeve::owner
