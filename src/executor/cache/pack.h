#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "platform/posix/inner_files.h"

/// Many files as one: what a cache keeps.
///
/// ```
/// reeve-pack 1\n
/// {"path":"a/b","mode":420,"size":3}\nabc{"path":"l","link":"a/b"}\n…
/// ```
namespace reeve::executor::cache {

inline constexpr std::size_t kPackFilesMax = 200'000;
inline constexpr std::uint64_t kPackBytesMax = std::uint64_t{8} << 30U;

struct PackLimits {
  std::size_t files_max = kPackFilesMax;
  /// Of all contents together.
  std::uint64_t bytes_max = kPackBytesMax;
};

/// Whether a link at `path` (relative to some base) with the text `link` stays below the base, by
/// its words.
bool link_stays_inside(std::string_view path, std::string_view link);

/// Writes `files` to `target`. LimitExceeded: too many or too long. Io: one of them changed or went
/// away meanwhile.
Result<void> write_pack(
    const std::filesystem::path& target,
    const std::vector<platform::FoundFile>& files,
    const PackLimits& limits = {}
);

/// Puts the files of a pack below `base`, over files that are there, and returns how many. Passes
/// through no link and makes none that leads out of `base`. Corrupt: not what write_pack writes, or
/// a path that leaves `base`. What was written before an error stays.
Result<std::size_t> unpack(
    const std::filesystem::path& source,
    const std::filesystem::path& base,
    const PackLimits& limits = {}
);

}  // namespace reeve::executor::cache
