#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "net/request.h"
#include "security/identity/certificate_trust.h"

namespace reeve::api {

/// Who stands behind the certificates of clients. Following a chain of signatures takes longer than
/// the rest of a request, so what was found out is good for a while.
///
/// Threading: the network thread.
class ClientTrust {
 public:
  static constexpr std::size_t kRememberedMax = 1000;
  static constexpr Duration kGoodFor{60'000};

  explicit ClientTrust(identity::CertificateTrust trust) : trust_(std::move(trust)) {}

  /// Nothing: no authority that counts here stands behind it, or there is none.
  std::optional<identity::ClientCertificate> examine(
      const net::ClientCertificate* presented, Timestamp now
  );

  std::size_t remembered() const { return remembered_.size(); }

  /// Other authorities count from now on.
  void replace(identity::CertificateTrust trust);

 private:
  struct Remembered {
    std::optional<identity::ClientCertificate> client;
    Timestamp found;
  };

  identity::CertificateTrust trust_;
  /// By fingerprint.
  std::map<std::string, Remembered, std::less<>> remembered_;
};

}  // namespace reeve::api
