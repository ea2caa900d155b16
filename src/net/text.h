#pragma once

#include <string_view>

/// Comparison and pieces of header text. Pure; any thread.
namespace reeve::net {

/// Whether two texts are the same but for the case of ASCII letters.
bool same_text(std::string_view a, std::string_view b);

/// `text` without spaces and tabs at its ends (OWS of RFC 9110, 5.6.3).
std::string_view trim_field(std::string_view text);

/// Whether the comma-separated list `value` has the element `token`, in any case.
bool list_has(std::string_view value, std::string_view token);

/// Whether `text` is a token (RFC 9110, 5.6.2): a method, the name of a field.
bool is_token(std::string_view text);

/// Whether `text` can be the value of a field: no control characters but tabs.
bool is_field_value(std::string_view text);

}  // namespace reeve::net
