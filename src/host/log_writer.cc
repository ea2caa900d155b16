#include "host/log_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/strings.h"
#include "host/run_dir.h"

namespace reeve::host {

namespace {

constexpr mode_t kLogMode = 0644;
constexpr std::size_t kIndexBacklogBytesMax = std::size_t{64} << 10U;

std::string_view stream_name(Stream stream) {
  switch (stream) {
    case Stream::Out:
      return "standard output";
    case Stream::Err:
      return "standard error";
  }
  return "output";
}

char stream_letter(Stream stream) {
  return stream == Stream::Out ? 'o' : 'e';
}

platform::FileDescriptor open_log(const std::filesystem::path& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  return platform::FileDescriptor(::open(path.c_str(), kFlags, kLogMode));
}

/// Writes as much as the disk takes; the count and, if short, errno.
std::size_t write_some(int fd, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace

LogWriter::LogWriter(const std::filesystem::path& dir, std::uint64_t bytes_max)
    : bytes_max_(bytes_max) {
  of(Stream::Out).fd = open_log(dir / kStdoutFile);
  of(Stream::Out).error = of(Stream::Out).fd ? 0 : errno;
  of(Stream::Err).fd = open_log(dir / kStderrFile);
  of(Stream::Err).error = of(Stream::Err).fd ? 0 : errno;
  index_ = open_log(dir / kIndexFile);
}

void LogWriter::append(Stream stream, std::string_view bytes, Timestamp at) {
  Log& log = of(stream);
  const std::uint64_t used = std::min(bytes_max_, log.kept + log.failed);
  const std::size_t room =
      static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), bytes_max_ - used));
  if (room > 0) {
    store(stream, bytes.substr(0, room), at);
  }
  log.over_cap += bytes.size() - room;
}

void LogWriter::store(Stream stream, std::string_view bytes, Timestamp at) {
  Log& log = of(stream);
  const std::size_t done = log.fd ? write_some(log.fd.get(), bytes) : 0;
  if (done < bytes.size()) {
    log.error = log.fd ? errno : log.error;
    log.failed += bytes.size() - done;
  }
  if (done > 0) {
    log.kept += done;
    log.ends_in_newline = bytes[done - 1] == '\n';
    write_index(concat(to_unix_millis(at), " ", stream_letter(stream), " ", done, "\n"));
  }
}

void LogWriter::write_index(std::string_view line) {
  if (index_backlog_.size() + line.size() <= kIndexBacklogBytesMax) {
    index_backlog_.append(line);
  } else {
    index_lost_ = true;
  }
  const std::size_t done = index_ ? write_some(index_.get(), index_backlog_) : 0;
  index_backlog_.erase(0, done);
}

void LogWriter::note_losses(Stream stream, Timestamp at) {
  const Log& log = of(stream);
  const std::uint64_t lost = log.over_cap + log.failed;
  if (lost == 0) {
    return;
  }
  std::string text = concat(lost, " bytes of ", stream_name(stream), " were not kept: ");
  if (log.failed > 0) {
    const char* cause = ::strerrordesc_np(log.error);
    text += concat("the log could not be written (", cause != nullptr ? cause : "unknown", ")");
  } else {
    text += concat("the limit is ", bytes_max_, " bytes");
  }
  warnings_.push_back(text);
  store(stream, concat(log.ends_in_newline ? "" : "\n", "[reeve: ", text, "]\n"), at);
}

void LogWriter::finish(Timestamp at) {
  note_losses(Stream::Out, at);
  note_losses(Stream::Err, at);
  write_index("");
  if (index_lost_ || !index_backlog_.empty()) {
    warnings_.emplace_back("the order of the log's last lines was not kept");
  }
  const Log& out = of(Stream::Out);
  if (out.kept > 0 && ::fdatasync(out.fd.get()) != 0) {
    warnings_.emplace_back("standard output may not survive a power failure");
  }
}

}  // namespace reeve::host
