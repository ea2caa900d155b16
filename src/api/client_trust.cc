#include "api/client_trust.h"

#include <utility>

namespace reeve::api {

std::optional<identity::ClientCertificate> ClientTrust::examine(
    const net::ClientCertificate* presented, Timestamp now
) {
  if (presented == nullptr || !presented->verified) {
    return {};
  }
  const auto known = remembered_.find(presented->fingerprint);
  if (known != remembered_.end() && now >= known->second.found &&
      now - known->second.found < kGoodFor) {
    return known->second.client;
  }
  if (remembered_.size() >= kRememberedMax) {
    remembered_.clear();
  }
  Result<identity::ClientCertificate> client =
      trust_.examine(presented->der, presented->intermediates, now);
  Remembered& entry = remembered_[presented->fingerprint];
  entry.found = now;
  entry.client.reset();
  if (client) {
    entry.client = std::move(*client);
  }
  return entry.client;
}

void ClientTrust::replace(identity::CertificateTrust trust) {
  trust_ = std::move(trust);
  remembered_.clear();
}

}  // namespace reeve::api
