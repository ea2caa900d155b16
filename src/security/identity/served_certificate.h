#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

/// What a server shows of itself before anything is asked.
namespace reeve::identity {

/// Longest time for connection and handshake.
inline constexpr Duration kHandshakeTimeout = std::chrono::seconds(5);

struct ServedCertificate {
  /// `TLSv1.3`
  std::string protocol;
  /// `CN=…` of whom it is for, and of who has signed it.
  std::string subject;
  std::string issuer;
  /// The earliest end of the certificates of the chain.
  Timestamp not_after;
  /// Why the chain or the name is not believed; empty: it is.
  std::string problem;
};

/// Shakes hands with the server of an https address and looks at what it shows, believed or not.
/// `authorities`: PEM; empty: those of the machine. Unavailable: no connection, no TLS. Any thread.
Result<ServedCertificate> look_at_certificate(std::string_view url, const std::string& authorities);

}  // namespace reeve::identity
