#include "api/server.h"

#include <utility>

#include "api/api.h"
#include "api/built_in.h"
#include "api/file_work.h"
#include "api/objects/objects.h"
#include "api/server_metrics.h"
#include "api/streams.h"
#include "api/watch_groups.h"
#include "api/workflow_documents.h"
#include "api/write.h"
#include "base/strings.h"
#include "engine/denial_book.h"
#include "engine/metadata_book.h"
#include "engine/object_metadata.h"
#include "engine/quota.h"
#include "host/worker_pool.h"
#include "model/scoped_name.h"
#include "security/identity/sealer.h"
#include "security/identity/static_token.h"

namespace reeve::api {

namespace {

constexpr std::string_view kContinueKeyFile = "continue.key";
/// Name of the first administrator's token among the tokens; no object can have it.
constexpr std::string_view kAdminTokenName = "(admin)";
/// What the network thread is asked to do takes milliseconds.
constexpr Duration kNetworkTimeout{30'000};

std::optional<journal::ObjectKey> sidecar_of(const journal::ObjectKey& row) {
  if (row.kind == journal::Kind::BudgetUsage) {
    return engine::quota_key_of(row);
  }
  if (row.kind != journal::Kind::Metadata) {
    return {};
  }
  const Result<journal::ObjectKey> object = engine::object_of_metadata(row);
  return object ? std::optional(*object) : std::nullopt;
}

/// Credentials and channels say it inside of their rows.
bool is_deleted(const store::Row& row) {
  if (engine::is_deleted_row(row.body)) {
    return true;
  }
  const bool may_say_so = !row.live && (row.key.kind == journal::Kind::Credential ||
                                        row.key.kind == journal::Kind::Channel);
  return may_say_so && row.body.find("\"deleted\":true") != std::string::npos;
}

struct Secrets {
  identity::Authenticator authenticator;
  identity::Sealer sealer;
};

Result<Secrets> open_secrets(const std::filesystem::path& dir, platform::Random& random) {
  REEVE_TRY(
      identity::RunTokens run_tokens, identity::RunTokens::open_or_create(dir / kRunKeyFile, random)
  );
  REEVE_TRY(
      identity::Sealer sealer, identity::Sealer::open_or_create(dir / kContinueKeyFile, random)
  );
  REEVE_TRY(
      identity::AdminToken admin,
      identity::open_or_create_admin_token(dir / kAdminTokenFile, random)
  );
  identity::Authenticator authenticator(std::move(run_tokens));
  REEVE_CHECK(authenticator.static_tokens().upsert(kAdminTokenName, std::move(admin.token)));
  return Secrets{.authenticator = std::move(authenticator), .sealer = std::move(sealer)};
}

/// What is made of options, before anything of them is used.
struct Checked {
  identity::CertificateTrust trust;
  std::vector<identity::OidcIssuer> issuers;
};

Result<Checked> check(const LiveOptions& options) {
  REEVE_TRY(identity::CertificateTrust trust, identity::CertificateTrust::make(options.trust));
  Checked checked{.trust = std::move(trust), .issuers = {}};
  for (const identity::OidcOptions& issuer : options.issuers) {
    REEVE_TRY(identity::OidcIssuer made, identity::OidcIssuer::make(issuer));
    checked.issuers.push_back(std::move(made));
  }
  return checked;
}

/// For whose certificates clients are asked: who stands behind one is looked at afterwards.
std::string client_authorities(const identity::TrustOptions& trust) {
  return trust.user_authorities.empty()
             ? trust.proxy_authorities
             : concat(trust.user_authorities, "\n", trust.proxy_authorities);
}

}  // namespace

class Server::State {
 public:
  State(
      ServerOptions server_options, Parts parts, Secrets secrets, identity::CertificateTrust trust
  )
      : options(std::move(server_options)),
        parts_(parts),
        types(resource::schema::Contracts::embedded()),
        open_api(resource::schema::Contracts::embedded(), options.environment.version),
        documents(parts.reader),
        view(view_options()),
        access(std::move(secrets.authenticator), std::move(trust), types, access_options()),
        sealer(std::move(secrets.sealer)),
        misplaced_tokens(parts.metrics.counter(
            {.name = "reeve_run_tokens_misplaced_total",
             .help = "Requests with the token of a run from where it is good for nothing",
             .labels = {"where"}}
        )),
        fetcher(options.live.fetcher),
        authorities(options.live.trust) {}

  AccessOptions access_options() {
    AccessOptions made;
    made.rules = options.live.access;
    made.run_lives = [this](const identity::RunClaims& claims) {
      return run_lives(claims);
    };
    made.misplaced =
        [this](
            const net::Request& request, const identity::RunClaims& claims, identity::Misplaced why
        ) {
          note_misplaced(request, claims, why);
        };
    made.keys_wanted = [this] {
      refresh_issuers();
    };
    return made;
  }

  /// Somebody else has the token of a run, or the run itself tries it elsewhere.
  void note_misplaced(
      const net::Request& request, const identity::RunClaims& claims, identity::Misplaced why
  ) {
    const bool elsewhere = why == identity::Misplaced::Elsewhere;
    misplaced_tokens.with({elsewhere ? "elsewhere" : "other_run"}).add();
    const std::int64_t pid = request.peer_process ? request.peer_process->pid : 0;
    services->audit.warn(
        elsewhere ? "the token of a run came from elsewhere than its socket"
                  : "the token of a run came over the socket of another run",
        {{"run", claims.run.str()},
         {"mission", claims.mission},
         {"namespace", claims.ns.str()},
         {"socket", request.listener_tag},
         {"peer", request.peer},
         {"pid", pid},
         {"method", request.method},
         {"path", request.path}}
    );
    Denial denial;
    denial.user = concat(access::kRunUserPrefix, claims.run.view());
    denial.verb = "use";
    denial.resource = elsewhere ? "token/elsewhere" : "token/other-run";
    services->denials.note(std::move(denial), parts_.clock.now());
  }

  bool run_lives(const identity::RunClaims& claims) const {
    const view::ProjectedPtr run =
        view.get(*types.of(Storage::Run).view, claims.ns.view(), model::plain(claims.run.view()));
    if (run == nullptr) {
      return false;
    }
    const std::string state = run->object.find("status")->get_string("state");
    const auto fence = static_cast<std::uint64_t>(run->object.find("spec")->get_int("fence"));
    return (state == "ACTIVE" || state == "LAUNCHING") && fence == claims.fence.value();
  }

  /// Asks identity providers for keys that are wanted. Network thread.
  void refresh_issuers() {
    for (identity::OidcIssuer& issuer : access.authenticator().issuers()) {
      if (stopping || !issuer.begin_refresh(parts_.clock.now())) {
        continue;
      }
      if (worker == nullptr) {
        worker = std::make_unique<host::WorkerPool>(1);
      }
      worker->add([this, asked = issuer.options(), fetch = fetcher] {
        Result<identity::FetchedKeys> fetched = identity::fetch_keys(asked, fetch);
        server->post([this, asked, fetched = std::move(fetched)]() mutable {
          keys_fetched(asked, std::move(fetched));
        });
      });
    }
  }

  /// The provider may have been replaced meanwhile.
  void keys_fetched(const identity::OidcOptions& asked, Result<identity::FetchedKeys> fetched) {
    for (identity::OidcIssuer& issuer : access.authenticator().issuers()) {
      if (issuer.options() != asked) {
        continue;
      }
      issuer.finish_refresh(std::move(fetched), parts_.clock.now());
      if (!issuer.last_error().empty()) {
        services->log.warn(
            "keys of an identity provider were not fetched",
            {{"issuer", asked.issuer}, {"problem", issuer.last_error()}}
        );
      }
      return;
    }
  }

  void keep_issuers_fresh() {
    constexpr Duration kPeriod{10'000};
    refresh_issuers();
    server->post_after(kPeriod, [this] { keep_issuers_fresh(); });
  }

  view::ViewOptions view_options() {
    view::ViewOptions made;
    made.types = types.view_types([this](std::string_view ns, std::string_view row) {
      return documents.find(ns, row);
    });
    made.sidecar_of = sidecar_of;
    made.is_deleted = is_deleted;
    made.now = [this] {
      return parts_.clock.now();
    };
    made.notify = [this](const view::Notice& notice) {
      if (Streams* to = streams_ready.load()) {
        to->notify(notice);
      }
    };
    made.limits.changes_max = options.live.changes_max;
    made.limits.snapshot_age_max = options.live.snapshot_age_max;
    return made;
  }

  Result<void> start(kernel::Loop& kernel) {
    services.emplace(Services{
        .kernel = kernel,
        .reader = parts_.reader,
        .view = view,
        .types = types,
        .contracts = resource::schema::Contracts::embedded(),
        .open_api = open_api,
        .sealer = sealer,
        .access = access,
        .metrics = parts_.metrics,
        .request_metrics = RequestMetrics(parts_.metrics),
        .health = parts_.health,
        .log = parts_.log.logger("api"),
        .audit = parts_.log.logger("audit"),
        .random = parts_.random,
        .now = [this] { return parts_.clock.now(); },
        .environment = options.environment});
    api.emplace(*services);
    REEVE_TRY(server, net::Server::start(net_options()));
    services->server = server.get();
    server_metrics = register_server_metrics(parts_.metrics, *server);
    streams.emplace(*server);
    services->streams = &*streams;
    watch_groups.emplace(*services);
    services->watch_groups = &*watch_groups;
    files.emplace(*server);
    services->files = &*files;
    services->gateways = options.gateways;
    REEVE_CHECK(open_gateways());
    server_ready = server.get();
    streams_ready = &*streams;
    // Roles are read after commits tell of changed ones, and before the first request counts.
    return server->run([this] { begin_serving(); }, kNetworkTimeout);
  }

  Result<void> open_gateways() {
    gateway_log.emplace(parts_.log.logger("gateway"));
    const gateway::GatewayServices given{
        .kernel = services->kernel,
        .view = view,
        .server = *server,
        .metrics = parts_.metrics,
        .log = *gateway_log,
        .random = parts_.random,
        .now = [this] { return parts_.clock.now(); },
        .reveal = options.environment.reveal};
    for (const auto& [name, gateway] : options.gateways) {
      REEVE_CHECK(gateway->open(given));
    }
    return {};
  }

  net::ServerOptions net_options() {
    net::ServerOptions net_options;
    net_options.listeners = options.listeners;
    if (const auto& tls = options.live.tls) {
      net_options.tls = net::TlsMaterial{
          .certificate_chain_pem = tls->certificate_chain_pem,
          .private_key_pem = Secret(std::string(tls->private_key_pem.view())),
          .client_ca_pem = client_authorities(options.live.trust)};
    }
    const net::ConnectionLimits& connections = options.live.connections;
    net_options.limits.connections_max = connections.connections_max;
    net_options.limits.connections_per_peer_max = connections.connections_per_peer_max;
    net_options.limits.body_bytes_max = connections.body_bytes_max;
    net_options.refusal = refusal_response;
    net_options.handler = [this](std::shared_ptr<net::Exchange> exchange) {
      handle(std::move(exchange));
    };
    return net_options;
  }

  /// Network thread.
  void begin_serving() {
    const Access::ReadRow read = [this](const journal::ObjectKey& key) {
      return stored_row(*services, key);
    };
    for (const Error& problem : access.load(view, read)) {
      services->log.error("a role, binding or token was not taken over", {{"problem", problem}});
    }
    keep_issuers_fresh();
    keep_recording_denials();
    serving = true;
  }

  /// Network thread. It was checked.
  void use_certificate(net::TlsMaterial material) {
    material.client_ca_pem = client_authorities(authorities);
    if (const Result<void> used = server->reload_certificates(std::move(material)); !used) {
      services->log.error("the certificate was not replaced", {{"problem", used.error()}});
    }
  }

  /// Network thread. They were checked.
  void use(LiveOptions live, Checked checked) {
    authorities = std::move(live.trust);
    if (live.tls) {
      use_certificate(std::move(*live.tls));
    }
    identity::Authenticator& authenticator = access.authenticator();
    if (const Result<void> used = authenticator.replace_issuers(std::move(checked.issuers));
        !used) {
      services->log.error("identity providers were not replaced", {{"problem", used.error()}});
    }
    authenticator.replace_proxy(std::move(live.front_proxy));
    access.replace_trust(std::move(checked.trust));
    access.replace_rules(std::move(live.access));
    fetcher = std::move(live.fetcher);
    if (const Result<void> used = server->change_limits(live.connections); !used) {
      services->log.error("limits of connections stay as they were", {{"problem", used.error()}});
    }
    view.change_limits(live.changes_max, live.snapshot_age_max);
    refresh_issuers();
  }

  /// Makes events of what was refused. Network thread.
  void record_denials() {
    if (services->denials.empty()) {
      return;
    }
    for (Denials::Record& record : services->denials.take(parts_.clock.now())) {
      kernel::Input input;
      input.principal = Principal(std::string(engine::kDenialsRecorder));
      input.correlation = CorrelationId(concat("denials-", parts_.random.next()));
      input.command = engine::ObjectCommand{
          .object = engine::denials_key(Namespace(record.ns)),
          .verb = "record",
          .body = std::move(record.body)};
      // They are in the log, one by one.
      input.done = [log = services->log](const Result<engine::Reply>& reply) {
        if (!reply) {
          log.warn("denials were not recorded", {{"problem", reply.error()}});
        }
      };
      if (Result<void> posted = services->kernel.post(std::move(input)); !posted) {
        services->log.warn("denials were not recorded", {{"problem", posted.error()}});
      }
    }
  }

  void keep_recording_denials() {
    record_denials();
    server->post_after(kDenialPeriod, [this] { keep_recording_denials(); });
  }

  /// A request may come before the server knows itself.
  void handle(std::shared_ptr<net::Exchange> exchange) {
    if (!serving) {
      constexpr int kUnavailable = 503;
      exchange->respond(refusal_response(kUnavailable, "starting: ask again"));
      return;
    }
    api->handle(std::move(exchange));
  }

  Result<void> load() {
    WithBuiltIns all(parts_.reader, parts_.clock.now());
    return view.load(all);
  }

  void committed(const store::Commit& commit) {
    view.apply(commit);
    net::Server* to = server_ready.load();
    if (to == nullptr) {
      return;
    }
    for (const store::Row& row : commit.rows) {
      if (Access::follows(row.key.kind)) {
        to->post([this, key = row.key] { access_changed(key); });
      }
    }
  }

  void access_changed(const journal::ObjectKey& key) {
    const bool there = view.get(*types.of(key.kind).view, key.ns.view(), key.name) != nullptr;
    const Json row = there ? stored_row(*services, key) : Json();
    if (const Result<void> taken = access.changed(key.kind, key.ns.view(), key.name, row); !taken) {
      services->log.error(
          "a role, binding or token was not taken over", {{"problem", taken.error()}}
      );
    }
    streams->rights_changed();
  }

  ServerOptions options;
  Parts parts_;
  Types types;
  resource::schema::LazyOpenApi open_api;
  WorkflowDocuments documents;
  std::atomic<Streams*> streams_ready = nullptr;
  std::atomic<net::Server*> server_ready = nullptr;
  view::View view;
  Access access;
  identity::Sealer sealer;
  telemetry::Family<telemetry::Counter>& misplaced_tokens;
  std::optional<Services> services;
  std::optional<Api> api;
  std::optional<Streams> streams;
  std::optional<WatchGroups> watch_groups;
  std::unique_ptr<net::Server> server;
  std::optional<FileWork> files;
  /// Of the gateways.
  std::optional<telemetry::Logger> gateway_log;
  /// Of `server`.
  std::vector<telemetry::MetricCallback> server_metrics;
  // Of the network thread, until it is stopped.
  identity::Fetcher fetcher;
  identity::TrustOptions authorities;
  bool serving = false;
  bool stopping = false;
  /// Of the thread that stops it.
  bool stopped = false;
  /// Fetches keys of identity providers, if there are any.
  std::unique_ptr<host::WorkerPool> worker;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  stop(Duration(0));
}

Result<std::unique_ptr<Server>> Server::create(ServerOptions options, Parts parts) {
  REEVE_TRY(Secrets secrets, open_secrets(options.dir, parts.random));
  REEVE_TRY(Checked checked, check(options.live));
  REEVE_CHECK(secrets.authenticator.replace_issuers(std::move(checked.issuers)));
  secrets.authenticator.replace_proxy(options.live.front_proxy);
  return std::unique_ptr<Server>(new Server(std::make_unique<State>(
      std::move(options), parts, std::move(secrets), std::move(checked.trust)
  )));
}

Result<void> Server::load() {
  return state_->load();
}

void Server::committed(const store::Commit& commit) {
  state_->committed(commit);
}

void Server::reloaded() {
  if (const Result<void> loaded = state_->load(); !loaded && state_->services) {
    state_->services->log.error("the store was not read again", {{"problem", loaded.error()}});
  }
}

Result<void> Server::start(kernel::Loop& kernel) {
  REEVE_CHECK(state_->start(kernel));
  return {};
}

Result<void> Server::start_anywhere(kernel::Loop& kernel) {
  for (net::ListenerOptions& listener : state_->options.listeners) {
    listener.port = 0;
  }
  return state_->start(kernel);
}

std::vector<std::uint16_t> Server::ports() const {
  return state_->server->ports();
}

Result<net::ListenerId> Server::add_listener(net::ListenerOptions options) {
  return state_->server->add_listener(std::move(options));
}

void Server::remove_listener(net::ListenerId id) {
  state_->server->remove_listener(id);
}

Result<void> Server::change(LiveOptions options) {
  REEVE_TRY(Checked checked, check(options));
  if (options.tls) {
    REEVE_CHECK(net::check(*options.tls));
  }
  // Functions that are posted can be copied; these cannot.
  const auto live = std::make_shared<LiveOptions>(std::move(options));
  const auto made = std::make_shared<Checked>(std::move(checked));
  return state_->server->run(
      [state = state_.get(), live, made] { state->use(std::move(*live), std::move(*made)); },
      kNetworkTimeout
  );
}

Result<void> Server::change_certificate(net::TlsMaterial material) {
  REEVE_CHECK(net::check(material));
  const auto shared = std::make_shared<net::TlsMaterial>(std::move(material));
  return state_->server->run(
      [state = state_.get(), shared] { state->use_certificate(std::move(*shared)); },
      kNetworkTimeout
  );
}

bool Server::stop(Duration grace) {
  if (state_->server == nullptr || std::exchange(state_->stopped, true)) {
    return true;
  }
  // Watches and streams would go on for ever; their clients come back.
  state_->server->post([state = state_.get()] { state->streams->end_all(); });
  const bool all = state_->server->drain(grace);
  for (const auto& [name, gateway] : state_->options.gateways) {
    gateway->close();
  }
  state_->streams_ready = nullptr;
  state_->server_ready = nullptr;
  // Nobody makes a worker, or hands it work, from here on.
  const Result<void> stopping =
      state_->server->run([state = state_.get()] { state->stopping = true; }, kNetworkTimeout);
  if (!stopping && state_->services) {
    state_->services->log.warn(
        "the network thread did not answer", {{"problem", stopping.error()}}
    );
  }
  if (state_->worker != nullptr) {
    state_->worker->stop();
    state_->worker.reset();
  }
  state_->server_metrics.clear();
  // It stays: the kernel may still have answers for it, which go nowhere.
  state_->server->stop();
  state_->files->stop();
  // Nobody asks any more, and no other thread counts: what was refused last is not lost.
  state_->record_denials();
  return all;
}

view::View& Server::view() {
  return state_->view;
}

}  // namespace reeve::api
