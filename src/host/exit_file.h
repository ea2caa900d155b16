#pragma once

#include <cstddef>
#include <filesystem>

#include "base/result.h"
#include "host/run_dir.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// exit.json in two steps: its space is taken before the run starts, so that a disk that fills up
/// meanwhile cannot swallow the result. One thread.
class ExitFile {
 public:
  /// Reserves the space. LimitExceeded: the disk is full already.
  static Result<ExitFile> prepare(const std::filesystem::path& dir, std::size_t steps);

  /// Puts the record in place: complete and durable, or not at all. A record that outgrew its
  /// space loses its warnings first.
  Result<void> commit(const ExitRecord& record);

 private:
  ExitFile(std::filesystem::path dir, platform::FileDescriptor fd, std::size_t reserved)
      : dir_(std::move(dir)), fd_(std::move(fd)), reserved_(reserved) {}

  std::filesystem::path dir_;
  platform::FileDescriptor fd_;
  std::size_t reserved_;
};

}  // namespace reeve::host
