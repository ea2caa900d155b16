#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "api/compat/fractal.h"
#include "base/strings.h"

/// What the translations of Fractal's kinds share. For the sources of this folder only.
namespace reeve::api::fractal {

/// What a Shard said, as JSON: the text of a mission's workflow is not shown again.
inline constexpr std::string_view kSpecAnnotation = "fractal.ai/spec";

/// The member; an empty object if it is not there or null.
inline const Json& member(const Json& object, std::string_view name) {
  static const Json kNone = Json::object();
  const Json* found = object.find(name);
  return found == nullptr || found->is_null() ? kNone : *found;
}

inline Error invalid(std::string_view field, std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), std::string(field));
}

/// Refuses members that are not among those that are understood.
template <std::size_t Count>
Result<void> only(
    const Json& object, std::string_view path, const std::array<std::string_view, Count>& known
) {
  if (!object.is_object()) {
    return invalid(path, "must be an object");
  }
  for (const auto& [name, value] : object.as_object()) {
    bool found = false;
    for (const std::string_view each : known) {
      found = found || each == name;
    }
    if (!found) {
      return invalid(concat(path, ".", name), "has no counterpart here");
    }
  }
  return {};
}

/// Copies a member that is there and not null, perhaps under another name.
inline void copy(const Json& from, std::string_view name, Json& to, std::string_view as = {}) {
  if (const Json* found = from.find(name); found != nullptr && !found->is_null()) {
    to.set(std::string(as.empty() ? name : as), *found);
  }
}

inline Json object_of(std::string_view api_version, std::string_view kind, Json metadata) {
  Json object = Json::object();
  object.set("apiVersion", api_version).set("kind", kind).set("metadata", std::move(metadata));
  return object;
}

/// The Mission of a Shard. Invalid.
Result<Json> mission_of(const Json& object);
/// `spec` and `status` of the Shard that a Mission is.
Json shard_of(const Json& mission);
/// `spec` and `status` of the ShardRun that a Run is.
Json shard_run_of(const Json& run);
/// `SHARD-ATTEMPT`; of a Shard that was begun anew, `SHARD-EPOCH-ATTEMPT`.
std::string shard_run_name(std::string_view shard, std::int64_t epoch, std::int64_t attempt);

}  // namespace reeve::api::fractal
