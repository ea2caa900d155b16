#include "cli/backup_files.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"
#include "blob/blob_store.h"
#include "cli/session.h"
#include "kernel/audit.h"
#include "platform/posix/files.h"

namespace reeve::cli {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kPrivateDirectory = 0700;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;
constexpr std::size_t kDigestDigits = 64;

Result<std::uint64_t> copy_bytes(int from, int to, const fs::path& path) {
  std::string chunk(kChunkBytes, '\0');
  std::uint64_t total = 0;
  while (true) {
    const ssize_t count = ::read(from, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return platform::errno_error("read", path);
    }
    if (count == 0) {
      break;
    }
    std::string_view rest(chunk.data(), static_cast<std::size_t>(count));
    while (!rest.empty()) {
      const ssize_t written = ::write(to, rest.data(), rest.size());
      if (written < 0 && errno != EINTR) {
        return platform::errno_error("write", path);
      }
      rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    total += static_cast<std::uint64_t>(count);
  }
  return ::fsync(to) == 0 ? Result<std::uint64_t>(total)
                          : Result<std::uint64_t>(platform::errno_error("fsync", path));
}

Result<void> copy_file(
    const fs::path& from, const fs::path& to, Sharing sharing, CopiedFiles& copied
) {
  if (sharing == Sharing::Yes && ::link(from.c_str(), to.c_str()) == 0) {
    std::error_code ignored;
    copied.bytes += fs::file_size(to, ignored);
    ++copied.files;
    return {};
  }
  const platform::FileDescriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source) {
    return errno == ENOENT ? Result<void>() : Result<void>(platform::errno_error("open", from));
  }
  const platform::FileDescriptor target(
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kPrivateFile)
  );
  if (!target) {
    return platform::errno_error("create", to);
  }
  REEVE_TRY(const std::uint64_t bytes, copy_bytes(source.get(), target.get(), to));
  copied.bytes += bytes;
  ++copied.files;
  return {};
}

Result<void> copy_into(
    const fs::path& from, const fs::path& to, Sharing sharing, CopiedFiles& copied
) {
  REEVE_CHECK(platform::make_directories(to, kPrivateDirectory));
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(from, failed)) {
    std::error_code gone;
    const fs::file_status status = entry.symlink_status(gone);
    const fs::path target = to / entry.path().filename();
    if (fs::is_directory(status)) {
      REEVE_CHECK(copy_into(entry.path(), target, sharing, copied));
    } else if (fs::is_regular_file(status) && entry.path().extension() != ".tmp") {
      REEVE_CHECK(copy_file(entry.path(), target, sharing, copied));
    }
  }
  if (failed) {
    return make_error(ErrorCode::Io, concat("cannot be read: ", failed.message()), from.string());
  }
  return platform::sync_directory(to);
}

Result<std::uint64_t> verify_blobs(const fs::path& root) {
  const blob::BlobStore blobs(root);
  std::uint64_t count = 0;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root, failed)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name.size() != kDigestDigits) {
      continue;
    }
    REEVE_CHECK(blobs.verify(Digest(name)));
    ++count;
  }
  return count;
}

}  // namespace

Result<CopiedFiles> copy_tree(const fs::path& from, const fs::path& to, Sharing sharing) {
  CopiedFiles copied;
  std::error_code failed;
  if (!fs::is_directory(from, failed)) {
    return copied;
  }
  REEVE_CHECK(copy_into(from, to, sharing, copied));
  return copied;
}

Result<Json> verify_copy(const fs::path& root) {
  const DataDir dir{.root = root};
  REEVE_TRY(const std::unique_ptr<store::Store> store, open_for_reading(dir));
  REEVE_TRY(const kernel::AuditReport audit, kernel::audit(*store, workflow_loader()));
  REEVE_TRY(const std::uint64_t blobs, verify_blobs(dir.blobs()));
  Json json = Json::object();
  json.set("events", audit.events).set("missions", audit.missions);
  json.set("workflows", audit.workflows).set("lastRevision", audit.last.value());
  json.set("head", to_hex({reinterpret_cast<const char*>(audit.head.data()), audit.head.size()}));
  json.set("blobs", blobs);
  return json;
}

Result<void> require_empty(const fs::path& directory) {
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(directory, failed);
  if (status.type() == fs::file_type::not_found) {
    return {};
  }
  if (fs::is_directory(status) && fs::is_empty(directory, failed) && !failed) {
    return {};
  }
  Error error = make_error(
      ErrorCode::AlreadyExists, "is there already and not an empty directory", directory.string()
  );
  error.hint = "give another directory, or move it away";
  return error;
}

}  // namespace reeve::cli
