#include "blob/blob_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <sys/file.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/strings.h"
#include "platform/posix/files.h"
#include "platform/posix/system.h"

namespace reeve::blob {

namespace fs = std::filesystem;

using platform::errno_error;
using platform::FileDescriptor;

namespace {

constexpr std::size_t kChunkBytes = std::size_t{256} << 10U;
constexpr std::size_t kDigestLength = 64;
constexpr std::size_t kFanOutLength = 2;
constexpr mode_t kBlobMode = 0444;
constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kLockMode = 0644;

/// A file that disappears unless it is put in its place.
class TempFile {
 public:
  static Result<TempFile> create(fs::path path, mode_t mode) {
    TempFile temp;
    temp.fd_.reset(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!temp.fd_) {
      return errno_error("open", path);
    }
    temp.path_ = std::move(path);
    return temp;
  }

  TempFile(TempFile&& other) noexcept
      : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

  TempFile& operator=(TempFile&&) = delete;

  ~TempFile() {
    if (!path_.empty()) {
      unlink(path_.c_str());
    }
  }

  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
      if (count < 0) {
        if (errno == EINTR) {
          continue;
        }
        return errno_error("write", path_);
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  Result<void> set_mode(mode_t mode) {
    return fchmod(fd_.get(), mode) == 0 ? Result<void>{}
                                        : Result<void>(errno_error("chmod", path_));
  }

  Result<void> sync() {
    return fsync(fd_.get()) == 0 ? Result<void>{} : Result<void>(errno_error("fsync", path_));
  }

  Result<void> rename_to(const fs::path& target) {
    if (close(fd_.release()) != 0 && errno != EINTR) {
      return errno_error("close", path_);
    }
    if (rename(path_.c_str(), target.c_str()) != 0) {
      return errno_error("rename", target);
    }
    path_.clear();
    return {};
  }

 private:
  TempFile() = default;

  FileDescriptor fd_;
  fs::path path_;
};

std::string temp_name() {
  platform::SystemRandom random;
  return concat(getpid(), "-", random.next(), ".tmp");
}

Result<FileDescriptor> open_regular(const fs::path& path) {
  // Not blocking: opening a FIFO must not wait for its writer.
  FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));

  struct stat info {};

  if (!fd && errno == ENOENT) {
    return make_error(ErrorCode::NotFound, concat("there is no file ", path.string()));
  }
  const bool special = !fd && (errno == ELOOP || errno == ENXIO);
  if (!fd && !special) {
    return errno_error("open", path);
  }
  if (!special && fstat(fd.get(), &info) != 0) {
    return errno_error("stat", path);
  }
  if (special || !S_ISREG(info.st_mode)) {
    return make_error(ErrorCode::Invalid, concat(path.string(), " is not a regular file"));
  }
  return fd;
}

/// Reads `fd` to its end and hands every piece to `sink`. LimitExceeded after `bytes_max`.
template <class Sink>
Result<Stored> hash_through(int fd, const fs::path& path, std::uint64_t bytes_max, Sink sink) {
  Sha256 hash;
  std::uint64_t size_bytes = 0;
  std::vector<char> chunk(kChunkBytes);
  while (true) {
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      return errno_error("read", path);
    }
    if (count == 0) {
      break;
    }
    size_bytes += static_cast<std::uint64_t>(count);
    if (size_bytes > bytes_max) {
      return make_error(
          ErrorCode::LimitExceeded, concat(path.string(), " is longer than ", bytes_max, " bytes")
      );
    }
    const std::string_view piece(chunk.data(), static_cast<std::size_t>(count));
    hash.update(piece);
    REEVE_CHECK(sink(piece));
  }
  const Sha256Bytes bytes = hash.finish();
  return Stored{
      .digest = Digest(to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()})),
      .size_bytes = size_bytes};
}

bool holds(const fs::path& path, const Stored& wanted) {
  const auto fd = open_regular(path);
  if (!fd.ok()) {
    return false;
  }
  const auto found = hash_through(fd->get(), path, wanted.size_bytes, [](std::string_view) {
    return Result<void>{};
  });
  return found.ok() && found->digest == wanted.digest;
}

bool is_digest(std::string_view text) {
  return text.size() == kDigestLength && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<void> ensure_directory(const fs::path& path) {
  if (mkdir(path.c_str(), kDirectoryMode) == 0) {
    return platform::sync_directory(path.parent_path());
  }
  return errno == EEXIST ? Result<void>{} : Result<void>(errno_error("mkdir", path));
}

Result<TempFile> create_temp(const fs::path& root) {
  REEVE_CHECK(platform::make_directories(root, kDirectoryMode));
  REEVE_CHECK(ensure_directory(root / "tmp"));
  return TempFile::create(root / "tmp" / temp_name(), kBlobMode);
}

/// Held shared while a blob is put in its place, alone while one is removed: what was just put is
/// never taken for old.
Result<FileDescriptor> lock_store(const fs::path& root, int how) {
  const fs::path path = root / "lock";
  FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kLockMode));
  if (!fd) {
    return errno_error("open", path);
  }
  while (flock(fd.get(), how) != 0) {
    if (errno != EINTR) {
      return errno_error("lock", path);
    }
  }
  return fd;
}

/// Also over an existing blob of this digest: what we wrote is known to be right.
Result<void> keep(TempFile& temp, const fs::path& root, const fs::path& target) {
  REEVE_CHECK(temp.sync());
  REEVE_TRY(const FileDescriptor lock, lock_store(root, LOCK_SH));
  REEVE_CHECK(ensure_directory(target.parent_path()));
  REEVE_CHECK(temp.rename_to(target));
  return platform::sync_directory(target.parent_path());
}

/// Makes a blob that is there as young as one that was just put; false: it is gone.
Result<bool> renew(const fs::path& root, const fs::path& target) {
  REEVE_TRY(const FileDescriptor lock, lock_store(root, LOCK_SH));
  if (utimensat(AT_FDCWD, target.c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0) {
    return true;
  }
  return errno == ENOENT ? Result<bool>(false) : Result<bool>(errno_error("touch", target));
}

}  // namespace

BlobStore::BlobStore(fs::path root) : root_(std::move(root)) {}

fs::path BlobStore::path_of(const Digest& digest) const {
  return root_ / digest.str().substr(0, kFanOutLength) / digest.str();
}

Result<Stored> BlobStore::put_file(const fs::path& source, std::uint64_t bytes_max) {
  REEVE_TRY(const FileDescriptor fd, open_regular(source));
  REEVE_TRY(TempFile temp, create_temp(root_));
  REEVE_TRY(Stored stored, hash_through(fd.get(), source, bytes_max, [&](std::string_view piece) {
              return temp.write(piece);
            }));
  REEVE_CHECK(keep(temp, root_, path_of(stored.digest)));
  return stored;
}

Result<Stored> BlobStore::put(std::string_view bytes) {
  Stored stored{.digest = sha256(bytes), .size_bytes = bytes.size()};
  const fs::path target = path_of(stored.digest);
  if (holds(target, stored)) {
    REEVE_TRY(const bool there, renew(root_, target));
    if (there) {
      // Whoever stored it may not have come to this step yet.
      REEVE_CHECK(platform::sync_directory(target.parent_path()));
      return stored;
    }
  }
  REEVE_TRY(TempFile temp, create_temp(root_));
  REEVE_CHECK(temp.write(bytes));
  REEVE_CHECK(keep(temp, root_, target));
  return stored;
}

Result<void> BlobStore::fetch(const Digest& digest, const fs::path& target, std::uint32_t mode) {
  if (!is_digest(digest.view())) {
    return make_error(
        ErrorCode::Invalid, concat("\"", digest.view(), "\" is not a SHA-256 digest"), "digest"
    );
  }
  const fs::path path = path_of(digest);
  auto fd = open_regular(path);
  if (!fd.ok()) {
    if (fd.error().code == ErrorCode::NotFound) {
      return make_error(ErrorCode::NotFound, concat("there is no blob ", digest.view()), "digest");
    }
    return std::move(fd).error();
  }

  struct stat info {};

  if (fstat(fd->get(), &info) != 0) {
    return errno_error("stat", path);
  }
  const fs::path parent = target.parent_path().empty() ? fs::path(".") : target.parent_path();
  REEVE_TRY(TempFile temp, TempFile::create(parent / concat(".", temp_name()), S_IRUSR | S_IWUSR));
  const auto size_bytes = static_cast<std::uint64_t>(info.st_size);
  REEVE_TRY(
      const Stored found,
      hash_through(
          fd->get(), path, size_bytes, [&](std::string_view piece) { return temp.write(piece); }
      )
  );
  if (found.digest != digest) {
    Error error = make_error(
        ErrorCode::Corrupt,
        concat("blob ", digest.view(), " holds bytes with the digest ", found.digest.view()),
        "digest"
    );
    error.hint = "store the content again: a put of the right bytes repairs the blob";
    return error;
  }
  REEVE_CHECK(temp.set_mode(mode & 07777U));
  return temp.rename_to(target);
}

Result<Stored> BlobStore::verify(const Digest& digest) const {
  if (!is_digest(digest.view())) {
    return make_error(
        ErrorCode::Invalid, concat("\"", digest.view(), "\" is not a SHA-256 digest"), "digest"
    );
  }
  const fs::path path = path_of(digest);
  REEVE_TRY(const FileDescriptor fd, open_regular(path));
  constexpr std::uint64_t kNoLimit = UINT64_MAX;
  REEVE_TRY(Stored found, hash_through(fd.get(), path, kNoLimit, [](std::string_view) {
              return Result<void>{};
            }));
  if (found.digest != digest) {
    return make_error(
        ErrorCode::Corrupt,
        concat("blob ", digest.view(), " holds bytes with the digest ", found.digest.view()),
        "digest"
    );
  }
  return found;
}

Result<void> BlobStore::remove_if_old(const fs::path& file, Timestamp older_than, Swept& swept)
    const {
  REEVE_TRY(const FileDescriptor lock, lock_store(root_, LOCK_EX));

  struct stat info {};

  if (lstat(file.c_str(), &info) != 0) {
    return errno == ENOENT ? Result<void>{} : Result<void>(errno_error("stat", file));
  }
  constexpr std::int64_t kMillisPerSecond = 1000;
  const Timestamp put_at = from_unix_millis((info.st_mtim.tv_sec + 1) * kMillisPerSecond);
  if (put_at >= older_than) {
    return {};
  }
  if (unlink(file.c_str()) != 0 && errno != ENOENT) {
    return errno_error("unlink", file);
  }
  ++swept.blobs;
  swept.bytes += static_cast<std::uint64_t>(info.st_size);
  return {};
}

Result<Swept> BlobStore::sweep(
    const std::function<bool(const Digest&)>& keep, Timestamp older_than
) {
  Swept swept;
  Swept temporary;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(root_, failed), end; !failed && at != end;
       at.increment(failed)) {
    if (at.depth() != 1 || at->symlink_status(failed).type() != fs::file_type::regular) {
      continue;
    }
    const Digest digest(at->path().filename().string());
    const bool is_blob = is_digest(digest.view()) && path_of(digest) == at->path();
    const bool is_temporary = at->path().parent_path().filename() == "tmp";
    if (is_blob && !keep(digest)) {
      REEVE_CHECK(remove_if_old(at->path(), older_than, swept));
    } else if (is_temporary) {
      REEVE_CHECK(remove_if_old(at->path(), older_than, temporary));
    }
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return make_error(ErrorCode::Io, failed.message(), root_.string());
  }
  return swept;
}

}  // namespace reeve::blob
