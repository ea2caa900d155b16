#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace reeve::gateway {

/// Nodes and depth of one schema; values it compares with; steps of one check.
inline constexpr std::size_t kSchemaNodesMax = 2'000;
inline constexpr std::size_t kSchemaDepthMax = 64;
inline constexpr std::size_t kSchemaStepsMax = 200'000;
inline constexpr std::size_t kSchemaBytesMax = std::size_t{256} << 10U;

/// The JSON Schema (2020-12) of a tool's arguments, as far as it can be checked: types, enum and
/// const, objects, arrays, bounds, allOf, anyOf, oneOf, not, `$ref` into the same document. What
/// only describes (title, format, …) is passed over. Everything else is refused: arguments are not
/// let through half checked.
///
/// Any thread; immutable.
class ArgumentSchema {
 public:
  /// Unsupported: a keyword that cannot be checked, or a reference that leads elsewhere.
  /// LimitExceeded. Invalid: it is no schema.
  static Result<ArgumentSchema> compile(const Json& schema);

  /// Invalid: the first thing that is wrong; `subject` is where ("path", "items[2].name").
  Result<void> check(const Json& arguments) const;

 private:
  std::shared_ptr<const Json> schema_;
};

}  // namespace reeve::gateway
