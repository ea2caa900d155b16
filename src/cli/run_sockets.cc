#include "cli/run_sockets.h"

#include <unistd.h>

#include <sys/stat.h>
#include <sys/un.h>

#include "base/hash.h"
#include "base/strings.h"
#include "platform/posix/files.h"
#include "security/identity/run_token.h"

namespace reeve::cli {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivate = 0700;
constexpr mode_t kOwnerOnly = 0600;
constexpr const char* kSocketName = "api.sock";
/// Enough that no two runs of a data directory meet.
constexpr std::size_t kNameDigits = 16;
/// Behind the directory of all: `/<name>/api.sock` and the end of the text.
constexpr std::size_t kBelowBytes = kNameDigits + 11;

std::string digits_of(std::string_view text) {
  return sha256(text).str().substr(0, kNameDigits);
}

/// The directory is ours alone: whoever could write to it could stand in for the server.
Result<void> make_own(const fs::path& directory) {
  REEVE_CHECK(platform::make_directories(directory, kPrivate));

  struct stat status {};

  if (::lstat(directory.c_str(), &status) != 0) {
    return platform::errno_error("lstat", directory);
  }
  constexpr mode_t kOfOthers = 0077;
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() ||
      (status.st_mode & kOfOthers) != 0) {
    return make_error(
        ErrorCode::PermissionDenied,
        "the directory for the sockets of runs is not this account's alone",
        directory
    );
  }
  return {};
}

}  // namespace

fs::path run_socket_directory(const fs::path& data_dir, const fs::path& short_base) {
  std::error_code ignored;
  const fs::path resolved = fs::weakly_canonical(data_dir, ignored);
  const fs::path absolute = resolved.empty() ? fs::absolute(data_dir, ignored) : resolved;
  const fs::path inside = absolute / "sockets";
  if (inside.native().size() + kBelowBytes <= sizeof(sockaddr_un::sun_path)) {
    return inside;
  }
  return short_base / concat("reeve-", ::geteuid(), "-", digits_of(absolute.native()));
}

fs::path RunSockets::path_of(const RunName& run, Fence fence) const {
  return directory_ / digits_of(identity::socket_tag(run, fence)) / kSocketName;
}

Result<fs::path> RunSockets::open(const RunName& run, Fence fence) {
  fs::path path = path_of(run, fence);
  const std::lock_guard lock(mutex_);
  if (open_.contains({run.str(), fence.value()})) {
    return path;
  }
  REEVE_CHECK(make_own(directory_));
  REEVE_CHECK(make_own(path.parent_path()));
  REEVE_TRY(
      const net::ListenerId id,
      listeners_.add(net::ListenerOptions{
          .unix_path = path,
          .unix_mode = kOwnerOnly,
          .tag = identity::socket_tag(run, fence),
          .connections_max = kRunConnectionsMax})
  );
  open_.emplace(Key{run.str(), fence.value()}, id);
  return path;
}

void RunSockets::close(const RunName& run, Fence fence) {
  const fs::path path = path_of(run, fence);
  const std::lock_guard lock(mutex_);
  const auto found = open_.find({run.str(), fence.value()});
  if (found != open_.end()) {
    listeners_.remove(found->second);
    open_.erase(found);
  } else {
    ::unlink(path.c_str());
  }
  ::rmdir(path.parent_path().c_str());
}

}  // namespace reeve::cli
