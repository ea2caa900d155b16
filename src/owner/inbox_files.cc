#include "owner/inbox_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <set>
#include <unistd.h>

#include <sys/stat.h>

#include "base/hash.h"
#include "base/strings.h"
#include "model/scoped_name.h"
#include "platform/posix/files.h"

namespace reeve::owner {

namespace fs = std::filesystem;

namespace {

constexpr const char* kNamespaces = "namespaces";
constexpr const char* kInbox = "inbox";
constexpr const char* kTaken = "taken";
constexpr const char* kDone = "done";
constexpr const char* kFailed = "failed";
constexpr std::string_view kParamsSuffix = ".params.json";
constexpr std::string_view kBoundParams = ".params-";
constexpr std::string_view kErrorSuffix = ".error.txt";
constexpr mode_t kPrivate = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr std::size_t kReadBytes = std::size_t{1} << 20U;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kTagDigits = 12;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kMillisPerSecond = 1000;

/// An error of the operating system that may be gone the next time.
Error passing_error(std::string_view call, const fs::path& path) {
  Error error = platform::errno_error(call, path);
  error.code = ErrorCode::Unavailable;
  return error;
}

Sight sight_of(const struct stat& info) {
  return {
      .device = info.st_dev,
      .inode = info.st_ino,
      .size_bytes = static_cast<std::uint64_t>(info.st_size),
      .modified_nanos = info.st_mtim.tv_sec * kNanosPerSecond + info.st_mtim.tv_nsec};
}

std::optional<Sight> look_at(const fs::path& path) {
  struct stat info {};

  return ::lstat(path.c_str(), &info) == 0 ? std::optional(sight_of(info)) : std::nullopt;
}

/// Whether the name leads to that file, whatever was written to it meanwhile.
bool is_same_file(const fs::path& path, const Sight& sight) {
  const std::optional<Sight> there = look_at(path);
  return there && there->inode == sight.inode && there->device == sight.device;
}

/// Tells files of one name apart.
std::string tag_of(const Sight& sight) {
  return sha256(concat(sight.device, "\n", sight.inode, "\n", sight.modified_nanos))
      .str()
      .substr(0, kTagDigits);
}

/// `a.csv` → `a.0123456789ab.csv`; a name that would be too long loses the end of its stem.
std::string tagged(const std::string& name, const std::string& tag) {
  const fs::path path(name);
  std::string stem = path.stem().string();
  const std::string rest = concat(".", tag, path.extension().string());
  std::size_t size = std::min(stem.size(), kNameBytesMax - std::min(kNameBytesMax, rest.size()));
  const auto inside_character = [&stem](std::size_t at) {
    return at > 0 && at < stem.size() && (static_cast<unsigned char>(stem[at]) & 0xC0U) == 0x80U;
  };
  while (inside_character(size)) {
    --size;
  }
  return concat(stem.substr(0, size), rest);
}

/// `build.yaml` → `build.params.json`
std::string params_name(const std::string& name) {
  return concat(fs::path(name).stem().string(), kParamsSuffix);
}

bool rename_to_free_name(const fs::path& from, const fs::path& to) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0;
}

/// The names in a directory for which `wanted` says yes, in order.
template <class Wanted>
Result<std::vector<std::string>> names_in(const fs::path& directory, Wanted wanted) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator at(directory, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    if (wanted(name) && !fs::is_directory(at->symlink_status(ignored))) {
      names.push_back(name);
    }
  }
  if (failed) {
    return make_error(
        ErrorCode::Unavailable, concat("cannot list ", directory.string(), ": ", failed.message())
    );
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Reads to the end, hands every piece to `sink` and returns the digest of all.
template <class Sink>
Result<std::string> read_through(int fd, const fs::path& path, Sink sink) {
  Sha256 hash;
  std::string buffer(kReadBytes, '\0');
  std::uint64_t total = 0;
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return passing_error("read", path);
    }
    if (count == 0) {
      const Sha256Bytes bytes = hash.finish();
      return to_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    total += static_cast<std::uint64_t>(count);
    if (total > kInboxFileBytesMax) {
      return make_error(
          ErrorCode::Invalid,
          concat("has more than ", kInboxFileBytesMax, " bytes"),
          path.filename()
      );
    }
    const std::string_view piece(buffer.data(), static_cast<std::size_t>(count));
    hash.update(piece);
    REEVE_CHECK(sink(piece));
  }
}

Result<std::string> digest_of(int fd, const fs::path& path) {
  return read_through(fd, path, [](std::string_view) -> Result<void> { return {}; });
}

/// Opens what may be taken.
Result<platform::FileDescriptor> open_file(const fs::path& path, struct stat& info) {
  const std::string name = path.filename();
  platform::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ELOOP) {
    return make_error(ErrorCode::Invalid, "is a symbolic link", name);
  }
  if (!fd && (errno == EACCES || errno == EPERM || errno == ENXIO)) {
    return make_error(ErrorCode::PermissionDenied, "cannot be read", name);
  }
  if (!fd || ::fstat(fd.get(), &info) != 0) {
    return passing_error("open", path);
  }
  if (!S_ISREG(info.st_mode)) {
    return make_error(ErrorCode::Invalid, "is no file", name);
  }
  if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    return make_error(
        ErrorCode::PermissionDenied, "belongs to another user than this process", name
    );
  }
  if (!is_utf8(name)) {
    return make_error(ErrorCode::Invalid, "has a name that is not UTF-8", "inbox");
  }
  return fd;
}

Result<void> write_piece(int fd, const fs::path& path, std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t count = ::write(fd, piece.data(), piece.size());
    if (count < 0 && errno != EINTR) {
      return passing_error("write", path);
    }
    piece.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return {};
}

/// Copies a taken file, in the state in which it was read.
Result<void> copy_to(const TakenFile& file, const fs::path& to) {
  struct stat info {};

  REEVE_TRY(const platform::FileDescriptor from, open_file(file.path, info));
  const platform::FileDescriptor copy(
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kPrivateFile)
  );
  if (!copy) {
    return passing_error("open", to);
  }
  const auto write = [&](std::string_view piece) {
    return write_piece(copy.get(), to, piece);
  };
  REEVE_TRY(const std::string digest, read_through(from.get(), file.path, write));
  if (digest != file.digest) {
    return make_error(ErrorCode::Unavailable, "is still being written", file.name);
  }
  return ::fsync(copy.get()) == 0 ? Result<void>() : passing_error("fsync", to);
}

/// Whether a file of this content lies there.
bool holds(const fs::path& path, const std::string& digest) {
  struct stat info {};

  const Result<platform::FileDescriptor> fd = open_file(path, info);
  if (!fd) {
    return false;
  }
  const Result<std::string> there = digest_of(fd->get(), path);
  return there && *there == digest;
}

/// The file cannot have a second name: it is another user's (fs.protected_hardlinks), it has too
/// many already, or the file system has no links.
bool forbids_links(int number) {
  return number == EPERM || number == EOPNOTSUPP || number == EMLINK || number == EXDEV;
}

Error no_free_place(const TakenFile& file) {
  return make_error(ErrorCode::Unavailable, "has no free place in done", file.name);
}

}  // namespace

bool is_document(std::string_view name) {
  return name.ends_with(".yaml") || name.ends_with(".yml");
}

fs::path inbox_home(const fs::path& data_dir, const Namespace& ns) {
  return ns.view() == model::kDefaultNamespace ? data_dir : data_dir / kNamespaces / ns.str();
}

Result<std::vector<Namespace>> namespaces_with_inbox(const fs::path& data_dir) {
  std::vector<Namespace> namespaces;
  std::error_code failed;
  for (fs::directory_iterator at(data_dir / kNamespaces, failed);
       !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    std::error_code ignored;
    const std::string name = at->path().filename().string();
    // No links: what lies behind one is nobody's inbox.
    const fs::path inbox = at->path() / kInbox;
    if (model::check_namespace(name).ok() && name != model::kDefaultNamespace &&
        fs::is_directory(at->symlink_status(ignored)) &&
        fs::is_directory(fs::symlink_status(inbox, ignored))) {
      namespaces.emplace_back(name);
    }
  }
  if (failed && failed != std::errc::no_such_file_or_directory) {
    return make_error(
        ErrorCode::Unavailable,
        concat("cannot list ", (data_dir / kNamespaces).string(), ": ", failed.message())
    );
  }
  std::sort(namespaces.begin(), namespaces.end());
  namespaces.resize(std::min(namespaces.size(), kInboxesMax));
  return namespaces;
}

Result<InboxFiles> InboxFiles::open(const fs::path& home) {
  InboxFiles files(home / kInbox);
  REEVE_CHECK(files.make_folders());
  REEVE_CHECK(files.keep_lost_params());
  return files;
}

Result<void> InboxFiles::make_folders() const {
  for (const char* folder : {kTaken, kDone, kFailed}) {
    REEVE_CHECK(platform::make_directories(directory_ / folder, kPrivate));
  }
  return {};
}

Result<std::vector<std::string>> InboxFiles::arrived() const {
  REEVE_TRY(std::vector<std::string> names, names_in(directory_, [](const std::string& name) {
              return !name.starts_with('.') && !name.ends_with(kParamsSuffix);
            }));
  names.resize(std::min(names.size(), kInboxFilesPerScanMax));
  return names;
}

Result<std::vector<std::string>> InboxFiles::taken() const {
  return names_in(directory_ / kTaken, [](const std::string& name) {
    return !name.starts_with('.');
  });
}

std::optional<Sight> InboxFiles::look(const std::string& name) const {
  return look_at(directory_ / name);
}

/// The same while somebody still writes to the document.
fs::path InboxFiles::params_of(const std::string& name, const Sight& sight) const {
  const Digest tag = sha256(concat(name, "\n", sight.device, "\n", sight.inode));
  return directory_ / kTaken / concat(kBoundParams, tag.view().substr(0, kTagDigits));
}

/// After a crash: params whose document is finished, or has gone.
Result<void> InboxFiles::keep_lost_params() const {
  const auto bound = [](const std::string& name) {
    return name.starts_with(kBoundParams);
  };
  REEVE_TRY(const std::vector<std::string> params, names_in(directory_ / kTaken, bound));
  if (params.empty()) {
    return {};
  }
  std::set<std::string> wanted;
  for (const fs::path& folder : {directory_, directory_ / kTaken}) {
    REEVE_TRY(const std::vector<std::string> documents, names_in(folder, is_document));
    for (const std::string& name : documents) {
      if (const std::optional<Sight> sight = look_at(folder / name)) {
        wanted.insert(params_of(name, *sight).filename());
      }
    }
  }
  for (const std::string& name : params) {
    const fs::path kept = directory_ / kDone / concat(name.substr(1), ".json");
    if (!wanted.contains(name) &&
        ::rename((directory_ / kTaken / name).c_str(), kept.c_str()) != 0) {
      return passing_error("rename", kept);
    }
  }
  return {};
}

Result<void> InboxFiles::claim(const std::string& name, const Sight& seen) const {
  const fs::path from = directory_ / name;
  const fs::path to = directory_ / kTaken / name;
  const fs::path companion = directory_ / params_name(name);
  const bool with_params =
      is_document(name) && ::rename(companion.c_str(), params_of(name, seen).c_str()) == 0;
  Result<void> claimed;
  if (!rename_to_free_name(from, to)) {
    claimed = passing_error("rename", from);
  } else if (look_at(to) != seen) {
    claimed = make_error(ErrorCode::Conflict, "was replaced while it was taken", name);
    REEVE_CHECK(put_back(name, seen));
  }
  if (!claimed && with_params) {
    // Newer params that have arrived meanwhile win.
    (void)rename_to_free_name(params_of(name, seen), companion);
  }
  return claimed;
}

/// Another file came to lie at the name at the last moment: it has not been looked at yet. If its
/// name is taken again by now it gets another.
Result<void> InboxFiles::put_back(const std::string& name, const Sight& sight) const {
  const fs::path from = directory_ / kTaken / name;
  if (!rename_to_free_name(from, directory_ / name) &&
      !rename_to_free_name(from, directory_ / tagged(name, tag_of(sight)))) {
    return passing_error("rename", from);
  }
  return {};
}

Result<TakenFile> InboxFiles::read(const std::string& name) const {
  TakenFile file;
  file.name = name;
  file.path = directory_ / kTaken / name;

  struct stat info {};

  REEVE_TRY(const platform::FileDescriptor fd, open_file(file.path, info));
  file.sight = sight_of(info);
  file.uid = info.st_uid;
  file.params = params_of(name, file.sight);
  REEVE_TRY(file.digest, digest_of(fd.get(), file.path));
  if (look_at(file.path) != file.sight) {
    return make_error(ErrorCode::Unavailable, "is still being written", name);
  }
  file.id = sha256(concat(
                       name,
                       "\n",
                       file.digest,
                       "\n",
                       file.sight.device,
                       "\n",
                       file.sight.inode,
                       "\n",
                       file.sight.modified_nanos
                   ))
                .str();
  return file;
}

bool InboxFiles::has_place(const std::string& name) const {
  const std::optional<Sight> sight = look_at(directory_ / kTaken / name);
  if (!sight) {
    return false;
  }
  const fs::path with_tag = directory_ / kDone / tagged(name, tag_of(*sight));
  return is_same_file(directory_ / kDone / name, *sight) || look_at(with_tag).has_value();
}

Result<void> InboxFiles::place(TakenFile& file) const {
  for (const std::string& name : {file.name, tagged(file.name, tag_of(file.sight))}) {
    file.done = directory_ / kDone / name;
    if (::link(file.path.c_str(), file.done.c_str()) == 0) {
      file.newly_placed = true;
      return platform::sync_directory(directory_ / kDone);
    }
    const int number = errno;
    if (is_same_file(file.done, file.sight)) {
      return {};
    }
    if (forbids_links(number)) {
      return place_copy(file);
    }
    if (number != EEXIST) {
      errno = number;
      return passing_error("link", file.done);
    }
  }
  return holds(file.done, file.digest) ? Result<void>() : no_free_place(file);
}

/// A copy has no sight in common with its file, so that its name says whose it is: always the one
/// with the tag.
Result<void> InboxFiles::place_copy(TakenFile& file) const {
  const std::string tag = tag_of(file.sight);
  file.done = directory_ / kDone / tagged(file.name, tag);
  if (look_at(file.done)) {
    return holds(file.done, file.digest) ? Result<void>() : no_free_place(file);
  }
  const fs::path part = directory_ / kDone / concat(".", tag, ".part");
  Result<void> copied = copy_to(file, part);
  if (copied && !rename_to_free_name(part, file.done)) {
    copied = passing_error("rename", file.done);
  }
  if (!copied) {
    ::unlink(part.c_str());
    return copied;
  }
  file.newly_placed = true;
  return platform::sync_directory(directory_ / kDone);
}

void InboxFiles::displace(const TakenFile& file) const {
  if (file.newly_placed) {
    ::unlink(file.done.c_str());
  }
}

Result<void> InboxFiles::finish(const TakenFile& file) const {
  // The file takes the place of its copy; of two names of one file this leaves both.
  (void)::rename(file.path.c_str(), file.done.c_str());
  if (::unlink(file.path.c_str()) != 0 && errno != ENOENT) {
    return passing_error("unlink", file.path);
  }
  // There may be none. After a crash here they are found by `open`.
  const fs::path kept = directory_ / kDone / params_name(file.done.filename());
  (void)::rename(file.params.c_str(), kept.c_str());
  return {};
}

Result<void> InboxFiles::refuse(const std::string& name, const Error& error) const {
  const fs::path path = directory_ / kTaken / name;
  const Sight sight = look_at(path).value_or(Sight());
  for (const std::string& aside : {name, tagged(name, tag_of(sight))}) {
    if (rename_to_free_name(path, directory_ / kFailed / aside)) {
      const std::string text = error.describe() + "\n";
      // The refusal is told in any case; a note that cannot be written is no second problem.
      (void)platform::replace_file(
          directory_ / kFailed / concat(aside, kErrorSuffix), text, kPrivateFile
      )
          .ok();
      (void)::rename(
          params_of(name, sight).c_str(), (directory_ / kFailed / params_name(aside)).c_str()
      );
      return {};
    }
  }
  return passing_error("rename", path);
}

namespace {

Result<std::uint32_t> expire_in(const fs::path& inbox, Timestamp now) {
  std::uint32_t removed = 0;
  for (const char* folder : {kDone, kFailed}) {
    const fs::path directory = inbox / folder;
    REEVE_TRY(const std::vector<std::string> names, names_in(directory, [](const std::string&) {
                return true;
              }));
    for (const std::string& name : names) {
      struct stat info {};

      // Since it came to lie there, whatever its content says of its age.
      const bool there = ::lstat((directory / name).c_str(), &info) == 0;
      const Timestamp since =
          from_unix_millis(std::int64_t{info.st_ctim.tv_sec} * kMillisPerSecond);
      if (there && now - since > kInboxKept && ::unlink((directory / name).c_str()) == 0) {
        ++removed;
      }
    }
  }
  return removed;
}

}  // namespace

Result<std::uint32_t> expire_inbox(const fs::path& data_dir, Timestamp now) {
  REEVE_TRY(std::uint32_t removed, expire_in(data_dir / kInbox, now));
  REEVE_TRY(const std::vector<Namespace> others, namespaces_with_inbox(data_dir));
  for (const Namespace& ns : others) {
    // One that nobody has looked at yet has no folders.
    if (const auto of_namespace = expire_in(inbox_home(data_dir, ns) / kInbox, now)) {
      removed += *of_namespace;
    }
  }
  return removed;
}

}  // namespace reeve::owner
