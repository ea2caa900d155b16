#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace reeve {

/// A JSON value. Objects keep the order of insertion (stable text, stable hashes); whole numbers
/// are exact int64; other numbers are doubles that survive a round trip.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  enum class Type { Null, Bool, Int, Double, String, Array, Object };

  Json() = default;

  Json(std::nullptr_t) {}  // NOLINT: implicit, so that literals read like JSON

  Json(bool value) : value_(value) {}  // NOLINT

  Json(int value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT

  Json(std::int64_t value) : value_(value) {}  // NOLINT

  /// Values above the range of int64 become doubles.
  Json(std::uint64_t value);  // NOLINT

  Json(double value) : value_(value) {}  // NOLINT

  Json(const char* value) : value_(std::string(value)) {}  // NOLINT

  Json(std::string_view value) : value_(std::string(value)) {}  // NOLINT

  Json(std::string value) : value_(std::move(value)) {}  // NOLINT

  Json(Array value) : value_(std::move(value)) {}  // NOLINT

  Json(Object value) : value_(std::move(value)) {}  // NOLINT

  static Json array() { return Json(Array{}); }

  static Json object() { return Json(Object{}); }

  Type type() const { return static_cast<Type>(value_.index()); }

  bool is_null() const { return type() == Type::Null; }

  bool is_bool() const { return type() == Type::Bool; }

  bool is_int() const { return type() == Type::Int; }

  bool is_double() const { return type() == Type::Double; }

  bool is_number() const { return is_int() || is_double(); }

  bool is_string() const { return type() == Type::String; }

  bool is_array() const { return type() == Type::Array; }

  bool is_object() const { return type() == Type::Object; }

  // Accessors assert the type: check first, or use the `get_*` forms below.
  bool as_bool() const;
  std::int64_t as_int() const;
  /// Int or Double.
  double as_double() const;
  const std::string& as_string() const;
  const Array& as_array() const;
  Array& as_array();
  const Object& as_object() const;
  Object& as_object();

  /// The member `key` of an object, or null if absent or if this is not an object.
  const Json* find(std::string_view key) const;
  Json* find(std::string_view key);

  // The member `key`, or the fallback if absent or of another type.
  std::string get_string(std::string_view key, std::string_view fallback = {}) const;
  std::int64_t get_int(std::string_view key, std::int64_t fallback = 0) const;
  bool get_bool(std::string_view key, bool fallback = false) const;
  /// An empty object if absent or of another type.
  const Json& get_object(std::string_view key) const;
  /// No elements if absent or of another type.
  const Array& get_array(std::string_view key) const;

  /// Sets (replaces or appends) a member; a null value becomes an object first.
  Json& set(std::string key, Json value);

  /// Appends to an array; a null value becomes an array first.
  Json& push(Json value);

  friend bool operator==(const Json&, const Json&) = default;

  /// Compact text: no white space, UTF-8, control characters escaped, shortest exact doubles.
  std::string dump() const;

  /// Text for people: two spaces of indentation, one member per line, newline at the end.
  std::string pretty() const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

/// Limits of the parser; reaching one is an ordinary error.
struct JsonLimits {
  int depth_max = 128;
  std::size_t size_bytes_max = std::size_t{64} << 20U;
};

/// Reads one JSON text (RFC 8259). Refused, with line and column: anything after the value,
/// duplicate keys, invalid UTF-8, numbers out of range, excess depth or size.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// Appends the JSON string literal of `text`, quotes included. What is written can always be read
/// back: bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Writes JSON text directly, for encoders on the hot path. Nesting is the caller's duty.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }

  void end_object() { close('}'); }

  void begin_array() { open('['); }

  void end_array() { close(']'); }

  void key(std::string_view name);

  void value(std::string_view text);

  void value(const char* text) { value(std::string_view(text)); }

  void value(std::int64_t number);
  void value(std::uint64_t number);

  void value(int number) { value(static_cast<std::int64_t>(number)); }

  void value(unsigned number) { value(static_cast<std::uint64_t>(number)); }

  void value(bool flag);
  void value(const Json& json);

  /// `"name":value`
  template <class Value>
  void member(std::string_view name, const Value& content) {
    key(name);
    value(content);
  }

 private:
  void separate() {
    if (need_comma_) {
      out_.push_back(',');
    }
  }

  void open(char bracket) {
    separate();
    out_.push_back(bracket);
    need_comma_ = false;
  }

  void close(char bracket) {
    out_.push_back(bracket);
    need_comma_ = true;
  }

  std::string& out_;
  bool need_comma_ = false;
};

}  // namespace reeve
