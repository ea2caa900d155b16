#pragma once

#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace reeve::templates {

/// The value of a number or character constant of the template language: an Int, or a Double if it
/// is written with a point or an exponent. Invalid: bad syntax, too large. Unsupported: complex.
Result<Json> parse_number(std::string_view literal);

/// The value of a character constant with its quotes.
Result<Json> parse_char(std::string_view literal);

}  // namespace reeve::templates
