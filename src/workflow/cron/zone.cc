#include "workflow/cron/zone.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace reeve::cron {

namespace {

/// No place has ever been further than this from UTC (RFC 8536, section 3.2).
constexpr std::chrono::hours kOffsetMax{26};

}  // namespace

Zone::Zone(std::string name, seconds offset, const std::vector<Change>& changes)
    : name_(std::move(name)), first_offset_(offset) {
  for (const Change& change : changes) {
    if (change.offset != offset) {
      REEVE_ASSERT(changes_.empty() || changes_.back().at < change.at);
      changes_.push_back(change);
      offset = change.offset;
    }
  }
}

seconds Zone::offset_at(sys_seconds at) const {
  const auto later = std::upper_bound(
      changes_.begin(),
      changes_.end(),
      at,
      [](sys_seconds time, const Change& change) { return time < change.at; }
  );
  return later == changes_.begin() ? first_offset_ : std::prev(later)->offset;
}

std::optional<Zone::Change> Zone::next_change(sys_seconds at) const {
  const auto later = std::upper_bound(
      changes_.begin(),
      changes_.end(),
      at,
      [](sys_seconds time, const Change& change) { return time < change.at; }
  );
  return later == changes_.end() ? std::nullopt : std::optional(*later);
}

LocalSeconds Zone::to_local(sys_seconds at) const {
  return LocalSeconds(at.time_since_epoch() + offset_at(at));
}

LocalSeconds Zone::latest_local(sys_seconds at) const {
  LocalSeconds latest = to_local(at);
  sys_seconds from = at - 2 * kOffsetMax;
  for (auto change = next_change(from); change && change->at <= at; change = next_change(from)) {
    from = change->at;
    latest = std::max(latest, to_local(from - seconds(1)));
  }
  return latest;
}

sys_seconds Zone::to_utc(LocalSeconds local) const {
  // Walks over the few changes near `local`, so that the first instant that fits is found.
  sys_seconds from(local.time_since_epoch() - kOffsetMax);
  while (true) {
    const sys_seconds at(local.time_since_epoch() - offset_at(from));
    const auto change = next_change(from);
    if (!change || at < change->at) {
      return at;
    }
    if (local < to_local(change->at)) {
      return change->at;  // skipped: the clocks jump over it
    }
    from = change->at;
  }
}

}  // namespace reeve::cron
