#pragma once

#include <cstdint>
#include <optional>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "workflow/workflow.h"

namespace reeve::trigger {

/// How much of a rate limit is used: a window begins with the first thing that is admitted after
/// the last one has ended. A value; any thread.
struct RateWindow {
  Timestamp started_at;
  std::uint32_t used = 0;

  friend bool operator==(const RateWindow&, const RateWindow&) = default;
};

/// The window after one more at `now`; none if the limit is reached. A clock that was set back does
/// not open a new window before the old one would have ended.
std::optional<RateWindow> admit(
    const RateWindow& window, const workflow::RateLimit& limit, Timestamp now
);

Json to_json(const RateWindow& window);

/// Corrupt: it is none.
Result<RateWindow> rate_window_from_json(const Json& json);

}  // namespace reeve::trigger
