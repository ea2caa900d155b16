#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace reeve::api::view {

/// A value that is made when it is first wanted and never changes afterwards. Threads that want it
/// at the same time may each make one; all of them get the one that was ready first.
///
/// Threading: `get` and `peek` from any thread; moving needs the only reference.
template <class Value>
class Once {
 public:
  Once() = default;

  Once(Once&& other) noexcept : value_(other.value_.exchange(nullptr)) {}

  Once& operator=(Once&& other) noexcept {
    delete value_.exchange(other.value_.exchange(nullptr));
    return *this;
  }

  ~Once() { delete value_.load(std::memory_order_acquire); }

  Once(const Once&) = delete;
  Once& operator=(const Once&) = delete;

  /// The value if it has been made, otherwise null.
  Value* peek() const { return value_.load(std::memory_order_acquire); }

  /// The value; `make()` gives it if there is none yet.
  template <class Make>
  Value& get(const Make& make) const {
    if (Value* made = peek()) {
      return *made;
    }
    auto mine = std::make_unique<Value>(make());
    Value* expected = nullptr;
    if (value_.compare_exchange_strong(expected, mine.get(), std::memory_order_acq_rel)) {
      return *mine.release();
    }
    return *expected;
  }

 private:
  mutable std::atomic<Value*> value_{nullptr};
};

}  // namespace reeve::api::view
