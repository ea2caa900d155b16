#include "api/server.h"

#include <utility>

#include "api/api.h"
#include "api/built_in.h"
#include "api/server_metrics.h"
#include "api/streams.h"
#include "api/watch_groups.h"
#include "api/workflow_documents.h"
#include "api/write.h"
#include "base/strings.h"
#include "engine/metadata_book.h"
#include "engine/object_metadata.h"
#include "host/worker_pool.h"
#include "model/scoped_name.h"
#include "security/identity/sealer.h"
#include "security/identity/static_token.h"

namespace reeve::api {

namespace {

constexpr std::string_view kRunKeyFile = "run.key";
constexpr std::string_view kContinueKeyFile = "continue.key";
/// Name of the first administrator's token among the tokens; no object can have it.
constexpr std::string_view kAdminTokenName = "(admin)";

std::optional<journal::ObjectKey> sidecar_of(const journal::ObjectKey& row) {
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

}  // namespace

class Server::State {
 public:
  State(ServerOptions server_options, Parts parts, Secrets secrets)
      : options(std::move(server_options)),
        parts_(parts),
        types(resource::schema::Contracts::embedded()),
        open_api(resource::schema::OpenApi::make(
            resource::schema::Contracts::embedded(), options.environment.version
        )),
        documents(parts.reader),
        view(view_options()),
        access(std::move(secrets.authenticator), types, access_options()),
        sealer(std::move(secrets.sealer)) {}

  AccessOptions access_options() {
    AccessOptions made = options.access;
    made.run_lives = [this](const identity::RunClaims& claims) {
      return run_lives(claims);
    };
    made.keys_wanted = [this] {
      refresh_issuers();
    };
    return made;
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
    std::vector<identity::OidcIssuer>& issuers = access.authenticator().issuers();
    for (std::size_t i = 0; i < issuers.size(); ++i) {
      if (!issuers[i].begin_refresh(parts_.clock.now())) {
        continue;
      }
      worker->add([this, i, asked = issuers[i].options()] {
        Result<identity::FetchedKeys> fetched = identity::fetch_keys(asked, options.fetcher);
        server->post([this, i, fetched = std::move(fetched)]() mutable {
          identity::OidcIssuer& issuer = access.authenticator().issuers()[i];
          issuer.finish_refresh(std::move(fetched), parts_.clock.now());
          if (!issuer.last_error().empty()) {
            services->log.warn(
                "keys of an identity provider were not fetched",
                {{"issuer", issuer.options().issuer}, {"problem", issuer.last_error()}}
            );
          }
        });
      });
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
    made.limits = options.view;
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
    const Access::ReadRow read = [this](const journal::ObjectKey& key) {
      return stored_row(*services, key);
    };
    for (const Error& problem : access.load(view, read)) {
      services->log.error("a role, binding or token was not taken over", {{"problem", problem}});
    }
    api.emplace(*services);
    net::ServerOptions net_options;
    net_options.listeners = options.listeners;
    if (options.tls) {
      net_options.tls = net::TlsMaterial{
          .certificate_chain_pem = options.tls->certificate_chain_pem,
          .private_key_pem = Secret(std::string(options.tls->private_key_pem.view())),
          .client_ca_pem = options.tls->client_ca_pem};
    }
    net_options.limits = options.limits;
    net_options.refusal = refusal_response;
    net_options.handler = [this](std::shared_ptr<net::Exchange> exchange) {
      handle(std::move(exchange));
    };
    REEVE_TRY(server, net::Server::start(std::move(net_options)));
    services->server = server.get();
    server_metrics = register_server_metrics(parts_.metrics, *server);
    streams.emplace(*server);
    services->streams = &*streams;
    watch_groups.emplace(*streams);
    services->watch_groups = &*watch_groups;
    server_ready = server.get();
    streams_ready = &*streams;
    // What was committed since the roles were read.
    server->post([this, read] {
      access.load(view, read);
      if (!access.authenticator().issuers().empty()) {
        worker = std::make_unique<host::WorkerPool>(1);
        keep_issuers_fresh();
      }
    });
    return {};
  }

  /// A request may come before the server knows itself.
  void handle(std::shared_ptr<net::Exchange> exchange) {
    if (server_ready.load() == nullptr) {
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
    access.changed(key.kind, key.ns.view(), key.name, row);
  }

  ServerOptions options;
  Parts parts_;
  Types types;
  resource::schema::OpenApi open_api;
  WorkflowDocuments documents;
  std::atomic<Streams*> streams_ready = nullptr;
  std::atomic<net::Server*> server_ready = nullptr;
  view::View view;
  Access access;
  identity::Sealer sealer;
  std::optional<Services> services;
  std::optional<Api> api;
  std::optional<Streams> streams;
  std::optional<WatchGroups> watch_groups;
  std::unique_ptr<net::Server> server;
  /// Of `server`.
  std::vector<telemetry::MetricCallback> server_metrics;
  /// Fetches keys of identity providers, if there are any.
  std::unique_ptr<host::WorkerPool> worker;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  stop(Duration(0));
}

Result<std::unique_ptr<Server>> Server::create(ServerOptions options, Parts parts) {
  REEVE_TRY(Secrets secrets, open_secrets(options.dir, parts.random));
  for (identity::OidcOptions& issuer : options.issuers) {
    REEVE_TRY(identity::OidcIssuer made, identity::OidcIssuer::make(std::move(issuer)));
    REEVE_CHECK(secrets.authenticator.add_issuer(std::move(made)));
  }
  return std::unique_ptr<Server>(
      new Server(std::make_unique<State>(std::move(options), parts, std::move(secrets)))
  );
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

Result<void> Server::reload_certificates(net::TlsMaterial material) {
  return state_->server->reload_certificates(std::move(material));
}

bool Server::stop(Duration grace) {
  if (state_->server == nullptr) {
    return true;
  }
  // Watches and streams would go on for ever; their clients come back.
  state_->server->post([state = state_.get()] { state->streams->end_all(); });
  const bool all = state_->server->drain(grace);
  state_->streams_ready = nullptr;
  state_->server_ready = nullptr;
  if (state_->worker != nullptr) {
    state_->worker->stop();
    state_->worker.reset();
  }
  state_->server_metrics.clear();
  state_->server.reset();
  return all;
}

view::View& Server::view() {
  return state_->view;
}

}  // namespace reeve::api
