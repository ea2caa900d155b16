#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "net/server.h"
#include "platform/posix/files.h"

/// What tests of the server need: a client that speaks bytes, and waits that end.
namespace reeve::net::testing {

/// For everything that should come soon.
constexpr std::chrono::seconds kPatience{10};

/// A connected socket; blocking, but never for longer than `kPatience`. -1: refused.
inline platform::FileDescriptor connect_socket(const sockaddr* address, socklen_t length) {
  platform::FileDescriptor fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  if (::connect(fd.get(), address, length) != 0) {
    fd.reset();
  }
  return fd;
}

inline platform::FileDescriptor connect_tcp(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect_socket(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

inline platform::FileDescriptor connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return connect_socket(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

/// Bytes to and from a server.
class Pipe {
 public:
  virtual ~Pipe() = default;
  /// False: the other side is gone.
  virtual bool send(std::string_view bytes) = 0;
  /// "": the end, or nothing came.
  virtual std::string receive() = 0;
};

class PlainPipe final : public Pipe {
 public:
  explicit PlainPipe(platform::FileDescriptor fd) : fd_(std::move(fd)) {}

  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  std::string receive() override {
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
  }

  int fd() const { return fd_.get(); }

 private:
  platform::FileDescriptor fd_;
};

/// A client that writes and reads texts.
class TestClient {
 public:
  explicit TestClient(std::shared_ptr<Pipe> pipe) : pipe_(std::move(pipe)) {}

  static TestClient tcp(std::uint16_t port) {
    return over(std::make_shared<PlainPipe>(connect_tcp(port)));
  }

  static TestClient over(std::shared_ptr<PlainPipe> pipe) {
    const int fd = pipe->fd();
    TestClient client(std::move(pipe));
    client.fd_ = fd;
    return client;
  }

  int fd() const { return fd_; }

  bool send(std::string_view bytes) { return pipe_->send(bytes); }

  void end_sending() { ::shutdown(fd_, SHUT_WR); }

  void close() { pipe_.reset(); }

  /// Everything up to the end of `mark`; what came, if it does not.
  std::string read_until(std::string_view mark) {
    while (true) {
      const std::size_t at = kept_.find(mark);
      if (at != std::string::npos) {
        return take(at + mark.size());
      }
      const std::string more = pipe_->receive();
      if (more.empty()) {
        return take(kept_.size());
      }
      kept_ += more;
    }
  }

  std::string read_exactly(std::size_t count) {
    while (kept_.size() < count) {
      const std::string more = pipe_->receive();
      if (more.empty()) {
        break;
      }
      kept_ += more;
    }
    return take(std::min(count, kept_.size()));
  }

  /// Everything up to the end of the connection.
  std::string read_rest() {
    while (true) {
      const std::string more = pipe_->receive();
      if (more.empty()) {
        return take(kept_.size());
      }
      kept_ += more;
    }
  }

  std::string read_head() { return read_until("\r\n\r\n"); }

  /// "STATUS body" of a response with a Content-Length; `head` gets the head.
  std::string read_answer(std::string* head = nullptr) {
    const std::string text = read_head();
    if (head != nullptr) {
      *head = text;
    }
    const std::size_t at = text.find("Content-Length: ");
    std::string answer = text.size() > 12 ? text.substr(9, 3) : "nothing";
    if (at != std::string::npos) {
      answer += " " + read_exactly(std::stoul(text.substr(at + 16)));
    }
    return answer;
  }

  /// Sends a GET for `target` and reads the answer.
  std::string get(std::string_view target) {
    send("GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n");
    return read_answer();
  }

 private:
  std::string take(std::size_t count) {
    std::string taken = kept_.substr(0, count);
    kept_.erase(0, count);
    return taken;
  }

  std::shared_ptr<Pipe> pipe_;
  int fd_ = -1;
  std::string kept_;
};

/// Something that happens on another thread, once or several times.
class Event {
 public:
  void happen() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }

  /// Whether it happens, or has happened, `times`.
  bool wait(int times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= times; });
  }

  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

/// Whether `condition` becomes true while the network thread goes on.
inline bool eventually(Server& server, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    auto turn = std::make_shared<Event>();
    server.post_after(Duration(1), [turn] { turn->happen(); });
    if (!turn->wait()) {
      return false;
    }
  }
  return true;
}

/// A server on a free port of this machine.
inline std::unique_ptr<Server> start_server(Handler handler, ServerLimits limits = {}) {
  ServerOptions options;
  options.listeners.emplace_back();
  options.limits = limits;
  options.handler = std::move(handler);
  return std::move(Server::start(std::move(options))).value();
}

}  // namespace reeve::net::testing
