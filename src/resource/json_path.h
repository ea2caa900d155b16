#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace reeve::resource {

inline constexpr std::size_t kJsonPathBytesMax = 1024;
inline constexpr std::size_t kJsonPathStepsMax = 32;

/// The part of JSONPath that columns of tables need:
/// `.status.phase`, `.metadata.labels['a.b/c']`, `.spec.items[0]`,
/// `.status.conditions[?(@.type=="Ready")].status`, `.spec.tasks.length()`; braces around it are
/// fine.
class JsonPath {
 public:
  /// Invalid: anything else.
  static Result<JsonPath> parse(std::string_view text);

  /// The value, or null if there is none. A filter gives the first member that matches.
  Json evaluate(const Json& object) const;

 private:
  struct Step {
    enum class Kind { Member, Index, Filter, Length };

    Kind kind = Kind::Member;
    std::string name;               ///< of Member
    std::size_t index = 0;          ///< of Index
    std::vector<std::string> path;  ///< of Filter: below @
    Json value;                     ///< of Filter
  };

  friend class JsonPathParser;

  static const Json* first_match(const Json& list, const Step& step);

  std::vector<Step> steps_;
};

}  // namespace reeve::resource
