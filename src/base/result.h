#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace reeve {

/// What went wrong, as far as some caller reacts to it. Everything else is in the message.
enum class ErrorCode {
  Invalid,            ///< the input is wrong; sending it again cannot help
  NotFound,           ///< the named object does not exist
  AlreadyExists,      ///< the name is taken
  Conflict,           ///< the object moved on; reload and decide again
  IllegalTransition,  ///< the state machine has no such edge
  StaleFence,         ///< the caller's lease or run has been superseded
  LimitExceeded,      ///< a named limit was reached
  Unsupported,        ///< recognised, but not offered (yet, or on this machine)
  PermissionDenied,   ///< the caller may not do this
  Unavailable,        ///< temporarily impossible; a retry may help
  DeadlineExceeded,   ///< the wait ended before the event came
  Cancelled,          ///< someone asked to stop
  Ambiguous,          ///< it may have happened; read before retrying
  Corrupt,            ///< stored data contradicts itself
  Io,                 ///< the operating system refused; the message names the call
};

/// The stable, lower-case name of `code`, as printed and as sent by the API.
std::string_view to_string(ErrorCode code);

/// A place in a text file; 1-based, 0 means unknown.
struct Position {
  int line = 0;
  int column = 0;

  friend bool operator==(const Position&, const Position&) = default;
};

/// An error as a value: what (`code`), for people (`message`: lower-case start, no period at the
/// end), where (`subject`: the field or object concerned; `file`/`position` for text), the way out
/// (`hint`).
struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::Invalid;
  std::string message;
  std::string subject;
  std::string hint;
  std::string file;
  Position position;

  /// True if doing the same again later may succeed.
  bool retryable() const {
    return code == ErrorCode::Unavailable || code == ErrorCode::DeadlineExceeded ||
           code == ErrorCode::Conflict;
  }

  /// One line for people: `file:line:column: subject: message (hint)`, absent parts left out.
  std::string describe() const;
};

/// An Error with a code and a message; `subject` is the field or object concerned.
inline Error make_error(ErrorCode code, std::string message, std::string subject = {}) {
  return Error{
      .code = code,
      .message = std::move(message),
      .subject = std::move(subject),
      .hint = {},
      .file = {},
      .position = {}};
}

/// Either a value or an error of type E. Like std::expected, which C++20 does not have.
template <class T, class E>
class [[nodiscard]] Expected {
 public:
  // Implicit on purpose: `return value;` and `return error;` read best.
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT

  Expected(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }

  explicit operator bool() const { return ok(); }

  T& value() & {
    REEVE_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }

  const T& value() const& {
    REEVE_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }

  T&& value() && {
    REEVE_ASSERT(ok());
    return std::move(*std::get_if<0>(&state_));
  }

  T& operator*() & { return value(); }

  const T& operator*() const& { return value(); }

  T&& operator*() && { return std::move(*this).value(); }

  T* operator->() { return &value(); }

  const T* operator->() const { return &value(); }

  const E& error() const& {
    REEVE_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

  E&& error() && {
    REEVE_ASSERT(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, E> state_;
};

/// Success without a value, or an error.
template <class E>
class [[nodiscard]] Expected<void, E> {
 public:
  Expected() = default;

  Expected(E error) : error_(std::move(error)) {}  // NOLINT

  bool ok() const { return !error_.has_value(); }

  explicit operator bool() const { return ok(); }

  const E& error() const& {
    REEVE_ASSERT(!ok());
    return *error_;
  }

  E&& error() && {
    REEVE_ASSERT(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<E> error_;
};

/// Either a value, or nothing for void, or an Error.
template <class T>
using Result = Expected<T, Error>;

}  // namespace reeve

#define REEVE_CONCAT_INNER(a, b) a##b
#define REEVE_CONCAT(a, b) REEVE_CONCAT_INNER(a, b)
#define REEVE_TRY_INNER(result, declaration, ...) \
  auto result = (__VA_ARGS__);                    \
  if (!result.ok()) {                             \
    return std::move(result).error();             \
  }                                               \
  declaration = std::move(result).value()

/// `REEVE_TRY(auto x, f());`: evaluates f(), returns its error from the enclosing function, or
/// binds its value.
#define REEVE_TRY(declaration, ...) \
  REEVE_TRY_INNER(REEVE_CONCAT(reeve_try_, __LINE__), declaration, __VA_ARGS__)

/// `REEVE_CHECK(f());`: evaluates f() and returns its error, if any, from the enclosing function.
#define REEVE_CHECK(...)                            \
  do {                                              \
    auto reeve_check_result = (__VA_ARGS__);        \
    if (!reeve_check_result.ok()) {                 \
      return std::move(reeve_check_result).error(); \
    }                                               \
  } while (false)
