#pragma once

#include <algorithm>
#include <functional>
#include <poll.h>
#include <string>
#include <string_view>
#include <vector>

#include "machine.h"

/// Those who ask: one after the other, all at once, and those who read streams.
namespace reeve::bench {

/// What is asked, as text with its head.
inline std::string post(
    std::string_view path, const std::vector<std::string>& headers, std::string_view body
) {
  std::string text = concat("POST ", path, " HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  for (const std::string& header : headers) {
    text += concat(header, "\r\n");
  }
  return concat(
      text, "Content-Type: application/json\r\nContent-Length: ", body.size(), "\r\n\r\n", body
  );
}

/// The answer of one connection, as far as it is there.
class Answer {
 public:
  /// Takes what has come. True: the answer is whole.
  bool take(int fd) {
    static std::array<char, 1 << 18> buffer;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      fail(concat("a connection broke: ", in_.substr(0, 400)));
    }
    in_.append(buffer.data(), static_cast<std::size_t>(got));
    if (body_ == 0 && !read_head()) {
      return false;
    }
    return chunked_ ? in_.ends_with("0\r\n\r\n") : in_.size() >= body_ + length_;
  }

  /// The text so far, for streams: what was looked at can be dropped.
  std::string& text() { return in_; }

  bool has_head() const { return body_ != 0; }

  void clear() {
    in_.clear();
    body_ = 0;
  }

 private:
  bool read_head() {
    const std::size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) {
      return false;
    }
    if (in_.compare(9, 1, "2") != 0) {
      fail(in_);
    }
    const std::string head = to_lower(in_.substr(0, end));
    chunked_ = head.find("transfer-encoding: chunked") != std::string::npos;
    const std::size_t field = head.find("content-length: ");
    length_ = 0;
    if (field != std::string::npos) {
      std::from_chars(head.data() + field + 16, head.data() + head.size(), length_);
    }
    body_ = end + 4;
    return true;
  }

  std::string in_;
  std::size_t body_ = 0;
  std::size_t length_ = 0;
  bool chunked_ = false;
};

/// Times, in nanoseconds.
class Times {
 public:
  void add(std::uint64_t nanos) { all_.push_back(nanos); }

  std::size_t count() const { return all_.size(); }

  /// In microseconds.
  double at(double part) {
    if (all_.empty()) {
      return 0;
    }
    std::sort(all_.begin(), all_.end());
    const auto index = static_cast<std::size_t>(part * static_cast<double>(all_.size()));
    return static_cast<double>(all_[std::min(all_.size() - 1, index)]) / 1e3;
  }

 private:
  std::vector<std::uint64_t> all_;
};

/// Asks on one connection, again and again, until so many times are there or the time is over.
inline Times ask_in_turn(std::uint16_t port, const std::string& request, int seconds) {
  constexpr std::size_t kTimesMax = 20'000;
  constexpr std::size_t kWarm = 50;
  Times times;
  Answer answer;
  const int fd = connect_to(port);
  const std::uint64_t end = now_nanos() + static_cast<std::uint64_t>(seconds) * 1'000'000'000;
  for (std::size_t number = 0; times.count() < kTimesMax && now_nanos() < end; ++number) {
    const std::uint64_t asked = now_nanos();
    send_all(fd, request);
    while (!answer.take(fd)) {
    }
    answer.clear();
    if (number >= kWarm) {
      times.add(now_nanos() - asked);
    }
  }
  ::close(fd);
  return times;
}

/// What many at once have got.
struct Load {
  double per_second = 0;
  double cpu_micros_each = 0;
  Times times;
};

/// Asks on all connections for a time. `pids`: whose processor time is counted.
inline Load ask_at_once(
    std::uint16_t port,
    const std::string& request,
    int connections,
    int seconds,
    const std::vector<pid_t>& pids
) {
  struct Asker {
    int fd = -1;
    Answer answer;
    std::uint64_t asked = 0;
  };

  std::vector<Asker> askers(static_cast<std::size_t>(connections));
  std::vector<pollfd> polled;
  for (Asker& asker : askers) {
    asker.fd = connect_to(port);
    asker.asked = now_nanos();
    send_all(asker.fd, request);
    polled.push_back(pollfd{.fd = asker.fd, .events = POLLIN, .revents = 0});
  }
  Load load;
  const std::uint64_t begin = now_nanos();
  const Usage before = usage_of(pids);
  const std::uint64_t end = begin + static_cast<std::uint64_t>(seconds) * 1'000'000'000;
  while (now_nanos() < end) {
    ::poll(polled.data(), polled.size(), 100);
    for (std::size_t at = 0; at < askers.size(); ++at) {
      Asker& asker = askers[at];
      if ((polled[at].revents & (POLLIN | POLLHUP)) == 0 || !asker.answer.take(asker.fd)) {
        continue;
      }
      asker.answer.clear();
      load.times.add(now_nanos() - asker.asked);
      asker.asked = now_nanos();
      send_all(asker.fd, request);
    }
  }
  const double elapsed = static_cast<double>(now_nanos() - begin) / 1e9;
  const double cpu = usage_of(pids).cpu_seconds - before.cpu_seconds;
  const auto count = static_cast<double>(std::max<std::size_t>(load.times.count(), 1));
  load.per_second = count / elapsed;
  load.cpu_micros_each = cpu / count * 1e6;
  for (const Asker& asker : askers) {
    ::close(asker.fd);
  }
  return load;
}

/// Adds how long each chunk that is wholly there was on its way.
inline void look(std::string& text, Times& times) {
  constexpr std::string_view kMark = "\"content\":\"@";
  const std::uint64_t now = now_nanos();
  std::size_t done = 0;
  while (true) {
    const std::size_t mark = text.find(kMark, done);
    const std::size_t end = mark == std::string::npos ? mark : text.find('@', mark + kMark.size());
    if (end == std::string::npos) {
      break;
    }
    std::uint64_t sent = 0;
    std::from_chars(text.data() + mark + kMark.size(), text.data() + end, sent);
    times.add(now - sent);
    done = end;
  }
  // What is left may be the beginning of a mark, and says whether this is the end.
  constexpr std::size_t kKept = 512;
  text.erase(0, std::max(done, text.size() > kKept ? text.size() - kKept : 0));
}

/// Asks for streams on one connection, one after the other: when the first chunk was there.
inline Times first_chunks(std::uint16_t port, const std::string& request, int seconds) {
  constexpr std::size_t kWarm = 50;
  Times times;
  Answer answer;
  const int fd = connect_to(port);
  const std::uint64_t end = now_nanos() + static_cast<std::uint64_t>(seconds) * 1'000'000'000;
  for (std::size_t number = 0; now_nanos() < end; ++number) {
    const std::uint64_t asked = now_nanos();
    std::uint64_t first = 0;
    send_all(fd, request);
    for (bool whole = false; !whole;) {
      whole = answer.take(fd);
      if (first == 0 && answer.text().find("\"content\":\"@") != std::string::npos) {
        first = now_nanos();
      }
    }
    answer.clear();
    if (number >= kWarm) {
      times.add(first - asked);
    }
  }
  ::close(fd);
  return times;
}

/// What readers of streams have seen.
struct Streams {
  Times chunks;
  double cpu_micros_a_chunk = 0;
  double bytes_a_stream = 0;
};

/// Reads so many streams at once for a time.
inline Streams read_streams(
    std::uint16_t port,
    const std::string& request,
    int count,
    int seconds,
    const std::vector<pid_t>& pids
) {
  struct Reader {
    int fd = -1;
    Answer answer;
  };

  Streams streams;
  const Usage idle = usage_of(pids);
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<Reader> readers(static_cast<std::size_t>(count));
  for (std::size_t at = 0; at < readers.size(); ++at) {
    readers[at].fd = connect_to(port);
    send_all(readers[at].fd, request);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = at;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, readers[at].fd, &event);
  }
  std::vector<epoll_event> events(1024);
  Times warm;
  Usage begun = idle;
  // The first seconds belong to the beginnings.
  const std::uint64_t start = now_nanos() + 2'000'000'000;
  const std::uint64_t end = start + static_cast<std::uint64_t>(seconds) * 1'000'000'000;
  bool measuring = false;
  while (now_nanos() < end) {
    if (!measuring && now_nanos() >= start) {
      measuring = true;
      begun = usage_of(pids);
    }
    const int ready = ::epoll_wait(poll, events.data(), 1024, 100);
    for (int at = 0; at < ready; ++at) {
      Reader& reader = readers[events[static_cast<std::size_t>(at)].data.u64];
      if (reader.answer.take(reader.fd)) {
        fail("a stream ended early");
      }
      if (reader.answer.has_head()) {
        look(reader.answer.text(), measuring ? streams.chunks : warm);
      }
    }
  }
  const Usage after = usage_of(pids);
  const auto chunks = static_cast<double>(std::max<std::size_t>(streams.chunks.count(), 1));
  streams.cpu_micros_a_chunk = (after.cpu_seconds - begun.cpu_seconds) / chunks * 1e6;
  const double grown =
      static_cast<double>(after.resident_bytes) - static_cast<double>(idle.resident_bytes);
  streams.bytes_a_stream = std::max(0.0, grown) / count;
  for (const Reader& reader : readers) {
    ::close(reader.fd);
  }
  ::close(poll);
  return streams;
}

}  // namespace reeve::bench
