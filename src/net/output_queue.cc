#include "net/output_queue.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace reeve::net {

namespace {

constexpr std::size_t kJoinedBytesMax = std::size_t{16} << 10;
/// Room for so many pieces is kept by an empty queue.
constexpr std::size_t kPiecesKept = 4;
/// Sent pieces are removed when there are so many.
constexpr std::size_t kSentMax = 256;

}  // namespace

void OutputQueue::append(std::string_view text) {
  if (pieces_.size() > first_ && !pieces_.back().shared &&
      pieces_.back().own.size() + text.size() <= kJoinedBytesMax) {
    pieces_.back().own.append(text);
    bytes_ += text.size();
    return;
  }
  add(std::string(text));
}

void OutputQueue::add(std::string text) {
  if (!text.empty()) {
    bytes_ += text.size();
    pieces_.push_back(Piece{.own = std::move(text), .shared = nullptr});
  }
}

void OutputQueue::add(std::shared_ptr<const std::string> text) {
  if (text && !text->empty()) {
    bytes_ += text->size();
    pieces_.push_back(Piece{.own = {}, .shared = std::move(text)});
  }
}

std::size_t OutputQueue::pieces(std::span<std::string_view> out) const {
  std::size_t count = 0;
  for (std::size_t at = first_; at < pieces_.size() && count < out.size(); ++at) {
    std::string_view view = pieces_[at].view();
    view.remove_prefix(at == first_ ? offset_ : 0);
    out[count++] = view;
  }
  return count;
}

void OutputQueue::consume(std::size_t count) {
  REEVE_ASSERT(count <= bytes_);
  bytes_ -= count;
  while (count > 0) {
    const std::size_t left = pieces_[first_].view().size() - offset_;
    if (count < left) {
      offset_ += count;
      break;
    }
    count -= left;
    pieces_[first_] = Piece{};
    ++first_;
    offset_ = 0;
  }
  if (bytes_ == 0) {
    pieces_.clear();
    first_ = 0;
    if (pieces_.capacity() > kPiecesKept) {
      pieces_.shrink_to_fit();
    }
  } else if (first_ >= kSentMax) {
    pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

}  // namespace reeve::net
