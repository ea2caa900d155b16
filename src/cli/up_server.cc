#include "cli/up_server.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "cli/cli.h"
#include "engine/object_metadata.h"
#include "model/scoped_name.h"
#include "net/tls.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "security/identity/certificates.h"
#include "security/identity/https_fetcher.h"
#include "security/identity/kubeconfig.h"
#include "security/identity/static_token.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

constexpr mode_t kPrivate = 0700;
constexpr mode_t kPrivateFile = 0600;
/// What a health check writes: more than most commits.
constexpr std::size_t kProbeBytes = std::size_t{64} << 10U;
constexpr std::uint64_t kPemFileBytesMax = std::uint64_t{256} << 10U;

telemetry::HealthOptions health_options() {
  telemetry::HealthOptions options;
  options.version = kVersion;
  return options;
}

/// A name that listens everywhere is reached under the loopback address.
std::string reachable(const std::string& host) {
  if (host.empty() || host == "0.0.0.0") {
    return "127.0.0.1";
  }
  if (host == "::") {
    return "::1";
  }
  return host == "localhost" ? "127.0.0.1" : host;
}

std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : concat("[", host, "]");
}

Result<net::TlsMaterial> own_certificate(
    const DataDir& dir, const configuration::ServerSettings& settings, std::string& authority
) {
  platform::SystemRandom random;
  const Timestamp now = platform::SystemClock().now();
  REEVE_TRY(
      const identity::CertificateAuthority issuer,
      identity::CertificateAuthority::open_or_create(server_dir(dir), random, now)
  );
  const std::vector<std::string> names =
      identity::server_names(platform::host_name(), settings.server.advertise);
  REEVE_TRY(
      identity::CertifiedKey certified,
      identity::open_or_issue_server(issuer, server_dir(dir), names, random, now)
  );
  authority = issuer.certificate();
  net::TlsMaterial material;
  material.certificate_chain_pem = std::move(certified.certificate);
  material.private_key_pem = std::move(certified.key);
  material.client_ca_pem = authority;
  return material;
}

Result<net::TlsMaterial> given_certificate(const configuration::ServerSettings& settings) {
  net::TlsMaterial material;
  REEVE_TRY(
      material.certificate_chain_pem,
      platform::read_file(settings.server.tls_cert, kPemFileBytesMax)
  );
  REEVE_TRY(std::string key, platform::read_file(settings.server.tls_key, kPemFileBytesMax));
  material.private_key_pem = Secret(std::move(key));
  return material;
}

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

api::AccessOptions access_options(const configuration::ServerSettings& settings) {
  api::AccessOptions options;
  options.anonymous = settings.auth.anonymous;
  options.hosts = identity::server_names(platform::host_name(), settings.server.advertise);
  for (const configuration::ListenAddress& address : settings.server.listen) {
    options.hosts.push_back(reachable(address.host));
  }
  options.per_principal = rate_limit(settings.limits.requests_per_second);
  options.per_address = rate_limit(settings.limits.requests_per_second_per_address);
  return options;
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

/// Identity providers, and how their keys are fetched.
Result<void> set_issuers(
    const configuration::ServerSettings& settings, api::ServerOptions& options
) {
  const configuration::ServerSettings::Oidc& oidc = settings.auth.oidc;
  if (!oidc.enabled()) {
    return {};
  }
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
  identity::HttpsFetcherOptions fetching;
  if (!oidc.ca.empty()) {
    REEVE_TRY(fetching.authorities, platform::read_file(oidc.ca, kPemFileBytesMax));
  }
  REEVE_TRY(options.fetcher, identity::make_https_fetcher(std::move(fetching)));
  options.issuers.push_back(std::move(issuer));
  return {};
}

Json host_object(const configuration::ServerSettings& settings, Timestamp started) {
  Json metadata = Json::object();
  metadata.set("name", "local").set("uid", platform::boot_id());
  metadata.set("creationTimestamp", engine::format_seconds(started));
  Json capacity = Json::object();
  capacity.set("slots", settings.run.slots);
  Json labels = Json::array();
  for (const std::string& label : settings.run.labels) {
    labels.push(label);
  }
  Json ready = Json::object();
  ready.set("type", "Ready").set("status", "True").set("reason", "Embedded");
  ready.set("message", "").set("lastTransitionTime", engine::format_seconds(started));
  Json conditions = Json::array();
  conditions.push(std::move(ready));
  Json status = Json::object();
  status.set("capacity", std::move(capacity)).set("labels", std::move(labels));
  status.set("conditions", std::move(conditions));
  Json host = Json::object();
  host.set("apiVersion", "reeve.dev/v1").set("kind", "Host");
  host.set("metadata", std::move(metadata)).set("spec", Json::object());
  host.set("status", std::move(status));
  return host;
}

}  // namespace

std::filesystem::path server_dir(const DataDir& dir) {
  return dir.root / "server";
}

std::filesystem::path kubeconfig_file(const DataDir& dir) {
  return dir.root / "kubeconfig";
}

Result<std::unique_ptr<UpServer>> UpServer::create(
    const DataDir& dir,
    const configuration::ServerSettings& settings,
    bool any_port,
    store::Reader& reader,
    platform::Clock& clock,
    telemetry::LogHub& log,
    telemetry::MetricRegistry& metrics,
    api::Environment::Seal seal,
    api::Environment::Reveal reveal,
    UpTelemetry& observation
) {
  REEVE_CHECK(platform::make_directories(server_dir(dir), kPrivate));
  std::unique_ptr<UpServer> made(new UpServer);
  made->dir_ = dir;
  made->health_ = std::make_unique<telemetry::HealthRegistry>(clock, health_options());
  made->any_port_ = any_port;
  api::ServerOptions options;
  options.dir = server_dir(dir);
  const bool tls = settings.server.tls != configuration::TlsMode::Off;
  made->tls_ = tls;
  if (settings.server.tls == configuration::TlsMode::Auto) {
    REEVE_TRY(options.tls, own_certificate(dir, settings, made->authority_));
  } else if (tls) {
    REEVE_TRY(options.tls, given_certificate(settings));
  }
  for (const configuration::ListenAddress& address : settings.server.listen) {
    net::ListenerOptions listener;
    listener.address = address.host.empty()          ? "0.0.0.0"
                       : address.host == "localhost" ? "127.0.0.1"
                                                     : address.host;
    listener.port = address.port;
    listener.tls = tls;
    options.listeners.push_back(std::move(listener));
  }
  made->host_ = reachable(settings.server.listen.front().host);
  options.limits.connections_max =
      affordable_connections(static_cast<std::size_t>(settings.limits.connections_max), slots);
  options.limits.connections_per_peer_max =
      static_cast<std::size_t>(settings.limits.connections_per_address_max);
  options.limits.body_bytes_max = static_cast<std::size_t>(settings.limits.body_bytes_max);
  options.access = access_options(settings);
  REEVE_CHECK(set_issuers(settings, options));
  options.environment.seal = std::move(seal);
  options.environment.reveal = std::move(reveal);
  options.environment.version = kVersion;
  observation.serve(options.environment);
  options.environment.run_dir =
      [root = dir.missions()](std::string_view ns, std::string_view mission, std::string_view run) {
        const Namespace in{std::string(ns)};
        return (root / model::scoped(in, mission) / "runs" / model::scoped(in, run)).string();
      };
  options.environment.host = [host = host_object(settings, clock.now())] {
    return host;
  };
  static platform::SystemRandom random;
  REEVE_TRY(
      made->server_,
      api::Server::create(
          std::move(options),
          {.reader = reader,
           .clock = clock,
           .random = random,
           .metrics = metrics,
           .health = *made->health_,
           .log = log}
      )
  );
  return made;
}

telemetry::HealthCheck UpServer::storage_check(kernel::Loop& kernel) const {
  telemetry::HealthCheck storage;
  storage.name = "storage";
  storage.run = [&kernel, probe = server_dir(dir_) / "probe"] {
    const kernel::Health health = kernel.health();
    // After a commit that failed the kernel takes work again to see whether it can be stored: only
    // writing tells whether the disk is still full, also while nobody else does.
    const Result<void> written =
        health.healthy
            ? platform::write_file_atomically(probe, std::string(kProbeBytes, '\n'), kPrivateFile)
            : Result<void>(health.problem);
    telemetry::Observation seen;
    seen.health = written ? telemetry::Health::Healthy : telemetry::Health::Unhealthy;
    seen.message = written ? std::string() : written.error().describe();
    return seen;
  };
  return storage;
}

Result<void> UpServer::start(kernel::Loop& kernel) {
  REEVE_CHECK(health_->add(storage_check(kernel)));
  Result<void> started = server_->start(kernel);
  if (!started && started.error().code == ErrorCode::AlreadyExists && any_port_) {
    started = server_->start_anywhere(kernel);
  }
  REEVE_CHECK(started);
  url_ = concat(
      tls_ ? "https://" : "http://", in_url(host_), ":", std::uint64_t{server_->ports().front()}
  );
  health_->set_started();
  return write_kubeconfig();
}

bool UpServer::stop(Duration grace) {
  health_->set_draining(true);
  return server_->stop(grace);
}

Result<void> UpServer::write_kubeconfig() const {
  platform::SystemRandom random;
  REEVE_TRY(
      const identity::AdminToken admin,
      identity::open_or_create_admin_token(server_dir(dir_) / api::kAdminTokenFile, random)
  );
  identity::KubeconfigOptions options;
  options.server = url_;
  options.authority = authority_;
  options.user = admin.token.user;
  options.token = &admin.text;
  REEVE_TRY(const Secret text, identity::make_kubeconfig(options));
  constexpr mode_t kOwnerOnly = 0600;
  return platform::write_file_atomically(kubeconfig_file(dir_), text.view(), kOwnerOnly);
}

}  // namespace reeve::cli
