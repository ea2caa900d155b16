#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/server.h"
#include "net/socket_file.h"
#include "platform/posix/files.h"

/// The system's calls for sockets. Everything here is non-blocking; any thread.
namespace reeve::net {

/// A socket that listens, and where.
struct ListeningSocket {
  platform::FileDescriptor fd;
  std::uint16_t port = 0;
  /// Of a unix socket.
  std::shared_ptr<SocketFile> file = {};
};

/// Binds and listens; clients can connect. Invalid: the address is none. AlreadyExists: it is in
/// use. PermissionDenied, Io: the system refused.
Result<ListeningSocket> listen_on(const ListenerOptions& options);

/// A connection that was taken from a listener.
struct AcceptedSocket {
  platform::FileDescriptor fd;
  /// "127.0.0.1:4711", "[::1]:4711" or "unix".
  std::string peer;
  /// Without the port; "": a unix socket.
  std::string peer_address;
  /// Of a unix socket.
  std::optional<PeerProcess> peer_process = {};
};

enum class AcceptOutcome {
  Accepted,
  /// Nobody waits.
  Empty,
  /// That one is gone already; try the next.
  Lost,
  /// The system has no descriptors or memory left; try again later.
  Exhausted,
};

AcceptOutcome accept_from(int listener, AcceptedSocket& accepted);

/// A socket on its way to another side, without delays for small packets.
struct DialedSocket {
  AcceptedSocket socket;
  /// Otherwise it becomes writable once it is, or is refused: see `outcome_of_connect`.
  bool connected = false;
};

/// Begins to connect to an IPv4 or IPv6 address, or a unix socket. Invalid: it is none.
/// Unavailable: nobody is there. PermissionDenied, Io: the system refused.
Result<DialedSocket> dial(const std::string& address, std::uint16_t port);
Result<DialedSocket> dial_unix(const std::string& path);

/// The `errno` with which a connection was refused; 0: it is made.
int outcome_of_connect(int fd);

/// "connection refused" for an `errno`. Any thread.
std::string errno_text(int code);

/// Whether `text` is an IPv4 or IPv6 address.
bool is_address(const std::string& text);

enum class IoStatus { Done, WouldBlock, Ended, Failed };

struct IoOutcome {
  IoStatus status = IoStatus::Done;
  std::size_t bytes = 0;
};

/// Reads what is there, at most the size of `buffer`. Ended: the other side sends no more.
IoOutcome receive_from(int fd, std::span<char> buffer);

constexpr std::size_t kPiecesMax = 64;

/// Sends the pieces (at most `kPiecesMax`) in one call, as far as the system takes them.
IoOutcome send_to(int fd, std::span<const std::string_view> pieces);

/// Tells the other side that nothing more is sent.
void end_sending(int fd);

/// Makes the coming close a reset, so that the other side can tell that something is missing.
void reset_on_close(int fd);

}  // namespace reeve::net
