#include "platform/posix/private_files.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kOpenToOthers = 077;
constexpr mode_t kFileMode = 0600;

Error refused(const fs::path& path, std::string message, std::string hint) {
  Error error = make_error(ErrorCode::PermissionDenied, std::move(message), path.string());
  error.hint = std::move(hint);
  return error;
}

/// Whether only we can read and change it.
Result<void> check_private(const struct stat& info, const fs::path& path) {
  if (info.st_uid != ::geteuid()) {
    return refused(
        path,
        concat("belongs to user ", info.st_uid, ", not to the one this program runs as"),
        concat("chown ", ::geteuid(), " ", path.native())
    );
  }
  if ((info.st_mode & kOpenToOthers) != 0) {
    return refused(
        path,
        "is open to other users",
        concat("chmod ", S_ISDIR(info.st_mode) ? "700 " : "600 ", path.native())
    );
  }
  return {};
}

}  // namespace

Result<Secret> read_secret(int fd, const fs::path& path, std::size_t bytes_max) {
  Secret bytes(bytes_max + 1);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return errno_error("read", path);
    }
    if (count == 0) {
      break;
    }
    size += static_cast<std::size_t>(count);
  }
  if (size > bytes_max) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", bytes_max, " bytes"), path.string()
    );
  }
  bytes.shrink(size);
  return bytes;
}

Result<Secret> read_private_file(const fs::path& path, std::size_t bytes_max) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file) {
    return errno_error("open", path);
  }

  struct stat info {};

  if (::fstat(file.get(), &info) != 0) {
    return errno_error("stat", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return make_error(ErrorCode::Corrupt, "is not a regular file", path.string());
  }
  REEVE_CHECK(check_private(info, path));
  return read_secret(file.get(), path, bytes_max);
}

Result<bool> create_private_file(const fs::path& path, std::string_view bytes) {
  fs::path temp = path;
  temp += concat(".", ::getpid(), ".tmp");
  REEVE_CHECK(write_file_atomically(temp, bytes, kFileMode));
  const bool linked = ::link(temp.c_str(), path.c_str()) == 0;
  const int error = errno;
  ::unlink(temp.c_str());
  if (!linked && error != EEXIST) {
    errno = error;
    return errno_error("link", path);
  }
  REEVE_CHECK(sync_directory(path.parent_path()));
  return linked;
}

Result<void> check_private_directory(const fs::path& path) {
  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    return errno_error("stat", path);
  }
  if (!S_ISDIR(info.st_mode)) {
    return make_error(ErrorCode::Corrupt, "is not a directory", path.string());
  }
  return check_private(info, path);
}

}  // namespace reeve::platform
