#include <charconv>
#include <cmath>
#include <set>

#include "base/json.h"
#include "base/strings.h"

namespace reeve {

namespace {

class Parser {
 public:
  Parser(std::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  Result<Json> run() {
    if (text_.size() > limits_.size_bytes_max) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("JSON text is longer than ", limits_.size_bytes_max, " bytes")
      );
    }
    if (!is_utf8(text_)) {
      return make_error(ErrorCode::Invalid, "JSON text is not valid UTF-8");
    }
    skip_space();
    REEVE_TRY(Json json, value(0));
    skip_space();
    if (at_ != text_.size()) {
      return fail("unexpected text after the JSON value");
    }
    return json;
  }

 private:
  Error fail(std::string message) const {
    Error error = make_error(ErrorCode::Invalid, std::move(message));
    error.position = {1, 1};
    for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) {
      ++error.position.column;
      if (text_[i] == '\n') {
        error.position = {error.position.line + 1, 1};
      }
    }
    return error;
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) {
      return false;
    }
    ++at_;
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  Result<Json> value(int depth) {
    if (depth > limits_.depth_max) {
      Error error = fail(concat("JSON is nested deeper than ", limits_.depth_max, " levels"));
      error.code = ErrorCode::LimitExceeded;
      return error;
    }
    switch (peek()) {
      case '{':
        return object(depth);
      case '[':
        return array(depth);
      case '"': {
        REEVE_TRY(std::string text, string());
        return Json(std::move(text));
      }
      case 't':
        return literal("true", Json(true));
      case 'f':
        return literal("false", Json(false));
      case 'n':
        return literal("null", Json());
      default:
        return number();
    }
  }

  Result<Json> literal(std::string_view word, Json json) {
    if (!text_.substr(at_).starts_with(word)) {
      return fail("expected a JSON value");
    }
    at_ += word.size();
    return json;
  }

  Result<Json> array(int depth) {
    Json::Array items;
    ++at_;
    skip_space();
    if (take(']')) {
      return Json(std::move(items));
    }
    while (true) {
      skip_space();
      REEVE_TRY(Json item, value(depth + 1));
      items.push_back(std::move(item));
      skip_space();
      if (take(']')) {
        return Json(std::move(items));
      }
      if (!take(',')) {
        return fail("expected ',' or ']'");
      }
    }
  }

  Result<Json> object(int depth) {
    Json::Object members;
    std::set<std::string> keys;
    ++at_;
    skip_space();
    if (take('}')) {
      return Json(std::move(members));
    }
    while (true) {
      skip_space();
      if (peek() != '"') {
        return fail("expected a member name in quotes");
      }
      REEVE_TRY(std::string name, string());
      if (!is_new_key(name, members, keys)) {
        return fail(concat("duplicate member \"", name, "\""));
      }
      skip_space();
      if (!take(':')) {
        return fail("expected ':'");
      }
      skip_space();
      REEVE_TRY(Json member, value(depth + 1));
      members.emplace_back(std::move(name), std::move(member));
      skip_space();
      if (take('}')) {
        return Json(std::move(members));
      }
      if (!take(',')) {
        return fail("expected ',' or '}'");
      }
    }
  }

  /// Small objects are compared member by member; a set pays off only for large ones. It is an
  /// ordered one: names that collide can be made up for the hash of a string, which has no secret.
  static bool is_new_key(
      const std::string& name, const Json::Object& members, std::set<std::string>& keys
  ) {
    constexpr std::size_t kLinearMax = 16;
    if (members.size() < kLinearMax) {
      for (const Json::Member& member : members) {
        if (member.first == name) {
          return false;
        }
      }
      return true;
    }
    if (keys.empty()) {
      for (const Json::Member& member : members) {
        keys.insert(member.first);
      }
    }
    return keys.insert(name).second;
  }

  Result<std::uint32_t> hex4() {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const bool digit = c >= '0' && c <= '9';
      const bool lower = c >= 'a' && c <= 'f';
      const bool upper = c >= 'A' && c <= 'F';
      if (!digit && !lower && !upper) {
        return fail("expected four hex digits after \\u");
      }
      code = code * 16 + static_cast<std::uint32_t>(
                             digit   ? c - '0'
                             : lower ? c - 'a' + 10
                                     : c - 'A' + 10
                         );
    }
    return code;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) {
      out.push_back(static_cast<char>(byte));
    };
    if (code < 0x80U) {
      put(code);
    } else if (code < 0x800U) {
      put(0xC0U | code >> 6U);
      put(0x80U | (code & 0x3FU));
    } else if (code < 0x10000U) {
      put(0xE0U | code >> 12U);
      put(0x80U | (code >> 6U & 0x3FU));
      put(0x80U | (code & 0x3FU));
    } else {
      put(0xF0U | code >> 18U);
      put(0x80U | (code >> 12U & 0x3FU));
      put(0x80U | (code >> 6U & 0x3FU));
      put(0x80U | (code & 0x3FU));
    }
  }

  Result<void> unicode_escape(std::string& out) {
    REEVE_TRY(std::uint32_t code, hex4());
    if (code >= 0xD800U && code <= 0xDBFFU) {
      if (!text_.substr(at_).starts_with("\\u")) {
        return fail("high surrogate without a low one");
      }
      at_ += 2;
      REEVE_TRY(const std::uint32_t low, hex4());
      if (low < 0xDC00U || low > 0xDFFFU) {
        return fail("high surrogate without a low one");
      }
      code = 0x10000U + ((code - 0xD800U) << 10U) + (low - 0xDC00U);
    } else if (code >= 0xDC00U && code <= 0xDFFFU) {
      return fail("low surrogate without a high one");
    }
    append_utf8(out, code);
    return {};
  }

  Result<void> escape(std::string& out) {
    const char c = peek();
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out.push_back(c);
        return {};
      case 'b':
        out.push_back('\b');
        return {};
      case 'f':
        out.push_back('\f');
        return {};
      case 'n':
        out.push_back('\n');
        return {};
      case 'r':
        out.push_back('\r');
        return {};
      case 't':
        out.push_back('\t');
        return {};
      case 'u':
        return unicode_escape(out);
      default:
        --at_;
        return fail("unknown escape sequence");
    }
  }

  Result<std::string> string() {
    std::string out;
    ++at_;
    while (true) {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20U) {
        ++at_;
      }
      out.append(text_, start, at_ - start);
      if (at_ >= text_.size()) {
        return fail("string is not closed");
      }
      if (take('"')) {
        return out;
      }
      if (!take('\\')) {
        return fail("control character in a string");
      }
      REEVE_CHECK(escape(out));
    }
  }

  void skip_digits() {
    while (peek() >= '0' && peek() <= '9') {
      ++at_;
    }
  }

  Result<Json> number() {
    const std::size_t start = at_;
    take('-');
    const std::size_t first = at_;
    skip_digits();
    const std::size_t whole_digits = at_ - first;
    bool whole = true;
    if (whole_digits == 0 || (whole_digits > 1 && text_[first] == '0')) {
      at_ = start;
      return fail("expected a JSON value");
    }
    if (take('.')) {
      whole = false;
      const std::size_t fraction = at_;
      skip_digits();
      if (at_ == fraction) {
        return fail("expected a digit after the decimal point");
      }
    }
    if (take('e') || take('E')) {
      whole = false;
      if (!take('+')) {
        take('-');
      }
      const std::size_t exponent = at_;
      skip_digits();
      if (at_ == exponent) {
        return fail("expected a digit in the exponent");
      }
    }
    return convert(text_.substr(start, at_ - start), whole);
  }

  Result<Json> convert(std::string_view digits, bool whole) {
    const char* const end = digits.data() + digits.size();
    if (whole) {
      std::int64_t exact = 0;
      if (std::from_chars(digits.data(), end, exact).ec == std::errc{}) {
        return Json(exact);
      }
    }
    double number = 0;
    if (std::from_chars(digits.data(), end, number).ec != std::errc{} || !std::isfinite(number)) {
      return fail(concat("number ", digits, " is out of range"));
    }
    return Json(number);
  }

  std::string_view text_;
  const JsonLimits& limits_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  return Parser(text, limits).run();
}

}  // namespace reeve
