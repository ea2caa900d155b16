#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "configuration/configuration.h"

namespace reeve::cli {

/// All layers of the server's settings as they are now. `file` empty: `reeve.yaml` in the data
/// directory, if it is there. NotFound: the named file is not there.
Result<configuration::Sources> setting_sources(
    const std::string& data_dir,
    const std::string& file,
    std::vector<std::pair<std::string, std::string>> flags
);

/// The settings, or nothing. Says on standard error what is wrong with them, and what is strange.
std::optional<configuration::Configuration> load_settings(const configuration::Sources& sources);

}  // namespace reeve::cli
