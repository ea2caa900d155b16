#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/server.h"
#include "platform/posix/files.h"

/// Ends of pipes, and of pairs of sockets, on the network thread of a server.
namespace reeve::net {

/// The end that is read. What comes is told piece by piece, as it comes; so is its end, once. What
/// nobody reads waits at the other side.
///
/// Threading: the network thread.
class PipeReader {
 public:
  /// Both are called on the network thread, never within `PipeReader`'s own calls; each may close
  /// or destroy the reader.
  struct Told {
    std::function<void(std::string_view piece)> data;
    std::function<void()> end;
  };

  /// `fd` becomes non-blocking.
  PipeReader(Server& server, platform::FileDescriptor fd, Told told);
  ~PipeReader();
  PipeReader(const PipeReader&) = delete;
  PipeReader& operator=(const PipeReader&) = delete;

  /// Nothing is told any more.
  void close();

 private:
  class Live;

  std::shared_ptr<Live> live_;
};

/// The end that is written. What the other side does not take waits here.
///
/// Threading: the network thread.
class PipeWriter {
 public:
  /// `fd` becomes non-blocking. Nobody is told that the other side reads no more: what is written
  /// is dropped then.
  PipeWriter(Server& server, platform::FileDescriptor fd);
  ~PipeWriter();
  PipeWriter(const PipeWriter&) = delete;
  PipeWriter& operator=(const PipeWriter&) = delete;

  void write(std::string text);

  /// Bytes that wait.
  std::size_t unsent() const;

  /// Whether anybody holds the other side now.
  bool is_read() const;

  /// Drops what waits. The other side sees the end.
  void close();

 private:
  class Live;

  std::shared_ptr<Live> live_;
};

}  // namespace reeve::net
