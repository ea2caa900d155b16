#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/cause.h"

/// Causes with the reasons and texts of Kubernetes' field errors, so that clients which read them
/// need not know us.
namespace reeve::resource {

bool operator==(const Cause& left, const Cause& right);

/// `Required value` or `Required value: detail`.
Cause required_value(std::string field, std::string_view detail = {});
/// `Invalid value: "text": detail`.
Cause invalid_value(std::string field, std::string_view text, std::string_view detail);
/// `Invalid value: 7: detail`: the value as JSON, cut off where it is long.
Cause invalid_json(std::string field, const Json& value, std::string_view detail);
/// What the value must be, `type` being a JSON Schema type:
/// `Invalid value: "string": spec.a in body must be of type integer: "string"`.
Cause wrong_type(std::string field, std::string_view type, const Json& value);
/// `Unsupported value: "x": supported values: "a", "b"`.
Cause unsupported_value(
    std::string field, std::string_view text, const std::vector<std::string>& supported
);
/// `Forbidden: detail`.
Cause forbidden_value(std::string field, std::string_view detail);
/// `Duplicate value: "x"`.
Cause duplicate_value(std::string field, std::string_view text);
/// `Too long: must have at most N bytes`.
Cause too_long(std::string field, std::size_t bytes_max);
/// `Too many: N: must have at most M items`.
Cause too_many(std::string field, std::size_t count, std::size_t count_max);

/// The text in double quotes, with quotes, backslashes and control characters escaped.
std::string quoted(std::string_view text);

/// `field: message`, or the message alone.
std::string describe(const Cause& cause);

/// All causes in one text, a repeated one once: `a`, or `[a, b]`.
std::string describe(const std::vector<Cause>& causes);

}  // namespace reeve::resource
