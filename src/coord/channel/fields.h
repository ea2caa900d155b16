#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

/// Members of stored objects: what is missing or of another type is Corrupt. Private to
/// coord/channel.
namespace reeve::coord {

Result<std::string> text_field(const Json& object, std::string_view name);
Result<std::uint64_t> number_field(const Json& object, std::string_view name);
Result<Timestamp> time_field(const Json& object, std::string_view name);
/// Absent: none.
Result<std::optional<Timestamp>> optional_time_field(const Json& object, std::string_view name);
/// Absent: zero.
Result<Duration> optional_duration_field(const Json& object, std::string_view name);

/// Left out if there is none.
void set_optional(Json& object, std::string name, const std::optional<Timestamp>& at);
/// Left out if it is zero.
void set_optional(Json& object, std::string name, Duration duration);

}  // namespace reeve::coord
