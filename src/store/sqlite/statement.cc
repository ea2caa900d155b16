#include "store/sqlite/statement.h"

#include <cstring>
#include <sqlite3.h>
#include <utility>

#include "base/strings.h"

namespace reeve::store::sqlite {

namespace {

constexpr int kPrimaryCodeMask = 0xff;

ErrorCode code_of(int rc) {
  switch (rc & kPrimaryCodeMask) {
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
      return ErrorCode::LimitExceeded;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::PermissionDenied;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return ErrorCode::Corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
      return ErrorCode::Unavailable;
    default:
      return ErrorCode::Io;
  }
}

std::string_view hint_of(int rc) {
  switch (rc & kPrimaryCodeMask) {
    case SQLITE_FULL:
      return "free some space on the file system of the store";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "check owner and mode of the store's file and of its directory";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return "restore the store from a backup";
    case SQLITE_BUSY:
      return "another process is using the store; try again";
    default:
      return {};
  }
}

}  // namespace

Error sqlite_error(sqlite3* db, int rc, std::string_view what) {
  const char* words = db == nullptr ? sqlite3_errstr(rc) : sqlite3_errmsg(db);
  std::string_view reason = words == nullptr ? std::string_view("unknown error") : words;
  if ((rc & kPrimaryCodeMask) == SQLITE_FULL) {
    reason = "disk is full";
  }
  Error error =
      make_error(code_of(rc), concat(what, ": ", reason, " (sqlite code ", rc, ")"), "store");
  error.hint = std::string(hint_of(rc));
  return error;
}

Statement::~Statement() {
  // Repeats the error of the last step, which has been reported already.
  (void)sqlite3_finalize(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)),
      bind_rc_(std::exchange(other.bind_rc_, 0)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(bind_rc_, other.bind_rc_);
  return *this;
}

Result<Statement> Statement::prepare(sqlite3* db, std::string_view sql) {
  Statement statement;
  const int rc = sqlite3_prepare_v3(
      db,
      sql.data(),
      static_cast<int>(sql.size()),
      SQLITE_PREPARE_PERSISTENT,
      &statement.statement_,
      nullptr
  );
  if (rc != SQLITE_OK) {
    return sqlite_error(db, rc, "prepare a statement");
  }
  return statement;
}

void Statement::bind(int parameter, std::int64_t number) {
  note(sqlite3_bind_int64(statement_, parameter, number));
}

void Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL, and an empty view may have one.
  const char* data = text.empty() ? "" : text.data();
  note(sqlite3_bind_text64(statement_, parameter, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int parameter, const Sha256Bytes& blob) {
  note(sqlite3_bind_blob(
      statement_, parameter, blob.data(), static_cast<int>(blob.size()), SQLITE_STATIC
  ));
}

void Statement::bind_null(int parameter) {
  note(sqlite3_bind_null(statement_, parameter));
}

Result<bool> Statement::step() {
  const int rc = bind_rc_ != SQLITE_OK ? bind_rc_ : sqlite3_step(statement_);
  if (rc == SQLITE_ROW) {
    return true;
  }
  if (rc == SQLITE_DONE) {
    return false;
  }
  sqlite3* db = sqlite3_db_handle(statement_);
  const int extended = bind_rc_ != SQLITE_OK ? bind_rc_ : sqlite3_extended_errcode(db);
  std::string_view sql = sqlite3_sql(statement_);
  return sqlite_error(db, extended, sql.substr(0, sql.find_first_of(" (")));
}

Result<void> Statement::run() {
  for (;;) {
    Result<bool> row = step();
    if (!row.ok() || !*row) {
      reset();
      return row.ok() ? Result<void>() : Result<void>(std::move(row).error());
    }
  }
}

void Statement::reset() {
  // Repeats the error of the last step, which has been reported already.
  (void)sqlite3_reset(statement_);
  bind_rc_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string() : std::string(data, static_cast<std::size_t>(size));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<Sha256Bytes> Statement::sha256(int column) const {
  Sha256Bytes bytes{};
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr || size != static_cast<int>(bytes.size())) {
    return make_error(
        ErrorCode::Corrupt, concat("a chain value has ", size, " bytes instead of 32"), "store"
    );
  }
  std::memcpy(bytes.data(), data, bytes.size());
  return bytes;
}

int Statement::changes() const {
  return sqlite3_changes(sqlite3_db_handle(statement_));
}

}  // namespace reeve::store::sqlite
