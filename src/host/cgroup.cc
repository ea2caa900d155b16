#include "host/cgroup.h"

#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/strings.h"
#include "platform/posix/cgroup_dir.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kProcFileBytesMax = std::uint64_t{1} << 20U;
constexpr mode_t kDirectoryMode = 0755;

std::string group_name(std::string_view mark) {
  return concat("reeve-", mark);
}

bool is_cgroup2(const fs::path& path) {
  struct statfs info {};

  return ::statfs(path.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

void write_kill(const fs::path& path) {
  const platform::FileDescriptor fd(
      ::open((path / "cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
  );
  if (fd) {
    // The caller looks at what is still alive and comes again.
    [[maybe_unused]] const ssize_t count = ::write(fd.get(), "1", 1);
  }
}

/// The number after `key` in a file of "key number" lines.
std::uint64_t counter(const fs::path& path, std::string_view key) {
  const auto text = platform::read_file(path, kProcFileBytesMax);
  if (!text.ok()) {
    return 0;
  }
  for (const std::string_view line : split(*text, '\n')) {
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ') {
      std::uint64_t number = 0;
      std::from_chars(line.data() + key.size() + 1, line.data() + line.size(), number);
      return number;
    }
  }
  return 0;
}

/// A new, empty group; nothing if the machine does not allow it.
platform::FileDescriptor make_group(const fs::path& path) {
  ::rmdir(path.c_str());
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
    return {};
  }
  platform::FileDescriptor directory(
      ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
  );
  if (!directory || !is_cgroup2(path) ||
      ::faccessat(directory.get(), "cgroup.kill", W_OK, AT_EACCESS) != 0) {
    ::rmdir(path.c_str());
    return {};
  }
  return directory;
}

}  // namespace

std::optional<Cgroup> Cgroup::create(std::string_view mark) {
  const std::optional<fs::path> own = platform::own_cgroup_dir();
  if (!own) {
    return std::nullopt;
  }
  const fs::path path = *own / group_name(mark);
  auto directory = make_group(path);
  if (!directory) {
    return std::nullopt;
  }
  return Cgroup(path, std::move(directory));
}

bool Cgroup::renew() {
  directory_.reset();
  directory_ = make_group(path_);
  return static_cast<bool>(directory_);
}

void Cgroup::kill_all() const {
  write_kill(path_);
}

bool Cgroup::freeze(bool still) const {
  const platform::FileDescriptor fd(
      ::open((path_ / "cgroup.freeze").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
  );
  return fd && ::write(fd.get(), still ? "1" : "0", 1) == 1;
}

std::uint64_t Cgroup::oom_kills() const {
  return counter(path_ / "memory.events", "oom_kill");
}

void Cgroup::remove() const {
  ::rmdir(path_.c_str());
}

bool kill_leftover_cgroup(const fs::path& path, std::string_view mark) {
  if (path.empty() || path.filename() != group_name(mark) || !is_cgroup2(path)) {
    return true;
  }
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) {
    return true;
  }
  write_kill(path);
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

std::uint64_t machine_oom_kills() {
  return counter("/proc/vmstat", "oom_kill");
}

}  // namespace reeve::host
