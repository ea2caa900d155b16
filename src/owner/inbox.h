#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kernel/core.h"
#include "owner/deployed_triggers.h"
#include "owner/inbox_files.h"

namespace reeve::owner {

/// What the inbox needs of the world.
struct InboxPorts {
  /// Hands an input to the kernel and waits for its answer.
  std::function<Result<engine::Reply>(kernel::Input)> call;
  /// Triggers of deployed workflows, of all namespaces.
  std::function<Result<std::vector<DeployedTrigger>>()> triggers;
  /// What the rate limit of a trigger leaves.
  std::function<Result<Room>(const DeployedTrigger&)> room;
  std::function<Timestamp()> now;
};

/// `<data>/inbox/`: a file that appears there starts the workflows whose inbox trigger has a glob
/// that matches its name; any other `.yaml` or `.yml` is a document and is submitted, with the
/// params of `NAME.params.json` beside it. The way of a file through the folders: InboxFiles.
///
/// That is the inbox of the namespace `default`. Every other one has its own, whose files concern
/// nobody else: `<data>/namespaces/<namespace>/inbox/`.
///
/// Once: the input's id follows from the file (name, content, inode, time of change), so that a
/// file that is found again after a crash has no second effect; and its place in `done/` is there
/// before anybody is told of it. The kernel remembers ids for 24 h (CoreOptions::input_memory): a
/// file whose mission was made in the moment of a crash, and that is found later than that, makes
/// another.
///
/// A file is refused for what it is. What else goes wrong (a full disk, a limit, a kernel that is
/// busy) passes: the file stays in `taken/` and is tried again.
///
/// Threading: one thread.
class Inbox {
 public:
  static Result<Inbox> open(
      const std::filesystem::path& data_dir, InboxPorts ports, Namespace ns = Namespace("default")
  );

  const std::filesystem::path& directory() const { return files_.directory(); }

  /// Takes the files that are complete: those in `closed`, and those that have not changed since an
  /// earlier scan at least `kInboxQuiet` ago. Returns what a person should know: a line for each
  /// file that was refused, and one when something else goes wrong or goes wrong differently.
  std::vector<std::string> scan(const std::set<std::string>& closed);

 private:
  struct Seen {
    Sight sight;
    Timestamp since;
  };

  Inbox(InboxFiles files, InboxPorts ports, Namespace ns)
      : files_(std::move(files)), ports_(std::move(ports)), ns_(std::move(ns)) {}

  Result<void> scan_folders(
      const std::set<std::string>& closed,
      const std::vector<DeployedTrigger>& triggers,
      std::vector<std::string>& news
  );
  std::optional<Sight> complete(const std::string& name, bool closed);
  void deal_with(
      const std::string& name,
      const std::vector<DeployedTrigger>& triggers,
      std::vector<std::string>& news
  );
  Result<void> hand_on(const std::string& name, const std::vector<DeployedTrigger>& triggers);
  Result<void> check_rates(
      const std::string& name, const std::vector<const DeployedTrigger*>& triggers
  );
  Result<void> fire(const TakenFile& file, const DeployedTrigger& trigger);
  Result<void> submit(const TakenFile& file);
  void tell_once(const std::string& name, const Error& error, std::vector<std::string>& news);
  void forget(const std::string& name);

  InboxFiles files_;
  InboxPorts ports_;
  Namespace ns_;
  std::map<std::string, Seen> seen_;
  /// Files that were put back: the notice of it says nothing about their writers.
  std::set<std::string> returned_;
  /// Files in `taken/` that are not tried again before.
  std::map<std::string, Timestamp> later_;
  /// What was last told of a file, or without a name of the inbox.
  std::map<std::string, std::string> told_;
};

/// Waits of the inbox, and what stands beside a document.
inline constexpr Duration kInboxQuiet{2000};
inline constexpr Duration kInboxRetry{10'000};
inline constexpr std::uint64_t kInboxParamsBytesMax = std::uint64_t{1} << 20U;

}  // namespace reeve::owner
