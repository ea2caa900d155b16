#pragma once

#include <string>

#include "base/result.h"

namespace reeve::store::sqlite {

/// What is at the path of a store.
enum class FileState { Absent, Present };

/// Looks at the file before the database does. PermissionDenied: another user's file (root may
/// use it). Invalid: not a regular file.
Result<FileState> inspect_file(const std::string& path);

/// Creates an empty file that only its owner can read. A file that has come into being meanwhile
/// is a success.
Result<void> create_file(const std::string& path);

/// Whether a write-ahead log with content lies beside the file.
bool has_log(const std::string& path);

}  // namespace reeve::store::sqlite
