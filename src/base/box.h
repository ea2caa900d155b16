#pragma once

#include <memory>
#include <utility>

namespace reeve {

/// Like std::optional, but an absent value costs one pointer: for large members that are rarely
/// there. Copies copy the value.
template <class T>
class Box {
 public:
  Box() = default;

  Box(T value) : value_(std::make_unique<T>(std::move(value))) {}  // NOLINT: reads like optional

  Box(const Box& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}

  Box(Box&&) noexcept = default;
  ~Box() = default;

  Box& operator=(const Box& other) {
    Box copy(other);
    value_ = std::move(copy.value_);
    return *this;
  }

  Box& operator=(Box&&) noexcept = default;

  T& emplace() {
    value_ = std::make_unique<T>();
    return *value_;
  }

  bool has_value() const { return value_ != nullptr; }

  explicit operator bool() const { return has_value(); }

  T& operator*() { return *value_; }

  const T& operator*() const { return *value_; }

  T* operator->() { return value_.get(); }

  const T* operator->() const { return value_.get(); }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace reeve
