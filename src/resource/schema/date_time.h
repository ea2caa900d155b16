#pragma once

#include <string_view>

namespace reeve::resource::schema {

/// Whether `text` is a date-time of RFC 3339 section 5.6: "2026-11-21T09:30:00.5+01:00".
bool is_date_time(std::string_view text);

}  // namespace reeve::resource::schema
