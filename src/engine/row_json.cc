#include "engine/row_json.h"

#include <charconv>

namespace reeve::engine {

void write_time(JsonWriter& json, std::string_view name, const std::optional<Timestamp>& at) {
  if (at) {
    json.member(name, std::string_view(format_timestamp(*at)));
  }
}

void write_text(JsonWriter& json, std::string_view name, std::string_view text) {
  if (!text.empty()) {
    json.member(name, text);
  }
}

void write_count(JsonWriter& json, std::string_view name, std::uint64_t count) {
  if (count != 0) {
    json.member(name, count);
  }
}

void write_flag(JsonWriter& json, std::string_view name, bool set) {
  if (set) {
    json.member(name, true);
  }
}

void write_values(
    JsonWriter& json, std::string_view name, const std::vector<model::NamedValue>& values
) {
  json.key(name);
  json.begin_object();
  for (const model::NamedValue& value : values) {
    json.member(value.first, std::string_view(value.second));
  }
  json.end_object();
}

std::optional<std::int64_t> decimal(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

Error corrupt_row(std::string message) {
  return make_error(ErrorCode::Corrupt, std::move(message), "mission row");
}

}  // namespace reeve::engine
