#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace reeve::redaction {

/// What stands in place of a value.
inline constexpr std::string_view kMask = "[****]";
/// Shorter values are not masked: they would blot out half of every text.
inline constexpr std::size_t kValueBytesMin = 4;
/// Of all values of one set together: bounds its memory (about 600 bytes for each of them).
inline constexpr std::size_t kValuesBytesMax = std::size_t{128} << 10U;

/// What is to be masked: values in every form of forms_of. Immutable once made; any thread. Its
/// memory is overwritten when it dies.
class Patterns {
 public:
  /// LimitExceeded: the values are longer than kValuesBytesMax together. Values shorter than
  /// kValueBytesMin are left out; `ignored` tells how many.
  static Result<std::shared_ptr<const Patterns>> make(const std::vector<std::string_view>& values);

  ~Patterns();
  Patterns(const Patterns&) = delete;
  Patterns& operator=(const Patterns&) = delete;

  std::size_t ignored() const { return ignored_; }

  bool empty() const { return nodes_.size() == 1; }

 private:
  friend class Redactor;

  using State = std::uint32_t;

  /// A prefix of some form. Node 0 is the empty one.
  struct Node {
    State child = 0;    ///< the first one; 0: none
    State sibling = 0;  ///< the next child of its parent; 0: none
    State fail = 0;     ///< its longest proper suffix that is a prefix of a form
    std::uint32_t depth = 0;
    std::uint32_t match = 0;  ///< length of the longest form that ends here; 0: none does
    unsigned char byte = 0;
  };

  Patterns() = default;
  void add(std::string_view form);
  void link();
  State child_of(State node, unsigned char byte) const;
  State next(State node, unsigned char byte) const;

  std::vector<Node> nodes_{Node{}};
  /// Children of the root by byte, and whether two bytes begin a form: most text does not.
  std::array<State, 256> first_{};
  std::bitset<65536> begins_;
  std::size_t ignored_ = 0;
};

/// Replaces what `patterns` know in a stream of bytes, also where it comes in pieces. Everything
/// else passes byte by byte. Overlapping occurrences become one mask. Linear time.
///
/// Between calls it holds back only bytes that may be the beginning of an occurrence: fewer than
/// the longest form has. One thread.
class Redactor {
 public:
  explicit Redactor(std::shared_ptr<const Patterns> patterns) : patterns_(std::move(patterns)) {}

  ~Redactor() { wipe(held_); }

  Redactor(const Redactor&) = delete;
  Redactor& operator=(const Redactor&) = delete;
  Redactor(Redactor&&) = default;
  Redactor& operator=(Redactor&&) = default;

  /// Takes the next bytes and appends what is certain to `out`.
  void feed(std::string_view bytes, std::string& out);

  /// Appends what is held back. An occurrence that goes on afterwards is masked from there.
  void flush(std::string& out);

  /// Goes on with more patterns, those of before among them: they count for what is held back and
  /// what comes.
  void replace(std::shared_ptr<const Patterns> patterns, std::string& out);

  /// Bytes that wait for their continuation.
  std::size_t held() const { return held_.size(); }

 private:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  void found(std::uint64_t begin, std::uint64_t end);
  void release(std::uint64_t limit, std::string& out);

  std::shared_ptr<const Patterns> patterns_;
  Patterns::State state_ = 0;
  /// Bytes [base_, base_ + size) of the stream, not handed out yet.
  std::string held_;
  std::uint64_t base_ = 0;
  /// Occurrences that are not masked yet, by place; they do not overlap.
  std::deque<Range> ranges_;
  /// Where the last mask ends.
  std::uint64_t masked_ = 0;
};

/// `text` with everything masked.
std::string redact(const std::shared_ptr<const Patterns>& patterns, std::string_view text);

/// Whether any of it occurs in `text`.
bool contains_secret(const std::shared_ptr<const Patterns>& patterns, std::string_view text);

}  // namespace reeve::redaction
