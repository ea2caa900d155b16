#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::blob {

/// What `put` stored.
struct Stored {
  Digest digest;
  std::uint64_t size_bytes = 0;
};

/// What `sweep` removed.
struct Swept {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
};

/// Content-addressed files: `<root>/<aa>/<sha256>`, written temp → fsync → rename → fsync(dir).
/// Putting the same content twice stores it once.
///
/// Threading: any thread, any number of processes.
class BlobStore {
 public:
  explicit BlobStore(std::filesystem::path root);

  /// Copies a file into the store while hashing it. Refuses anything but a regular file (does not
  /// follow symbolic links in the last component) and files longer than `bytes_max`.
  Result<Stored> put_file(const std::filesystem::path& source, std::uint64_t bytes_max);

  Result<Stored> put(std::string_view bytes);

  /// Writes the content to `target` (parents must exist) with `mode`, verifying it on the way.
  /// NotFound: no such blob. Corrupt: the stored bytes do not have this digest; `target` is not
  /// left behind.
  Result<void> fetch(const Digest& digest, const std::filesystem::path& target, std::uint32_t mode);

  /// NotFound: no such blob. Corrupt: its bytes do not have this digest.
  Result<Stored> verify(const Digest& digest) const;

  /// Removes blobs that `keep` does not name and that nobody has put since `older_than`, and
  /// temporary files of that age. Who puts content and refers to it later is safe as long as that
  /// takes less time than lies between `older_than` and now. Stops at the first error.
  Result<Swept> sweep(const std::function<bool(const Digest&)>& keep, Timestamp older_than);

  /// Where the content lies; for display only.
  std::filesystem::path path_of(const Digest& digest) const;

 private:
  Result<void> remove_if_old(const std::filesystem::path& file, Timestamp older_than, Swept& swept)
      const;

  std::filesystem::path root_;
};

}  // namespace reeve::blob
