#include "base/json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/strings.h"

namespace reeve {

Json::Json(std::uint64_t value) {
  if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    value_ = static_cast<std::int64_t>(value);
  } else {
    value_ = static_cast<double>(value);
  }
}

bool Json::as_bool() const {
  REEVE_ASSERT(is_bool());
  return *std::get_if<bool>(&value_);
}

std::int64_t Json::as_int() const {
  REEVE_ASSERT(is_int());
  return *std::get_if<std::int64_t>(&value_);
}

double Json::as_double() const {
  REEVE_ASSERT(is_number());
  return is_int() ? static_cast<double>(as_int()) : *std::get_if<double>(&value_);
}

const std::string& Json::as_string() const {
  REEVE_ASSERT(is_string());
  return *std::get_if<std::string>(&value_);
}

const Json::Array& Json::as_array() const {
  REEVE_ASSERT(is_array());
  return *std::get_if<Array>(&value_);
}

Json::Array& Json::as_array() {
  REEVE_ASSERT(is_array());
  return *std::get_if<Array>(&value_);
}

const Json::Object& Json::as_object() const {
  REEVE_ASSERT(is_object());
  return *std::get_if<Object>(&value_);
}

Json::Object& Json::as_object() {
  REEVE_ASSERT(is_object());
  return *std::get_if<Object>(&value_);
}

const Json* Json::find(std::string_view key) const {
  if (const auto* members = std::get_if<Object>(&value_)) {
    for (const Member& member : *members) {
      if (member.first == key) {
        return &member.second;
      }
    }
  }
  return nullptr;
}

Json* Json::find(std::string_view key) {
  return const_cast<Json*>(std::as_const(*this).find(key));
}

std::string Json::get_string(std::string_view key, std::string_view fallback) const {
  const Json* member = find(key);
  return member != nullptr && member->is_string() ? member->as_string() : std::string(fallback);
}

std::int64_t Json::get_int(std::string_view key, std::int64_t fallback) const {
  const Json* member = find(key);
  return member != nullptr && member->is_int() ? member->as_int() : fallback;
}

bool Json::get_bool(std::string_view key, bool fallback) const {
  const Json* member = find(key);
  return member != nullptr && member->is_bool() ? member->as_bool() : fallback;
}

const Json& Json::get_object(std::string_view key) const {
  static const Json kNone = Json::object();
  const Json* member = find(key);
  return member != nullptr && member->is_object() ? *member : kNone;
}

const Json::Array& Json::get_array(std::string_view key) const {
  static const Array kNone;
  const Json* member = find(key);
  return member != nullptr && member->is_array() ? member->as_array() : kNone;
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) {
    value_ = Object{};
  }
  if (Json* existing = find(key)) {
    *existing = std::move(value);
  } else {
    as_object().emplace_back(std::move(key), std::move(value));
  }
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) {
    value_ = Array{};
  }
  as_array().push_back(std::move(value));
  return *this;
}

namespace {

void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    // JSON has no such numbers; null is what every reader accepts.
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto [end, status] = std::to_chars(text.data(), text.data() + text.size(), number);
  const std::string_view digits(text.data(), static_cast<std::size_t>(end - text.data()));
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos) {
    out += ".0";
  }
}

void write(const Json& json, std::string& out, int indent);

void new_line(std::string& out, int indent) {
  if (indent >= 0) {
    out.push_back('\n');
    out.append(static_cast<std::size_t>(indent) * 2, ' ');
  }
}

void write_array(const Json::Array& items, std::string& out, int indent) {
  out.push_back('[');
  const int inner = indent < 0 ? indent : indent + 1;
  for (const Json& item : items) {
    if (&item != &items.front()) {
      out.push_back(',');
    }
    new_line(out, inner);
    write(item, out, inner);
  }
  if (!items.empty()) {
    new_line(out, indent);
  }
  out.push_back(']');
}

void write_object(const Json::Object& members, std::string& out, int indent) {
  out.push_back('{');
  const int inner = indent < 0 ? indent : indent + 1;
  for (const Json::Member& member : members) {
    if (&member != &members.front()) {
      out.push_back(',');
    }
    new_line(out, inner);
    append_json_string(out, member.first);
    out += indent < 0 ? ":" : ": ";
    write(member.second, out, inner);
  }
  if (!members.empty()) {
    new_line(out, indent);
  }
  out.push_back('}');
}

/// `indent` < 0: compact.
void write(const Json& json, std::string& out, int indent) {
  switch (json.type()) {
    case Json::Type::Null:
      out += "null";
      break;
    case Json::Type::Bool:
      out += json.as_bool() ? "true" : "false";
      break;
    case Json::Type::Int:
      out += std::to_string(json.as_int());
      break;
    case Json::Type::Double:
      append_double(out, json.as_double());
      break;
    case Json::Type::String:
      append_json_string(out, json.as_string());
      break;
    case Json::Type::Array:
      write_array(json.as_array(), out, indent);
      break;
    case Json::Type::Object:
      write_object(json.as_object(), out, indent);
      break;
  }
}

}  // namespace

std::string Json::dump() const {
  std::string out;
  write(*this, out, -1);
  return out;
}

std::string Json::pretty() const {
  std::string out;
  write(*this, out, 0);
  out.push_back('\n');
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  out.push_back('"');
  std::size_t clean = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x80U) {
      const std::size_t length = utf8_length(text.substr(i));
      if (length > 0) {
        i += length - 1;
        continue;
      }
    } else if (byte >= 0x20U && byte != '"' && byte != '\\') {
      continue;
    }
    out.append(text, clean, i - clean);
    clean = i + 1;
    if (byte >= 0x80U) {
      out += kReplacement;
      continue;
    }
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out.push_back(kHex[byte >> 4U]);
        out.push_back(kHex[byte & 15U]);
    }
  }
  out.append(text, clean);
  out.push_back('"');
}

void JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_.push_back(':');
  need_comma_ = false;
}

void JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
  need_comma_ = true;
}

void JsonWriter::value(std::int64_t number) {
  separate();
  std::array<char, 24> text{};
  out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  need_comma_ = true;
}

void JsonWriter::value(std::uint64_t number) {
  separate();
  std::array<char, 24> text{};
  out_.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  need_comma_ = true;
}

void JsonWriter::value(bool flag) {
  separate();
  out_ += flag ? "true" : "false";
  need_comma_ = true;
}

void JsonWriter::value(const Json& json) {
  separate();
  write(json, out_, -1);
  need_comma_ = true;
}

}  // namespace reeve
