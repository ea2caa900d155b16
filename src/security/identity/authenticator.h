#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "security/access/identity.h"
#include "security/identity/certificate_trust.h"
#include "security/identity/oidc.h"
#include "security/identity/run_token.h"
#include "security/identity/static_token.h"

namespace reeve::identity {

inline constexpr std::size_t kBearerBytesMax = kJwtBytesMax;
inline constexpr std::size_t kIssuersMax = 20;

struct HeaderValue {
  std::string_view name;
  std::string_view value;
};

/// What a request brings to prove who asks.
struct Presented {
  /// Of the connection; absent without TLS, without a certificate, or if nobody stands behind it.
  std::optional<ClientCertificate> certificate = {};
  /// All headers of the request, or at least every `Authorization` and every one that begins with
  /// the prefixes of FrontProxyOptions; any case.
  std::vector<HeaderValue> headers = {};
};

enum class Method { Certificate, StaticToken, RunToken, Jwt, FrontProxy, Anonymous };

/// For logs: `certificate`, `token`, `run`, `jwt`, `proxy`, `anonymous`.
std::string_view to_string(Method method);

struct Authenticated {
  access::Identity identity;
  Method method = Method::Anonymous;
  /// Of a run token: the caller checks that this run lives under this fence.
  std::optional<RunClaims> run = {};
};

/// How a front proxy, such as the aggregation layer of Kubernetes, says for whom it asks.
struct FrontProxyOptions {
  /// Common names of certificates; empty: every certificate of the proxies' authority.
  std::vector<std::string> allowed_names = {};
  std::string user_header = "X-Remote-User";
  std::string group_header = "X-Remote-Group";
  std::string uid_header = "X-Remote-Uid";
  std::string extra_prefix = "X-Remote-Extra-";
};

/// As whom a request wants to be treated (`Impersonate-User`, `-Group`, `-Uid`, `-Extra-…`); the
/// caller asks the policy whether it may (`Policy::check_impersonation`). Nothing: as who it is.
/// Invalid: groups without a user, names that are none.
Result<std::optional<access::Identity>> impersonated(const std::vector<HeaderValue>& headers);

/// Finds out who asks: a front proxy that speaks for somebody, a client's certificate, a bearer
/// token (static, of a run, of an identity provider), else nobody in particular. What is presented
/// and wrong is refused; it never counts as nothing. Headers of a front proxy from anybody else are
/// refused, too. A token that comes along with a certificate must look like one, but is not
/// verified.
///
/// Threading: one thread.
class Authenticator {
 public:
  explicit Authenticator(RunTokens run_tokens, FrontProxyOptions proxy = {});

  StaticTokens& static_tokens() { return static_tokens_; }

  const RunTokens& run_tokens() const { return run_tokens_; }

  /// AlreadyExists: there is one for the same issuer. LimitExceeded: there are kIssuersMax.
  Result<void> add_issuer(OidcIssuer issuer);

  std::vector<OidcIssuer>& issuers() { return issuers_; }

  /// These are all there are, from now on. One that was there before with the same options keeps
  /// its keys. The errors of add_issuer; nothing has changed then.
  Result<void> replace_issuers(std::vector<OidcIssuer> issuers);

  void replace_proxy(FrontProxyOptions proxy) { proxy_ = std::move(proxy); }

  /// PermissionDenied: answer 401; the message may be told. Unavailable: the keys of the identity
  /// provider are being fetched; ask again after the refresh, or answer 503.
  Result<Authenticated> authenticate(const Presented& presented, Timestamp now);

 private:
  Result<std::optional<Authenticated>> by_proxy(const Presented& presented) const;
  Result<Authenticated> by_bearer(std::string_view token, Timestamp now);
  Result<Authenticated> by_jwt(std::string_view token, Timestamp now);
  bool is_proxy(const Presented& presented) const;

  StaticTokens static_tokens_;
  RunTokens run_tokens_;
  FrontProxyOptions proxy_;
  std::vector<OidcIssuer> issuers_;
};

}  // namespace reeve::identity
