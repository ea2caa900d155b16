#include "cli/server_certificate.h"

#include <utility>
#include <vector>

#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "security/identity/certificates.h"

namespace reeve::cli {

namespace {

constexpr std::uint64_t kPemFileBytesMax = std::uint64_t{256} << 10U;
/// A given certificate with less left should have been replaced by whoever gives it.
constexpr Duration kWarnBefore = std::chrono::hours(24 * 14);

Result<ServerCertificate> own_certificate(
    const std::filesystem::path& dir,
    const configuration::ServerSettings::Server& settings,
    platform::Random& random,
    Timestamp now
) {
  REEVE_TRY(
      const identity::CertificateAuthority issuer,
      identity::CertificateAuthority::open_or_create(dir, random, now)
  );
  REEVE_TRY(
      identity::CertifiedKey certified,
      identity::open_or_issue_server(issuer, dir, names_of(settings), random, now)
  );
  ServerCertificate own;
  own.authority = issuer.certificate();
  own.expires = certified.expires;
  own.material.certificate_chain_pem = std::move(certified.certificate);
  own.material.private_key_pem = std::move(certified.key);
  return own;
}

Result<ServerCertificate> given_certificate(const configuration::ServerSettings::Server& settings) {
  ServerCertificate given;
  REEVE_TRY(
      given.material.certificate_chain_pem, platform::read_file(settings.tls_cert, kPemFileBytesMax)
  );
  REEVE_TRY(std::string key, platform::read_file(settings.tls_key, kPemFileBytesMax));
  given.material.private_key_pem = Secret(std::move(key));
  if (Result<void> usable = net::check(given.material); !usable) {
    Error error = usable.error();
    error.subject = concat("server.tls_cert, server.tls_key");
    return error;
  }
  REEVE_TRY(given.expires, identity::certificate_expiry(given.material.certificate_chain_pem));
  return given;
}

}  // namespace

std::string reachable(const std::string& host) {
  if (host.empty() || host == "0.0.0.0") {
    return "127.0.0.1";
  }
  if (host == "::") {
    return "::1";
  }
  return host == "localhost" ? "127.0.0.1" : host;
}

std::vector<std::string> names_of(const configuration::ServerSettings::Server& settings) {
  std::vector<std::string> others = settings.advertise;
  for (const configuration::ListenAddress& address : settings.listen) {
    others.push_back(reachable(address.host));
  }
  return identity::server_names(platform::host_name(), others);
}

Result<std::optional<ServerCertificate>> open_server_certificate(
    const std::filesystem::path& dir,
    const configuration::ServerSettings::Server& settings,
    platform::Random& random,
    Timestamp now
) {
  std::optional<ServerCertificate> opened;
  switch (settings.tls) {
    case configuration::TlsMode::Off:
      break;
    case configuration::TlsMode::Auto: {
      REEVE_TRY(opened, own_certificate(dir, settings, random, now));
      break;
    }
    case configuration::TlsMode::Files: {
      REEVE_TRY(opened, given_certificate(settings));
      break;
    }
  }
  return opened;
}

void CertificateWatch::use(Timestamp expires, bool renewable) {
  expires_millis_ = to_unix_millis(expires);
  renewable_ = renewable;
  next_attempt_ = {};
}

std::optional<Timestamp> CertificateWatch::expires() const {
  const std::int64_t millis = expires_millis_;
  return millis == 0 ? std::nullopt : std::optional(from_unix_millis(millis));
}

bool CertificateWatch::due(Timestamp now) const {
  const std::optional<Timestamp> until = expires();
  return renewable_ && until && now >= next_attempt_ && identity::renewal_due(*until, now);
}

std::string certificate_warning(Timestamp expires, Timestamp now) {
  if (expires <= now) {
    return "the certificate has expired";
  }
  if (expires - now >= kWarnBefore) {
    return {};
  }
  const auto days = std::chrono::duration_cast<std::chrono::hours>(expires - now).count() / 24;
  return concat("the certificate expires in ", days, days == 1 ? " day" : " days");
}

}  // namespace reeve::cli
