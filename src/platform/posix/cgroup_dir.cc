#include "platform/posix/cgroup_dir.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kProcFileBytesMax = std::uint64_t{1} << 20U;

/// Where the version 2 hierarchy is mounted with its own root, from /proc/self/mountinfo.
std::optional<fs::path> mount_point() {
  const auto text = read_file("/proc/self/mountinfo", kProcFileBytesMax);
  if (!text.ok()) {
    return std::nullopt;
  }
  for (const std::string_view line : split(*text, '\n')) {
    const std::size_t dash = line.find(" - cgroup2 ");
    if (dash == std::string_view::npos) {
      continue;
    }
    const auto fields = split(line.substr(0, dash), ' ');
    constexpr std::size_t kRoot = 3;
    constexpr std::size_t kPoint = 4;
    if (fields.size() > kPoint && fields[kRoot] == "/") {
      return fs::path(fields[kPoint]);
    }
  }
  return std::nullopt;
}

/// This process's group in the version 2 hierarchy, from /proc/self/cgroup.
std::optional<std::string> own_group() {
  const auto text = read_file("/proc/self/cgroup", kProcFileBytesMax);
  if (!text.ok()) {
    return std::nullopt;
  }
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with("0::/") && line.find("..") == std::string_view::npos) {
      return std::string(line.substr(4));
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<fs::path> own_cgroup_dir() {
  const std::optional<fs::path> mount = mount_point();
  const std::optional<std::string> own = own_group();
  if (!mount || !own) {
    return std::nullopt;
  }
  return own->empty() ? *mount : *mount / *own;
}

}  // namespace reeve::platform
