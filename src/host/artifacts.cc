#include "host/artifacts.h"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "base/strings.h"
#include "host/run_dir.h"
#include "platform/posix/files.h"

namespace reeve::host {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kPermissionBits = 0777;
constexpr std::size_t kWalkDepthMax = 64;
constexpr mode_t kDirectoryMode = 0755;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool has_wildcard(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

/// Finds the files of one run's artifact paths.
class Collector {
 public:
  Collector(
      blob::BlobStore& blobs,
      const fs::path& base,
      const model::RunSpec& spec,
      model::RunResult& result
  )
      : blobs_(blobs), base_(base), spec_(spec), result_(result) {}

  void collect(const std::string& path);
  void finish();

 private:
  struct Directory {
    std::string path;
    std::size_t depth = 0;
    /// It, or one above it, matched: everything below belongs to it.
    bool matched = false;
  };

  std::string normalise(std::string_view path) const;
  bool is_inside(const fs::path& path) const;
  void walk(Directory start, const std::string& pattern);
  void visit(
      const Directory& parent,
      const char* name,
      const std::string& pattern,
      std::vector<Directory>& open
  );
  void keep(const std::string& path, const struct stat& info);
  void keep_link(const std::string& path);
  void store(const std::string& path, const fs::path& source, const struct stat& info);

  blob::BlobStore& blobs_;
  const fs::path& base_;
  const model::RunSpec& spec_;
  model::RunResult& result_;
  std::map<std::string, model::ArtifactRef> found_;
  std::size_t matches_ = 0;
  std::size_t entries_ = 0;
  bool limit_told_ = false;
};

/// Relative to the working directory, without "./" and trailing '/'.
std::string Collector::normalise(std::string_view path) const {
  const std::string prefix = concat(base_.native(), "/");
  if (path.starts_with(prefix)) {
    path.remove_prefix(prefix.size());
  }
  while (path.starts_with("./")) {
    path.remove_prefix(2);
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  return std::string(path);
}

/// Whether `path`, all links resolved, is the working directory or below it.
bool Collector::is_inside(const fs::path& path) const {
  std::error_code error;
  const fs::path root = fs::canonical(base_, error);
  const fs::path target = error ? fs::path() : fs::canonical(path, error);
  return !error && (target == root || target.native().starts_with(concat(root.native(), "/")));
}

void Collector::collect(const std::string& path) {
  const std::string pattern = normalise(path);
  if (!is_inner_path(pattern)) {
    add_warning(
        result_, concat("artifact path ", path, " was refused: it leaves the working directory")
    );
    return;
  }
  // Only what lies below the part without wildcards can match.
  std::string prefix;
  bool is_literal = true;
  for (const std::string_view part : split(pattern, '/')) {
    if (has_wildcard(part)) {
      is_literal = false;
      break;
    }
    prefix = prefix.empty() ? std::string(part) : concat(prefix, "/", part);
  }
  matches_ = 0;

  struct stat info {};

  const bool exists = prefix.empty() || ::lstat((base_ / prefix).c_str(), &info) == 0;
  if (exists && !prefix.empty() && !is_inside((base_ / prefix).parent_path())) {
    add_warning(
        result_,
        concat("artifact path ", path, " was refused: a link on it leaves the working directory")
    );
    return;
  }
  const bool is_directory = prefix.empty() || (exists && S_ISDIR(info.st_mode));
  if (is_directory) {
    const auto depth = static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '/'));
    walk({.path = prefix, .depth = prefix.empty() ? 0 : depth + 1, .matched = is_literal}, pattern);
  } else if (exists && is_literal) {
    keep(prefix, info);
  }
  if (matches_ == 0) {
    add_warning(result_, concat("artifact path ", path, " matched nothing"));
  }
}

void Collector::walk(Directory start, const std::string& pattern) {
  std::vector<Directory> open;
  open.push_back(std::move(start));
  while (!open.empty()) {
    const Directory directory = std::move(open.back());
    open.pop_back();
    const fs::path path = directory.path.empty() ? base_ : base_ / directory.path;
    const std::unique_ptr<DIR, CloseDirectory> stream(::opendir(path.c_str()));
    if (!stream) {
      continue;
    }
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") {
        continue;
      }
      if (++entries_ > kArtifactEntriesMax) {
        if (!limit_told_) {
          limit_told_ = true;
          add_warning(
              result_,
              concat(
                  "artifacts: gave up after looking at ", kArtifactEntriesMax, " directory entries"
              )
          );
        }
        return;
      }
      visit(directory, entry->d_name, pattern, open);
    }
  }
}

void Collector::visit(
    const Directory& parent,
    const char* name,
    const std::string& pattern,
    std::vector<Directory>& open
) {
  const std::string path = parent.path.empty() ? name : concat(parent.path, "/", name);

  struct stat info {};

  if (::lstat((base_ / path).c_str(), &info) != 0) {
    return;
  }
  const bool matched = parent.matched || glob_match(pattern, path);
  if (!S_ISDIR(info.st_mode)) {
    if (matched) {
      keep(path, info);
    }
    return;
  }
  const bool any_depth = pattern.find("**") != std::string::npos;
  const auto depth_max = static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '/'));
  const bool may_match = matched || any_depth || parent.depth < depth_max;
  if (may_match && parent.depth < kWalkDepthMax) {
    open.push_back({.path = path, .depth = parent.depth + 1, .matched = matched});
  }
}

void Collector::keep(const std::string& path, const struct stat& info) {
  ++matches_;
  if (found_.contains(path)) {
    return;
  }
  if (path.size() > model::kArtifactPathBytesMax || !is_utf8(path)) {
    add_warning(
        result_, concat("artifact ", path, " was refused: its path is too long or not UTF-8")
    );
    return;
  }
  if (S_ISREG(info.st_mode)) {
    store(path, base_ / path, info);
  } else if (S_ISLNK(info.st_mode)) {
    keep_link(path);
  } else {
    add_warning(result_, concat("artifact ", path, " was refused: it is not a regular file"));
  }
}

void Collector::keep_link(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::canonical(base_ / path, error);

  struct stat info {};

  if (error || ::lstat(target.c_str(), &info) != 0) {
    add_warning(result_, concat("artifact ", path, " was refused: it is a link to nothing"));
  } else if (!is_inside(target)) {
    add_warning(
        result_,
        concat("artifact ", path, " was refused: it is a link out of the working directory")
    );
  } else if (!S_ISREG(info.st_mode)) {
    add_warning(result_, concat("artifact ", path, " was refused: it does not link to a file"));
  } else {
    store(path, target, info);
  }
}

void Collector::store(const std::string& path, const fs::path& source, const struct stat& info) {
  if (found_.size() >= model::kArtifactsMax) {
    add_warning(
        result_,
        concat("artifact ", path, " was refused: more than ", model::kArtifactsMax, " artifacts")
    );
    return;
  }
  const auto stored = blobs_.put_file(source, kArtifactBytesMax);
  if (!stored.ok()) {
    add_warning(
        result_, concat("artifact ", path, " could not be kept: ", stored.error().describe())
    );
    return;
  }
  model::ArtifactRef artifact{
      .path = path,
      .digest = stored->digest,
      .size_bytes = stored->size_bytes,
      .mode = info.st_mode & kPermissionBits,
      .expires_at = std::nullopt};
  if (spec_.artifact_expiry) {
    artifact.expires_at = result_.ended_at + *spec_.artifact_expiry;
  }
  found_.emplace(path, std::move(artifact));
}

void Collector::finish() {
  for (auto& [path, artifact] : found_) {
    result_.artifacts.push_back(std::move(artifact));
  }
}

bool wanted(model::ArtifactWhen when, bool succeeded) {
  switch (when) {
    case model::ArtifactWhen::Always:
      return true;
    case model::ArtifactWhen::OnSuccess:
      return succeeded;
    case model::ArtifactWhen::OnFailure:
      return !succeeded;
  }
  return true;
}

/// Makes the directories above `path`, each a real directory.
Result<void> make_parents(const fs::path& base, std::string_view path) {
  fs::path directory = base;
  const auto parts = split(path, '/');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    directory /= parts[i];
    if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return platform::errno_error("mkdir", directory);
    }

    struct stat info {};

    if (::lstat(directory.c_str(), &info) != 0) {
      return platform::errno_error("stat", directory);
    }
    if (!S_ISDIR(info.st_mode)) {
      return make_error(ErrorCode::Invalid, "passes through something that is not a directory");
    }
  }
  return {};
}

Result<void> place_input(
    blob::BlobStore& blobs, const fs::path& base, const model::ArtifactRef& input
) {
  if (!is_inner_path(input.path)) {
    return make_error(ErrorCode::Invalid, "leaves the working directory");
  }
  REEVE_CHECK(make_parents(base, input.path));
  return blobs.fetch(input.digest, base / input.path, input.mode & kPermissionBits);
}

}  // namespace

void collect_artifacts(
    blob::BlobStore& blobs,
    const fs::path& base,
    const model::RunSpec& spec,
    model::RunResult& result
) {
  if (!wanted(spec.artifact_when, result.succeeded())) {
    return;
  }
  Collector collector(blobs, base, spec, result);
  for (const std::string& path : spec.artifact_paths) {
    collector.collect(path);
  }
  collector.finish();
}

Result<void> place_inputs(
    blob::BlobStore& blobs, const fs::path& base, const std::vector<model::ArtifactRef>& inputs
) {
  for (const model::ArtifactRef& input : inputs) {
    auto placed = place_input(blobs, base, input);
    if (!placed.ok()) {
      Error error = std::move(placed).error();
      error.message = concat("input ", input.path, ": ", error.message);
      return error;
    }
  }
  return {};
}

}  // namespace reeve::host
