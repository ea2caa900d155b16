#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::gateway::model {

/// Bytes [begin, end) of a text.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }

  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a JsonStream comes across, in order. Offsets count from the first byte fed. The depth of
/// the value at the top is 0.
class JsonSink {
 public:
  virtual ~JsonSink() = default;

  virtual void on_begin(bool object, std::size_t at) = 0;
  /// `end`: behind the bracket.
  virtual void on_end(bool object, std::size_t end) = 0;
  /// A member begins. Longer names than kJsonKeptBytesMax are cut.
  virtual void on_key(std::string_view name, ByteRange at) = 0;
  /// A piece of a string, decoded, as it comes; empty strings have none.
  virtual void on_text(std::string_view piece) = 0;
  /// A string is over: its beginning, at most kJsonKeptBytesMax of it; `size` of all, decoded.
  /// `at` includes the quotes.
  virtual void on_string(std::string_view kept, std::size_t size, ByteRange at) = 0;
  /// A number as it was written, "true", "false" or "null".
  virtual void on_literal(std::string_view text, ByteRange at) = 0;
};

/// What is kept of a name or a string.
inline constexpr std::size_t kJsonKeptBytesMax = 512;
/// Longest number.
inline constexpr std::size_t kJsonNumberBytesMax = 64;

/// Reads one JSON text (RFC 8259) piece by piece, in constant memory: no tree is made, no string
/// is kept. Refused: all that the RFC refuses, invalid UTF-8, excess depth. Accepted, as most
/// parsers do: names that occur twice, escaped surrogates that stand alone (they count as U+FFFD).
///
/// Threading: one thread.
class JsonStream {
 public:
  /// The sink outlives the stream.
  JsonStream(JsonSink& sink, int depth_max) : sink_(sink), depth_max_(depth_max) {}

  /// False: it is no JSON; `problem` says why, and nothing is read any more.
  bool feed(std::string_view piece);

  /// No more comes. False: it was no JSON, or it is not over.
  bool finish();

  /// Ready for another text.
  void reset();

  /// Bytes that were read.
  std::size_t offset() const { return offset_; }

  int depth() const { return static_cast<int>(nesting_.size()); }

  /// Why it is no JSON, and where: "expected a value at byte 17". Empty: it is.
  const std::string& problem() const { return problem_; }

 private:
  enum class State : std::uint8_t {
    Value,
    FirstElement,
    FirstName,
    Name,
    Colon,
    Next,
    String,
    Escape,
    Unicode,
    Number,
    Word,
    Over,
  };

  bool step(char c);
  bool begin_value(char c);
  bool open(bool object);
  bool close(bool object);
  bool next(char c);
  bool end_number();
  bool word(char c);
  std::size_t string_run(std::string_view piece, std::size_t at);
  bool string_byte(char c);
  bool end_string();
  bool escape(char c);
  bool unicode(char c);
  void code_point(std::uint32_t point);
  void flush_surrogate();
  void add(std::string_view decoded);
  bool fail(std::string_view expected);

  void value_over() { state_ = nesting_.empty() ? State::Over : State::Next; }

  JsonSink& sink_;
  int depth_max_;
  std::size_t offset_ = 0;
  State state_ = State::Value;
  /// True: an object.
  std::vector<bool> nesting_;
  bool in_key_ = false;
  std::size_t begin_ = 0;
  std::string kept_;
  std::size_t size_ = 0;
  std::string scalar_;
  std::uint32_t unicode_ = 0;
  std::uint32_t high_ = 0;
  int unicode_digits_ = 0;
  /// Bytes of a character that are still to come, and what the next one must be.
  int utf8_left_ = 0;
  unsigned char utf8_low_ = 0x80;
  unsigned char utf8_high_ = 0xBF;
  std::string utf8_;
  std::string problem_;
};

}  // namespace reeve::gateway::model
