#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::gateway::model {

/// What is kept of one namespace on one day; more of it is left out.
inline constexpr std::uint64_t kCaptureFileBytesMax = std::uint64_t{256} << 20U;
/// Days that are kept.
inline constexpr std::size_t kCaptureDaysMax = 30;

/// Requests and answers that a route says are to be kept: `<root>/<namespace>/<day>.jsonl`, a line
/// of JSON for each call, for their owner's eyes only. What they hold was redacted before. Old days
/// go when a new one begins.
///
/// Threading: one thread; writing takes as long as the disk does.
class CaptureFiles {
 public:
  explicit CaptureFiles(std::filesystem::path root) : root_(std::move(root)) {}

  /// LimitExceeded: the day is full. Io: the disk refuses.
  Result<void> append(const Namespace& ns, Timestamp now, std::string_view line);

 private:
  void drop_old(const std::filesystem::path& directory) const;

  std::filesystem::path root_;
};

}  // namespace reeve::gateway::model
