#include "security/redaction/encodings.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/secret.h"
#include "base/strings.h"
#include "security/redaction/redactor.h"

namespace reeve::redaction {

namespace {

/// A line of a value with several, or a piece of wrapped base64, is masked by itself only from this
/// length on: "true" or "{" would blot out innocent text.
constexpr std::size_t kPieceBytesMin = 8;

constexpr std::string_view kBase64Standard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kHexLower = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

/// The characters of base64 that `value` decides alone when `before` bytes (0, 1 or 2) of something
/// else stand before it in its group of three, whatever follows it.
std::string base64_inner(std::string_view value, std::size_t before, std::string_view alphabet) {
  constexpr std::size_t kBitsPerByte = 8;
  constexpr std::size_t kBitsPerDigit = 6;
  const std::size_t lead = before * kBitsPerByte;
  std::string out;
  const std::size_t bits = value.size() * kBitsPerByte;
  // The first digit that begins within the value.
  std::size_t at = (lead + kBitsPerDigit - 1) / kBitsPerDigit * kBitsPerDigit - lead;
  for (; at + kBitsPerDigit <= bits; at += kBitsPerDigit) {
    const std::size_t index = at / kBitsPerByte;
    const unsigned next = index + 1 < value.size() ? byte_at(value, index + 1) : 0U;
    const unsigned pair = (byte_at(value, index) << kBitsPerByte) | next;
    const auto shift = static_cast<unsigned>(2 * kBitsPerByte - kBitsPerDigit - at % kBitsPerByte);
    out.push_back(alphabet[(pair >> shift) & 0x3fU]);
  }
  return out;
}

/// Base64 of the value alone, without padding.
std::string base64_alone(std::string_view value, std::string_view alphabet) {
  constexpr std::size_t kGroup = 3;
  std::string padded(value);
  padded.append(value.size() % kGroup == 0 ? 0 : kGroup - value.size() % kGroup, '\0');
  std::string out = base64_inner(padded, 0, alphabet);
  out.resize((value.size() * 4 + 2) / kGroup);
  wipe(padded);
  return out;
}

std::string hex(std::string_view value, std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    out.push_back(digits[byte_at(value, i) >> 4U]);
    out.push_back(digits[byte_at(value, i) & 0xfU]);
  }
  return out;
}

/// Percent-encoding that leaves letters, digits and `kept` alone.
std::string percent(
    std::string_view value, std::string_view kept, std::string_view digits, bool plus_for_space
) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else if (c == ' ' && plus_for_space) {
      out.push_back('+');
    } else {
      out.push_back('%');
      out.push_back(digits[byte_at(value, i) >> 4U]);
      out.push_back(digits[byte_at(value, i) & 0xfU]);
    }
  }
  return out;
}

/// How a writer of JSON strings differs from others.
struct JsonStyle {
  bool ascii = false;      ///< everything beyond ASCII as \uXXXX
  bool html_safe = false;  ///< < > & as \uXXXX
  bool slash = false;      ///< \/
  std::string_view digits = kHexLower;
};

void append_u(std::string& out, std::uint32_t unit, std::string_view digits) {
  out.append("\\u");
  for (const unsigned shift : {12U, 8U, 4U, 0U}) {
    out.push_back(digits[(unit >> shift) & 0xfU]);
  }
}

/// The code point of a well-formed UTF-8 sequence of `length` bytes.
std::uint32_t code_point(std::string_view sequence) {
  constexpr std::array<unsigned, 5> kLeadMask = {0, 0x7fU, 0x1fU, 0x0fU, 0x07U};
  std::uint32_t point = byte_at(sequence, 0) & kLeadMask[sequence.size()];
  for (std::size_t i = 1; i < sequence.size(); ++i) {
    point = (point << 6U) | (byte_at(sequence, i) & 0x3fU);
  }
  return point;
}

void append_point(std::string& out, std::uint32_t point, std::string_view digits) {
  constexpr std::uint32_t kFirstBeyond = 0x10000;
  if (point < kFirstBeyond) {
    append_u(out, point, digits);
    return;
  }
  point -= kFirstBeyond;
  append_u(out, 0xd800U | (point >> 10U), digits);
  append_u(out, 0xdc00U | (point & 0x3ffU), digits);
}

void append_json_ascii(std::string& out, char c, const JsonStyle& style) {
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
  constexpr std::string_view kLetters = "\"\\bfnrt";
  const std::size_t short_form = kShort.find(c);
  const unsigned byte = static_cast<unsigned char>(c);
  const bool html = c == '<' || c == '>' || c == '&';
  if (short_form != std::string_view::npos) {
    out.push_back('\\');
    out.push_back(kLetters[short_form]);
  } else if (c == '/' && style.slash) {
    out.append("\\/");
  } else if (byte < 0x20U || (html && style.html_safe) || (byte == 0x7fU && style.ascii)) {
    append_u(out, byte, style.digits);
  } else {
    out.push_back(c);
  }
}

/// What stands between the quotes of a JSON string.
std::string json(std::string_view value, const JsonStyle& style) {
  std::string out;
  for (std::size_t i = 0; i < value.size();) {
    const std::size_t length = std::max<std::size_t>(utf8_length(value.substr(i)), 1);
    const std::string_view sequence = value.substr(i, length);
    if (length == 1 && byte_at(value, i) < 0x80U) {
      append_json_ascii(out, value[i], style);
    } else if (length > 1 && style.ascii) {
      append_point(out, code_point(sequence), style.digits);
    } else {
      out.append(sequence);
    }
    i += length;
  }
  return out;
}

/// As between single quotes of a shell.
std::string shell_quoted(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\'') {
      out.append("'\\''");
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class Forms {
 public:
  void add(std::string form, std::size_t bytes_min = kValueBytesMin) {
    if (form.size() >= bytes_min) {
      forms_.push_back(std::move(form));
    } else {
      wipe(form);
    }
  }

  /// The text cut into lines of `width`, as tools print it that wrap their output.
  void add_wrapped(std::string_view text, std::size_t width) {
    if (text.size() <= width) {
      return;
    }
    for (std::size_t at = 0; at < text.size(); at += width) {
      add(std::string(text.substr(at, width)), kPieceBytesMin);
    }
  }

  std::vector<std::string> finish() {
    std::sort(forms_.begin(), forms_.end());
    forms_.erase(std::unique(forms_.begin(), forms_.end()), forms_.end());
    return std::move(forms_);
  }

 private:
  std::vector<std::string> forms_;
};

void add_lines(Forms& forms, std::string_view value) {
  if (value.find('\n') == std::string_view::npos) {
    return;
  }
  for (const std::string_view line : split(value, '\n')) {
    forms.add(std::string(trim(line)), kPieceBytesMin);
  }
}

void add_base64(Forms& forms, std::string_view value) {
  constexpr std::size_t kMimeWidth = 76;
  constexpr std::size_t kPemWidth = 64;
  for (const std::string_view alphabet : {kBase64Standard, kBase64Url}) {
    for (const std::size_t before : {0U, 1U, 2U}) {
      forms.add(base64_inner(value, before, alphabet));
    }
    std::string alone = base64_alone(value, alphabet);
    std::string padded = alone;
    padded.append((4 - alone.size() % 4) % 4, '=');
    for (const std::size_t width : {kMimeWidth, kPemWidth}) {
      forms.add_wrapped(alone, width);
      forms.add_wrapped(padded, width);
    }
    forms.add(std::move(padded));
    forms.add(std::move(alone));
  }
}

void add_percent(Forms& forms, std::string_view value) {
  // RFC 3986; with the slash left alone; encodeURIComponent; encodeURI; forms of browsers.
  constexpr std::array<std::string_view, 5> kKept = {
      "-._~", "-._~/", "-._~!'()*", "-._~!'()*;/?:@&=+$,#", "-._*"};
  for (const std::string_view digits : {kHexUpper, kHexLower}) {
    for (const std::string_view kept : kKept) {
      forms.add(percent(value, kept, digits, false));
    }
    forms.add(percent(value, "-._~", digits, true));
    forms.add(percent(value, "-._*", digits, true));
  }
}

void add_json(Forms& forms, std::string_view value) {
  for (const std::string_view digits : {kHexLower, kHexUpper}) {
    for (const bool ascii : {false, true}) {
      for (const bool html_safe : {false, true}) {
        for (const bool slash : {false, true}) {
          forms.add(json(
              value, {.ascii = ascii, .html_safe = html_safe, .slash = slash, .digits = digits}
          ));
        }
      }
    }
  }
}

}  // namespace

std::vector<std::string> forms_of(std::string_view value) {
  constexpr std::size_t kHexWidth = 60;
  Forms forms;
  forms.add(std::string(value));
  // Often written without the line end that belongs to a value with several lines.
  const std::string_view whole = trim(value);
  forms.add(std::string(whole));
  add_lines(forms, value);
  add_base64(forms, value);
  add_percent(forms, value);
  add_json(forms, value);
  forms.add(shell_quoted(value));
  if (whole.size() != value.size()) {
    add_base64(forms, whole);
    add_percent(forms, whole);
    add_json(forms, whole);
  }
  for (const std::string_view digits : {kHexLower, kHexUpper}) {
    std::string text = hex(value, digits);
    forms.add_wrapped(text, kHexWidth);
    forms.add(std::move(text));
  }
  return forms.finish();
}

}  // namespace reeve::redaction
