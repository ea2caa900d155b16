#include "api/paced_stream.h"

#include <cstddef>

#include "api/services.h"
#include "base/strings.h"
#include "net/server.h"

namespace reeve::api {

namespace {

/// What waits for the reader before writing stops. An event that is longer is written when nothing
/// waits.
constexpr std::size_t kAheadBytesMax = std::size_t{256} << 10U;
constexpr Duration kLookPeriod{20};

}  // namespace

bool PacedStream::write(std::shared_ptr<const std::string> text) {
  const std::size_t waits = stream_->buffered_bytes();
  refused_ = waits > 0 && waits + text->size() > kAheadBytesMax;
  if (refused_ || !stream_->write(std::move(text))) {
    return false;
  }
  ++written_;
  return true;
}

void PacedStream::pump_later(Services& services, const std::shared_ptr<StreamTask>& task) {
  if (*waits_) {
    return;
  }
  *waits_ = true;
  Streams& streams = *services.streams;
  services.server->post_after(
      kLookPeriod,
      [&streams, waits = waits_, weak = std::weak_ptr<StreamTask>(task)] {
        *waits = false;
        const std::shared_ptr<StreamTask> alive = weak.lock();
        if (alive != nullptr && !alive->pump()) {
          streams.remove(alive);
        }
      }
  );
}

bool PacedStream::keep_alive(Revision after) {
  if (refused_ && written_ == written_before_) {
    stream_->write(concat("event: lagged\ndata: {\"from\":", after.value(), "}\n\n"));
    stream_->close();
    return false;
  }
  written_before_ = written_;
  return stream_->write(std::string(": keep-alive\n\n"));
}

}  // namespace reeve::api
