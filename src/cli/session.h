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
#include "journal/event.h"
#include "kernel/loop.h"
#include "store/ports.h"

namespace reeve::cli {

/// Where things lie in a data directory.
struct DataDir {
  std::filesystem::path root;

  std::filesystem::path store() const { return root / "reeve.db"; }

  std::filesystem::path blobs() const { return root / "blobs"; }

  std::filesystem::path missions() const { return root / "missions"; }

  std::filesystem::path locks() const { return root / "locks"; }

  std::filesystem::path instance() const { return root / "instance"; }
};

/// Opens the store of a data directory for reading, also while another process owns it.
/// NotFound: there is none.
Result<std::unique_ptr<store::Store>> open_for_reading(const DataDir& dir);

/// The Mission object; NotFound names the nearest mission.
Result<Json> read_mission(store::Reader& reader, const std::string& name);

/// Whether a Mission object is in a state that nothing leaves.
bool is_over(const Json& mission);

/// The text of a workflow file. NotFound, or LimitExceeded with the limit.
Result<std::string> read_document(const std::string& path);

/// The loader that the engine and the audit use.
engine::WorkflowLoader workflow_loader();

struct SessionOptions {
  DataDir dir;
  /// 0: the default.
  std::uint32_t run_slots = 0;
  /// Shown to others who find the directory owned.
  std::string purpose;
  /// Called for each committed batch, on the writer thread.
  std::function<void(std::span<const journal::Event>)> on_events;
};

/// One process that owns a data directory: kernel, host and mirror, wired together. Missions that
/// were left unfinished go on as soon as it is open.
///
/// Threading: create, `close` and destroy on one thread; `kernel()` may be used from any.
class Session {
 public:
  /// Unavailable: another process owns the directory (the message says which). PermissionDenied,
  /// Io, Corrupt: as the file system and the store say.
  static Result<std::unique_ptr<Session>> open(SessionOptions options);

  virtual ~Session() = default;

  virtual kernel::Loop& kernel() = 0;
  virtual store::Reader& reader() = 0;

  /// Stops the kernel and detaches from running processes, which go on. Idempotent.
  virtual void close() = 0;
};

}  // namespace reeve::cli
