#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "resource/status.h"

namespace reeve::resource {

inline constexpr std::size_t kAcceptBytesMax = 8192;
inline constexpr std::size_t kAcceptRangesMax = 64;

/// How an answer looks.
enum class Shape {
  Object,           ///< as it is
  Table,            ///< meta.k8s.io Table
  PartialMetadata,  ///< PartialObjectMetadata, in lists PartialObjectMetadataList
  Discovery,        ///< apidiscovery.k8s.io APIGroupDiscoveryList
  OpenApiProtobuf,  ///< gnostic's openapi.v2.Document
};

enum class Encoding { Json, Protobuf };

/// What was agreed on.
struct Representation {
  Shape shape = Shape::Object;
  Encoding encoding = Encoding::Json;
  std::string version;  ///< of the shape: v1, v1beta1 (Table, metadata), v2, v2beta1 (discovery)
  std::string content_type;  ///< for the answer
};

/// What a path can serve besides plain JSON.
enum class Serving {
  Objects,    ///< YAML, Table, PartialMetadata
  Discovery,  ///< aggregated discovery
  OpenApiV2,  ///< protobuf
  JsonOnly,
};

/// The first range of an Accept header (RFC 9110) that the path can serve, higher weights first.
/// Absent, empty and `*/*` mean JSON. NotAcceptable: there is none.
Outcome<Representation> negotiate(std::string_view accept, Serving serving);

/// How the body of a request is to be read.
enum class BodyFormat {
  Json,
  Yaml,
  Protobuf,
  MergePatch,
  JsonPatch,
  StrategicMergePatch,
  ApplyPatch,  ///< YAML, of which JSON is a part
};

/// Of POST, PUT, DELETE; no Content-Type means JSON. UnsupportedMediaType: anything else.
Outcome<BodyFormat> object_body_format(std::string_view content_type);

/// Of PATCH. UnsupportedMediaType: anything else.
Outcome<BodyFormat> patch_body_format(std::string_view content_type);

}  // namespace reeve::resource
