#pragma once

#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/strings.h"

/// What the parts of the benchmark of gateways share: clocks, sockets, processes.
namespace reeve::bench {

[[noreturn]] inline void fail(const std::string& why) {
  std::fprintf(stderr, "gateway: %s\n", why.c_str());
  std::exit(1);
}

inline std::uint64_t now_nanos() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// Listens on a free port.
inline int listen_anywhere(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof(address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      ::listen(fd, 4096) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    fail("no port");
  }
  port = ntohs(address.sin_port);
  return fd;
}

/// A port that was free a moment ago, for programs that want to be told one.
inline std::uint16_t free_port() {
  std::uint16_t port = 0;
  ::close(listen_anywhere(port));
  return port;
}

/// -1: nobody listens.
inline int try_connect(std::uint16_t port) {
  const sockaddr_in address = loopback(port);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(fd);
    return -1;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

inline int connect_to(std::uint16_t port) {
  const int fd = try_connect(port);
  if (fd < 0) {
    fail(concat("nobody listens on port ", port));
  }
  return fd;
}

inline void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      fail("a connection broke");
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// Starts a program that ends with this one. Its standard output: `out`, or nowhere if that is -1.
inline pid_t spawn(const std::vector<std::string>& words, int out = -1) {
  const pid_t pid = ::fork();
  if (pid != 0) {
    return pid;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(out >= 0 ? out : ::open("/dev/null", O_WRONLY), STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  ::_exit(127);
}

/// Whether the program has ended well.
inline bool run(const std::vector<std::string>& words) {
  int status = 0;
  ::waitpid(spawn(words), &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

inline void wait_until_it_listens(std::uint16_t port, std::string_view who) {
  for (int tries = 0; tries < 600; ++tries) {
    if (const int fd = try_connect(port); fd >= 0) {
      ::close(fd);
      return;
    }
    ::poll(nullptr, 0, 50);
  }
  fail(concat(who, " does not listen"));
}

/// Processor time and memory of processes.
struct Usage {
  double cpu_seconds = 0;
  std::uint64_t resident_bytes = 0;
};

inline Usage usage_of(const std::vector<pid_t>& pids) {
  Usage usage;
  for (const pid_t pid : pids) {
    std::ifstream file(concat("/proc/", pid, "/stat"));
    std::string text((std::istreambuf_iterator<char>(file)), {});
    // The name may have anything in it; the fields after it are counted from its end.
    const std::string_view fields = std::string_view(text).substr(text.rfind(')') + 2);
    const auto words = split(fields, ' ');
    const auto number = [&](std::size_t at) {
      std::uint64_t value = 0;
      std::from_chars(words[at].data(), words[at].data() + words[at].size(), value);
      return value;
    };
    constexpr std::size_t kUser = 11;
    constexpr std::size_t kSystem = 12;
    constexpr std::size_t kPages = 21;
    usage.cpu_seconds += static_cast<double>(number(kUser) + number(kSystem)) /
                         static_cast<double>(::sysconf(_SC_CLK_TCK));
    usage.resident_bytes += number(kPages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return usage;
}

}  // namespace reeve::bench
