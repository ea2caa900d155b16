#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

/// What the items of a fan-out are.
namespace reeve::workflow {

/// "first..last", both included.
struct ItemRange {
  std::int64_t first = 0;
  std::int64_t last = 0;

  bool goes_down() const { return last < first; }

  std::uint64_t size() const {
    const std::uint64_t steps =
        static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
    return goes_down() ? 0 : steps == ~std::uint64_t{0} ? steps : steps + 1;
  }
};

/// Nothing if `text` does not look like "1..10".
std::optional<ItemRange> parse_range(std::string_view text);

/// Whether `text` can be the name of a value.
bool is_value_name(std::string_view text);

/// The items that `text` writes out: a JSON array, or a range; one that goes down has none.
/// Invalid: it is neither (the name of a value, for instance). LimitExceeded: more than kFanOutMax.
Result<Json> parse_items(std::string_view text);

/// Whether `value` can be the items: an array of at most kFanOutMax. Errors as above.
Result<void> check_items(const Json& value);

}  // namespace reeve::workflow
