#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "configuration/configuration.h"
#include "configuration/setting.h"

/// Texts and values. Private to src/configuration.
namespace reeve::configuration {

/// The value that `text` writes, checked. Invalid: the message tells what is wrong without the name
/// of the setting; the text of a secret is not repeated.
Result<Value> parse_value(const Setting& setting, std::string_view text);

/// The same for the entries of a list.
Result<Value> parse_entries(const Setting& setting, std::vector<std::string> entries);

/// What `parse_value` reads as `value`.
std::string write_value(const Setting& setting, const Value& value);

/// The row's place in the table.
std::size_t index_of(const Setting& setting);

}  // namespace reeve::configuration
