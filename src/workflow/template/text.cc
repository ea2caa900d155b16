#include "workflow/template/text.h"

#include <array>
#include <cstdint>

namespace reeve::templates {

namespace {

constexpr std::string_view kHexLower = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";
constexpr char32_t kRuneMax = 0x10FFFF;

void append_hex(std::string& out, std::uint32_t value, int digits, std::string_view alphabet) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    out.push_back(alphabet[(value >> static_cast<unsigned>(shift)) & 0xFU]);
  }
}

bool is_surrogate(char32_t rune) {
  return rune >= 0xD800 && rune <= 0xDFFF;
}

/// The letter after the backslash in Go's short escapes, or 0.
char short_escape(char32_t rune) {
  switch (rune) {
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Reads `count` digits of `base` at `at` and moves it on.
std::optional<std::uint32_t> read_digits(
    std::string_view text, std::size_t& at, std::size_t count, std::uint32_t base
) {
  if (at + count > text.size()) {
    return std::nullopt;
  }
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const int digit = hex_value(text[at++]);
    if (digit < 0 || static_cast<std::uint32_t>(digit) >= base) {
      return std::nullopt;
    }
    value = value * base + static_cast<std::uint32_t>(digit);
  }
  return value;
}

/// Reads the escape whose backslash was just passed.
bool unescape(std::string_view body, std::size_t& at, char quote, std::string& out) {
  if (at >= body.size()) {
    return false;
  }
  const char c = body[at++];
  constexpr std::string_view kNames = "abfnrtv\\";
  constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\";
  const std::size_t simple = kNames.find(c);
  if (simple != std::string_view::npos) {
    out.push_back(kValues[simple]);
    return true;
  }
  if (c == '"' || c == '\'') {
    out.push_back(c);
    return c == quote;
  }
  const bool octal = c >= '0' && c <= '7';
  if (octal || c == 'x') {
    at -= octal ? 1 : 0;
    const auto byte = octal ? read_digits(body, at, 3, 8) : read_digits(body, at, 2, 16);
    if (!byte || *byte > 0xFF) {
      return false;
    }
    if (quote == '\'') {
      append_rune(out, *byte);
    } else {
      out.push_back(static_cast<char>(*byte));
    }
    return true;
  }
  if (c != 'u' && c != 'U') {
    return false;
  }
  const auto rune = read_digits(body, at, c == 'u' ? 4 : 8, 16);
  if (!rune || *rune > kRuneMax || is_surrogate(*rune)) {
    return false;
  }
  append_rune(out, *rune);
  return true;
}

/// Letters whose two cases lie a fixed distance apart.
struct CaseRange {
  char32_t upper_first;
  char32_t upper_last;
  char32_t distance;
};

constexpr std::array<CaseRange, 7> kCaseRanges{{
    {'A', 'Z', 32},
    {0xC0, 0xD6, 32},
    {0xD8, 0xDE, 32},
    {0x391, 0x3A1, 32},
    {0x3A3, 0x3AB, 32},
    {0x400, 0x40F, 80},
    {0x410, 0x42F, 32},
}};

char32_t upper_rune(char32_t rune) {
  for (const CaseRange& range : kCaseRanges) {
    if (rune >= range.upper_first + range.distance && rune <= range.upper_last + range.distance) {
      return rune - range.distance;
    }
  }
  return rune;
}

char32_t lower_rune(char32_t rune) {
  for (const CaseRange& range : kCaseRanges) {
    if (rune >= range.upper_first && rune <= range.upper_last) {
      return rune + range.distance;
    }
  }
  return rune;
}

}  // namespace

Rune decode_rune(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return {first, 1};
  }
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) {
    return {};
  }
  char32_t value = first & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return {};
    }
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[size] || value > kRuneMax || is_surrogate(value)) {
    return {};
  }
  return {value, size};
}

void append_rune(std::string& out, char32_t rune) {
  if (rune > kRuneMax || is_surrogate(rune)) {
    rune = kReplacementRune;
  }
  const auto push = [&out](char32_t byte) {
    out.push_back(static_cast<char>(byte));
  };
  if (rune < 0x80) {
    push(rune);
  } else if (rune < 0x800) {
    push(0xC0U | (rune >> 6U));
    push(0x80U | (rune & 0x3FU));
  } else if (rune < 0x10000) {
    push(0xE0U | (rune >> 12U));
    push(0x80U | ((rune >> 6U) & 0x3FU));
    push(0x80U | (rune & 0x3FU));
  } else {
    push(0xF0U | (rune >> 18U));
    push(0x80U | ((rune >> 12U) & 0x3FU));
    push(0x80U | ((rune >> 6U) & 0x3FU));
    push(0x80U | (rune & 0x3FU));
  }
}

std::string shortened(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) {
    return std::string(text);
  }
  std::size_t size = size_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
    --size;
  }
  return std::string(text.substr(0, size)) + "...";
}

std::size_t rune_count(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(decode_rune(text).size);
    ++count;
  }
  return count;
}

bool is_printable(char32_t rune) {
  if (rune < 0x80) {
    return rune >= 0x20 && rune != 0x7F;
  }
  const bool hidden = rune <= 0xA0 || rune == 0xAD || (rune >= 0x2000 && rune <= 0x200F) ||
                      (rune >= 0x2028 && rune <= 0x202F) || (rune >= 0x205F && rune <= 0x206F) ||
                      rune == 0x3000 || (rune >= 0xD800 && rune <= 0xF8FF) || rune == 0xFEFF ||
                      (rune >= 0xFFF0 && rune <= 0xFFFB) || (rune & 0xFFFEU) == 0xFFFE ||
                      rune >= 0xE0000;
  return !hidden;
}

void append_unicode(std::string& out, char32_t rune, bool with_character) {
  out += "U+";
  append_hex(out, rune, rune > 0xFFFFF ? 6 : rune > 0xFFFF ? 5 : 4, kHexUpper);
  if (with_character && is_printable(rune)) {
    out += " '";
    append_rune(out, rune);
    out.push_back('\'');
  }
}

void append_quoted(std::string& out, std::string_view text, char quote, bool ascii) {
  out.push_back(quote);
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!rune.valid()) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(text[0]), 2, kHexLower);
    } else if (rune.value == static_cast<unsigned char>(quote)) {
      out.push_back('\\');
      out.push_back(quote);
    } else if (const char letter = short_escape(rune.value); letter != 0) {
      out.push_back('\\');
      out.push_back(letter);
    } else if (is_printable(rune.value) && !(ascii && rune.value >= 0x80)) {
      out += text.substr(0, rune.size);
    } else if (rune.value < 0x20 || rune.value == 0x7F) {
      out += "\\x";
      append_hex(out, rune.value, 2, kHexLower);
    } else {
      out += rune.value < 0x10000 ? "\\u" : "\\U";
      append_hex(out, rune.value, rune.value < 0x10000 ? 4 : 8, kHexLower);
    }
    text.remove_prefix(rune.size);
  }
  out.push_back(quote);
}

std::optional<std::string> unquote(std::string_view literal) {
  if (literal.size() < 2 || literal.front() != literal.back()) {
    return std::nullopt;
  }
  const char quote = literal.front();
  const std::string_view body = literal.substr(1, literal.size() - 2);
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const char c = body[at++];
    if (quote == '`') {
      // Go drops carriage returns from raw strings.
      if (c != '\r') {
        out.push_back(c);
      }
    } else if (c != '\\') {
      out.push_back(c);
    } else if (!unescape(body, at, quote, out)) {
      return std::nullopt;
    }
  }
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\0':
        append_rune(out, kReplacementRune);
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

std::string escape_js(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    const std::string_view piece = text.substr(0, rune.size);
    text.remove_prefix(rune.size);
    if (rune.value == '\\' || rune.value == '\'' || rune.value == '"') {
      out.push_back('\\');
      out += piece;
    } else if (rune.value < 0x80) {
      const bool special = rune.value < 0x20 || rune.value == '<' || rune.value == '>' ||
                           rune.value == '&' || rune.value == '=';
      if (special) {
        out += "\\u";
        append_hex(out, rune.value, 4, kHexUpper);
      } else {
        out += piece;
      }
    } else if (is_printable(rune.value)) {
      out += piece;
    } else {
      out += "\\u";
      append_hex(out, rune.value, rune.value > 0xFFFF ? 5 : 4, kHexUpper);
    }
  }
  return out;
}

std::string escape_query(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out.push_back(c);
    } else if (c == ' ') {
      out.push_back('+');
    } else {
      out.push_back('%');
      append_hex(out, static_cast<unsigned char>(c), 2, kHexUpper);
    }
  }
  return out;
}

std::string map_case(std::string_view text, bool upper) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (rune.valid()) {
      append_rune(out, upper ? upper_rune(rune.value) : lower_rune(rune.value));
    } else {
      out.push_back(text[0]);
    }
    text.remove_prefix(rune.size);
  }
  return out;
}

std::string title_case(std::string_view text) {
  std::string out;
  bool starts_word = true;
  while (!text.empty()) {
    const std::size_t size = decode_rune(text).size;
    const std::string_view piece = text.substr(0, size);
    out += starts_word ? map_case(piece, true) : std::string(piece);
    starts_word = std::string_view(" \t\r\n").find(piece) != std::string_view::npos;
    text.remove_prefix(size);
  }
  return out;
}

std::string quote_shell(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  out.push_back('\'');
  return out;
}

}  // namespace reeve::templates
