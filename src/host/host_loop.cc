#include "host/host_loop.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <unistd.h>
#include <vector>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "host/inspection.h"
#include "host/shim.h"
#include "platform/posix/system.h"

namespace reeve::host {

namespace {

constexpr Duration kNever = Duration::max();
constexpr Duration kLockPollEvery{50};
constexpr Duration kAskAgainAfter{20};
/// A directory that stays in somebody else's hands this long is given up.
constexpr Duration kAskAgainMax{60'000};
constexpr std::size_t kCancelReasonBytesMax = 512;
constexpr int kEventsAtOnce = 64;

constexpr std::uint64_t kSources = 4;

std::string key_of(const MissionName& mission, const RunName& run) {
  return concat(mission.view(), "/", run.view());
}

}  // namespace

Result<void> Host::Loop::start() {
  epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  event_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_ || !event_) {
    return platform::errno_error("epoll", {});
  }
  if (!listen(event_.get(), 0, Source::Wake)) {
    return platform::errno_error("epoll", {});
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

bool Host::Loop::submit(model::Effect effect) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || effects_.size() >= kEffectsMax) {
      return false;
    }
    effects_.push_back(std::move(effect));
  }
  wake();
  return true;
}

void Host::Loop::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) {
    thread_.join();
  }
  pool_.stop();
  data_lock_.reset();
}

void Host::Loop::wake() {
  // The counter cannot overflow in practice, and a full one is readable all the same.
  [[maybe_unused]] const int failed = ::eventfd_write(event_.get(), 1);
}

void Host::Loop::run() {
  std::vector<epoll_event> events(kEventsAtOnce);
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, poll_timeout());
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) {
        return;
      }
    }
    for (int i = 0; i < count; ++i) {
      on_event(events[static_cast<std::size_t>(i)].data.u64);
    }
    take_outcomes();
    take_effects();
    take_wakes();
  }
}

int Host::Loop::poll_timeout() const {
  if (wakes_.empty()) {
    return -1;
  }
  constexpr std::int64_t kTimeoutMax = 60'000;
  const std::int64_t left = (wakes_.begin()->first - platform::monotonic_now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kTimeoutMax));
}

Host::Loop::Active* Host::Loop::find(std::uint64_t number) {
  const auto found = by_number_.find(number);
  return found == by_number_.end() ? nullptr : found->second;
}

/// False: the kernel watches no more descriptors (it has a limit per user).
bool Host::Loop::listen(int fd, std::uint64_t number, Source source) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = number * kSources + static_cast<std::uint64_t>(source);
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Host::Loop::wake_at(Active& active, Duration at) {
  if (active.wake_at != kNever) {
    wakes_.erase({active.wake_at, active.number});
  }
  active.wake_at = at;
  if (at != kNever) {
    wakes_.insert({at, active.number});
  }
}

// ---- what is asked of us ------------------------------------------------------------------------

void Host::Loop::take_effects() {
  std::deque<model::Effect> effects;
  {
    const std::lock_guard lock(mutex_);
    effects.swap(effects_);
  }
  for (model::Effect& effect : effects) {
    std::visit([this](auto& request) { handle(std::move(request)); }, effect);
  }
}

Host::Loop::Active& Host::Loop::add(const MissionName& mission, const RunName& run, Fence fence) {
  Active& active = actives_[key_of(mission, run)];
  active.number = ++last_number_;
  active.mission = mission;
  active.run = run;
  active.fence = fence;
  active.give_up_at = platform::monotonic_now() + kAskAgainMax;
  by_number_[active.number] = &active;
  return active;
}

void Host::Loop::handle(model::LaunchRun request) {
  const auto found = actives_.find(key_of(request.mission, request.run));
  if (found == actives_.end()) {
    Active& active = add(request.mission, request.run, request.fence);
    active.launch = std::move(request);
    work(active);
    return;
  }
  Active& active = found->second;
  if (request.fence < active.fence) {
    sink_(model::RunLost{
        .mission = request.mission,
        .run = request.run,
        .fence = request.fence,
        .detail = concat("superseded by fence ", active.fence.value())});
  } else if (request.fence > active.fence) {
    active.successor = std::move(request);
    if (active.stage == Stage::Watching) {
      signal_shim(active, SIGKILL);
    }
  } else if (active.started) {
    sink_(model::RunStarted{.mission = active.mission, .run = active.run, .fence = active.fence});
  } else if (!active.launch) {
    // Only a cancellation was looking for it so far; the launch repeats what the engine knows.
    active.launch = std::move(request);
  }
}

void Host::Loop::handle(model::CancelRun request) {
  const auto found = actives_.find(key_of(request.mission, request.run));
  if (found == actives_.end()) {
    Active& active = add(request.mission, request.run, request.fence);
    active.cancel = std::move(request);
    work(active);
    return;
  }
  Active& active = found->second;
  if (request.fence != active.fence) {
    sink_(model::RunLost{
        .mission = request.mission,
        .run = request.run,
        .fence = request.fence,
        .detail = concat("the run is under fence ", active.fence.value())});
    return;
  }
  active.cancel = std::move(request);
  if (active.stage == Stage::Watching) {
    send_cancel(active);
  }
}

Host::Loop::Active* Host::Loop::find(const RunName& run, const MissionName& mission, Fence fence) {
  const auto found = actives_.find(key_of(mission, run));
  return found == actives_.end() || found->second.fence != fence ? nullptr : &found->second;
}

void Host::Loop::handle(model::FreezeRun request) {
  if (Active* active = find(request.run, request.mission, request.fence)) {
    set_still(*active, true, std::move(request.reason));
  }
}

void Host::Loop::handle(model::ThawRun request) {
  if (Active* active = find(request.run, request.mission, request.fence)) {
    set_still(*active, false, {});
  }
}

/// A run that is not in its shim's hands yet is told when it is.
void Host::Loop::set_still(Active& active, bool still, std::string reason) {
  active.still = still;
  active.still_reason = std::move(reason);
  if (active.stage == Stage::Watching) {
    send_still(active);
  }
}

/// The file says what is to be, so that a shim that is told twice, or late, does the same.
void Host::Loop::send_still(const Active& active) {
  if (!active.still) {
    return;
  }
  const std::filesystem::path file = active.watch.dir / kFrozenFile;
  if (!*active.still) {
    ::unlink(file.c_str());
  } else {
    const std::string_view reason = cut_text(active.still_reason, kCancelReasonBytesMax);
    // A disk that is full holds up nothing but this; the engine asks again after its next start.
    [[maybe_unused]] const auto noted =
        platform::replace_file(file, reason.empty() ? "\n" : reason);
  }
  signal_shim(active, kLookSignal);
}

// ---- work on directories ------------------------------------------------------------------------

void Host::Loop::dispatch(std::uint64_t number, std::function<Outcome()> work) {
  pool_.add([this, number, work = std::move(work)] {
    Outcome outcome = work();
    {
      const std::lock_guard lock(mutex_);
      outcomes_.emplace_back(number, std::move(outcome));
    }
    wake();
  });
}

void Host::Loop::work(Active& active) {
  active.stage = Stage::Working;
  wake_at(active, kNever);
  if (active.launch) {
    dispatch(active.number, [this, request = *active.launch] { return launcher_.launch(request); });
  } else if (active.cancel) {
    dispatch(active.number, [this, request = *active.cancel] { return launcher_.find(request); });
  }
}

void Host::Loop::conclude(Active& active) {
  active.stage = Stage::Working;
  wake_at(active, kNever);
  dispatch(
      active.number,
      [this,
       dir = active.watch.dir,
       mission = active.mission,
       run = active.run,
       fence = active.fence]() -> Outcome { return launcher_.conclude(dir, mission, run, fence); }
  );
}

void Host::Loop::take_outcomes() {
  std::deque<std::pair<std::uint64_t, Outcome>> outcomes;
  {
    const std::lock_guard lock(mutex_);
    outcomes.swap(outcomes_);
  }
  for (auto& [number, outcome] : outcomes) {
    if (Active* active = find(number)) {
      apply(*active, std::move(outcome));
    }
  }
}

void Host::Loop::apply(Active& active, Outcome outcome) {
  if (auto* watched = std::get_if<Watch>(&outcome)) {
    watch(active, std::move(*watched));
  } else if (const auto* again = std::get_if<AskAgain>(&outcome)) {
    ask_again(active, *again);
  } else if (auto* report = std::get_if<model::Report>(&outcome)) {
    finish(active, std::move(*report));
  }
}

void Host::Loop::watch(Active& active, Watch watch) {
  active.stage = Stage::Watching;
  active.watch = std::move(watch);
  bool is_watched =
      active.watch.pidfd && listen(active.watch.pidfd.get(), active.number, Source::Ended);
  if (active.watch.ready) {
    is_watched = listen(active.watch.ready.get(), active.number, Source::Ready) && is_watched;
  } else {
    report_started(active);
  }
  if (!is_watched) {
    active.watch.pidfd.reset();
    wake_at(active, platform::monotonic_now() + kLockPollEvery);
  }
  send_still(active);
  if (active.successor) {
    signal_shim(active, SIGKILL);
  } else if (active.cancel) {
    send_cancel(active);
  }
}

void Host::Loop::ask_again(Active& active, const AskAgain& why) {
  const Duration now = platform::monotonic_now();
  if (now >= active.give_up_at) {
    finish(
        active,
        model::RunLost{
            .mission = active.mission,
            .run = active.run,
            .fence = active.fence,
            .detail = concat("its directory stays in other hands: ", why.why)}
    );
    return;
  }
  active.stage = Stage::Waiting;
  wake_at(active, now + kAskAgainAfter);
}

void Host::Loop::finish(Active& active, model::Report report) {
  if (active.watch.pid > 0) {
    // Without a pidfd the lock may have told of the end before there was a status to take.
    ::waitpid(active.watch.pid, nullptr, WNOHANG);
  }
  std::optional<model::LaunchRun> successor = std::move(active.successor);
  wake_at(active, kNever);
  by_number_.erase(active.number);
  actives_.erase(key_of(active.mission, active.run));
  sink_(std::move(report));
  if (successor) {
    handle(std::move(*successor));
  }
}

// ---- what shims do ------------------------------------------------------------------------------

void Host::Loop::on_event(std::uint64_t data) {
  const auto source = static_cast<Source>(data % kSources);
  Active* active = find(data / kSources);
  switch (source) {
    case Source::Wake: {
      eventfd_t count = 0;
      [[maybe_unused]] const int failed = ::eventfd_read(event_.get(), &count);
      return;
    }
    case Source::Ready:
      if (active != nullptr && active->stage == Stage::Watching) {
        on_ready(*active);
      }
      return;
    case Source::Ended:
      if (active != nullptr && active->stage == Stage::Watching) {
        on_shim_end(*active);
      }
      return;
  }
}

void Host::Loop::on_ready(Active& active) {
  char byte = 0;
  const ssize_t count = ::read(active.watch.ready.get(), &byte, 1);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  active.watch.ready.reset();
  if (count == 1) {
    report_started(active);
  }
}

void Host::Loop::report_started(Active& active) {
  active.started = true;
  if (active.launch) {
    sink_(model::RunStarted{.mission = active.mission, .run = active.run, .fence = active.fence});
  }
}

void Host::Loop::on_shim_end(Active& active) {
  if (active.watch.ready) {
    on_ready(active);
    active.watch.ready.reset();
  }
  if (active.watch.pidfd) {
    // Only a child of ours has a status to take; an adopted shim was init's.
    siginfo_t info{};
    ::waitid(P_PIDFD, static_cast<id_t>(active.watch.pidfd.get()), &info, WEXITED | WNOHANG);
    active.watch.pidfd.reset();
    active.watch.pid = 0;
  }
  conclude(active);
}

void Host::Loop::take_wakes() {
  while (!wakes_.empty() && wakes_.begin()->first <= platform::monotonic_now()) {
    Active* active = find(wakes_.begin()->second);
    wakes_.erase(wakes_.begin());
    if (active != nullptr) {
      active->wake_at = kNever;
      on_wake(*active);
    }
  }
}

void Host::Loop::on_wake(Active& active) {
  switch (active.stage) {
    case Stage::Working:
      return;
    case Stage::Waiting:
      work(active);
      return;
    case Stage::Watching:
      break;
  }
  const Duration now = platform::monotonic_now();
  if (now >= active.kill_at) {
    active.kill_at = kNever;
    signal_shim(active, SIGKILL);
  }
  if (active.watch.pidfd) {
    wake_at(active, active.kill_at);
  } else if (is_supervised(active.watch.dir)) {
    if (active.watch.ready) {
      on_ready(active);
    }
    wake_at(active, now + kLockPollEvery);
  } else {
    on_shim_end(active);
  }
}

void Host::Loop::send_cancel(Active& active) {
  if (active.term_sent || !active.cancel) {
    return;
  }
  active.term_sent = true;
  const std::string_view reason = cut_text(active.cancel->reason, kCancelReasonBytesMax);
  // The reason is for people; without it the run is cancelled all the same.
  [[maybe_unused]] const auto noted =
      platform::replace_file(active.watch.dir / kCancelFile, reason.empty() ? "\n" : reason);
  signal_shim(active, SIGTERM);
  active.kill_at = platform::monotonic_now() + active.watch.grace + kCancelMargin;
  if (active.watch.pidfd) {
    wake_at(active, active.kill_at);
  }
}

void Host::Loop::signal_shim(const Active& active, int signal) {
  if (active.watch.pidfd) {
    ::syscall(SYS_pidfd_send_signal, active.watch.pidfd.get(), signal, nullptr, 0);
  } else if (active.watch.pid > 0 && is_supervised(active.watch.dir) &&
             platform::process_start_time(active.watch.pid) == active.watch.start_time) {
    ::kill(active.watch.pid, signal);
  }
}

}  // namespace reeve::host
