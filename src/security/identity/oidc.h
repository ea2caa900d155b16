#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "security/access/identity.h"
#include "security/identity/jwt.h"
#include "security/identity/key_set.h"

namespace reeve::identity {

/// A document that was fetched.
struct Fetched {
  std::string body = {};
  /// From `Cache-Control: max-age`.
  std::optional<Duration> max_age = {};
};

/// Fetches an https address. Blocks: called on a worker thread.
using Fetcher = std::function<Result<Fetched>(const std::string& url)>;

/// An identity provider (OpenID Connect Discovery 1.0).
struct OidcOptions {
  /// As tokens name it; https.
  std::string issuer = {};
  /// Where its keys are; empty: found through `<issuer>/.well-known/openid-configuration`.
  std::string jwks_uri = {};
  /// Audiences and algorithms; issuer and secret of this are not used.
  JwtPolicy policy;
  ClaimMapping mapping;
  /// Keys are used this long without asking again, whatever the provider says: at least and at
  /// most.
  Duration refresh_min = std::chrono::minutes(5);
  Duration refresh_max = std::chrono::hours(12);
  /// If asking fails, old keys are good for so much longer.
  Duration stale_max = std::chrono::hours(24);
  /// Between two attempts, whatever the reason: unknown keys, errors.
  Duration retry_interval = std::chrono::seconds(30);

  friend bool operator==(const OidcOptions&, const OidcOptions&) = default;
};

/// Invalid: no https, no audience, an algorithm with a shared secret.
Result<void> check_oidc_options(const OidcOptions& options);

/// What a worker brings back.
struct FetchedKeys {
  KeySet keys;
  std::optional<Duration> max_age = {};
};

/// Asks a provider for its keys. Uses nothing but its arguments; any thread. Unavailable: no
/// answer. Invalid: the answer is none, or speaks for another issuer.
Result<FetchedKeys> fetch_keys(const OidcOptions& options, const Fetcher& fetcher);

/// One identity provider and its keys as known now. Does no I/O: whoever owns it has a worker call
/// `fetch_keys` when `begin_refresh` says so, and hands in the result.
///
/// Threading: one thread.
class OidcIssuer {
 public:
  /// Errors of check_oidc_options.
  static Result<OidcIssuer> make(OidcOptions options);

  const OidcOptions& options() const { return options_; }

  /// Who bears the token. PermissionDenied: it is not believed. Unavailable: its key is not known
  /// (yet); a refresh is wanted then, unless there was one just now.
  Result<access::Identity> verify(const Jwt& jwt, Timestamp now);

  /// Whether keys should be fetched now: there are none, they are old, or a token named an unknown
  /// one. True is said once; `finish_refresh` must follow.
  bool begin_refresh(Timestamp now);

  void finish_refresh(Result<FetchedKeys> fetched, Timestamp now);

  bool refreshing() const { return refreshing_; }

  /// Why the last attempt failed; empty after a success.
  const std::string& last_error() const { return last_error_; }

 private:
  explicit OidcIssuer(OidcOptions options) : options_(std::move(options)) {}

  bool asked_recently(Timestamp now) const;

  OidcOptions options_;
  KeySet keys_;
  bool has_keys_ = false;
  bool refreshing_ = false;
  bool unknown_key_seen_ = false;
  Timestamp fresh_until_{};
  Timestamp usable_until_{};
  std::optional<Timestamp> attempted_;
  std::string last_error_;
};

}  // namespace reeve::identity
