#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "workflow/template/value.h"

namespace reeve::templates {

/// Formats like Go's fmt package. Everything is appended to one string; `size_max` bounds it: once
/// reached, nothing more is added and `full()` says so.
class Printer {
 public:
  Printer(std::string& out, std::size_t size_max) : out_(out), size_max_(size_max) {}

  /// `%v`: how an action prints a value.
  void print(const Json& json);

  /// fmt.Sprintf. Mistakes are part of the output, as in Go: `%!d(string=x)`, `%!s(MISSING)` …
  void format(std::string_view format, std::span<const Value> arguments);

  /// fmt.Sprint: a space between neighbours that are both no strings.
  void sprint(std::span<const Value> arguments);

  /// fmt.Sprintln: a space between all, newline at the end.
  void sprintln(std::span<const Value> arguments);

  bool full() const { return full_; }

  /// Appends as it is.
  void write(std::string_view text);

 private:
  std::string& out_;
  std::size_t size_max_;
  bool full_ = false;
};

}  // namespace reeve::templates
