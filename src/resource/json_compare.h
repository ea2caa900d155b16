#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace reeve::resource {

/// The members of one object by name, for lookups in objects whose size others choose: building is
/// n log n, a lookup log n. Refers to the object, which must not change meanwhile.
class MemberIndex {
 public:
  explicit MemberIndex(const Json::Object& object);

  /// The position of the member in the object, or `npos`.
  std::size_t position(std::string_view key) const;
  /// Null if absent.
  const Json* find(std::string_view key) const;

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

 private:
  const Json::Object& object_;
  std::vector<std::size_t> order_;  // positions in order of key; empty for small objects
};

/// Whether two values mean the same: the order of members does not matter, 1 and 1.0 are equal.
bool equivalent(const Json& left, const Json& right);

/// Removes a member if it is there.
void erase_member(Json& object, std::string_view key);

/// Levels of nesting; 1 for a value that is neither object nor array.
int json_depth(const Json& value);

/// Roughly the length of the JSON text, without making it.
std::size_t json_size(const Json& value);

}  // namespace reeve::resource
