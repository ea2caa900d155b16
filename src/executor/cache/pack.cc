#include "executor/cache/pack.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <unistd.h>

#include <sys/stat.h>

#include "base/json.h"
#include "base/strings.h"
#include "platform/posix/files.h"

namespace reeve::executor::cache {

namespace fs = std::filesystem;

using platform::errno_error;
using platform::FileDescriptor;

namespace {

constexpr std::string_view kHead = "reeve-pack 1\n";
constexpr std::size_t kChunkBytes = std::size_t{256} << 10U;
constexpr std::size_t kLineBytesMax = std::size_t{16} << 10U;
constexpr std::size_t kLinkBytesMax = 4096;
constexpr mode_t kPackMode = 0600;
constexpr std::int64_t kPermissionBits = 0777;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

using File = std::unique_ptr<std::FILE, CloseFile>;

Error corrupt(std::string what) {
  return make_error(ErrorCode::Corrupt, concat("the pack is damaged: ", what));
}

Result<void> write_bytes(std::FILE* file, std::string_view bytes, const fs::path& path) {
  return std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size()
             ? Result<void>{}
             : Result<void>(errno_error("write", path));
}

/// Appends exactly `file.size_bytes` bytes of it.
Result<void> append_content(
    std::FILE* out, const fs::path& target, const platform::FoundFile& file
) {
  const FileDescriptor in(
      ::open(file.source.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
  );
  if (!in) {
    return errno_error("open", file.source);
  }
  std::string chunk(kChunkBytes, '\0');
  std::uint64_t left = file.size_bytes;
  while (left > 0) {
    const std::size_t wanted = std::min<std::uint64_t>(left, chunk.size());
    const ssize_t count = ::read(in.get(), chunk.data(), wanted);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return make_error(ErrorCode::Io, concat(file.path, " became shorter while it was read"));
    }
    REEVE_CHECK(
        write_bytes(out, std::string_view(chunk.data(), static_cast<std::size_t>(count)), target)
    );
    left -= static_cast<std::uint64_t>(count);
  }
  return {};
}

Json header_of(const platform::FoundFile& file) {
  Json header = Json::object();
  header.set("path", file.path);
  if (!file.link.empty()) {
    header.set("link", file.link);
  } else {
    header.set("mode", static_cast<std::int64_t>(file.mode));
    header.set("size", file.size_bytes);
  }
  return header;
}

/// Reads a pack from its start to its end.
class Unpacker {
 public:
  Unpacker(std::FILE* in, const fs::path& base, const PackLimits& limits)
      : in_(in), base_(base), limits_(limits) {}

  Result<std::size_t> run() {
    std::string head(kHead.size(), '\0');
    if (std::fread(head.data(), 1, head.size(), in_) != head.size() || head != kHead) {
      return corrupt("it has no head");
    }
    std::size_t files = 0;
    for (;;) {
      REEVE_TRY(const std::string line, read_line());
      if (line.empty()) {
        break;
      }
      if (++files > limits_.files_max) {
        return make_error(
            ErrorCode::LimitExceeded, concat("the pack has more than ", limits_.files_max, " files")
        );
      }
      REEVE_CHECK(take(line));
    }
    // Last, so that no file is ever written through one of them.
    for (const auto& [path, link] : links_) {
      REEVE_CHECK(make_link(path, link));
    }
    return files;
  }

 private:
  /// Without its end; empty at the end of the pack.
  Result<std::string> read_line() {
    std::string line;
    for (;;) {
      const int c = std::getc(in_);
      if (c == EOF && line.empty()) {
        return line;
      }
      if (c == EOF || line.size() > kLineBytesMax) {
        return corrupt("a header does not end");
      }
      if (c == '\n') {
        return line.empty() ? Result<std::string>(corrupt("a header is empty")) : line;
      }
      line.push_back(static_cast<char>(c));
    }
  }

  Result<void> take(const std::string& line) {
    const auto header = parse_json(line);
    if (!header.ok() || !header->is_object()) {
      return corrupt("a header is no object");
    }
    const std::string path = header->get_string("path");
    if (!platform::is_inner_path(path)) {
      return corrupt(concat("\"", path, "\" leaves the directory"));
    }
    if (const std::string link = header->get_string("link"); !link.empty()) {
      if (!link_stays_inside(path, link)) {
        return corrupt(concat("link ", path, " leaves the directory"));
      }
      links_.emplace_back(path, link);
      return {};
    }
    const std::int64_t size = header->get_int("size", -1);
    const std::int64_t mode = header->get_int("mode", -1);
    if (size < 0 || mode < 0 || mode > kPermissionBits) {
      return corrupt(concat(path, " has no size or mode"));
    }
    bytes_ += static_cast<std::uint64_t>(size);
    if (bytes_ > limits_.bytes_max) {
      return make_error(
          ErrorCode::LimitExceeded, concat("the pack holds more than ", limits_.bytes_max, " bytes")
      );
    }
    return write_file(path, static_cast<std::uint64_t>(size), static_cast<mode_t>(mode));
  }

  Result<void> write_file(const std::string& path, std::uint64_t size, mode_t mode) {
    REEVE_CHECK(make_room(path));
    const fs::path target = base_ / path;
    const FileDescriptor out(
        ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode | S_IWUSR)
    );
    if (!out) {
      return errno_error("open", target);
    }
    std::string chunk(kChunkBytes, '\0');
    while (size > 0) {
      const std::size_t wanted = std::min<std::uint64_t>(size, chunk.size());
      if (std::fread(chunk.data(), 1, wanted, in_) != wanted) {
        return corrupt(concat(path, " is cut off"));
      }
      std::string_view bytes(chunk.data(), wanted);
      while (!bytes.empty()) {
        const ssize_t count = ::write(out.get(), bytes.data(), bytes.size());
        if (count < 0 && errno != EINTR) {
          return errno_error("write", target);
        }
        bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
      }
      size -= wanted;
    }
    return ::fchmod(out.get(), mode) == 0 ? Result<void>{}
                                          : Result<void>(errno_error("chmod", target));
  }

  Result<void> make_link(const std::string& path, const std::string& link) {
    REEVE_CHECK(make_room(path));
    const fs::path target = base_ / path;
    return ::symlink(link.c_str(), target.c_str()) == 0
               ? Result<void>{}
               : Result<void>(errno_error("symlink", target));
  }

  /// Parents, and nothing at the place itself.
  Result<void> make_room(const std::string& path) {
    REEVE_CHECK(platform::make_inner_parents(base_, path));
    const fs::path target = base_ / path;
    if (::unlink(target.c_str()) != 0 && errno != ENOENT) {
      return errno_error("unlink", target);
    }
    return {};
  }

  std::FILE* in_;
  const fs::path& base_;
  const PackLimits& limits_;
  std::uint64_t bytes_ = 0;
  std::vector<std::pair<std::string, std::string>> links_;
};

File open_file(const fs::path& path, int flags, const char* mode) {
  FileDescriptor fd(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kPackMode));
  File file(fd ? ::fdopen(fd.get(), mode) : nullptr);
  if (file) {
    fd.release();
  }
  return file;
}

}  // namespace

bool link_stays_inside(std::string_view path, std::string_view link) {
  if (link.empty() || link.front() == '/' || link.size() > kLinkBytesMax ||
      link.find('\0') != std::string_view::npos) {
    return false;
  }
  const auto parts = split(path, '/');
  auto depth = static_cast<std::ptrdiff_t>(parts.size()) - 1;
  for (const std::string_view part : split(link, '/')) {
    if (part == "..") {
      --depth;
    } else if (!part.empty() && part != ".") {
      ++depth;
    }
    if (depth < 0) {
      return false;
    }
  }
  return true;
}

Result<void> write_pack(
    const fs::path& target, const std::vector<platform::FoundFile>& files, const PackLimits& limits
) {
  std::uint64_t bytes = 0;
  for (const platform::FoundFile& file : files) {
    bytes += file.link.empty() ? file.size_bytes : 0;
  }
  if (files.size() > limits.files_max || bytes > limits.bytes_max) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            files.size(),
            " files with ",
            bytes,
            " bytes are more than ",
            limits.files_max,
            " files or ",
            limits.bytes_max,
            " bytes"
        )
    );
  }
  File out = open_file(target, O_WRONLY | O_CREAT | O_TRUNC, "w");
  if (!out) {
    return errno_error("open", target);
  }
  REEVE_CHECK(write_bytes(out.get(), kHead, target));
  for (const platform::FoundFile& file : files) {
    REEVE_CHECK(write_bytes(out.get(), concat(header_of(file).dump(), "\n"), target));
    if (file.link.empty()) {
      REEVE_CHECK(append_content(out.get(), target, file));
    }
  }
  return std::fclose(out.release()) == 0 ? Result<void>{}
                                         : Result<void>(errno_error("write", target));
}

Result<std::size_t> unpack(const fs::path& source, const fs::path& base, const PackLimits& limits) {
  const File in = open_file(source, O_RDONLY, "r");
  if (!in) {
    return errno_error("open", source);
  }
  return Unpacker(in.get(), base, limits).run();
}

}  // namespace reeve::executor::cache
