#include "platform/posix/beneath.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <unistd.h>
#include <utility>

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/strings.h"
#include "platform/posix/inner_files.h"

namespace reeve::platform {

namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;
constexpr const char* kTemporary = ".reeve-write";

Error outside(std::string_view path) {
  return make_error(
      ErrorCode::PermissionDenied, "the path leads out of the directory", std::string(path)
  );
}

/// The directory and the name of a path.
std::pair<std::string_view, std::string> split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos
             ? std::pair(std::string_view(), std::string(path))
             : std::pair(path.substr(0, slash), std::string(path.substr(slash + 1)));
}

Result<void> write_all(int fd, std::string_view bytes, const std::filesystem::path& shown) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return errno_error("write", shown);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<Beneath> Beneath::open(const std::filesystem::path& directory) {
  Beneath made;
  made.shown_ = directory;
  made.root_ = FileDescriptor(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!made.root_) {
    return errno_error("open", directory);
  }
  return made;
}

Result<FileDescriptor> Beneath::open_at(std::string_view path, int flags) const {
  if (!path.empty() && !is_inner_path(path)) {
    return outside(path);
  }
  const std::string name = path.empty() ? "." : std::string(path);

  struct open_how how {};

  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root_.get(), name.c_str(), &how, sizeof(how));
  if (fd >= 0) {
    return FileDescriptor(static_cast<int>(fd));
  }
  if (errno == EXDEV || errno == ELOOP) {
    return outside(path);
  }
  return errno_error("open", name);
}

Result<std::string> Beneath::read(std::string_view path, std::size_t bytes_max) const {
  // Without waiting: somebody may have put a pipe there.
  REEVE_TRY(const FileDescriptor file, open_at(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));

  struct stat info {};

  if (::fstat(file.get(), &info) != 0) {
    return errno_error("stat", std::string(path));
  }
  if (!S_ISREG(info.st_mode)) {
    return make_error(ErrorCode::Invalid, "is no regular file", std::string(path));
  }
  std::string bytes(std::min(bytes_max + 1, static_cast<std::size_t>(info.st_size) + 1), '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return errno_error("read", std::string(path));
    }
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  if (size > bytes_max) {
    return make_error(
        ErrorCode::LimitExceeded, concat("is longer than ", bytes_max, " bytes"), std::string(path)
    );
  }
  bytes.resize(size);
  return bytes;
}

Result<FileDescriptor> Beneath::parent_of(std::string_view path, bool make) const {
  if (!is_inner_path(path)) {
    return outside(path);
  }
  const std::string_view directory = split_path(path).first;
  std::string so_far;
  for (const std::string_view part :
       directory.empty() || !make ? std::vector<std::string_view>() : split(directory, '/')) {
    REEVE_TRY(const FileDescriptor above, open_at(so_far, O_PATH | O_DIRECTORY));
    if (::mkdirat(above.get(), std::string(part).c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return errno_error("mkdir", std::string(path));
    }
    so_far += so_far.empty() ? std::string(part) : concat("/", part);
  }
  return open_at(directory, O_RDONLY | O_DIRECTORY);
}

Result<void> Beneath::write(std::string_view path, std::string_view bytes) const {
  REEVE_TRY(const FileDescriptor parent, parent_of(path, true));
  const std::string name = split_path(path).second;
  (void)::unlinkat(parent.get(), kTemporary, 0);
  const FileDescriptor file(::openat(
      parent.get(), kTemporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode
  ));
  if (!file) {
    return errno_error("open", std::string(path));
  }
  Result<void> written = write_all(file.get(), bytes, std::string(path));
  if (written && ::renameat(parent.get(), kTemporary, parent.get(), name.c_str()) != 0) {
    written = errno_error("rename", std::string(path));
  }
  if (!written) {
    (void)::unlinkat(parent.get(), kTemporary, 0);
  }
  return written;
}

Result<void> Beneath::remove(std::string_view path) const {
  REEVE_TRY(const FileDescriptor parent, parent_of(path, false));
  if (::unlinkat(parent.get(), split_path(path).second.c_str(), 0) != 0) {
    return errno_error("remove", std::string(path));
  }
  return {};
}

Result<std::vector<DirectoryEntry>> Beneath::list(std::string_view path, std::size_t entries_max)
    const {
  REEVE_TRY(FileDescriptor directory, open_at(path, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(directory.get()), ::closedir);
  if (stream == nullptr) {
    return errno_error("open", std::string(path));
  }
  (void)directory.release();
  std::vector<DirectoryEntry> entries;
  while (const dirent* next = ::readdir(stream.get())) {
    const std::string name = next->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    if (entries.size() >= entries_max) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("has more than ", entries_max, " entries"),
          std::string(path)
      );
    }

    struct stat info {};

    if (::fstatat(::dirfd(stream.get()), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    entries.push_back(
        {.name = name,
         .directory = S_ISDIR(info.st_mode),
         .size_bytes = static_cast<std::uint64_t>(info.st_size)}
    );
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;
  });
  return entries;
}

}  // namespace reeve::platform
