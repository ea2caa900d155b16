#include "executor/json_pointer.h"

#include <charconv>

#include "base/strings.h"

namespace reeve::executor {

namespace {

/// "~1" is "/", "~0" is "~".
Result<std::string> unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out.push_back(token[i]);
      continue;
    }
    const char next = i + 1 < token.size() ? token[i + 1] : '\0';
    if (next != '0' && next != '1') {
      return make_error(ErrorCode::Invalid, "a \"~\" in a JSON pointer is written \"~0\"");
    }
    out.push_back(next == '0' ? '~' : '/');
    ++i;
  }
  return out;
}

const Json* step_into(const Json& value, const std::string& token) {
  if (value.is_object()) {
    return value.find(token);
  }
  if (!value.is_array()) {
    return nullptr;
  }
  std::size_t index = 0;
  const char* end = token.data() + token.size();
  const auto parsed = std::from_chars(token.data(), end, index);
  const bool leading_zero = token.size() > 1 && token.front() == '0';
  if (parsed.ec != std::errc{} || parsed.ptr != end || leading_zero) {
    return nullptr;
  }
  return index < value.as_array().size() ? &value.as_array()[index] : nullptr;
}

}  // namespace

Result<const Json*> resolve_pointer(const Json& document, std::string_view pointer) {
  if (pointer.empty()) {
    return &document;
  }
  if (pointer.front() != '/') {
    Error error =
        make_error(ErrorCode::Invalid, concat("\"", pointer, "\" is no JSON pointer"), "outputs");
    error.hint = "a pointer is empty or starts with /";
    return error;
  }
  const Json* value = &document;
  for (const std::string_view part : split(pointer.substr(1), '/')) {
    REEVE_TRY(const std::string token, unescaped(part));
    value = step_into(*value, token);
    if (value == nullptr) {
      return make_error(ErrorCode::NotFound, concat("the response has no ", pointer));
    }
  }
  return value;
}

std::string output_text(const Json& value) {
  return value.is_string() ? value.as_string() : value.dump();
}

}  // namespace reeve::executor
