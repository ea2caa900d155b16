#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kernel/core.h"
#include "owner/deployed_triggers.h"
#include "platform/posix/files.h"

namespace reeve::owner {

/// What the inbox needs of the world.
struct InboxPorts {
  /// Hands an input to the kernel and waits for its answer.
  std::function<Result<engine::Reply>(kernel::Input)> call;
  /// Triggers of deployed workflows.
  std::function<Result<std::vector<DeployedTrigger>>()> triggers;
  std::function<Timestamp()> now;
};

/// `<data>/inbox/`: a file that appears there starts the workflows whose inbox trigger has a glob
/// that matches its name; any other `.yaml` or `.yml` is a document and is submitted, with the
/// params of `NAME.params.json` beside it.
///
///     inbox/a.csv ──link──▶ inbox/done/a.csv ──▶ fire, submit ──▶ unlink inbox/a.csv
///                                                   └ refused ──▶ inbox/failed/a.csv,
///                                                   a.csv.error.txt
///
/// Exactly once: the input's id follows from the file (name, content, inode, time of change), so
/// that a file that is found again after a crash has no second effect; and its place in `done/` is
/// there before anybody is told of it.
///
/// Threading: one thread.
class Inbox {
 public:
  static Result<Inbox> open(const std::filesystem::path& data_dir, InboxPorts ports);

  const std::filesystem::path& directory() const { return directory_; }

  /// Takes the files that are complete: those in `closed`, and those that have not changed since an
  /// earlier scan at least `kQuiet` ago. Returns what a person should know, a line for each file
  /// that was refused.
  std::vector<std::string> scan(const std::set<std::string>& closed);

 private:
  /// A file as it was seen, to notice changes.
  struct Sight {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size_bytes = 0;
    std::int64_t modified_nanos = 0;
    Timestamp since;

    bool same_as(const Sight& other) const {
      return inode == other.inode && device == other.device && size_bytes == other.size_bytes &&
             modified_nanos == other.modified_nanos;
    }
  };

  /// An opened, complete file.
  struct Taken {
    std::string name;
    Sight sight;
    std::uint32_t uid = 0;
    std::string digest;
    std::string id;
    std::filesystem::path done;
    /// A mission has been told of the place in `done`.
    bool used = false;
  };

  Inbox(std::filesystem::path directory, InboxPorts ports)
      : directory_(std::move(directory)), ports_(std::move(ports)) {}

  std::vector<std::string> names() const;
  bool is_complete(const std::string& name, bool closed);
  Result<void> take(const std::string& name);
  Result<Taken> open_file(const std::string& name, platform::FileDescriptor& fd) const;
  Result<void> place_in_done(Taken& taken) const;
  Result<void> hand_on(Taken& taken);
  Result<void> fire(const Taken& taken, const DeployedTrigger& trigger);
  Result<void> submit(const Taken& taken);
  void refuse(const std::string& name, const Error& error);
  void move_companion(const std::string& name, const char* folder) const;

  std::filesystem::path directory_;
  InboxPorts ports_;
  std::map<std::string, Sight> seen_;
};

/// Sizes and waits of the inbox.
inline constexpr Duration kInboxQuiet{2000};
inline constexpr std::uint64_t kInboxFileBytesMax = std::uint64_t{4} << 30U;
inline constexpr std::size_t kInboxFilesPerScanMax = 1000;
inline constexpr std::uint64_t kInboxParamsBytesMax = std::uint64_t{1} << 20U;

}  // namespace reeve::owner
