#include "cli/up_options.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "cli/session.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "security/identity/https_fetcher.h"

namespace reeve::cli {

namespace {

constexpr std::uint64_t kPemFileBytesMax = std::uint64_t{256} << 10U;

std::optional<access::RateLimitOptions> rate_limit(std::int64_t per_second) {
  if (per_second <= 0) {
    return {};
  }
  constexpr double kBurstSeconds = 4;
  access::RateLimitOptions options;
  options.per_second = static_cast<double>(per_second);
  options.burst = options.per_second * kBurstSeconds;
  return options;
}

api::AccessRules access_rules(const configuration::ServerSettings& settings) {
  api::AccessRules rules;
  rules.anonymous = settings.auth.anonymous;
  rules.hosts = names_of(settings.server);
  rules.per_principal = rate_limit(settings.limits.requests_per_second);
  rules.per_address = rate_limit(settings.limits.requests_per_second_per_address);
  return rules;
}

/// The text of a file that a setting names; empty: it names none.
std::string read_named(const std::string& file, std::string_view key, std::vector<Error>& errors) {
  if (file.empty()) {
    return {};
  }
  Result<std::string> text = platform::read_file(file, kPemFileBytesMax);
  if (text) {
    return std::move(*text);
  }
  Error error = text.error();
  error.message = concat(key, ": ", error.message);
  errors.push_back(std::move(error));
  return {};
}

/// Authorities from a file, each of which is one.
std::string read_authorities(
    const std::string& file, std::string_view key, std::vector<Error>& errors
) {
  std::string pem = read_named(file, key, errors);
  if (pem.empty()) {
    return pem;
  }
  const Result<identity::CertificateTrust> good =
      identity::CertificateTrust::make({.user_authorities = pem, .proxy_authorities = {}});
  if (!good) {
    Error error = good.error();
    error.subject = key;
    error.file = file;
    errors.push_back(std::move(error));
  }
  return pem;
}

void set_trust(const configuration::ServerSettings& settings, LiveSettings& live) {
  std::string users =
      read_authorities(settings.server.tls_client_ca, "server.tls_client_ca", live.errors);
  live.options.trust.user_authorities = users.empty() || live.authority.empty()
                                            ? concat(live.authority, users)
                                            : concat(live.authority, "\n", users);
  const configuration::ServerSettings::FrontProxy& proxy = settings.auth.front_proxy;
  live.options.trust.proxy_authorities =
      read_authorities(proxy.client_ca, "auth.front_proxy.client_ca", live.errors);
  live.options.front_proxy = {
      .allowed_names = proxy.allowed_names,
      .user_header = proxy.user_header,
      .group_header = proxy.group_header,
      .uid_header = proxy.uid_header,
      .extra_prefix = proxy.extra_prefix};
}

void set_certificate(
    const DataDir& dir,
    const configuration::ServerSettings& settings,
    Timestamp now,
    LiveSettings& live
) {
  platform::SystemRandom random;
  Result<std::optional<ServerCertificate>> certificate =
      open_server_certificate(server_dir(dir), settings.server, random, now);
  if (!certificate) {
    live.errors.push_back(certificate.error());
  } else if (*certificate) {
    live.options.tls = std::move((*certificate)->material);
    live.certificate_expires = (*certificate)->expires;
    live.authority = std::move((*certificate)->authority);
  }
}

Result<void> set_algorithms(const std::vector<std::string>& names, identity::JwtPolicy& policy) {
  if (names.empty()) {
    return {};
  }
  const std::vector<identity::JwtAlgorithm> known = policy.algorithms;
  policy.algorithms.clear();
  for (const std::string& name : names) {
    const auto found = std::find_if(known.begin(), known.end(), [&](identity::JwtAlgorithm each) {
      return identity::to_string(each) == name;
    });
    if (found == known.end()) {
      Error error = make_error(
          ErrorCode::Invalid,
          concat("\"", name, "\" is no algorithm that is accepted"),
          "auth.oidc.algorithms"
      );
      error.hint = "RS256, PS256, ES256 or EdDSA";
      return error;
    }
    policy.algorithms.push_back(*found);
  }
  return {};
}

Result<identity::OidcOptions> issuer_of(const configuration::ServerSettings::Oidc& oidc) {
  identity::OidcOptions issuer;
  issuer.issuer = oidc.issuer;
  issuer.jwks_uri = oidc.jwks_uri;
  issuer.policy.audiences = oidc.audience;
  issuer.mapping.username_claim = oidc.username_claim;
  issuer.mapping.username_prefix = oidc.username_prefix;
  issuer.mapping.groups_claim = oidc.groups_claim;
  issuer.mapping.groups_prefix = oidc.groups_prefix;
  for (const std::string& claim : oidc.required_claims) {
    const std::size_t equals = claim.find('=');
    issuer.mapping.required.emplace_back(
        claim.substr(0, equals),
        equals == std::string::npos ? std::string() : claim.substr(equals + 1)
    );
  }
  REEVE_CHECK(set_algorithms(oidc.algorithms, issuer.policy));
  REEVE_CHECK(identity::check_oidc_options(issuer));
  return issuer;
}

/// Identity providers, and how their keys are fetched.
void set_issuers(const configuration::ServerSettings& settings, LiveSettings& live) {
  const configuration::ServerSettings::Oidc& oidc = settings.auth.oidc;
  if (!oidc.enabled()) {
    return;
  }
  identity::HttpsFetcherOptions fetching;
  fetching.authorities = read_named(oidc.ca, "auth.oidc.ca", live.errors);
  Result<identity::Fetcher> fetcher = identity::make_https_fetcher(std::move(fetching));
  Result<identity::OidcOptions> issuer = issuer_of(oidc);
  if (fetcher) {
    live.options.fetcher = std::move(*fetcher);
  } else {
    live.errors.push_back(fetcher.error());
  }
  if (issuer) {
    live.options.issuers.push_back(std::move(*issuer));
  } else {
    live.errors.push_back(issuer.error());
  }
}

}  // namespace

std::filesystem::path server_dir(const DataDir& dir) {
  return dir.root / "server";
}

std::vector<net::ListenerOptions> listeners_of(const configuration::ServerSettings& settings) {
  std::vector<net::ListenerOptions> listeners;
  for (const configuration::ListenAddress& address : settings.server.listen) {
    net::ListenerOptions listener;
    listener.address = address.host.empty()          ? "0.0.0.0"
                       : address.host == "localhost" ? "127.0.0.1"
                                                     : address.host;
    listener.port = address.port;
    listener.tls = settings.server.tls != configuration::TlsMode::Off;
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

LiveSettings live_settings(
    const DataDir& dir, const configuration::ServerSettings& settings, Timestamp now
) {
  LiveSettings live;
  live.options.access = access_rules(settings);
  const configuration::ServerSettings::Limits& limits = settings.limits;
  live.options.connections = {
      .connections_max = affordable_connections(
          static_cast<std::size_t>(limits.connections_max), settings.run.slots
      ),
      .connections_per_peer_max = static_cast<std::size_t>(limits.connections_per_address_max),
      .body_bytes_max = static_cast<std::size_t>(limits.body_bytes_max)};
  live.options.changes_max = static_cast<std::size_t>(limits.watch_buffer_events);
  live.options.snapshot_age_max = limits.continue_age;
  set_certificate(dir, settings, now, live);
  set_trust(settings, live);
  set_issuers(settings, live);
  return live;
}

}  // namespace reeve::cli
