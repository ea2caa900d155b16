#include "net/client_request.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/strings.h"
#include "net/target.h"
#include "net/text.h"

namespace reeve::net {

namespace {

constexpr std::uint16_t kPlainPort = 80;
constexpr std::uint16_t kTlsPort = 443;
/// Of DNS.
constexpr std::size_t kHostBytesMax = 253;

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= kHostBytesMax && text[0] != '.' && text[0] != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

bool is_bracketed_address(std::string_view text) {
  return text.find(':') != std::string_view::npos &&
         text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

/// Without the address itself, which may have a password in it.
Error no_endpoint(std::string message) {
  Error error = make_error(ErrorCode::Invalid, std::move(message), "url");
  error.hint = "an address looks like https://api.example.com/v1";
  return error;
}

/// Takes "host:port" apart. What is wrong with it; nothing: it was read.
std::optional<std::string> read_authority(std::string_view text, Endpoint& endpoint) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || !is_bracketed_address(text.substr(1, end - 1))) {
      return "the address between brackets is not valid";
    }
    endpoint.host = to_lower(text.substr(1, end - 1));
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    if (!is_host_name(text.substr(0, colon))) {
      return "the name of the host is not valid";
    }
    endpoint.host = to_lower(text.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  endpoint.port = endpoint.tls ? kTlsPort : kPlainPort;
  if (port.empty()) {
    return std::nullopt;
  }
  const auto read = std::from_chars(port.data() + 1, port.data() + port.size(), endpoint.port);
  if (port[0] != ':' || read.ec != std::errc{} || read.ptr != port.data() + port.size() ||
      endpoint.port == 0) {
    return "the port is not a number from 1 to 65535";
  }
  return std::nullopt;
}

std::string host_field(const Endpoint& endpoint) {
  std::string host = endpoint.host.find(':') == std::string::npos ? endpoint.host
                                                                  : concat("[", endpoint.host, "]");
  if (endpoint.port != (endpoint.tls ? kTlsPort : kPlainPort)) {
    host += concat(":", endpoint.port);
  }
  return host;
}

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

bool has_body_by_custom(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

Result<EndpointUrl> parse_endpoint(std::string_view url) {
  EndpointUrl read;
  const std::size_t colon = url.find("://");
  const std::string scheme = to_lower(url.substr(0, std::min(colon, url.size())));
  if (colon == std::string_view::npos || (scheme != "http" && scheme != "https")) {
    return no_endpoint("the address begins neither with https:// nor with http://");
  }
  read.endpoint.tls = scheme == "https";
  const std::string_view rest = url.substr(colon + 3);
  if (rest.find_first_of("@?#") != std::string_view::npos) {
    return no_endpoint("the address has a user, a query or a fragment");
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  if (const auto problem = read_authority(rest.substr(0, slash), read.endpoint)) {
    return no_endpoint(*problem);
  }
  read.path = rest.substr(slash);
  if (!read.path.empty()) {
    const Result<Target> target = parse_target(read.path);
    if (!target.ok()) {
      return no_endpoint(target.error().message);
    }
  }
  while (read.path.ends_with('/')) {
    read.path.pop_back();
  }
  return read;
}

Result<void> check(const ClientRequest& request) {
  if (!is_token(request.method) || request.method == "CONNECT") {
    return invalid("the method of the request is not valid", "method");
  }
  if (request.target != "*" && !request.target.starts_with('/')) {
    return invalid("the target of the request is not a path", "target");
  }
  for (const char c : request.target) {
    if (c <= 0x20 || c >= 0x7f || c == '#') {
      return invalid(
          "the target of the request has a character that has to be percent-encoded", "target"
      );
    }
  }
  const std::string& host = request.endpoint.host;
  if (!is_host_name(host) && !is_bracketed_address(host)) {
    return invalid("the host of the request is not valid", "host");
  }
  for (const Header& header : request.headers) {
    if (!is_token(header.name) || !is_field_value(header.value)) {
      return invalid("a header of the request has characters that cannot be sent", "headers");
    }
    for (const char* ours :
         {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"}) {
      if (same_text(header.name, ours)) {
        return invalid(concat("the header ", ours, " is written by the client"), "headers");
      }
    }
  }
  return {};
}

std::string request_head(const ClientRequest& request, std::size_t body_bytes) {
  std::string head;
  std::size_t size =
      64 + request.method.size() + request.target.size() + request.endpoint.host.size();
  for (const Header& header : request.headers) {
    size += header.name.size() + header.value.size() + 4;
  }
  head.reserve(size);
  head.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
  head.append(host_field(request.endpoint)).append("\r\n");
  for (const Header& header : request.headers) {
    head.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  if (body_bytes > 0 || has_body_by_custom(request.method)) {
    head.append("Content-Length: ").append(std::to_string(body_bytes)).append("\r\n");
  }
  head.append("\r\n");
  return head;
}

std::string describe(const Endpoint& endpoint) {
  if (!endpoint.unix_path.empty()) {
    return endpoint.unix_path;
  }
  return concat(endpoint.tls ? "https://" : "http://", host_field(endpoint));
}

}  // namespace reeve::net
