#include "platform/posix/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <vector>

#include <sys/stat.h>

#include "base/strings.h"
#include "platform/posix/system.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kReadChunkBytes = std::size_t{64} << 10U;
constexpr int kTempNameAttemptsMax = 16;
constexpr int kDirectoriesMax = 256;
/// Deeper directories are moved up first: bounds recursion and open descriptors.
constexpr int kRemoveDepthMax = 64;
/// A tree that someone keeps filling is not removed for ever.
constexpr int kRemovePassesMax = 100'000;

fs::path parent_of(const fs::path& path) {
  const fs::path parent = path.parent_path();
  return parent.empty() ? fs::path(".") : parent;
}

ErrorCode code_of(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return ErrorCode::LimitExceeded;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::PermissionDenied;
    case ENOENT:
      return ErrorCode::NotFound;
    case EEXIST:
      return ErrorCode::AlreadyExists;
    default:
      return ErrorCode::Io;
  }
}

std::string hint_of(int number) {
  switch (number) {
    case ENOSPC:
      return "free some space on this file system";
    case EDQUOT:
      return "the disk quota is used up; free some space or raise it";
    case EMFILE:
      return "raise the open-file limit (ulimit -n)";
    case EACCES:
    case EPERM:
      return "check the owner and the mode of the path and of the directories above it";
    case EROFS:
      return "the file system is mounted read-only";
    default:
      return {};
  }
}

std::string description_of(int number) {
  const char* text = strerrordesc_np(number);
  std::string description = text != nullptr ? text : concat("error ", number);
  // "Permission denied" → "permission denied", but not "RFS specific error".
  if (description.size() > 1 && description[1] >= 'a' && description[1] <= 'z') {
    description.front() = to_lower(description.substr(0, 1)).front();
  }
  return description;
}

Result<void> write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("write", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

struct TempFile {
  FileDescriptor fd;
  fs::path path;
};

Result<TempFile> create_temp_beside(const fs::path& path, mode_t mode) {
  SystemRandom random;
  for (int attempt = 0; attempt < kTempNameAttemptsMax; ++attempt) {
    const std::string name =
        concat(".", path.filename().string(), ".", getpid(), "-", random.next(), ".tmp");
    fs::path temp = parent_of(path) / name;
    const int fd = open(temp.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd >= 0) {
      return TempFile{.fd = FileDescriptor(fd), .path = std::move(temp)};
    }
    if (errno != EEXIST) {
      return errno_error("open", temp);
    }
  }
  errno = EEXIST;
  return errno_error("open", path);
}

Result<void> fill_and_rename(
    TempFile& temp, const fs::path& path, std::string_view bytes, bool durable
) {
  REEVE_CHECK(write_all(temp.fd.get(), bytes, temp.path));
  if (durable && fsync(temp.fd.get()) != 0) {
    return errno_error("fsync", temp.path);
  }
  // Some file systems report a failed write only here.
  if (close(temp.fd.release()) != 0 && errno != EINTR) {
    return errno_error("close", temp.path);
  }
  if (rename(temp.path.c_str(), path.c_str()) != 0) {
    return errno_error("rename", path);
  }
  return {};
}

Result<void> replace(const fs::path& path, std::string_view bytes, mode_t mode, bool durable) {
  REEVE_TRY(TempFile temp, create_temp_beside(path, mode));
  auto replaced = fill_and_rename(temp, path, bytes, durable);
  if (!replaced.ok()) {
    unlink(temp.path.c_str());
    return replaced;
  }
  return durable ? sync_directory(parent_of(path)) : Result<void>{};
}

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

/// Removes everything below a directory; keeps names relative to open directories, so that a
/// symbolic link put in the way is never followed.
class TreeRemover {
 public:
  TreeRemover(int root_fd, fs::path root) : root_fd_(root_fd), root_(std::move(root)) {}

  Result<void> empty(int fd, const fs::path& path, int depth) {
    DirectoryStream stream(fdopendir(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    if (stream == nullptr) {
      return errno_error("opendir", path);
    }
    bool found = true;
    while (found) {
      found = false;
      if (++passes_ > kRemovePassesMax) {
        return make_error(
            ErrorCode::Unavailable, concat(root_.string(), " is being filled while it is removed")
        );
      }
      rewinddir(stream.get());
      errno = 0;
      while (const dirent* entry = readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") {
          found = true;
          REEVE_CHECK(remove_entry(fd, name, path / name, depth));
        }
        errno = 0;
      }
      if (errno != 0) {
        return errno_error("readdir", path);
      }
    }
    return {};
  }

  static Result<FileDescriptor> open_directory(int parent, const char* name, const fs::path& path) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    FileDescriptor fd(openat(parent, name, kFlags));
    if (!fd && errno == EACCES) {
      const FileDescriptor handle(
          openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      );
      // fchmod does not take O_PATH descriptors; the link in /proc names exactly this directory.
      if (handle && chmod(concat("/proc/self/fd/", handle.get()).c_str(), S_IRWXU) == 0) {
        fd.reset(openat(parent, name, kFlags));
      } else {
        errno = EACCES;
      }
    }
    if (!fd) {
      return errno_error("open", path);
    }

    struct stat info {};

    if (fstat(fd.get(), &info) == 0 && (info.st_mode & S_IRWXU) != S_IRWXU) {
      // Removing entries needs write permission; if this fails, the removal says so.
      static_cast<void>(fchmod(fd.get(), (info.st_mode & 07777U) | S_IRWXU));
    }
    return fd;
  }

 private:
  Result<void> remove_entry(int parent, const std::string& name, const fs::path& path, int depth) {
    if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
      return {};
    }
    if (errno != EISDIR && errno != EPERM && errno != EACCES) {
      return errno_error("unlink", path);
    }

    struct stat info {};

    const int unlink_error = errno;
    if (fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode)) {
      errno = unlink_error;
      return errno_error("unlink", path);
    }
    auto opened = open_directory(parent, name.c_str(), path);
    if (!opened.ok()) {
      // Someone else removes the same tree: just as well.
      return opened.error().code == ErrorCode::NotFound ? Result<void>{}
                                                        : Result<void>(std::move(opened).error());
    }
    const FileDescriptor fd = std::move(opened).value();
    if (depth >= kRemoveDepthMax) {
      const std::string moved = concat(".deep-", getpid(), "-", ++moved_);
      if (renameat(parent, name.c_str(), root_fd_, moved.c_str()) != 0) {
        return errno_error("rename", path);
      }
      return {};
    }
    REEVE_CHECK(empty(fd.get(), path, depth + 1));
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT &&
        errno != ENOTEMPTY) {
      return errno_error("rmdir", path);
    }
    return {};  // not empty again: the caller's next pass comes back to it
  }

  int root_fd_;
  fs::path root_;
  int passes_ = 0;
  int moved_ = 0;
};

}  // namespace

void FileDescriptor::reset(int fd) {
  if (fd_ >= 0 && fd_ != fd) {
    const int saved = errno;
    close(fd_);
    errno = saved;
  }
  fd_ = fd;
}

Error errno_error(std::string_view call, const fs::path& path) {
  const int number = errno;
  Error error =
      make_error(code_of(number), concat(call, " ", path.string(), ": ", description_of(number)));
  error.hint = hint_of(number);
  return error;
}

Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max) {
  // Not blocking: a FIFO under this name must not stop the reader for ever.
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return errno_error("open", path);
  }
  std::string bytes;
  std::vector<char> chunk(kReadChunkBytes);
  while (true) {
    const ssize_t count = read(fd.get(), chunk.data(), chunk.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("read", path);
    }
    if (count == 0) {
      return bytes;
    }
    bytes.append(chunk.data(), static_cast<std::size_t>(count));
    if (bytes.size() > bytes_max) {
      return make_error(
          ErrorCode::LimitExceeded, concat(path.string(), " is longer than ", bytes_max, " bytes")
      );
    }
  }
}

Result<void> write_file_atomically(const fs::path& path, std::string_view bytes, mode_t mode) {
  return replace(path, bytes, mode, true);
}

Result<void> replace_file(const fs::path& path, std::string_view bytes, mode_t mode) {
  return replace(path, bytes, mode, false);
}

Result<void> make_directories(const fs::path& path, mode_t mode) {
  std::vector<fs::path> missing;
  for (fs::path at = path; !at.empty(); at = at.parent_path()) {
    struct stat info {};

    if (stat(at.c_str(), &info) == 0) {
      if (S_ISDIR(info.st_mode)) {
        break;
      }
      errno = ENOTDIR;
      return errno_error("mkdir", at);
    }
    if (errno != ENOENT) {
      return errno_error("stat", at);
    }
    missing.push_back(at);
    if (missing.size() > kDirectoriesMax) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("more than ", kDirectoriesMax, " directories to create in ", path.string())
      );
    }
    if (at == at.parent_path()) {
      break;
    }
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (mkdir(at->c_str(), mode) != 0) {
      const int number = errno;

      struct stat info {};

      // "a/" and "a" are the same directory, and others may create it at the same time.
      if (number != EEXIST || stat(at->c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
        errno = number;
        return errno_error("mkdir", *at);
      }
    }
  }
  return {};
}

Result<void> remove_tree(const fs::path& path) {
  struct stat info {};

  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Result<void>{} : Result<void>(errno_error("stat", path));
  }
  if (!S_ISDIR(info.st_mode)) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return errno_error("unlink", path);
    }
    return {};
  }
  auto opened = TreeRemover::open_directory(AT_FDCWD, path.c_str(), path);
  if (!opened.ok()) {
    return opened.error().code == ErrorCode::NotFound ? Result<void>{}
                                                      : Result<void>(std::move(opened).error());
  }
  const FileDescriptor fd = std::move(opened).value();
  TreeRemover remover(fd.get(), path);
  REEVE_CHECK(remover.empty(fd.get(), path, 0));
  if (rmdir(path.c_str()) != 0 && errno != ENOENT) {
    return errno_error("rmdir", path);
  }
  return {};
}

Result<void> sync_directory(const fs::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    return errno_error("open", path);
  }
  // EINVAL: this file system has no fsync of directories; its renames are as durable as they get.
  if (fsync(fd.get()) != 0 && errno != EINVAL) {
    return errno_error("fsync", path);
  }
  return {};
}

}  // namespace reeve::platform
