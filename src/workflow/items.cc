#include "workflow/items.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "workflow/workflow.h"

namespace reeve::workflow {

namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (text.empty() || error != std::errc{} || end != last) {
    return std::nullopt;
  }
  return value;
}

Result<void> within_limit(std::uint64_t count) {
  if (count > kFanOutMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("has ", count, " items, at most ", kFanOutMax, " are allowed")
    );
  }
  return {};
}

Result<Json> items_of(const ItemRange& range) {
  REEVE_CHECK(within_limit(range.size()));
  Json items = Json::array();
  for (std::uint64_t i = 0; i < range.size(); ++i) {
    items.push(Json(range.first + static_cast<std::int64_t>(i)));
  }
  return items;
}

}  // namespace

std::optional<ItemRange> parse_range(std::string_view text) {
  constexpr std::string_view kDots = "..";
  text = trim(text);
  const std::size_t dots = text.find(kDots);
  if (dots == std::string_view::npos) {
    return std::nullopt;
  }
  const auto first = number(trim(text.substr(0, dots)));
  const auto last = number(trim(text.substr(dots + kDots.size())));
  if (!first || !last) {
    return std::nullopt;
  }
  return ItemRange{*first, *last};
}

bool is_value_name(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !text.empty() && text.size() <= kNameBytesMax && letter(text[0]) &&
         std::all_of(text.begin(), text.end(), [letter](char c) {
           return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

Result<Json> parse_items(std::string_view text) {
  text = trim(text);
  if (const auto range = parse_range(text)) {
    return items_of(*range);
  }
  if (!text.starts_with('[')) {
    return make_error(ErrorCode::Invalid, "is neither a JSON array nor a range such as 1..10");
  }
  auto items = parse_json(text);
  if (!items.ok()) {
    Error error = std::move(items).error();
    error.message = concat("is no JSON array: ", error.message);
    return error;
  }
  REEVE_CHECK(check_items(*items));
  return items;
}

Result<void> check_items(const Json& value) {
  if (!value.is_array()) {
    return make_error(ErrorCode::Invalid, "is no JSON array");
  }
  return within_limit(value.as_array().size());
}

}  // namespace reeve::workflow
