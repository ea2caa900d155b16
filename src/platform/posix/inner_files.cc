#include "platform/posix/inner_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <map>
#include <memory>
#include <unistd.h>

#include <sys/stat.h>

#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::platform {

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

/// Looks through one directory for all patterns.
class Finder {
 public:
  Finder(const fs::path& base, const FindOptions& options) : base_(base), options_(options) {}

  void find(const std::string& path, std::size_t number);

  FoundFiles take() {
    for (auto& [path, file] : found_) {
      result_.files.push_back(std::move(file));
    }
    return std::move(result_);
  }

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
  void add(const std::string& path, const struct stat& info);
  void add_link(const std::string& path, const struct stat& info);
  void keep(
      const std::string& path, const fs::path& source, const struct stat& info, std::string link
  );

  template <class... Pieces>
  void warn(const Pieces&... pieces) {
    result_.warnings.push_back(concat(options_.noun, pieces...));
  }

  const fs::path& base_;
  const FindOptions& options_;
  FoundFiles result_;
  std::map<std::string, FoundFile> found_;
  std::size_t number_ = 0;
  std::size_t matches_ = 0;
  std::size_t entries_ = 0;
  bool limit_told_ = false;
};

/// Relative to the working directory, without "./" and trailing '/'.
std::string Finder::normalise(std::string_view path) const {
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
bool Finder::is_inside(const fs::path& path) const {
  std::error_code error;
  const fs::path root = fs::canonical(base_, error);
  const fs::path target = error ? fs::path() : fs::canonical(path, error);
  return !error && (target == root || target.native().starts_with(concat(root.native(), "/")));
}

void Finder::find(const std::string& path, std::size_t number) {
  number_ = number;
  const std::string pattern = normalise(path);
  if (!is_inner_path(pattern)) {
    warn(" path ", path, " was refused: it leaves the working directory");
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
    warn(" path ", path, " was refused: a link on it leaves the working directory");
    return;
  }
  const bool is_directory = prefix.empty() || (exists && S_ISDIR(info.st_mode));
  if (is_directory) {
    const auto depth = static_cast<std::size_t>(std::count(prefix.begin(), prefix.end(), '/'));
    walk({.path = prefix, .depth = prefix.empty() ? 0 : depth + 1, .matched = is_literal}, pattern);
  } else if (exists && is_literal) {
    add(prefix, info);
  }
  if (matches_ == 0) {
    warn(" path ", path, " matched nothing");
  }
}

void Finder::walk(Directory start, const std::string& pattern) {
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
      if (++entries_ > options_.entries_max) {
        if (!limit_told_) {
          limit_told_ = true;
          warn("s: gave up after looking at ", options_.entries_max, " directory entries");
        }
        return;
      }
      visit(directory, entry->d_name, pattern, open);
    }
  }
}

void Finder::visit(
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
      add(path, info);
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

void Finder::add(const std::string& path, const struct stat& info) {
  ++matches_;
  if (found_.contains(path)) {
    return;
  }
  if (path.size() > options_.path_bytes_max || !is_utf8(path)) {
    warn(" ", path, " was refused: its path is too long or not UTF-8");
  } else if (S_ISREG(info.st_mode)) {
    keep(path, base_ / path, info, {});
  } else if (S_ISLNK(info.st_mode)) {
    add_link(path, info);
  } else {
    warn(" ", path, " was refused: it is not a regular file");
  }
}

void Finder::add_link(const std::string& path, const struct stat& info) {
  if (options_.keep_links) {
    std::array<char, PATH_MAX> text{};
    const ssize_t size = ::readlink((base_ / path).c_str(), text.data(), text.size());
    if (size > 0) {
      keep(path, {}, info, std::string(text.data(), static_cast<std::size_t>(size)));
    }
    return;
  }
  std::error_code error;
  const fs::path target = fs::canonical(base_ / path, error);

  struct stat target_info {};

  if (error || ::lstat(target.c_str(), &target_info) != 0) {
    warn(" ", path, " was refused: it is a link to nothing");
  } else if (!is_inside(target)) {
    warn(" ", path, " was refused: it is a link out of the working directory");
  } else if (!S_ISREG(target_info.st_mode)) {
    warn(" ", path, " was refused: it does not link to a file");
  } else {
    keep(path, target, target_info, {});
  }
}

void Finder::keep(
    const std::string& path, const fs::path& source, const struct stat& info, std::string link
) {
  if (found_.size() >= options_.files_max) {
    warn(" ", path, " was refused: more than ", options_.files_max, " ", options_.noun, "s");
    return;
  }
  found_.emplace(
      path,
      FoundFile{
          .path = path,
          .source = source,
          .mode = info.st_mode & kPermissionBits,
          .size_bytes = static_cast<std::uint64_t>(info.st_size),
          .link = std::move(link),
          .pattern = number_}
  );
}

}  // namespace

bool is_inner_path(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) {
    return false;
  }
  const auto parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part.empty() || part == "." || part == "..";
  });
}

FoundFiles find_inner_files(
    const fs::path& base, const std::vector<std::string>& patterns, const FindOptions& options
) {
  Finder finder(base, options);
  std::size_t number = 0;
  for (const std::string& pattern : patterns) {
    finder.find(pattern, ++number);
  }
  return finder.take();
}

Result<void> make_inner_parents(const fs::path& base, std::string_view path) {
  if (!is_inner_path(path)) {
    return make_error(ErrorCode::Invalid, "leaves the working directory");
  }
  fs::path directory = base;
  const auto parts = split(path, '/');
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    directory /= parts[i];
    if (::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return errno_error("mkdir", directory);
    }

    struct stat info {};

    if (::lstat(directory.c_str(), &info) != 0) {
      return errno_error("stat", directory);
    }
    if (!S_ISDIR(info.st_mode)) {
      return make_error(ErrorCode::Invalid, "passes through something that is not a directory");
    }
  }
  return {};
}

}  // namespace reeve::platform
