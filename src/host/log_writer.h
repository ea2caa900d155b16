#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// One of the two output streams of a run.
enum class Stream : std::uint8_t { Out, Err };

/// Keeps the output of a run: bytes as they come in stdout.log and stderr.log, and in index.log one
/// line `<unix ms> <o|e> <length>` per piece, which gives their order in time.
///
/// Never fails and never blocks the run: what is beyond the cap or cannot be written is counted,
/// dropped and reported. One thread.
class LogWriter {
 public:
  /// `bytes_max` is kept of each stream.
  LogWriter(const std::filesystem::path& dir, std::uint64_t bytes_max);

  void append(Stream stream, std::string_view bytes, Timestamp at);

  /// Bytes of the stream in its file.
  std::uint64_t kept(Stream stream) const { return of(stream).kept; }

  /// Ends the logs: writes a notice where bytes were dropped and makes stdout.log durable, because
  /// published values are read from it.
  void finish(Timestamp at);

  /// What went wrong, for the result. Valid after `finish`.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Log {
    platform::FileDescriptor fd;
    std::uint64_t kept = 0;
    std::uint64_t over_cap = 0;
    std::uint64_t failed = 0;
    int error = 0;
    bool ends_in_newline = true;
  };

  Log& of(Stream stream) { return logs_[static_cast<std::size_t>(stream)]; }

  const Log& of(Stream stream) const { return logs_[static_cast<std::size_t>(stream)]; }

  void store(Stream stream, std::string_view bytes, Timestamp at);
  void write_index(std::string_view line);
  void note_losses(Stream stream, Timestamp at);

  std::uint64_t bytes_max_;
  std::array<Log, 2> logs_;
  platform::FileDescriptor index_;
  /// Lines that did not fit onto the disk yet; bounded.
  std::string index_backlog_;
  bool index_lost_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace reeve::host
