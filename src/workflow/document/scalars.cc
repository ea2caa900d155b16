#include <charconv>
#include <optional>
#include <utility>

#include "workflow/document/yaml.h"

namespace reeve::document {

namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<Json> parse_int(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') || digits.starts_with('-')) {
    digits.remove_prefix(1);
  }
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0o")) {
    base = text[1] == 'x' ? 16 : 8;
    digits = text.substr(2);
  } else if (!all_digits(digits) || (digits.size() > 1 && digits[0] == '0')) {
    return std::nullopt;
  } else if (text.starts_with('-')) {
    digits = text;
  }
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty()) {
    return std::nullopt;
  }
  return Json(number);
}

std::optional<Json> parse_float(std::string_view text) {
  std::string_view body = text;
  if (body.starts_with('+') || body.starts_with('-')) {
    body.remove_prefix(1);
  }
  const std::size_t exponent = body.find_first_of("eE");
  const std::string_view mantissa = body.substr(0, exponent);
  const std::size_t dot = mantissa.find('.');
  const std::string_view whole = mantissa.substr(0, dot);
  const std::string_view part =
      dot == std::string_view::npos ? std::string_view{} : mantissa.substr(dot + 1);
  const bool digits = (whole.empty() || all_digits(whole)) && (part.empty() || all_digits(part)) &&
                      !(whole.empty() && part.empty());
  const bool marked = dot != std::string_view::npos || exponent != std::string_view::npos;
  // "012.5" and "00e1" look like identifiers, not numbers.
  if (!digits || !marked || (whole.size() > 1 && whole[0] == '0')) {
    return std::nullopt;
  }
  if (exponent != std::string_view::npos) {
    std::string_view power = body.substr(exponent + 1);
    if (power.starts_with('+') || power.starts_with('-')) {
      power.remove_prefix(1);
    }
    if (!all_digits(power)) {
      return std::nullopt;
    }
  }
  const std::string_view number = text.starts_with('+') ? body : text;
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc{} || end != number.data() + number.size()) {
    return std::nullopt;
  }
  return Json(value);
}

Json scalar_to_json(const Node& node) {
  if (node.style != Style::Plain) {
    return Json(node.text);
  }
  const std::string& text = node.text;
  if (text == "true" || text == "True" || text == "TRUE") {
    return Json(true);
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return Json(false);
  }
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return Json(nullptr);
  }
  if (auto number = parse_int(text)) {
    return *std::move(number);
  }
  if (auto number = parse_float(text)) {
    return *std::move(number);
  }
  return Json(text);
}

}  // namespace

Json to_json(const Node& node) {
  switch (node.kind) {
    case Kind::Null:
      return Json(nullptr);
    case Kind::Scalar:
      return scalar_to_json(node);
    case Kind::Sequence: {
      Json::Array array;
      for (const Node& item : node.items) {
        array.push_back(to_json(item));
      }
      return Json(std::move(array));
    }
    case Kind::Map: {
      // Keys are unique already: no search per member.
      Json::Object object;
      for (const Member& member : node.members) {
        object.emplace_back(member.key.text, to_json(member.value));
      }
      return Json(std::move(object));
    }
  }
  return Json(nullptr);
}

}  // namespace reeve::document
