#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string_view>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "blob/blob_store.h"
#include "store/ports.h"

/// Which kept files are still wanted, and the removal of all others.
namespace reeve::artifact {

/// How long a blob that nobody refers to is left alone: longer than any run needs from keeping its
/// first file to the commit of its end.
inline constexpr Duration kSweepGrace = std::chrono::hours(24);

struct RetentionOptions {
  std::filesystem::path data_dir;
  Timestamp now;
  Duration grace = kSweepGrace;
};

struct Expired {
  std::uint64_t uploads = 0;
  std::uint64_t caches = 0;
  blob::Swept blobs;
};

/// Adds every digest that `json` refers to. An object with a `digest` and an `expiresAt` that has
/// passed refers to nothing; any other text that looks like a digest counts.
void add_references(const Json& json, Timestamp now, std::set<Digest>& references);

/// Forgets uploads and caches whose time has come, and uploads whose namespace is gone, and removes
/// the blobs that no row of the store, no result that waits to be taken, no upload and no cache
/// refers to. Safe while missions run, in this process and in others. An error leaves everything
/// that might be wanted.
Result<Expired> expire(store::Reader& reader, const RetentionOptions& options);

}  // namespace reeve::artifact
