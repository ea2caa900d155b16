#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "base/time.h"
#include "store/sqlite/statement.h"

namespace reeve::store::sqlite {

/// How a connection opens the file, which must exist.
enum class Access {
  Write,
  Read,
  /// The file does not change and no log belongs to it: no locks, nothing written beside it.
  ReadImmutable,
};

/// A connection to one database file. Used by one thread at a time.
class Connection {
 public:
  Connection() = default;
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  /// Waits at most `busy_timeout` for locks of other connections, now and later.
  static Result<Connection> open(const std::string& path, Access access, Duration busy_timeout);

  /// Runs statements that return nothing of interest.
  Result<void> execute(const std::string& sql);

  Result<Statement> prepare(std::string_view sql) { return Statement::prepare(db_, sql); }

  /// The statement for `sql`, prepared at its first use. `sql` must live for ever.
  Result<Statement*> cached(std::string_view sql);

  /// Whether a transaction is open.
  bool in_transaction() const;

 private:
  sqlite3* db_ = nullptr;
  std::unordered_map<std::string_view, Statement> statements_;
};

/// One snapshot for several reads; ends with the scope.
class ReadTransaction {
 public:
  static Result<ReadTransaction> begin(Connection& connection);

  ReadTransaction(ReadTransaction&& other) noexcept : connection_(other.connection_) {
    other.connection_ = nullptr;
  }

  ReadTransaction& operator=(ReadTransaction&&) = delete;
  ~ReadTransaction();

 private:
  explicit ReadTransaction(Connection& connection) : connection_(&connection) {}

  Connection* connection_;
};

}  // namespace reeve::store::sqlite
