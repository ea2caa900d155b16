#include "security/identity/oidc.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"

namespace reeve::identity {

namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::string_view kDiscoveryPath = "/.well-known/openid-configuration";
constexpr std::size_t kUrlBytesMax = 2048;
constexpr int kJsonDepthMax = 32;

bool is_https(std::string_view url) {
  constexpr char kFirstPrintable = 0x21;
  return url.size() > kScheme.size() && url.size() <= kUrlBytesMax && url.starts_with(kScheme) &&
         std::all_of(url.begin(), url.end(), [](char c) {
           return c >= kFirstPrintable && c != 0x7f;
         });
}

Error invalid(std::string message, std::string subject) {
  return make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
}

Error in_document(const Error& error, std::string_view what) {
  return make_error(
      error.code, concat("the ", what, " of the issuer: ", error.message), error.subject
  );
}

Result<std::string> discover(const OidcOptions& options, const Fetcher& fetcher) {
  std::string_view base = options.issuer;
  if (base.ends_with('/')) {
    base.remove_suffix(1);
  }
  REEVE_TRY(const Fetched fetched, fetcher(concat(base, kDiscoveryPath)));
  const auto document =
      parse_json(fetched.body, {.depth_max = kJsonDepthMax, .size_bytes_max = kKeySetBytesMax});
  if (!document.ok()) {
    return in_document(document.error(), "configuration");
  }
  // Without this, whoever can write one document of a server could speak for all its tenants.
  if (document->get_string("issuer") != options.issuer) {
    return invalid("the configuration of the issuer is for another issuer", "issuer");
  }
  const std::string uri = document->get_string("jwks_uri");
  if (!is_https(uri)) {
    return invalid("the configuration of the issuer names no https address for keys", "jwks_uri");
  }
  return uri;
}

}  // namespace

Result<void> check_oidc_options(const OidcOptions& options) {
  if (!is_https(options.issuer) || options.issuer.find_first_of("?#") != std::string::npos) {
    return invalid("must be an https address without a query", "issuer");
  }
  if (!options.jwks_uri.empty() && !is_https(options.jwks_uri)) {
    return invalid("must be an https address", "jwks_uri");
  }
  const auto& audiences = options.policy.audiences;
  if (audiences.empty() || std::find(audiences.begin(), audiences.end(), "") != audiences.end()) {
    return invalid("must name who this server is to the issuer", "audiences");
  }
  const auto& algorithms = options.policy.algorithms;
  if (algorithms.empty() ||
      std::find(algorithms.begin(), algorithms.end(), JwtAlgorithm::HS256) != algorithms.end()) {
    return invalid("must be algorithms with public keys", "algorithms");
  }
  const bool times_fit = options.refresh_min > Duration(0) &&
                         options.refresh_max >= options.refresh_min &&
                         options.stale_max >= Duration(0) && options.retry_interval > Duration(0) &&
                         options.policy.leeway >= Duration(0);
  if (!times_fit) {
    return invalid("must be positive, and the least at most the longest", "refresh");
  }
  return {};
}

Result<FetchedKeys> fetch_keys(const OidcOptions& options, const Fetcher& fetcher) {
  std::string uri = options.jwks_uri;
  if (uri.empty()) {
    REEVE_TRY(uri, discover(options, fetcher));
  }
  REEVE_TRY(const Fetched fetched, fetcher(uri));
  auto keys = KeySet::parse(fetched.body);
  if (!keys.ok()) {
    return in_document(keys.error(), "key set");
  }
  return FetchedKeys{.keys = std::move(keys).value(), .max_age = fetched.max_age};
}

Result<OidcIssuer> OidcIssuer::make(OidcOptions options) {
  REEVE_CHECK(check_oidc_options(options));
  options.policy.issuer = options.issuer;
  options.policy.shared_secret = nullptr;
  return OidcIssuer(std::move(options));
}

Result<access::Identity> OidcIssuer::verify(const Jwt& jwt, Timestamp now) {
  if (!has_keys_ || now >= usable_until_) {
    Error error = make_error(
        ErrorCode::Unavailable, "the keys of the token's issuer are not known yet", "token"
    );
    error.hint = last_error_;
    return error;
  }
  auto verified = verify_jwt(jwt, keys_, options_.policy, now);
  if (verified.ok()) {
    return identity_of(jwt.claims, options_.mapping);
  }
  if (verified.error().code != ErrorCode::NotFound) {
    return std::move(verified).error();
  }
  if (!refreshing_ && asked_recently(now)) {
    return make_error(
        ErrorCode::PermissionDenied,
        "the token was signed with a key that its issuer does not publish",
        "token"
    );
  }
  unknown_key_seen_ = true;
  return make_error(
      ErrorCode::Unavailable, "the key that the token was signed with is not known yet", "token"
  );
}

bool OidcIssuer::asked_recently(Timestamp now) const {
  return attempted_ && now >= *attempted_ && now - *attempted_ < options_.retry_interval;
}

bool OidcIssuer::begin_refresh(Timestamp now) {
  const bool wanted = !has_keys_ || now >= fresh_until_ || unknown_key_seen_;
  if (!wanted || refreshing_ || asked_recently(now)) {
    return false;
  }
  refreshing_ = true;
  unknown_key_seen_ = false;
  attempted_ = now;
  return true;
}

void OidcIssuer::finish_refresh(Result<FetchedKeys> fetched, Timestamp now) {
  refreshing_ = false;
  if (!fetched.ok()) {
    last_error_ = fetched.error().describe();
    return;
  }
  last_error_.clear();
  keys_ = std::move(fetched->keys);
  has_keys_ = true;
  const Duration age = fetched->max_age.value_or(options_.refresh_min);
  fresh_until_ = now + std::clamp(age, options_.refresh_min, options_.refresh_max);
  usable_until_ = fresh_until_ + options_.stale_max;
}

}  // namespace reeve::identity
