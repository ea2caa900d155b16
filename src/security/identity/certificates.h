#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "platform/ports.h"
#include "security/access/identity.h"

namespace reeve::identity {

inline constexpr Duration kAuthorityLifetime = std::chrono::hours(24 * 3650);
inline constexpr Duration kServerLifetime = std::chrono::hours(24 * 397);
inline constexpr Duration kClientLifetime = std::chrono::hours(24 * 365);
/// A certificate with less than this left is made anew.
inline constexpr Duration kRenewBefore = std::chrono::hours(24 * 30);
inline constexpr std::size_t kAlternativeNamesMax = 100;
inline constexpr std::size_t kPemBytesMax = std::size_t{64} << 10U;

/// A certificate with its private key, both PEM.
struct CertifiedKey {
  std::string certificate;
  Secret key;
  Timestamp expires;
};

/// Whom a new certificate is for.
struct ClientSubject {
  /// CN.
  std::string user = {};
  /// O, one for each.
  std::vector<std::string> groups = {};
  Duration lifetime = kClientLifetime;
};

/// The certificate authority of a data directory (EC P-256, X.509 v3, RFC 5280): `ca.pem` with its
/// key (0600) and `ca.crt` for others, in `<data>/server`.
///
/// Threading: one thread.
class CertificateAuthority {
 public:
  /// Reads it; makes it at first use; renews its certificate, with the same key, when it is near
  /// its end. PermissionDenied: a file is open to others or not ours. Corrupt: it cannot be read.
  static Result<CertificateAuthority> open_or_create(
      const std::filesystem::path& dir, platform::Random& random, Timestamp now
  );

  ~CertificateAuthority();
  CertificateAuthority(CertificateAuthority&&) noexcept;
  CertificateAuthority& operator=(CertificateAuthority&&) noexcept;

  /// PEM.
  const std::string& certificate() const;

  Timestamp expires() const;

  /// A certificate for TLS servers. `names` are DNS names and IP addresses. Invalid: none, too
  /// many, or one that is neither.
  Result<CertifiedKey> issue_server(
      const std::vector<std::string>& names, platform::Random& random, Timestamp now
  ) const;

  /// A certificate for a user. Invalid: names that check_identity refuses, or too long for a
  /// certificate.
  Result<CertifiedKey> issue_client(
      const ClientSubject& subject, platform::Random& random, Timestamp now
  ) const;

 private:
  struct State;
  explicit CertificateAuthority(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// Whether a certificate of ours that ends at `expires` is to be made anew.
bool renewal_due(Timestamp expires, Timestamp now);

/// When the first certificate of a PEM text ends. Invalid: there is none.
Result<Timestamp> certificate_expiry(std::string_view pem);

/// `localhost`, `127.0.0.1`, `::1`, the host's name and `extra`, each once.
std::vector<std::string> server_names(
    std::string_view host_name, const std::vector<std::string>& extra
);

/// The certificate of the server in `<dir>/server.pem` (0600). It is made anew if it is missing,
/// near its end, not of this authority, or not for exactly these names.
Result<CertifiedKey> open_or_issue_server(
    const CertificateAuthority& authority,
    const std::filesystem::path& dir,
    const std::vector<std::string>& names,
    platform::Random& random,
    Timestamp now
);

}  // namespace reeve::identity
