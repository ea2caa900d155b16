#pragma once

#include <cstdint>
#include <filesystem>

#include "base/json.h"
#include "base/result.h"

/// What backups are made of. Private to cli.
namespace reeve::cli {

struct CopiedFiles {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

/// Whether files that never change may be shared with the copy.
enum class Sharing : bool { No, Yes };

/// Copies the regular files below `from` (0600, directories 0700); nothing is there: none. Files
/// that vanish meanwhile, sockets and symbolic links are left out.
Result<CopiedFiles> copy_tree(
    const std::filesystem::path& from, const std::filesystem::path& to, Sharing sharing
);

/// Proves the journal of a directory with a store, and that every blob has the content that its
/// name says. Returns `{"events","missions","workflows","lastRevision","head","blobs"}`. Corrupt:
/// the first thing that does not fit. Unsupported: written by a newer program.
Result<Json> verify_copy(const std::filesystem::path& root);

/// NotFound: nothing is there or it is empty. AlreadyExists: something is in it.
Result<void> require_empty(const std::filesystem::path& directory);

}  // namespace reeve::cli
