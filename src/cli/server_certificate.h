#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "configuration/server_settings.h"
#include "net/tls.h"
#include "platform/ports.h"

namespace reeve::cli {

/// The certificate that a server shows, and until when it is good.
struct ServerCertificate {
  net::TlsMaterial material;
  /// PEM of our own authority; empty: the certificate is given.
  std::string authority;
  Timestamp expires;
};

/// A name that listens everywhere is reached under the loopback address.
std::string reachable(const std::string& host);

/// Under which names and addresses the server answers.
std::vector<std::string> names_of(const configuration::ServerSettings::Server& settings);

/// Reads it from its files, or, with `tls: auto`, issues it: at first use, for other names, and
/// when it is near its end. Nothing: there is no TLS. Invalid: a file holds something else. The
/// errors of the file system.
Result<std::optional<ServerCertificate>> open_server_certificate(
    const std::filesystem::path& dir,
    const configuration::ServerSettings::Server& settings,
    platform::Random& random,
    Timestamp now
);

/// Until when a certificate is good, and when it is time for another one.
///
/// Threading: `expires` any thread, the rest one.
class CertificateWatch {
 public:
  /// After an attempt that failed.
  static constexpr Duration kRetry{60'000};

  /// A certificate is in use from now on. `renewable`: it is ours to make anew.
  void use(Timestamp expires, bool renewable);

  /// Nothing: there is none.
  std::optional<Timestamp> expires() const;

  /// Whether to make another one now.
  bool due(Timestamp now) const;

  /// An attempt failed.
  void failed(Timestamp now) { next_attempt_ = now + kRetry; }

 private:
  std::atomic<std::int64_t> expires_millis_ = 0;
  bool renewable_ = false;
  Timestamp next_attempt_{};
};

/// What a health check says about a certificate with so much left: nothing, or why it is degraded.
std::string certificate_warning(Timestamp expires, Timestamp now);

}  // namespace reeve::cli
