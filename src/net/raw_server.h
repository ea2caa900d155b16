#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net/test_client.h"
#include "platform/posix/files.h"

namespace reeve::net::testing {

/// A server of bytes, to test clients with: each connection is one script.
class RawServer {
 public:
  /// What to do on a connection; it is closed afterwards. `number` counts from 0.
  using Script = std::function<void(TestClient& client, int number)>;

  explicit RawServer(Script script) : script_(std::move(script)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(listener_.get(), 64);
    socklen_t length = sizeof(address);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~RawServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : scripts_) {
      thread.join();
    }
  }

  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  int accepted() const { return accepted_; }

  std::uint16_t port = 0;

 private:
  void accept_all() {
    while (true) {
      platform::FileDescriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) {
        return;
      }
      const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
      ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
      const int number = accepted_++;
      scripts_.emplace_back([this, number, pipe = std::make_shared<PlainPipe>(std::move(fd))] {
        TestClient client = TestClient::over(pipe);
        script_(client, number);
      });
    }
  }

  const Script script_;
  platform::FileDescriptor listener_;
  std::thread acceptor_;
  std::vector<std::thread> scripts_;
  std::atomic<int> accepted_ = 0;
};

}  // namespace reeve::net::testing
