#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "store/sqlite/connection.h"

namespace reeve::store::sqlite {

/// One step of the schema. Steps are never changed once released; new ones are added at the end.
struct Migration {
  /// 1, 2, 3, … without a gap.
  std::int64_t version = 0;
  std::string_view sql;
};

/// All steps this program knows.
std::span<const Migration> migrations();

/// The schema version of the file; 0 for an empty file. Corrupt: a database, but not ours.
Result<std::int64_t> schema_version(Connection& connection);

/// Brings the file to the last of `steps` in one transaction: all missing steps or none.
///
/// Unsupported: the file was written by a newer program.
Result<void> migrate(Connection& connection, std::span<const Migration> steps);

/// For a reader, which cannot migrate. Unsupported: the file's schema is older or newer than the
/// last of `steps`.
Result<void> require_current_schema(Connection& connection, std::span<const Migration> steps);

}  // namespace reeve::store::sqlite
