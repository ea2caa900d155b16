#include "workflow/template/numerals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

/// Room for a double's digits before the point, its exponent and its sign.
constexpr std::size_t kDoubleCharsMax = 400;
/// Where %v turns to exponents.
constexpr int kExponentMin = -4;
constexpr int kExponentLimit = 6;

std::string pad_with(const FormatSpec& spec, std::string_view text, char fill) {
  const std::size_t width = static_cast<std::size_t>(spec.width.value_or(0));
  const std::size_t length = rune_count(text);
  const std::string padding(width > length ? width - length : 0, spec.minus ? ' ' : fill);
  return spec.minus ? concat(text, padding) : concat(padding, text);
}

std::string to_text(double value, std::chars_format format, std::optional<int> precision) {
  const std::size_t digits = static_cast<std::size_t>(precision.value_or(0));
  std::string text(kDoubleCharsMax + digits, '\0');
  char* end = text.data() + text.size();
  const auto result = precision ? std::to_chars(text.data(), end, value, format, *precision)
                                : std::to_chars(text.data(), end, value, format);
  text.resize(static_cast<std::size_t>(result.ptr - text.data()));
  return text;
}

/// Go's 'g' with the fewest digits that give the same double again.
std::string shortest(double value) {
  std::string scientific = to_text(value, std::chars_format::scientific, std::nullopt);
  const std::size_t mark = scientific.find('e');
  int exponent = 0;
  const std::size_t from = mark + (scientific[mark + 1] == '+' ? 2 : 1);
  std::from_chars(scientific.data() + from, scientific.data() + scientific.size(), exponent);
  if (exponent < kExponentMin || exponent >= kExponentLimit) {
    return scientific;
  }
  return to_text(value, std::chars_format::fixed, std::nullopt);
}

/// `0x1.8p+00`
std::string hexadecimal(double value, std::optional<int> precision) {
  std::string text = concat("0x", to_text(value, std::chars_format::hex, precision));
  const std::size_t digits = text.find('p') + 2;
  if (text.size() - digits < 2) {
    text.insert(digits, 1, '0');
  }
  return text;
}

/// `4503599627370496p-52`: the mantissa as a whole number.
std::string binary(double value) {
  constexpr int kMantissaBits = 52;
  constexpr int kBias = 1023;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << kMantissaBits) - 1);
  const int raw = static_cast<int>((bits >> kMantissaBits) & 0x7FFU);
  const std::uint64_t mantissa = raw == 0 ? fraction : fraction | (std::uint64_t{1} << 52U);
  const int exponent = (raw == 0 ? 1 : raw) - kBias - kMantissaBits;
  return concat(mantissa, "p", exponent < 0 ? "" : "+", exponent);
}

/// The digits of a finite value that is not negative.
std::string magnitude(double value, char verb, std::optional<int> precision) {
  switch (verb) {
    case 'e':
    case 'E':
      return to_text(value, std::chars_format::scientific, precision.value_or(6));
    case 'f':
    case 'F':
      return to_text(value, std::chars_format::fixed, precision.value_or(6));
    case 'x':
    case 'X':
      return hexadecimal(value, precision);
    case 'b':
      return binary(value);
    default:
      return precision ? to_text(value, std::chars_format::general, precision) : shortest(value);
  }
}

/// The `#` flag: always a decimal point, and for 'g' no digit dropped.
void keep_point(std::string& text, char verb, std::optional<int> precision) {
  const std::size_t tail_at = std::min(text.find_first_of("ep"), text.size());
  const std::string tail = text.substr(tail_at);
  text.resize(tail_at);
  if (text.find('.') == std::string::npos) {
    text.push_back('.');
  }
  if (verb == 'g' || verb == 'G' || verb == 'v') {
    const std::size_t first = text.find_first_not_of("0.");
    std::size_t digits = 0;
    for (std::size_t i = std::min(first, text.size()); i < text.size(); ++i) {
      digits += text[i] != '.' ? 1 : 0;
    }
    if (first == std::string::npos) {
      digits = 1;
    }
    const auto wanted = static_cast<std::size_t>(std::max(precision.value_or(6), 1));
    text.append(wanted > digits ? wanted - digits : 0, '0');
  }
  text += tail;
}

}  // namespace

std::string padded(const FormatSpec& spec, std::string_view text) {
  return pad_with(spec, text, spec.zero ? '0' : ' ');
}

std::string format_integer(const FormatSpec& spec, std::int64_t value, char verb) {
  const int base = verb == 'b' ? 2 : verb == 'd' ? 10 : verb == 'x' || verb == 'X' ? 16 : 8;
  const bool negative = value < 0;
  const auto raw = static_cast<std::uint64_t>(value);
  std::array<char, 64> buffer{};
  const auto end = std::to_chars(
      buffer.data(), buffer.data() + buffer.size(), negative ? std::uint64_t{0} - raw : raw, base
  );
  std::string digits(buffer.data(), end.ptr);
  std::size_t digits_min = 0;
  if (spec.precision) {
    if (*spec.precision == 0 && value == 0) {
      return pad_with(spec, "", ' ');
    }
    digits_min = static_cast<std::size_t>(*spec.precision);
  } else if (spec.zero && !spec.minus && spec.width) {
    const bool sign = negative || spec.plus || spec.space;
    digits_min = static_cast<std::size_t>(*spec.width) - (sign && *spec.width > 0 ? 1 : 0);
  }
  digits.insert(0, digits_min > digits.size() ? digits_min - digits.size() : 0, '0');
  std::string_view prefix;
  if (verb == 'O') {
    prefix = "0o";
  } else if (spec.sharp) {
    prefix = base == 2 ? "0b" : base == 16 ? "0x" : base == 8 && digits[0] != '0' ? "0" : "";
  }
  const std::string_view sign = negative ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  std::string text = concat(sign, prefix, digits);
  if (verb == 'X') {
    text = to_upper(text);
  }
  return pad_with(spec, text, ' ');
}

std::string format_float(const FormatSpec& spec, double value, char verb) {
  if (!std::isfinite(value)) {
    const std::string_view name = std::isnan(value) ? "NaN" : "Inf";
    const std::string_view sign = value < 0                                 ? "-"
                                  : spec.plus || (value > 0 && !spec.space) ? "+"
                                  : spec.space                              ? " "
                                                                            : "";
    return pad_with(spec, concat(sign, name), ' ');
  }
  std::string digits = magnitude(std::fabs(value), verb, spec.precision);
  if (spec.sharp && verb != 'b') {
    keep_point(digits, verb, spec.precision);
  }
  if (verb == 'E' || verb == 'G' || verb == 'X') {
    digits = to_upper(digits);
  }
  const std::string_view sign = std::signbit(value) ? "-" : spec.plus ? "+" : spec.space ? " " : "";
  const std::size_t width = static_cast<std::size_t>(spec.width.value_or(0));
  if (spec.zero && !spec.minus && width > sign.size() + digits.size()) {
    digits.insert(0, width - sign.size() - digits.size(), '0');
  }
  return pad_with(spec, concat(sign, digits), ' ');
}

std::string format_string(const FormatSpec& spec, std::string_view text, char verb) {
  const bool hex = verb == 'x' || verb == 'X';
  if (spec.precision) {
    std::size_t size = 0;
    for (int i = 0; i < *spec.precision && size < text.size(); ++i) {
      size += hex ? 1 : decode_rune(text.substr(size)).size;
    }
    text = text.substr(0, size);
  }
  if (verb == 's') {
    return padded(spec, text);
  }
  std::string out;
  if (!hex) {
    const bool raw =
        spec.sharp && text.find_first_of("`\n\r\x7f") == std::string_view::npos && is_utf8(text);
    if (raw) {
      out = concat("`", text, "`");
    } else {
      append_quoted(out, text, '"', spec.plus);
    }
    return padded(spec, out);
  }
  for (const char& c : text) {
    const bool first = &c == text.data();
    out += spec.space && !first ? " " : "";
    out += spec.sharp && (first || spec.space) ? "0x" : "";
    out += to_hex(std::string_view(&c, 1));
  }
  return padded(spec, verb == 'X' ? to_upper(out) : out);
}

std::string format_rune(const FormatSpec& spec, std::int64_t value, char verb) {
  const bool legal = value >= 0 && value <= 0x10FFFF;
  const char32_t rune = legal ? static_cast<char32_t>(value) : kReplacementRune;
  std::string character;
  append_rune(character, rune);
  if (verb == 'c') {
    return padded(spec, character);
  }
  std::string out;
  if (verb == 'q') {
    append_quoted(out, character, '\'', spec.plus);
    return padded(spec, out);
  }
  append_unicode(out, legal ? rune : kReplacementRune, spec.sharp);
  return pad_with(spec, out, ' ');
}

}  // namespace reeve::templates
