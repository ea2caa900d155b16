#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
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
  /// Who put it, and the uid of the namespace it was put into; empty: whoever has the machine.
  std::string owner = {};
  std::string namespace_uid = {};
};

/// A file that comes as bytes.
struct NewUpload {
  std::string name;
  std::string_view bytes;
  Timestamp now;
  std::optional<Timestamp> expires_at = {};
  std::string owner = {};
  std::string namespace_uid = {};
};

inline constexpr std::uint64_t kUploadBytesMax = std::uint64_t{4} << 30U;
/// Files that came as bytes, and their bytes, of one namespace.
inline constexpr std::size_t kNamespaceUploadsMax = 1'000;
inline constexpr std::uint64_t kNamespaceUploadsBytesMax = std::uint64_t{1} << 30U;

/// Which blobs were put by hand and what they are called: `<data>/uploads/<digest>.json` for all
/// namespaces, by whoever has the machine, `<data>/uploads/<namespace>/<digest>.json` for one of
/// them, which others neither see nor change.
///
/// Threading: any thread, any number of processes.
class Uploads {
 public:
  Uploads(const std::filesystem::path& data_dir, BlobStore& blobs)
      : root_(data_dir / "uploads"), blobs_(blobs) {}

  /// Those of one namespace; `ns` is a valid name.
  Uploads(const std::filesystem::path& data_dir, BlobStore& blobs, const Namespace& ns)
      : root_(data_dir / "uploads" / ns.str()), blobs_(blobs) {}

  /// The namespaces that have some of their own. Io: they could not be listed.
  static Result<std::vector<Namespace>> namespaces(const std::filesystem::path& data_dir);

  /// Keeps a file under its name. The same content again renames it.
  Result<Upload> put(
      const std::filesystem::path& file, Timestamp now, std::optional<Timestamp> expires_at
  );

  /// Keeps bytes under a name. The same content again renames it. Invalid: the name is none.
  /// LimitExceeded: there are too many, counting those that have not expired and were not put into
  /// a namespace of another uid; who puts at the same time may get over that a little.
  Result<Upload> put(const NewUpload& file);

  /// NotFound: it was never put, or has expired at `now`.
  Result<Upload> find(const Digest& digest, Timestamp now) const;

  Result<void> remove(const Digest& digest) const;

  /// All of them, also expired ones, by digest. One whose record is damaged has its digest and
  /// nothing else. Io and others: not all of them could be read.
  Result<std::vector<Upload>> list() const;

 private:
  std::filesystem::path file_of(const Digest& digest) const;
  Result<void> write_record(const Upload& upload) const;
  Result<void> check_room(const NewUpload& file, const Digest& digest) const;

  std::filesystem::path root_;
  BlobStore& blobs_;
};

}  // namespace reeve::blob
