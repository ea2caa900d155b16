#include "artifact/retention.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "blob/uploads.h"
#include "executor/cache/cache_store.h"
#include "platform/posix/files.h"

namespace reeve::artifact {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kResultBytesMax = std::uint64_t{64} << 20U;
constexpr std::size_t kHexDigits = 64;

bool is_digest(std::string_view text) {
  return text.size() == kHexDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool has_expired(const Json& json, Timestamp now) {
  const std::string at = json.get_string("expiresAt");
  const auto expires = parse_timestamp(at);
  return !at.empty() && is_digest(json.get_string("digest")) && expires.ok() && *expires <= now;
}

/// Also finds out which namespaces there are.
Result<void> add_rows(
    store::Reader& reader, Timestamp now, std::set<Digest>& references, std::set<Uid>& namespaces
) {
  return reader.each_row([&](const store::Row& row) -> Result<void> {
    if (row.key.kind == journal::Kind::Namespace) {
      namespaces.insert(row.uid);
    }
    REEVE_TRY(const Json body, parse_json(row.body));
    add_references(body, now, references);
    return {};
  });
}

/// Everything in a text that looks like a digest: of a record that is damaged.
void add_digests(std::string_view text, std::set<Digest>& references) {
  constexpr std::string_view kHex = "0123456789abcdef";
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_of(kHex), text.size());
    text.remove_prefix(begin);
    const std::size_t size = std::min(text.find_first_not_of(kHex), text.size());
    if (size == kHexDigits) {
      references.insert(Digest(std::string(text.substr(0, size))));
    }
    text.remove_prefix(size);
  }
}

/// Calls `visit` for each entry of a directory; one that does not exist has none.
template <class Visit>
Result<void> each_entry(const fs::path& directory, Visit visit) {
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end;
       at.increment(failed)) {
    REEVE_CHECK(visit(at->path()));
  }
  const bool absent =
      failed == std::errc::no_such_file_or_directory || failed == std::errc::not_a_directory;
  return failed && !absent
             ? Result<void>(make_error(ErrorCode::Io, failed.message(), directory.string()))
             : Result<void>{};
}

/// A run may have ended while nobody was there to take its result into the store.
Result<void> add_results(const fs::path& missions, Timestamp now, std::set<Digest>& references) {
  const auto add_result = [&](const fs::path& run) -> Result<void> {
    const auto text = platform::read_file(run / "result.json", kResultBytesMax);
    if (!text.ok() && text.error().code == ErrorCode::NotFound) {
      return {};
    }
    REEVE_CHECK(text);
    if (const auto json = parse_json(*text); json.ok()) {
      add_references(*json, now, references);
    } else {
      add_digests(*text, references);
    }
    return {};
  };
  return each_entry(missions, [&](const fs::path& mission) {
    return each_entry(mission / "runs", add_result);
  });
}

/// Whether it was sent to a namespace that is gone. What was sent lately may be of one that was
/// made after the namespaces were read.
bool is_orphan(
    const blob::Upload& upload, const RetentionOptions& options, const std::set<Uid>& namespaces
) {
  return !upload.namespace_uid.empty() && upload.put_at <= options.now - options.grace &&
         !namespaces.contains(Uid(upload.namespace_uid));
}

Result<void> expire_uploads(
    const blob::Uploads& uploads,
    const RetentionOptions& options,
    const std::set<Uid>& namespaces,
    std::set<Digest>& references,
    Expired& expired
) {
  REEVE_TRY(const std::vector<blob::Upload> all, uploads.list());
  for (const blob::Upload& upload : all) {
    const bool is_over = upload.expires_at && *upload.expires_at <= options.now;
    if (is_over || is_orphan(upload, options, namespaces)) {
      REEVE_CHECK(uploads.remove(upload.digest));
      ++expired.uploads;
    } else {
      references.insert(upload.digest);
    }
  }
  return {};
}

Result<void> expire_caches(
    const executor::cache::CacheStore& caches,
    Timestamp now,
    std::set<Digest>& references,
    Expired& expired
) {
  REEVE_TRY(const std::vector<executor::cache::CacheEntry> all, caches.list());
  for (const executor::cache::CacheEntry& entry : all) {
    if (entry.expires_at <= now) {
      REEVE_CHECK(caches.remove(entry.key));
      ++expired.caches;
    } else {
      references.insert(entry.pack);
    }
  }
  return {};
}

}  // namespace

void add_references(const Json& json, Timestamp now, std::set<Digest>& references) {
  if (json.is_string() && is_digest(json.as_string())) {
    references.insert(Digest(json.as_string()));
  } else if (json.is_array()) {
    for (const Json& item : json.as_array()) {
      add_references(item, now, references);
    }
  } else if (json.is_object() && !has_expired(json, now)) {
    for (const Json::Member& member : json.as_object()) {
      add_references(member.second, now, references);
    }
  }
}

Result<Expired> expire(store::Reader& reader, const RetentionOptions& options) {
  Expired expired;
  std::set<Digest> references;
  blob::BlobStore blobs(options.data_dir / "blobs");
  // Results first: one that is taken into the store meanwhile is seen there.
  REEVE_CHECK(add_results(options.data_dir / "missions", options.now, references));
  std::set<Uid> alive;
  REEVE_CHECK(add_rows(reader, options.now, references, alive));
  const blob::Uploads of_machine(options.data_dir, blobs);
  REEVE_CHECK(expire_uploads(of_machine, options, alive, references, expired));
  REEVE_TRY(const auto namespaces, blob::Uploads::namespaces(options.data_dir));
  for (const Namespace& ns : namespaces) {
    const blob::Uploads sent(options.data_dir, blobs, ns);
    REEVE_CHECK(expire_uploads(sent, options, alive, references, expired));
  }
  REEVE_CHECK(
      expire_caches(executor::cache::CacheStore(options.data_dir), options.now, references, expired)
  );
  REEVE_TRY(
      expired.blobs,
      blobs.sweep(
          [&](const Digest& digest) { return references.contains(digest); },
          options.now - options.grace
      )
  );
  return expired;
}

}  // namespace reeve::artifact
