#pragma once

#include <optional>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "model/trace.h"
#include "telemetry/correlation.h"

namespace reeve::telemetry {

/// What the metadata of a mission's row says.
struct MissionHead {
  Uid uid;
  Timestamp created_at;
  CorrelationId correlation;
  model::Trace trace;
};

/// Reads the beginning of a row, whatever comes after it; nothing: it is no row of a mission.
std::optional<MissionHead> mission_head(std::string_view row);

/// For log lines about a mission, or about one of its parts by its span.
Correlation correlation_of(
    const MissionHead& head, std::string_view span, bool sampled, const Principal& principal
);

}  // namespace reeve::telemetry
