#include "cli/session.h"

#include <algorithm>
#include <atomic>
#include <unistd.h>

#include <sys/resource.h>

#include "base/hash.h"
#include "base/strings.h"
#include "blob/blob_store.h"
#include "cli/credentials.h"
#include "cli/mirror.h"
#include "cli/print.h"
#include "engine/object_metadata.h"
#include "host/host.h"
#include "owner/control_server.h"
#include "owner/identity.h"
#include "owner/zones.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"
#include "platform/posix/zone_files.h"
#include "protocol/commands.h"
#include "store/sqlite/sqlite_store.h"
#include "telemetry/work/observed_store.h"
#include "workflow/load/load.h"

namespace reeve::cli {

namespace {

constexpr std::string_view kOwnerLock = "owner";
constexpr std::uint64_t kInstanceBytesMax = 256;
constexpr mode_t kPrivate = 0700;

/// Descriptors: of a run while it lives (its lock, its process, and one while it starts or ends),
/// and of everything else (database, watches, output).
constexpr rlim_t kFilesPerRun = 4;
constexpr rlim_t kFilesBesides = 64;

rlim_t files_besides_connections(rlim_t slots) {
  return kFilesBesides + kFilesPerRun * slots;
}

/// Raises the limit of open files to `needed`, or as far as that is allowed. Returns the limit.
rlim_t allow_open_files(rlim_t needed) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return needed;
  }
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      ::getrlimit(RLIMIT_NOFILE, &limit);
    }
  }
  return limit.rlim_cur;
}

void tell_of_few_files(
    std::string_view what, std::uint64_t affordable, std::uint64_t wanted, rlim_t allowed
) {
  print_error_text(concat(
      "reeve: ",
      affordable,
      " ",
      what,
      " at the same time instead of ",
      wanted,
      ": only ",
      std::uint64_t{allowed},
      " open files are allowed (ulimit -n)\n"
  ));
}

/// A clock for the kernel: starts at the civil time and from then on only moves forward, whatever
/// happens to the civil clock. Durations in missions are therefore real ones.
class SmoothClock {
 public:
  SmoothClock()
      : civil_start_(platform::SystemClock().now()), monotonic_start_(platform::monotonic_now()) {}

  Timestamp now() const { return civil_start_ + (platform::monotonic_now() - monotonic_start_); }

 private:
  Timestamp civil_start_;
  Duration monotonic_start_;
};

/// A random name that this data directory keeps for ever; made when it is first opened.
Result<std::string> load_instance(const DataDir& dir) {
  Result<std::string> known = platform::read_file(dir.instance(), kInstanceBytesMax);
  if (known) {
    return std::string(trim(*known));
  }
  if (known.error().code != ErrorCode::NotFound) {
    return std::move(known).error();
  }
  platform::SystemRandom random;
  std::string name;
  for (int i = 0; i < 2; ++i) {
    std::string bytes = std::to_string(random.next());
    name += sha256(bytes).str().substr(0, 16);
  }
  REEVE_CHECK(platform::write_file_atomically(dir.instance(), name + "\n", 0600));
  return name;
}

class LocalSession final : public Session {
 public:
  LocalSession(
      SessionOptions options,
      std::unique_ptr<store::SqliteStore> store,
      std::optional<Secret> passphrase
  )
      : options_(std::move(options)),
        store_(std::move(store)),
        credentials_(*store_, options_.dir.keys(), std::move(passphrase)),
        blobs_(options_.dir.blobs()) {}

  ~LocalSession() override { close(); }

  Result<void> start(std::string instance) {
    mirror_ = std::make_unique<Mirror>(options_.dir.missions(), *store_, blobs_);
    host::HostOptions host_options;
    host_options.data_dir = options_.dir.root;
    host_options.credentials = &credentials_;
    host_options.identities = options_.identities;
    REEVE_TRY(
        host_,
        host::Host::create(
            std::move(host_options),
            blobs_,
            [this](model::Report report) { take_report(std::move(report)); }
        )
    );
    kernel::LoopOptions loop_options;
    loop_options.core.instance = std::move(instance);
    loop_options.core.loader = workflow_loader();
    loop_options.core.extend = workflow::extend_source;
    loop_options.core.zones = &zones_;
    loop_options.core.artifact_address =
        [this](const MissionName&, const TaskName&, const auto& file) {
          return concat("file://", blobs_.path_of(file.digest).string());
        };
    if (options_.run_slots > 0) {
      loop_options.core.limits.run_slots = options_.run_slots;
    }
    loop_options.core.limits.labels.insert(options_.labels.begin(), options_.labels.end());
    loop_options.core.limits.sample_ratio = options_.sample_ratio;
    loop_options.now = [this] {
      return clock_.now();
    };
    kernel::Sinks sinks;
    sinks.effect = [this](model::Effect effect) {
      hand_to_host(std::move(effect));
    };
    sinks.events = [this](std::span<const journal::Event> events) {
      mirror_->changed(events);
      if (options_.on_events) {
        options_.on_events(events);
      }
    };
    sinks.committed = options_.on_commit;
    sinks.reloaded = options_.on_reload;
    if (options_.on_store) {
      REEVE_CHECK(options_.on_store(*store_));
    }
    REEVE_TRY(
        loop_,
        kernel::Loop::start(
            observed_store(),
            std::move(loop_options),
            std::move(sinks),
            [this](kernel::Loop& loop) { loop_ready_ = &loop; }
        )
    );
    mirror_->catch_up();
    listen();
    return {};
  }

  void handle(protocol::Request request, const owner::Caller& caller, owner::Respond respond)
      override {
    verbs_.handle(*loop_, std::move(request), caller, std::move(respond));
  }

  const std::optional<Error>& unreachable() const override { return unreachable_; }

  kernel::Loop& kernel() override { return *loop_; }

  store::Reader& reader() override { return *store_; }

  void close() override {
    // In reverse order of start: no reports into a kernel that is gone, no effects into a host
    // that is gone.
    closing_ = true;
    if (host_) {
      host_->stop();
    }
    if (loop_) {
      loop_->stop();
    }
    // After the kernel: what it still answered is sent.
    if (server_) {
      server_->stop();
    }
    if (mirror_) {
      mirror_->close();
    }
    server_.reset();
    host_.reset();
    loop_.reset();
    mirror_.reset();
  }

 private:
  /// Without a socket (a file system that has none) the work still gets done.
  void listen() {
    owner::add_engine_verbs(verbs_);
    verbs_.add_other(
        std::string(protocol::kHello),
        [purpose = options_.purpose](const protocol::Request&, const owner::Caller&, auto respond) {
          Json json = Json::object();
          json.set("pid", static_cast<std::int64_t>(::getpid())).set("purpose", purpose);
          respond(std::move(json));
        }
    );
    verbs_.add_other(
        std::string(protocol::kStop),
        [this](const protocol::Request&, const owner::Caller& caller, auto respond) {
          respond(stop_asked(caller));
        }
    );
    owner::ControlOptions control;
    control.data_dir = options_.dir.root;
    control.handler = [this](protocol::Request request, const owner::Caller& caller, auto respond) {
      handle(std::move(request), caller, std::move(respond));
    };
    Result<std::unique_ptr<owner::ControlServer>> server =
        owner::ControlServer::start(std::move(control));
    if (server) {
      server_ = std::move(*server);
    } else {
      unreachable_ = std::move(server).error();
    }
  }

  protocol::Response stop_asked(const owner::Caller& caller) const {
    if (owner::is_run(caller.principal)) {
      return make_error(
          ErrorCode::PermissionDenied, "a run may not stop the process that carries it out"
      );
    }
    if (!options_.on_stop) {
      Error error = make_error(
          ErrorCode::IllegalTransition,
          concat("\"", options_.purpose, "\" owns the data directory and ends by itself")
      );
      error.hint = concat("or end process ", ::getpid(), " with SIGTERM; runs go on");
      return error;
    }
    options_.on_stop();
    return Json::object();
  }

  store::Store& observed_store() {
    if (!options_.on_measured) {
      return *store_;
    }
    observed_ = std::make_unique<telemetry::ObservedStore>(*store_, options_.on_measured);
    return *observed_;
  }

  void take_report(model::Report report) {
    if (options_.on_report) {
      options_.on_report(report);
    }
    loop_ready_->report(std::move(report));
  }

  void hand_to_host(model::Effect effect) {
    // While closing, an effect that finds no host is left to the next owner of the directory, who
    // asks for it again; it must not count as lost.
    if (closing_) {
      return;
    }
    if (options_.on_effect) {
      options_.on_effect(effect);
    }
    const auto* launch = std::get_if<model::LaunchRun>(&effect);
    model::RunLost lost;
    if (launch != nullptr) {
      lost = {
          .mission = launch->mission,
          .run = launch->run,
          .fence = launch->fence,
          .detail = "the host takes no more runs"};
    }
    if (!host_->submit(std::move(effect)) && !lost.run.empty()) {
      loop_ready_->report(std::move(lost));
    }
  }

  SessionOptions options_;
  SmoothClock clock_;
  platform::ZoneFiles zone_files_;
  owner::ZoneCache zones_{zone_files_};
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<telemetry::ObservedStore> observed_;
  StoredCredentials credentials_;
  blob::BlobStore blobs_;
  std::unique_ptr<Mirror> mirror_;
  std::unique_ptr<host::Host> host_;
  kernel::Loop* loop_ready_ = nullptr;
  std::atomic<bool> closing_ = false;
  std::unique_ptr<kernel::Loop> loop_;
  owner::Verbs verbs_;
  std::optional<Error> unreachable_;
  std::unique_ptr<owner::ControlServer> server_;
};

}  // namespace

std::uint32_t affordable_slots(std::uint32_t wanted) {
  const std::uint32_t slots = wanted > 0 ? wanted : engine::Limits{}.run_slots;
  const rlim_t allowed = allow_open_files(files_besides_connections(slots));
  if (allowed >= files_besides_connections(slots)) {
    return slots;
  }
  const rlim_t left = allowed > kFilesBesides ? allowed - kFilesBesides : 0;
  const auto affordable = static_cast<std::uint32_t>(std::max<rlim_t>(left / kFilesPerRun, 1));
  tell_of_few_files("runs", affordable, slots, allowed);
  return affordable;
}

std::size_t affordable_connections(std::size_t wanted, std::int64_t slots) {
  const rlim_t besides =
      files_besides_connections(static_cast<rlim_t>(std::max<std::int64_t>(slots, 0)));
  const rlim_t allowed = allow_open_files(besides + wanted);
  if (allowed >= besides + wanted) {
    return wanted;
  }
  const std::size_t affordable = allowed > besides ? allowed - besides : 1;
  tell_of_few_files("connections", affordable, wanted, allowed);
  return affordable;
}

Result<Ownership> own(const DataDir& dir, std::string purpose) {
  REEVE_TRY(const owner::Caller self, owner::identify_self(dir.root));
  if (owner::is_run(self.principal)) {
    Error error = make_error(
        ErrorCode::PermissionDenied, "a run may not own the data directory that it belongs to"
    );
    error.hint = "name another directory with --data";
    return error;
  }
  REEVE_CHECK(platform::make_directories(dir.root, kPrivate));
  platform::LockRequest request;
  request.directory = dir.root;
  request.name = std::string(kOwnerLock);
  request.purpose = std::move(purpose);
  Result<platform::DirectoryLock> lock = platform::DirectoryLock::acquire(request);
  if (lock) {
    return std::make_shared<platform::DirectoryLock>(std::move(*lock));
  }
  if (lock.error().code != ErrorCode::DeadlineExceeded) {
    return std::move(lock).error();
  }
  Error error = make_error(
      ErrorCode::Unavailable,
      concat("the data directory is in use: ", lock.error().message),
      dir.root.string()
  );
  error.hint = "status, logs and events work meanwhile; or give another directory with --data";
  return error;
}

engine::WorkflowLoader workflow_loader() {
  return workflow::load_source;
}

Result<std::unique_ptr<Session>> Session::open(SessionOptions options) {
  const DataDir dir = options.dir;
  REEVE_CHECK(platform::make_directories(dir.missions(), kPrivate));
  REEVE_CHECK(platform::make_directories(dir.blobs(), kPrivate));
  REEVE_TRY(std::optional<Secret> passphrase, own_passphrase());
  REEVE_TRY(
      std::unique_ptr<store::SqliteStore> store, store::SqliteStore::open(dir.store().string())
  );
  REEVE_TRY(std::string instance, load_instance(dir));
  auto session =
      std::make_unique<LocalSession>(std::move(options), std::move(store), std::move(passphrase));
  REEVE_CHECK(session->start(std::move(instance)));
  return std::unique_ptr<Session>(std::move(session));
}

Result<std::unique_ptr<store::Store>> open_for_reading(const DataDir& dir) {
  store::SqliteOptions options;
  options.read_only = true;
  Result<std::unique_ptr<store::SqliteStore>> store =
      store::SqliteStore::open(dir.store().string(), options);
  if (!store) {
    Error error = std::move(store).error();
    if (error.code == ErrorCode::NotFound) {
      error = make_error(ErrorCode::NotFound, "there is no data here yet", dir.root.string());
      error.hint = "reeve run makes it; --data or $REEVE_DATA name another directory";
    }
    return error;
  }
  return std::unique_ptr<store::Store>(std::move(*store));
}

Result<std::optional<platform::LockOwner>> owner_of(const DataDir& dir) {
  return platform::inspect_lock(dir.root, kOwnerLock);
}

Namespace namespace_in(const Json& object) {
  const Json* metadata = object.find("metadata");
  return Namespace(metadata == nullptr ? std::string() : metadata->get_string("namespace"));
}

Result<Json> read_mission(store::Reader& reader, const Namespace& ns, const std::string& name) {
  const journal::ObjectKey key{.kind = journal::Kind::Mission, .ns = ns, .name = name};
  REEVE_TRY(const std::optional<store::Row> row, reader.get(key));
  const bool deleted = row && engine::is_deleted_row(row->body);
  if (row && !deleted) {
    return parse_json(row->body);
  }
  if (deleted) {
    return make_error(ErrorCode::NotFound, concat("mission \"", name, "\" was deleted"));
  }
  Error error = make_error(ErrorCode::NotFound, concat("there is no mission \"", name, "\""));
  store::RowQuery query;
  query.ns = ns;
  query.limit = 200;
  if (Result<std::vector<store::ListedRow>> rows = reader.list(query)) {
    std::vector<std::string> names;
    for (const store::ListedRow& listed : *rows) {
      if (!engine::is_deleted_row(listed.row.body)) {
        names.push_back(listed.row.key.name);
      }
    }
    if (const std::string near = nearest(name, names); !near.empty()) {
      error.hint = concat("did you mean \"", near, "\"?");
    } else {
      error.hint = "reeve status lists them";
    }
  }
  return error;
}

bool is_over(const Json& mission) {
  const Result<model::MissionState> state =
      model::parse_mission_state(mission.find("status")->get_string("state"));
  return state && is_terminal(*state);
}

}  // namespace reeve::cli
