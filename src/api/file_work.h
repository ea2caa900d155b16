#pragma once

#include <cstddef>
#include <functional>

#include "host/worker_pool.h"

namespace reeve::net {
class Server;
}

namespace reeve::api {

/// Reads and writes files for requests, away from the network thread: a disk may be slow, and a
/// file long. Whoever has much to do adds it in pieces, one after the other, so that others have
/// their turn.
///
/// Threading: any thread.
class FileWork {
 public:
  static constexpr std::size_t kThreads = 2;

  /// `server` outlives it.
  explicit FileWork(net::Server& server) : server_(server), pool_(kThreads) {}

  /// Runs `work` on a thread of its own, then `done` on the network thread. Neither runs, and both
  /// are dropped, once the server has stopped.
  void add(std::function<void()> work, std::function<void()> done);

  /// Finishes what is in hand and drops what waits. Once; before what the work refers to goes.
  void stop() { pool_.stop(); }

 private:
  net::Server& server_;
  host::WorkerPool pool_;
};

}  // namespace reeve::api
