#pragma once

#include <filesystem>
#include <optional>

namespace reeve::platform {

/// The directory of this process's group in the version 2 cgroup hierarchy, wherever that is
/// mounted (`/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` beside version 1). Nothing where there is
/// none, or where it is mounted without its own root. Any thread.
std::optional<std::filesystem::path> own_cgroup_dir();

}  // namespace reeve::platform
