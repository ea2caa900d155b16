#include "executor/http/request.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "executor/input_reader.h"
#include "model/trace.h"
#include "platform/posix/files.h"

namespace reeve::executor::http {

namespace {

constexpr std::uint64_t kAuthoritiesBytesMax = std::uint64_t{8} << 20U;

/// Where distributions keep the authorities they trust.
constexpr std::array<const char*, 3> kSystemAuthorities = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

/// Headers that say what is asked for, not who asks.
constexpr std::array<std::string_view, 4> kHarmlessHeaders = {
    "accept", "accept-language", "content-type", "user-agent"};

constexpr std::array<std::string_view, 6> kVerbs = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

/// Headers that describe the message on the wire: two opinions about them are an attack.
constexpr std::array<std::string_view, 4> kOwnHeaders = {
    "content-length", "transfer-encoding", "connection", "upgrade"};

template <std::size_t Size>
bool contains(const std::array<std::string_view, Size>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20U || c == 0x7f;
  });
}

std::vector<model::NamedValue> read_pairs(
    InputReader& reader, std::string_view name, std::string_view second
) {
  std::vector<model::NamedValue> pairs;
  for (const Json& item : reader.items(name)) {
    InputReader one(item, std::string(name));
    const std::string key = one.text("name", true);
    const std::string value = one.text(second, true);
    if (!one.finish().ok() || key.empty()) {
      reader.fail(name, concat("has an item without name and ", second));
      return {};
    }
    pairs.emplace_back(key, value);
  }
  return pairs;
}

Common read_common(InputReader& reader) {
  constexpr std::int64_t kDefault = std::int64_t{10} << 20U;
  Common common;
  common.url = reader.text("url", true);
  common.headers = read_pairs(reader, "headers", "value");
  common.verify_tls = reader.flag("verifyTls", true);
  common.ca_file = reader.text("caFile");
  common.allow_private = reader.flag("allowPrivate", false);
  common.response_bytes_max = static_cast<std::uint64_t>(
      reader.whole("responseBytesMax", 0, static_cast<std::int64_t>(kResponseBytesMax), kDefault)
  );
  common.outputs = read_pairs(reader, "outputs", "pointer");
  if (has_control(common.url)) {
    reader.fail("url", "has a control character");
  }
  for (const auto& [name, value] : common.headers) {
    if (has_control(name) || has_control(value) || name.find_first_of(": ;") != std::string::npos) {
      reader.fail("headers", "has a header that is more than a line");
    } else if (contains(kOwnHeaders, to_lower(name))) {
      reader.fail("headers", concat(name, " follows from the request and cannot be set"));
    }
  }
  return common;
}

}  // namespace

Result<Request> read_request(const Json& input) {
  InputReader reader(input);
  Request request;
  request.common = read_common(reader);
  request.verb = reader.text("verb", true);
  request.has_body = reader.has("body");
  request.body = reader.text("body");
  request.redirects_max = static_cast<int>(reader.whole("redirectsMax", 0, kRedirectsMax, 0));
  request.redirects_cross_host = reader.flag("redirectsCrossHost", false);
  if (!contains(kVerbs, request.verb)) {
    reader.fail("verb", "is none of GET, HEAD, POST, PUT, PATCH, DELETE");
  }
  REEVE_CHECK(reader.finish());
  return request;
}

Result<Exchange> read_exchange(const Json& input) {
  InputReader reader(input);
  Exchange exchange;
  exchange.common = read_common(reader);
  exchange.has_message = reader.has("message");
  exchange.message = reader.text("message");
  REEVE_CHECK(reader.finish());
  return exchange;
}

Result<Policy> make_policy(const Common& common) {
  Policy policy;
  policy.verify_tls = common.verify_tls;
  policy.allow_private = common.allow_private;
  if (common.ca_file.empty()) {
    return policy;
  }
  auto own = platform::read_file(common.ca_file, kAuthoritiesBytesMax);
  if (!own.ok()) {
    Error error = std::move(own).error();
    error.subject = "caFile";
    return error;
  }
  if (own->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
    return make_error(ErrorCode::Invalid, concat(common.ca_file, " has no certificate"), "caFile");
  }
  for (const char* file : kSystemAuthorities) {
    const auto system = platform::read_file(file, kAuthoritiesBytesMax);
    if (system.ok()) {
      policy.authorities = concat(*system, "\n");
      break;
    }
  }
  policy.authorities += *own;
  return policy;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Result<Hop> redirected(
    const Hop& hop,
    int status,
    const Origin& from,
    const Origin& to,
    const std::string& url,
    bool cross_host
) {
  if (from.scheme == "https" && to.scheme != "https") {
    return make_error(
        ErrorCode::PermissionDenied, concat("a redirect to ", to.host, " would leave TLS")
    );
  }
  const bool same_host = from.host == to.host;
  if (!same_host && !cross_host) {
    return make_error(
        ErrorCode::PermissionDenied, concat("a redirect to another host, ", to.host, ", is refused")
    );
  }
  Hop next = hop;
  next.url = url;
  const bool becomes_get = (status == 303 && hop.verb != "HEAD") ||
                           ((status == 301 || status == 302) && hop.verb == "POST");
  if (becomes_get) {
    next.verb = "GET";
    next.has_body = false;
    next.body.clear();
    std::erase_if(next.headers, [](const auto& header) {
      return to_lower(header.first) == "content-type";
    });
  }
  if (from == to || (same_host && from.scheme == "http" && to.scheme == "https")) {
    return next;
  }
  if (next.has_body) {
    return make_error(
        ErrorCode::PermissionDenied,
        concat("a redirect to ", to.host, " would send it the body of the request")
    );
  }
  std::erase_if(next.headers, [](const auto& header) {
    return !contains(kHarmlessHeaders, to_lower(header.first));
  });
  return next;
}

void add_trace_headers(Common& common, const std::vector<model::NamedValue>& environment) {
  constexpr std::size_t kStateBytesMax = 512;
  std::string parent;
  std::string state;
  for (const auto& [name, value] : environment) {
    parent = name == "TRACEPARENT" ? value : parent;
    state = name == "TRACESTATE" ? value : state;
  }
  const bool given =
      std::any_of(common.headers.begin(), common.headers.end(), [](const auto& header) {
        const std::string name = to_lower(header.first);
        return name == "traceparent" || name == "tracestate";
      });
  if (given || !model::is_traceparent(parent)) {
    return;
  }
  common.headers.emplace_back("traceparent", parent);
  const bool printable =
      std::all_of(state.begin(), state.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!state.empty() && state.size() <= kStateBytesMax && printable) {
    common.headers.emplace_back("tracestate", state);
  }
}

bool is_text(std::string_view content_type) {
  const std::string type = to_lower(trim(content_type.substr(0, content_type.find(';'))));
  return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("+xml") ||
         type == "application/json" || type == "application/xml" ||
         type == "application/javascript" || type == "application/x-www-form-urlencoded" ||
         type == "application/yaml" || type == "application/x-ndjson";
}

}  // namespace reeve::executor::http
