#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "blob/blob_store.h"

namespace reeve::blob {

/// A file that a person put into the data directory, for tasks to use.
struct Upload {
  Digest digest;
  /// A plain file name.
  std::string name;
  std::uint64_t size_bytes = 0;
  std::uint32_t mode = 0644;
  Timestamp put_at;
  std::optional<Timestamp> expires_at;
};

inline constexpr std::uint64_t kUploadBytesMax = std::uint64_t{4} << 30U;

/// `<data>/uploads/<digest>.json`: which blobs were put by hand and what they are called.
///
/// Threading: any thread, any number of processes.
class Uploads {
 public:
  Uploads(const std::filesystem::path& data_dir, BlobStore& blobs)
      : root_(data_dir / "uploads"), blobs_(blobs) {}

  /// Keeps a file under its name. The same content again renames it.
  Result<Upload> put(
      const std::filesystem::path& file, Timestamp now, std::optional<Timestamp> expires_at
  );

  /// NotFound: it was never put, or has expired at `now`.
  Result<Upload> find(const Digest& digest, Timestamp now) const;

  Result<void> remove(const Digest& digest) const;

  /// All of them, also expired ones, by digest. One whose record is damaged has its digest and
  /// nothing else. Io and others: not all of them could be read.
  Result<std::vector<Upload>> list() const;

 private:
  std::filesystem::path file_of(const Digest& digest) const;

  std::filesystem::path root_;
  BlobStore& blobs_;
};

}  // namespace reeve::blob
