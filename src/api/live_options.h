#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/view/types.h"
#include "base/time.h"
#include "net/server.h"
#include "net/tls.h"
#include "security/access/rate_limit.h"
#include "security/identity/authenticator.h"
#include "security/identity/certificate_trust.h"
#include "security/identity/oidc.h"

namespace reeve::api {

/// Whose requests are looked at.
struct AccessRules {
  /// Whether requests without credentials are looked at at all.
  bool anonymous = false;
  /// Names under which the server may be asked for, without ports. A request for another one is
  /// refused: somebody else's page may have sent it (DNS rebinding). Empty: all.
  std::vector<std::string> hosts = {};
  /// Absent: no limit.
  std::optional<access::RateLimitOptions> per_principal = {};
  std::optional<access::RateLimitOptions> per_address = {};
};

/// What of a server can change while it runs (`Server::change`).
struct LiveOptions {
  AccessRules access = {};
  net::ConnectionLimits connections = {};
  /// See `view::ViewLimits`.
  std::size_t changes_max = view::ViewLimits{}.changes_max;
  Duration snapshot_age_max = view::ViewLimits{}.snapshot_age_max;
  /// Of listeners with TLS. Clients are asked for certificates of the authorities in `trust`.
  std::optional<net::TlsMaterial> tls = {};
  identity::TrustOptions trust = {};
  identity::FrontProxyOptions front_proxy = {};
  std::vector<identity::OidcOptions> issuers = {};
  /// Needed if there are issuers; called on a thread of its own.
  identity::Fetcher fetcher = {};
};

}  // namespace reeve::api
