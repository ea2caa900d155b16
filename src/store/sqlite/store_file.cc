#include "store/sqlite/store_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"

namespace reeve::store::sqlite {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr std::size_t kPasswdBytes = 16384;

ErrorCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::NotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::PermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::LimitExceeded;
    default:
      return ErrorCode::Io;
  }
}

Error errno_error(std::string_view call, const std::string& path) {
  const int number = errno;
  std::array<char, 256> words{};
  // The GNU form: returns the text, in `words` or not.
  const char* text = strerror_r(number, words.data(), words.size());
  return make_error(code_of(number), concat(call, " ", path, ": ", text), path);
}

std::string user_name(uid_t uid) {
  std::string memory(kPasswdBytes, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr) {
    return concat(entry.pw_name, " (uid ", uid, ")");
  }
  return concat("uid ", uid);
}

}  // namespace

Result<FileState> inspect_file(const std::string& path) {
  struct stat status {};

  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return FileState::Absent;
    }
    return errno_error("stat", path);
  }
  if (!S_ISREG(status.st_mode)) {
    return make_error(ErrorCode::Invalid, concat(path, " is not a regular file"), path);
  }
  if (geteuid() != 0 && status.st_uid != geteuid()) {
    Error error = make_error(
        ErrorCode::PermissionDenied,
        concat("the store belongs to ", user_name(status.st_uid), ", not to this user"),
        path
    );
    error.hint = concat("run as ", user_name(status.st_uid), " or give it away with chown");
    return error;
  }
  return FileState::Present;
}

Result<void> create_file(const std::string& path) {
  // Only ever a new file: closing a descriptor of a database that this process has open elsewhere
  // would release that connection's locks.
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  if (fd < 0) {
    if (errno == EEXIST) {
      return {};
    }
    return errno_error("create", path);
  }
  if (close(fd) != 0) {
    return errno_error("close", path);
  }
  return {};
}

bool has_log(const std::string& path) {
  struct stat status {};

  return stat(concat(path, "-wal").c_str(), &status) == 0 && status.st_size > 0;
}

}  // namespace reeve::store::sqlite
