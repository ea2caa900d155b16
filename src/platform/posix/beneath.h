#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/posix/files.h"

namespace reeve::platform {

/// One entry of a directory.
struct DirectoryEntry {
  std::string name;
  bool directory = false;
  std::uint64_t size_bytes = 0;
};

/// Files below a directory, which no path leaves: neither by "..", nor by an absolute path, nor by
/// a link, whoever changes the tree meanwhile (openat2 with RESOLVE_BENEATH). Regular files only.
///
/// PermissionDenied: the path leads outside. Any thread; calls may take as long as the disk does.
class Beneath {
 public:
  static Result<Beneath> open(const std::filesystem::path& directory);

  /// NotFound. LimitExceeded: it is longer than `bytes_max`. Invalid: it is no regular file.
  Result<std::string> read(std::string_view path, std::size_t bytes_max) const;

  /// Makes the file, or replaces it at once; the directories above it are there or are made.
  Result<void> write(std::string_view path, std::string_view bytes) const;

  Result<void> remove(std::string_view path) const;

  /// By name, at most `entries_max` (LimitExceeded); "" for the directory itself.
  Result<std::vector<DirectoryEntry>> list(std::string_view path, std::size_t entries_max) const;

 private:
  Result<FileDescriptor> open_at(std::string_view path, int flags) const;
  Result<FileDescriptor> parent_of(std::string_view path, bool make) const;

  FileDescriptor root_;
  std::filesystem::path shown_;
};

}  // namespace reeve::platform
