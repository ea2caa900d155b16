#include "store/sqlite/migrations.h"

#include <array>

#include "base/strings.h"

namespace reeve::store::sqlite {

namespace {

// `event.previous`: revision of the same object's event before (0: none). Following it backwards
// from `object.last_event` gives an object's history without an index on the journal, which would
// cost more than the journal itself (numbers in the README).
//
// `object.body` is null for an object that has events and no row yet.
constexpr std::string_view kVersion1 = R"sql(
PRAGMA application_id = 1380271446;

CREATE TABLE meta(
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema_version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  head_revision INTEGER NOT NULL,
  head_chain BLOB NOT NULL
) STRICT;
INSERT INTO meta(id, schema_version, created_at, head_revision, head_chain) VALUES (
  1, 0, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER), 0, zeroblob(32)
);

CREATE TABLE event(
  revision INTEGER PRIMARY KEY,
  previous INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  type TEXT NOT NULL,
  actor TEXT NOT NULL,
  correlation TEXT NOT NULL,
  chain BLOB NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE object(
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  uid TEXT NOT NULL,
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  live INTEGER NOT NULL,
  last_event INTEGER NOT NULL,
  body TEXT
) STRICT;
CREATE UNIQUE INDEX object_by_key ON object(kind, namespace, name);
CREATE INDEX object_by_age ON object(kind, created);
CREATE INDEX object_by_namespace ON object(kind, namespace, created);
CREATE INDEX object_live ON object(created, kind, namespace) WHERE live = 1;

CREATE TABLE timer(
  kind TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  key TEXT NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (kind, namespace, name, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_by_due ON timer(due, kind, namespace, name, key);

CREATE TABLE input(
  id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  subject TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX input_by_expiry ON input(expires_at);
)sql";

// What ended missions are counted under. Those of the first schema are given theirs once.
constexpr std::string_view kVersion2 = R"sql(
ALTER TABLE object ADD COLUMN tally TEXT;
UPDATE object SET tally =
    json_extract(body, '$.spec.workflow.name') || '/' || json_extract(body, '$.status.state')
  WHERE kind = 'mission' AND live = 0 AND body IS NOT NULL;
CREATE INDEX object_by_tally ON object(tally, revision) WHERE live = 0 AND tally IS NOT NULL;
)sql";

constexpr std::array<Migration, 2> kMigrations{
    Migration{.version = 1, .sql = kVersion1}, Migration{.version = 2, .sql = kVersion2}};

Result<std::int64_t> query_integer(Connection& connection, std::string_view sql) {
  REEVE_TRY(Statement statement, connection.prepare(sql));
  REEVE_TRY(const bool row, statement.step());
  if (!row) {
    return make_error(ErrorCode::Corrupt, "the table meta is empty", "store");
  }
  return statement.integer(0);
}

Error newer_schema(std::int64_t found, std::int64_t known) {
  Error error = make_error(
      ErrorCode::Unsupported,
      concat("the store has schema ", found, ", this program knows schemas up to ", known),
      "store"
  );
  error.hint = "use the version of the program that wrote it, or a later one";
  return error;
}

Result<void> apply(Connection& connection, std::span<const Migration> steps) {
  REEVE_TRY(const std::int64_t found, schema_version(connection));
  if (found > steps.back().version) {
    return newer_schema(found, steps.back().version);
  }
  for (const Migration& step : steps) {
    if (step.version <= found) {
      continue;
    }
    REEVE_CHECK(connection.execute(std::string(step.sql)));
    REEVE_CHECK(connection.execute(concat("UPDATE meta SET schema_version = ", step.version)));
  }
  return connection.execute("COMMIT");
}

}  // namespace

std::span<const Migration> migrations() {
  return kMigrations;
}

Result<std::int64_t> schema_version(Connection& connection) {
  REEVE_TRY(
      const std::int64_t ours,
      query_integer(
          connection,
          "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('meta', 'event')"
      )
  );
  if (ours == 2) {
    return query_integer(connection, "SELECT schema_version FROM meta");
  }
  REEVE_TRY(
      const std::int64_t anything, query_integer(connection, "SELECT count(*) FROM sqlite_schema")
  );
  if (anything != 0) {
    return make_error(
        ErrorCode::Corrupt, "the file is a SQLite database, but not a store of Reeve", "store"
    );
  }
  return 0;
}

Result<void> migrate(Connection& connection, std::span<const Migration> steps) {
  REEVE_CHECK(connection.execute("BEGIN IMMEDIATE"));
  Result<void> applied = apply(connection, steps);
  if (!applied.ok() && connection.in_transaction()) {
    // The first error is the one to report; an open transaction ends with the connection.
    (void)connection.execute("ROLLBACK");
  }
  return applied;
}

Result<void> require_current_schema(Connection& connection, std::span<const Migration> steps) {
  REEVE_TRY(const std::int64_t found, schema_version(connection));
  const std::int64_t known = steps.back().version;
  if (found > known) {
    return newer_schema(found, known);
  }
  if (found == 0) {
    // Whoever made the file was stopped before anything was in it.
    return make_error(ErrorCode::NotFound, "nothing was ever stored here", "store");
  }
  if (found < known) {
    Error error = make_error(
        ErrorCode::Unsupported,
        concat("the store has schema ", found, ", this program reads schema ", known),
        "store"
    );
    error.hint = "start the server once on this store: it migrates it";
    return error;
  }
  return {};
}

}  // namespace reeve::store::sqlite
