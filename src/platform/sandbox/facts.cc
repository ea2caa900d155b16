#include "platform/sandbox/facts.h"

#include <climits>
#include <cstdlib>
#include <memory>
#include <unistd.h>

#include <sys/stat.h>

namespace reeve::sandbox {

namespace {

Fact::Kind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return Fact::Kind::File;
    case S_IFDIR:
      return Fact::Kind::Directory;
    case S_IFSOCK:
      return Fact::Kind::Socket;
    case S_IFLNK:
      return Fact::Kind::Link;
    case S_IFCHR:
    case S_IFBLK:
      return Fact::Kind::Device;
    default:
      return Fact::Kind::Absent;
  }
}

struct Free {
  void operator()(char* text) const { std::free(text); }  // NOLINT: realpath's own memory
};

Fact look_at(const std::string& path) {
  Fact fact;

  struct stat info {};

  if (::lstat(path.c_str(), &info) != 0) {
    return fact;
  }
  fact.kind = kind_of(info.st_mode);
  if (fact.kind == Fact::Kind::Link) {
    std::string text(PATH_MAX, '\0');
    const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
    fact.text = text.substr(0, size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  const std::unique_ptr<char, Free> resolved(::realpath(path.c_str(), nullptr));
  if (resolved && ::stat(resolved.get(), &info) == 0) {
    fact.resolved = resolved.get();
    fact.behind = kind_of(info.st_mode);
  }
  return fact;
}

}  // namespace

Facts look_at(const std::vector<std::string>& paths) {
  Facts facts;
  for (const std::string& path : paths) {
    facts.emplace(path, look_at(path));
  }
  return facts;
}

}  // namespace reeve::sandbox
