#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/objects/objects.h"

namespace reeve::api {

using Labels = std::vector<std::pair<std::string_view, std::string>>;

/// The metadata that clients see: what the row says, what clients have set, and the labels that the
/// server sets (which win).
Json make_metadata(const Source& source, const Labels& labels);

/// Who owns an object and is gone with it.
Json owner_reference(std::string_view kind, std::string_view name, std::string_view uid);

/// A condition of `status.conditions`. `status` is "True", "False" or "Unknown".
Json condition(
    std::string_view type,
    std::string_view status,
    std::string_view reason,
    std::string message,
    std::string_view since
);

/// `COMPLETE` as `Complete`, `no_capacity` as `NoCapacity`.
std::string camel_case(std::string_view text);

/// `2026-11-21T09:30:00.123Z` as `2026-11-21T09:30:00Z`, as metadata has times.
std::string whole_seconds(std::string_view time);

/// A uid that belongs to part of an object: always the same for the same part.
Uid part_uid(const Uid& whole, std::string_view part);

/// The member as an object; an empty one if there is none.
const Json& member(const Json& object, std::string_view name);

/// The elements of the member; none if it is no array.
const Json::Array& elements(const Json& object, std::string_view name);

/// Copies a member if it is there.
void copy_member(const Json& from, std::string_view name, Json& to);

}  // namespace reeve::api
