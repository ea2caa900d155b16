#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::net {

/// Bytes that wait to be sent: own text, and text shared with other connections, in one order.
/// Pure; one thread.
class OutputQueue {
 public:
  /// Copies `text`; small pieces are joined.
  void append(std::string_view text);

  /// Takes `text` without copying it.
  void add(std::string text);
  void add(std::shared_ptr<const std::string> text);

  std::size_t bytes() const { return bytes_; }

  bool empty() const { return bytes_ == 0; }

  /// Fills `out` with the first pieces; returns how many. Valid until the queue is changed.
  std::size_t pieces(std::span<std::string_view> out) const;

  /// Removes `count` bytes, at most `bytes()`, from the front.
  void consume(std::size_t count);

 private:
  struct Piece {
    std::string own;
    /// Instead of `own`; shared with other queues.
    std::shared_ptr<const std::string> shared;

    std::string_view view() const { return shared ? std::string_view(*shared) : own; }
  };

  std::vector<Piece> pieces_;
  /// Pieces before it are sent.
  std::size_t first_ = 0;
  /// Bytes of the first piece that are sent.
  std::size_t offset_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace reeve::net
