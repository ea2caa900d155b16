#include "coord/channel/fields.h"

#include <utility>

#include "base/strings.h"

namespace reeve::coord {

namespace {

Error corrupt(std::string_view name) {
  return make_error(ErrorCode::Corrupt, "missing, or of the wrong type", std::string(name));
}

}  // namespace

Result<std::string> text_field(const Json& object, std::string_view name) {
  const Json* const field = object.find(name);
  if (field == nullptr || !field->is_string()) {
    return corrupt(name);
  }
  return field->as_string();
}

Result<std::uint64_t> number_field(const Json& object, std::string_view name) {
  const Json* const field = object.find(name);
  if (field == nullptr || !field->is_int() || field->as_int() < 0) {
    return corrupt(name);
  }
  return static_cast<std::uint64_t>(field->as_int());
}

Result<Timestamp> time_field(const Json& object, std::string_view name) {
  REEVE_TRY(const std::string text, text_field(object, name));
  const auto at = parse_timestamp(text);
  if (!at) {
    return corrupt(name);
  }
  return *at;
}

Result<std::optional<Timestamp>> optional_time_field(const Json& object, std::string_view name) {
  if (object.find(name) == nullptr) {
    return std::optional<Timestamp>();
  }
  REEVE_TRY(const Timestamp at, time_field(object, name));
  return std::optional(at);
}

Result<Duration> optional_duration_field(const Json& object, std::string_view name) {
  if (object.find(name) == nullptr) {
    return Duration(0);
  }
  REEVE_TRY(const std::string text, text_field(object, name));
  return parse_duration(text);
}

void set_optional(Json& object, std::string name, const std::optional<Timestamp>& at) {
  if (at) {
    object.set(std::move(name), format_timestamp(*at));
  }
}

void set_optional(Json& object, std::string name, Duration duration) {
  if (duration > Duration(0)) {
    object.set(std::move(name), format_duration(duration));
  }
}

}  // namespace reeve::coord
