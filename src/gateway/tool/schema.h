#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace reeve::gateway {

/// Nodes, depth and size of one schema; steps of one check. A step is a part of a schema that is
/// looked at, or some 64 bytes that are read or compared.
inline constexpr std::size_t kSchemaNodesMax = 2'000;
inline constexpr std::size_t kSchemaDepthMax = 64;
inline constexpr std::size_t kSchemaStepsMax = 100'000;
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
  friend class ArgumentChecker;

  /// Values that `enum` and `const` allow, as texts that are the same if the values are.
  using Values = std::map<const Json*, std::set<std::string, std::less<>>>;

  std::shared_ptr<const Json> schema_;
  std::shared_ptr<const Values> values_;
};

}  // namespace reeve::gateway
