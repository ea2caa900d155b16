#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "net/loop.h"

namespace reeve::net {

/// `ServerStats` while they are counted. Any thread.
struct Counters {
  std::atomic<std::uint64_t> streams = 0;
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> connections_over = 0;
  std::atomic<std::uint64_t> accept_errors = 0;
  std::atomic<std::uint64_t> handshakes = 0;
  std::atomic<std::uint64_t> handshakes_failed = 0;
  std::atomic<std::uint64_t> requests = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<std::uint64_t> unanswered = 0;
  std::atomic<std::uint64_t> responses_invalid = 0;
  std::atomic<std::uint64_t> timeouts = 0;
  std::atomic<std::uint64_t> slow_readers = 0;
  std::atomic<std::uint64_t> bytes_received = 0;
  std::atomic<std::uint64_t> bytes_sent = 0;
};

using Instant = std::chrono::steady_clock::time_point;

/// The times after which a transport gives up by itself.
struct TransportTimeouts {
  Duration handshake{10'000};
  /// For the other side to take something of what waits to be sent.
  Duration write{30'000};
};

/// What all transports of a server, or of a client, share: the loop, buffers to read into, counts.
///
/// Threading: the network thread, except where it says otherwise.
class TransportHost {
 public:
  TransportHost(std::shared_ptr<Loop> loop, TransportTimeouts timeouts)
      : loop_(std::move(loop)), timeouts_(timeouts), scratch_(kScratchBytes) {}

  TransportHost(const TransportHost&) = delete;
  TransportHost& operator=(const TransportHost&) = delete;

  /// Any thread, like the following two.
  const std::shared_ptr<Loop>& loop() const { return loop_; }

  const TransportTimeouts& timeouts() const { return timeouts_; }

  Counters& counters() { return counters_; }

  /// For reading, by whoever runs.
  std::span<char> scratch() { return scratch_; }

  /// For what was read and decrypted.
  std::string& plain_scratch() { return plain_scratch_; }

 protected:
  ~TransportHost() = default;

 private:
  static constexpr std::size_t kScratchBytes = std::size_t{64} << 10U;

  const std::shared_ptr<Loop> loop_;
  const TransportTimeouts timeouts_;
  Counters counters_;
  std::vector<char> scratch_;
  std::string plain_scratch_;
};

}  // namespace reeve::net
