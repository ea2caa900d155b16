#include "workflow/cron/zone.h"

#include <algorithm>
#include <utility>

namespace reeve::cron {

namespace {

/// No place has ever been further than this from UTC (RFC 8536, section 3.2).
constexpr std::chrono::hours kOffsetMax{26};

}  // namespace

Zone Zone::fixed(std::string name, seconds offset) {
  Zone zone;
  zone.name_ = std::move(name);
  zone.offset_ = offset;
  return zone;
}

seconds Zone::offset_at(sys_seconds /*at*/) const {
  return offset_;
}

std::optional<Zone::Change> Zone::next_change(sys_seconds /*at*/) const {
  return std::nullopt;
}

LocalSeconds Zone::to_local(sys_seconds at) const {
  return LocalSeconds(at.time_since_epoch() + offset_at(at));
}

LocalSeconds Zone::latest_local(sys_seconds at) const {
  sys_seconds from = at - 2 * kOffsetMax;
  LocalSeconds latest = to_local(at);
  for (auto change = next_change(from); change && change->at <= at; change = next_change(from)) {
    from = change->at;
    latest = std::max(latest, to_local(from - seconds(1)));
  }
  return latest;
}

sys_seconds Zone::to_utc(LocalSeconds local) const {
  // Walks over the few changes near `local`, so that the first instant that fits is found.
  sys_seconds from(local.time_since_epoch() - kOffsetMax);
  seconds offset = offset_at(from);
  while (true) {
    const sys_seconds at(local.time_since_epoch() - offset);
    const auto change = next_change(from);
    if (!change || at < change->at) {
      return at;
    }
    if (local.time_since_epoch() < change->at.time_since_epoch() + change->offset) {
      return change->at;  // skipped: the clocks jump over it
    }
    from = change->at;
    offset = change->offset;
  }
}

}  // namespace reeve::cron
