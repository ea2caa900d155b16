#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace reeve {

/// Overwrites the bytes of `text`, also those beyond its size that it has room for, and empties it.
inline void wipe(std::string& text) {
  text.resize(text.capacity());
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

/// Bytes that nobody else should see. They are overwritten when the object dies; it can be moved,
/// not copied by accident. No part of the program prints one.
class Secret {
 public:
  Secret() = default;

  explicit Secret(std::string_view bytes) : bytes_(bytes) {}

  /// So many zero bytes, to be filled through `data`.
  explicit Secret(std::size_t size) : bytes_(size, '\0') {}

  ~Secret() { wipe(bytes_); }

  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { wipe(other.bytes_); }

  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      wipe(bytes_);
      bytes_ = std::move(other.bytes_);
      wipe(other.bytes_);
    }
    return *this;
  }

  Secret clone() const { return Secret(view()); }

  std::string_view view() const { return bytes_; }

  char* data() { return bytes_.data(); }

  std::size_t size() const { return bytes_.size(); }

  bool empty() const { return bytes_.empty(); }

  /// Keeps the first `size` bytes.
  void shrink(std::size_t size) {
    if (size < bytes_.size()) {
      ::explicit_bzero(bytes_.data() + size, bytes_.size() - size);
      bytes_.resize(size);
    }
  }

 private:
  std::string bytes_;
};

}  // namespace reeve
