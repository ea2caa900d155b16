#include "platform/posix/lock_wait.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "platform/posix/system.h"

namespace reeve::platform {

namespace {

constexpr mode_t kSharedMode = 0666;  // the umask decides
/// How long a wake-up lost with a killed process can delay the queue.
constexpr Duration kQueueSlice{20};
/// How long a lock taken away behind our back (rm -r) goes unnoticed.
constexpr Duration kExactSlice{500};
constexpr Duration kBackoffMin{5};
constexpr Duration kBackoffMax{50};

Error cancelled() {
  return make_error(ErrorCode::Cancelled, "the wait for the lock was cancelled");
}

int to_poll_timeout(Duration duration) {
  constexpr Duration kPollMax{60'000};
  return static_cast<int>(std::clamp(duration, Duration{0}, kPollMax).count());
}

/// Spreads pollers, so that they do not meet again and again.
Duration jittered(Duration duration) {
  SystemRandom random;
  const auto half = static_cast<std::uint64_t>(duration.count()) / 2;
  return Duration(static_cast<std::int64_t>(half + random.next() % (half + 1)));
}

Duration backoff(int round) {
  const int doublings = std::clamp(round, 0, 4);
  return jittered(std::min(kBackoffMin * (1 << doublings), kBackoffMax));
}

FileDescriptor open_pidfd(const LockOwner& owner) {
  FileDescriptor fd(static_cast<int>(syscall(SYS_pidfd_open, owner.pid, 0)));
  // The PID may have been recycled before the handle was made, but not afterwards.
  if (fd && process_start_time(owner.pid) != owner.start_time) {
    fd.reset();
  }
  return fd;
}

Result<void> wait_readable(std::array<int, 3> fds, int cancel_fd, Duration timeout) {
  std::array<pollfd, 3> polls{};
  for (std::size_t i = 0; i < polls.size(); ++i) {
    polls[i] = pollfd{.fd = fds[i], .events = POLLIN, .revents = 0};  // negative: ignored
  }
  if (poll(polls.data(), polls.size(), to_poll_timeout(timeout)) < 0 && errno != EINTR) {
    return errno_error("poll", "lock");
  }
  for (const pollfd& entry : polls) {
    if (cancel_fd >= 0 && entry.fd == cancel_fd && entry.revents != 0) {
      return cancelled();
    }
  }
  return {};
}

/// Wakes only one of those who wait on `pipe_fd`, the one that came first.
Result<FileDescriptor> exclusive_poll(int pipe_fd, int cancel_fd) {
  FileDescriptor poller(epoll_create1(EPOLL_CLOEXEC));
  if (!poller) {
    return errno_error("epoll_create", "lock");
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLEXCLUSIVE;
  event.data.fd = pipe_fd;
  if (epoll_ctl(poller.get(), EPOLL_CTL_ADD, pipe_fd, &event) != 0) {
    return errno_error("epoll_ctl", "lock");
  }
  event.events = EPOLLIN;
  event.data.fd = cancel_fd;
  if (cancel_fd >= 0 && epoll_ctl(poller.get(), EPOLL_CTL_ADD, cancel_fd, &event) != 0) {
    return errno_error("epoll_ctl", "cancel_fd");
  }
  return poller;
}

}  // namespace

Deadline::Deadline(Duration timeout)
    : at_(monotonic_now() + std::clamp(timeout, Duration{0}, Duration(std::chrono::hours(24 * 366)))
      ) {}

Duration Deadline::remaining() const {
  return std::max(at_ - monotonic_now(), Duration{0});
}

WakePipe::WakePipe(std::filesystem::path path) {
  constexpr int kFlags = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
  fd_.reset(open(path.c_str(), kFlags));
  if (!fd_ && errno == ENOENT) {
    static_cast<void>(mkfifo(path.c_str(), kSharedMode));  // others may be faster
    fd_.reset(open(path.c_str(), kFlags));
  }

  struct stat info {};

  if (fd_ && (fstat(fd_.get(), &info) != 0 || !S_ISFIFO(info.st_mode))) {
    fd_.reset();
  }
}

void WakePipe::drain() {
  std::array<char, 256> bytes{};
  while (fd_ && read(fd_.get(), bytes.data(), bytes.size()) > 0) {
  }
}

void WakePipe::wake(const std::filesystem::path& path) {
  const FileDescriptor fd(open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));

  struct stat info {};

  if (fd && fstat(fd.get(), &info) == 0 && S_ISFIFO(info.st_mode)) {
    // A full pipe holds wake-ups enough; one without readers has nobody to wake.
    static_cast<void>(!write(fd.get(), "", 1));
  }
}

QueueSeat::QueueSeat(std::filesystem::path path) : pipe_(path) {
  if (!pipe_.usable()) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
    file_.reset(open(path.c_str(), kFlags, kSharedMode));
  }
}

QueueSeat::~QueueSeat() {
  if (taken_) {
    leave();
  }
}

bool QueueSeat::try_take() {
  const int fd = pipe_.usable() ? pipe_.fd() : file_.get();
  // No queue on this file system: everyone is at its head, only the order is lost.
  taken_ = flock(fd, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR);
  return taken_;
}

void QueueSeat::leave() {
  taken_ = false;
  const int fd = pipe_.usable() ? pipe_.fd() : file_.get();
  flock(fd, LOCK_UN);
  if (pipe_.usable()) {
    static_cast<void>(!write(pipe_.fd(), "", 1));
  }
}

Result<bool> QueueSeat::wait(Duration timeout, int cancel_fd) {
  if (taken_ || try_take()) {
    return true;
  }
  const Deadline deadline(timeout);
  FileDescriptor poller;
  if (pipe_.usable() && timeout > Duration{0}) {
    REEVE_TRY(poller, exclusive_poll(pipe_.fd(), cancel_fd));
  }
  while (true) {
    const Duration remaining = deadline.remaining();
    if (remaining == Duration{0}) {
      return false;
    }
    if (poller) {
      std::array<epoll_event, 2> events{};
      const int count = epoll_wait(
          poller.get(),
          events.data(),
          static_cast<int>(events.size()),
          to_poll_timeout(std::min(remaining, jittered(kQueueSlice * 2)))
      );
      for (int i = 0; i < count; ++i) {
        if (cancel_fd >= 0 && events[static_cast<std::size_t>(i)].data.fd == cancel_fd) {
          return cancelled();
        }
      }
      pipe_.drain();
    } else {
      const Duration slice = std::min(remaining, jittered(kQueueSlice));
      REEVE_CHECK(wait_readable({cancel_fd, -1, -1}, cancel_fd, slice));
    }
    // Also after the last moment: a wake-up that was taken out of the pipe must not be wasted.
    if (try_take()) {
      return true;
    }
  }
}

Result<void> wait_for_owner(
    const LockOwner& owner, WakePipe& pipe, Duration timeout, int cancel_fd, int round
) {
  FileDescriptor process;
  if (owner.state == OwnerState::Alive) {
    process = open_pidfd(owner);
  }
  const bool exact = process && pipe.usable();
  const Duration slice = exact ? kExactSlice : backoff(round);
  REEVE_CHECK(wait_readable(
      {cancel_fd, pipe.usable() ? pipe.fd() : -1, process.get()},
      cancel_fd,
      std::min(timeout, slice)
  ));
  pipe.drain();
  return {};
}

}  // namespace reeve::platform
