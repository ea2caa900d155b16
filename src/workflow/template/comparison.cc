#include <array>
#include <string>

#include "base/strings.h"
#include "workflow/template/functions.h"

/// eq, ne, lt, le, gt, ge: Go's rules. Whole numbers and others do not compare with each other.
namespace reeve::templates {

namespace {

/// Go's basic kinds; everything that is none (nil, arrays, objects) is Other.
enum class BasicKind : std::uint8_t { Bool, Int, Float, String, Other };

BasicKind kind_of(const Json& json) {
  switch (json.type()) {
    case Json::Type::Bool:
      return BasicKind::Bool;
    case Json::Type::Int:
      return BasicKind::Int;
    case Json::Type::Double:
      return BasicKind::Float;
    case Json::Type::String:
      return BasicKind::String;
    case Json::Type::Null:
    case Json::Type::Array:
    case Json::Type::Object:
      break;
  }
  return BasicKind::Other;
}

Error incompatible(const Call& call, std::size_t i) {
  Error error = call.error(i, "incompatible types for comparison");
  const Json& left = call.json(0);
  const Json& right = call.json(i);
  error.hint = concat("compares ", type_name(left), " with ", type_name(right));
  if (left.is_string() && right.is_number()) {
    error.hint += "; atoi makes a number of a text";
  }
  return error;
}

Result<bool> equals(const Call& call, std::size_t i) {
  const Json& left = call.json(0);
  const Json& right = call.json(i);
  const BasicKind kind = kind_of(left);
  if (kind != kind_of(right)) {
    if (left.is_null() || right.is_null()) {
      return false;
    }
    return incompatible(call, i);
  }
  if (kind == BasicKind::Other) {
    if (left.is_null() || right.is_null()) {
      return left.is_null() && right.is_null();
    }
    return call.error(
        i, concat("non-comparable types ", type_name(left), " and ", type_name(right))
    );
  }
  return left == right;
}

Result<bool> any_equal(const Call& call) {
  if (call.arguments.size() < 2) {
    return call.error(0, "missing argument for comparison");
  }
  for (std::size_t i = 1; i < call.arguments.size(); ++i) {
    REEVE_TRY(const bool same, equals(call, i));
    if (same) {
      return true;
    }
  }
  return false;
}

Result<bool> is_less(const Call& call) {
  const Json& left = call.json(0);
  const Json& right = call.json(1);
  const BasicKind kind = kind_of(left);
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    if (kind_of(call.json(i)) == BasicKind::Other) {
      Error error = call.error(i, "invalid type for comparison");
      error.hint = concat("value is ", call.json(i).is_null() ? "nil" : type_name(call.json(i)));
      return error;
    }
  }
  if (kind != kind_of(right)) {
    return incompatible(call, 1);
  }
  switch (kind) {
    case BasicKind::Int:
      return left.as_int() < right.as_int();
    case BasicKind::Float:
      return left.as_double() < right.as_double();
    case BasicKind::String:
      return left.as_string() < right.as_string();
    case BasicKind::Bool:
    case BasicKind::Other:
      break;
  }
  return call.error(0, "invalid type for comparison");
}

Value truth(bool value) {
  return Value::own(Json(value));
}

Result<bool> is_less_or_equal(const Call& call) {
  REEVE_TRY(const bool less, is_less(call));
  return less ? Result<bool>(true) : equals(call, 1);
}

Result<Value> run_eq(const Call& call) {
  REEVE_TRY(const bool equal, any_equal(call));
  return truth(equal);
}

Result<Value> run_ne(const Call& call) {
  REEVE_TRY(const bool equal, equals(call, 1));
  return truth(!equal);
}

Result<Value> run_lt(const Call& call) {
  REEVE_TRY(const bool less, is_less(call));
  return truth(less);
}

Result<Value> run_le(const Call& call) {
  REEVE_TRY(const bool less_or_equal, is_less_or_equal(call));
  return truth(less_or_equal);
}

Result<Value> run_gt(const Call& call) {
  REEVE_TRY(const bool less_or_equal, is_less_or_equal(call));
  return truth(!less_or_equal);
}

Result<Value> run_ge(const Call& call) {
  REEVE_TRY(const bool less, is_less(call));
  return truth(!less);
}

constexpr std::array<Builtin, 6> kComparisons{{
    {"eq", 1, kAnyNumber, run_eq},
    {"ge", 2, 2, run_ge},
    {"gt", 2, 2, run_gt},
    {"le", 2, 2, run_le},
    {"lt", 2, 2, run_lt},
    {"ne", 2, 2, run_ne},
}};

}  // namespace

std::span<const Builtin> comparison_builtins() {
  return kComparisons;
}

}  // namespace reeve::templates
