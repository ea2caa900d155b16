#include "store/sqlite/backup.h"

#include <cerrno>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/strings.h"

/// SQLite's online backup (sqlite.org/backup.html).
namespace reeve::store {

namespace {

constexpr int kPrivate = 0600;
constexpr int kPrimaryCode = 0xFF;

/// A connection of one function.
struct Database {
  sqlite3* handle = nullptr;

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  ~Database() { (void)sqlite3_close(handle); }
};

ErrorCode code_of(int code) {
  switch (code & kPrimaryCode) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::Unavailable;
    case SQLITE_FULL:
      return ErrorCode::LimitExceeded;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::Corrupt;
    case SQLITE_CANTOPEN:
      return ErrorCode::NotFound;
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return ErrorCode::PermissionDenied;
    default:
      return ErrorCode::Io;
  }
}

Error failure(int code, const std::string& path) {
  return make_error(code_of(code), concat("copying the store: ", sqlite3_errstr(code)), path);
}

Result<void> copy(const std::string& from, const std::string& to, Duration busy_timeout) {
  Database source;
  Database target;
  int code = sqlite3_open_v2(from.c_str(), &source.handle, SQLITE_OPEN_READONLY, nullptr);
  if (code != SQLITE_OK) {
    return failure(code, from);
  }
  (void)sqlite3_busy_timeout(source.handle, static_cast<int>(busy_timeout.count()));
  code = sqlite3_open_v2(to.c_str(), &target.handle, SQLITE_OPEN_READWRITE, nullptr);
  if (code != SQLITE_OK) {
    return failure(code, to);
  }
  sqlite3_backup* const backup = sqlite3_backup_init(target.handle, "main", source.handle, "main");
  if (backup == nullptr) {
    return failure(sqlite3_errcode(target.handle), to);
  }
  // In one step: it holds one snapshot, and in WAL mode no writer waits for it.
  code = sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) {
    return failure(code, from);
  }
  return finished == SQLITE_OK ? Result<void>() : Result<void>(failure(finished, to));
}

}  // namespace

Result<void> back_up_store(const std::string& from, const std::string& to, Duration busy_timeout) {
  const int fd = ::open(to.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kPrivate);
  if (fd < 0) {
    return make_error(
        errno == EEXIST ? ErrorCode::AlreadyExists : ErrorCode::Io, "cannot be created", to
    );
  }
  (void)::close(fd);
  Result<void> copied = copy(from, to, busy_timeout);
  if (!copied) {
    (void)::unlink(to.c_str());
  }
  return copied;
}

}  // namespace reeve::store
