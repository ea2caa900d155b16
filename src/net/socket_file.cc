#include "net/socket_file.h"

#include <unistd.h>

#include <sys/stat.h>

#include "platform/posix/files.h"

namespace reeve::net {

Result<std::shared_ptr<SocketFile>> SocketFile::own(const std::string& path) {
  struct stat status {};

  if (::lstat(path.c_str(), &status) != 0) {
    return platform::errno_error("lstat", path);
  }
  return std::shared_ptr<SocketFile>(new SocketFile(path, status.st_dev, status.st_ino));
}

void SocketFile::remove() {
  if (removed_.exchange(true)) {
    return;
  }

  struct stat status {};

  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == number_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace reeve::net
