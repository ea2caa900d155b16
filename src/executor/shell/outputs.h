#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/run.h"

namespace reeve::executor::shell {

/// Named values within the limits of model/run.h; the last value of a name wins. One thread.
class OutputCollector {
 public:
  /// Adds or replaces a value; what is refused leaves a warning. `origin` names the source in it.
  void add(std::string_view name, std::string_view value, std::string_view origin);

  /// Records something a person should know.
  void warn(std::string text);

  const std::vector<model::NamedValue>& values() const { return values_; }

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  std::vector<model::NamedValue> values_;
  std::vector<std::string> warnings_;
  std::size_t bytes_ = 0;
};

/// Finds `::set-output name=K::V` lines in a stream of bytes of any size with little memory. A line
/// counts if it starts so after trimming; the first `::` after the name splits. One thread.
class SetOutputScanner {
 public:
  explicit SetOutputScanner(OutputCollector& out) : out_(out) {}

  void feed(std::string_view bytes);

  /// Ends the stream: a last line without a newline counts too.
  void finish();

 private:
  void take_line();

  OutputCollector& out_;
  std::string line_;
  bool too_long_ = false;
};

/// All `::set-output` lines of `text`.
OutputCollector parse_set_outputs(std::string_view text);

/// The file named by $REEVE_OUTPUT: `K=V` lines and, for values with newlines,
/// `K<<DELIMITER` … lines … `DELIMITER`. Lines that are neither are warnings.
OutputCollector parse_output_file(std::string_view text);

}  // namespace reeve::executor::shell
