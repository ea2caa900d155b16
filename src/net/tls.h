#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace reeve::net {

/// What a server needs to speak TLS; all in PEM.
struct TlsMaterial {
  /// The server's certificate, then those that lead to its authority.
  std::string certificate_chain_pem = {};
  Secret private_key_pem = {};
  /// Authorities of client certificates; "": clients are not asked for one. A certificate is asked
  /// for, checked, and never required: see `ClientCertificate::verified`.
  std::string client_ca_pem = {};
};

/// Whether a server can use it. Invalid: something cannot be read, or does not belong together.
Result<void> check(const TlsMaterial& material);

}  // namespace reeve::net
