#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/load/load.h"

namespace reeve::workflow {

/// Findings reported per document; the rest is counted.
inline constexpr std::size_t kProblemsMax = 100;
/// Bytes of a message or subject; the rest is cut off.
inline constexpr std::size_t kProblemTextMax = 1000;

/// Collects the findings about one document. One thread.
class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  /// From now on positions are in a text whose line n came from line `lines[n - 1]` of the file.
  void set_lines(std::vector<int> lines) { lines_ = std::move(lines); }

  /// The line of the file that `position` is on.
  int line(Position position) const;

  /// Adds an error of code Invalid.
  void error(
      std::string_view rule,
      Position position,
      std::string subject,
      std::string message,
      std::string hint = {}
  );

  /// Adds an error that exists already; the file is filled in.
  void error(std::string_view rule, Error error);

  void warning(
      std::string_view rule,
      Position position,
      std::string subject,
      std::string message,
      std::string hint = {}
  );

  /// "not supported yet: FIELD (line N)".
  void unsupported(std::string_view field, Position position, std::string subject);

  /// More tasks than kTasksMax.
  void too_many_tasks(std::size_t count, Position position, std::string subject);

  /// Whether lines of the text are lines of the file.
  bool same_lines() const { return lines_.empty(); }

  /// Whether further findings are only counted: no need to look for hints then.
  bool full() const { return list_.size() >= kProblemsMax; }

  bool has_errors() const { return errors_ > 0; }

  std::size_t error_count() const { return errors_; }

  /// At most kProblemsMax, errors preferred, sorted by position.
  std::vector<Problem> take() &&;

 private:
  void add(Severity severity, std::string_view rule, Error error);

  std::string file_;
  std::vector<int> lines_;
  std::vector<Problem> list_;
  std::size_t errors_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace reeve::workflow
