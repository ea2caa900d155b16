#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/template/value.h"

namespace reeve::templates {

/// The steps that are left of one rendering.
class Budget {
 public:
  explicit Budget(std::size_t steps) : left_(steps) {}

  /// Takes `steps`; false if there are not that many left.
  bool charge(std::size_t steps) {
    const bool enough = steps <= left_;
    left_ = enough ? left_ - steps : 0;
    return enough;
  }

 private:
  std::size_t left_;
};

/// One call of a built-in function.
struct Call {
  std::string_view name;
  std::span<const Value> arguments;
  /// Places of the arguments, for errors.
  std::span<const Position> positions;
  Budget& budget;
  /// Longest string that may result.
  std::size_t bytes_max;
  /// A key that is not there is an error.
  bool strict = false;

  const Json& json(std::size_t i) const { return arguments[i].json(); }

  /// An Invalid error at argument `i`, or at the call itself if there is no such argument.
  Error error(std::size_t i, std::string message) const;

  /// LimitExceeded: the result is longer than `bytes_max`.
  Error too_long() const;

  /// Takes steps for work that the arguments ask for. LimitExceeded if none are left.
  Result<void> charge(std::size_t steps) const;

  /// Argument `i` as text. Invalid: it is none. The view lives as long as the arguments.
  Result<std::string_view> text(std::size_t i) const;

  /// Argument `i` as a whole number; a double without fraction counts. Invalid otherwise.
  Result<std::int64_t> integer(std::size_t i) const;

  /// `text` as the result, unless it is too long.
  Result<Value> result(std::string text) const;
};

struct Builtin {
  std::string_view name;
  std::size_t arguments_min;
  std::size_t arguments_max;
  /// Null for `and` and `or`, which the evaluator carries out because they stop early.
  Result<Value> (*run)(const Call& call);
  /// The result contains copies of whole arguments: they are paid for before.
  bool copies = false;
};

inline constexpr std::size_t kAnyNumber = static_cast<std::size_t>(-1);

// The tables, each in the file of its functions.
std::span<const Builtin> go_builtins();
std::span<const Builtin> comparison_builtins();
std::span<const Builtin> formicary_builtins();

/// The built-in function of that name, or null.
const Builtin* find_builtin(std::string_view name);

/// The entry of `object` under `key`: missing if absent, which is an error if `strict`.
Result<Value> lookup(const Value& object, std::string_view key, bool strict);

}  // namespace reeve::templates
