#include "cli/sweeper.h"

#include <utility>

#include <sys/resource.h>

#include "base/strings.h"

namespace reeve::cli {

namespace {

/// The last to get time of a processor.
constexpr int kNiceness = 19;

}  // namespace

Sweeper::Sweeper(Sweep sweep, Tell tell, Duration period)
    : sweep_(std::move(sweep)),
      tell_(std::move(tell)),
      period_(period),
      thread_([this] { run(); }) {}

Sweeper::~Sweeper() {
  stop();
}

void Sweeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void Sweeper::run() {
  // On Linux this concerns the calling thread only. Without it the work is the same.
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
  while (true) {
    sweep_once();
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, period_, [this] { return stopping_; })) {
      return;
    }
  }
}

/// Says what was removed, and nothing if there was nothing.
void Sweeper::sweep_once() {
  const Result<artifact::Expired> expired = sweep_();
  if (!expired) {
    tell_(concat("what has expired could not be removed: ", expired.error().describe()));
  } else if (expired->blobs.blobs + expired->uploads + expired->caches > 0) {
    tell_(concat(
        "expired: ",
        expired->uploads,
        " uploads, ",
        expired->caches,
        " caches; ",
        expired->blobs.blobs,
        " files with ",
        expired->blobs.bytes,
        " bytes were removed"
    ));
  }
}

}  // namespace reeve::cli
