#include "net/pipe.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <unistd.h>
#include <utility>

#include <sys/uio.h>

#include "net/loop.h"
#include "net/output_queue.h"
#include "net/sockets.h"

namespace reeve::net {

namespace {

/// What is read at a time, and how often before others get their turn.
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
constexpr int kReadsPerTurn = 4;

/// Closes `live` when the loop of its thread stops.
template <class Live>
void follow(const std::shared_ptr<Loop>& loop, const std::shared_ptr<Live>& live) {
  loop->add_user(std::weak_ptr<Loop::User>(live));
}

IoOutcome read_from(int fd, std::string& buffer) {
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got > 0) {
      return {.status = IoStatus::Done, .bytes = static_cast<std::size_t>(got)};
    }
    if (got == 0) {
      return {.status = IoStatus::Ended};
    }
    if (errno != EINTR) {
      return {.status = errno == EAGAIN ? IoStatus::WouldBlock : IoStatus::Failed};
    }
  }
}

/// SIGPIPE is blocked on the network thread.
IoOutcome write_to(int fd, const OutputQueue& output) {
  std::array<std::string_view, kPiecesMax> pieces;
  std::array<iovec, kPiecesMax> parts{};
  const std::size_t count = output.pieces(pieces);
  for (std::size_t i = 0; i < count; ++i) {
    // The system only reads from it.
    parts[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
  }
  while (true) {
    const ssize_t sent = ::writev(fd, parts.data(), static_cast<int>(count));
    if (sent >= 0) {
      return {.status = IoStatus::Done, .bytes = static_cast<std::size_t>(sent)};
    }
    if (errno != EINTR) {
      return {.status = errno == EAGAIN ? IoStatus::WouldBlock : IoStatus::Failed};
    }
  }
}

}  // namespace

class PipeReader::Live final : public Readiness::Sink,
                               public Loop::User,
                               public std::enable_shared_from_this<Live> {
 public:
  Live(std::shared_ptr<Loop> loop, platform::FileDescriptor fd, Told told)
      : readiness_(std::move(loop), std::move(fd)), told_(std::move(told)) {}

  void wait() { readiness_.wait_readable(shared_from_this()); }

  void on_readable() override {
    // What is told may be the last that holds us.
    const std::shared_ptr<Live> self = shared_from_this();
    std::string buffer(kReadBytes, '\0');
    for (int reads = 0; reads < kReadsPerTurn && readiness_.fd() >= 0; ++reads) {
      const IoOutcome got = read_from(readiness_.fd(), buffer);
      if (got.status == IoStatus::WouldBlock) {
        break;
      }
      if (got.status != IoStatus::Done) {
        const std::function<void()> end = std::move(told_.end);
        close();
        if (end) {
          end();
        }
        return;
      }
      const std::function<void(std::string_view)> data = told_.data;
      data(std::string_view(buffer).substr(0, got.bytes));
    }
    if (readiness_.fd() >= 0) {
      wait();
    }
  }

  void on_writable() override {}

  void on_stop() override { close(); }

  void close() {
    readiness_.close();
    told_ = {};
  }

 private:
  Readiness readiness_;
  Told told_;
};

PipeReader::PipeReader(Server& server, platform::FileDescriptor fd, Told told)
    : live_(std::make_shared<Live>(server.loop(), std::move(fd), std::move(told))) {
  follow(server.loop(), live_);
  live_->wait();
}

PipeReader::~PipeReader() {
  close();
}

void PipeReader::close() {
  live_->close();
}

class PipeWriter::Live final : public Readiness::Sink,
                               public Loop::User,
                               public std::enable_shared_from_this<Live> {
 public:
  Live(std::shared_ptr<Loop> loop, platform::FileDescriptor fd)
      : readiness_(std::move(loop), std::move(fd)) {}

  void write(std::string text) {
    if (readiness_.fd() >= 0) {
      output_.add(std::move(text));
      flush();
    }
  }

  std::size_t unsent() const { return output_.bytes(); }

  bool is_read() const {
    pollfd asked{.fd = readiness_.fd(), .events = 0, .revents = 0};
    return asked.fd >= 0 && ::poll(&asked, 1, 0) >= 0 && asked.revents == 0;
  }

  void on_readable() override {}

  void on_writable() override {
    waits_ = false;
    flush();
  }

  void on_stop() override { close(); }

  void close() {
    readiness_.close();
    output_.consume(output_.bytes());
  }

 private:
  void flush() {
    while (!waits_ && readiness_.fd() >= 0 && !output_.empty()) {
      const IoOutcome sent = write_to(readiness_.fd(), output_);
      if (sent.status == IoStatus::Done) {
        output_.consume(sent.bytes);
      } else if (sent.status == IoStatus::WouldBlock) {
        waits_ = true;
        readiness_.wait_writable(shared_from_this());
      } else {
        close();
      }
    }
  }

  Readiness readiness_;
  OutputQueue output_;
  bool waits_ = false;
};

PipeWriter::PipeWriter(Server& server, platform::FileDescriptor fd)
    : live_(std::make_shared<Live>(server.loop(), std::move(fd))) {
  follow(server.loop(), live_);
}

PipeWriter::~PipeWriter() {
  close();
}

void PipeWriter::write(std::string text) {
  live_->write(std::move(text));
}

std::size_t PipeWriter::unsent() const {
  return live_->unsent();
}

bool PipeWriter::is_read() const {
  return live_->is_read();
}

void PipeWriter::close() {
  live_->close();
}

}  // namespace reeve::net
