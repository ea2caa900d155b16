#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace reeve::workflow {

/// All of `text` as a decimal number.
inline std::optional<std::int64_t> whole(std::string_view text) {
  std::int64_t number = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (text.empty() || error != std::errc{} || end != last) {
    return std::nullopt;
  }
  return number;
}

/// Whether `c` is a letter or digit of ASCII, whatever the locale.
inline bool is_ascii_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace reeve::workflow
