#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "net/loop.h"

namespace reeve::net {

/// One callback that runs once when something ends, however it is set and whichever comes first.
/// Any thread; the callback runs on the network thread (or, once that has stopped, where it is
/// set).
class EndSignal {
 public:
  explicit EndSignal(std::weak_ptr<Loop> loop) : loop_(std::move(loop)) {}

  void set(std::function<void()> callback);

  /// It ended. Network thread.
  void fire();

  /// It will not end any more: forgets the callback and ignores later ones.
  void drop();

 private:
  std::weak_ptr<Loop> loop_;
  std::mutex mutex_;
  std::function<void()> callback_;
  bool fired_ = false;
  bool dropped_ = false;
};

}  // namespace reeve::net
