#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace reeve::store::sqlite {

/// The Error for the result code `rc` of a call on `db` (may be null): the code says what the
/// caller can do about it, the message is `what` and the database's own words.
Error sqlite_error(sqlite3* db, int rc, std::string_view what);

/// A prepared statement. Bind, step until it says false, reset; a failed bind is reported by the
/// next step. One thread at a time, and no longer than its connection.
class Statement {
 public:
  Statement() = default;
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;

  static Result<Statement> prepare(sqlite3* db, std::string_view sql);

  // Parameters count from 1. Text and blobs are not copied: they must outlive the last step.
  void bind(int parameter, std::int64_t number);
  void bind(int parameter, std::string_view text);
  void bind(int parameter, const Sha256Bytes& blob);
  void bind_null(int parameter);

  /// True: a row is there. False: the statement has finished.
  Result<bool> step();

  /// Steps to the end and resets, whatever the outcome.
  Result<void> run();

  /// Ends the execution: releases the snapshot and the bound memory.
  void reset();

  // Columns count from 0; valid after a step that gave a row.
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  bool is_null(int column) const;
  /// Corrupt if the column does not hold 32 bytes.
  Result<Sha256Bytes> sha256(int column) const;

  /// Rows changed by the last finished INSERT, UPDATE or DELETE on this connection.
  int changes() const;

 private:
  void note(int rc) {
    if (bind_rc_ == 0) {
      bind_rc_ = rc;
    }
  }

  sqlite3_stmt* statement_ = nullptr;
  int bind_rc_ = 0;
};

/// Resets the statement when the scope ends: an unfinished read would hold its snapshot, and with
/// it the whole write-ahead log.
class StatementScope {
 public:
  explicit StatementScope(Statement& statement) : statement_(statement) {}

  ~StatementScope() { statement_.reset(); }

  StatementScope(const StatementScope&) = delete;
  StatementScope& operator=(const StatementScope&) = delete;

 private:
  Statement& statement_;
};

}  // namespace reeve::store::sqlite
