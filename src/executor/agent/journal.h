#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "executor/agent/loop_state.h"
#include "platform/posix/files.h"

/// The file in which a loop writes down what it has paid for.
namespace reeve::executor::agent {

/// Bytes of one journal; a loop that would write more ends.
inline constexpr std::uint64_t kJournalBytesMax = std::uint64_t{64} << 20U;

/// Where records go before anything is done because of them.
class Journal {
 public:
  virtual ~Journal() = default;

  /// The record is durable when this returns. LimitExceeded: it would become too long.
  virtual Result<void> append(const Record& record) = 0;
};

/// A journal in a file that belongs to whoever holds its lock.
///
/// Threading: one thread.
class JournalFile final : public Journal {
 public:
  /// Opens or makes the file (0600) and takes its lock. Unavailable: somebody else has it.
  static Result<JournalFile> open(const std::filesystem::path& path);

  /// What was written before, in order. A last line that was not finished is taken away. Corrupt: a
  /// line is no record.
  Result<std::vector<Record>> read();

  /// Begins anew.
  Result<void> clear();

  Result<void> append(const Record& record) override;

 private:
  JournalFile(std::filesystem::path path, platform::FileDescriptor file)
      : path_(std::move(path)), file_(std::move(file)) {}

  std::filesystem::path path_;
  platform::FileDescriptor file_;
  std::uint64_t bytes_ = 0;
};

}  // namespace reeve::executor::agent
