#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/result.h"
#include "blob/blob_store.h"
#include "host/credential_source.h"
#include "host/identity_source.h"
#include "model/effect.h"

namespace reeve::host {

/// Effects that wait to be looked at.
inline constexpr std::size_t kEffectsMax = 16'384;
/// On top of the run's grace: what a cancelled shim gets before it is killed with its tree.
inline constexpr Duration kCancelMargin{10'000};

struct HostOptions {
  std::filesystem::path data_dir;
  /// What is started as `PROGRAM shim …`.
  std::filesystem::path program = "/proc/self/exe";
  /// Threads for work on run directories.
  std::size_t workers = 4;
  /// False: watch shims by their locks, as on kernels without pidfds.
  bool use_pidfds = true;
  /// Opens the credentials of runs; outlives the host. Null: runs that have some fail.
  CredentialSource* credentials = nullptr;
  /// Gives runs their identity; outlives the host. Null: they have none.
  IdentitySource* identities = nullptr;
};

/// Carries out runs on this machine. A run belongs to its shim and its directory, not to this
/// object: a host that goes away leaves its runs alone, and the next one on the same data directory
/// takes them over when it is asked for them again.
///
/// Threads: `submit` from any thread. Reports come from one internal thread; the sink may call
/// `submit`, but not `stop`.
class Host {
 public:
  using Sink = std::function<void(model::Report)>;

  /// Unavailable: another host uses this data directory. `blobs` outlives the host.
  static Result<std::unique_ptr<Host>> create(
      HostOptions options, blob::BlobStore& blobs, Sink sink
  );

  /// Stops.
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  /// Takes an effect and returns at once. Every effect is answered by reports, a repeated one by
  /// repeated reports. False: kEffectsMax wait already (or the host has stopped); the effect was
  /// not taken, submit it again later.
  bool submit(model::Effect effect);

  /// Leaves all runs alone and joins the threads. Waits for work on directories that has begun.
  /// No report comes after it. Once is enough.
  void stop();

 private:
  class Loop;
  explicit Host(std::unique_ptr<Loop> loop);

  std::unique_ptr<Loop> loop_;
};

}  // namespace reeve::host
