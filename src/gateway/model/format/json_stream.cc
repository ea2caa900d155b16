#include "gateway/model/format/json_stream.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace reeve::gateway::model {

namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL;
constexpr std::uint64_t kHighs = 0x8080808080808080ULL;
constexpr std::uint32_t kReplacement = 0xFFFD;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Bytes of `text` before the first one that ends a run of plain characters: a quote, a backslash,
/// a control character or one that is no ASCII.
std::size_t plain_run(std::string_view text) {
  std::size_t at = 0;
  while (at + sizeof(std::uint64_t) <= text.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    const auto zero_in = [](std::uint64_t x) {
      return (x - kOnes) & ~x & kHighs;
    };
    const std::uint64_t special = zero_in(word ^ (kOnes * '"')) | zero_in(word ^ (kOnes * '\\')) |
                                  ((word - kOnes * 0x20) & ~word & kHighs) | (word & kHighs);
    if (special != 0) {
      break;
    }
    at += sizeof word;
  }
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    if (c == '"' || c == '\\' || c < 0x20 || c >= 0x80) {
      break;
    }
    ++at;
  }
  return at;
}

/// -?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) {
      ++at;
    }
    return at - begin;
  };
  const auto take = [&](char c) {
    return at < text.size() && text[at] == c && (++at, true);
  };
  (void)take('-');
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1) || (take('.') && digits() == 0)) {
    return false;
  }
  if (take('e') || take('E')) {
    if (!take('+')) {
      (void)take('-');
    }
    if (digits() == 0) {
      return false;
    }
  }
  return at == text.size();
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) {
    out.push_back(static_cast<char>(byte));
  };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0U | (point >> 6U));
    put(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    put(0xE0U | (point >> 12U));
    put(0x80U | ((point >> 6U) & 0x3FU));
    put(0x80U | (point & 0x3FU));
  } else {
    put(0xF0U | (point >> 18U));
    put(0x80U | ((point >> 12U) & 0x3FU));
    put(0x80U | ((point >> 6U) & 0x3FU));
    put(0x80U | (point & 0x3FU));
  }
}

}  // namespace

bool JsonStream::feed(std::string_view piece) {
  std::size_t at = 0;
  while (problem_.empty() && at < piece.size()) {
    if (state_ == State::String) {
      const std::size_t run = string_run(piece, at);
      at += run;
      offset_ += run;
      if (at == piece.size()) {
        break;
      }
    }
    if (!step(piece[at])) {
      break;
    }
    ++at;
    ++offset_;
  }
  return problem_.empty();
}

bool JsonStream::finish() {
  if (problem_.empty() && state_ == State::Number && nesting_.empty()) {
    (void)end_number();
  }
  return problem_.empty() && (state_ == State::Over || fail("the rest of it"));
}

void JsonStream::reset() {
  offset_ = 0;
  state_ = State::Value;
  nesting_.clear();
  in_key_ = false;
  problem_.clear();
  high_ = 0;
  utf8_left_ = 0;
}

bool JsonStream::fail(std::string_view expected) {
  problem_ = concat("expected ", expected, " at byte ", offset_);
  return false;
}

bool JsonStream::step(char c) {
  if (state_ == State::Number) {
    if (is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-') {
      if (scalar_.size() == kJsonNumberBytesMax) {
        return fail("a shorter number");
      }
      scalar_.push_back(c);
      return true;
    }
    if (!end_number()) {
      return false;
    }
  }
  switch (state_) {
    case State::String:
      return string_byte(c);
    case State::Escape:
      return escape(c);
    case State::Unicode:
      return unicode(c);
    case State::Word:
      return word(c);
    case State::Value:
      return is_blank(c) || begin_value(c);
    case State::FirstElement:
      return is_blank(c) || (c == ']' ? close(false) : begin_value(c));
    case State::FirstName:
    case State::Name:
      if (is_blank(c)) {
        return true;
      }
      if (c == '}' && state_ == State::FirstName) {
        return close(true);
      }
      in_key_ = true;
      return c == '"' ? begin_value(c) : fail("a name");
    case State::Colon:
      if (c == ':') {
        state_ = State::Value;
        return true;
      }
      return is_blank(c) || fail("a colon");
    case State::Next:
      return is_blank(c) || next(c);
    case State::Over:
      return is_blank(c) || fail("nothing more");
    case State::Number:
      break;
  }
  return true;
}

bool JsonStream::begin_value(char c) {
  begin_ = offset_;
  if (c == '"') {
    kept_.clear();
    size_ = 0;
    state_ = State::String;
    return true;
  }
  if (c == '{' || c == '[') {
    return open(c == '{');
  }
  if (c == '-' || is_digit(c)) {
    scalar_.assign(1, c);
    state_ = State::Number;
    return true;
  }
  if (c == 't' || c == 'f' || c == 'n') {
    scalar_.assign(1, c);
    state_ = State::Word;
    return true;
  }
  return fail("a value");
}

bool JsonStream::open(bool object) {
  if (depth() >= depth_max_) {
    return fail("less depth");
  }
  sink_.on_begin(object, offset_);
  nesting_.push_back(object);
  state_ = object ? State::FirstName : State::FirstElement;
  return true;
}

bool JsonStream::close(bool object) {
  nesting_.pop_back();
  sink_.on_end(object, offset_ + 1);
  value_over();
  return true;
}

bool JsonStream::next(char c) {
  const bool object = nesting_.back();
  if (c == ',') {
    state_ = object ? State::Name : State::Value;
    return true;
  }
  if (c == (object ? '}' : ']')) {
    return close(object);
  }
  return fail(object ? "a comma or the end of an object" : "a comma or the end of an array");
}

bool JsonStream::end_number() {
  if (!is_number(scalar_)) {
    return fail("a number");
  }
  value_over();
  sink_.on_literal(scalar_, {begin_, offset_});
  return true;
}

bool JsonStream::word(char c) {
  scalar_.push_back(c);
  for (const std::string_view known : {"true", "false", "null"}) {
    if (known == scalar_) {
      value_over();
      sink_.on_literal(scalar_, {begin_, offset_ + 1});
      return true;
    }
    if (known.starts_with(scalar_)) {
      return true;
    }
  }
  return fail("a value");
}

std::size_t JsonStream::string_run(std::string_view piece, std::size_t at) {
  if (utf8_left_ > 0 || high_ != 0) {
    return 0;
  }
  const std::string_view rest = piece.substr(at);
  std::size_t run = plain_run(rest);
  while (run < rest.size() && static_cast<unsigned char>(rest[run]) >= 0x80) {
    const std::size_t length = utf8_length(rest.substr(run));
    if (length == 0) {
      break;
    }
    run += length;
    run += plain_run(rest.substr(run));
  }
  if (run > 0) {
    add(rest.substr(0, run));
  }
  return run;
}

bool JsonStream::string_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (utf8_left_ > 0) {
    if (byte < utf8_low_ || byte > utf8_high_) {
      return fail("UTF-8");
    }
    utf8_.push_back(c);
    utf8_low_ = 0x80;
    utf8_high_ = 0xBF;
    if (--utf8_left_ == 0) {
      add(utf8_);
    }
    return true;
  }
  if (c == '\\') {
    state_ = State::Escape;
    return true;
  }
  flush_surrogate();
  if (c == '"') {
    return end_string();
  }
  if (byte < 0x20) {
    return fail("no control character");
  }
  if (byte < 0x80) {
    add({&c, 1});
    return true;
  }
  // A character that is cut by the end of a piece, or none at all.
  if (byte < 0xC2 || byte > 0xF4) {
    return fail("UTF-8");
  }
  utf8_.assign(1, c);
  utf8_left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
  utf8_low_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
  utf8_high_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
  return true;
}

bool JsonStream::end_string() {
  const ByteRange at{begin_, offset_ + 1};
  if (in_key_) {
    in_key_ = false;
    state_ = State::Colon;
    sink_.on_key(kept_, at);
  } else {
    value_over();
    sink_.on_string(kept_, size_, at);
  }
  return true;
}

bool JsonStream::escape(char c) {
  if (c == 'u') {
    state_ = State::Unicode;
    unicode_ = 0;
    unicode_digits_ = 0;
    return true;
  }
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
  const std::size_t found = kNames.find(c);
  if (found == std::string_view::npos) {
    return fail("an escape");
  }
  flush_surrogate();
  state_ = State::String;
  add(kMeant.substr(found, 1));
  return true;
}

bool JsonStream::unicode(char c) {
  std::uint32_t digit = 0;
  if (is_digit(c)) {
    digit = static_cast<std::uint32_t>(c - '0');
  } else if (c >= 'a' && c <= 'f') {
    digit = static_cast<std::uint32_t>(c - 'a') + 10;
  } else if (c >= 'A' && c <= 'F') {
    digit = static_cast<std::uint32_t>(c - 'A') + 10;
  } else {
    return fail("four hexadecimal digits");
  }
  unicode_ = unicode_ * 16 + digit;
  if (++unicode_digits_ == 4) {
    state_ = State::String;
    code_point(unicode_);
  }
  return true;
}

void JsonStream::code_point(std::uint32_t point) {
  if (point >= 0xDC00 && point <= 0xDFFF && high_ != 0) {
    point = 0x10000 + ((high_ - 0xD800) << 10U) + (point - 0xDC00);
    high_ = 0;
  } else {
    flush_surrogate();
    if (point >= 0xD800 && point <= 0xDBFF) {
      high_ = point;
      return;
    }
    point = point >= 0xDC00 && point <= 0xDFFF ? kReplacement : point;
  }
  std::string text;
  append_utf8(text, point);
  add(text);
}

void JsonStream::flush_surrogate() {
  if (high_ != 0) {
    high_ = 0;
    std::string text;
    append_utf8(text, kReplacement);
    add(text);
  }
}

void JsonStream::add(std::string_view decoded) {
  size_ += decoded.size();
  kept_ += decoded.substr(0, kJsonKeptBytesMax - std::min(kJsonKeptBytesMax, kept_.size()));
  if (!in_key_) {
    sink_.on_text(decoded);
  }
}

}  // namespace reeve::gateway::model
