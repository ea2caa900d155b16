#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <thread>

#include "base/json.h"
#include "blob/blob_store.h"
#include "journal/event.h"
#include "store/ports.h"

namespace reeve::cli {

/// Keeps `missions/<name>/{state.json, context.md, results/}` in step with the store, for people
/// and for tools that only know files; `<name>` is installation-wide (model/scoped_name.h). A
/// projection: it may lag, and it is never read back.
///
/// Threading: one thread of its own; `changed` from any thread.
class Mirror {
 public:
  Mirror(std::filesystem::path missions, store::Reader& reader, blob::BlobStore& blobs);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  /// Notes which missions a committed batch concerns.
  void changed(std::span<const journal::Event> events);

  /// Notes missions whose files may be behind after a crash.
  void catch_up();

  /// Writes what is noted, then ends. Idempotent.
  void close();

 private:
  void run();
  void write(const journal::ObjectKey& mission);
  void write_results(const std::filesystem::path& dir, const Json& mission);

  std::filesystem::path missions_;
  store::Reader& reader_;
  blob::BlobStore& blobs_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::set<journal::ObjectKey> dirty_;
  bool closing_ = false;
  std::thread thread_;
};

/// The hand-over document of a mission: what it is, where it stands, what is left, in Markdown.
std::string context_document(const Json& mission);

}  // namespace reeve::cli
