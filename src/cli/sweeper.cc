#include "cli/sweeper.h"

#include <utility>

#include <sys/resource.h>

#include "base/strings.h"

namespace reeve::cli {

namespace {

/// The last to get time of a processor.
constexpr int kNiceness = 19;

}  // namespace

std::string describe(const artifact::Expired& expired) {
  if (expired.blobs.blobs + expired.uploads + expired.caches == 0) {
    return {};
  }
  return concat(
      expired.uploads,
      " uploads, ",
      expired.caches,
      " caches; ",
      expired.blobs.blobs,
      " files with ",
      expired.blobs.bytes,
      " bytes"
  );
}

Sweeper::Sweeper(std::vector<Sweep> sweeps, Tell tell, Duration period)
    : sweeps_(std::move(sweeps)),
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

void Sweeper::sweep_once() {
  for (const Sweep& sweep : sweeps_) {
    const Result<std::string> removed = sweep();
    if (!removed) {
      tell_(concat("what has expired could not be removed: ", removed.error().describe()));
    } else if (!removed->empty()) {
      tell_(concat("expired: ", *removed, " were removed"));
    }
  }
}

}  // namespace reeve::cli
