#include "cli/up_server.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/strings.h"
#include "blob/blob_store.h"
#include "cli/cli.h"
#include "cli/credentials.h"
#include "cli/sent_files.h"
#include "cli/tool_programs.h"
#include "cli/up_replies.h"
#include "engine/object_metadata.h"
#include "gateway/a2a/a2a_gateway.h"
#include "gateway/model/gateway.h"
#include "gateway/tool/gateway.h"
#include "host/run_dir.h"
#include "model/scoped_name.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "security/identity/kubeconfig.h"
#include "security/identity/static_token.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

constexpr mode_t kPrivate = 0700;
constexpr mode_t kPrivateFile = 0600;
/// What a health check writes: more than most commits.
constexpr std::size_t kProbeBytes = std::size_t{64} << 10U;

telemetry::HealthOptions health_options() {
  telemetry::HealthOptions options;
  options.version = kVersion;
  return options;
}

std::string in_url(const std::string& host) {
  return host.find(':') == std::string::npos ? host : concat("[", host, "]");
}

/// All that is wrong as one error.
Error all_of(const std::vector<Error>& errors) {
  Error all = errors.front();
  for (std::size_t i = 1; i < errors.size(); ++i) {
    all.message += concat("\n", errors[i].describe());
  }
  return all;
}

telemetry::MetricCallback expiry_metric(
    telemetry::MetricRegistry& metrics, const CertificateWatch& certificate
) {
  telemetry::MetricOptions options;
  options.name = "reeve_server_certificate_expires_seconds";
  options.help = "When the certificate of the server expires, in seconds since 1970";
  return metrics.callback(
      telemetry::MetricType::Gauge, std::move(options), std::function<double()>([&certificate] {
        const std::optional<Timestamp> expires = certificate.expires();
        constexpr double kMillis = 1000;
        return expires ? static_cast<double>(to_unix_millis(*expires)) / kMillis : 0;
      })
  );
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

api::Environment environment_of(
    const DataDir& dir, const configuration::ServerSettings& settings, Timestamp started
) {
  api::Environment environment;
  environment.version = kVersion;
  environment.run_dir =
      [root = dir.missions()](std::string_view ns, std::string_view mission, std::string_view run) {
        const Namespace in{std::string(ns)};
        return (root / model::scoped(in, mission) / "runs" / model::scoped(in, run)).string();
      };
  environment.host = [host = host_object(settings, started)] {
    return host;
  };
  return environment;
}

/// Tools of runs; their files are in the working directories of the runs.
std::shared_ptr<gateway::Gateway> tool_gateway(
    const DataDir& dir,
    const configuration::ServerSettings& settings,
    const gateway::CommandRules& commands
) {
  gateway::ToolGatewayOptions options;
  options.workspace = [root = dir.root](
                          const Namespace& ns, std::string_view mission, std::string_view run
                      ) -> Result<std::filesystem::path> {
    REEVE_TRY(
        const std::filesystem::path directory,
        host::run_directory(
            root, MissionName(model::scoped(ns, mission)), RunName(model::scoped(ns, run))
        )
    );
    REEVE_TRY(const host::SpecRecord spec, host::read_spec(directory));
    return host::working_directory(directory, spec.spec);
  };
  options.private_addresses = settings.tools.private_addresses;
  options.start = program_starter(dir);
  options.programs = dir.root / "programs";
  options.commands = commands;
  return gateway::make_tool_gateway(std::move(options));
}

/// Reads a kept file, and proves that it is the one.
api::Environment::Artifact artifact_reader(const DataDir& dir) {
  return [blobs = blob::BlobStore(dir.blobs()
          )](std::string_view digest, std::uint64_t bytes_max) -> Result<std::string> {
    REEVE_TRY(
        std::string bytes,
        platform::read_file(blobs.path_of(Digest(std::string(digest))), bytes_max)
    );
    if (sha256(bytes).view() != digest) {
      return make_error(
          ErrorCode::Corrupt, "the bytes of the file are not what was kept", std::string(digest)
      );
    }
    return bytes;
  };
}

}  // namespace

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
  made->clock_ = &clock;
  made->settings_ = settings.server;
  LiveSettings live = live_settings(dir, settings, clock.now());
  if (!live.errors.empty()) {
    return all_of(live.errors);
  }
  api::ServerOptions options;
  options.dir = server_dir(dir);
  options.live = std::move(live.options);
  options.listeners = listeners_of(settings);
  made->authority_ = std::move(live.authority);
  made->tls_ = settings.server.tls != configuration::TlsMode::Off;
  if (live.certificate_expires) {
    made->certificate_.use(*live.certificate_expires, !made->authority_.empty());
    made->certificate_metric_ = expiry_metric(metrics, made->certificate_);
  }
  made->host_ = reachable(settings.server.listen.front().host);
  options.environment = environment_of(dir, settings, clock.now());
  options.environment.seal = std::move(seal);
  options.environment.reveal = std::move(reveal);
  options.environment.artifact = artifact_reader(dir);
  options.environment.sent_files = sent_files(dir);
  observation.serve(options.environment);
  REEVE_TRY(std::optional<Secret> passphrase, own_passphrase());
  options.gateways["llm"] = gateway::make_model_gateway(
      {.private_addresses = settings.models.private_addresses,
       .captures = dir.root / "captures",
       .replies = dir.root / "replies",
       .sealer = reply_sealer(dir.keys(), std::move(passphrase))}
  );
  REEVE_TRY(
      const gateway::CommandRules commands,
      gateway::CommandRules::parse(settings.tools.commands, settings.tools.unsandboxed)
  );
  options.gateways["mcp"] = tool_gateway(dir, settings, commands);
  options.environment.command_objection = [commands](const Json& spec) {
    const Result<gateway::ToolCommand> command = gateway::read_command(spec);
    return command ? commands.objection(*command) : command.error().describe();
  };
  const auto a2a = std::make_shared<gateway::a2a::A2aGateway>(std::string(kVersion));
  options.gateways.emplace("a2a", a2a);
  options.gateways.emplace(".well-known", a2a);
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

Result<void> UpServer::add_health_checks(kernel::Loop& kernel) {
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
  REEVE_CHECK(health_->add(std::move(storage)));
  if (!certificate_.expires()) {
    return {};
  }
  telemetry::HealthCheck certificate;
  certificate.name = "certificate";
  certificate.critical = false;
  certificate.run = [this] {
    const Timestamp expires = *certificate_.expires();
    telemetry::Observation seen;
    seen.message = certificate_warning(expires, clock_->now());
    seen.health = seen.message.empty() ? telemetry::Health::Healthy : telemetry::Health::Degraded;
    seen.details = Json::object().set("expires", engine::format_seconds(expires));
    return seen;
  };
  return health_->add(std::move(certificate));
}

Result<void> UpServer::start(kernel::Loop& kernel) {
  REEVE_CHECK(add_health_checks(kernel));
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

std::vector<Error> UpServer::change(const configuration::ServerSettings& settings) {
  LiveSettings live = live_settings(dir_, settings, clock_->now());
  if (!live.errors.empty()) {
    return std::move(live.errors);
  }
  if (const Result<void> changed = server_->change(std::move(live.options)); !changed) {
    return {changed.error()};
  }
  settings_ = settings.server;
  if (live.certificate_expires) {
    certificate_.use(*live.certificate_expires, !live.authority.empty());
  }
  if (const Result<void> written = use_authority(std::move(live.authority)); !written) {
    return {written.error()};
  }
  return {};
}

Result<bool> UpServer::renew_certificate() {
  const Timestamp now = clock_->now();
  if (!certificate_.due(now)) {
    return false;
  }
  // Until it has worked.
  certificate_.failed(now);
  platform::SystemRandom random;
  REEVE_TRY(
      std::optional<ServerCertificate> made,
      open_server_certificate(server_dir(dir_), settings_, random, now)
  );
  if (!made) {
    return false;
  }
  REEVE_CHECK(server_->change_certificate(std::move(made->material)));
  certificate_.use(made->expires, true);
  REEVE_CHECK(use_authority(std::move(made->authority)));
  return true;
}

/// Clients have to know it: it is new if it was near its end.
Result<void> UpServer::use_authority(std::string authority) {
  if (authority == authority_) {
    return {};
  }
  authority_ = std::move(authority);
  return write_kubeconfig();
}

std::filesystem::path UpServer::authority_file() const {
  return authority_.empty() ? std::filesystem::path()
                            : std::filesystem::absolute(server_dir(dir_) / "ca.crt");
}

std::unique_ptr<RunSockets> UpServer::run_sockets() const {
  RunSockets::Listeners listeners;
  listeners.add = [server = server_.get()](net::ListenerOptions options) {
    return server->add_listener(std::move(options));
  };
  listeners.remove = [server = server_.get()](net::ListenerId id) {
    server->remove_listener(id);
  };
  return std::make_unique<RunSockets>(
      run_socket_directory(dir_.root, "/tmp"), std::move(listeners)
  );
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
