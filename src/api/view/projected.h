#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/json.h"

namespace reeve::api::view {

/// Representations of one object whose bytes are kept; others are made anew each time.
inline constexpr std::size_t kRepresentationsMax = 16;

/// Names with values, in the order the projector gave them.
using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The value of `name`, or null.
const std::string* find_value(const Pairs& pairs, std::string_view name);

/// Encoded forms of one object, each made when it is first wanted and shared by all who want the
/// same.
///
/// Threading: `get` from any thread; moving needs the only reference.
class Encodings {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  Encodings() = default;
  Encodings(Encodings&& other) noexcept;
  Encodings& operator=(Encodings&& other) noexcept;
  ~Encodings();
  Encodings(const Encodings&) = delete;
  Encodings& operator=(const Encodings&) = delete;

  /// What is kept under `representation`, otherwise what `encode` makes. Threads that come at the
  /// same time may each call `encode`; all get the bytes that were ready first.
  Bytes get(std::string_view representation, const std::function<std::string()>& encode) const;

 private:
  struct Kept;
  Kept& kept() const;

  mutable std::atomic<Kept*> kept_{nullptr};
};

/// One object as the API shows it. Never changes once it is shared.
struct Projected {
  /// That of its stem; empty for what belongs to no namespace.
  std::string ns = {};
  std::string name = {};
  Uid uid = {};
  /// Of its last change: at most the stem's, and above the stem's previous one if this object has
  /// changed since. Objects of one stem should not share one unless they do not change any more: a
  /// client that loses its connection between two changes of one revision resumes after both.
  Revision revision = {};
  /// Complete: apiVersion, kind, metadata with resourceVersion, and so on.
  Json object = {};
  Pairs labels = {};
  /// Values of the declared field selectors other than metadata.name and metadata.namespace.
  Pairs fields = {};
  Encodings encodings = {};

  /// The object as compact JSON text; kept.
  std::shared_ptr<const std::string> text() const;

  /// The same at another revision (also in `metadata.resourceVersion`).
  Projected at_revision(Revision at) const;
};

using ProjectedPtr = std::shared_ptr<const Projected>;

/// Which objects are wanted. Functions are called on the thread that lists or watches; empty ones
/// select everything.
struct Selector {
  /// Exactly this namespace; absent: all.
  std::optional<std::string> ns = {};
  /// Exactly this name; absent: all.
  std::optional<std::string> name = {};
  std::function<bool(const Pairs& labels)> labels = {};
  std::function<bool(const Projected& object)> fields = {};

  bool matches(const Projected& object) const;

  /// Whether anything but the namespace is selected by.
  bool selective() const { return name.has_value() || labels != nullptr || fields != nullptr; }
};

}  // namespace reeve::api::view
