#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace reeve {

/// A string that names one kind of thing: a TaskName cannot be passed as a RunName.
template <class Tag>
class NamedString {
 public:
  NamedString() = default;

  explicit NamedString(std::string text) : text_(std::move(text)) {}

  const std::string& str() const { return text_; }

  std::string_view view() const { return text_; }

  bool empty() const { return text_.empty(); }

  friend bool operator==(const NamedString&, const NamedString&) = default;
  friend std::strong_ordering operator<=>(const NamedString&, const NamedString&) = default;

 private:
  std::string text_;
};

/// A number that counts one kind of thing.
template <class Tag>
class NamedNumber {
 public:
  constexpr NamedNumber() = default;

  constexpr explicit NamedNumber(std::uint64_t number) : number_(number) {}

  constexpr std::uint64_t value() const { return number_; }

  constexpr NamedNumber next() const { return NamedNumber(number_ + 1); }

  friend bool operator==(const NamedNumber&, const NamedNumber&) = default;
  friend auto operator<=>(const NamedNumber&, const NamedNumber&) = default;

 private:
  std::uint64_t number_ = 0;
};

using Namespace = NamedString<struct NamespaceTag>;
using MissionName = NamedString<struct MissionNameTag>;
using TaskName = NamedString<struct TaskNameTag>;
/// `<mission>.<epoch>.<task>.<attempt>`
using RunName = NamedString<struct RunNameTag>;
/// Unique for ever, also after an object of the same name was deleted.
using Uid = NamedString<struct UidTag>;
/// Client-supplied id of an input; a repeated id has no second effect.
using InputId = NamedString<struct InputIdTag>;
/// Who asks: "user:alice", "system:scheduler".
using Principal = NamedString<struct PrincipalTag>;
/// Ties together everything that one request caused.
using CorrelationId = NamedString<struct CorrelationIdTag>;
/// Lower-case hex SHA-256 of some content.
using Digest = NamedString<struct DigestTag>;

/// Position of an event in the journal; starts at 1, gap-free.
using Revision = NamedNumber<struct RevisionTag>;
/// Grows with every hand-over; the holder of a smaller one can change nothing.
using Fence = NamedNumber<struct FenceTag>;

}  // namespace reeve

template <class Tag>
struct std::hash<reeve::NamedString<Tag>> {
  std::size_t operator()(const reeve::NamedString<Tag>& id) const noexcept {
    return std::hash<std::string_view>{}(id.view());
  }
};

template <class Tag>
struct std::hash<reeve::NamedNumber<Tag>> {
  std::size_t operator()(const reeve::NamedNumber<Tag>& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value());
  }
};
