#include "platform/posix/probe_data_dir.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::platform {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20U;
constexpr std::uint64_t kFreeBytesWanted = 1024 * kMebibyte;
constexpr std::uint64_t kFreeFilesWanted = 10'000;
constexpr std::size_t kFsyncSamples = 5;
constexpr std::size_t kFsyncBytes = 4096;
constexpr std::int64_t kFsyncMicrosWanted = 20'000;
constexpr int kParentsMax = 256;

enum class FileSystemKind { Local, Volatile, Layered, Network, Foreign };

struct FileSystem {
  long type;
  std::string_view name;
  FileSystemKind kind;
};

// Numbers without a name are missing in linux/magic.h.
constexpr std::array kFileSystems = {
    FileSystem{EXT4_SUPER_MAGIC, "ext2/ext3/ext4", FileSystemKind::Local},
    FileSystem{0x58465342, "xfs", FileSystemKind::Local},
    FileSystem{BTRFS_SUPER_MAGIC, "btrfs", FileSystemKind::Local},
    FileSystem{0x2FC12FC1, "zfs", FileSystemKind::Local},
    FileSystem{F2FS_SUPER_MAGIC, "f2fs", FileSystemKind::Local},
    FileSystem{TMPFS_MAGIC, "tmpfs", FileSystemKind::Volatile},
    FileSystem{RAMFS_MAGIC, "ramfs", FileSystemKind::Volatile},
    FileSystem{OVERLAYFS_SUPER_MAGIC, "overlayfs", FileSystemKind::Layered},
    FileSystem{NFS_SUPER_MAGIC, "nfs", FileSystemKind::Network},
    FileSystem{0xFF534D42, "cifs", FileSystemKind::Network},
    FileSystem{0xFE534D42, "smb2", FileSystemKind::Network},
    FileSystem{SMB_SUPER_MAGIC, "smb", FileSystemKind::Network},
    FileSystem{0x00C36400, "ceph", FileSystemKind::Network},
    FileSystem{V9FS_MAGIC, "9p", FileSystemKind::Network},
    FileSystem{AFS_SUPER_MAGIC, "afs", FileSystemKind::Network},
    FileSystem{0x0BD00BD0, "lustre", FileSystemKind::Network},
    FileSystem{0x65735546, "fuse", FileSystemKind::Foreign},
};

Finding finding(std::string name, FindingStatus status, std::string detail, std::string then = {}) {
  return Finding{
      .name = std::move(name),
      .status = status,
      .detail = std::move(detail),
      .consequence = std::move(then)};
}

/// The directory itself or, if it does not exist, the nearest one above that does.
fs::path nearest_existing(const fs::path& path) {
  std::error_code failed;
  fs::path at = fs::absolute(path, failed);
  if (failed) {
    at = path;
  }
  for (int i = 0; i < kParentsMax; ++i) {
    struct stat info {};

    if (stat(at.c_str(), &info) == 0 || at == at.parent_path() || at.parent_path().empty()) {
      return at;
    }
    at = at.parent_path();
  }
  return "/";
}

bool writable(const fs::path& path) {
  return faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

Finding probe_directory(const fs::path& data_dir, const fs::path& existing) {
  constexpr auto kName = "data-dir";

  struct stat info {};

  if (stat(data_dir.c_str(), &info) != 0) {
    if (errno != ENOENT) {
      return finding(
          kName,
          FindingStatus::Missing,
          errno_error("stat", data_dir).message,
          "the server cannot start with this data directory"
      );
    }
    return writable(existing)
               ? finding(kName, FindingStatus::Ok, concat(data_dir.string(), " will be created"))
               : finding(
                     kName,
                     FindingStatus::Missing,
                     concat(data_dir.string(), " does not exist and cannot be created"),
                     concat("create it, or make ", existing.string(), " writable for this user")
                 );
  }
  if (!S_ISDIR(info.st_mode)) {
    return finding(
        kName,
        FindingStatus::Missing,
        concat(data_dir.string(), " is not a directory"),
        "the server cannot start with this data directory"
    );
  }
  if (!writable(data_dir)) {
    return finding(
        kName,
        FindingStatus::Missing,
        concat(data_dir.string(), " is not writable for user ", geteuid()),
        "run as its owner or change its owner"
    );
  }
  if (info.st_uid != geteuid()) {
    return finding(
        kName,
        FindingStatus::Limited,
        concat(data_dir.string(), " belongs to user ", info.st_uid, ", not to ", geteuid()),
        "files made now may be unreadable for the usual user of the server"
    );
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return finding(
        kName,
        FindingStatus::Limited,
        concat(data_dir.string(), " is writable for everyone"),
        "any user of this machine can change the data: chmod o-w"
    );
  }
  return finding(kName, FindingStatus::Ok, data_dir.string());
}

Finding probe_space(const fs::path& existing) {
  constexpr auto kName = "data-space";

  struct statvfs info {};

  if (statvfs(existing.c_str(), &info) != 0) {
    return finding(
        kName, FindingStatus::Limited, errno_error("statvfs", existing).message, "unknown space"
    );
  }
  const std::uint64_t bytes = std::uint64_t{info.f_bavail} * info.f_frsize;
  const std::string detail = concat(bytes / kMebibyte, " MiB free");
  if (bytes < kFreeBytesWanted) {
    return finding(
        kName,
        FindingStatus::Limited,
        detail,
        concat(
            "work stops when the disk is full: free at least ", kFreeBytesWanted / kMebibyte, " MiB"
        )
    );
  }
  // Some file systems make inodes as they go and report none.
  if (info.f_files > 0 && info.f_favail < kFreeFilesWanted) {
    return finding(
        kName,
        FindingStatus::Limited,
        concat(detail, ", but room for ", std::uint64_t{info.f_favail}, " files only"),
        "work stops when no more files can be created"
    );
  }
  return finding(kName, FindingStatus::Ok, detail);
}

/// Microseconds that writing and syncing a small file took; -1 if that failed.
std::int64_t sample_fsync(int fd) {
  const std::string bytes(kFsyncBytes, 'x');
  const auto before = std::chrono::steady_clock::now();
  if (pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      fsync(fd) != 0) {
    return -1;
  }
  const auto spent = std::chrono::steady_clock::now() - before;
  return std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
}

Finding probe_fsync(const fs::path& directory) {
  constexpr auto kName = "data-fsync";
  std::string pattern = (directory / ".reeve-probe-XXXXXX").string();
  const FileDescriptor fd(mkostemp(pattern.data(), O_CLOEXEC));
  if (!fd) {
    return finding(
        kName,
        FindingStatus::Missing,
        errno_error("open", directory).message,
        "nothing can be stored"
    );
  }
  unlink(pattern.c_str());
  std::array<std::int64_t, kFsyncSamples> micros{};
  for (auto& sample : micros) {
    sample = sample_fsync(fd.get());
    if (sample < 0) {
      return finding(
          kName,
          FindingStatus::Missing,
          errno_error("fsync", directory).message,
          "nothing can be stored durably"
      );
    }
  }
  std::sort(micros.begin(), micros.end());
  const std::int64_t median = micros[micros.size() / 2];
  const std::string detail = concat("fsync takes ", median, " us");
  return median <= kFsyncMicrosWanted
             ? finding(kName, FindingStatus::Ok, detail)
             : finding(
                   kName,
                   FindingStatus::Limited,
                   detail,
                   "every durable step waits that long: use a faster or less busy disk"
               );
}

}  // namespace

Finding judge_file_system(long type) {
  constexpr auto kName = "data-file-system";
  // f_type is signed and sign-extended on some machines.
  const auto key = static_cast<std::uint32_t>(type);
  const auto* known = std::find_if(kFileSystems.begin(), kFileSystems.end(), [&](const auto& one) {
    return static_cast<std::uint32_t>(one.type) == key;
  });
  if (known == kFileSystems.end()) {
    return finding(
        kName,
        FindingStatus::Limited,
        concat("unknown type ", std::uint64_t{key}),
        "durability and locks have not been tried on it"
    );
  }
  const std::string name(known->name);
  switch (known->kind) {
    case FileSystemKind::Local:
      return finding(kName, FindingStatus::Ok, name);
    case FileSystemKind::Volatile:
      return finding(
          kName, FindingStatus::Limited, name, "everything is lost when the machine stops"
      );
    case FileSystemKind::Layered:
      return finding(
          kName,
          FindingStatus::Limited,
          name,
          "everything is lost with the container: mount a volume for the data directory"
      );
    case FileSystemKind::Network:
      return finding(
          kName,
          FindingStatus::Limited,
          name,
          "a network file system may lose locks and acknowledged writes: use a local disk"
      );
    case FileSystemKind::Foreign:
      return finding(
          kName,
          FindingStatus::Limited,
          name,
          "what fsync and locks promise depends on the program behind it: use a local disk"
      );
  }
  return finding(kName, FindingStatus::Limited, name);
}

std::vector<Finding> probe_data_dir(const fs::path& data_dir) {
  const fs::path existing = nearest_existing(data_dir);
  std::vector<Finding> findings;
  findings.push_back(probe_directory(data_dir, existing));

  struct statfs info {};

  if (statfs(existing.c_str(), &info) == 0) {
    findings.push_back(judge_file_system(static_cast<long>(info.f_type)));
  }
  findings.push_back(probe_space(existing));
  if (findings.front().status != FindingStatus::Missing) {
    findings.push_back(probe_fsync(existing));
  }
  return findings;
}

}  // namespace reeve::platform
