#include "net/end_signal.h"

namespace reeve::net {

void EndSignal::set(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (dropped_) {
      return;
    }
    if (!fired_) {
      callback_ = std::move(callback);
      return;
    }
  }
  const std::shared_ptr<Loop> loop = loop_.lock();
  if (!loop || !loop->post(callback)) {
    callback();
  }
}

void EndSignal::fire() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (fired_ || dropped_) {
      return;
    }
    fired_ = true;
    callback = std::move(callback_);
    callback_ = nullptr;
  }
  if (callback) {
    callback();
  }
}

void EndSignal::drop() {
  // Destroyed after the lock is gone: it may own whatever leads back here.
  std::function<void()> callback;
  const std::lock_guard lock(mutex_);
  dropped_ = true;
  callback.swap(callback_);
}

}  // namespace reeve::net
