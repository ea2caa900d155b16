#include "workflow/trigger/rate_window.h"

#include <limits>

namespace reeve::trigger {

std::optional<RateWindow> admit(
    const RateWindow& window, const workflow::RateLimit& limit, Timestamp now
) {
  const bool over = window.used == 0 || now >= window.started_at + limit.window;
  RateWindow next = over ? RateWindow{.started_at = now, .used = 0} : window;
  if (next.used >= limit.max) {
    return std::nullopt;
  }
  ++next.used;
  return next;
}

Json to_json(const RateWindow& window) {
  Json json = Json::object();
  json.set("startedAt", format_timestamp(window.started_at));
  json.set("used", static_cast<std::int64_t>(window.used));
  return json;
}

Result<RateWindow> rate_window_from_json(const Json& json) {
  const auto started_at = parse_timestamp(json.get_string("startedAt"));
  const std::int64_t used = json.get_int("used", -1);
  if (!started_at || used < 0 || used > std::numeric_limits<std::uint32_t>::max()) {
    return make_error(ErrorCode::Corrupt, "this is no window of a rate limit");
  }
  return RateWindow{.started_at = *started_at, .used = static_cast<std::uint32_t>(used)};
}

}  // namespace reeve::trigger
