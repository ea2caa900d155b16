#include <atomic>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "base/strings.h"
#include "cli/cli.h"
#include "cli/clock_watch.h"
#include "cli/commands.h"
#include "cli/credentials.h"
#include "cli/follow.h"
#include "cli/history_sweep.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/run_identities.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/sweeper.h"
#include "cli/up_notify.h"
#include "cli/up_reload.h"
#include "cli/up_server.h"
#include "configuration/configuration.h"
#include "configuration/server_settings.h"
#include "owner/control_client.h"
#include "owner/inbox_files.h"
#include "owner/trigger_pump.h"
#include "platform/posix/files.h"
#include "platform/posix/lock_wait.h"
#include "platform/posix/service.h"
#include "platform/posix/system.h"
#include "protocol/commands.h"
#include "security/sealing/keyring.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/process_metrics.h"

namespace reeve::cli {

namespace {

/// How often the health of the kernel is looked at.
constexpr int kTickMillis = 1000;
/// An owner that was asked to end has to store what it has and send its last answers.
constexpr Duration kDownTimeout{30'000};
constexpr int kDownPauseMillis = 20;

void tell_service_manager(std::string_view state) {
  const char* address = std::getenv("NOTIFY_SOCKET");
  const Result<void> told =
      platform::notify_service(address == nullptr ? std::string_view() : address, state);
  if (!told) {
    print_error_text(
        concat("reeve: the service manager is not told: ", told.error().describe(), "\n")
    );
  }
}

/// Says once when the kernel stops taking work, and when it is well again.
class HealthWatch {
 public:
  void look(kernel::Loop& kernel) {
    const kernel::Health health = kernel.health();
    if (health.healthy == healthy_) {
      return;
    }
    healthy_ = health.healthy;
    print_error_text(
        healthy_ ? std::string("reeve: the data directory can be written again; going on\n")
                 : concat(
                       "reeve: stopped: ",
                       health.problem.describe(),
                       "; nothing is lost, trying again every second\n"
                   )
    );
  }

 private:
  bool healthy_ = true;
};

void tell(std::string_view news) {
  print_error_text(concat("reeve: ", printable(news), "\n"));
}

/// What expires while the owner lives.
std::vector<Sweeper::Sweep> sweeps(const Common& common, Session& session) {
  return {
      [&common]() -> Result<std::string> {
        REEVE_TRY(
            const std::uint32_t files,
            owner::expire_inbox(common.data_dir, platform::SystemClock().now())
        );
        return files == 0 ? std::string() : concat(files, " files of the inbox");
      },
      [&common, &session]() -> Result<std::string> {
        const Timestamp now = platform::SystemClock().now();
        REEVE_TRY(
            const artifact::Expired expired,
            artifact::expire(session.reader(), {.data_dir = common.data_dir, .now = now})
        );
        return describe(expired);
      }};
}

Result<std::unique_ptr<owner::TriggerPump>> start_pump(const Common& common, Session& session) {
  owner::PumpOptions options;
  options.data_dir = common.data_dir;
  options.loader = workflow_loader();
  options.now = [] {
    return platform::SystemClock().now();
  };
  options.tell = tell;
  return owner::TriggerPump::start(session.kernel(), session.reader(), std::move(options));
}

/// As systemd wants it: while it reloads, and when, by its clock.
void tell_reloading() {
  constexpr std::int64_t kMicros = 1000;
  const std::int64_t now = (platform::monotonic_now().count() + 1) * kMicros;
  tell_service_manager(concat("RELOADING=1\nMONOTONIC_USEC=", now));
}

/// Our certificate is made anew before it expires.
void keep_certificate(UpServer& server) {
  const Result<bool> renewed = server.renew_certificate();
  if (!renewed) {
    tell(concat("the certificate is not renewed: ", renewed.error().describe()));
  } else if (*renewed) {
    tell("the certificate of the server was near its end and is renewed");
  }
}

enum class Ending : std::uint8_t { Stop, StartOver };

/// Until a signal comes, somebody asks to stop, or the clock is set.
Ending serve(
    Session& session,
    UpServer& server,
    SignalFeed& signals,
    int stop_fd,
    const std::function<void()>& reload
) {
  HealthWatch watch;
  platform::SystemClock civil;
  const ClockWatch clock(civil.now(), platform::monotonic_now());
  while (true) {
    pollfd fds[] = {
        {.fd = signals.fd(), .events = POLLIN, .revents = 0},
        {.fd = stop_fd, .events = POLLIN, .revents = 0}};
    ::poll(fds, 2, kTickMillis);
    const int signal = signals.take();
    if (signal == SIGHUP) {
      tell_reloading();
      reload();
      tell_service_manager("READY=1");
      continue;
    }
    if (signal != 0 || fds[1].revents != 0) {
      return Ending::Stop;
    }
    const Duration step = clock.step(civil.now(), platform::monotonic_now());
    if (step != Duration(0)) {
      print_error_text(concat(
          "reeve: the clock was set ",
          step > Duration(0) ? "forward by " : "back by ",
          format_duration(step > Duration(0) ? step : -step),
          "; starting over with it\n"
      ));
      return Ending::StartOver;
    }
    watch.look(session.kernel());
    keep_certificate(server);
  }
}

/// The settings, or nothing after all that is wrong with them was said.
std::optional<configuration::Configuration> settings_of(const Common& common, const UpArgs& args) {
  std::vector<std::pair<std::string, std::string>> flags = args.settings;
  if (args.slots > 0) {
    flags.emplace_back("run.slots", std::to_string(args.slots));
  }
  for (const std::string& label : args.labels) {
    flags.emplace_back("run.labels", label);
  }
  const Result<configuration::Sources> sources =
      setting_sources(common.data_dir, args.config, std::move(flags));
  if (!sources) {
    print_error_text(concat("reeve: ", sources.error().describe(), "\n"));
    return {};
  }
  return load_settings(*sources);
}

/// What lives as long as the process.
struct Process {
  const Common& common;
  const Ownership& ownership;
  SignalFeed& signals;
  int stop_fd;
  /// What is in effect.
  configuration::Configuration configuration;
  ReadSettings read_settings;
  telemetry::LogHub& log;
  telemetry::MetricRegistry& metrics;
  std::function<void(const std::string& url)> ready;
};

api::Environment::Seal sealer(const Common& common) {
  return [keys = DataDir{.root = common.data_dir}.keys()](
             std::string_view ns, std::string_view name, std::string_view value
         ) -> Result<api::SealedValue> {
    REEVE_TRY(std::optional<Secret> passphrase, own_passphrase());
    REEVE_TRY(
        const sealing::Keyring ring,
        sealing::Keyring::open_or_create(keys, passphrase ? &*passphrase : nullptr)
    );
    REEVE_TRY(
        std::string sealed, ring.seal({.ns = std::string(ns), .name = std::string(name)}, value)
    );
    return api::SealedValue{.sealed = std::move(sealed), .key_id = std::string(ring.master().id())};
  };
}

Result<api::Environment::Reveal> revealer(const Common& common, store::Reader& reader) {
  REEVE_TRY(std::optional<Secret> passphrase, own_passphrase());
  const auto credentials = std::make_shared<StoredCredentials>(
      reader, DataDir{.root = common.data_dir}.keys(), std::move(passphrase)
  );
  return api::Environment::Reveal(
      [credentials](std::string_view ns, std::string_view name) -> Result<Secret> {
        return credentials->value(Namespace(std::string(ns)), name);
      }
  );
}

Result<std::unique_ptr<UpServer>> make_server(
    const Process& process,
    const configuration::ServerSettings& settings,
    store::Reader& reader,
    UpTelemetry& observation
) {
  static platform::SystemClock clock;
  const configuration::Setting& listen = *configuration::find_setting("server.listen");
  const bool any_port = process.configuration.origin(listen).layer == configuration::Layer::Default;
  REEVE_TRY(api::Environment::Reveal reveal, revealer(process.common, reader));
  REEVE_CHECK(observation.load(reader, reveal));
  return UpServer::create(
      {.root = process.common.data_dir},
      settings,
      any_port,
      reader,
      clock,
      process.log,
      process.metrics,
      sealer(process.common),
      std::move(reveal),
      observation
  );
}

Result<std::unique_ptr<RunIdentities>> run_identities(const Common& common) {
  static platform::SystemClock clock;
  constexpr mode_t kPrivate = 0700;
  const std::filesystem::path dir = server_dir({.root = common.data_dir});
  REEVE_CHECK(platform::make_directories(dir, kPrivate));
  platform::SystemRandom random;
  REEVE_TRY(
      identity::RunTokens tokens,
      identity::RunTokens::open_or_create(dir / api::kRunKeyFile, random)
  );
  return std::make_unique<RunIdentities>(std::move(tokens), clock, tell);
}

/// What a session is told that does not depend on the server.
SessionOptions session_options(
    const Process& process, const configuration::ServerSettings& settings
) {
  SessionOptions options;
  options.dir.root = process.common.data_dir;
  options.ownership = process.ownership;
  options.run_slots = static_cast<std::uint32_t>(settings.run.slots);
  options.labels = settings.run.labels;
  options.purpose = std::string(kLongRunningOwner);
  options.on_stop = [stop_fd = process.stop_fd] {
    const std::uint64_t one = 1;
    (void)!::write(stop_fd, &one, sizeof one);
  };
  return options;
}

Result<void> begin_telling(
    UpNotify& notifications, const Common& common, Session& session, const UpTelemetry& observation
) {
  REEVE_TRY(api::Environment::Reveal reveal, revealer(common, session.reader()));
  return notifications.start(session, std::move(reveal), observation.redaction());
}

void stop_telling(UpNotify* notifications) {
  notifications->stop();
}

/// One life of the owner, from opening the data directory to closing it.
Result<Ending> live(Process& process) {
  const Common& common = process.common;
  const int stop_fd = process.stop_fd;
  configuration::ServerSettings settings = configuration::server_settings(process.configuration);
  settings.run.slots = affordable_slots(static_cast<std::uint32_t>(settings.run.slots));
  UpTelemetry observation(settings.telemetry, process.log, process.metrics);
  REEVE_TRY(const std::unique_ptr<RunIdentities> identities, run_identities(common));
  std::unique_ptr<UpServer> server;
  SessionOptions options = session_options(process, settings);
  options.identities = identities.get();
  options.on_store = [&](store::Reader& reader) -> Result<void> {
    REEVE_TRY(server, make_server(process, settings, reader, observation));
    return server->load();
  };
  options.on_commit = [&server](const store::Commit& commit) {
    server->committed(commit);
  };
  options.on_reload = [&server] {
    server->reloaded();
  };
  observation.join(options);
  UpNotify notifications(process.log, process.metrics);
  notifications.join(options);
  // Told of events before there is a pump; the session outlives it.
  std::atomic<owner::TriggerPump*> listening = nullptr;
  options.on_events = [&listening](std::span<const journal::Event> events) {
    if (owner::TriggerPump* pump = listening) {
      pump->changed(events);
    }
  };
  REEVE_TRY(const std::unique_ptr<Session> session, Session::open(std::move(options)));
  if (const std::optional<Error>& unreachable = session->unreachable()) {
    return *unreachable;
  }
  REEVE_TRY(const std::unique_ptr<owner::TriggerPump> pump, start_pump(common, *session));
  listening = pump.get();
  pump->look_again();
  observation.start(session->kernel());
  if (Result<void> started = server->start(session->kernel()); !started) {
    identities->closed();
    return std::move(started).error();
  }
  identities->opened(server->url(), server->authority_file().string(), server->run_sockets());
  const std::unique_ptr<UpNotify, void (*)(UpNotify*)> telling(&notifications, stop_telling);
  REEVE_CHECK(begin_telling(notifications, common, *session, observation));
  process.ready(server->url());
  Sweeper sweeper(sweeps(common, *session), tell);
  HistorySweeper history(
      session->kernel(),
      session->reader(),
      {.missions_max = settings.history.missions_max, .age = settings.history.age},
      tell
  );
  const Ending ending = serve(*session, *server, process.signals, stop_fd, [&] {
    reload_settings(process.configuration, process.read_settings, *server, process.log);
  });
  if (ending == Ending::Stop) {
    tell_service_manager("STOPPING=1");
  }
  // Before the server: its answers go out through it.
  observation.stop();
  identities->closed();
  server->stop(process.configuration.duration("server.grace"));
  notifications.stop();
  history.stop();
  sweeper.stop();
  pump->stop();
  session->close();
  return ending;
}

}  // namespace

int run_up(const Common& common, const UpArgs& args) {
  constexpr int kBadSettings = 78;
  SignalFeed signals;  // first: threads that start later inherit the blocked signals
  const platform::FileDescriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::optional<configuration::Configuration> settings = settings_of(common, args);
  if (!settings) {
    return kBadSettings;
  }
  const Result<Ownership> ownership =
      own({.root = common.data_dir}, std::string(kLongRunningOwner));
  if (!ownership) {
    return report(ownership.error());
  }
  platform::SystemClock clock;
  telemetry::LogOptions log_options;
  log_options.format = settings->text("log.format") == "text" ? telemetry::LogFormat::Text
                                                              : telemetry::LogFormat::Json;
  telemetry::LogHub log(clock, telemetry::descriptor_sink(STDERR_FILENO), log_options);
  (void)log.set_levels(settings->text("log.level"));
  telemetry::MetricRegistry metrics;
  const auto process_metrics = telemetry::register_process_metrics(metrics);
  const auto log_metrics = telemetry::register_log_metrics(metrics, log);
  telemetry::register_build_info(metrics, {.version = std::string(kVersion), .revision = {}});
  bool first = true;
  Process process{
      .common = common,
      .ownership = *ownership,
      .signals = signals,
      .stop_fd = stop.get(),
      .configuration = std::move(*settings),
      .read_settings = [&] { return settings_of(common, args); },
      .log = log,
      .metrics = metrics,
      .ready =
          [&](const std::string& url) {
            if (std::exchange(first, false)) {
              print(concat(
                  "ready: ",
                  printable(common.data_dir),
                  " (process ",
                  ::getpid(),
                  ") at ",
                  url,
                  "\n"
              ));
              tell_service_manager("READY=1");
            }
          }};
  while (true) {
    const Result<Ending> ending = live(process);
    if (!ending) {
      return report(ending.error());
    }
    if (*ending == Ending::Stop) {
      print("stopped; runs go on under their supervisors\n");
      return static_cast<int>(ExitCode::Done);
    }
  }
}

int run_down(const Common& common, const DownArgs& /*args*/) {
  const DataDir dir{.root = common.data_dir};
  const Result<std::optional<platform::LockOwner>> owner = owner_of(dir);
  if (owner && (!*owner || (*owner)->state == platform::OwnerState::Dead)) {
    print_error_text(concat("reeve: nobody owns ", printable(common.data_dir), "\n"));
    return static_cast<int>(ExitCode::Done);
  }
  const protocol::Request stop{.verb = std::string(protocol::kStop), .id = {}};
  if (const Result<Json> answer = owner::ask_owner(dir.root, stop, kDownTimeout); !answer) {
    return report(answer.error());
  }
  const platform::Deadline deadline(kDownTimeout);
  while (true) {
    const Result<std::optional<platform::LockOwner>> now = owner_of(dir);
    if (now && (!*now || (*now)->token != (*owner)->token)) {
      return static_cast<int>(ExitCode::Done);
    }
    if (deadline.remaining().count() == 0) {
      return report(make_error(
          ErrorCode::DeadlineExceeded,
          concat("it was asked to stop and still runs: ", (*owner)->describe()),
          common.data_dir
      ));
    }
    ::poll(nullptr, 0, kDownPauseMillis);
  }
}

}  // namespace reeve::cli
