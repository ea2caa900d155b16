#include "platform/sandbox/groups.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"

namespace reeve::sandbox {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr std::uint64_t kProcFileBytesMax = std::uint64_t{1} << 20U;
constexpr mode_t kDirectoryMode = 0755;

bool has_word(std::string_view words, std::string_view word) {
  for (const std::string_view one : split(words, ',')) {
    if (one == word) {
      return true;
    }
  }
  return false;
}

/// Where the version 1 hierarchy of a controller is mounted with its own root.
std::optional<fs::path> hierarchy(std::string_view controller) {
  const auto text = platform::read_file("/proc/self/mountinfo", kProcFileBytesMax);
  if (!text.ok()) {
    return std::nullopt;
  }
  for (const std::string_view line : split(*text, '\n')) {
    const std::size_t dash = line.find(" - cgroup ");
    if (dash == std::string_view::npos) {
      continue;
    }
    const auto fields = split(line.substr(0, dash), ' ');
    const auto options = split(line.substr(dash), ' ');
    constexpr std::size_t kRoot = 3;
    constexpr std::size_t kPoint = 4;
    if (fields.size() > kPoint && fields[kRoot] == "/" && !options.empty() &&
        has_word(options.back(), controller)) {
      return fs::path(fields[kPoint]);
    }
  }
  return std::nullopt;
}

/// The directory of this process's group in that hierarchy.
std::optional<fs::path> own_group(std::string_view controller) {
  const std::optional<fs::path> root = hierarchy(controller);
  const auto text = platform::read_file("/proc/self/cgroup", kProcFileBytesMax);
  if (!root || !text.ok()) {
    return std::nullopt;
  }
  for (const std::string_view line : split(*text, '\n')) {
    const auto fields = split(line, ':');
    constexpr std::size_t kFields = 3;
    if (fields.size() == kFields && has_word(fields[1], controller) &&
        fields[2].find("..") == std::string_view::npos) {
      return fields[2].size() > 1 ? *root / fields[2].substr(1) : *root;
    }
  }
  return std::nullopt;
}

std::string group_name(std::string_view mark) {
  return concat("reeve-", mark);
}

bool write_number(const fs::path& file, std::uint64_t number) {
  const FileDescriptor fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  const std::string text = concat(number);
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// A new group of version 1 with the limit set; an empty descriptor: it cannot be had.
FileDescriptor make_group(const fs::path& path, const char* file, std::uint64_t number) {
  ::rmdir(path.c_str());
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
    return {};
  }
  FileDescriptor members;
  if (write_number(path / file, number)) {
    members.reset(::open((path / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  }
  if (!members) {
    ::rmdir(path.c_str());
  }
  return members;
}

Error missing(std::string message) {
  Error error = make_error(ErrorCode::Unsupported, std::move(message), "sandbox");
  error.hint =
      "start the server in a control group of its own with these controllers (systemd: "
      "Delegate=yes)";
  return error;
}

}  // namespace

Result<LimitGroups> LimitGroups::make(
    const model::Sandbox& sandbox, std::string_view mark, const fs::path& own
) {
  LimitGroups made;
  const auto limited =
      [&](const char* controller, const char* file, const char* old_file, std::uint64_t number) {
        if (!own.empty() && write_number(own / file, number)) {
          return true;
        }
        const std::optional<fs::path> beside = own_group(controller);
        if (!beside) {
          return false;
        }
        const fs::path path = *beside / group_name(mark);
        FileDescriptor members = make_group(path, old_file, number);
        if (!members) {
          return false;
        }
        made.groups_.push_back({.path = path, .members = std::move(members)});
        return true;
      };
  if (sandbox.processes_max > 0 &&
      !limited("pids", "pids.max", "pids.max", sandbox.processes_max)) {
    if (::geteuid() == 0) {
      made.remove();
      return missing(
          "the number of processes cannot be limited: there is no controller \"pids\", and limits "
          "of "
          "accounts do not hold for root"
      );
    }
    made.processes_by_account_ = sandbox.processes_max;
  }
  if (sandbox.memory_bytes_max > 0 &&
      !limited("memory", "memory.max", "memory.limit_in_bytes", sandbox.memory_bytes_max)) {
    made.remove();
    return missing("memory cannot be limited: there is no controller \"memory\"");
  }
  return made;
}

std::vector<int> LimitGroups::joined() const {
  std::vector<int> fds;
  for (const Group& group : groups_) {
    fds.push_back(group.members.get());
  }
  return fds;
}

void LimitGroups::remove() const {
  for (const Group& group : groups_) {
    ::rmdir(group.path.c_str());
  }
}

void remove_leftover_groups(std::string_view mark) {
  for (const char* controller : {"pids", "memory"}) {
    if (const std::optional<fs::path> beside = own_group(controller)) {
      ::rmdir((*beside / group_name(mark)).c_str());
    }
  }
}

}  // namespace reeve::sandbox
