// What the API of a whole `reeve up` answers, with durable writes.
//
//   api PROGRAM [SECONDS] [CONNECTIONS] [WHAT]
//
// 3 seconds for each measurement and 64 connections by default; with WHAT only measurements with
// this word in their names.
//
// PROGRAM is started with a data directory of its own under $TMPDIR, without TLS, on a free port.
// The floor to compare with is `http`: the same server with a handler that does nothing.

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/strings.h"
#include "loopback.h"
#include "platform/posix/system.h"

namespace {

using reeve::concat;
using reeve::bench::connect_to;
using reeve::bench::number_of;

constexpr std::string_view kQuotas = "/apis/reeve.dev/v1/namespaces/default/budgetquotas";
constexpr std::string_view kMissions = "/apis/reeve.dev/v1/namespaces/default/missions";
constexpr std::size_t kListed = 500;

/// Only what has this in its name is measured.
std::string_view wanted;

bool is_wanted(std::string_view what) {
  return what.find(wanted) != std::string_view::npos;
}

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "api: %s\n", why.c_str());
  std::exit(1);
}

std::uint64_t now_micros() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec) / 1000;
}

/// A running `reeve up`.
struct Program {
  pid_t pid = 0;
  std::filesystem::path data;
  std::uint16_t port = 0;
  std::string token;
};

std::string first_line_of(int fd) {
  std::string line;
  char c = 0;
  while (::read(fd, &c, 1) == 1 && c != '\n') {
    line.push_back(c);
  }
  return line;
}

Program start(const char* path) {
  Program program;
  std::string name = (std::filesystem::temp_directory_path() / "reeve-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    fail("no temporary directory");
  }
  program.data = name;
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) {
    fail("no pipe");
  }
  program.pid = ::fork();
  if (program.pid == 0) {
    // Whatever ends this program ends that one.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(pipe[1], STDOUT_FILENO);
    ::execl(
        path,
        path,
        "up",
        "--data",
        name.c_str(),
        "--server-tls",
        "off",
        "--server-listen",
        "127.0.0.1:0",
        "--log-level",
        "warn",
        "--limits-requests-per-second",
        "0",
        "--limits-requests-per-second-per-address",
        "0",
        "--limits-connections-per-address-max",
        "10000",
        static_cast<char*>(nullptr)
    );
    ::_exit(1);
  }
  ::close(pipe[1]);
  const std::string ready = first_line_of(pipe[0]);
  const std::size_t colon = ready.rfind(':');
  std::from_chars(ready.data() + colon + 1, ready.data() + ready.size(), program.port);
  std::ifstream token(program.data / "server" / "admin.token");
  std::getline(token, program.token);
  if (program.port == 0 || program.token.empty()) {
    fail(concat("it did not start: ", ready));
  }
  return program;
}

void stop(const Program& program) {
  ::kill(program.pid, SIGTERM);
  ::waitpid(program.pid, nullptr, 0);
  std::filesystem::remove_all(program.data);
}

std::string request(
    const Program& program,
    std::string_view method,
    std::string_view target,
    std::string_view body = {},
    std::string_view type = "application/json"
) {
  return concat(
      method,
      " ",
      target,
      " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ",
      std::string_view(program.token),
      "\r\nContent-Type: ",
      type,
      "\r\nContent-Length: ",
      body.size(),
      "\r\n\r\n",
      body
  );
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      fail("the connection broke");
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// One connection that asks again as soon as it was answered.
struct Asker {
  int fd = -1;
  std::string in;
  std::uint64_t asked_at = 0;

  /// Whether a whole answer is there; it is taken. Fails on any status but 2xx.
  bool answered() {
    std::array<char, 65536> buffer;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      fail("the connection broke");
    }
    in.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t head = in.find("\r\n\r\n");
    if (head == std::string::npos) {
      return false;
    }
    const std::size_t field = in.find("Content-Length: ");
    std::size_t length = 0;
    std::from_chars(in.data() + field + 16, in.data() + in.size(), length);
    if (in.size() < head + 4 + length) {
      return false;
    }
    if (in.compare(9, 1, "2") != 0) {
      fail(in);
    }
    in.clear();
    return true;
  }
};

using NextRequest = std::function<std::string(std::size_t number)>;

std::string latency_text(std::vector<std::uint64_t>& micros) {
  if (micros.empty()) {
    return "nothing";
  }
  std::sort(micros.begin(), micros.end());
  const auto at = [&](std::size_t percent) {
    return micros[std::min(micros.size() - 1, micros.size() * percent / 100)];
  };
  return concat("p50 ", at(50), " us, p99 ", at(99), " us");
}

/// Asks on all connections for a time; prints requests per second and latencies.
void measure(
    const Program& program, const char* what, int connections, int seconds, const NextRequest& next
) {
  if (!is_wanted(what)) {
    return;
  }
  std::vector<Asker> askers(static_cast<std::size_t>(connections));
  std::vector<pollfd> polled;
  std::size_t number = 0;
  for (Asker& asker : askers) {
    asker.fd = connect_to(program.port);
    asker.asked_at = now_micros();
    send_all(asker.fd, next(number++));
    polled.push_back(pollfd{.fd = asker.fd, .events = POLLIN, .revents = 0});
  }
  std::vector<std::uint64_t> micros;
  const std::uint64_t begin = now_micros();
  const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds) * 1'000'000;
  while (now_micros() < end) {
    ::poll(polled.data(), polled.size(), 100);
    for (std::size_t i = 0; i < askers.size(); ++i) {
      if ((polled[i].revents & POLLIN) != 0 && askers[i].answered()) {
        micros.push_back(now_micros() - askers[i].asked_at);
        askers[i].asked_at = now_micros();
        send_all(askers[i].fd, next(number++));
      }
    }
  }
  const double elapsed = static_cast<double>(now_micros() - begin) / 1e6;
  const double rate = static_cast<double>(micros.size()) / elapsed;
  std::printf("%-28s %9.0f /s   %s\n", what, rate, latency_text(micros).c_str());
  for (const Asker& asker : askers) {
    ::close(asker.fd);
  }
}

std::string quota(std::size_t number) {
  return concat(
      R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"q-)",
      number,
      R"(","labels":{"team":"a"}},"spec":{"limits":{"maxTotalTokens":1000}}})"
  );
}

void ask_once(const Program& program, const std::string& text) {
  Asker asker;
  asker.fd = connect_to(program.port);
  send_all(asker.fd, text);
  while (!asker.answered()) {
  }
  ::close(asker.fd);
}

/// Each change carries the time at which it was asked for.
std::string timed_patch(const Program& program, std::size_t writer) {
  const std::string body =
      concat(R"({"metadata":{"annotations":{"t":"@)", now_micros(), R"(@"}}})");
  return request(
      program, "PATCH", concat(kQuotas, "/watched-", writer), body, "application/merge-patch+json"
  );
}

std::string watched_quota(std::size_t number) {
  return concat(
      R"({"apiVersion":"reeve.dev/v1","kind":"BudgetQuota","metadata":{"name":"watched-)",
      number,
      R"(","labels":{"watched":"yes"}},"spec":{"limits":{"maxTotalTokens":1000}}})"
  );
}

/// Of one watcher.
struct Reading {
  std::string in;
  /// Whether it looks at what it reads; the others count lines, as they take the time of the
  /// machine that is measured.
  bool looks = false;
};

/// What all watchers have read.
struct Deliveries {
  std::vector<std::uint64_t> micros;
  std::size_t events = 0;
  std::uint64_t bytes = 0;
};

/// Adds how long each change that is wholly there took to come.
void look(std::string& in, std::uint64_t now, std::vector<std::uint64_t>& micros) {
  std::size_t at = 0;
  while (true) {
    const std::size_t mark = in.find("\"t\":\"@", at);
    const std::size_t end = mark == std::string::npos ? mark : in.find('@', mark + 6);
    if (end == std::string::npos) {
      break;
    }
    std::uint64_t asked = 0;
    std::from_chars(in.data() + mark + 6, in.data() + end, asked);
    micros.push_back(now - asked);
    at = end;
  }
  in.erase(0, std::max(at, in.size() > 4096 ? in.size() - 4096 : 0));
}

void read_watch(int fd, Reading& reading, Deliveries& deliveries) {
  static std::array<char, 1 << 20> buffer;
  const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    fail("a watch broke");
  }
  const std::string_view text(buffer.data(), static_cast<std::size_t>(got));
  deliveries.bytes += text.size();
  // One line ends each event, another one its chunk, or that of several.
  for (std::size_t at = text.find("}\n"); at != std::string_view::npos;
       at = text.find("}\n", at + 2)) {
    ++deliveries.events;
  }
  if (reading.looks) {
    reading.in.append(text);
    look(reading.in, now_micros(), deliveries.micros);
  }
}

/// Writers who ask again when they were answered, as often as they are told.
class Writers {
 public:
  Writers(const Program& program, std::size_t count) : program_(program), askers_(count) {
    for (Asker& asker : askers_) {
      asker.fd = connect_to(program.port);
    }
  }

  ~Writers() {
    for (const Asker& asker : askers_) {
      ::close(asker.fd);
    }
  }

  int fd(std::size_t at) const { return askers_[at].fd; }

  std::size_t sent() const { return sent_; }

  /// Lets those who are free write until `due` changes were asked for.
  void write(std::size_t due) {
    for (std::size_t i = 0; i < askers_.size() && sent_ < due; ++i) {
      if (askers_[i].asked_at == 0) {
        askers_[i].asked_at = now_micros();
        send_all(askers_[i].fd, timed_patch(program_, i));
        ++sent_;
      }
    }
  }

  void read(std::size_t at) {
    if (askers_[at].answered()) {
      askers_[at].asked_at = 0;
    }
  }

 private:
  const Program& program_;
  std::vector<Asker> askers_;
  std::size_t sent_ = 0;
};

/// Watchers of one selection, of whom one in twenty looks at what it is told.
std::vector<pollfd> start_watchers(const Program& program, int count) {
  std::vector<pollfd> polled;
  for (int i = 0; i < count; ++i) {
    const int fd = connect_to(program.port);
    send_all(
        fd,
        request(
            program,
            "GET",
            concat(
                kQuotas,
                "?watch=true&labelSelector=watched%3Dyes&sendInitialEvents=false&"
                "resourceVersionMatch=NotOlderThan"
            )
        )
    );
    polled.push_back(pollfd{.fd = fd, .events = POLLIN, .revents = 0});
  }
  return polled;
}

void measure_watch(const Program& program, int watchers, int changes_per_second, int seconds) {
  const std::string what = concat("watch ", watchers, " x ", changes_per_second, "/s");
  if (!is_wanted(what)) {
    return;
  }
  constexpr std::size_t kWriters = 16;
  constexpr std::size_t kLooksEach = 20;
  std::vector<pollfd> polled = start_watchers(program, watchers);
  const std::size_t watching = polled.size();
  std::vector<Reading> readings(watching);
  for (std::size_t i = 0; i < watching; i += kLooksEach) {
    readings[i].looks = true;
  }
  Writers writers(program, kWriters);
  for (std::size_t i = 0; i < kWriters; ++i) {
    polled.push_back(pollfd{.fd = writers.fd(i), .events = POLLIN, .revents = 0});
  }
  Deliveries deliveries;
  const std::uint64_t begin = now_micros();
  const std::uint64_t time = static_cast<std::uint64_t>(seconds) * 1'000'000;
  while (now_micros() < begin + time + 500'000) {
    const std::uint64_t elapsed = std::min(now_micros() - begin, time);
    writers.write(elapsed * static_cast<std::uint64_t>(changes_per_second) / 1'000'000);
    ::poll(polled.data(), polled.size(), 1);
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if ((polled[i].revents & POLLIN) == 0) {
        continue;
      }
      if (i < watching) {
        read_watch(polled[i].fd, readings[i], deliveries);
      } else {
        writers.read(i - watching);
      }
    }
  }
  std::printf(
      "%-28s %9zu changes, %.2f deliveries to each of %d, %.0f MB   %s\n",
      what.c_str(),
      writers.sent(),
      static_cast<double>(deliveries.events) / static_cast<double>(watchers),
      watchers,
      static_cast<double>(deliveries.bytes) / 1e6,
      latency_text(deliveries.micros).c_str()
  );
  for (std::size_t i = 0; i < watching; ++i) {
    ::close(polled[i].fd);
  }
}

void run(const Program& program, int seconds, int connections) {
  for (std::size_t i = 0; i < kListed; ++i) {
    ask_once(program, request(program, "POST", kQuotas, quota(i)));
  }
  const std::string get = request(program, "GET", concat(kQuotas, "/q-7"));
  measure(program, "get", connections, seconds, [&](std::size_t) { return get; });
  const std::string list = request(program, "GET", concat(kQuotas, "?limit=500"));
  measure(program, "list of 500", 8, seconds, [&](std::size_t) { return list; });
  measure(program, "create, durable", connections, seconds, [&](std::size_t number) {
    return request(program, "POST", kQuotas, quota(kListed + number));
  });
  measure(program, "merge patch, durable", connections, seconds, [&](std::size_t number) {
    const std::string body = concat(R"({"metadata":{"annotations":{"n":")", number, R"("}}})");
    return request(
        program,
        "PATCH",
        concat(kQuotas, "/q-", number % kListed),
        body,
        "application/merge-patch+json"
    );
  });
  measure(program, "mission of a NOOP, durable", connections, seconds, [&](std::size_t) {
    return request(
        program,
        "POST",
        kMissions,
        R"({"apiVersion":"reeve.dev/v1","kind":"Mission","metadata":{"generateName":"m-"},"spec":{"source":"apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: noop}\nspec: {tasks: [{name: a, method: NOOP}]}\n"}})"
    );
  });
  for (std::size_t i = 0; i < 16; ++i) {
    ask_once(program, request(program, "POST", kQuotas, watched_quota(i)));
  }
  measure_watch(program, 100, 100, seconds);
  measure_watch(program, 1000, 100, seconds);
  measure_watch(program, 1000, 1000, seconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fail("usage: api PROGRAM [SECONDS] [CONNECTIONS] [WHAT]");
  }
  wanted = argc > 4 ? argv[4] : "";
  ::signal(SIGPIPE, SIG_IGN);
  const Program program = start(argv[1]);
  run(program, argc > 2 ? number_of(argv[2], 3) : 3, argc > 3 ? number_of(argv[3], 64) : 64);
  stop(program);
  return 0;
}
