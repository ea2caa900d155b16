#pragma once

#include <optional>

#include "engine/incident_book.h"
#include "journal/event.h"

namespace reeve::cli {

/// Refusals in one record that are too many to be a mistake.
inline constexpr std::int64_t kDenialStorm = 100;

/// What an event says about something that somebody has to look at.
struct IncidentNews {
  engine::IncidentReport report;
  /// What was wrong is right again.
  bool over = false;
};

/// Nothing: nobody has to look at it. Pure.
std::optional<IncidentNews> incident_of(const journal::Event& event);

}  // namespace reeve::cli
