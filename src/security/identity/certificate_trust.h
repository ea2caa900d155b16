#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace reeve::identity {

/// What a client's certificate proves.
struct ClientCertificate {
  std::string common_name = {};
  std::vector<std::string> organizations = {};
  /// An authority for users stands behind it: CN is the user, O are the groups.
  bool user = false;
  /// An authority for front proxies stands behind it: it may speak for others.
  bool proxy = false;
};

struct TrustOptions {
  /// PEM; may be empty.
  std::string user_authorities = {};
  std::string proxy_authorities = {};
};

/// Which authorities count for what. The TLS library proves that the peer has the key; this says
/// who stands behind the certificate.
///
/// Threading: const on any thread.
class CertificateTrust {
 public:
  /// Invalid: PEM that has no certificate in it.
  static Result<CertificateTrust> make(const TrustOptions& options);

  ~CertificateTrust();
  CertificateTrust(CertificateTrust&&) noexcept;
  CertificateTrust& operator=(CertificateTrust&&) noexcept;

  /// Checks the chain (PEM or DER of the leaf; PEM of intermediates, may be empty), the times and
  /// the purpose. PermissionDenied: nobody whom we trust stands behind it. Invalid: it is none.
  Result<ClientCertificate> examine(
      std::string_view leaf, std::string_view intermediates, Timestamp now
  ) const;

 private:
  struct State;
  explicit CertificateTrust(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace reeve::identity
