#pragma once

#include <filesystem>
#include <vector>

#include "platform/posix/probe.h"

namespace reeve::platform {

/// The part of `probe_machine` about the data directory. May block as long as its file system does.
std::vector<Finding> probe_data_dir(const std::filesystem::path& data_dir);

/// What keeping data on a file system of this type (statfs f_type) means; `free_bytes` and such are
/// other findings. Separate for the sake of its tests.
Finding judge_file_system(long type);

}  // namespace reeve::platform
