#include "platform/posix/unix_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/strings.h"
#include "platform/posix/lock_wait.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10U;

/// An address that leads into an opened directory, and the directory that must stay open with it.
struct Place {
  FileDescriptor directory;
  sockaddr_un address{};
};

Result<Place> place_of(const fs::path& directory, std::string_view name) {
  Place place;
  place.directory.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory) {
    return errno_error("open", directory);
  }
  const std::string path = concat("/proc/self/fd/", place.directory.get(), "/", name);
  if (path.size() >= sizeof place.address.sun_path) {
    return make_error(ErrorCode::Invalid, "the name of the socket is too long", std::string(name));
  }
  place.address.sun_family = AF_UNIX;
  std::memcpy(place.address.sun_path, path.c_str(), path.size() + 1);
  return place;
}

Result<FileDescriptor> make_socket(int flags, const fs::path& path) {
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd) {
    return errno_error("socket", path);
  }
  return fd;
}

/// Removes a socket that a dead owner left behind.
Result<void> remove_stale(const Place& place, std::string_view name, const fs::path& path) {
  const std::string file(name);

  struct stat info {};

  if (::fstatat(place.directory.get(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Result<void>() : errno_error("stat", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    Error error = make_error(ErrorCode::Invalid, "there is something that is no socket", path);
    error.hint = "move it away";
    return error;
  }
  if (::unlinkat(place.directory.get(), file.c_str(), 0) != 0 && errno != ENOENT) {
    return errno_error("unlink", path);
  }
  return {};
}

Error closed_error() {
  return make_error(ErrorCode::Unavailable, "the other end of the connection has closed");
}

/// Waits until the socket is ready for `events`.
Result<void> await(int socket, short events, const Deadline& deadline) {
  while (true) {
    pollfd item{.fd = socket, .events = events, .revents = 0};
    const int ready = ::poll(&item, 1, static_cast<int>(deadline.remaining().count()));
    if (ready > 0) {
      return {};
    }
    if (ready == 0) {
      return make_error(ErrorCode::DeadlineExceeded, "the other end of the connection is silent");
    }
    if (errno != EINTR) {
      return errno_error("poll", "socket");
    }
  }
}

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Result<FileDescriptor> listen_at(const fs::path& directory, std::string_view name, int backlog) {
  const fs::path path = directory / name;
  REEVE_TRY(const Place place, place_of(directory, name));
  REEVE_CHECK(remove_stale(place, name, path));
  REEVE_TRY(FileDescriptor fd, make_socket(SOCK_NONBLOCK, path));
  // Before it has a name, so that nobody else can ever connect.
  if (::fchmod(fd.get(), 0600) != 0) {
    return errno_error("chmod", path);
  }
  const auto* address = reinterpret_cast<const sockaddr*>(&place.address);
  if (::bind(fd.get(), address, sizeof place.address) != 0) {
    return errno_error("bind", path);
  }
  if (::listen(fd.get(), backlog) != 0) {
    return errno_error("listen", path);
  }
  return fd;
}

Result<FileDescriptor> accept_from(int listener) {
  FileDescriptor fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd || would_block() || errno == ECONNABORTED) {
    return fd;
  }
  return errno_error("accept", "socket");
}

Result<FileDescriptor> connect_to(
    const fs::path& directory, std::string_view name, Duration timeout
) {
  const fs::path path = directory / name;
  REEVE_TRY(const Place place, place_of(directory, name));
  REEVE_TRY(FileDescriptor fd, make_socket(0, path));
  // A full backlog makes connect wait, for as long as a send may take.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timeval limit{
      .tv_sec = seconds.count(), .tv_usec = Duration(timeout - seconds).count() * 1000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const auto* address = reinterpret_cast<const sockaddr*>(&place.address);
  if (::connect(fd.get(), address, sizeof place.address) == 0) {
    return fd;
  }
  if (errno == ENOENT || errno == ECONNREFUSED) {
    return make_error(ErrorCode::NotFound, "nobody listens there", path);
  }
  if (errno == EAGAIN || errno == EINPROGRESS) {
    return make_error(ErrorCode::DeadlineExceeded, "the listener takes no connection", path);
  }
  return errno_error("connect", path);
}

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return errno_error("getsockopt", "socket");
  }
  return Peer{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

Result<std::size_t> send_some(int socket, std::string_view bytes) {
  const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) {
    return static_cast<std::size_t>(sent);
  }
  if (would_block()) {
    return std::size_t{0};
  }
  if (errno == EPIPE || errno == ECONNRESET) {
    return closed_error();
  }
  return errno_error("send", "socket");
}

Result<bool> receive_some(int socket, std::string& into, std::size_t bytes_max) {
  std::array<char, kReadBytes> buffer;
  while (into.size() <= bytes_max) {
    const ssize_t count = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(count));
    } else if (count == 0 || errno == ECONNRESET) {
      return false;
    } else if (would_block()) {
      return true;
    } else {
      return errno_error("recv", "socket");
    }
  }
  return true;
}

Result<void> send_all(int socket, std::string_view bytes, Duration timeout) {
  const Deadline deadline(timeout);
  while (!bytes.empty()) {
    REEVE_TRY(const std::size_t sent, send_some(socket, bytes));
    bytes.remove_prefix(sent);
    if (sent == 0) {
      REEVE_CHECK(await(socket, POLLOUT, deadline));
    }
  }
  return {};
}

Result<std::string> receive_line(int socket, std::size_t bytes_max, Duration timeout) {
  const Deadline deadline(timeout);
  std::string received;
  while (true) {
    REEVE_TRY(const bool open, receive_some(socket, received, bytes_max));
    const std::size_t end = received.find('\n');
    if (std::min(end, received.size()) > bytes_max) {
      return make_error(
          ErrorCode::LimitExceeded, concat("a line has at most ", bytes_max, " bytes"), "socket"
      );
    }
    if (end != std::string::npos) {
      received.resize(end);
      return received;
    }
    if (!open) {
      return closed_error();
    }
    REEVE_CHECK(await(socket, POLLIN, deadline));
  }
}

}  // namespace reeve::platform
