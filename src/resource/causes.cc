#include "resource/causes.h"

#include <utility>

#include "base/strings.h"

namespace reeve::resource {

namespace {

// A cause tells what is wrong, it does not repeat a document.
constexpr std::size_t kShownBytesMax = 256;

std::string shown(std::string text) {
  if (text.size() <= kShownBytesMax) {
    return text;
  }
  std::size_t end = kShownBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  text.resize(end);
  return text + "...";
}

std::string with_detail(std::string_view text, std::string_view detail) {
  return detail.empty() ? std::string(text) : concat(text, ": ", detail);
}

std::string_view type_name(const Json& value) {
  switch (value.type()) {
    case Json::Type::Null:
      return "null";
    case Json::Type::Bool:
      return "boolean";
    case Json::Type::Int:
      return "integer";
    case Json::Type::Double:
      return "number";
    case Json::Type::String:
      return "string";
    case Json::Type::Array:
      return "array";
    case Json::Type::Object:
      return "object";
  }
  return "";
}

}  // namespace

bool operator==(const Cause& left, const Cause& right) {
  return left.reason == right.reason && left.message == right.message && left.field == right.field;
}

Cause required_value(std::string field, std::string_view detail) {
  return {"FieldValueRequired", with_detail("Required value", detail), std::move(field)};
}

Cause invalid_value(std::string field, std::string_view text, std::string_view detail) {
  return {
      "FieldValueInvalid",
      with_detail(concat("Invalid value: ", quoted(shown(std::string(text)))), detail),
      std::move(field)};
}

Cause invalid_json(std::string field, const Json& value, std::string_view detail) {
  if (value.is_string()) {
    return invalid_value(std::move(field), value.as_string(), detail);
  }
  return {
      "FieldValueInvalid",
      with_detail(concat("Invalid value: ", shown(value.dump())), detail),
      std::move(field)};
}

Cause wrong_type(std::string field, std::string_view type, const Json& value) {
  const std::string_view found = type_name(value);
  const std::string detail = concat(field, " in body must be of type ", type, ": ", quoted(found));
  return invalid_value(std::move(field), found, detail);
}

Cause unsupported_value(
    std::string field, std::string_view text, const std::vector<std::string>& supported
) {
  std::vector<std::string> names;
  names.reserve(supported.size());
  for (const std::string& name : supported) {
    names.push_back(quoted(name));
  }
  return {
      "FieldValueNotSupported",
      concat(
          "Unsupported value: ",
          quoted(shown(std::string(text))),
          ": supported values: ",
          join(names, ", ")
      ),
      std::move(field)};
}

Cause forbidden_value(std::string field, std::string_view detail) {
  return {"FieldValueForbidden", with_detail("Forbidden", detail), std::move(field)};
}

Cause duplicate_value(std::string field, std::string_view text) {
  return {
      "FieldValueDuplicate",
      concat("Duplicate value: ", quoted(shown(std::string(text)))),
      std::move(field)};
}

Cause too_long(std::string field, std::size_t bytes_max) {
  return {
      "FieldValueTooLong",
      concat("Too long: must have at most ", bytes_max, " bytes"),
      std::move(field)};
}

Cause too_many(std::string field, std::size_t count, std::size_t count_max) {
  return {
      "FieldValueTooMany",
      concat("Too many: ", count, ": must have at most ", count_max, " items"),
      std::move(field)};
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string describe(const Cause& cause) {
  return cause.field.empty() ? cause.message : concat(cause.field, ": ", cause.message);
}

std::string describe(const std::vector<Cause>& causes) {
  std::vector<std::string> texts;
  for (const Cause& cause : causes) {
    std::string text = describe(cause);
    bool repeated = false;
    for (const std::string& other : texts) {
      repeated = repeated || other == text;
    }
    if (!repeated) {
      texts.push_back(std::move(text));
    }
  }
  return texts.size() == 1 ? texts.front() : concat('[', join(texts, ", "), ']');
}

}  // namespace reeve::resource
