// Patches of objects in every form, and the ownership of fields.

#include <array>
#include <string>

#include "base/json.h"
#include "fuzz.h"
#include "resource/json_patch.h"
#include "resource/managed_fields.h"
#include "resource/merge_patch.h"
#include "resource/object_rules.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view(
        R"([{"op":"add","path":"/a/-","value":1},{"op":"move","from":"/a/0","path":"/b"}])"
    ),
    std::string_view(
        R"([{"op":"test","path":"/metadata/name","value":"x"},{"op":"remove","path":"/a"}])"
    ),
    std::string_view(R"({"metadata":{"labels":{"a":null,"b":"c"}},"spec":{"x":[1,2]}})"),
    std::string_view(
        R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"x"},"spec":{"a":{"b":1}}})"
    ),
    std::string_view(
        R"([{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"k:{\"type\":\"A\"}":{".":{},"f:x":{}},"v:1":{}}}}])"
    )};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  const Result<Json> parsed = parse_json(bytes, {.depth_max = 64, .size_bytes_max = 1U << 20U});
  if (!parsed) {
    return;
  }
  const Result<Json> target = parse_json(
      R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"x","labels":{"a":"b"}},"spec":{"a":[1,{"type":"A"}]}})"
  );
  (void)resource::json_patch(*target, *parsed);
  const Json merged = resource::merge_patch(*target, *parsed);
  (void)resource::strategic_merge_patch(*target, *parsed);
  (void)resource::parse_managed_fields(*parsed);
  resource::ObjectPlace place;
  place.resource = {.group = "reeve.dev", .version = "v1", .kind = "Mission", .plural = "missions"};
  place.namespace_name = "default";
  place.name = "x";
  const resource::FieldWriter writer{
      .manager = "fuzz",
      .api_version = "reeve.dev/v1",
      .subresource = {},
      .time = "2026-01-01T00:00:00Z"};
  if (resource::check_identity(place, merged)) {
    const auto after =
        resource::prepare_update(place, *target, merged, resource::UpdateVerb::Patch);
    if (after) {
      (void)resource::track_update(place.resource, &*target, *after, writer, {});
    }
  }
  if (resource::check_identity(place, *parsed)) {
    (void)resource::apply_object(
        place.resource, &*target, *parsed, {.writer = writer, .force = true}, {}
    );
  }
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
