#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "security/identity/oidc.h"

namespace reeve::identity {

struct HttpsFetcherOptions {
  /// PEM texts of the only authorities that count; empty: the system's.
  std::string authorities = {};
  Duration timeout = std::chrono::seconds(10);
  std::size_t bytes_max = kKeySetBytesMax;
};

/// Fetches documents through libcurl, loaded when this is called (docs/adr/0014). Only https, no
/// redirects, no proxy, no cookies, no credentials. The fetcher may be called on any thread; each
/// call is on its own.
///
/// Unsupported: there is no usable libcurl on this machine. Errors of the fetcher: Invalid (no
/// https address), Unavailable (no answer of status 200 in time), LimitExceeded (longer than the
/// limit).
Result<Fetcher> make_https_fetcher(HttpsFetcherOptions options);

}  // namespace reeve::identity
