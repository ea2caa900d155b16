#include "platform/sandbox/relay.h"

#include <cstring>
#include <filesystem>
#include <unistd.h>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace reeve::sandbox {
namespace {

using platform::FileDescriptor;

/// A relay from a free port to a socket of ours.
class RelayTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        std::filesystem::path(testing::TempDir()) / ("reeve-relay-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
    const std::string path = (directory_ / "s").native();
    gateway_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(gateway_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(gateway_.get(), 8), 0);
    port_ = free_port();
    auto relay = Relay::open(port_, path);
    ASSERT_TRUE(relay.ok());
    relay_.emplace(std::move(relay).value());
  }

  void TearDown() override { std::filesystem::remove_all(directory_); }

  static std::uint16_t free_port() {
    const FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }

  FileDescriptor dial() const {
    FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  /// Lets the relay do what it has to, until nothing has happened for a moment.
  void settle() {
    for (;;) {
      std::vector<pollfd> waited;
      relay_->add(waited);
      constexpr int kMoment = 50;
      if (::poll(waited.data(), waited.size(), kMoment) <= 0) {
        return;
      }
      relay_->handle(waited, 0);
    }
  }

  FileDescriptor taken() const {
    return FileDescriptor(::accept4(gateway_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  static std::string received(int fd) {
    std::string text(100, '\0');
    const ssize_t count = ::recv(fd, text.data(), text.size(), MSG_DONTWAIT);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

  std::filesystem::path directory_;
  FileDescriptor gateway_;
  std::uint16_t port_ = 0;
  std::optional<Relay> relay_;
};

TEST_F(RelayTest, PassesBytesBothWaysAndTheEndOfEach) {
  FileDescriptor near = dial();
  settle();
  const FileDescriptor far = taken();
  ASSERT_TRUE(far);
  ASSERT_EQ(::send(near.get(), "question", 8, 0), 8);
  ::shutdown(near.get(), SHUT_WR);
  settle();
  EXPECT_EQ(received(far.get()), "question");
  EXPECT_EQ(::recv(far.get(), nullptr, 0, MSG_DONTWAIT), 0);
  ASSERT_EQ(::send(far.get(), "answer", 6, 0), 6);
  settle();
  EXPECT_EQ(received(near.get()), "answer");
}

TEST_F(RelayTest, EndsAConnectionThatNobodyTakes) {
  gateway_.reset();
  const FileDescriptor near = dial();
  settle();
  char byte = 0;
  EXPECT_LE(::recv(near.get(), &byte, 1, 0), 0);
}

TEST_F(RelayTest, TakesNoMoreThanSoManyAtATime) {
  std::vector<FileDescriptor> near;
  std::vector<FileDescriptor> far;
  for (std::size_t i = 0; i < kRelayedMax + 1; ++i) {
    near.push_back(dial());
    settle();
    if (FileDescriptor taker = taken()) {
      far.push_back(std::move(taker));
    }
  }
  EXPECT_EQ(far.size(), kRelayedMax);
  near.front().reset();
  far.front().reset();
  settle();
  EXPECT_TRUE(taken());
}

TEST_F(RelayTest, HoldsASenderBackWhenNobodyReads) {
  const FileDescriptor near = dial();
  settle();
  const FileDescriptor far = taken();
  const std::string piece(std::size_t{1} << 20U, 'x');
  std::size_t sent = 0;
  for (;;) {
    const ssize_t count = ::send(near.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
    }
    settle();
    if (count < 0) {
      break;
    }
    ASSERT_LT(sent, std::size_t{64} << 20U) << "the relay keeps everything";
  }
}

}  // namespace
}  // namespace reeve::sandbox
