#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "resource/schema/contract.h"

/// The pieces that the documents of openapi.h are made of.
namespace reeve::resource::schema {

/// Which dialect a schema is written in.
enum class Dialect : std::uint8_t {
  V2,   ///< Swagger 2.0: no alternatives, nothing nullable
  V3,   ///< OpenAPI 3.0
  Crd,  ///< structural: the part of OpenAPI 3.0 that clusters accept in definitions of resources
};

inline constexpr std::string_view kObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
inline constexpr std::string_view kListMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";

/// "dev.reeve.v1.Mission", and Kubernetes' own names for its kinds.
std::string component_name(const ResourceType& type);

/// The whole object as others may read it: keywords of ours are translated or left out, metadata is
/// a reference, unless the dialect is Crd.
Json object_component(const ResourceType& type, Dialect dialect);

/// The list of such objects.
Json list_component(const ResourceType& type, Dialect dialect);

/// The schema of metadata, with its own properties.
Json metadata_component(const ResourceType& any, Dialect dialect);

/// The schema of a list's metadata.
Json list_metadata_component();

/// Translates one schema.
Json published(const Json& schema, Dialect dialect);

/// `{"$ref": …}` to a component.
Json reference_to(std::string_view component, Dialect dialect);

/// `x-kubernetes-group-version-kind` of one operation; components have a list of them.
Json group_version_kind(std::string_view group, std::string_view version, std::string_view kind);

}  // namespace reeve::resource::schema
