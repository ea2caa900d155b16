#include "host/run_log.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"
#include "host/inspection.h"
#include "host/run_dir.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr std::size_t kIndexPageBytes = std::size_t{64} << 10U;
/// A line is two numbers and a letter; anything longer is damage.
constexpr std::size_t kIndexLineBytesMax = 64;

Result<FileDescriptor> open_for_reading(const fs::path& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    return platform::errno_error("open", path);
  }
  return fd;
}

Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t size, const fs::path& path) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t count =
        ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return platform::errno_error("read", path);
    }
    if (count == 0) {
      break;
    }
    done += static_cast<std::size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
}

Timestamp modified_at(int fd) {
  constexpr std::int64_t kMillisPerSecond = 1000;
  constexpr std::int64_t kNanosPerMilli = 1'000'000;

  struct stat info {};

  ::fstat(fd, &info);
  return from_unix_millis(
      std::int64_t{info.st_mtim.tv_sec} * kMillisPerSecond +
      std::int64_t{info.st_mtim.tv_nsec} / kNanosPerMilli
  );
}

struct IndexEntry {
  Timestamp at;
  Stream stream = Stream::Out;
  std::uint64_t length = 0;
};

std::optional<IndexEntry> parse_entry(std::string_view line) {
  const auto fields = split(line, ' ');
  constexpr std::size_t kFields = 3;
  std::int64_t millis = 0;
  IndexEntry entry;
  if (fields.size() != kFields || !parse_number(fields[0], millis) ||
      !parse_number(fields[2], entry.length) || (fields[1] != "o" && fields[1] != "e")) {
    return std::nullopt;
  }
  entry.at = from_unix_millis(millis);
  entry.stream = fields[1] == "o" ? Stream::Out : Stream::Err;
  return entry;
}

}  // namespace

std::string to_string(const LogCursor& cursor) {
  return concat(cursor.index, ".", cursor.done, ".", cursor.out, ".", cursor.err);
}

Result<LogCursor> parse_log_cursor(std::string_view text) {
  const auto fields = split(text, '.');
  constexpr std::size_t kFields = 4;
  LogCursor cursor;
  if (fields.size() != kFields || !parse_number(fields[0], cursor.index) ||
      !parse_number(fields[1], cursor.done) || !parse_number(fields[2], cursor.out) ||
      !parse_number(fields[3], cursor.err)) {
    return make_error(ErrorCode::Invalid, concat("\"", text, "\" is not a log cursor"), "cursor");
  }
  return cursor;
}

Result<RunLog> RunLog::open(const fs::path& run_dir) {
  REEVE_TRY(FileDescriptor index, open_for_reading(run_dir / kIndexFile));
  REEVE_TRY(FileDescriptor out, open_for_reading(run_dir / kStdoutFile));
  REEVE_TRY(FileDescriptor err, open_for_reading(run_dir / kStderrFile));
  return RunLog(run_dir, std::move(index), std::move(out), std::move(err));
}

Result<std::string> RunLog::read_stream(Stream stream, std::uint64_t offset, std::size_t size)
    const {
  const bool out = stream == Stream::Out;
  return read_at(
      out ? out_.get() : err_.get(), offset, size, dir_ / (out ? kStdoutFile : kStderrFile)
  );
}

Result<LogBatch> RunLog::read(const LogCursor& cursor, std::size_t bytes_max) const {
  // Asked first: what the shim wrote before it ended is then seen below.
  const bool over = is_over(dir_);
  LogBatch batch;
  batch.next = cursor;
  LogCursor& at = batch.next;
  std::size_t room = std::max<std::size_t>(bytes_max, 1);
  REEVE_TRY(const std::string page, read_at(index_.get(), at.index, kIndexPageBytes, dir_));
  std::string_view rest = page;
  while (room > 0) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      break;
    }
    const auto entry = parse_entry(rest.substr(0, end));
    if (!entry || entry->length < at.done) {
      return make_error(ErrorCode::Corrupt, "has a damaged line", (dir_ / kIndexFile).string());
    }
    std::uint64_t& offset = entry->stream == Stream::Out ? at.out : at.err;
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(room, entry->length - at.done));
    REEVE_TRY(std::string bytes, read_stream(entry->stream, offset, size));
    offset += size;
    room -= size;
    at.done += size;
    if (!bytes.empty()) {
      batch.chunks.push_back({.at = entry->at, .stream = entry->stream, .bytes = std::move(bytes)});
    }
    if (at.done == entry->length) {
      at.done = 0;
      at.index += end + 1;
      rest.remove_prefix(end + 1);
    }
  }
  const bool index_done = rest.find('\n') == std::string_view::npos &&
                          page.size() < kIndexPageBytes && rest.size() < kIndexLineBytesMax;
  if (over && index_done) {
    REEVE_CHECK(read_tail(Stream::Out, room, batch));
    REEVE_CHECK(read_tail(Stream::Err, room, batch));
    batch.ended = room > 0;
  }
  return batch;
}

/// Bytes that reached the log but not the index, because the shim died or the disk was full.
Result<void> RunLog::read_tail(Stream stream, std::size_t& room, LogBatch& batch) const {
  if (room == 0) {
    return {};
  }
  std::uint64_t& offset = stream == Stream::Out ? batch.next.out : batch.next.err;
  REEVE_TRY(std::string bytes, read_stream(stream, offset, room));
  offset += bytes.size();
  room -= bytes.size();
  if (!bytes.empty()) {
    const int fd = stream == Stream::Out ? out_.get() : err_.get();
    const Timestamp at = batch.chunks.empty() ? modified_at(fd) : batch.chunks.back().at;
    batch.chunks.push_back({.at = at, .stream = stream, .bytes = std::move(bytes)});
  }
  return {};
}

}  // namespace reeve::host
