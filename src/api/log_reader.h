#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "host/run_log.h"

namespace reeve::api {

/// What is wanted of a log, and how it is shown.
struct LogForm {
  bool timestamps = false;
  /// Only what was written from then on.
  std::optional<Timestamp> since = {};
  /// Only so many of the last lines there are now, and what comes after them.
  std::optional<std::int64_t> tail_lines = {};
};

/// Lines of `LogForm::tail_lines`, and the bytes of all of them that are kept.
inline constexpr std::int64_t kTailLinesMax = 100'000;
inline constexpr std::size_t kTailBytesMax = std::size_t{16} << 20U;
/// A line of several runs that is longer may have lines of others in it.
inline constexpr std::size_t kHeldLineBytesMax = std::size_t{64} << 10U;

/// The output of one run, line by line.
class RunOutput {
 public:
  /// `prefix` stands before each line; lines that have one are handed out whole.
  RunOutput(std::string dir, std::string prefix, const LogForm& form)
      : dir_(std::move(dir)), prefix_(std::move(prefix)), form_(form) {}

  /// Appends some of what is new to `text`. False: there is no more now.
  bool read(std::string& text);

  /// There will be no more.
  bool ended() const { return ended_; }

  /// It has not begun, or is not kept any more.
  bool missing() const { return !log_ && !ended_; }

 private:
  bool open();
  void add(const host::LogChunk& chunk, std::string& text);
  void hand_out(std::string& fresh, std::string& text);

  std::string dir_;
  std::string prefix_;
  LogForm form_;
  std::optional<host::RunLog> log_;
  host::LogCursor cursor_;
  /// The beginning of a line that has no end yet.
  std::string held_;
  bool at_line_start_ = true;
  bool ended_ = false;
};

/// Keeps the last lines of what it is given.
class LogTail {
 public:
  explicit LogTail(std::int64_t lines) : lines_max_(static_cast<std::size_t>(lines)) {}

  void add(std::string_view text);

  bool empty() const { return lines_.empty(); }

  /// The first lines, until there are `bytes_max` bytes or more; they are gone from here.
  std::string take(std::size_t bytes_max);

 private:
  std::size_t lines_max_;
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
};

/// Reads the output of runs, one after the other, a piece at a time. Blocks on the disk.
///
/// Threading: one thread at a time.
class LogReader {
 public:
  explicit LogReader(const LogForm& form);

  /// One more run, `dir` is its directory. One that is known: nothing happens.
  void add(const std::string& run, std::string dir, std::string prefix);

  struct Piece {
    std::string text = {};
    /// Nothing is left to be read now.
    bool caught_up = false;
    /// Nothing will come of any run.
    bool ended = false;
    /// The same, if runs that have no output have none to come.
    bool ended_but_missing = false;
  };

  /// About `bytes_max` bytes.
  Piece read(std::size_t bytes_max);

 private:
  bool fill(std::string& text, std::size_t bytes_max);

  LogForm form_;
  std::map<std::string, RunOutput> outputs_;
  /// Until it was handed out.
  std::optional<LogTail> tail_;
  /// The tail is what it will be.
  bool tail_complete_ = false;
};

}  // namespace reeve::api
