#pragma once

#include "api/services.h"
#include "cli/session.h"

namespace reeve::cli {

/// What clients send for the tasks of a namespace: among the uploads of the data directory. Any
/// thread.
api::Environment::SentFiles sent_files(const DataDir& dir);

}  // namespace reeve::cli
