#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include <sys/types.h>

#include "base/result.h"

namespace reeve::net {

/// The file of a unix socket: removed once, by whoever comes first, and only if it is still the
/// same file. Any thread.
class SocketFile {
 public:
  /// Takes over the file that was just bound. Io: it is gone.
  static Result<std::shared_ptr<SocketFile>> own(const std::string& path);

  ~SocketFile() { remove(); }

  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  void remove();

 private:
  SocketFile(std::string path, dev_t device, ino_t number)
      : path_(std::move(path)), device_(device), number_(number) {}

  const std::string path_;
  const dev_t device_;
  const ino_t number_;
  std::atomic<bool> removed_ = false;
};

}  // namespace reeve::net
