#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "security/access/identity.h"
#include "security/identity/key_set.h"

namespace reeve::identity {

inline constexpr std::size_t kJwtBytesMax = std::size_t{16} << 10U;
/// Keys that are tried for a token that does not say which.
inline constexpr std::size_t kJwtKeysTriedMax = 8;

/// A signed token that was taken apart (RFC 7515, RFC 7519). Nothing in it is proven.
struct Jwt {
  JwtAlgorithm algorithm = JwtAlgorithm::RS256;
  std::string key_id;
  Json claims;
  /// What is signed.
  std::string signed_text;
  std::string signature;
};

/// Invalid: it is none, its algorithm is not one of ours, it has critical extensions.
/// LimitExceeded: longer than kJwtBytesMax.
Result<Jwt> parse_jwt(std::string_view text);

/// What a token must say to be believed.
struct JwtPolicy {
  std::string issuer = {};
  /// One of them must be among the token's; never empty.
  std::vector<std::string> audiences = {};
  std::vector<JwtAlgorithm> algorithms = {
      JwtAlgorithm::RS256, JwtAlgorithm::PS256, JwtAlgorithm::ES256, JwtAlgorithm::EdDSA};
  /// Difference of clocks that is forgiven.
  Duration leeway = std::chrono::seconds(60);
  /// Secret for HS256, which counts only if it is among the algorithms.
  const Secret* shared_secret = nullptr;

  friend bool operator==(const JwtPolicy&, const JwtPolicy&) = default;
};

/// Checks signature, issuer, audience and times. PermissionDenied: the token is not believed; the
/// message says why. NotFound: no key has the id that it names; newer keys may.
Result<void> verify_jwt(const Jwt& jwt, const KeySet& keys, const JwtPolicy& policy, Timestamp now);

/// How claims become an identity.
struct ClaimMapping {
  std::string username_claim = "sub";
  std::string username_prefix = {};
  /// Empty: no groups.
  std::string groups_claim = "groups";
  std::string groups_prefix = {};
  /// Claims (of text) that must have these values.
  std::vector<std::pair<std::string, std::string>> required = {};

  friend bool operator==(const ClaimMapping&, const ClaimMapping&) = default;
};

/// The identity, with `system:authenticated` added. PermissionDenied: a claim is missing or has the
/// wrong type; an `email` that the issuer says it did not verify; a name of the system's own
/// (`system:`, `run:`).
Result<access::Identity> identity_of(const Json& claims, const ClaimMapping& mapping);

}  // namespace reeve::identity
