#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace reeve::resource::schema {
struct ResourceType;
}  // namespace reeve::resource::schema

/// Where objects of a kind are in the API. Private to cli.
namespace reeve::cli {

/// The kind that somebody calls `word`: its plural, singular, kind or a short name, in any case,
/// perhaps with `.GROUP`. NotFound: names what is nearest.
Result<const resource::schema::ResourceType*> find_type(std::string_view word);

/// The kind of an object, from its apiVersion and kind. Invalid, NotFound.
Result<const resource::schema::ResourceType*> type_of(const Json& object);

/// `/apis/reeve.dev/v1/namespaces/team/missions`; `ns` empty: of all namespaces.
std::string collection_path(const resource::schema::ResourceType& type, std::string_view ns);

/// The same of one object.
std::string object_path(
    const resource::schema::ResourceType& type, std::string_view ns, std::string_view name
);

/// `mission.reeve.dev`
std::string qualified_singular(const resource::schema::ResourceType& type);

}  // namespace reeve::cli
