#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "base/strings.h"
#include "workflow/template/functions.h"
#include "workflow/template/printf.h"
#include "workflow/template/text.h"

/// The functions of Formicary's job definitions and our additions, as far as they are pure.
namespace reeve::templates {

namespace {

Result<Value> run_dict(const Call& call) {
  if (call.arguments.size() % 2 != 0) {
    return call.error(call.arguments.size() - 1, "the last key has no value");
  }
  Json dict = Json::object();
  for (std::size_t i = 0; i < call.arguments.size(); i += 2) {
    REEVE_TRY(const std::string_view key, call.text(i));
    // `set` looks at every member.
    REEVE_CHECK(call.charge(i / 2));
    dict.set(std::string(key), call.json(i + 1));
  }
  if (!is_shallow(dict)) {
    return make_error(
        ErrorCode::LimitExceeded, concat("Dict: nested deeper than ", kValueDepthMax)
    );
  }
  return Value::own(std::move(dict));
}

Result<Value> run_iterate(const Call& call) {
  REEVE_TRY(const std::int64_t count, call.integer(0));
  if (count < 0) {
    return call.error(0, concat("expected unsigned integer; got ", count));
  }
  REEVE_CHECK(call.charge(static_cast<std::size_t>(count)));
  Json::Array numbers;
  numbers.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    numbers.emplace_back(i);
  }
  return Value::own(Json(std::move(numbers)));
}

Result<Value> run_add(const Call& call) {
  REEVE_TRY(const std::int64_t left, call.integer(0));
  REEVE_TRY(const std::int64_t right, call.integer(1));
  std::int64_t sum = 0;
  if (__builtin_add_overflow(left, right, &sum)) {
    return call.error(1, concat(left, " + ", right, " overflows int"));
  }
  return Value::own(Json(sum));
}

Result<Value> run_default(const Call& call) {
  const Json& value = call.json(1);
  const bool empty = value.is_null() || (value.is_string() && value.as_string().empty());
  return empty ? call.arguments[0] : call.arguments[1];
}

Result<Value> run_trim_prefix(const Call& call) {
  REEVE_TRY(std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view prefix, call.text(1));
  text.remove_prefix(text.starts_with(prefix) ? prefix.size() : 0);
  return call.result(std::string(text));
}

Result<Value> run_trim_suffix(const Call& call) {
  REEVE_TRY(std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view suffix, call.text(1));
  text.remove_suffix(text.ends_with(suffix) ? suffix.size() : 0);
  return call.result(std::string(text));
}

Result<Value> run_has_prefix(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view prefix, call.text(1));
  return Value::own(Json(text.starts_with(prefix)));
}

Result<Value> run_has_suffix(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view suffix, call.text(1));
  return Value::own(Json(text.ends_with(suffix)));
}

Result<Value> run_contains(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view part, call.text(1));
  return Value::own(Json(text.find(part) != std::string_view::npos));
}

/// Without something to look for, Go puts the new text around every character.
std::string interleave(std::string_view text, std::string_view fresh) {
  std::string out(fresh);
  while (!text.empty()) {
    const std::size_t size = decode_rune(text).size;
    out += text.substr(0, size);
    out += fresh;
    text.remove_prefix(size);
  }
  return out;
}

Result<Value> run_replace(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view old, call.text(1));
  REEVE_TRY(const std::string_view fresh, call.text(2));
  if (old.empty()) {
    // Checked before: the result may be far larger than what the limit allows to hold.
    if (!fresh.empty() && rune_count(text) + 1 > call.bytes_max / fresh.size()) {
      return call.too_long();
    }
    return call.result(interleave(text, fresh));
  }
  std::string out;
  std::size_t at = 0;
  while (out.size() <= call.bytes_max) {
    const std::size_t found = text.find(old, at);
    out += text.substr(at, found == std::string_view::npos ? found : found - at);
    if (found == std::string_view::npos) {
      return call.result(std::move(out));
    }
    out += fresh;
    at = found + old.size();
  }
  return call.too_long();
}

Result<Value> run_lower(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  return call.result(map_case(text, false));
}

Result<Value> run_upper(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  return call.result(map_case(text, true));
}

Result<Value> run_title(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  return call.result(title_case(text));
}

/// Marks text as HTML upstream; nothing is escaped here in the first place.
Result<Value> run_unescape(const Call& call) {
  REEVE_CHECK(call.text(0));
  return call.arguments[0];
}

bool is_link(std::string_view text) {
  const bool scheme = text.starts_with("http://") || text.starts_with("https://");
  const std::size_t rest = text.find("//") + 2;
  return scheme && rest < text.size() &&
         text.find_first_of(" \t\r\n<>\"") == std::string_view::npos;
}

Result<Value> run_markdown_link(const Call& call) {
  REEVE_TRY(const std::string_view text, call.text(0));
  std::string_view label = text;
  std::string_view link = text;
  const std::size_t middle = text.find("](");
  if (text.starts_with('[') && text.ends_with(')') && middle != std::string_view::npos) {
    label = text.substr(1, middle - 1);
    link = text.substr(middle + 2, text.size() - middle - 3);
  }
  if (label.empty() || !is_link(link)) {
    return call.result(escape_html(text));
  }
  return call.result(concat(
      "<a href=\"",
      escape_html(link),
      "\" target=\"_blank\" rel=\"noopener noreferrer\">",
      escape_html(label),
      "</a>"
  ));
}

Result<Value> run_percent100(const Call& call) {
  REEVE_TRY(const std::int64_t received, call.integer(0));
  REEVE_TRY(const std::int64_t required, call.integer(1));
  if (required <= 0 || received <= 0) {
    return Value::own(Json(0));
  }
  if (received >= required) {
    return Value::own(Json(100));
  }
  const double percent = static_cast<double>(received) / static_cast<double>(required) * 100;
  return Value::own(Json(static_cast<std::int64_t>(percent)));
}

/// Reads all of `text`, an optional '+' aside; 0 if it is no number.
template <class Number>
Number number_or_zero(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) {
    text.remove_prefix(1);
  }
  Number number{};
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  return status == std::errc{} && end == text.data() + text.size() ? number : Number{};
}

Result<Value> run_atoi(const Call& call) {
  if (call.json(0).is_int()) {
    return call.arguments[0];
  }
  REEVE_TRY(const std::string_view text, call.text(0));
  return Value::own(Json(number_or_zero<std::int64_t>(text)));
}

Result<Value> run_atof(const Call& call) {
  if (call.json(0).is_number()) {
    return Value::own(Json(call.json(0).as_double()));
  }
  REEVE_TRY(const std::string_view text, call.text(0));
  return Value::own(Json(number_or_zero<double>(text)));
}

std::string shell_word(const Json& json, std::size_t bytes_max, bool& full) {
  std::string text;
  Printer printer(text, bytes_max);
  if (!json.is_null()) {
    printer.print(json);
  }
  full = full || printer.full();
  return text;
}

/// Every argument becomes one word, every element of an array too; nil becomes ''.
Result<Value> run_shellquote(const Call& call) {
  std::string out;
  bool full = false;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const Json& argument = call.json(i);
    const bool list = argument.is_array();
    const std::size_t words = list ? argument.as_array().size() : 1;
    for (std::size_t word = 0; word < words; ++word) {
      const Json& item = list ? argument.as_array()[word] : argument;
      const std::string text = shell_word(item, call.bytes_max, full);
      if (text.find('\0') != std::string::npos) {
        return call.error(i, "a shell word cannot contain the character NUL");
      }
      out += out.empty() ? "" : " ";
      out += quote_shell(text);
      if (full || out.size() > call.bytes_max) {
        return call.too_long();
      }
    }
  }
  return call.result(std::move(out));
}

Result<Value> run_to_json(const Call& call) {
  return call.result(call.json(0).dump());
}

Result<Value> run_join(const Call& call) {
  REEVE_TRY(const std::string_view separator, call.text(1));
  const Json& list = call.json(0);
  if (!list.is_array()) {
    return call.error(0, concat("wrong type for value; expected a list; got ", type_name(list)));
  }
  std::string out;
  Printer printer(out, call.bytes_max);
  for (const Json& item : list.as_array()) {
    printer.write(&item == list.as_array().data() ? std::string_view() : separator);
    printer.print(item);
    if (printer.full()) {
      return call.too_long();
    }
  }
  return call.result(std::move(out));
}

Result<Value> run_split(const Call& call) {
  REEVE_TRY(std::string_view text, call.text(0));
  REEVE_TRY(const std::string_view separator, call.text(1));
  Json::Array parts;
  while (true) {
    REEVE_CHECK(call.charge(1));
    std::size_t end = text.find(separator);
    if (separator.empty()) {
      end = text.empty() ? std::string_view::npos : decode_rune(text).size;
      end = end >= text.size() ? std::string_view::npos : end;
    }
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      break;
    }
    text.remove_prefix(end + separator.size());
  }
  return Value::own(Json(std::move(parts)));
}

constexpr std::array<Builtin, 22> kFormicary{{
    {"Add", 2, 2, run_add},
    {"Dict", 0, kAnyNumber, run_dict, true},
    {"Iterate", 1, 1, run_iterate},
    {"MarkdownLink", 1, 1, run_markdown_link},
    {"Percent100", 2, 2, run_percent100},
    {"Unescape", 1, 1, run_unescape},
    {"atof", 1, 1, run_atof},
    {"atoi", 1, 1, run_atoi},
    {"contains", 2, 2, run_contains},
    {"default", 2, 2, run_default},
    {"hasPrefix", 2, 2, run_has_prefix},
    {"hasSuffix", 2, 2, run_has_suffix},
    {"join", 2, 2, run_join},
    {"lower", 1, 1, run_lower},
    {"replace", 3, 3, run_replace},
    {"shellquote", 1, kAnyNumber, run_shellquote},
    {"split", 2, 2, run_split},
    {"title", 1, 1, run_title},
    {"toJson", 1, 1, run_to_json, true},
    {"trimPrefix", 2, 2, run_trim_prefix},
    {"trimSuffix", 2, 2, run_trim_suffix},
    {"upper", 1, 1, run_upper},
}};

}  // namespace

std::span<const Builtin> formicary_builtins() {
  return kFormicary;
}

}  // namespace reeve::templates
