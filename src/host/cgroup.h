#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "platform/posix/files.h"

namespace reeve::host {

/// A version 2 cgroup that holds exactly the process tree of one run, so that no process can hide
/// from `kill_all`. Needs no controllers, only a writable hierarchy; absent where there is none.
/// One thread.
class Cgroup {
 public:
  /// Makes `<own cgroup>/reeve-<mark>`. Nothing where the machine does not allow it or its kernel
  /// cannot kill a cgroup at once.
  static std::optional<Cgroup> create(std::string_view mark);

  /// For clone3(CLONE_INTO_CGROUP).
  int directory() const { return directory_.get(); }

  const std::filesystem::path& path() const { return path_; }

  /// Sends SIGKILL to every member, forking ones included. Asynchronous.
  void kill_all() const;

  /// Lets all members stand still, or go on; also those that are born later. False: the kernel
  /// cannot do it. A member that stands still can be killed.
  bool freeze(bool still) const;

  /// Makes the group anew after `kill_all`, once it is empty: the kernel kills what is born into a
  /// group that was killed before. False: the group is gone for good.
  bool renew();

  /// Times the kernel's out-of-memory killer struck in this group; 0 without memory controller.
  std::uint64_t oom_kills() const;

  /// Removes the group once it is empty; a group that is not stays behind.
  void remove() const;

 private:
  Cgroup(std::filesystem::path path, platform::FileDescriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::filesystem::path path_;
  platform::FileDescriptor directory_;
};

/// Kills and removes the group of a run whose shim is gone. False: it is not empty yet, call again.
/// A path that is not a group named after `mark` is left alone.
bool kill_leftover_cgroup(const std::filesystem::path& path, std::string_view mark);

/// Out-of-memory kills on this machine since boot; 0 if unknown.
std::uint64_t machine_oom_kills();

}  // namespace reeve::host
