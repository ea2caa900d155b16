#include "store/sqlite/sqlite_store.h"

#include <mutex>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "store/sqlite/commit_writer.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/migrations.h"
#include "store/sqlite/queries.h"
#include "store/sqlite/read_pool.h"
#include "store/sqlite/store_file.h"

namespace reeve::store {

namespace {

using sqlite::Access;
using sqlite::Connection;

/// The log is cut back to this size after a long read had made it grow.
constexpr std::int64_t kLogBytesKept = std::int64_t{64} << 20U;

Result<void> configure_writer(Connection& connection, const SqliteOptions& options) {
  // Page size before anything is written, WAL before the first transaction.
  REEVE_CHECK(connection.execute("PRAGMA page_size = 4096"));
  REEVE_TRY(sqlite::Statement wal, connection.prepare("PRAGMA journal_mode = WAL"));
  REEVE_TRY(const bool answered, wal.step());
  if (!answered || wal.text(0) != "wal") {
    Error error = make_error(
        ErrorCode::Unsupported, "the file system does not support a write-ahead log", "store"
    );
    error.hint = "put the store on a local disk";
    return error;
  }
  wal.reset();
  REEVE_CHECK(connection.execute("PRAGMA synchronous = FULL"));
  // Nothing is secret from those who may read the file, and overwriting costs a quarter of a
  // commit.
  REEVE_CHECK(connection.execute("PRAGMA secure_delete = OFF"));
  REEVE_CHECK(connection.execute(concat("PRAGMA wal_autocheckpoint = ", options.checkpoint_pages)));
  REEVE_CHECK(connection.execute(concat("PRAGMA journal_size_limit = ", kLogBytesKept)));
  REEVE_CHECK(connection.execute(concat("PRAGMA cache_size = -", options.cache_kib)));
  if (options.pages_max != 0) {
    REEVE_CHECK(connection.execute(concat("PRAGMA max_page_count = ", options.pages_max)));
  }
  return {};
}

Result<void> check_readable(Connection& connection) {
  REEVE_CHECK(sqlite::require_current_schema(connection, sqlite::migrations()));
  return sqlite::check_head(connection);
}

/// Finds out how this file can be read: beside a live writer, or as a file that nobody changes.
Result<Access> choose_read_access(const std::string& path, Duration busy_timeout) {
  REEVE_TRY(Connection shared, Connection::open(path, Access::Read, busy_timeout));
  Result<void> readable = check_readable(shared);
  if (readable.ok()) {
    return Access::Read;
  }
  // WAL mode needs the log's index beside the file. Where it is missing and cannot be made, the
  // file can still be read by itself, but only if no log holds newer content.
  if (readable.error().code != ErrorCode::PermissionDenied) {
    return std::move(readable).error();
  }
  if (sqlite::has_log(path)) {
    Error error = make_error(
        ErrorCode::PermissionDenied,
        "the store has a write-ahead log that cannot be read without write access to its directory",
        path
    );
    error.hint = "run as the owner of the directory, or copy the store together with its -wal file";
    return error;
  }
  REEVE_TRY(Connection alone, Connection::open(path, Access::ReadImmutable, busy_timeout));
  REEVE_CHECK(check_readable(alone));
  return Access::ReadImmutable;
}

Error read_only_error() {
  return make_error(ErrorCode::PermissionDenied, "the store was opened for reading only", "store");
}

/// Names the file in errors of opening it, which otherwise say "store".
Error with_path(Error error, const std::string& path) {
  error.subject = path;
  return error;
}

}  // namespace

struct SqliteStore::Parts {
  Parts(std::optional<sqlite::CommitWriter> commit_writer, sqlite::ReadPool::Options pool_options)
      : writer(std::move(commit_writer)), pool(std::move(pool_options)) {}

  std::mutex writer_mutex;
  // Destroyed after the readers: the last connection to close moves the log into the file, which
  // readers cannot.
  std::optional<sqlite::CommitWriter> writer;
  sqlite::ReadPool pool;
};

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

SqliteStore::~SqliteStore() = default;

namespace {

Result<sqlite::CommitWriter> open_writer(const std::string& path, const SqliteOptions& options) {
  REEVE_TRY(Connection connection, Connection::open(path, Access::Write, options.busy_timeout));
  REEVE_CHECK(configure_writer(connection, options));
  REEVE_CHECK(sqlite::migrate(connection, sqlite::migrations()));
  REEVE_CHECK(sqlite::check_head(connection));
  return sqlite::CommitWriter::create(std::move(connection));
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(
    const std::string& path, const Options& options
) {
  REEVE_TRY(const sqlite::FileState state, sqlite::inspect_file(path));
  sqlite::ReadPool::Options pool{
      .path = path,
      .access = Access::Read,
      .connections_max = std::max<std::uint32_t>(options.read_connections_max, 1),
      .wait = options.busy_timeout};
  std::optional<sqlite::CommitWriter> writer;
  if (options.read_only) {
    if (state == sqlite::FileState::Absent) {
      return make_error(ErrorCode::NotFound, concat("there is no store at ", path), path);
    }
    Result<Access> access = choose_read_access(path, options.busy_timeout);
    if (!access.ok()) {
      return with_path(std::move(access).error(), path);
    }
    pool.access = *access;
  } else {
    if (state == sqlite::FileState::Absent) {
      REEVE_CHECK(sqlite::create_file(path));
    }
    Result<sqlite::CommitWriter> opened = open_writer(path, options);
    if (!opened.ok()) {
      return with_path(std::move(opened).error(), path);
    }
    writer.emplace(std::move(opened).value());
  }
  auto parts = std::make_unique<Parts>(std::move(writer), std::move(pool));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

Result<Head> SqliteStore::head() {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::read_head(*connection);
}

Result<std::optional<Row>> SqliteStore::get(const journal::ObjectKey& key) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::read_row(*connection, key);
}

Result<std::vector<ListedRow>> SqliteStore::list(const RowQuery& query) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::list_rows(*connection, query);
}

Result<std::vector<journal::Event>> SqliteStore::events(const EventQuery& query) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::read_events(*connection, query);
}

Result<void> SqliteStore::each_live_row(const std::function<Result<void>(Row)>& visit) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::each_live_row(*connection, visit);
}

Result<void> SqliteStore::each_row(const std::function<Result<void>(Row)>& visit) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::each_row(*connection, visit);
}

Result<void> SqliteStore::each_timer(const std::function<Result<void>(Timer)>& visit) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::each_timer(*connection, visit);
}

Result<std::optional<InputRecord>> SqliteStore::find_input(const InputId& id) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::find_input(*connection, id);
}

Result<std::uint64_t> SqliteStore::count_ended(std::string_view tally, Revision up_to) {
  REEVE_TRY(const sqlite::ReadPool::Lease connection, parts_->pool.lease());
  return sqlite::count_ended(*connection, tally, up_to);
}

Result<void> SqliteStore::commit(const Commit& commit) {
  if (!parts_->writer.has_value()) {
    return read_only_error();
  }
  const std::lock_guard lock(parts_->writer_mutex);
  return parts_->writer->commit(commit);
}

Result<void> SqliteStore::forget_inputs(Timestamp now, std::uint32_t limit) {
  if (!parts_->writer.has_value()) {
    return read_only_error();
  }
  const std::lock_guard lock(parts_->writer_mutex);
  return parts_->writer->forget_inputs(now, limit);
}

}  // namespace reeve::store
