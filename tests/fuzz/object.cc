// Objects of every kind against their contracts.

#include <array>
#include <string>

#include "base/json.h"
#include "fuzz.h"
#include "resource/schema/contract.h"
#include "resource/schema/validator.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view(
        R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"name":"x","labels":{"a":"b"}},"spec":{"workflow":{"name":"w"},"params":{"a":1}}})"
    ),
    std::string_view(
        R"({"metadata":{"name":"q"},"spec":{"limits":{"maxTotalTokens":5,"maxTotalCost":"$1.00"}}})"
    ),
    std::string_view(
        R"({"metadata":{"name":"w"},"spec":{"tasks":[{"name":"a","script":"echo","needs":["b"]}]}})"
    )};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  Result<Json> parsed = parse_json(bytes, {.depth_max = 64, .size_bytes_max = 1U << 20U});
  if (!parsed) {
    return;
  }
  namespace schema = resource::schema;
  for (const schema::ResourceType& type : schema::Contracts::embedded().types()) {
    Json object = *parsed;
    (void)schema::unknown_fields(*type.schema, object);
    (void)schema::prune(*type.schema, object);
    schema::apply_defaults(*type.schema, object);
    (void)schema::validate(*type.schema, object);
    (void)schema::validate_update(*type.schema, *parsed, object);
    schema::hide_write_only(*type.schema, object);
  }
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
