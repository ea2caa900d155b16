#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace reeve::owner {

/// Sizes of the inbox.
inline constexpr std::uint64_t kInboxFileBytesMax = std::uint64_t{4} << 30U;
inline constexpr std::size_t kInboxFilesPerScanMax = 1000;
/// Namespaces besides `default` whose inbox is looked at.
inline constexpr std::size_t kInboxesMax = 1000;
/// How long `done` and `failed` keep a file.
inline constexpr Duration kInboxKept = std::chrono::hours(24 * 30);

/// A file as it was seen, to notice changes.
struct Sight {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_nanos = 0;

  friend bool operator==(const Sight&, const Sight&) = default;
};

/// A complete file that is being dealt with.
struct TakenFile {
  std::string name;
  Sight sight;
  std::uint32_t uid = 0;
  std::string digest;
  /// Follows from the name, the content and the sight.
  std::string id;
  /// Where it lies, until it is finished.
  std::filesystem::path path;
  /// The params beside a document; there may be none.
  std::filesystem::path params;
  /// Its place for good.
  std::filesystem::path done;
  /// It has that place since this attempt. Of an older one missions may know.
  bool newly_placed = false;
};

/// The folders of the inbox, and the way of a file through them:
///
///     inbox/a.csv ──claim──▶ inbox/taken/a.csv ──place──▶ linked as inbox/done/a.csv
///                                 │     └──finish──▶ only there
///                                 └──refuse──▶ inbox/failed/a.csv, a.csv.error.txt
///
/// A file that cannot be linked has a copy there until it is finished: inbox/done/a.<tag>.csv.
///
/// Whatever is put at its old name afterwards is another file. The params of a document are claimed
/// before it and under a name that follows from its name and inode, so that no other document gets
/// them.
///
/// Threading: one thread. Errors of the operating system are Unavailable: trying again may help.
class InboxFiles {
 public:
  /// The one of a directory that `inbox_home` gives.
  static Result<InboxFiles> open(const std::filesystem::path& home);

  const std::filesystem::path& directory() const { return directory_; }

  /// Makes its folders, where they have gone.
  Result<void> make_folders() const;

  /// Files that were put there, in order; at most kInboxFilesPerScanMax.
  Result<std::vector<std::string>> arrived() const;

  /// Files that were claimed and are not finished, in order.
  Result<std::vector<std::string>> taken() const;

  /// How a file that has arrived looks now.
  std::optional<Sight> look(const std::string& name) const;

  /// Moves a file to `taken`, which must not have one of that name. Conflict: it is no longer the
  /// one that was seen; it stays in the inbox.
  Result<void> claim(const std::string& name, const Sight& seen) const;

  /// Reads a taken file. Invalid, PermissionDenied: it is nothing to be taken.
  Result<TakenFile> read(const std::string& name) const;

  /// Whether a taken file has got its place in `done` in an earlier attempt.
  bool has_place(const std::string& name) const;

  /// Gives the file its place in `done`, or finds the one that it had before a crash.
  Result<void> place(TakenFile& file) const;

  /// Takes a new place back; an older one stays.
  void displace(const TakenFile& file) const;

  /// It stays in `done` alone, with its params beside it.
  Result<void> finish(const TakenFile& file) const;

  /// Puts a taken file aside and says why beside it.
  Result<void> refuse(const std::string& name, const Error& error) const;

 private:
  explicit InboxFiles(std::filesystem::path directory) : directory_(std::move(directory)) {}

  Result<void> keep_lost_params() const;
  Result<void> place_copy(TakenFile& file) const;
  Result<void> put_back(const std::string& name, const Sight& sight) const;
  std::filesystem::path params_of(const std::string& name, const Sight& sight) const;

  std::filesystem::path directory_;
};

/// In what the inbox of a namespace lies, as `inbox`: the data directory itself for `default`,
/// `<data>/namespaces/<namespace>` for others.
std::filesystem::path inbox_home(const std::filesystem::path& data_dir, const Namespace& ns);

/// The namespaces besides `default` that have an inbox, in order; at most kInboxesMax.
Result<std::vector<Namespace>> namespaces_with_inbox(const std::filesystem::path& data_dir);

/// Whether a file of that name is a workflow document.
bool is_document(std::string_view name);

/// Removes what lies in `done` and `failed` of all namespaces for longer than kInboxKept. Returns
/// how many files.
Result<std::uint32_t> expire_inbox(const std::filesystem::path& data_dir, Timestamp now);

}  // namespace reeve::owner
