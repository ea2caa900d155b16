#include "platform/sandbox/relay.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace reeve::sandbox {

namespace {

using platform::FileDescriptor;

/// Of one direction; a reader that is slow slows the writer.
constexpr std::size_t kFlowBytesMax = std::size_t{64} << 10U;
constexpr int kQueued = 64;

FileDescriptor connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || path.size() >= sizeof address.sun_path) {
    return {};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(fd.get(), generic, sizeof address) == 0 ? std::move(fd) : FileDescriptor();
}

bool passing(int error) {
  return error == EAGAIN || error == EINTR;
}

short events_of(bool reads, bool writes) {
  return static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

}  // namespace

Result<void> raise_loopback() {
  const FileDescriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", sizeof "lo");
  request.ifr_flags = IFF_UP;
  if (!fd || ::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) {
    return platform::errno_error("raise the loopback device", "lo");
  }
  return {};
}

Result<Relay> Relay::open(std::uint16_t port, std::string socket) {
  FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (!listener || ::bind(listener.get(), generic, sizeof address) != 0 ||
      ::listen(listener.get(), kQueued) != 0) {
    return platform::errno_error("listen", "127.0.0.1");
  }
  return Relay(std::move(listener), std::move(socket));
}

void Relay::add(std::vector<pollfd>& waited) const {
  waited.push_back(
      {.fd = listener_.get(), .events = events_of(pairs_.size() < kRelayedMax, false), .revents = 0}
  );
  for (const Pair& pair : pairs_) {
    const auto room = [](const Flow& flow) {
      return !flow.ended && flow.bytes.size() < kFlowBytesMax;
    };
    // A side that has nothing to say and nothing to hear is not waited for: its end would wake us
    // again and again.
    const short near = events_of(room(pair.out), !pair.in.bytes.empty());
    const short far = events_of(room(pair.in), !pair.out.bytes.empty());
    waited.push_back({.fd = near == 0 ? -1 : pair.near.get(), .events = near, .revents = 0});
    waited.push_back({.fd = far == 0 ? -1 : pair.far.get(), .events = far, .revents = 0});
  }
}

void Relay::handle(const std::vector<pollfd>& waited, std::size_t first) {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    Pair& pair = pairs_[i];
    const bool near = waited[first + 1 + i * 2].revents != 0;
    const bool far = waited[first + 2 + i * 2].revents != 0;
    pair.broken = (near && !read(pair.near.get(), pair.out)) ||
                  (far && !read(pair.far.get(), pair.in)) || !write(pair.far.get(), pair.out) ||
                  !write(pair.near.get(), pair.in);
  }
  std::erase_if(pairs_, [](const Pair& pair) {
    return pair.broken || (pair.out.closed && pair.in.closed);
  });
  if (waited[first].revents != 0) {
    accept();
  }
}

void Relay::accept() {
  while (pairs_.size() < kRelayedMax) {
    FileDescriptor near(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!near) {
      return;
    }
    FileDescriptor far = connect_unix(socket_);
    if (far) {
      pairs_.push_back(
          {.near = std::move(near), .far = std::move(far), .out = {}, .in = {}, .broken = false}
      );
    }
  }
}

/// False: the connection is broken.
bool Relay::read(int fd, Flow& flow) {
  while (!flow.ended && flow.bytes.size() < kFlowBytesMax) {
    const std::size_t old = flow.bytes.size();
    flow.bytes.resize(kFlowBytesMax);
    const ssize_t count = ::recv(fd, flow.bytes.data() + old, kFlowBytesMax - old, 0);
    const int error = errno;
    flow.bytes.resize(old + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    flow.ended = count == 0;
    if (count < 0) {
      return passing(error);
    }
  }
  return true;
}

bool Relay::write(int fd, Flow& flow) {
  while (!flow.bytes.empty()) {
    const ssize_t count = ::send(fd, flow.bytes.data(), flow.bytes.size(), MSG_NOSIGNAL);
    if (count < 0) {
      return passing(errno);
    }
    flow.bytes.erase(0, static_cast<std::size_t>(count));
  }
  if (flow.ended && !flow.closed) {
    ::shutdown(fd, SHUT_WR);
    flow.closed = true;
  }
  return true;
}

}  // namespace reeve::sandbox
