// Requests of HTTP/1.1, whole and in pieces.

#include "net/http_parser.h"

#include <array>
#include <string>

#include "fuzz.h"
#include "net/target.h"

namespace reeve::fuzz {

namespace {

constexpr std::array kSamples = {
    std::string_view("GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"),
    std::string_view("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET / "
                     "HTTP/1.1\r\nHost: x\r\n\r\n"),
    std::string_view("POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n"),
    std::string_view("GET http://u@h:1/%2e%2F%25?%zz=%00 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    )};

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  net::Parser whole;
  std::string_view rest = bytes;
  while (!rest.empty() && !whole.failed()) {
    const std::size_t taken = whole.feed(rest);
    rest.remove_prefix(taken);
    if (whole.complete()) {
      (void)whole.take();
    } else if (taken == 0) {
      break;
    }
  }
  net::Parser pieces;
  for (const char c : bytes) {
    if (pieces.failed()) {
      break;
    }
    pieces.feed(std::string_view(&c, 1));
    if (pieces.complete()) {
      (void)pieces.take();
    }
  }
  (void)net::parse_target(bytes);
  (void)net::decode_path_segment(bytes);
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
