#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <sys/stat.h>

#include "platform/posix/files.h"
#include "telemetry/log.h"

namespace reeve::telemetry {
namespace {

class DescriptorSink final : public LogSink {
 public:
  DescriptorSink(int fd, platform::FileDescriptor owned) : fd_(fd), owned_(std::move(owned)) {
    struct stat status = {};
    regular_ = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
  }

  Result<std::size_t> write(std::string_view lines, Duration patience) override {
    if (!regular_) {
      pollfd ready{.fd = fd_, .events = POLLOUT, .revents = 0};
      const int count = ::poll(&ready, 1, static_cast<int>(patience.count()));
      if (count < 0 && errno != EINTR) {
        return platform::errno_error("poll", "the log");
      }
      if (count <= 0) {
        return std::size_t{0};
      }
      lines = piece(lines);
    }
    const ssize_t written = ::write(fd_, lines.data(), lines.size());
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) {
        return std::size_t{0};
      }
      return platform::errno_error("write", "the log");
    }
    return static_cast<std::size_t>(written);
  }

 private:
  /// What a pipe that is ready takes without waiting; whole lines where they fit, so that those of
  /// others do not come between.
  static std::string_view piece(std::string_view lines) {
    if (lines.size() <= PIPE_BUF) {
      return lines;
    }
    const std::size_t end = lines.rfind('\n', PIPE_BUF - 1);
    return lines.substr(0, end == std::string_view::npos ? std::size_t{PIPE_BUF} : end + 1);
  }

  int fd_;
  platform::FileDescriptor owned_;
  bool regular_ = false;
};

}  // namespace

std::unique_ptr<LogSink> descriptor_sink(int fd) {
  return std::make_unique<DescriptorSink>(fd, platform::FileDescriptor());
}

Result<std::unique_ptr<LogSink>> file_sink(const std::string& path) {
  constexpr mode_t kMode = 0640;
  platform::FileDescriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kMode)
  );
  if (!file) {
    return platform::errno_error("open", path);
  }
  const int fd = file.get();
  return std::unique_ptr<LogSink>(std::make_unique<DescriptorSink>(fd, std::move(file)));
}

}  // namespace reeve::telemetry
