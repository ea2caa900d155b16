#include "executor/cache/cache_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <tuple>
#include <unistd.h>

#include <sys/file.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::executor::cache {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kEntryBytesMax = std::uint64_t{64} << 10U;
constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kNameBytesMax = 100;
constexpr mode_t kPrivate = 0700;
constexpr mode_t kLockMode = 0600;

bool is_digest(std::string_view text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// The name itself where it is a good name for a directory, else one that is made of it.
std::string directory_name(const std::string& name) {
  constexpr std::string_view kGood =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  const bool good = !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
                    name.find_first_not_of(kGood) == std::string::npos;
  return good ? name : concat("~", sha256(name).view());
}

std::string encode(const CacheEntry& entry) {
  Json json = Json::object();
  json.set("namespace", entry.key.ns);
  json.set("workflow", entry.key.workflow);
  json.set("hash", entry.key.hash);
  json.set("key", entry.label);
  json.set("digest", entry.pack.str());
  json.set("sizeBytes", entry.size_bytes);
  json.set("files", static_cast<std::int64_t>(entry.files));
  json.set("createdAt", format_timestamp(entry.created_at));
  json.set("expiresAt", format_timestamp(entry.expires_at));
  return json.pretty();
}

Result<CacheEntry> read_entry(const fs::path& file) {
  REEVE_TRY(const std::string text, platform::read_file(file, kEntryBytesMax));
  const auto json = parse_json(text);
  const auto corrupt = [&](std::string_view what) {
    return make_error(
        ErrorCode::Corrupt, concat("is not an entry of a cache: ", what), file.string()
    );
  };
  if (!json.ok() || !json->is_object()) {
    return corrupt("no object");
  }
  const auto created = parse_timestamp(json->get_string("createdAt"));
  const auto expires = parse_timestamp(json->get_string("expiresAt"));
  if (!created.ok() || !expires.ok()) {
    return corrupt("a time");
  }
  CacheEntry entry{
      .key =
          {.ns = json->get_string("namespace"),
           .workflow = json->get_string("workflow"),
           .hash = json->get_string("hash")},
      .label = json->get_string("key"),
      .pack = Digest(json->get_string("digest")),
      .size_bytes =
          static_cast<std::uint64_t>(std::max<std::int64_t>(json->get_int("sizeBytes"), 0)),
      .files = static_cast<std::size_t>(std::max<std::int64_t>(json->get_int("files"), 0)),
      .created_at = *created,
      .expires_at = *expires,
      .used_at = *created};
  if (!is_digest(entry.pack.view()) || !is_digest(entry.key.hash)) {
    return corrupt("a digest");
  }

  struct stat info {};

  if (::stat(file.c_str(), &info) == 0) {
    constexpr std::int64_t kMillis = 1000;
    constexpr std::int64_t kNanosPerMilli = 1'000'000;
    entry.used_at =
        from_unix_millis(info.st_mtim.tv_sec * kMillis + info.st_mtim.tv_nsec / kNanosPerMilli);
  }
  return entry;
}

void set_time(const fs::path& file, Timestamp at) {
  const std::int64_t millis = at.time_since_epoch().count();
  constexpr std::int64_t kMillis = 1000;
  constexpr std::int64_t kNanosPerMilli = 1'000'000;
  const timespec time{.tv_sec = millis / kMillis, .tv_nsec = millis % kMillis * kNanosPerMilli};
  const timespec times[2] = {time, time};
  // A time that cannot be noted makes an entry look older, which is harmless.
  [[maybe_unused]] const int failed =
      ::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

fs::path CacheStore::file_of(const CacheKey& key) const {
  return root_ / directory_name(key.ns) / directory_name(key.workflow) / concat(key.hash, ".json");
}

Result<std::optional<CacheEntry>> CacheStore::find(const CacheKey& key, Timestamp now) const {
  auto entry = read_entry(file_of(key));
  if (!entry.ok()) {
    return entry.error().code == ErrorCode::NotFound
               ? Result<std::optional<CacheEntry>>(std::optional<CacheEntry>())
               : Result<std::optional<CacheEntry>>(std::move(entry).error());
  }
  if (entry->expires_at <= now) {
    return std::optional<CacheEntry>();
  }
  return std::optional<CacheEntry>(std::move(entry).value());
}

void CacheStore::touch(const CacheKey& key, Timestamp now) const {
  set_time(file_of(key), now);
}

Result<void> CacheStore::put(const CacheEntry& entry) const {
  if (entry.size_bytes > bytes_max_) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("it has ", entry.size_bytes, " bytes; all caches together may have ", bytes_max_)
    );
  }
  const fs::path file = file_of(entry.key);
  REEVE_CHECK(platform::make_directories(file.parent_path(), kPrivate));
  REEVE_CHECK(platform::write_file_atomically(file, encode(entry)));
  set_time(file, entry.created_at);
  make_room(entry.created_at, entry.key);
  return {};
}

void CacheStore::make_room(Timestamp now, const CacheKey& spared) const {
  // One at a time: two who make room at once would remove twice as much.
  const platform::FileDescriptor lock(
      ::open((root_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kLockMode)
  );
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
    return;
  }
  auto listed = list();
  if (!listed.ok()) {
    return;
  }
  std::vector<CacheEntry> entries = std::move(listed).value();
  std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    return a.used_at < b.used_at;
  });
  std::uint64_t total = 0;
  for (const CacheEntry& entry : entries) {
    total += entry.size_bytes;
  }
  for (const CacheEntry& entry : entries) {
    const bool is_spared = file_of(entry.key) == file_of(spared);
    if ((entry.expires_at <= now || total > bytes_max_) && !is_spared && remove(entry.key).ok()) {
      total -= entry.size_bytes;
    }
  }
}

Result<void> CacheStore::remove(const CacheKey& key) const {
  const fs::path file = file_of(key);
  return ::unlink(file.c_str()) == 0 || errno == ENOENT
             ? Result<void>{}
             : Result<void>(platform::errno_error("unlink", file));
}

Result<std::vector<CacheEntry>> CacheStore::list() const {
  std::vector<CacheEntry> entries;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(root_, failed), end; !failed && at != end;
       at.increment(failed)) {
    constexpr int kEntryDepth = 2;
    if (at.depth() != kEntryDepth || at->path().extension() != ".json") {
      continue;
    }
    auto entry = read_entry(at->path());
    if (entry.ok() && file_of(entry->key) == at->path()) {
      entries.push_back(std::move(entry).value());
    } else if (!entry.ok() && entry.error().code != ErrorCode::Corrupt && entry.error().code != ErrorCode::NotFound) {
      return std::move(entry).error();
    }
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return make_error(ErrorCode::Io, failed.message(), root_.string());
  }
  std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
    return std::tie(a.key.ns, a.key.workflow, a.key.hash) <
           std::tie(b.key.ns, b.key.workflow, b.key.hash);
  });
  return entries;
}

}  // namespace reeve::executor::cache
