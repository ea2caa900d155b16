#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/posix/files.h"

/// What the directory of a run tells about it.
namespace reeve::host {

/// Takes the run's lock, which says that nobody supervises it, and keeps it until the descriptor is
/// closed. An empty descriptor: a shim or its launcher holds it. `create`: make the file if there
/// is none; otherwise that is NotFound.
Result<platform::FileDescriptor> try_lock(const std::filesystem::path& dir, bool create);

/// Whether somebody holds the run's lock now. Does not disturb launchers. Any process.
bool is_supervised(const std::filesystem::path& dir);

/// Whether nothing can be added to the run's logs any more.
bool is_over(const std::filesystem::path& dir);

/// For people: finished, alive, lost or never started, and why. One fact per
/// line. Changes nothing.
std::vector<std::string> explain_run_dir(const std::filesystem::path& dir);

}  // namespace reeve::host
