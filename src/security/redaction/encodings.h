#pragma once

#include <string>
#include <string_view>
#include <vector>

/// The forms in which programs write a value. Private to src/security/redaction.
namespace reeve::redaction {

/// Every byte string that stands for `value` in text: itself, its lines if it has several, and what
/// the common encodings make of it (README.md lists them). Without repetitions, none shorter than
/// kValueBytesMin.
std::vector<std::string> forms_of(std::string_view value);

}  // namespace reeve::redaction
