// What one network thread answers: small GETs over connections that stay open.
//
//   http [SECONDS] [CONNECTIONS]      default: 5 seconds, 64 connections
//
// The client is a process of its own, so that the server's processor time can be told.

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "loopback.h"
#include "net/server.h"
#include "platform/posix/system.h"

namespace {

using reeve::Duration;
using reeve::bench::connect_to;
using reeve::bench::number_of;
using reeve::net::Exchange;
using reeve::net::Response;
using reeve::net::Server;
using reeve::net::ServerOptions;

constexpr std::string_view kRequest =
    "GET /apis/reeve.dev/v1/namespaces/default/missions/one HTTP/1.1\r\nHost: localhost\r\n"
    "User-Agent: bench\r\nAccept: application/json\r\n\r\n";
constexpr std::size_t kBodyBytes = 200;

/// Asks on every connection as soon as it was answered, until the time is over.
void ask(std::uint16_t port, int connections, Duration time) {
  std::vector<pollfd> polled;
  for (int at = 0; at < connections; ++at) {
    polled.push_back(pollfd{.fd = connect_to(port), .events = POLLIN, .revents = 0});
    ::send(polled.back().fd, kRequest.data(), kRequest.size(), 0);
  }
  const auto end = reeve::platform::monotonic_now() + time;
  std::array<char, 4096> buffer;
  while (reeve::platform::monotonic_now() < end) {
    ::poll(polled.data(), polled.size(), 100);
    for (const pollfd& one : polled) {
      // An answer is small enough to come at once.
      if ((one.revents & POLLIN) != 0 && ::recv(one.fd, buffer.data(), buffer.size(), 0) > 0) {
        ::send(one.fd, kRequest.data(), kRequest.size(), 0);
      }
    }
  }
}

double cpu_microseconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  const int seconds = argc > 1 ? number_of(argv[1], 5) : 5;
  const int connections = argc > 2 ? number_of(argv[2], 64) : 64;
  // The client is there before the server has threads; it waits for the port.
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) {
    return 1;
  }
  const pid_t client = ::fork();
  if (client == 0) {
    std::uint16_t port = 0;
    if (::read(pipe[0], &port, sizeof(port)) == sizeof(port)) {
      ask(port, connections, Duration(1000 * seconds));
    }
    ::_exit(0);
  }
  const auto text = std::make_shared<const std::string>(std::string(kBodyBytes, 'x'));
  ServerOptions options;
  options.listeners.emplace_back();
  options.handler = [&](const std::shared_ptr<Exchange>& exchange) {
    exchange->respond(Response{.headers = {{"Content-Type", "application/json"}}, .body = text});
  };
  auto server = Server::start(std::move(options));
  if (!server.ok()) {
    std::printf("%s\n", server.error().describe().c_str());
    return 1;
  }
  const std::uint16_t port = (*server)->ports()[0];
  const double before = cpu_microseconds();
  const bool told = ::write(pipe[1], &port, sizeof(port)) == sizeof(port);
  ::waitpid(client, nullptr, 0);
  const auto requests = static_cast<double>((*server)->stats().requests);
  std::printf(
      "%d connections: %.0f requests/s, %.1f us of processor time each\n",
      connections,
      requests / seconds,
      (cpu_microseconds() - before) / requests
  );
  return told ? 0 : 1;
}
