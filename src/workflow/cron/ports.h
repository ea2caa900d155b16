#pragma once

#include <string_view>

#include "base/result.h"
#include "workflow/cron/zone.h"

namespace reeve::cron {

/// Knows the time zones of the world. Any thread.
class ZoneSource {
 public:
  virtual ~ZoneSource() = default;

  /// The zone of an IANA name such as "Europe/Berlin"; "" and "UTC" are always known. NotFound,
  /// Invalid, Unavailable, Corrupt: for people, with a hint.
  virtual Result<Zone> find(std::string_view name) = 0;
};

}  // namespace reeve::cron
