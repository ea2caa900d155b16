#include "workflow/template/functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/strings.h"
#include "workflow/template/printf.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

template <class Print>
Result<Value> printed(const Call& call, Print print) {
  std::string text;
  Printer printer(text, call.bytes_max);
  print(printer);
  if (printer.full()) {
    return call.too_long();
  }
  return Value::own(Json(std::move(text)));
}

Result<Value> run_print(const Call& call) {
  return printed(call, [&call](Printer& printer) { printer.sprint(call.arguments); });
}

Result<Value> run_println(const Call& call) {
  return printed(call, [&call](Printer& printer) { printer.sprintln(call.arguments); });
}

Result<Value> run_printf(const Call& call) {
  REEVE_TRY(const std::string_view format, call.text(0));
  const auto rest = call.arguments.subspan(1);
  return printed(call, [&](Printer& printer) { printer.format(format, rest); });
}

/// The text that an escaper works on: all arguments printed together, nothing as "<no value>".
Result<std::string> plain_text(const Call& call) {
  std::vector<Value> arguments(call.arguments.begin(), call.arguments.end());
  for (Value& argument : arguments) {
    if (argument.is_nil()) {
      argument = Value::own(Json("<no value>"));
    }
  }
  std::string text;
  Printer printer(text, call.bytes_max);
  printer.sprint(arguments);
  if (printer.full()) {
    return call.too_long();
  }
  return text;
}

Result<Value> run_html(const Call& call) {
  REEVE_TRY(const std::string text, plain_text(call));
  return call.result(escape_html(text));
}

Result<Value> run_js(const Call& call) {
  REEVE_TRY(const std::string text, plain_text(call));
  return call.result(escape_js(text));
}

Result<Value> run_urlquery(const Call& call) {
  REEVE_TRY(const std::string text, plain_text(call));
  return call.result(escape_query(text));
}

Result<Value> run_not(const Call& call) {
  return Value::own(Json(!is_true(call.json(0))));
}

Result<Value> run_len(const Call& call) {
  const Json& item = call.json(0);
  std::size_t size = 0;
  if (item.is_string()) {
    size = item.as_string().size();
  } else if (item.is_array()) {
    size = item.as_array().size();
  } else if (item.is_object()) {
    size = item.as_object().size();
  } else if (item.is_null()) {
    return call.error(0, "len of nil");
  } else {
    return call.error(0, concat("len of type ", type_name(item)));
  }
  return Value::own(Json(static_cast<std::uint64_t>(size)));
}

/// Argument `i` as a position in a sequence of `size`; the end itself is allowed if `past_end`.
Result<std::size_t> position_argument(
    const Call& call, std::size_t i, std::size_t size, bool past_end
) {
  const Json& index = call.json(i);
  if (index.is_null()) {
    return call.error(i, "cannot index slice/array with nil");
  }
  if (!index.is_int()) {
    return call.error(i, concat("cannot index slice/array with type ", type_name(index)));
  }
  const std::int64_t value = index.as_int();
  const std::size_t limit = past_end ? size + 1 : size;
  if (value < 0 || static_cast<std::size_t>(value) >= limit) {
    return call.error(i, concat("index out of range: ", value));
  }
  return static_cast<std::size_t>(value);
}

Result<Value> run_index(const Call& call) {
  Value item = call.arguments[0];
  for (std::size_t i = 1; i < call.arguments.size(); ++i) {
    const Json& json = item.json();
    if (json.is_object()) {
      if (!call.json(i).is_string()) {
        return call.error(
            i,
            call.json(i).is_null()
                ? std::string("value is nil; should be of type string")
                : concat("value has type ", type_name(call.json(i)), "; should be string")
        );
      }
      REEVE_TRY(item, lookup(item, call.json(i).as_string(), call.strict));
      continue;
    }
    if (json.is_array()) {
      const auto& items = json.as_array();
      REEVE_TRY(const std::size_t at, position_argument(call, i, items.size(), false));
      item = item.within(items[at]);
      continue;
    }
    if (json.is_string()) {
      const std::string& text = json.as_string();
      REEVE_TRY(const std::size_t at, position_argument(call, i, text.size(), false));
      item = Value::own(Json(static_cast<int>(static_cast<unsigned char>(text[at]))));
      continue;
    }
    return call.error(
        i - 1,
        json.is_null() ? std::string("index of untyped nil")
                       : concat("can't index item of type ", type_name(json))
    );
  }
  if (item.is_missing() && call.arguments.size() == 1) {
    return call.error(0, "index of untyped nil");
  }
  return item;
}

Result<Value> run_slice(const Call& call) {
  const Json& item = call.json(0);
  const std::size_t indexes = call.arguments.size() - 1;
  if (item.is_null()) {
    return call.error(0, "slice of untyped nil");
  }
  if (!item.is_string() && !item.is_array()) {
    return call.error(0, concat("can't slice item of type ", type_name(item)));
  }
  if (indexes > 3) {
    return call.error(4, concat("too many slice indexes: ", indexes));
  }
  if (item.is_string() && indexes == 3) {
    return call.error(0, "cannot 3-index slice a string");
  }
  const std::size_t size = item.is_string() ? item.as_string().size() : item.as_array().size();
  std::array<std::size_t, 3> bounds{0, size, size};
  for (std::size_t i = 0; i < indexes; ++i) {
    REEVE_TRY(bounds[i], position_argument(call, i + 1, size, true));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    if (bounds[i] > bounds[i + 1]) {
      return call.error(i + 1, concat("invalid slice index: ", bounds[i], " > ", bounds[i + 1]));
    }
  }
  if (item.is_string()) {
    return Value::own(Json(item.as_string().substr(bounds[0], bounds[1] - bounds[0])));
  }
  const auto begin = item.as_array().begin();
  Json::Array part;
  for (auto at = bounds[0]; at < bounds[1]; ++at) {
    const Json& element = *(begin + static_cast<std::ptrdiff_t>(at));
    REEVE_CHECK(call.charge(cost_of(element)));
    part.push_back(element);
  }
  return Value::own(Json(std::move(part)));
}

constexpr std::array<Builtin, 12> kGoBuiltins{{
    {"and", 1, kAnyNumber, nullptr},
    {"html", 0, kAnyNumber, run_html},
    {"index", 1, kAnyNumber, run_index},
    {"js", 0, kAnyNumber, run_js},
    {"len", 1, 1, run_len},
    {"not", 1, 1, run_not},
    {"or", 1, kAnyNumber, nullptr},
    {"print", 0, kAnyNumber, run_print},
    {"printf", 1, kAnyNumber, run_printf},
    {"println", 0, kAnyNumber, run_println},
    {"slice", 1, kAnyNumber, run_slice},
    {"urlquery", 0, kAnyNumber, run_urlquery},
}};

}  // namespace

Error Call::error(std::size_t i, std::string message) const {
  Error error = make_error(ErrorCode::Invalid, concat(name, ": ", message));
  error.position = i < positions.size() ? positions[i] : Position{};
  return error;
}

Error Call::too_long() const {
  return make_error(
      ErrorCode::LimitExceeded, concat(name, ": result is larger than ", bytes_max, " bytes")
  );
}

Result<void> Call::charge(std::size_t steps) const {
  if (!budget.charge(steps)) {
    return make_error(ErrorCode::LimitExceeded, concat(name, ": template takes too many steps"));
  }
  return {};
}

Result<std::string_view> Call::text(std::size_t i) const {
  if (json(i).is_null()) {
    return error(i, "invalid value; expected string");
  }
  if (!json(i).is_string()) {
    Error wrong =
        error(i, concat("wrong type for value; expected string; got ", type_name(json(i))));
    wrong.hint = "printf \"%v\" makes a text of any value";
    return wrong;
  }
  return std::string_view(json(i).as_string());
}

Result<std::int64_t> Call::integer(std::size_t i) const {
  const Json& number = json(i);
  if (number.is_int()) {
    return number.as_int();
  }
  if (number.is_double()) {
    // 2^53: beyond it a double does not tell neighbouring integers apart.
    constexpr double kExactMax = 9007199254740992.0;
    const double value = number.as_double();
    if (std::fabs(value) <= kExactMax && std::trunc(value) == value) {
      return static_cast<std::int64_t>(value);
    }
  }
  if (number.is_null()) {
    return error(i, "invalid value; expected int");
  }
  Error wrong = error(i, concat("wrong type for value; expected int; got ", type_name(number)));
  wrong.hint = number.is_string() ? "atoi makes a number of a text" : "give a whole number";
  return wrong;
}

Result<Value> Call::result(std::string text) const {
  if (text.size() > bytes_max) {
    return too_long();
  }
  return Value::own(Json(std::move(text)));
}

std::span<const Builtin> go_builtins() {
  return kGoBuiltins;
}

const Builtin* find_builtin(std::string_view name) {
  for (const auto table : {go_builtins(), comparison_builtins(), formicary_builtins()}) {
    for (const Builtin& builtin : table) {
      if (builtin.name == name) {
        return &builtin;
      }
    }
  }
  return nullptr;
}

Result<Value> lookup(const Value& object, std::string_view key, bool strict) {
  if (const Json* found = object.json().find(key)) {
    return object.within(*found);
  }
  if (!strict) {
    return Value();
  }
  Error error = make_error(ErrorCode::Invalid, concat("no entry for key \"", key, "\""));
  std::vector<std::string> keys;
  for (const Json::Member* member : sorted_members(object.json())) {
    keys.push_back(member->first);
  }
  const std::string best = nearest(key, keys);
  error.hint = best.empty() ? std::string("declare it, or give a value with: default \"…\"")
                            : concat("did you mean ", best, "?");
  return error;
}

}  // namespace reeve::templates
