#include "net/sockets.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/strings.h"

namespace reeve::net {

namespace {

constexpr int kBacklog = 1024;
/// Without its directory: what surely fits.
constexpr std::size_t kSocketNameBytesMax = 80;

/// An address of any family, as the system wants it.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

template <class Address>
void put(SocketAddress& out, const Address& address) {
  static_assert(sizeof(Address) <= sizeof(out.storage));
  std::memcpy(&out.storage, &address, sizeof(address));
  out.length = sizeof(address);
}

template <class Address>
Address get(const SocketAddress& from) {
  Address address{};
  std::memcpy(&address, &from.storage, sizeof(address));
  return address;
}

Result<SocketAddress> inet_address(const std::string& text, std::uint16_t port) {
  SocketAddress out;
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    put(out, four);
    return out;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    put(out, six);
    return out;
  }
  Error error = make_error(ErrorCode::Invalid, "not an IPv4 or IPv6 address", text);
  error.hint = "127.0.0.1 listens on this machine only, 0.0.0.0 or :: everywhere";
  return error;
}

/// A unix socket's address, and what has to stay open while it is used: a path that is too long
/// for an address is named through its open directory.
struct UnixAddress {
  SocketAddress address;
  platform::FileDescriptor directory = {};
};

Result<UnixAddress> unix_address(const std::string& path) {
  UnixAddress out;
  sockaddr_un address{};
  std::string name = path;
  if (path.size() >= sizeof(address.sun_path)) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    out.directory.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!out.directory) {
      return platform::errno_error("open", directory);
    }
    name = concat(
        "/proc/self/fd/",
        out.directory.get(),
        "/",
        slash == std::string::npos ? path : path.substr(slash + 1)
    );
  }
  if (name.size() >= sizeof(address.sun_path) || name.find('\0') != std::string::npos) {
    return make_error(
        ErrorCode::Invalid,
        concat("the name of a socket has at most ", kSocketNameBytesMax, " bytes and no NUL"),
        path
    );
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  put(out.address, address);
  return out;
}

std::string describe(const ListenerOptions& options) {
  return options.unix_path.empty() ? concat(options.address, ":", options.port) : options.unix_path;
}

Error listen_error(const char* call, const ListenerOptions& options) {
  const int code = errno;
  Error error = platform::errno_error(call, describe(options));
  if (code == EADDRINUSE) {
    error.code = ErrorCode::AlreadyExists;
    error.hint = "another program listens there; choose another port";
  } else if (code == EADDRNOTAVAIL) {
    error.code = ErrorCode::Invalid;
    error.hint = "this machine does not have that address";
  }
  return error;
}

/// Removes the file of a socket that nobody listens on any more. Anything else is left to `bind`;
/// one whose queue is full is listened on.
void remove_dead_socket(const SocketAddress& address, const std::string& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) {
    return;
  }
  const platform::FileDescriptor probe(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  );
  if (probe && ::connect(probe.get(), address.get(), address.length) != 0 &&
      errno == ECONNREFUSED) {
    ::unlink(path.c_str());
  }
}

std::string text_of(const SocketAddress& address, std::string& peer) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (address.storage.ss_family == AF_INET) {
    const auto four = get<sockaddr_in>(address);
    ::inet_ntop(AF_INET, &four.sin_addr, buffer.data(), buffer.size());
    peer = concat(buffer.data(), ":", ntohs(four.sin_port));
    return buffer.data();
  }
  if (address.storage.ss_family == AF_INET6) {
    const auto six = get<sockaddr_in6>(address);
    ::inet_ntop(AF_INET6, &six.sin6_addr, buffer.data(), buffer.size());
    peer = concat("[", buffer.data(), "]:", ntohs(six.sin6_port));
    return buffer.data();
  }
  peer = "unix";
  return {};
}

}  // namespace

namespace {

constexpr int kStream = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

Result<ListeningSocket> listen_on_file(const ListenerOptions& options) {
  const std::string& path = options.unix_path;
  REEVE_TRY(const UnixAddress at, unix_address(path));
  ListeningSocket listening;
  listening.fd.reset(::socket(AF_UNIX, kStream, 0));
  if (!listening.fd) {
    return listen_error("socket", options);
  }
  remove_dead_socket(at.address, path);
  if (::bind(listening.fd.get(), at.address.get(), at.address.length) != 0) {
    return listen_error("bind", options);
  }
  REEVE_TRY(listening.file, SocketFile::own(path));
  // The mode of the file is set before anyone can connect: nobody listens yet.
  if (::chmod(path.c_str(), options.unix_mode) != 0) {
    return listen_error("chmod", options);
  }
  if (::listen(listening.fd.get(), kBacklog) != 0) {
    return listen_error("listen", options);
  }
  return listening;
}

}  // namespace

Result<ListeningSocket> listen_on(const ListenerOptions& options) {
  if (!options.unix_path.empty()) {
    return listen_on_file(options);
  }
  REEVE_TRY(const SocketAddress address, inet_address(options.address, options.port));
  ListeningSocket listening;
  listening.fd.reset(::socket(address.storage.ss_family, kStream, 0));
  if (!listening.fd) {
    return listen_error("socket", options);
  }
  const int on = 1;
  ::setsockopt(listening.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // An IPv6 listener leaves IPv4 to another one, which the caller can ask for.
  if (address.storage.ss_family == AF_INET6) {
    ::setsockopt(listening.fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  }
  if (::bind(listening.fd.get(), address.get(), address.length) != 0) {
    return listen_error("bind", options);
  }
  if (::listen(listening.fd.get(), kBacklog) != 0) {
    return listen_error("listen", options);
  }
  SocketAddress bound;
  bound.length = sizeof(bound.storage);
  if (::getsockname(listening.fd.get(), bound.get(), &bound.length) != 0) {
    return listen_error("getsockname", options);
  }
  listening.port = ntohs(
      bound.storage.ss_family == AF_INET ? get<sockaddr_in>(bound).sin_port
                                         : get<sockaddr_in6>(bound).sin6_port
  );
  return listening;
}

namespace {

Result<DialedSocket> dial_to(const SocketAddress& address, std::string peer, std::string subject) {
  DialedSocket dialed;
  dialed.socket.fd.reset(::socket(address.storage.ss_family, kStream, 0));
  if (!dialed.socket.fd) {
    const int code = errno;
    return make_error(
        ErrorCode::Io, concat("a socket cannot be made: ", errno_text(code)), std::move(subject)
    );
  }
  if (address.storage.ss_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(dialed.socket.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  dialed.socket.peer = std::move(peer);
  dialed.connected = ::connect(dialed.socket.fd.get(), address.get(), address.length) == 0;
  if (!dialed.connected && errno != EINPROGRESS) {
    const int code = errno;
    return make_error(
        code == EACCES || code == EPERM ? ErrorCode::PermissionDenied : ErrorCode::Unavailable,
        concat("connecting to ", dialed.socket.peer, " failed: ", errno_text(code)),
        std::move(subject)
    );
  }
  return dialed;
}

}  // namespace

Result<DialedSocket> dial(const std::string& address, std::uint16_t port) {
  REEVE_TRY(const SocketAddress to, inet_address(address, port));
  std::string peer;
  text_of(to, peer);
  return dial_to(to, std::move(peer), address);
}

Result<DialedSocket> dial_unix(const std::string& path) {
  REEVE_TRY(const UnixAddress to, unix_address(path));
  return dial_to(to.address, path, path);
}

int outcome_of_connect(int fd) {
  int code = 0;
  socklen_t length = sizeof(code);
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0) {
    return errno;
  }
  return code;
}

std::string errno_text(int code) {
  return to_lower(std::generic_category().message(code));
}

bool is_address(const std::string& text) {
  in_addr four{};
  in6_addr six{};
  return ::inet_pton(AF_INET, text.c_str(), &four) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

AcceptOutcome accept_from(int listener, AcceptedSocket& accepted) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  const int fd = ::accept4(listener, address.get(), &address.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    switch (errno) {
      case EAGAIN:
        return AcceptOutcome::Empty;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        return AcceptOutcome::Exhausted;
      default:
        return AcceptOutcome::Lost;
    }
  }
  accepted.fd.reset(fd);
  accepted.peer_address = text_of(address, accepted.peer);
  if (address.storage.ss_family == AF_UNIX) {
    ucred credentials{};
    socklen_t length = sizeof(credentials);
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
      accepted.peer_process =
          PeerProcess{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
    }
  }
  if (!accepted.peer_address.empty()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  return AcceptOutcome::Accepted;
}

IoOutcome receive_from(int fd, std::span<char> buffer) {
  while (true) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got > 0) {
      return IoOutcome{.status = IoStatus::Done, .bytes = static_cast<std::size_t>(got)};
    }
    if (got == 0) {
      return IoOutcome{.status = IoStatus::Ended};
    }
    if (errno == EINTR) {
      continue;
    }
    return IoOutcome{.status = errno == EAGAIN ? IoStatus::WouldBlock : IoStatus::Failed};
  }
}

IoOutcome send_to(int fd, std::span<const std::string_view> pieces) {
  std::array<iovec, kPiecesMax> parts{};
  std::size_t count = 0;
  for (const std::string_view piece : pieces.first(std::min(pieces.size(), kPiecesMax))) {
    // The system only reads from it.
    parts[count++] = iovec{.iov_base = const_cast<char*>(piece.data()), .iov_len = piece.size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  while (true) {
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      return IoOutcome{.status = IoStatus::Done, .bytes = static_cast<std::size_t>(sent)};
    }
    if (errno == EINTR) {
      continue;
    }
    return IoOutcome{.status = errno == EAGAIN ? IoStatus::WouldBlock : IoStatus::Failed};
  }
}

void end_sending(int fd) {
  ::shutdown(fd, SHUT_WR);
}

void reset_on_close(int fd) {
  const linger option{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, sizeof(option));
}

}  // namespace reeve::net
