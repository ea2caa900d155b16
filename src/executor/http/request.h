#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "executor/http/curl.h"

/// What the tools of this folder are asked, read and checked, and how redirects are followed.
namespace reeve::executor::http {

inline constexpr std::uint64_t kResponseBytesMax = std::uint64_t{1} << 30U;
inline constexpr int kRedirectsMax = 20;

/// What requests and exchanges have in common.
struct Common {
  std::string url;
  std::vector<model::NamedValue> headers;
  bool verify_tls = true;
  std::string ca_file;
  bool allow_private = false;
  std::uint64_t response_bytes_max = 0;
  /// Output name → JSON pointer.
  std::vector<model::NamedValue> outputs;
};

struct Request {
  Common common;
  std::string verb;
  bool has_body = false;
  std::string body;
  int redirects_max = 0;
  bool redirects_cross_host = true;
};

struct Exchange {
  Common common;
  bool has_message = false;
  std::string message;
};

/// Invalid: names the member of `input` that is wrong.
Result<Request> read_request(const Json& input);
Result<Exchange> read_exchange(const Json& input);

/// Adds `traceparent` and `tracestate` as the run's environment has them, unless the task sets
/// headers of these names itself; what is not well-formed is left out.
void add_trace_headers(Common& common, const std::vector<model::NamedValue>& environment);

/// The policy of a task; reads the file of authorities. Those of the system count too.
Result<Policy> make_policy(const Common& common);

/// What is asked next after a redirect with `status` from `from` to `to`, whose address is
/// `url`. To another origin go neither headers that the task set, but for harmless ones, nor its
/// body. PermissionDenied: another host and the policy forbids it, TLS would be left, or the body
/// would have to go along.
Result<Hop> redirected(
    const Hop& hop,
    int status,
    const Origin& from,
    const Origin& to,
    const std::string& url,
    bool cross_host
);

/// Whether a status redirects (300 and 304 do not).
bool is_redirect(int status);

/// Whether people can read a body of this type in a log.
bool is_text(std::string_view content_type);

}  // namespace reeve::executor::http
