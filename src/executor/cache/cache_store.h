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

namespace reeve::executor::cache {

inline constexpr std::uint64_t kCachesBytesMax = std::uint64_t{20} << 30U;

/// Names one entry: where, and of what.
struct CacheKey {
  std::string ns;
  std::string workflow;
  /// Lower-case hex SHA-256 that the key amounts to.
  std::string hash;
};

/// One entry: a pack in the blob store and who asked for it.
struct CacheEntry {
  CacheKey key;
  /// As the workflow wrote it, or "files" where content of files is the key; for people.
  std::string label;
  Digest pack;
  std::uint64_t size_bytes = 0;
  std::size_t files = 0;
  Timestamp created_at;
  Timestamp expires_at;
  /// When it was last restored or saved.
  Timestamp used_at;
};

/// `<data>/caches/<namespace>/<workflow>/<hash>.json`: which packs there are. The packs lie in the
/// blob store and are removed by its sweep once no entry refers to them.
///
/// Threading: any thread, any number of processes.
class CacheStore {
 public:
  explicit CacheStore(
      const std::filesystem::path& data_dir, std::uint64_t bytes_max = kCachesBytesMax
  )
      : root_(data_dir / "caches"), bytes_max_(bytes_max) {}

  /// The entry, if there is one that has not expired at `now`.
  Result<std::optional<CacheEntry>> find(const CacheKey& key, Timestamp now) const;

  /// Notes that it was used; who is used last is removed last.
  void touch(const CacheKey& key, Timestamp now) const;

  /// Puts an entry in place of whatever is under its key, then removes expired entries and, until
  /// the others fit, those that were not used for longest. LimitExceeded: it alone does not fit.
  Result<void> put(const CacheEntry& entry) const;

  Result<void> remove(const CacheKey& key) const;

  /// Every entry, also expired ones, by namespace, workflow and hash. Files that are no entries are
  /// left out. Io and others: not all of them could be read.
  Result<std::vector<CacheEntry>> list() const;

 private:
  std::filesystem::path file_of(const CacheKey& key) const;
  void make_room(Timestamp now, const CacheKey& spared) const;

  std::filesystem::path root_;
  std::uint64_t bytes_max_;
};

}  // namespace reeve::executor::cache
