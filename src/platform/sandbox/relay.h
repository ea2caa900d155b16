#pragma once

#include <cstddef>
#include <cstdint>
#include <poll.h>
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/posix/files.h"

namespace reeve::sandbox {

/// Connections at the same time; others wait in the queue of the socket.
inline constexpr std::size_t kRelayedMax = 64;

/// Brings the loopback device of this network namespace up.
Result<void> raise_loopback();

/// Leads connections to a port of 127.0.0.1 to a unix socket: for programs that speak TCP only, in
/// a network namespace without a way out. Bytes are passed on as they come; nothing is kept. One
/// thread, that of the caller's `poll`.
class Relay {
 public:
  /// Listens.
  static Result<Relay> open(std::uint16_t port, std::string socket);

  /// Adds what is waited for.
  void add(std::vector<pollfd>& waited) const;

  /// Takes what `add` has added, from `first` on, after `poll`.
  void handle(const std::vector<pollfd>& waited, std::size_t first);

 private:
  /// One direction of a connection.
  struct Flow {
    std::string bytes;
    /// The sender has said its last.
    bool ended = false;
    /// That was passed on.
    bool closed = false;
  };

  struct Pair {
    platform::FileDescriptor near;
    platform::FileDescriptor far;
    Flow out;
    Flow in;
    bool broken = false;
  };

  Relay(platform::FileDescriptor listener, std::string socket)
      : listener_(std::move(listener)), socket_(std::move(socket)) {}

  void accept();
  static bool read(int fd, Flow& flow);
  static bool write(int fd, Flow& flow);

  platform::FileDescriptor listener_;
  std::string socket_;
  std::vector<Pair> pairs_;
};

}  // namespace reeve::sandbox
