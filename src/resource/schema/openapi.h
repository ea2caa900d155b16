#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "resource/schema/contract.h"

namespace reeve::resource::schema {

/// Content-Type of `OpenApi::v2_protobuf`. Clients ask for it with '@', which none can read back.
inline constexpr std::string_view kOpenApiProtobufType =
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// The documents that describe the API, made once. Any thread; immutable.
class OpenApi {
 public:
  /// `version` is that of the program.
  static OpenApi make(const Contracts& contracts, std::string_view version);

  /// GET /openapi/v3: JSON.
  const std::string& v3_index() const { return v3_index_; }

  /// GET /openapi/v3/PATH, where PATH is "api/v1" or "apis/GROUP/VERSION": JSON; null: none.
  const std::string* v3(std::string_view path) const;

  /// The `hash` that the index gives for PATH: documents with it never change; "": none.
  std::string_view v3_hash(std::string_view path) const;

  /// GET /openapi/v2
  const std::string& v2_json() const { return v2_json_; }

  /// The same as gnostic's `openapi.v2.Document`.
  const std::string& v2_protobuf() const { return v2_protobuf_; }

  /// SHA-256 of the v2 document, for ETag.
  const std::string& v2_hash() const { return v2_hash_; }

 private:
  struct Document {
    std::string path;
    std::string hash;
    std::string text;
  };

  std::vector<Document> v3_;
  std::string v3_index_;
  std::string v2_json_;
  std::string v2_protobuf_;
  std::string v2_hash_;
};

/// The documents, made when somebody first asks for them: it takes longer than all else that a
/// server does to be ready. One thread.
class LazyOpenApi {
 public:
  /// `contracts` outlive it.
  LazyOpenApi(const Contracts& contracts, std::string version)
      : contracts_(contracts), version_(std::move(version)) {}

  const OpenApi& get() const;

 private:
  const Contracts& contracts_;
  const std::string version_;
  mutable std::optional<OpenApi> made_;
};

/// A CustomResourceDefinition (apiextensions.k8s.io/v1) for clusters that hold the objects
/// themselves.
Json custom_resource_definition(const ResourceType& type);

}  // namespace reeve::resource::schema
