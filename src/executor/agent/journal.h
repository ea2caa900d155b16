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
/// What a journal that could not be read is called afterwards, after its name.
inline constexpr std::string_view kSetAsideSuffix = ".unreadable";

/// Where records go before anything is done because of them.
class Journal {
 public:
  virtual ~Journal() = default;

  /// The record is durable when this returns. LimitExceeded: it would become too long; for an end
  /// there is always room.
  virtual Result<void> append(const Record& record) = 0;
};

/// A journal in a file that belongs to whoever holds its lock.
///
/// Threading: one thread.
class JournalFile final : public Journal {
 public:
  /// Opens or makes the file (0600) and takes its lock. Unavailable: somebody else has it.
  static Result<JournalFile> open(
      const std::filesystem::path& path, std::uint64_t bytes_max = kJournalBytesMax
  );

  /// What was written before, in order. A last line that was not finished is taken away. Corrupt: a
  /// line is no record. LimitExceeded: it is longer than any journal.
  Result<std::vector<Record>> read();

  /// Begins anew.
  Result<void> clear();

  /// Keeps the file under another name, in place of one that was kept before, and begins a new one.
  Result<void> set_aside();

  Result<void> append(const Record& record) override;

 private:
  JournalFile(std::filesystem::path path, std::uint64_t bytes_max, platform::FileDescriptor file)
      : path_(std::move(path)), bytes_max_(bytes_max), file_(std::move(file)) {}

  std::filesystem::path path_;
  std::uint64_t bytes_max_;
  platform::FileDescriptor file_;
  std::uint64_t bytes_ = 0;
};

}  // namespace reeve::executor::agent
