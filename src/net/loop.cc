#include "net/loop.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/strings.h"

namespace reeve::net {

namespace asio = boost::asio;

namespace {

/// Signals are blocked while it lives, also in threads that start then.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }

  ~NoSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

using Registry = std::unordered_map<TimerHandle::State*, std::shared_ptr<TimerHandle::State>>;

/// `timer` and `function` belong to the network thread once the timer is registered; the others to
/// any thread.
struct TimerHandle::State {
  std::atomic<bool> cancelled = false;
  std::function<void()> function;
  std::optional<asio::steady_timer> timer;
  std::weak_ptr<Loop> loop;
};

struct Loop::Engine {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::mutex mutex;
  /// Under the mutex: what is posted later would never run.
  bool closed = false;
  std::thread thread;
  std::thread::id thread_id;
  std::size_t timers_max = 0;
  std::atomic<std::size_t> timer_count = 0;
  /// Network thread, like the following.
  Registry timers;
  std::vector<std::weak_ptr<User>> users;

  void run();
  void add(
      const std::shared_ptr<TimerHandle::State>& state,
      std::chrono::steady_clock::time_point deadline
  );
  void remove(TimerHandle::State& state);
};

void Loop::Engine::run() {
  // The thread's own id is known before anything runs on it.
  const std::lock_guard lock(mutex);
  thread = std::thread([this] {
    { const std::lock_guard started(mutex); }
    context.run();
  });
  thread_id = thread.get_id();
}

void Loop::Engine::add(
    const std::shared_ptr<TimerHandle::State>& state, std::chrono::steady_clock::time_point deadline
) {
  timers.emplace(state.get(), state);
  state->timer.emplace(context, deadline);
  state->timer->async_wait([this, state](const boost::system::error_code&) {
    // A timer that expired can no longer be cancelled at Asio, but here.
    const bool run = !state->cancelled && timers.contains(state.get());
    std::function<void()> function = std::move(state->function);
    remove(*state);
    if (run) {
      function();
    }
  });
}

void Loop::Engine::remove(TimerHandle::State& state) {
  const auto found = timers.find(&state);
  if (found == timers.end()) {
    return;
  }
  const std::shared_ptr<TimerHandle::State> kept = std::move(found->second);
  timers.erase(found);
  timer_count.fetch_sub(1);
  kept->timer.reset();
  kept->function = nullptr;
}

void TimerHandle::cancel() {
  if (!state_ || state_->cancelled.exchange(true)) {
    return;
  }
  const std::shared_ptr<Loop> loop = state_->loop.lock();
  if (!loop) {
    return;
  }
  if (loop->on_thread()) {
    loop->engine_->remove(*state_);
  } else {
    loop->post([engine = loop->engine_.get(), state = state_] { engine->remove(*state); });
  }
}

Loop::Loop() : engine_(std::make_unique<Engine>()) {}

Loop::~Loop() = default;

Result<std::shared_ptr<Loop>> Loop::start(std::size_t timers_max) {
  try {
    std::shared_ptr<Loop> loop(new Loop);
    loop->engine_->timers_max = timers_max;
    const NoSignals inherited_by_the_thread;
    loop->engine_->run();
    return loop;
  } catch (const std::exception& exception) {
    return make_error(ErrorCode::Io, concat("the network thread cannot start: ", exception.what()));
  }
}

void Loop::stop() {
  REEVE_ASSERT(!on_thread());
  post([engine = engine_.get()] {
    for (const std::weak_ptr<User>& user : std::exchange(engine->users, {})) {
      if (const std::shared_ptr<User> living = user.lock()) {
        living->on_stop();
      }
    }
    while (!engine->timers.empty()) {
      engine->remove(*engine->timers.begin()->first);
    }
  });
  {
    const std::lock_guard lock(engine_->mutex);
    engine_->closed = true;
  }
  engine_->work.reset();
  engine_->thread.join();
}

void Loop::add_user(std::weak_ptr<User> user) {
  std::erase_if(engine_->users, [](const std::weak_ptr<User>& known) { return known.expired(); });
  engine_->users.push_back(std::move(user));
}

bool Loop::post(std::function<void()> function) {
  const std::lock_guard lock(engine_->mutex);
  if (engine_->closed) {
    return false;
  }
  asio::post(engine_->context, std::move(function));
  return true;
}

TimerHandle Loop::after(Duration delay, std::function<void()> function) {
  return add_timer(delay, std::move(function), true);
}

TimerHandle Loop::surely_after(Duration delay, std::function<void()> function) {
  return add_timer(delay, std::move(function), false);
}

TimerHandle Loop::add_timer(Duration delay, std::function<void()> function, bool limited) {
  auto state = std::make_shared<TimerHandle::State>();
  state->loop = weak_from_this();
  Engine* engine = engine_.get();
  if (engine->timer_count.fetch_add(1) >= engine->timers_max && limited) {
    engine->timer_count.fetch_sub(1);
    return TimerHandle(std::move(state));
  }
  state->function = std::move(function);
  const auto deadline = std::chrono::steady_clock::now() + delay;
  const bool posted = post([engine, state, deadline] {
    if (state->cancelled) {
      engine->timer_count.fetch_sub(1);
      state->function = nullptr;
      return;
    }
    engine->add(state, deadline);
  });
  if (!posted) {
    engine->timer_count.fetch_sub(1);
    state->function = nullptr;
  }
  return TimerHandle(std::move(state));
}

bool Loop::on_thread() const {
  return std::this_thread::get_id() == engine_->thread_id;
}

struct Readiness::Descriptor {
  Descriptor(std::shared_ptr<Loop> owner, int fd)
      : loop(std::move(owner)), stream(loop->engine_->context) {
    boost::system::error_code error;
    stream.assign(fd, error);
    if (error) {
      platform::FileDescriptor(fd).reset();
      return;
    }
    stream.native_non_blocking(true, error);
  }

  std::shared_ptr<Loop> loop;
  asio::posix::stream_descriptor stream;
};

Readiness::Readiness(std::shared_ptr<Loop> loop, platform::FileDescriptor fd)
    : descriptor_(std::make_unique<Descriptor>(std::move(loop), fd.release())) {}

Readiness::~Readiness() = default;

void Readiness::wait_readable(std::shared_ptr<Sink> sink) {
  descriptor_->stream.async_wait(
      asio::posix::descriptor_base::wait_read,
      [sink = std::move(sink)](const boost::system::error_code& error) {
        if (!error) {
          sink->on_readable();
        }
      }
  );
}

void Readiness::wait_writable(std::shared_ptr<Sink> sink) {
  descriptor_->stream.async_wait(
      asio::posix::descriptor_base::wait_write,
      [sink = std::move(sink)](const boost::system::error_code& error) {
        if (!error) {
          sink->on_writable();
        }
      }
  );
}

int Readiness::fd() const {
  // Asio's accessor is not const.
  return descriptor_->stream.is_open() ? descriptor_->stream.native_handle() : -1;
}

void Readiness::close() {
  boost::system::error_code ignored;
  descriptor_->stream.close(ignored);
}

}  // namespace reeve::net
