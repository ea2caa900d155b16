#pragma once

#include <cstdint>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "machine.h"

/// A provider of models that takes as little of the machine as it can.
namespace reeve::bench {

/// Answers questions in the form of OpenAI's chat completions. One thread, which never returns.
///
/// What is asked says how it is answered: `"stream":true` with `every=MS chunks=N` anywhere in the
/// body gives N chunks, one each MS milliseconds, each with the time at which it was sent between
/// two `@`, in nanoseconds; anything else a small whole answer.
class Provider {
 public:
  explicit Provider(int listener) : listener_(listener), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_, EPOLLIN);
  }

  [[noreturn]] void serve() {
    std::vector<epoll_event> events(1024);
    while (true) {
      const int count = ::epoll_wait(poll_, events.data(), 1024, wait_millis());
      for (int at = 0; at < count; ++at) {
        take(events[static_cast<std::size_t>(at)].data.fd);
      }
      send_due();
    }
  }

 private:
  struct Peer {
    std::string in;
    std::uint64_t every_nanos = 0;
    std::uint64_t left = 0;
    /// Tells one stream of a descriptor from the next.
    std::uint64_t stream = 0;
  };

  struct Due {
    std::uint64_t at;
    int fd;
    std::uint64_t stream;

    bool operator>(const Due& other) const { return at > other.at; }
  };

  void watch(int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  int wait_millis() const {
    if (due_.empty()) {
      return -1;
    }
    const std::uint64_t now = now_nanos();
    return due_.top().at <= now ? 0 : static_cast<int>((due_.top().at - now) / 1'000'000) + 1;
  }

  void take(int fd) {
    if (fd == listener_) {
      const int accepted = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (accepted >= 0) {
        const int on = 1;
        ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        peers_.emplace(accepted, Peer{});
        watch(accepted, EPOLLIN);
      }
      return;
    }
    static std::array<char, 1 << 18> buffer;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      peers_.erase(fd);
      ::close(fd);
      return;
    }
    Peer& peer = peers_[fd];
    peer.in.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t head = peer.in.find("\r\n\r\n");
    if (head == std::string::npos || peer.in.size() < head + 4 + length_of(peer.in, head)) {
      return;
    }
    answer(fd, peer, std::string_view(peer.in).substr(head + 4));
    peer.in.clear();
  }

  static std::uint64_t number_after(std::string_view text, std::string_view word) {
    const std::size_t at = text.find(word);
    std::uint64_t number = 0;
    if (at != std::string_view::npos) {
      std::from_chars(text.data() + at + word.size(), text.data() + text.size(), number);
    }
    return number;
  }

  static std::size_t length_of(const std::string& text, std::size_t head) {
    const std::string lower = to_lower(text.substr(0, head));
    return number_after(lower, "content-length: ");
  }

  void answer(int fd, Peer& peer, std::string_view body) {
    if (body.find("\"stream\":true") == std::string_view::npos &&
        body.find("\"stream\": true") == std::string_view::npos) {
      static const std::string whole = whole_answer();
      write(fd, whole);
      return;
    }
    write(
        fd,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    peer.every_nanos = number_after(body, "every=") * 1'000'000;
    peer.left = std::max<std::uint64_t>(number_after(body, "chunks="), 1);
    peer.stream = ++last_stream_;
    due_.push(Due{.at = now_nanos(), .fd = fd, .stream = peer.stream});
  }

  void send_due() {
    const std::uint64_t now = now_nanos();
    while (!due_.empty() && due_.top().at <= now) {
      const Due due = due_.top();
      due_.pop();
      const auto found = peers_.find(due.fd);
      if (found == peers_.end() || found->second.stream != due.stream) {
        continue;
      }
      Peer& peer = found->second;
      --peer.left;
      std::string text = chunk(
          event(concat("\"delta\":{\"content\":\"@", now_nanos(), "@\"},\"finish_reason\":null"))
      );
      if (peer.left == 0) {
        text += chunk(event("\"delta\":{},\"finish_reason\":\"stop\""));
        text += chunk(kUsage);
        text += chunk("data: [DONE]\n\n");
        text += "0\r\n\r\n";
      } else {
        due_.push(Due{.at = due.at + peer.every_nanos, .fd = due.fd, .stream = due.stream});
      }
      write(due.fd, text);
    }
  }

  static std::string event(std::string_view choice) {
    return concat(
        R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"standin",)",
        R"("choices":[{"index":0,)",
        choice,
        "}]}\n\n"
    );
  }

  static std::string chunk(std::string_view data) {
    std::array<char, 32> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
    return concat(size.data(), data, "\r\n");
  }

  static std::string whole_answer() {
    const std::string body =
        R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"standin","choices":[)"
        R"({"index":0,"message":{"role":"assistant","content":"It is done."},"finish_reason":"stop"}],)"
        R"("usage":{"prompt_tokens":12,"completion_tokens":4,"total_tokens":16}})";
    return concat(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ",
        body.size(),
        "\r\n\r\n",
        body
    );
  }

  static void write(int fd, std::string_view text) {
    // Who does not read is not waited for: it is not what is measured.
    [[maybe_unused]] const ssize_t sent =
        ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  static constexpr std::string_view kUsage =
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"standin",)"
      R"("choices":[],"usage":{"prompt_tokens":12,"completion_tokens":4,"total_tokens":16}})"
      "\n\n";

  const int listener_;
  const int poll_;
  std::unordered_map<int, Peer> peers_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::uint64_t last_stream_ = 0;
};

/// A process of its own that serves; it ends with this one.
inline pid_t start_provider(std::uint16_t& port) {
  const int listener = listen_anywhere(port);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Provider(listener).serve();
  }
  ::close(listener);
  return pid;
}

}  // namespace reeve::bench
