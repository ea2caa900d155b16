#include "executor/agent/journal.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <sys/file.h>

#include "base/strings.h"

namespace reeve::executor::agent {

namespace {

constexpr mode_t kPrivate = 0600;
/// For the end of a journal that is full.
constexpr std::uint64_t kEndBytesMax = 4096;

}  // namespace

Result<JournalFile> JournalFile::open(const std::filesystem::path& path, std::uint64_t bytes_max) {
  platform::FileDescriptor file(
      ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kPrivate)
  );
  if (!file) {
    return platform::errno_error("open", path);
  }
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return make_error(
          ErrorCode::Unavailable, "another run writes to the journal", path.filename().native()
      );
    }
    return platform::errno_error("lock", path);
  }
  return JournalFile(path, bytes_max, std::move(file));
}

Result<std::vector<Record>> JournalFile::read() {
  REEVE_TRY(std::string text, platform::read_file(path_, bytes_max_ + kEndBytesMax));
  const std::size_t end = text.rfind('\n');
  const std::size_t whole = end == std::string::npos ? 0 : end + 1;
  if (whole < text.size()) {
    if (::ftruncate(file_.get(), static_cast<off_t>(whole)) != 0) {
      return platform::errno_error("truncate", path_);
    }
    text.resize(whole);
  }
  bytes_ = whole;
  std::vector<Record> records;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) {
      REEVE_TRY(Record record, decode_record(line));
      records.push_back(std::move(record));
    }
  }
  return records;
}

Result<void> JournalFile::clear() {
  bytes_ = 0;
  if (::ftruncate(file_.get(), 0) != 0) {
    return platform::errno_error("truncate", path_);
  }
  return {};
}

Result<void> JournalFile::set_aside() {
  std::filesystem::path aside = path_;
  aside += kSetAsideSuffix;
  std::error_code failed;
  std::filesystem::rename(path_, aside, failed);
  if (failed) {
    return make_error(ErrorCode::Io, failed.message(), path_.native());
  }
  REEVE_TRY(*this, open(path_, bytes_max_));
  return {};
}

Result<void> JournalFile::append(const Record& record) {
  const std::string line = encode(record);
  const bool ends = record.kind == Record::Kind::End;
  if (bytes_ + line.size() > bytes_max_ + (ends ? kEndBytesMax : 0)) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the journal would be longer than ", bytes_max_, " bytes"),
        path_.filename().native()
    );
  }
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(file_.get(), rest.data(), rest.size());
    if (count < 0 && errno != EINTR) {
      return platform::errno_error("write", path_);
    }
    rest.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  bytes_ += line.size();
  return ::fdatasync(file_.get()) == 0 ? Result<void>{}
                                       : Result<void>(platform::errno_error("sync", path_));
}

}  // namespace reeve::executor::agent
