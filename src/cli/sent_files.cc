#include "cli/sent_files.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "blob/blob_store.h"
#include "blob/uploads.h"
#include "platform/posix/system.h"

namespace reeve::cli {

namespace {

api::SentFile sent_file(const blob::Upload& upload) {
  return {
      .digest = upload.digest.str(),
      .name = upload.name,
      .size_bytes = upload.size_bytes,
      .sent_at = upload.put_at,
      .expires_at = upload.expires_at,
      .owner = upload.owner,
      .namespace_uid = upload.namespace_uid};
}

/// What clients send for the tasks of a namespace, among the uploads of the data directory.
class SentFileKeeper {
 public:
  explicit SentFileKeeper(const DataDir& dir) : root_(dir.root), blobs_(dir.blobs()) {}

  Result<api::SentFile> keep(
      std::string_view ns, const api::SentFile& file, std::string_view bytes
  ) {
    // One after the other, so that each counts those before it.
    const std::lock_guard lock(mutex_);
    REEVE_TRY(
        const blob::Upload kept,
        of(ns).put(
            {.name = file.name.empty() ? sha256(bytes).str() : file.name,
             .bytes = bytes,
             .now = file.sent_at,
             .expires_at = file.expires_at,
             .owner = file.owner,
             .namespace_uid = file.namespace_uid}
        )
    );
    return sent_file(kept);
  }

  Result<std::vector<api::SentFile>> list(std::string_view ns) {
    REEVE_TRY(const std::vector<blob::Upload> all, of(ns).list());
    const Timestamp now = platform::SystemClock().now();
    std::vector<api::SentFile> files;
    for (const blob::Upload& upload : all) {
      if (!upload.expires_at || *upload.expires_at > now) {
        files.push_back(sent_file(upload));
      }
    }
    return files;
  }

  Result<void> remove(std::string_view ns, std::string_view digest) {
    return of(ns).remove(Digest(std::string(digest)));
  }

 private:
  blob::Uploads of(std::string_view ns) { return {root_, blobs_, Namespace(std::string(ns))}; }

  std::filesystem::path root_;
  blob::BlobStore blobs_;
  std::mutex mutex_;
};

}  // namespace

api::Environment::SentFiles sent_files(const DataDir& dir) {
  const auto keeper = std::make_shared<SentFileKeeper>(dir);
  api::Environment::SentFiles files;
  files.keep = [keeper](std::string_view ns, const api::SentFile& file, std::string_view bytes) {
    return keeper->keep(ns, file, bytes);
  };
  files.list = [keeper](std::string_view ns) {
    return keeper->list(ns);
  };
  files.remove = [keeper](std::string_view ns, std::string_view digest) {
    return keeper->remove(ns, digest);
  };
  return files;
}

}  // namespace reeve::cli
