#include "resource/accept.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/strings.h"

namespace reeve::resource {

namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";
// Kubernetes asks with '@', which is no character of a media type and must not be sent back.
constexpr std::string_view kOpenApiAsked =
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
constexpr std::string_view kOpenApi = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// One media range of an Accept header.
struct Range {
  std::string type;  ///< lower case
  std::string as;
  std::string group;
  std::string version;
  int weight = 1000;  ///< thousandths
};

/// `0`, `0.8`, `1.000` as thousandths; nullopt for anything else.
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) {
    return std::nullopt;
  }
  int weight = (text[0] - '0') * 1000;
  int scale = 100;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (i == 1 && text[i] == '.') {
      continue;
    }
    if (i == 1 || text[i] < '0' || text[i] > '9') {
      return std::nullopt;
    }
    weight += (text[i] - '0') * scale;
    scale /= 10;
  }
  return weight <= 1000 ? std::optional(weight) : std::nullopt;
}

/// Nullopt for what is no media range: it is passed over, as one that we cannot serve.
std::optional<Range> parse_range(std::string_view text) {
  Range range;
  const std::vector<std::string_view> parts = split(text, ';');
  range.type = to_lower(trim(parts[0]));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = trim(parts[i]);
    const std::size_t equals = part.find('=');
    const std::string name = to_lower(part.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    if (name == "as") {
      range.as = value;
    } else if (name == "g") {
      range.group = value;
    } else if (name == "v") {
      range.version = value;
    } else if (name == "q") {
      const std::optional<int> weight = parse_weight(value);
      if (!weight) {
        return std::nullopt;
      }
      range.weight = *weight;
    }
  }
  return range.type.empty() ? std::nullopt : std::optional(std::move(range));
}

Representation plain(Encoding encoding, std::string_view content_type) {
  return {
      .shape = Shape::Object,
      .encoding = encoding,
      .version = {},
      .content_type = std::string(content_type)};
}

bool is_json(const Range& range) {
  return range.type == kJson || range.type == "*/*" || range.type == "application/*";
}

std::optional<Representation> serve_meta(const Range& range) {
  const bool known = range.version == "v1" || range.version == "v1beta1";
  if (range.type != kJson || range.group != "meta.k8s.io" || !known) {
    return std::nullopt;
  }
  Representation result = plain(Encoding::Json, kJson);
  result.version = range.version;
  if (range.as == "Table") {
    result.shape = Shape::Table;
    return result;
  }
  if (range.as == "PartialObjectMetadata" || range.as == "PartialObjectMetadataList") {
    result.shape = Shape::PartialMetadata;
    return result;
  }
  return std::nullopt;
}

std::optional<Representation> serve_discovery(const Range& range) {
  const bool known = range.version == "v2" || range.version == "v2beta1";
  if (range.type != kJson || range.group != "apidiscovery.k8s.io" || !known ||
      range.as != "APIGroupDiscoveryList") {
    return std::nullopt;
  }
  return Representation{
      .shape = Shape::Discovery,
      .encoding = Encoding::Json,
      .version = range.version,
      .content_type =
          concat(kJson, ";g=apidiscovery.k8s.io;v=", range.version, ";as=APIGroupDiscoveryList")};
}

std::optional<Representation> serve(const Range& range, Serving serving) {
  if (!range.as.empty()) {
    switch (serving) {
      case Serving::Objects:
        return serve_meta(range);
      case Serving::Discovery:
        return serve_discovery(range);
      case Serving::OpenApiV2:
      case Serving::JsonOnly:
        return std::nullopt;
    }
  }
  if (serving == Serving::OpenApiV2 && (range.type == kOpenApiAsked || range.type == kOpenApi)) {
    Representation result = plain(Encoding::Protobuf, kOpenApi);
    result.shape = Shape::OpenApiProtobuf;
    return result;
  }
  if (is_json(range)) {
    return plain(Encoding::Json, kJson);
  }
  return std::nullopt;
}

std::vector<std::string> offers(Serving serving) {
  switch (serving) {
    case Serving::OpenApiV2:
      return {std::string(kJson), std::string(kOpenApi)};
    case Serving::Objects:
    case Serving::Discovery:
    case Serving::JsonOnly:
      break;
  }
  return {std::string(kJson)};
}

std::string media_type(std::string_view content_type) {
  return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

}  // namespace

Outcome<Representation> negotiate(std::string_view accept, Serving serving) {
  if (trim(accept).empty()) {
    return plain(Encoding::Json, kJson);
  }
  if (accept.size() > kAcceptBytesMax) {
    return not_acceptable(offers(serving));
  }
  const std::vector<std::string_view> texts = split(accept, ',');
  if (texts.size() > kAcceptRangesMax) {
    return not_acceptable(offers(serving));
  }
  std::optional<Representation> best;
  int best_weight = 0;
  for (const std::string_view text : texts) {
    const std::optional<Range> range = parse_range(text);
    // Earlier ranges win among equal weights; a weight of 0 means "not this".
    if (!range || range->weight <= best_weight) {
      continue;
    }
    std::optional<Representation> one = serve(*range, serving);
    if (one) {
      best = std::move(one);
      best_weight = range->weight;
    }
  }
  if (!best) {
    return not_acceptable(offers(serving));
  }
  return std::move(*best);
}

Outcome<BodyFormat> object_body_format(std::string_view content_type) {
  const std::string type = media_type(content_type);
  if (type.empty() || type == kJson) {
    return BodyFormat::Json;
  }
  if (type == kYaml) {
    return BodyFormat::Yaml;
  }
  if (type == kProtobuf) {
    return BodyFormat::Protobuf;
  }
  return unsupported_media_type({std::string(kJson), std::string(kYaml), std::string(kProtobuf)});
}

Outcome<BodyFormat> patch_body_format(std::string_view content_type) {
  const std::string type = media_type(content_type);
  if (type == "application/merge-patch+json") {
    return BodyFormat::MergePatch;
  }
  if (type == "application/json-patch+json") {
    return BodyFormat::JsonPatch;
  }
  if (type == "application/strategic-merge-patch+json") {
    return BodyFormat::StrategicMergePatch;
  }
  if (type == "application/apply-patch+yaml") {
    return BodyFormat::ApplyPatch;
  }
  return unsupported_media_type(
      {"application/json-patch+json",
       "application/merge-patch+json",
       "application/apply-patch+yaml"}
  );
}

}  // namespace reeve::resource
