#include "security/identity/jwt.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/hmac.h"
#include "base/strings.h"
#include "security/identity/base64url.h"

namespace reeve::identity {

namespace {

constexpr std::size_t kParts = 3;
constexpr int kJsonDepthMax = 16;
constexpr std::size_t kKeyIdBytesMax = 256;
constexpr std::size_t kAudiencesMax = 100;
/// 9999-12-31T23:59:59Z.
constexpr double kDateSecondsMax = 253'402'300'799.0;
constexpr double kMillisPerSecond = 1000;

Error invalid(std::string message) {
  return make_error(ErrorCode::Invalid, std::move(message), "token");
}

Error refused(std::string message) {
  return make_error(ErrorCode::PermissionDenied, std::move(message), "token");
}

Result<Json> read_part(std::string_view part, std::string_view what) {
  const auto text = from_base64url(part);
  if (!text.ok()) {
    return invalid(concat("the ", what, " of the token is no base64url"));
  }
  const auto json = parse_json(*text, {.depth_max = kJsonDepthMax, .size_bytes_max = kJwtBytesMax});
  if (!json.ok() || !json->is_object()) {
    return invalid(concat("the ", what, " of the token is no JSON object"));
  }
  return *json;
}

Result<JwtAlgorithm> algorithm_of(const Json& header) {
  const std::string name = header.get_string("alg");
  for (const JwtAlgorithm algorithm :
       {JwtAlgorithm::RS256,
        JwtAlgorithm::PS256,
        JwtAlgorithm::ES256,
        JwtAlgorithm::EdDSA,
        JwtAlgorithm::HS256}) {
    if (name == to_string(algorithm)) {
      return algorithm;
    }
  }
  return invalid("the algorithm of the token is not supported");
}

Result<void> check_header(const Json& header) {
  if (header.find("crit") != nullptr) {
    return invalid("the token has critical extensions that are not known");
  }
  const Json* const type = header.find("typ");
  if (type != nullptr) {
    const std::string name = type->is_string() ? to_lower(type->as_string()) : std::string();
    if (name != "jwt" && name != "at+jwt" && name != "application/at+jwt") {
      return invalid("the token is of another type than JWT");
    }
  }
  const Json* const id = header.find("kid");
  if (id != nullptr && (!id->is_string() || id->as_string().size() > kKeyIdBytesMax)) {
    return invalid("the id of the token's key is none");
  }
  return {};
}

/// A NumericDate (RFC 7519, 2). Nothing: absent.
Result<std::optional<Timestamp>> date_of(const Json& claims, std::string_view name) {
  const Json* const value = claims.find(name);
  if (value == nullptr) {
    return std::optional<Timestamp>();
  }
  if (!value->is_number() || !(value->as_double() >= 0) || value->as_double() > kDateSecondsMax) {
    return refused(concat("the claim ", name, " of the token is no date"));
  }
  const double millis = value->as_double() * kMillisPerSecond;
  return std::optional(from_unix_millis(static_cast<std::int64_t>(millis)));
}

Result<void> check_times(const Json& claims, Duration leeway, Timestamp now) {
  REEVE_TRY(const auto expires, date_of(claims, "exp"));
  REEVE_TRY(const auto not_before, date_of(claims, "nbf"));
  REEVE_TRY(const auto issued, date_of(claims, "iat"));
  if (!expires) {
    return refused("the token does not say when it expires");
  }
  if (now - leeway >= *expires) {
    return refused("the token has expired");
  }
  if (not_before && now + leeway < *not_before) {
    return refused("the token is not valid yet");
  }
  if (issued && now + leeway < *issued) {
    return refused("the token was issued in the future");
  }
  return {};
}

Result<void> check_audience(const Json& claims, const std::vector<std::string>& wanted) {
  const Json* const found = claims.find("aud");
  const auto is_wanted = [&](const Json& one) {
    return one.is_string() &&
           std::find(wanted.begin(), wanted.end(), one.as_string()) != wanted.end();
  };
  if (found != nullptr && is_wanted(*found)) {
    return {};
  }
  if (found != nullptr && found->is_array() && found->as_array().size() <= kAudiencesMax &&
      std::any_of(found->as_array().begin(), found->as_array().end(), is_wanted)) {
    return {};
  }
  return refused("the token is for another audience");
}

Result<void> check_signature(const Jwt& jwt, const KeySet& keys, const JwtPolicy& policy) {
  if (jwt.algorithm == JwtAlgorithm::HS256) {
    if (policy.shared_secret == nullptr || policy.shared_secret->empty()) {
      return refused("the algorithm of the token is not allowed");
    }
    const Sha256Bytes sum = hmac_sha256(policy.shared_secret->view(), jwt.signed_text);
    const std::string_view code(reinterpret_cast<const char*>(sum.data()), sum.size());
    return equal_secrets(code, jwt.signature) ? Result<void>()
                                              : refused("the signature of the token is wrong");
  }
  const auto candidates = keys.find(jwt.key_id, jwt.algorithm);
  if (candidates.empty()) {
    return make_error(
        ErrorCode::NotFound, "the token was signed with a key that is not known", "token"
    );
  }
  const std::size_t tried = std::min(candidates.size(), kJwtKeysTriedMax);
  for (std::size_t i = 0; i < tried; ++i) {
    if (candidates[i]->verify(jwt.algorithm, jwt.signed_text, jwt.signature)) {
      return {};
    }
  }
  return refused("the signature of the token is wrong");
}

Result<std::vector<std::string>> groups_of(const Json& claims, const ClaimMapping& mapping) {
  std::vector<std::string> groups;
  const Json* const value =
      mapping.groups_claim.empty() ? nullptr : claims.find(mapping.groups_claim);
  if (value == nullptr || value->is_null()) {
    return groups;
  }
  Json::Array single;
  if (value->is_string()) {
    single.push_back(*value);
  } else if (!value->is_array()) {
    return refused(concat("the claim ", mapping.groups_claim, " of the token is no list"));
  }
  const Json::Array& list = value->is_array() ? value->as_array() : single;
  for (const Json& one : list) {
    if (!one.is_string()) {
      return refused(concat("the claim ", mapping.groups_claim, " of the token is no list of text")
      );
    }
    groups.push_back(concat(mapping.groups_prefix, one.as_string()));
  }
  return groups;
}

bool is_reserved(std::string_view name) {
  return name.starts_with(access::kSystemPrefix) || name.starts_with(access::kRunUserPrefix);
}

}  // namespace

Result<Jwt> parse_jwt(std::string_view text) {
  if (text.size() > kJwtBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", kJwtBytesMax, " bytes"), "token"
    );
  }
  const auto parts = split(text, '.');
  if (parts.size() != kParts) {
    return invalid("is no signed token");
  }
  REEVE_TRY(const Json header, read_part(parts[0], "header"));
  REEVE_CHECK(check_header(header));
  Jwt jwt;
  REEVE_TRY(jwt.algorithm, algorithm_of(header));
  jwt.key_id = header.get_string("kid");
  REEVE_TRY(jwt.claims, read_part(parts[1], "body"));
  const auto signature = from_base64url(parts[2]);
  if (!signature.ok() || signature->empty()) {
    return invalid("the token has no signature");
  }
  jwt.signature = *signature;
  jwt.signed_text = text.substr(0, text.rfind('.'));
  return jwt;
}

Result<void> verify_jwt(
    const Jwt& jwt, const KeySet& keys, const JwtPolicy& policy, Timestamp now
) {
  if (std::find(policy.algorithms.begin(), policy.algorithms.end(), jwt.algorithm) ==
      policy.algorithms.end()) {
    return refused("the algorithm of the token is not allowed");
  }
  if (policy.issuer.empty() || jwt.claims.get_string("iss") != policy.issuer) {
    return refused("the token is of another issuer");
  }
  REEVE_CHECK(check_signature(jwt, keys, policy));
  REEVE_CHECK(check_audience(jwt.claims, policy.audiences));
  return check_times(jwt.claims, policy.leeway, now);
}

Result<access::Identity> identity_of(const Json& claims, const ClaimMapping& mapping) {
  for (const auto& [name, wanted] : mapping.required) {
    const Json* const found = claims.find(name);
    if (found == nullptr || !found->is_string() || found->as_string() != wanted) {
      return refused(concat("the claim ", name, " of the token has not the required value"));
    }
  }
  const std::string name = claims.get_string(mapping.username_claim);
  if (name.empty()) {
    return refused(concat("the token has no claim ", mapping.username_claim));
  }
  const Json* const verified = claims.find("email_verified");
  if (mapping.username_claim == "email" && verified != nullptr && *verified != Json(true)) {
    return refused("the issuer has not verified the address of the token");
  }
  access::Identity identity;
  identity.user = concat(mapping.username_prefix, name);
  REEVE_TRY(identity.groups, groups_of(claims, mapping));
  const bool reserved = is_reserved(identity.user) ||
                        std::any_of(identity.groups.begin(), identity.groups.end(), is_reserved);
  if (reserved) {
    return refused("the token asserts a name that only this server gives");
  }
  const auto checked = access::check_identity(identity);
  if (!checked.ok()) {
    return refused(concat("a name in the token ", checked.error().message));
  }
  access::add_group(identity, access::kAuthenticated);
  return identity;
}

}  // namespace reeve::identity
