#pragma once

#include <functional>
#include <optional>

#include "cli/up_server.h"
#include "configuration/configuration.h"
#include "telemetry/log.h"

namespace reeve::cli {

/// Reads all layers of the settings again; nothing: something is wrong with them, and was said.
using ReadSettings = std::function<std::optional<configuration::Configuration>()>;

/// Takes over what has changed in the settings and in the files that they name, while everything
/// goes on: `in_effect` becomes what is in effect then. Says what has changed, what needs a
/// restart, and what is wrong; wrong settings change nothing. Main thread.
void reload_settings(
    configuration::Configuration& in_effect,
    const ReadSettings& read,
    UpServer& server,
    telemetry::LogHub& log
);

}  // namespace reeve::cli
