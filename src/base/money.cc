#include "base/money.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve {

namespace {

constexpr std::size_t kDigitsMax = 9;
constexpr std::size_t kShownMin = 2;
constexpr std::int64_t kTen = 10;

bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::int64_t number_of(std::string_view digits) {
  std::int64_t number = 0;
  for (const char c : digits) {
    number = number * kTen + (c - '0');
  }
  return number;
}

}  // namespace

Result<Money> Money::parse(std::string_view text) {
  std::string_view amount = text;
  if (amount.starts_with('$')) {
    amount.remove_prefix(1);
  }
  const std::size_t point = amount.find('.');
  const std::string_view whole = amount.substr(0, point);
  const std::string_view part =
      point == std::string_view::npos ? std::string_view() : amount.substr(point + 1);
  const bool bare_point = point != std::string_view::npos && part.empty();
  if (whole.empty() || bare_point || whole.size() > kDigitsMax || part.size() > kDigitsMax ||
      !all_digits(whole) || !all_digits(part)) {
    return make_error(
        ErrorCode::Invalid,
        concat(
            "\"",
            text,
            "\" is no amount: write it like \"12.50\", with at most 9 digits on ",
            "each side of the point"
        ),
        "amount"
    );
  }
  std::string nanos(part);
  nanos.resize(kDigitsMax, '0');
  return from_nanos(number_of(whole) * kNanos + number_of(nanos));
}

std::string Money::text() const {
  std::string part = concat(nanos_ % kNanos);
  part.insert(0, kDigitsMax - part.size(), '0');
  while (part.size() > kShownMin && part.back() == '0') {
    part.pop_back();
  }
  return concat(nanos_ / kNanos, ".", part);
}

Money Money::times(std::uint64_t count, std::uint64_t per) const {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(nanos_) * count;
  const Wide rounded = product / per + (product % per == 0 ? 0 : 1);
  return rounded > static_cast<Wide>(INT64_MAX) ? max()
                                                : from_nanos(static_cast<std::int64_t>(rounded));
}

}  // namespace reeve
