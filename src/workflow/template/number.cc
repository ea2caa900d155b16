#include "workflow/template/number.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

#include "base/strings.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

Error bad_number(std::string_view literal) {
  return make_error(ErrorCode::Invalid, concat("bad number syntax: \"", literal, "\""));
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Removes underscores, which may stand between digits and after the prefix of a base.
bool drop_underscores(std::string_view digits, bool after_prefix, std::string& out) {
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') {
      out.push_back(digits[i]);
      continue;
    }
    const bool left = i == 0 ? after_prefix : is_hex_digit(digits[i - 1]);
    const bool right = i + 1 < digits.size() && is_hex_digit(digits[i + 1]);
    if (!left || !right) {
      return false;
    }
  }
  return !out.empty();
}

struct Shape {
  int base = 10;
  std::size_t prefix = 0;
};

Shape shape_of(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') {
    return {};
  }
  switch (digits[1]) {
    case 'x':
    case 'X':
      return {16, 2};
    case 'o':
    case 'O':
      return {8, 2};
    case 'b':
    case 'B':
      return {2, 2};
    default:
      // A leading zero means octal, as in C.
      return {8, 1};
  }
}

Result<Json> parse_integer(
    std::string_view literal, const std::string& digits, int base, bool negative
) {
  std::uint64_t magnitude = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, status] = std::from_chars(digits.data(), end, magnitude, base);
  if (status == std::errc::invalid_argument || stop != end) {
    return bad_number(literal);
  }
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (status != std::errc{} || magnitude > kMax + (negative ? 1U : 0U)) {
    return make_error(ErrorCode::Invalid, concat(literal, " overflows int"));
  }
  return Json(static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude));
}

Result<Json> parse_float(
    std::string_view literal, const std::string& digits, bool hex, bool negative
) {
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto format = hex ? std::chars_format::hex : std::chars_format::general;
  const auto [stop, status] = std::from_chars(digits.data(), end, value, format);
  if (status == std::errc::result_out_of_range) {
    return make_error(ErrorCode::Invalid, concat(literal, " is out of range"));
  }
  if (status != std::errc{} || stop != end) {
    return bad_number(literal);
  }
  return Json(negative ? -value : value);
}

}  // namespace

Result<Json> parse_number(std::string_view literal) {
  const bool negative = literal.starts_with('-');
  std::string_view digits = literal;
  if (negative || literal.starts_with('+')) {
    digits.remove_prefix(1);
  }
  if (digits.empty()) {
    return bad_number(literal);
  }
  Shape shape = shape_of(digits);
  const bool hex = shape.base == 16;
  if (digits.ends_with('i')) {
    return make_error(ErrorCode::Unsupported, concat("complex number ", literal));
  }
  const bool is_float = digits.find_first_of(hex ? ".pP" : ".eE") != std::string_view::npos;
  if (is_float && !hex) {
    shape = {};
  }
  std::string plain;
  if (!drop_underscores(digits.substr(shape.prefix), shape.prefix > 0, plain)) {
    return bad_number(literal);
  }
  return is_float ? parse_float(literal, plain, hex, negative)
                  : parse_integer(literal, plain, shape.base, negative);
}

Result<Json> parse_char(std::string_view literal) {
  const auto text = unquote(literal);
  if (!text || text->empty()) {
    return make_error(ErrorCode::Invalid, concat("malformed character constant: ", literal));
  }
  const Rune rune = decode_rune(*text);
  if (rune.size != text->size() || !rune.valid()) {
    return make_error(ErrorCode::Invalid, concat("malformed character constant: ", literal));
  }
  return Json(static_cast<std::int64_t>(rune.value));
}

}  // namespace reeve::templates
