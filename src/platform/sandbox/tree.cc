#include "platform/sandbox/tree.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::sandbox {

namespace {

using Kind = Mount::Kind;

constexpr mode_t kDirectoryMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr std::uint64_t kBytesPerInode = 4096;
constexpr const char* kOld = "/old";
constexpr const char* kNew = "/new";

Error refused(std::string_view what, std::string_view target) {
  Error error = platform::errno_error(what, std::string(target));
  error.code = ErrorCode::Unsupported;
  return error;
}

/// Every directory above `path` (below the new root), which must not be links of the machine.
Result<void> make_parents(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return refused("mkdir", parent);
    }
  }
  return {};
}

/// Something to mount on, unless it is there already.
Result<void> make_place(const std::string& path, bool file) {
  REEVE_CHECK(make_parents(path));
  if (file) {
    const platform::FileDescriptor made(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode)
    );
    // A device, or a file that is shown already, is a place as well.
    if (!made && ::access(path.c_str(), F_OK) != 0) {
      return refused("create", path);
    }
    return {};
  }
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return refused("mkdir", path);
  }
  return {};
}

/// Takes rights from a mount and everything mounted below it.
Result<void> restrict(const std::string& path, std::uint64_t attributes) {
  mount_attr attr{};
  attr.attr_set = attributes;
  if (::syscall(SYS_mount_setattr, AT_FDCWD, path.c_str(), AT_RECURSIVE, &attr, sizeof attr) != 0) {
    return refused("mount_setattr", path);
  }
  return {};
}

Result<void> bind(const Mount& mount, const std::string& target) {
  REEVE_CHECK(make_place(target, mount.file));
  const std::string source = concat(kOld, mount.source);
  // With what is mounted below: the kernel shows nobody what is under another's mounts.
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return refused("bind", mount.source);
  }
  switch (mount.kind) {
    case Kind::Device:
      return restrict(target, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    case Kind::Writable:
      return restrict(target, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    case Kind::Visible:
    case Kind::Memory:
    case Kind::Processes:
    case Kind::Terminals:
    case Kind::Link:
    case Kind::Directory:
      break;
  }
  return restrict(target, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

Result<void> mount_memory(const Mount& mount, const std::string& target) {
  REEVE_CHECK(make_place(target, false));
  const std::string options = concat(
      "mode=",
      mount.target == "/dev" ? "0755" : "1777",
      ",size=",
      mount.bytes_max,
      ",nr_inodes=",
      mount.bytes_max / kBytesPerInode + 1
  );
  const unsigned long flags =
      MS_NOSUID | MS_NODEV | (mount.executable ? 0UL : static_cast<unsigned long>(MS_NOEXEC));
  // Not for /dev: its devices are mounts of their own, which keep what they may.
  if (::mount("tmpfs", target.c_str(), "tmpfs", flags, options.c_str()) != 0) {
    return refused("mount tmpfs", mount.target);
  }
  return {};
}

/// As root in the sandbox is root outside in the eyes of /proc/sys, nothing there can be written.
Result<void> mount_processes(const Mount& mount, const std::string& target) {
  REEVE_CHECK(make_place(target, false));
  constexpr unsigned long kFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("proc", target.c_str(), "proc", kFlags, nullptr) != 0) {
    Error error = refused("mount proc", mount.target);
    error.hint =
        "in a container /proc is often covered in parts: the kernel shows no other one then";
    return error;
  }
  return {};
}

Result<void> mount_terminals(const Mount& mount, const std::string& target) {
  REEVE_CHECK(make_place(target, false));
  if (::mount(
          "devpts",
          target.c_str(),
          "devpts",
          MS_NOSUID | MS_NOEXEC,
          "newinstance,ptmxmode=0666,mode=620"
      ) != 0) {
    return refused("mount devpts", mount.target);
  }
  return {};
}

Result<void> make_link(const Mount& mount, const std::string& target) {
  REEVE_CHECK(make_parents(target));
  if (::symlink(mount.source.c_str(), target.c_str()) != 0 && errno != EEXIST) {
    return refused("symlink", mount.target);
  }
  return {};
}

Result<void> carry_out(const Mount& mount) {
  const std::string target = concat(kNew, mount.target);
  switch (mount.kind) {
    case Kind::Memory:
      return mount_memory(mount, target);
    case Kind::Visible:
    case Kind::Writable:
    case Kind::Device:
      return bind(mount, target);
    case Kind::Processes:
      return mount_processes(mount, target);
    case Kind::Terminals:
      return mount_terminals(mount, target);
    case Kind::Link:
      return make_link(mount, target);
    case Kind::Directory:
      return make_place(target, false);
  }
  return {};
}

int pivot_root(const char* root, const char* old) {
  return static_cast<int>(::syscall(SYS_pivot_root, root, old));
}

/// A place of our own with the machine at /old and room for the new tree at /new.
Result<void> step_aside(const std::string& base) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return refused("make private", "/");
  }
  if (::mount("tmpfs", base.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") != 0) {
    return refused("mount tmpfs", base);
  }
  if (::chdir(base.c_str()) != 0 || ::mkdir("old", kDirectoryMode) != 0 ||
      ::mkdir("new", kDirectoryMode) != 0) {
    return refused("prepare", base);
  }
  if (pivot_root(".", "old") != 0 || ::chdir("/") != 0) {
    return refused("pivot_root", base);
  }
  if (::mount("tmpfs", kNew, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m") != 0) {
    return refused("mount tmpfs", "/");
  }
  return {};
}

/// The new tree becomes all there is.
Result<void> move_in() {
  if (::umount2(kOld, MNT_DETACH) != 0 || ::chdir(kNew) != 0 || pivot_root(".", ".") != 0 ||
      ::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) {
    return refused("pivot_root", "/");
  }
  constexpr unsigned long kFlags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
  if (::mount(nullptr, "/", nullptr, kFlags, nullptr) != 0 ||
      ::mount(nullptr, "/dev", nullptr, kFlags | MS_NOEXEC, nullptr) != 0) {
    return refused("remount", "/");
  }
  return {};
}

}  // namespace

Result<void> build_tree(const Plan& plan) {
  ::umask(0);
  REEVE_CHECK(step_aside(plan.base));
  for (const Mount& mount : plan.mounts) {
    REEVE_CHECK(carry_out(mount));
  }
  return move_in();
}

}  // namespace reeve::sandbox
