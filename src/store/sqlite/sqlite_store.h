#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "store/ports.h"

namespace reeve::store {

/// How to open a SqliteStore.
struct SqliteOptions {
  /// Reads what another process commits meanwhile; every write is PermissionDenied.
  bool read_only = false;
  /// Longest wait for a lock of another process and for a free read connection.
  Duration busy_timeout{2000};
  /// Readers beyond this number wait for each other.
  std::uint32_t read_connections_max = 4;
  /// Pages in the write-ahead log that make a commit copy them into the file.
  std::uint32_t checkpoint_pages = 4000;
  /// Page cache of the writer, KiB.
  std::uint32_t cache_kib = 16384;
  /// The file grows to this number of pages of 4 KiB and no further; 0: no limit.
  std::uint32_t pages_max = 0;
};

/// The store in one SQLite file in WAL mode, for one machine.
///
/// Threading: any thread; commits wait for each other, reads do not wait for commits. A scan keeps
/// its read connection while its visitor runs: a visitor that reads the store takes another one,
/// and gets Unavailable if none becomes free. A long scan also keeps the log from being cut back.
class SqliteStore final : public Store {
 public:
  using Options = SqliteOptions;

  /// Opens the file; creates it (mode 0600) and migrates its schema unless `read_only`.
  ///
  /// NotFound: no such directory, or nothing to read. PermissionDenied: the file belongs to
  /// another user or may not be opened. Corrupt: not a store, or the head does not match the last
  /// event. Unsupported: written by a newer program. Unavailable: locked by another process.
  static Result<std::unique_ptr<SqliteStore>> open(
      const std::string& path, const Options& options = {}
  );

  ~SqliteStore() override;

  Result<Head> head() override;
  Result<std::optional<Row>> get(const journal::ObjectKey& key) override;
  Result<std::vector<ListedRow>> list(const RowQuery& query) override;
  Result<std::vector<journal::Event>> events(const EventQuery& query) override;
  Result<void> each_live_row(const std::function<Result<void>(Row)>& visit) override;
  Result<void> each_row(const std::function<Result<void>(Row)>& visit) override;
  Result<void> each_timer(const std::function<Result<void>(Timer)>& visit) override;
  Result<std::optional<InputRecord>> find_input(const InputId& id) override;
  Result<std::uint64_t> count_ended(std::string_view tally, Revision up_to) override;
  Result<void> commit(const Commit& commit) override;
  Result<void> forget_inputs(Timestamp now, std::uint32_t limit) override;

 private:
  struct Parts;

  explicit SqliteStore(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace reeve::store
