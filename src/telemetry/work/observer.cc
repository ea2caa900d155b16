#include "telemetry/work/observer.h"

#include <array>
#include <string_view>
#include <utility>

namespace reeve::telemetry {

namespace {

/// Types of events whose data is looked at.
bool says_more(std::string_view type) {
  constexpr std::array<std::string_view, 11> kTypes = {
      "mission.created",
      "mission.transitioned",
      "mission.epoch_started",
      "run.launching",
      "run.active",
      "run.ended",
      "gate.opened",
      "gate.decided",
      "trigger.skipped",
      "trigger.missed",
      "message.died"};
  for (const std::string_view known : kTypes) {
    if (known == type) {
      return true;
    }
  }
  return false;
}

Json data_of(const journal::Event& event) {
  if (!says_more(event.type) || event.data.size() > kEventDataReadMax) {
    return Json::object();
  }
  // What the kernel wrote can be read; an empty object tells less, and nothing wrong.
  Result<Json> data = parse_json(event.data);
  return data ? *std::move(data) : Json::object();
}

}  // namespace

Observer::Observer(LogHub& log, MetricRegistry& metrics, Options options)
    : sample_ratio_(options.sample_ratio), log_(log), metrics_(metrics) {
  if (options.spans != nullptr) {
    spans_.emplace(*options.spans, options.sample_ratio);
  }
}

Result<void> Observer::load(store::Reader& reader) {
  REEVE_CHECK(metrics_.load(reader));
  const std::scoped_lock lock(spans_mutex_);
  return spans_ ? spans_->load(reader) : Result<void>();
}

const std::optional<MissionHead>& Observer::head_of(
    const journal::ObjectKey& mission, const store::Commit& commit, Heads& heads
) const {
  if (heads.empty()) {
    for (const store::Row& row : commit.rows) {
      if (row.key.kind == journal::Kind::Mission) {
        heads.emplace(row.key, mission_head(row.body));
      }
    }
  }
  static const std::optional<MissionHead> kNone;
  const auto found = heads.find(mission);
  return found == heads.end() ? kNone : found->second;
}

void Observer::committed(const store::Commit& commit) {
  for (const store::Row& row : commit.rows) {
    metrics_.see(row);
  }
  Heads heads;
  const std::scoped_lock lock(spans_mutex_);
  for (const journal::Event& event : commit.events) {
    WorkEvent seen{.event = event, .data = data_of(event), .head = {}, .sampled = false};
    if (event.object.kind == journal::Kind::Mission) {
      seen.head = head_of(event.object, commit, heads);
    }
    seen.sampled = seen.head && model::is_sampled(seen.head->trace, seen.head->uid, sample_ratio_);
    metrics_.see(seen);
    log_.see(seen);
    if (spans_) {
      spans_->see(seen);
    }
  }
}

void Observer::asked(const model::Effect& effect) {
  metrics_.see(effect);
  log_.see(effect);
}

void Observer::reported(const model::Report& report) {
  log_.see(report);
}

}  // namespace reeve::telemetry
