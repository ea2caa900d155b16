#include "store/sqlite/connection.h"

#include <mutex>
#include <sqlite3.h>
#include <utility>

#include "base/strings.h"

namespace reeve::store::sqlite {

namespace {

/// Memory statistics take a process-wide lock in every allocation. Has no effect, and does no
/// harm, if something else has used the library before.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] { (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
         c == '.' || c == '-' || c == '_';
}

/// The path as the URI form of file names wants it; the only way to ask for "immutable".
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (is_plain(c)) {
      uri.push_back(c);
    } else {
      uri.push_back('%');
      uri.append(to_hex({&c, 1}));
    }
  }
  uri.append("?immutable=1");
  return uri;
}

int flags_of(Access access) {
  const int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Access::Write:
      return common | SQLITE_OPEN_READWRITE;
    case Access::Read:
      return common | SQLITE_OPEN_READONLY;
    case Access::ReadImmutable:
      return common | SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
  }
  return common | SQLITE_OPEN_READONLY;
}

}  // namespace

Connection::~Connection() {
  statements_.clear();
  // Fails only while statements are open, and there are none left.
  (void)sqlite3_close(db_);
}

Connection::Connection(Connection&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), statements_(std::move(other.statements_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(db_, other.db_);
  std::swap(statements_, other.statements_);
  return *this;
}

Result<Connection> Connection::open(const std::string& path, Access access, Duration busy_timeout) {
  configure_once();
  Connection connection;
  const std::string name = access == Access::ReadImmutable ? immutable_uri(path) : path;
  const int rc = sqlite3_open_v2(name.c_str(), &connection.db_, flags_of(access), nullptr);
  if (rc != SQLITE_OK) {
    return sqlite_error(connection.db_, rc, concat("open ", path));
  }
  (void)sqlite3_busy_timeout(connection.db_, static_cast<int>(busy_timeout.count()));
  // A file from elsewhere must not bring functions with side effects into our statements.
  REEVE_CHECK(connection.execute("PRAGMA trusted_schema = OFF"));
  return connection;
}

Result<void> Connection::execute(const std::string& sql) {
  const int rc = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) {
    return sqlite_error(db_, rc, sql.substr(0, sql.find_first_of("\n;(")));
  }
  return {};
}

Result<Statement*> Connection::cached(std::string_view sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) {
    return &known->second;
  }
  REEVE_TRY(Statement statement, prepare(sql));
  return &statements_.emplace(sql, std::move(statement)).first->second;
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}

Result<ReadTransaction> ReadTransaction::begin(Connection& connection) {
  REEVE_TRY(Statement * begin, connection.cached("BEGIN"));
  REEVE_CHECK(begin->run());
  return ReadTransaction(connection);
}

ReadTransaction::~ReadTransaction() {
  if (connection_ == nullptr) {
    return;
  }
  // Nothing was written; a connection that cannot end its snapshot fails at its next BEGIN.
  const Result<Statement*> rollback = connection_->cached("ROLLBACK");
  if (rollback.ok()) {
    (void)(*rollback)->run();
  }
}

}  // namespace reeve::store::sqlite
