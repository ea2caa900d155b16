#pragma once

#include <cstddef>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

/// Files that hold secrets: ours, and closed to everybody else. Any thread.
namespace reeve::platform {

/// What the descriptor still gives, at most `bytes_max` bytes, without a copy that is left behind;
/// `path` names it in errors. LimitExceeded: there is more.
Result<Secret> read_secret(int fd, const std::filesystem::path& path, std::size_t bytes_max);

/// A private file. NotFound: it is not there. PermissionDenied: it belongs to somebody else or is
/// open to others; the hint says what to do. Corrupt: it is no regular file. LimitExceeded: it is
/// longer.
Result<Secret> read_private_file(const std::filesystem::path& path, std::size_t bytes_max);

/// Makes a private file (0600) that is complete as soon as it is there, and durable. False: it was
/// there already, and is as it was.
Result<bool> create_private_file(const std::filesystem::path& path, std::string_view bytes);

/// Errors of read_private_file, for a directory.
Result<void> check_private_directory(const std::filesystem::path& path);

}  // namespace reeve::platform
