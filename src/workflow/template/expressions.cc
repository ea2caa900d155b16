#include "workflow/template/expressions.h"

#include <utility>

#include "base/strings.h"
#include "workflow/template/evaluator.h"

namespace reeve::templates {

namespace {

Error located(Error error, Position position, std::string_view subject) {
  if (error.position == Position{}) {
    error.position = position;
  }
  if (error.subject.empty()) {
    error.subject = std::string(subject);
  }
  return error;
}

/// Whether an expression does no more than look something up, so that below `default` a key that
/// is not there is expected.
bool is_lookup(const Expression& expression);

bool is_lookup(const Command& command) {
  const Expression& first = command.operands.front();
  const bool index = first.kind == ExpressionKind::Call && first.name == "index";
  return index || (command.operands.size() == 1 && is_lookup(first));
}

bool is_lookup(const Expression& expression) {
  switch (expression.kind) {
    case ExpressionKind::Field:
    case ExpressionKind::Variable:
      return true;
    case ExpressionKind::Group:
    case ExpressionKind::Chain:
      return expression.group != nullptr && expression.group->commands.size() == 1 &&
             is_lookup(expression.group->commands.front());
    case ExpressionKind::Dot:
    case ExpressionKind::Nil:
    case ExpressionKind::Constant:
    case ExpressionKind::Call:
      break;
  }
  return false;
}

bool is_default(const Expression& expression) {
  return expression.kind == ExpressionKind::Call && expression.name == "default";
}

}  // namespace

Error error_at(const Expression& expression, std::string message) {
  return located(
      make_error(ErrorCode::Invalid, std::move(message)), expression.position, expression.source
  );
}

Error Expressions::limit(Position position, std::string message) {
  Error error = make_error(ErrorCode::LimitExceeded, std::move(message));
  error.position = position;
  return error;
}

Error Expressions::refuse_hidden(const Expression& expression, std::string_view user) {
  Error error = error_at(
      expression,
      concat("is a credential and cannot be used by ", user, ": its value is not known here")
  );
  error.hint =
      "a template may only print it; hand it to the script in an environment variable and "
      "test it there";
  return error;
}

/// The hidden text of the field of the data itself, or null.
const HoledText* Expressions::hidden_field(const Value& value, std::string_view name) const {
  if (options_.hidden == nullptr || !value.is(data_)) {
    return nullptr;
  }
  const auto found = options_.hidden->find(name);
  return found != options_.hidden->end() ? &found->second : nullptr;
}

Result<void> Expressions::charge(std::size_t steps, Position position) {
  if (!budget_.charge(steps)) {
    return limit(
        position, concat("template takes more than ", options_.limits.steps_max, " steps")
    );
  }
  return {};
}

Result<void> Expressions::check_frames(Position position) const {
  if (frames_ > kFramesMax) {
    return limit(position, concat("template is nested deeper than ", kFramesMax, " at run time"));
  }
  return {};
}

void Expressions::set_variable(std::string_view name, const Value& value) {
  for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
    if (it->name == name) {
      it->value = value;
      return;
    }
  }
}

const Value* Expressions::find_variable(std::string_view name) const {
  for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
    if (it->name == name) {
      return &it->value;
    }
  }
  return nullptr;
}

Result<Value> Expressions::pipeline(const Pipeline& pipeline, const Value& dot) {
  Value value;
  const auto& commands = pipeline.commands;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const bool feeds_default = i + 1 < commands.size() &&
                               is_default(commands[i + 1].operands.front()) &&
                               is_lookup(commands[i]);
    const bool strict = std::exchange(strict_, strict_ && !feeds_default);
    auto result = command(commands[i], dot, i > 0 ? &value : nullptr);
    strict_ = strict;
    REEVE_TRY(value, std::move(result));
    if (value.is_nil()) {
      value = Value();
    }
  }
  for (const std::string& name : pipeline.variables) {
    if (pipeline.assigns) {
      set_variable(name, value);
    } else {
      variables_.push_back({name, value});
    }
  }
  return value;
}

/// `piped` is the result of the command before, or null for the first one.
Result<Value> Expressions::command(const Command& command, const Value& dot, const Value* piped) {
  const Expression& first = command.operands.front();
  REEVE_CHECK(charge(1, first.position));
  const bool is_call = first.kind == ExpressionKind::Call;
  const bool has_arguments = command.operands.size() > 1 || piped != nullptr;
  if (is_call) {
    return call(first, command, dot, piped);
  }
  if (has_arguments) {
    return error_at(first, concat("can't give argument to non-function ", first.source));
  }
  if (first.kind == ExpressionKind::Nil) {
    return error_at(first, "nil is not a command");
  }
  return operand(first, dot);
}

/// The value of an expression that takes no arguments.
Result<Value> Expressions::operand(const Expression& expression, const Value& dot) {
  switch (expression.kind) {
    case ExpressionKind::Dot:
      return dot;
    case ExpressionKind::Nil:
      return Value();
    case ExpressionKind::Constant:
      return Value::borrow(expression.constant);
    case ExpressionKind::Field:
      return fields(expression, dot);
    case ExpressionKind::Variable: {
      const Value* value = find_variable(expression.name);
      if (value == nullptr) {
        return error_at(expression, concat("undefined variable ", expression.name));
      }
      return fields(expression, *value);
    }
    case ExpressionKind::Call: {
      Command alone;
      return call(expression, alone, dot, nullptr);
    }
    case ExpressionKind::Group:
    case ExpressionKind::Chain: {
      const Level level(frames_);
      REEVE_CHECK(check_frames(expression.position));
      const Command alone;
      REEVE_TRY(
          const Value base,
          expression.group != nullptr ? pipeline(*expression.group, dot)
                                      : call(expression, alone, dot, nullptr)
      );
      return fields(expression, base);
    }
  }
  return Value();
}

/// Follows the field names of `expression` from `value`.
Result<Value> Expressions::fields(const Expression& expression, Value value) const {
  for (const std::string& name : expression.fields) {
    if (value.is_hidden()) {
      return refuse_hidden(expression, concat("the field .", name));
    }
    if (const HoledText* hidden = hidden_field(value, name)) {
      value = Value::hide(*hidden);
      continue;
    }
    if (value.is_missing()) {
      return strict_ ? Result<Value>(
                           error_at(expression, concat("nil data; no entry for key \"", name, "\""))
                       )
                     : Result<Value>(Value());
    }
    const Json& json = value.json();
    if (json.is_null()) {
      return error_at(expression, concat("nil pointer evaluating interface {}.", name));
    }
    if (!json.is_object()) {
      return error_at(
          expression, concat("can't evaluate field ", name, " in type ", type_name(json))
      );
    }
    auto found = lookup(value, name, strict_);
    if (!found) {
      return located(std::move(found).error(), expression.position, expression.source);
    }
    value = std::move(*found);
  }
  return value;
}

Result<Value> Expressions::call(
    const Expression& function, const Command& command, const Value& dot, const Value* piped
) {
  const Function* injected = find_injected(function.name);
  const Builtin* builtin = find_builtin(function.name);
  if (builtin != nullptr && builtin->run == nullptr) {
    return choose(function, command, dot, piped);
  }
  std::vector<Value> arguments;
  std::vector<Position> positions;
  for (std::size_t i = 1; i < command.operands.size(); ++i) {
    const Expression& argument = command.operands[i];
    const bool lenient = is_default(function) && i == 2 && is_lookup(argument);
    const bool strict = std::exchange(strict_, strict_ && !lenient);
    auto result = operand(argument, dot);
    strict_ = strict;
    REEVE_TRY(Value value, std::move(result));
    arguments.push_back(std::move(value));
    positions.push_back(argument.position);
  }
  if (piped != nullptr) {
    arguments.push_back(*piped);
    positions.push_back(function.position);
  }
  for (const Value& argument : arguments) {
    if (argument.is_hidden()) {
      // A hidden value is there, so it is its own default.
      const bool passes = is_default(function) && arguments.size() == 2 && arguments[1].is_hidden();
      return passes
                 ? Result<Value>(arguments[1])
                 : Result<Value>(refuse_hidden(function, concat("the function ", function.name)));
    }
  }
  auto result = injected != nullptr ? call_injected(function, *injected, arguments)
                                    : call_builtin(function, builtin, arguments, positions);
  if (!result) {
    return located(std::move(result).error(), function.position, function.source);
  }
  const Json& json = result->json();
  REEVE_CHECK(charge(json.is_string() ? cost_of(json) : 1, function.position));
  return result;
}

Result<Value> Expressions::call_builtin(
    const Expression& function,
    const Builtin* builtin,
    std::span<const Value> arguments,
    std::span<const Position> positions
) {
  REEVE_ASSERT(builtin != nullptr);
  const std::size_t count = arguments.size();
  if (count < builtin->arguments_min || count > builtin->arguments_max) {
    const bool exact = builtin->arguments_min == builtin->arguments_max;
    return error_at(
        function,
        concat(
            "wrong number of args for ",
            function.name,
            exact ? ": want " : ": want at least ",
            builtin->arguments_min,
            " got ",
            count
        )
    );
  }
  for (const Value& argument : arguments) {
    const Json& json = argument.json();
    const bool whole = builtin->copies || json.is_string();
    REEVE_CHECK(charge(whole ? cost_of(json) : 1, function.position));
  }
  const Call call{
      .name = builtin->name,
      .arguments = arguments,
      .positions = positions,
      .budget = budget_,
      .bytes_max = options_.limits.output_bytes_max,
      .strict = strict_};
  return builtin->run(call);
}

Result<Value> Expressions::call_injected(
    const Expression& function, const Function& injected, std::span<const Value> arguments
) {
  std::vector<Json> copies;
  for (const Value& argument : arguments) {
    REEVE_CHECK(charge(cost_of(argument.json()), function.position));
    copies.push_back(argument.json());
  }
  auto result = injected(copies);
  if (!result) {
    // Positions of a function's own making would point into some other text.
    Error error = std::move(result).error();
    error.position = function.position;
    return error;
  }
  if (!is_shallow(*result)) {
    return limit(function.position, concat("result is nested deeper than ", kValueDepthMax));
  }
  REEVE_CHECK(charge(cost_of(*result), function.position));
  return Value::own(std::move(*result));
}

/// `and` and `or`: the first argument that decides, else the last one. The rest is not evaluated.
Result<Value> Expressions::choose(
    const Expression& function, const Command& command, const Value& dot, const Value* piped
) {
  const bool wanted = function.name == "or";
  Value value;
  for (std::size_t i = 1; i < command.operands.size(); ++i) {
    REEVE_TRY(value, operand(command.operands[i], dot));
    if (value.is_hidden()) {
      return refuse_hidden(command.operands[i], concat("the function ", function.name));
    }
    if (is_true(value.json()) == wanted) {
      return value;
    }
  }
  if (piped != nullptr) {
    return piped->is_hidden()
               ? Result<Value>(refuse_hidden(function, concat("the function ", function.name)))
               : Result<Value>(*piped);
  }
  if (command.operands.size() < 2) {
    return error_at(
        function, concat("wrong number of args for ", function.name, ": want at least 1")
    );
  }
  return value;
}

const Function* Expressions::find_injected(std::string_view name) const {
  const FunctionTable* tables[] = {options_.functions, &program_.functions};
  for (const FunctionTable* table : tables) {
    if (table != nullptr) {
      const auto found = table->find(name);
      if (found != table->end() && found->second) {
        return &found->second;
      }
    }
  }
  return nullptr;
}

std::vector<Expressions::Variable> Expressions::enter_template(const Value& data) {
  std::vector<Variable> hidden = std::exchange(variables_, {});
  variables_.push_back({"$", data});
  return hidden;
}

}  // namespace reeve::templates
