#include <atomic>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include "base/strings.h"
#include "cli/clock_watch.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/link.h"
#include "cli/print.h"
#include "cli/session.h"
#include "cli/sweeper.h"
#include "owner/control_client.h"
#include "owner/inbox_files.h"
#include "owner/trigger_pump.h"
#include "platform/posix/lock_wait.h"
#include "platform/posix/service.h"
#include "platform/posix/system.h"
#include "protocol/commands.h"

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

enum class Ending : std::uint8_t { Stop, StartOver };

/// Until a signal comes, somebody asks to stop, or the clock is set.
Ending serve(Session& session, SignalFeed& signals, int stop_fd) {
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
      print_error_text("reeve: starting over, as asked\n");
      return Ending::StartOver;
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
  }
}

/// One life of the owner, from opening the data directory to closing it.
Result<Ending> live(
    const Common& common,
    const UpArgs& args,
    const Ownership& ownership,
    SignalFeed& signals,
    int stop_fd,
    const std::function<void()>& ready
) {
  SessionOptions options;
  options.dir.root = common.data_dir;
  options.ownership = ownership;
  options.run_slots = args.slots;
  options.labels = args.labels;
  options.purpose = std::string(kLongRunningOwner);
  options.on_stop = [stop_fd] {
    const std::uint64_t one = 1;
    (void)!::write(stop_fd, &one, sizeof one);
  };
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
  ready();
  Sweeper sweeper(sweeps(common, *session), tell);
  const Ending ending = serve(*session, signals, stop_fd);
  if (ending == Ending::Stop) {
    tell_service_manager("STOPPING=1");
  }
  sweeper.stop();
  pump->stop();
  session->close();
  return ending;
}

}  // namespace

int run_up(const Common& common, const UpArgs& args) {
  SignalFeed signals;  // first: threads that start later inherit the blocked signals
  const platform::FileDescriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const Result<Ownership> ownership =
      own({.root = common.data_dir}, std::string(kLongRunningOwner));
  if (!ownership) {
    return report(ownership.error());
  }
  UpArgs affordable = args;
  affordable.slots = affordable_slots(args.slots);
  bool first = true;
  const auto ready = [&] {
    if (std::exchange(first, false)) {
      print(concat("ready: ", printable(common.data_dir), " (process ", ::getpid(), ")\n"));
      tell_service_manager("READY=1");
    }
  };
  while (true) {
    const Result<Ending> ending = live(common, affordable, *ownership, signals, stop.get(), ready);
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
