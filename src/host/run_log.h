#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "host/log_writer.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// How far a reader has come; value-initialised: at the start. Stays valid for ever.
struct LogCursor {
  std::uint64_t index = 0;  ///< offset of the next line in index.log
  std::uint64_t done = 0;   ///< bytes of that line's piece that were handed out
  std::uint64_t out = 0;    ///< bytes of stdout.log that were handed out
  std::uint64_t err = 0;    ///< bytes of stderr.log that were handed out

  friend bool operator==(const LogCursor&, const LogCursor&) = default;
};

/// `index.done.out.err`, for clients that come back.
std::string to_string(const LogCursor& cursor);
/// Invalid: anything `to_string` does not write.
Result<LogCursor> parse_log_cursor(std::string_view text);

/// A piece of output as it came.
struct LogChunk {
  Timestamp at;
  Stream stream = Stream::Out;
  std::string bytes;
};

struct LogBatch {
  std::vector<LogChunk> chunks;
  LogCursor next;
  /// The run has ended and everything was handed out.
  bool ended = false;
};

/// Reads the output of a run in the order of time, while it runs and afterwards. Any thread; one
/// object per thread.
class RunLog {
 public:
  /// NotFound: the run has not started yet, or there is no such run.
  static Result<RunLog> open(const std::filesystem::path& run_dir);

  /// What came after `cursor`, at most `bytes_max` bytes (at least 1). No chunks and not `ended`:
  /// ask again later. A last line of the index that is still being written is left for later.
  Result<LogBatch> read(const LogCursor& cursor, std::size_t bytes_max) const;

 private:
  RunLog(
      std::filesystem::path dir,
      platform::FileDescriptor index,
      platform::FileDescriptor out,
      platform::FileDescriptor err
  )
      : dir_(std::move(dir)),
        index_(std::move(index)),
        out_(std::move(out)),
        err_(std::move(err)) {}

  Result<void> read_tail(Stream stream, std::size_t& room, LogBatch& batch) const;
  Result<std::string> read_stream(Stream stream, std::uint64_t offset, std::size_t size) const;

  std::filesystem::path dir_;
  platform::FileDescriptor index_;
  platform::FileDescriptor out_;
  platform::FileDescriptor err_;
};

}  // namespace reeve::host
