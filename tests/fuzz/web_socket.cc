// Frames of web sockets.

#include <array>
#include <string>
#include <vector>

#include "fuzz.h"
#include "net/web_socket_codec.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view("\x81\x85\x01\x02\x03\x04\x69\x67\x6f\x68\x6e", 11),
    std::string_view("\x89\x80\x00\x00\x00\x00", 6),
    std::string_view("\x88\x82\x00\x00\x00\x00\x03\xe8", 8),
    std::string_view(
        "\x01\xfe\x00\x04\x00\x00\x00\x00"
        "abcd\x80\x80\x00\x00\x00\x00",
        18
    )};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  net::WebSocketReader reader(std::size_t{1} << 16U);
  std::vector<net::WebSocketEvent> events;
  reader.feed(bytes, events);
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
