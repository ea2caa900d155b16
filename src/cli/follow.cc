#include "cli/follow.h"

#include <csignal>
#include <cstdint>
#include <map>
#include <poll.h>
#include <unistd.h>

#include <sys/signalfd.h>

#include "base/strings.h"
#include "cli/print.h"
#include "cli/recovery_view.h"
#include "cli/scope.h"
#include "model/scoped_name.h"
#include "platform/posix/system.h"
#include "protocol/commands.h"

namespace reeve::cli {

namespace {

constexpr int kTickMillis = 100;
constexpr std::size_t kLogReadBytes = std::size_t{256} << 10U;
constexpr std::size_t kLineBytesMax = 8192;
/// After the end: how many ticks the last output may take to appear.
constexpr int kDrainTicksMax = 50;

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

SignalFeed::SignalFeed() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int SignalFeed::take() {
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                              : 0;
}

// --- output of runs -----------------------------------------------------------------------------

LogTail::LogTail(std::filesystem::path mission_dir, View& view)
    : mission_dir_(std::move(mission_dir)), view_(view) {}

void LogTail::add(const std::string& task, const std::string& run) {
  const std::filesystem::path dir = mission_dir_ / "runs" / run;
  for (const Tail& tail : tails_) {
    if (tail.dir == dir) {
      return;
    }
  }
  Tail tail;
  tail.task = task;
  tail.dir = dir;
  tails_.push_back(std::move(tail));
}

bool LogTail::pump() {
  std::erase_if(tails_, [this](Tail& tail) { return pump(tail); });
  return tails_.empty();
}

/// Whether the run has been printed to its end.
bool LogTail::pump(Tail& tail) {
  if (!tail.log) {
    Result<host::RunLog> log = host::RunLog::open(tail.dir);
    if (!log) {
      return false;
    }
    tail.log.emplace(std::move(*log));
  }
  Result<host::LogBatch> batch = tail.log->read(tail.cursor, kLogReadBytes);
  if (!batch) {
    view_.notice(concat("cannot read the log of ", tail.task, ": ", batch.error().describe()));
    return true;
  }
  tail.cursor = batch->next;
  for (const host::LogChunk& chunk : batch->chunks) {
    print_lines(tail, chunk.stream == host::Stream::Err, chunk.bytes);
  }
  if (batch->ended) {
    for (const bool is_stderr : {false, true}) {
      if (!(is_stderr ? tail.partial_err : tail.partial_out).empty()) {
        print_lines(tail, is_stderr, "\n");
      }
    }
  }
  return batch->ended;
}

void LogTail::print_lines(Tail& tail, bool is_stderr, std::string_view bytes) {
  std::string& partial = is_stderr ? tail.partial_err : tail.partial_out;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    partial += bytes.substr(0, end);
    if (end == std::string_view::npos && partial.size() < kLineBytesMax) {
      return;
    }
    view_.log_line(tail.task, is_stderr, partial);
    partial.clear();
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
}

// --- following ----------------------------------------------------------------------------------

namespace {

class Follower {
 public:
  Follower(Link& link, const DataDir& dir, std::string mission, Output output, SignalFeed& signals)
      : link_(link),
        dir_(dir),
        mission_(std::move(mission)),
        whole_name_(model::qualify(link.ns(), mission_).str()),
        signals_(signals),
        view_(make_view(output)),
        tail_(dir.missions() / whole_name_, *view_) {}

  int run() {
    Result<Json> mission = read_mission(link_.reader(), link_.ns(), mission_);
    if (!mission) {
      return report(mission.error());
    }
    adopt(*mission);
    while (!is_over(*mission)) {
      wait();
      const bool orphaned = link_.lost_owner();
      if (const Result<bool> changed = show_events(); !changed) {
        return report(changed.error());
      } else if (*changed || orphaned) {
        mission = read_mission(link_.reader(), link_.ns(), mission_);
        if (!mission) {
          return report(mission.error());
        }
      }
      tail_.pump();
      view_->refresh(*mission, platform::SystemClock().now());
      if (const int signal = signals_.take(); signal != 0 && !on_signal(signal)) {
        view_->notice(concat(
            "stopped following; nothing is lost. Go on with: reeve run --resume ",
            mission_,
            namespace_option(link_.ns())
        ));
        return static_cast<int>(ExitCode::WorkFailed);
      }
      if (orphaned && !is_over(*mission)) {
        if (const std::optional<std::string> news = link_.replace_owner()) {
          view_->notice(*news);
        }
      }
      watch_health();
      if (!wait_with_reader(0) && is_held(*mission)) {
        // Nobody sees what it waits for, and it may wait for ever.
        return static_cast<int>(ExitCode::WorkFailed);
      }
    }
    for (int i = 0; i < kDrainTicksMax && !tail_.pump(); ++i) {
      wait();
    }
    add_recoveries(*mission, link_.reader());
    view_->finish(*mission, dir_.missions().string());
    return exit_code_of_state(mission->find("status")->get_string("state"));
  }

 private:
  static bool is_held(const Json& mission) {
    return mission.find("status")->get_string("state") == "HELD";
  }

  void wait() const {
    pollfd fds[] = {
        {.fd = link_.fd(), .events = POLLIN, .revents = 0},
        {.fd = signals_.fd(), .events = POLLIN, .revents = 0}};
    ::poll(fds, 2, kTickMillis);
  }

  /// Takes up the runs that are in progress when following begins.
  void adopt(const Json& mission) {
    const Json& status = *mission.find("status");
    epoch_ = status.get_int("epoch", 1);
    for (const Json& task : status.find("tasks")->as_array()) {
      const std::string name = task.get_string("name");
      for (const bool undo : {false, true}) {
        const Json* run = task.find(undo ? "compensation" : "run");
        if (run == nullptr) {
          continue;
        }
        attempts_[{name, undo}] = run->get_int("attempt");
        const std::string state = run->get_string("state");
        if (run->get_bool("inside")) {
          continue;
        }
        if (state == "ACTIVE" || state == "LAUNCHING") {
          tail(name, undo);
        }
      }
    }
  }

  void tail(const std::string& task, bool undo) {
    const std::string label = undo ? task + "~compensate" : task;
    tail_.add(label, concat(whole_name_, ".", epoch_, ".", label, ".", attempts_[{task, undo}]));
  }

  /// Shows what is new. Returns whether there was something.
  Result<bool> show_events() {
    REEVE_TRY(const std::vector<journal::Event> events, link_.take_events(mission_));
    for (const journal::Event& event : events) {
      show(event);
    }
    return !events.empty();
  }

  void show(const journal::Event& event) {
    const Result<Json> data = parse_json(event.data);
    if (data && event.type == "run.created") {
      attempts_[{data->get_string("task"), data->get_bool("compensation")}] =
          data->get_int("attempt");
    } else if (data && event.type == "run.launching" && !data->get_bool("inside")) {
      tail(data->get_string("task"), data->get_bool("compensation"));
    } else if (data && event.type == "mission.epoch_started") {
      epoch_ = data->get_int("epoch");
    } else if (data && event.type == "run.ended") {
      // What the run wrote is shown before that it ended.
      tail_.pump();
    }
    view_->event(event);
  }

  /// False: stop following, leave the mission as it is.
  bool on_signal(int signal) {
    if (signal != SIGINT) {
      return false;
    }
    ++interrupts_;
    if (interrupts_ == 1) {
      view_->notice(
          "Ctrl-C: the mission goes on. Press Ctrl-C again to abort it (cancel, undo, clean up), "
          "or keep waiting."
      );
      return true;
    }
    if (interrupts_ == 2) {
      view_->notice("aborting; waiting for running tasks to end and clean up");
      const protocol::Abort abort{.mission = mission_, .message = "Ctrl-C"};
      if (const Result<Json> answer = link_.send(protocol::kAbort, to_json(abort)); !answer) {
        view_->notice(concat("cannot abort now: ", answer.error().describe()));
        interrupts_ = 1;
      }
      return true;
    }
    return false;
  }

  /// Tells once when the kernel stops taking work, and when it is well again.
  void watch_health() {
    const std::optional<kernel::Health> health = link_.health();
    if (health && health->healthy != healthy_) {
      healthy_ = health->healthy;
      view_->notice(
          healthy_ ? std::string("the data directory can be written again; going on")
                   : concat(
                         "stopped: ",
                         health->problem.describe(),
                         "; nothing is lost, trying again every second"
                     )
      );
    }
  }

  Link& link_;
  const DataDir& dir_;
  std::string mission_;
  /// As directories are named.
  std::string whole_name_;
  SignalFeed& signals_;
  std::unique_ptr<View> view_;
  LogTail tail_;
  std::int64_t epoch_ = 1;
  std::map<std::pair<std::string, bool>, std::int64_t> attempts_;
  int interrupts_ = 0;
  bool healthy_ = true;
};

}  // namespace

int follow(
    Link& link, const DataDir& dir, const std::string& mission, Output output, SignalFeed& signals
) {
  return Follower(link, dir, mission, output, signals).run();
}

}  // namespace reeve::cli
