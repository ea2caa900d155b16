#pragma once

#include <string>

#include "base/json.h"

namespace reeve::resource::schema {

/// A Swagger 2.0 document as protobuf: the message `openapi.v2.Document` of gnostic
/// (github.com/google/gnostic, openapiv2/OpenAPIv2.proto), which kubectl decodes. What the message
/// has and our documents do not is left out.
std::string encode_gnostic(const Json& document);

}  // namespace reeve::resource::schema
