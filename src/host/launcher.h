#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "base/time.h"
#include "blob/blob_store.h"
#include "host/host.h"
#include "host/run_dir.h"
#include "host/run_secrets.h"
#include "model/effect.h"
#include "platform/posix/files.h"

namespace reeve::host {

/// A run that somebody supervises.
struct Watch {
  std::filesystem::path dir;
  /// The shim; 0: not known, only its lock tells when it ends.
  int pid = 0;
  std::uint64_t start_time = 0;
  /// Readable when the shim ends; empty where the kernel has no pidfds.
  platform::FileDescriptor pidfd;
  /// One byte when the shim is ready; empty for adopted shims, which are.
  platform::FileDescriptor ready;
  Duration grace{0};
};

/// The directory is in somebody else's hands for a moment; ask again shortly.
struct AskAgain {
  std::string why;
};

using Outcome = std::variant<Watch, AskAgain, model::Report>;

/// What a host does with run directories. Every call may block on the disk; none waits for a run.
/// Everything is decided from the directory alone, so a repeated call, also by a later host, comes
/// to the same answer. Any thread; calls for one run must not overlap.
class Launcher {
 public:
  Launcher(const HostOptions& options, blob::BlobStore& blobs)
      : data_dir_(options.data_dir),
        program_(options.program),
        blobs_(blobs),
        credentials_(options.credentials),
        identities_(options.identities),
        use_pidfds_(options.use_pidfds) {}

  /// Starts the run, or goes on with what the directory says about it.
  Outcome launch(const model::LaunchRun& request) const;

  /// Looks for a run to cancel; starts nothing.
  Outcome find(const model::CancelRun& request) const;

  /// The shim of `dir` has ended: its result, or the end of its tree and RunLost.
  model::Report conclude(
      const std::filesystem::path& dir, const MissionName& mission, const RunName& run, Fence fence
  ) const;

 private:
  struct Key {
    std::filesystem::path dir;
    MissionName mission;
    RunName run;
    Fence fence;
  };

  Outcome launch_in(const Key& key, const model::LaunchRun& request) const;
  Outcome join(const Key& key) const;
  Outcome adopt(const Key& key, Duration grace) const;
  Outcome start(const Key& key, const model::LaunchRun& request, platform::FileDescriptor lock)
      const;
  Result<Watch> spawn(
      const Key& key,
      const model::RunSpec& spec,
      const RunSecrets& secrets,
      platform::FileDescriptor lock
  ) const;
  Result<void> lay_out(const Key& key, const model::LaunchRun& request) const;
  void forget(const Key& key) const;
  Result<void> identify(SpecRecord& record, const Key& key) const;
  std::optional<std::string> unreadable(const Key& key) const;
  std::optional<model::Report> concluded(const Key& key) const;
  model::Report collect(const Key& key, const SpecRecord& spec, ExitRecord exit) const;
  model::Report lose(const Key& key, std::string detail) const;
  model::Report fail(const Key& key, std::string reason) const;
  model::Report finished(const Key& key, model::RunResult result) const;
  Result<void> set_aside(const Key& key, Fence old) const;
  bool kill_live_shim(const Key& key) const;
  platform::FileDescriptor open_pidfd(int pid) const;

  std::filesystem::path data_dir_;
  std::filesystem::path program_;
  blob::BlobStore& blobs_;
  CredentialSource* credentials_;
  IdentitySource* identities_;
  bool use_pidfds_;
};

}  // namespace reeve::host
