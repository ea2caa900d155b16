#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

/// What one run leaves for the next one: the context bundle of a mission.
namespace reeve::bundle {

/// Longest text that is looked at.
inline constexpr std::size_t kSourceBytesMax = std::size_t{16} << 10U;
/// What a bundle may cost whoever reads it, by the estimate below.
inline constexpr std::size_t kTokensMax = 2000;
inline constexpr std::size_t kBytesPerToken = 4;
/// Faults that are reported of one text.
inline constexpr std::size_t kFaultsMax = 20;

/// One thing that is wrong, and with what: `decisions[2].rationale`; empty for the whole.
struct Fault {
  std::string field;
  std::string message;

  /// "decisions[2].rationale: must be a text".
  std::string describe() const;
};

/// A valid bundle. See README.md for its sections.
class Bundle {
 public:
  /// Reads one JSON object. On failure every fault is listed in `faults`, at most kFaultsMax of
  /// them; the error is Invalid and names the first.
  static Result<Bundle> parse(std::string_view text, std::vector<Fault>& faults);

  const Json& json() const { return json_; }

  /// Compact JSON; parsing it gives the same bundle.
  std::string text() const { return json_.dump(); }

  std::size_t tokens() const;

  /// For people: one heading for each section that says something, in a fixed order.
  std::string render() const;

 private:
  explicit Bundle(Json json) : json_(std::move(json)) {}

  Json json_;
};

/// Tokens of a text, by its length.
std::size_t estimated_tokens(std::string_view text);

}  // namespace reeve::bundle
