#include <filesystem>
#include <unistd.h>

#include "artifact/retention.h"
#include "base/strings.h"
#include "blob/uploads.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/scope.h"
#include "cli/session.h"
#include "executor/cache/cache_store.h"
#include "model/scoped_name.h"
#include "platform/posix/files.h"
#include "platform/posix/inner_files.h"
#include "platform/posix/system.h"

/// `reeve artifacts` and `reeve cache`: the files that runs kept.
namespace reeve::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kShownBytesMax = std::uint64_t{4} << 30U;
constexpr std::string_view kScheme = "reeve://";

/// One kept file of a mission.
struct Kept {
  std::string task;
  model::ArtifactRef artifact;
};

Result<std::vector<Kept>> artifacts_of(const Common& common, const std::string& mission) {
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  REEVE_TRY(const Json row, read_mission(*store, namespace_of(common), mission));
  std::vector<Kept> kept;
  for (const Json& task : row.find("status")->find("tasks")->as_array()) {
    for (const Json& item : task.find("artifacts")->as_array()) {
      REEVE_TRY(model::ArtifactRef artifact, model::artifact_from_json(item));
      kept.push_back({.task = task.get_string("name"), .artifact = std::move(artifact)});
    }
  }
  return kept;
}

bool has_expired(const model::ArtifactRef& artifact, Timestamp now) {
  return artifact.expires_at && *artifact.expires_at <= now;
}

/// `reeve://mission/task/path` in place of three words, with the installation-wide name of the
/// mission: it says which namespace is meant.
void split_address(Common& common, ArtifactsArgs& args) {
  if (!args.mission.starts_with(kScheme)) {
    return;
  }
  const std::string address = args.mission.substr(kScheme.size());
  const std::size_t task = address.find('/');
  const std::size_t path = task == std::string::npos ? task : address.find('/', task + 1);
  model::ScopedName mission = model::split(address.substr(0, task));
  args.mission = std::move(mission.name);
  common.ns = mission.ns.str();
  args.task = task == std::string::npos ? "" : address.substr(task + 1, path - task - 1);
  args.path = path == std::string::npos ? "" : address.substr(path + 1);
}

/// The files that are meant; errors name what there is instead.
Result<std::vector<Kept>> wanted(const Common& common, const ArtifactsArgs& args) {
  REEVE_TRY(const std::vector<Kept> all, artifacts_of(common, args.mission));
  if (args.task.empty()) {
    Error error = make_error(ErrorCode::Invalid, "which task's files?", "TASK");
    error.hint = concat("reeve artifacts list ", args.mission, " shows what there is");
    return error;
  }
  std::vector<Kept> found;
  std::vector<std::string> paths;
  for (const Kept& kept : all) {
    if (kept.task != args.task) {
      continue;
    }
    paths.push_back(kept.artifact.path);
    if (args.path.empty() || kept.artifact.path == args.path) {
      found.push_back(kept);
    }
  }
  if (!found.empty()) {
    return found;
  }
  Error error = make_error(
      ErrorCode::NotFound,
      args.path.empty() ? concat("task ", args.task, " of mission ", args.mission, " kept no files")
                        : concat("task ", args.task, " kept no file ", args.path)
  );
  const std::string near = nearest(args.path, paths);
  error.hint = near.empty() ? concat("reeve artifacts list ", args.mission, " shows what there is")
                            : concat("did you mean ", near, "?");
  return error;
}

/// To standard output, verified before the first byte.
Result<void> print_file(const Common& common, blob::BlobStore& blobs, const Digest& digest) {
  const fs::path temp =
      fs::path(common.data_dir) / "blobs" / "tmp" / concat("show-", ::getpid(), ".tmp");
  REEVE_CHECK(platform::make_directories(temp.parent_path(), 0700));
  REEVE_CHECK(blobs.fetch(digest, temp, 0600));
  const auto text = platform::read_file(temp, kShownBytesMax);
  ::unlink(temp.c_str());
  REEVE_CHECK(text);
  print(*text);
  return {};
}

Result<void> get_files(Common common, ArtifactsArgs args) {
  split_address(common, args);
  REEVE_TRY(const std::vector<Kept> files, wanted(common, args));
  blob::BlobStore blobs(DataDir{.root = common.data_dir}.blobs());
  const Timestamp now = platform::SystemClock().now();
  for (const Kept& kept : files) {
    if (has_expired(kept.artifact, now)) {
      return make_error(
          ErrorCode::NotFound,
          concat(kept.artifact.path, " expired at ", format_timestamp(*kept.artifact.expires_at))
      );
    }
  }
  if (args.target.empty()) {
    if (files.size() > 1) {
      Error error = make_error(
          ErrorCode::Invalid, concat("task ", args.task, " kept ", files.size(), " files")
      );
      error.hint = "name one of them, or give a directory with -o";
      return error;
    }
    return print_file(common, blobs, files.front().artifact.digest);
  }
  if (!args.path.empty()) {
    const model::ArtifactRef& one = files.front().artifact;
    return blobs.fetch(one.digest, args.target, one.mode);
  }
  for (const Kept& kept : files) {
    REEVE_CHECK(platform::make_directories(args.target));
    REEVE_CHECK(platform::make_inner_parents(args.target, kept.artifact.path));
    REEVE_CHECK(blobs.fetch(
        kept.artifact.digest, fs::path(args.target) / kept.artifact.path, kept.artifact.mode
    ));
  }
  return {};
}

std::string mode_text(bool expired, const std::optional<Timestamp>& expires_at) {
  return !expires_at ? std::string()
                     : concat(expired ? "  expired " : "  until ", format_timestamp(*expires_at));
}

Result<void> list_files(const Common& common, const ArtifactsArgs& args) {
  REEVE_TRY(const std::vector<Kept> files, artifacts_of(common, args.mission));
  const Timestamp now = platform::SystemClock().now();
  const std::string whole_name = model::scoped(namespace_of(common), args.mission);
  Json items = Json::array();
  std::string text;
  for (const Kept& kept : files) {
    Json item = model::to_json(kept.artifact);
    item.set("task", kept.task);
    item.set("address", concat(kScheme, whole_name, "/", kept.task, "/", kept.artifact.path));
    item.set("expired", has_expired(kept.artifact, now));
    items.push(std::move(item));
    text += concat(
        kept.task,
        "  ",
        printable(kept.artifact.path),
        "  ",
        kept.artifact.size_bytes,
        "  ",
        kept.artifact.digest.view(),
        mode_text(has_expired(kept.artifact, now), kept.artifact.expires_at),
        "\n"
    );
  }
  print(
      common.output == Output::Json ? Json::object().set("items", std::move(items)).pretty() : text
  );
  return {};
}

Result<void> put_file(const Common& common, const ArtifactsArgs& args) {
  const Timestamp now = platform::SystemClock().now();
  std::optional<Timestamp> expires_at;
  if (!args.expires.empty()) {
    REEVE_TRY(const Duration after, parse_duration(args.expires));
    expires_at = now + after;
  }
  REEVE_CHECK(platform::make_directories(common.data_dir, 0700));
  blob::BlobStore blobs(DataDir{.root = common.data_dir}.blobs());
  blob::Uploads uploads(common.data_dir, blobs);
  REEVE_TRY(const blob::Upload upload, uploads.put(args.file, now, expires_at));
  print(concat(upload.digest.view(), "\n"));
  return {};
}

Result<void> expire_files(const Common& common) {
  REEVE_TRY(
      const std::unique_ptr<store::Store> store, open_for_reading(DataDir{.root = common.data_dir})
  );
  REEVE_TRY(
      const artifact::Expired expired,
      artifact::expire(*store, {.data_dir = common.data_dir, .now = platform::SystemClock().now()})
  );
  print(concat(
      expired.blobs.blobs,
      " files with ",
      expired.blobs.bytes,
      " bytes were removed; ",
      expired.uploads,
      " uploads and ",
      expired.caches,
      " caches had expired\n"
  ));
  return {};
}

bool is_meant(
    const Common& common, const executor::cache::CacheEntry& entry, const CacheArgs& args
) {
  const std::optional<Namespace> ns = listed_namespace(common);
  return (!ns || entry.key.ns == ns->view()) &&
         (args.workflow.empty() || entry.key.workflow == args.workflow);
}

Json to_json(const executor::cache::CacheEntry& entry) {
  Json json = Json::object();
  json.set("namespace", entry.key.ns).set("workflow", entry.key.workflow).set("key", entry.label);
  json.set("hash", entry.key.hash).set("digest", entry.pack.str());
  json.set("sizeBytes", entry.size_bytes).set("files", static_cast<std::int64_t>(entry.files));
  json.set("createdAt", format_timestamp(entry.created_at));
  json.set("usedAt", format_timestamp(entry.used_at));
  json.set("expiresAt", format_timestamp(entry.expires_at));
  return json;
}

int finished(const Result<void>& result) {
  return result.ok() ? static_cast<int>(ExitCode::Done) : report(result.error());
}

}  // namespace

int handle_artifacts(const Common& common, const ArtifactsArgs& args) {
  switch (args.verb) {
    case ArtifactsArgs::Verb::List:
      return finished(list_files(common, args));
    case ArtifactsArgs::Verb::Get:
      return finished(get_files(common, args));
    case ArtifactsArgs::Verb::Put:
      return finished(put_file(common, args));
    case ArtifactsArgs::Verb::Expire:
      return finished(expire_files(common));
  }
  return static_cast<int>(ExitCode::Usage);
}

int handle_cache(const Common& common, const CacheArgs& args) {
  const executor::cache::CacheStore caches(common.data_dir);
  Json items = Json::array();
  std::string text;
  std::size_t removed = 0;
  const auto entries = caches.list();
  if (!entries.ok()) {
    return report(entries.error());
  }
  for (const executor::cache::CacheEntry& entry : *entries) {
    if (!is_meant(common, entry, args)) {
      continue;
    }
    if (args.clear) {
      const auto done = caches.remove(entry.key);
      if (!done.ok()) {
        return report(done.error());
      }
      ++removed;
    }
    items.push(to_json(entry));
    text += concat(
        namespace_column(common, entry.key.ns),
        entry.key.workflow,
        "  ",
        printable(entry.label),
        "  ",
        entry.files,
        " files  ",
        entry.size_bytes,
        " bytes  used ",
        format_timestamp(entry.used_at),
        "  until ",
        format_timestamp(entry.expires_at),
        "\n"
    );
  }
  if (args.clear) {
    text = concat(removed, " caches were cleared; their files go with the next sweep\n");
  }
  print(
      common.output == Output::Json ? Json::object().set("items", std::move(items)).pretty() : text
  );
  return static_cast<int>(ExitCode::Done);
}

}  // namespace reeve::cli
