#include "executor/cache/cache_tools.h"

#include <unistd.h>

#include "base/hash.h"
#include "base/strings.h"
#include "blob/blob_store.h"
#include "executor/cache/cache_store.h"
#include "executor/cache/pack.h"
#include "executor/input_reader.h"
#include "platform/posix/files.h"
#include "platform/posix/inner_files.h"

namespace reeve::executor::cache {

namespace fs = std::filesystem;

namespace {

/// Longest file whose content can be part of a key.
constexpr std::uint64_t kKeyFileBytesMax = std::uint64_t{64} << 20U;
constexpr std::size_t kKeyFilesMax = 1000;
constexpr std::size_t kLabelBytesMax = 200;
constexpr std::uint64_t kNoteBytesMax = 4096;
constexpr std::int64_t kExpiryMillisMax = std::int64_t{1} << 53U;

struct CacheInput {
  std::string ns;
  std::string workflow;
  std::vector<std::string> paths;
  std::string key;
  std::vector<std::string> key_paths;
  Duration expires_after{0};
};

Result<CacheInput> read_input(const ToolRequest& request) {
  if (request.data_dir.empty()) {
    return make_error(ErrorCode::Invalid, "the run lies in no data directory");
  }
  InputReader reader(request.input);
  CacheInput input;
  input.ns = reader.text("namespace", true);
  input.workflow = reader.text("workflow", true);
  input.paths = reader.texts("paths");
  input.key = reader.text("key");
  input.key_paths = reader.texts("keyPaths");
  input.expires_after = Duration(reader.whole("expiresAfterMs", 0, kExpiryMillisMax, 0));
  if (input.key.empty() == input.key_paths.empty()) {
    reader.fail("key", "either it or keyPaths says what the key is");
  }
  REEVE_CHECK(reader.finish());
  return input;
}

struct Key {
  CacheKey key;
  std::string label;
};

/// The hash of the content and names of all files that make the key.
Result<std::string> hash_files(const CacheInput& input, const fs::path& base) {
  platform::FindOptions options;
  options.noun = "key";
  options.files_max = kKeyFilesMax;
  const platform::FoundFiles found = platform::find_inner_files(base, input.key_paths, options);
  if (!found.warnings.empty()) {
    return make_error(ErrorCode::NotFound, found.warnings.front());
  }
  std::string names;
  for (const platform::FoundFile& file : found.files) {
    REEVE_TRY(const std::string text, platform::read_file(file.source, kKeyFileBytesMax));
    names += concat(file.path, "\n", sha256(text).view(), "\n");
  }
  return sha256(concat("files\n", names)).str();
}

Result<Key> make_key(const CacheInput& input, const fs::path& base) {
  Key key{.key = {.ns = input.ns, .workflow = input.workflow, .hash = {}}, .label = {}};
  if (!input.key.empty()) {
    key.key.hash = sha256(concat("key\n", input.key)).str();
    key.label = input.key.substr(0, kLabelBytesMax);
    return key;
  }
  REEVE_TRY(key.key.hash, hash_files(input, base));
  key.label = concat("files ", key.key.hash.substr(0, 12));
  return key;
}

fs::path note_file(const ToolRequest& request) {
  return request.run_dir / "steps" / "cache.key";
}

fs::path pack_file(const ToolRequest& request) {
  return request.run_dir / "steps" / "cache.pack";
}

/// What could not be done for a cache does not fail a task.
ToolEnd give_up(ToolOutput& output, const Error& error) {
  output.warn(concat("cache: ", error.describe()));
  return {};
}

Result<void> restore(
    const ToolRequest& request,
    const CacheStore& store,
    const CacheEntry& entry,
    blob::BlobStore& blobs,
    ToolOutput& output
) {
  const fs::path pack = pack_file(request);
  REEVE_CHECK(blobs.fetch(entry.pack, pack, 0600));
  auto files = unpack(pack, request.working_dir);
  ::unlink(pack.c_str());
  if (!files.ok()) {
    return std::move(files).error();
  }
  output.note(concat("cache: ", *files, " files restored from ", entry.label));
  store.touch(entry.key, entry.used_at);
  return {};
}

Result<void> save(
    const ToolRequest& request,
    const CacheInput& input,
    CacheEntry entry,
    const CacheStore& store,
    ToolOutput& output
) {
  platform::FindOptions options;
  options.noun = "cache";
  options.files_max = kPackFilesMax;
  options.keep_links = true;
  platform::FoundFiles found =
      platform::find_inner_files(request.working_dir, input.paths, options);
  std::erase_if(found.files, [&found](const platform::FoundFile& file) {
    const bool leaves = !file.link.empty() && !link_stays_inside(file.path, file.link);
    if (leaves) {
      found.warnings.push_back(
          concat("cache ", file.path, " was refused: it is a link out of the working directory")
      );
    }
    return leaves;
  });
  for (const std::string& warning : found.warnings) {
    output.warn(warning);
  }
  if (found.files.empty()) {
    return {};
  }
  const fs::path pack = pack_file(request);
  auto written = write_pack(pack, found.files);
  blob::BlobStore blobs(request.data_dir / "blobs");
  auto stored = written.ok() ? blobs.put_file(pack, 2 * kPackBytesMax)
                             : Result<blob::Stored>(std::move(written).error());
  ::unlink(pack.c_str());
  if (!stored.ok()) {
    return std::move(stored).error();
  }
  entry.pack = stored->digest;
  entry.size_bytes = stored->size_bytes;
  entry.files = found.files.size();
  REEVE_CHECK(store.put(entry));
  output.note(concat("cache: ", entry.files, " files kept as ", entry.label));
  return {};
}

}  // namespace

Result<ToolEnd> RestoreTool::run(const ToolRequest& request, ToolOutput& output) {
  REEVE_TRY(const CacheInput input, read_input(request));
  const auto key = make_key(input, request.working_dir);
  if (!key.ok()) {
    ::unlink(note_file(request).c_str());
    return give_up(output, key.error());
  }
  REEVE_CHECK(platform::replace_file(
      note_file(request), concat(key->key.hash, "\n", key->label, "\n"), 0600
  ));
  const CacheStore store(request.data_dir);
  const Timestamp now = clock_.now();
  auto entry = store.find(key->key, now);
  if (entry.ok() && !*entry) {
    output.note(concat("cache: nothing is kept as ", key->label));
    return ToolEnd{};
  }
  blob::BlobStore blobs(request.data_dir / "blobs");
  Result<void> restored;
  if (entry.ok()) {
    (*entry)->used_at = now;
    restored = restore(request, store, **entry, blobs, output);
  } else {
    restored = entry.error();
  }
  if (!restored.ok()) {
    const ErrorCode code = restored.error().code;
    if (code == ErrorCode::Corrupt || code == ErrorCode::NotFound) {
      // Removed, so that the work that follows can be kept in its place.
      REEVE_CHECK(store.remove(key->key));
    }
    return give_up(output, restored.error());
  }
  return ToolEnd{};
}

Result<ToolEnd> SaveTool::run(const ToolRequest& request, ToolOutput& output) {
  REEVE_TRY(const CacheInput input, read_input(request));
  const auto note = platform::read_file(note_file(request), kNoteBytesMax);
  if (!note.ok()) {
    // The key could not be made, which was said then.
    return ToolEnd{};
  }
  const auto lines = split(*note, '\n');
  const Timestamp now = clock_.now();
  CacheEntry entry;
  entry.key = {.ns = input.ns, .workflow = input.workflow, .hash = std::string(lines[0])};
  entry.label = lines.size() > 1 ? std::string(lines[1]) : std::string();
  entry.created_at = now;
  entry.used_at = now;
  entry.expires_at = now + input.expires_after;
  const CacheStore store(request.data_dir);
  const auto known = store.find(entry.key, now);
  if (known.ok() && *known) {
    return ToolEnd{};
  }
  const auto saved = save(request, input, std::move(entry), store, output);
  return saved.ok() ? Result<ToolEnd>(ToolEnd{}) : give_up(output, saved.error());
}

}  // namespace reeve::executor::cache
