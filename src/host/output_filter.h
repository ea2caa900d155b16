#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "host/log_writer.h"
#include "security/redaction/redactor.h"

namespace reeve::host {

/// Values that one run masks by `::add-mask::`.
inline constexpr std::size_t kMasksMax = 100;
/// Longest line of that kind.
inline constexpr std::size_t kMaskLineBytesMax = std::size_t{16} << 10U;

/// Names an open pipe of a filter.
using PipeId = std::uint64_t;

/// Stands between a run's output and its log: masks the values of its credentials, and those that
/// the run itself names by a line `::add-mask::VALUE`, from then on. Output that cannot be a part
/// of a value passes at once. Each pipe is read on its own, so that two that write to one stream
/// cannot break each other's values and lines apart. One thread.
class OutputFilter {
 public:
  explicit OutputFilter(LogWriter& log) : log_(log) {}

  /// Hides these values; before anything is appended. LimitExceeded: there are too many.
  Result<void> hide(const std::vector<std::string_view>& values);

  /// A pipe that will write to the stream.
  PipeId open(Stream stream);

  void append(PipeId pipe, std::string_view bytes, Timestamp at);

  /// Hands out what is held back of a pipe and forgets it.
  void close(PipeId pipe, Timestamp at);

  /// Hands out what is held back, because the step that wrote it has ended.
  void settle(Timestamp at);

  /// Whether anything is hidden.
  bool active() const { return patterns_ != nullptr && !patterns_->empty(); }

  std::string masked(std::string_view text) const {
    return active() ? redaction::redact(patterns_, text) : std::string(text);
  }

  bool contains_secret(std::string_view text) const {
    return redaction::contains_secret(patterns_, text);
  }

  /// Values that could not be hidden, and why.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  /// One pipe.
  struct Side {
    Stream stream = Stream::Out;
    redaction::Redactor redactor{nullptr};
    /// Of a line that may be `::add-mask::`, as long as that is not decided.
    std::string line;
    bool at_line_start = true;
    /// Within the rest of a mask line that is too long.
    bool dropping = false;
  };

  void pass(Side& side, std::string_view bytes, Timestamp at);
  void take_line_start(Side& side, std::string_view& bytes, Timestamp at);
  void settle(Side& side, Timestamp at);
  void add_mask(std::string_view line, Timestamp at);

  LogWriter& log_;
  std::shared_ptr<const redaction::Patterns> patterns_;
  std::vector<Secret> values_;
  std::map<PipeId, Side> sides_;
  PipeId last_pipe_ = 0;
  std::size_t masks_ = 0;
  std::string masked_;
  std::vector<std::string> warnings_;
};

}  // namespace reeve::host
