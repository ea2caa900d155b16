#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::templates {

/// Widest field and longest precision that a format may ask for, as in Go.
inline constexpr int kFormatNumberMax = 1'000'000;

/// The flags, width and precision of one `%` directive.
struct FormatSpec {
  bool minus = false;
  bool plus = false;
  bool sharp = false;
  bool space = false;
  bool zero = false;
  /// `%#v`: as Go source.
  bool source = false;
  std::optional<int> width;
  std::optional<int> precision;
};

/// `text`, padded to the width in characters.
std::string padded(const FormatSpec& spec, std::string_view text);

/// Verbs b d o O x X.
std::string format_integer(const FormatSpec& spec, std::int64_t value, char verb);

/// Verbs b e E f F g G x X; 'v' is 'g' with the shortest exact digits.
std::string format_float(const FormatSpec& spec, double value, char verb);

/// Verbs s q x X.
std::string format_string(const FormatSpec& spec, std::string_view text, char verb);

/// Verbs c q U of a number.
std::string format_rune(const FormatSpec& spec, std::int64_t value, char verb);

}  // namespace reeve::templates
