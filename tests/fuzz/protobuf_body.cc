// Bodies in protobuf.

#include "resource/protobuf_body.h"

#include <array>
#include <string>

#include "fuzz.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view(
        "k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x07\x0a\x05\x0a\x03"
        "abc",
        30
    ),
    std::string_view("k8s\0\x0a\x04\x0a\x02v1", 10)};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  (void)resource::decode_protobuf_body(bytes);
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
