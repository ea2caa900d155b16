#include "host/exit_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBaseBytes = std::size_t{32} << 10U;
constexpr std::size_t kStepBytes = 256;
constexpr mode_t kMode = 0644;

Result<void> write_at_start(int fd, std::string_view bytes, const fs::path& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (count < 0 && errno != EINTR) {
      return platform::errno_error("write", path);
    }
    done += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  if (::ftruncate(fd, static_cast<off_t>(bytes.size())) != 0) {
    return platform::errno_error("truncate", path);
  }
  if (::fsync(fd) != 0) {
    return platform::errno_error("fsync", path);
  }
  return {};
}

}  // namespace

Result<ExitFile> ExitFile::prepare(const fs::path& dir, std::size_t steps) {
  const fs::path path = dir / kExitTempFile;
  platform::FileDescriptor fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kMode)
  );
  if (!fd) {
    return platform::errno_error("open", path);
  }
  const std::size_t reserved = kBaseBytes + steps * kStepBytes;
  const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(reserved));
  if (error != 0) {
    errno = error;
    return platform::errno_error("reserve space for", path);
  }
  return ExitFile(dir, std::move(fd), reserved);
}

Result<void> ExitFile::commit(const ExitRecord& record) {
  std::string text = encode(record);
  if (text.size() > reserved_) {
    ExitRecord shorter = record;
    shorter.result.warnings.clear();
    add_warning(shorter.result, "the warnings of this run were too long to be kept");
    text = encode(shorter);
  }
  REEVE_CHECK(write_at_start(fd_.get(), text, dir_ / kExitTempFile));
  // A lost rename is a lost run, which is reported as such: no need to wait for the directory.
  if (::rename((dir_ / kExitTempFile).c_str(), (dir_ / kExitFile).c_str()) != 0) {
    return platform::errno_error("rename", dir_ / kExitFile);
  }
  return {};
}

}  // namespace reeve::host
