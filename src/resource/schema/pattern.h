#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace reeve::resource::schema {

/// States of a compiled pattern; more are refused.
inline constexpr std::size_t kPatternStatesMax = 4'000;
/// Nesting of groups in a pattern.
inline constexpr int kPatternDepthMax = 20;

/// The part of regular expressions that contracts use: literals, `.`, `[a-z]`, `[^…]`, groups,
/// `|`, `* + ? {m} {m,} {m,n}`, `^`, `$` and the escapes `\d \w \s` and `\` before punctuation.
/// Searches like the `pattern` of JSON Schema: anywhere, unless anchored. Time is bounded by
/// states × length of the text, whatever both are (K. Thompson, "Regular Expression Search
/// Algorithm", CACM 11(6), 1968). Any thread; immutable.
class Pattern {
 public:
  /// Invalid: not such an expression. LimitExceeded: too large.
  static Result<Pattern> compile(std::string_view text);

  /// Whether the pattern occurs in `text`, which is read as UTF-8.
  bool matches(std::string_view text) const;

  const std::string& text() const { return text_; }

  /// From one character to another, both included.
  struct Range {
    char32_t first = 0;
    char32_t last = 0;
  };

  enum class Op : std::uint8_t { Set, Split, Begin, End, Match };

  /// One state: what it consumes or checks, and where it leads.
  struct State {
    Op op = Op::Match;
    bool negated = false;
    std::uint32_t next = 0;
    std::uint32_t other = 0;  ///< of Split
    std::vector<Range> ranges;
  };

 private:
  std::string text_;
  std::vector<State> states_;
  std::uint32_t start_ = 0;
};

}  // namespace reeve::resource::schema
