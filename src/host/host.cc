#include "host/host.h"

#include <fcntl.h>
#include <poll.h>
#include <utility>

#include <sys/file.h>

#include "host/host_loop.h"
#include "platform/posix/files.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

using platform::FileDescriptor;

constexpr const char* kHostLockFile = "host.lock";
constexpr mode_t kLockMode = 0644;

/// A host that was killed while it started a process leaves the lock with that process until it has
/// become another program.
constexpr int kLockAttempts = 100;
constexpr int kLockPauseMillis = 20;

bool try_lock_patiently(int fd) {
  for (int attempt = 1; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (attempt == kLockAttempts) {
      return false;
    }
    ::poll(nullptr, 0, kLockPauseMillis);
  }
  return true;
}

Result<FileDescriptor> lock_data_dir(const fs::path& dir) {
  const fs::path path = dir / kHostLockFile;
  FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kLockMode));
  if (!fd) {
    return platform::errno_error("open", path);
  }
  if (!try_lock_patiently(fd.get())) {
    Error error =
        make_error(ErrorCode::Unavailable, "another host uses this data directory", dir.string());
    error.hint = "stop the other process, or choose another data directory";
    return error;
  }
  return fd;
}

}  // namespace

Result<std::unique_ptr<Host>> Host::create(HostOptions options, blob::BlobStore& blobs, Sink sink) {
  REEVE_CHECK(platform::make_directories(options.data_dir / "missions"));
  std::error_code failed;
  options.data_dir = fs::canonical(options.data_dir, failed);
  if (failed) {
    return make_error(ErrorCode::Io, failed.message(), "data_dir");
  }
  REEVE_TRY(FileDescriptor lock, lock_data_dir(options.data_dir));
  auto loop = std::make_unique<Loop>(std::move(options), blobs, std::move(sink), std::move(lock));
  REEVE_CHECK(loop->start());
  return std::unique_ptr<Host>(new Host(std::move(loop)));
}

Host::Host(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

Host::~Host() {
  stop();
}

bool Host::submit(model::Effect effect) {
  return loop_->submit(std::move(effect));
}

void Host::stop() {
  loop_->stop();
}

}  // namespace reeve::host
