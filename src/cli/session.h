#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine.h"
#include "host/identity_source.h"
#include "journal/event.h"
#include "kernel/loop.h"
#include "owner/verbs.h"
#include "platform/posix/directory_lock.h"
#include "platform/posix/lock_owner.h"
#include "protocol/message.h"
#include "store/ports.h"
#include "telemetry/work/work_metrics.h"

namespace reeve::cli {

/// Where things lie in a data directory.
struct DataDir {
  std::filesystem::path root;

  std::filesystem::path store() const { return root / "reeve.db"; }

  std::filesystem::path blobs() const { return root / "blobs"; }

  std::filesystem::path missions() const { return root / "missions"; }

  std::filesystem::path locks() const { return root / "locks"; }

  std::filesystem::path keys() const { return root / "keys"; }

  std::filesystem::path instance() const { return root / "instance"; }
};

/// Opens the store of a data directory for reading, also while another process owns it.
/// NotFound: there is none.
Result<std::unique_ptr<store::Store>> open_for_reading(const DataDir& dir);

/// The Mission object; NotFound names the nearest mission of the namespace.
Result<Json> read_mission(store::Reader& reader, const Namespace& ns, const std::string& name);

/// The namespace of an object of the API.
Namespace namespace_in(const Json& object);

/// Whether a Mission object is in a state that nothing leaves.
bool is_over(const Json& mission);

/// Who owns the data directory now, alive or dead; nobody: nullopt.
Result<std::optional<platform::LockOwner>> owner_of(const DataDir& dir);

/// The right to be the owner of a data directory. It ends with the last copy.
using Ownership = std::shared_ptr<platform::DirectoryLock>;

/// Makes the data directory if need be and takes it for this process. Unavailable: another process
/// owns it (the message says which). PermissionDenied: this process belongs to one of its runs.
/// `purpose` is shown to others who find it owned.
Result<Ownership> own(const DataDir& dir, std::string purpose);

/// The loader that the engine and the audit use.
engine::WorkflowLoader workflow_loader();

/// As many run slots as open files are allowed for; says so if they are fewer than wanted (0: the
/// default). A run that finds no descriptor fails, one that waits for a slot does not. The limit is
/// raised only as far as needed, because tasks inherit it.
std::uint32_t affordable_slots(std::uint32_t wanted);

/// As many connections of clients as open files are allowed for beside `slots` runs; says so if
/// they are fewer than wanted. The limit is raised as far as needed: one connection more would take
/// the descriptor of a database or a run.
std::size_t affordable_connections(std::size_t wanted, std::int64_t slots);

struct SessionOptions {
  DataDir dir;
  /// Of `dir`. Who opens one session after another keeps a copy, so that nobody comes in between.
  Ownership ownership;
  /// 0: the default.
  std::uint32_t run_slots = 0;
  /// What this machine offers to tasks with tags.
  std::vector<std::string> labels = {};
  /// Told to commands that reach this process.
  std::string purpose;
  /// Called for each committed batch, on the writer thread; must not block.
  std::function<void(std::span<const journal::Event>)> on_events;
  /// Called with the store before anything is written to it; its error ends `open`.
  std::function<Result<void>(store::Reader&)> on_store = {};
  /// As kernel::Sinks has them.
  std::function<void(const store::Commit&)> on_commit = {};
  std::function<void()> on_reload = {};
  /// What hosts are asked for, and what they answer; any thread, must not block.
  std::function<void(const model::Effect&)> on_effect = {};
  std::function<void(const model::Report&)> on_report = {};
  /// What each commit took; on the writer thread. Empty: nobody wants to know.
  std::function<void(const telemetry::CommitFigures&)> on_measured = {};
  /// See engine::Limits.
  double sample_ratio = 0;
  /// Gives runs their identity; outlives the session. Null: they have none.
  host::IdentitySource* identities = nullptr;
  /// Somebody asks this process to end (`reeve down`); any thread, must not block. Empty: it ends
  /// by itself, and who asks is told so.
  std::function<void()> on_stop;
};

/// One process that owns a data directory: kernel, host, mirror and control socket, wired together.
/// Missions that were left unfinished go on as soon as it is open.
///
/// Threading: create, `close` and destroy on one thread; `kernel()` and `handle` may be used from
/// any.
class Session {
 public:
  /// PermissionDenied, Io, Corrupt: as the file system and the store say.
  static Result<std::unique_ptr<Session>> open(SessionOptions options);

  virtual ~Session() = default;

  virtual kernel::Loop& kernel() = 0;
  virtual store::Reader& reader() = 0;

  /// Carries out a request as if it had come over the control socket.
  virtual void handle(
      protocol::Request request, const owner::Caller& caller, owner::Respond respond
  ) = 0;

  /// Why other commands cannot reach this process, if they cannot.
  virtual const std::optional<Error>& unreachable() const = 0;

  /// Stops the kernel and detaches from running processes, which go on. Idempotent.
  virtual void close() = 0;
};

}  // namespace reeve::cli
