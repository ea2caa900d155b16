#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace reeve::workflow {

/// Bytes of the conditions that lie over one item.
inline constexpr std::size_t kGuardBytesMax = 4096;
/// Bytes that conditions add to the items of a document, all together.
inline constexpr std::size_t kGuardsBytesMax = std::size_t{4} << 20U;

/// A condition on a line of its own that is decided while loading although a name in it is not
/// known by then.
struct EarlyCondition {
  Position position;
  std::string name;
};

/// A document whose late conditions became items of the lists they stand in.
struct Deferred {
  std::string text;
  /// How many lines were changed; 0: `text` is what it was.
  std::size_t changed = 0;
  std::vector<EarlyCondition> early;
};

/// Puts off conditions that only the run can decide. Where `{{ if }}`, `{{ else }}` and `{{ end }}`
/// on lines of their own surround items of a script or of artifact paths, and a name in the
/// condition is not in `data`, those lines become quoted items `- '{{ if … }}'`, which the decoder
/// lays over the items between them. Lines keep their numbers.
Deferred defer_conditions(std::string_view text, const Json& data);

/// The `{{ if }}`, `{{ else }}` and `{{ end }}` items of a list, laid over the items between them.
class Guards {
 public:
  /// Whether `item` is nothing but such an action, belongs to the conditions seen so far and is
  /// within the limits.
  bool take(std::string_view item);

  /// `text` under all open conditions: empty when rendered while one of them does not hold.
  std::string over(std::string_view text) const;

  /// What `over` puts before the text.
  std::size_t prefix_size() const;

  bool open() const { return !prefixes_.empty(); }

 private:
  std::vector<std::string> prefixes_;
};

}  // namespace reeve::workflow
