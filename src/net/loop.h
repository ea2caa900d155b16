#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "net/server.h"
#include "platform/posix/files.h"

namespace reeve::net {

/// The network thread: readiness of sockets, timers, and functions of other threads. The only part
/// of this library that knows Boost.Asio, and only in its source.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  /// Starts the thread; it takes no signals. Io: the system has no descriptors or threads left.
  static Result<std::shared_ptr<Loop>> start(std::size_t timers_max);

  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs what was posted, ends users, drops timers, ends the thread. Everything else that waits
  /// for a descriptor has to be closed before. Once, not on the network thread.
  void stop();

  /// Who is told that the loop stops.
  class User {
   public:
    virtual ~User() = default;
    /// Closes what waits for descriptors.
    virtual void on_stop() = 0;
  };

  /// Tells `user`, if it still lives, when the loop stops. Network thread, or before it is used.
  void add_user(std::weak_ptr<User> user);

  /// Runs `function` on the network thread. False: it has stopped. Any thread.
  bool post(std::function<void()> function);

  /// See `Server::post_after`. Any thread.
  TimerHandle after(Duration delay, std::function<void()> function);

  /// As `after`, for the library's own few timers, which have to run when the limit is reached.
  TimerHandle surely_after(Duration delay, std::function<void()> function);

  bool on_thread() const;

 private:
  friend class Readiness;
  friend class TimerHandle;
  struct Engine;

  Loop();

  TimerHandle add_timer(Duration delay, std::function<void()> function, bool limited);

  std::unique_ptr<Engine> engine_;
};

/// A descriptor of the network thread, and who is told when it can be read or written. Network
/// thread only.
class Readiness {
 public:
  /// Who is told. A wait keeps its sink alive.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void on_readable() = 0;
    virtual void on_writable() = 0;
  };

  /// `fd` becomes non-blocking. If the system cannot watch it, it is closed.
  Readiness(std::shared_ptr<Loop> loop, platform::FileDescriptor fd);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  /// Tells `sink` once. At most one wait of each kind at a time.
  void wait_readable(std::shared_ptr<Sink> sink);
  void wait_writable(std::shared_ptr<Sink> sink);

  /// -1 after `close`.
  int fd() const;

  /// Closes the descriptor; waits end without a word (one may be under way already).
  void close();

 private:
  struct Descriptor;

  std::unique_ptr<Descriptor> descriptor_;
};

}  // namespace reeve::net
