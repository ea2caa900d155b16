#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

/// Files below a directory, found and made without leaving it.
namespace reeve::platform {

/// Whether `path` is relative and stays below its base: no empty, "." or ".." component, no NUL.
bool is_inner_path(std::string_view path);

/// A file below the directory that was looked through.
struct FoundFile {
  /// Relative to it, with '/' between components.
  std::string path;
  /// Where its bytes are: for a link what it leads to, all links resolved.
  std::filesystem::path source;
  /// Permission bits.
  std::uint32_t mode = 0;
  std::uint64_t size_bytes = 0;
  /// Text of a symbolic link that is kept as one; empty: a regular file.
  std::string link;
  /// Which of the patterns found it first, from 1.
  std::size_t pattern = 0;
};

struct FoundFiles {
  /// Sorted by path.
  std::vector<FoundFile> files;
  /// Patterns and files that were refused, patterns that matched nothing; each starts with `noun`.
  std::vector<std::string> warnings;
};

struct FindOptions {
  /// What people call these files: "artifact".
  std::string noun = "file";
  std::size_t files_max = 1000;
  std::size_t path_bytes_max = 512;
  /// Directory entries looked at.
  std::size_t entries_max = 1'000'000;
  /// True: symbolic links are found as links. False: they are followed, only to regular files below
  /// `base`.
  bool keep_links = false;
};

/// The files below `base` that match globs (base/strings.h); a directory stands for everything
/// below it. Changes nothing; follows no link out of `base`. Any thread.
FoundFiles find_inner_files(
    const std::filesystem::path& base,
    const std::vector<std::string>& patterns,
    const FindOptions& options
);

/// Makes the directories above `base / path`, each a real directory. Invalid: `path` leaves `base`
/// or passes through something else. Any thread.
Result<void> make_inner_parents(const std::filesystem::path& base, std::string_view path);

}  // namespace reeve::platform
