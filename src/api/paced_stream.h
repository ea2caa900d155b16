#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "api/call.h"
#include "api/streams.h"
#include "net/exchange.h"

namespace reeve::api {

/// A stream that is written no faster than its reader takes it: what is told can be read again
/// later, so that a long history needs no more memory than a short one.
///
/// Threading: the network thread.
class PacedStream {
 public:
  explicit PacedStream(std::shared_ptr<net::Stream> stream) : stream_(std::move(stream)) {}

  bool open() const { return stream_->open(); }

  /// False: too much waits for the reader, or it is gone; nothing was written. Ask again later.
  bool write(std::shared_ptr<const std::string> text);

  bool write(std::string text) {
    return write(std::make_shared<const std::string>(std::move(text)));
  }

  /// Has `task` pumped again soon, to write what could not be written.
  void pump_later(Services& services, const std::shared_ptr<StreamTask>& task);

  /// A comment, so that silence means trouble; or, if the reader took nothing since the last call
  /// although something waited, where it has to go on, and the end. False: it is over.
  bool keep_alive(Revision after);

  void close() { stream_->close(); }

 private:
  std::shared_ptr<net::Stream> stream_;
  std::uint64_t written_ = 0;
  std::uint64_t written_before_ = 0;
  /// The last that was to be written had no room.
  bool refused_ = false;
  /// A call of `pump_later` has not come true yet.
  std::shared_ptr<bool> waits_ = std::make_shared<bool>(false);
};

}  // namespace reeve::api
