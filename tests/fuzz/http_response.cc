// Answers of HTTP/1.1, whole and in pieces: both have to mean the same. Addresses of endpoints.

#include <array>
#include <cstdlib>
#include <string>

#include "fuzz.h"
#include "net/client.h"
#include "net/response_parser.h"

namespace reeve::fuzz {

namespace {

using net::ResponseParser;

constexpr std::array kSamples = {
    std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 No\r\n\r\n"),
    std::string_view("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: 1\r\n\r\n"),
    std::string_view("HTTP/1.0 500 Oh no\r\nConnection: close\r\nX: \xc3\xa9\r\n\r\nuntil the end"),
    std::string_view("https://api.example.com:8443/v1/x%20y")};

/// All bodies, and how it ended.
std::string outcome(std::string_view bytes, std::size_t step) {
  ResponseParser parser;
  parser.begin(false);
  std::string out;
  while (true) {
    const ResponseParser::Step read = parser.feed(bytes.substr(0, step));
    bytes.remove_prefix(read.taken);
    out.append(read.data);
    if (read.event == ResponseParser::Event::Head) {
      out.push_back('h');
    } else if (read.event == ResponseParser::Event::End) {
      out.push_back('e');
      parser.begin(out.size() % 2 == 0);
      if (bytes.empty()) {
        return out;
      }
    } else if (read.event == ResponseParser::Event::Failed) {
      return out + "f";
    } else if (bytes.empty()) {
      return out + (parser.finish() ? "c" : "m");
    }
  }
}

}  // namespace

std::span<const std::string_view> samples() {
  return kSamples;
}

void read(std::string_view bytes) {
  const std::string whole = outcome(bytes, bytes.size() + 1);
  if (outcome(bytes, 1) != whole || outcome(bytes, 5) != whole) {
    std::abort();
  }
  (void)net::parse_endpoint(bytes);
}

}  // namespace reeve::fuzz

REEVE_FUZZ_ENTRY
