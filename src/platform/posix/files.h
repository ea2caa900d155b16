#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace reeve::platform {

/// Owns a file descriptor.
class FileDescriptor {
 public:
  FileDescriptor() = default;

  explicit FileDescriptor(int fd) : fd_(fd) {}

  ~FileDescriptor() { reset(); }

  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}

  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }

  int get() const { return fd_; }

  explicit operator bool() const { return fd_ >= 0; }

  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// An Error for the current errno: "open DIR/x: permission denied" with a code that tells retryable
/// from final (ENOSPC/EDQUOT → LimitExceeded, EACCES/EPERM/EROFS → PermissionDenied, ENOENT →
/// NotFound, EEXIST → AlreadyExists, else Io) and, where there is one, a hint.
Error errno_error(std::string_view call, const std::filesystem::path& path);

/// The whole file. LimitExceeded if it is longer than `bytes_max`.
Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t bytes_max);

/// Replaces the file so that a crash leaves either the old or the new content: temp file in the
/// same directory, fsync, rename, fsync of the directory.
Result<void> write_file_atomically(
    const std::filesystem::path& path, std::string_view bytes, mode_t mode = 0644
);

/// As above without the fsyncs, for projections that can be made again.
Result<void> replace_file(
    const std::filesystem::path& path, std::string_view bytes, mode_t mode = 0644
);

/// Creates the directory and its parents; those it creates get `mode`.
Result<void> make_directories(const std::filesystem::path& path, mode_t mode = 0755);

/// Removes a tree without following symbolic links. A tree that does not exist is a success.
Result<void> remove_tree(const std::filesystem::path& path);

/// fsync of a directory, so that renames in it are durable.
Result<void> sync_directory(const std::filesystem::path& path);

}  // namespace reeve::platform
