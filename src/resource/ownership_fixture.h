#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "resource/fixture.h"
#include "resource/managed_fields.h"

/// What the tests of managed fields and of apply share. For tests only.
namespace reeve::resource::test {

inline constexpr std::string_view kLater = "2026-11-21T08:54:34Z";

inline ListRule conditions(const std::vector<std::string>& path) {
  if (path == std::vector<std::string>{"spec", "whole"}) {
    return {.type = ListType::Atomic, .keys = {}, .map_atomic = true};
  }
  return path == std::vector<std::string>{"status", "conditions"}
             ? ListRule{ListType::Map, {"type"}}
             : ListRule{};
}

inline FieldWriter writer(std::string manager, std::string time, std::string subresource = "") {
  return {std::move(manager), "reeve.dev/v1", std::move(subresource), std::move(time)};
}

inline Json object(std::string_view rest) {
  Json result = json(R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"g1"}})");
  const Json more = json(rest);
  for (const Json::Member& member : more.as_object()) {
    result.set(member.first, member.second);
  }
  return result;
}

inline Json with(Json base, std::string_view patch) {
  const Json changes = json(patch);
  for (const Json::Member& member : changes.as_object()) {
    base.set(member.first, member.second);
  }
  return base;
}

inline Json create(std::string_view rest, std::string_view manager = "me") {
  return track_update(
             missions(),
             nullptr,
             object(rest),
             writer(std::string(manager), "2026-11-21T08:54:30Z"),
             conditions
  )
      .value();
}

inline Json update(
    const Json& before, Json after, std::string manager, std::string_view time = kLater
) {
  return track_update(
             missions(),
             &before,
             std::move(after),
             writer(std::move(manager), std::string(time)),
             conditions
  )
      .value();
}

inline Outcome<Json> try_apply(
    const Json* existing,
    std::string_view rest,
    std::string manager,
    bool force = false,
    std::string subresource = ""
) {
  return apply_object(
      missions(),
      existing,
      object(rest),
      {writer(std::move(manager), std::string(kLater), std::move(subresource)), force},
      conditions
  );
}

inline Json apply(
    const Json* existing,
    std::string_view rest,
    std::string manager,
    bool force = false,
    std::string subresource = ""
) {
  return try_apply(existing, rest, std::move(manager), force, std::move(subresource)).value();
}

/// `manager operation subresource fieldsV1` of each entry.
inline std::vector<std::string> owners(const Json& of) {
  std::vector<std::string> lines;
  const Json* managed = of.find("metadata")->find("managedFields");
  if (managed == nullptr) {
    return lines;
  }
  for (const Json& entry : managed->as_array()) {
    lines.push_back(
        entry.get_string("manager") + " " + entry.get_string("operation") + " " +
        entry.get_string("subresource") + " " + entry.find("fieldsV1")->dump()
    );
  }
  return lines;
}

using Lines = std::vector<std::string>;

}  // namespace reeve::resource::test
