#include "workflow/template/expression_parser.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/strings.h"
#include "workflow/template/number.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

constexpr std::size_t kSourceShownMax = 60;
/// One or two loop variables.
constexpr std::size_t kRangeVariablesMax = 2;
/// Visible at one place; they are looked up one by one.
constexpr std::size_t kVariablesMax = 1'000;

/// A word without a dot is a function; most often a value was meant.
std::string undefined_hint(std::string_view word, const std::vector<std::string>& names) {
  const std::string near = did_you_mean(word, names);
  return concat(near, near.empty() ? "" : " ", "a value is written with a dot: .", word);
}

Error placed(Error error, Position position) {
  error.position = position;
  return error;
}

}  // namespace

Error error_at(Position position, std::string message, std::string hint) {
  Error error = make_error(ErrorCode::Invalid, std::move(message));
  error.position = position;
  error.hint = std::move(hint);
  return error;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string best = nearest(word, candidates);
  return best.empty() ? std::string() : concat("did you mean ", best, "?");
}

const Token& ExpressionParser::take() {
  const Token& token = peek();
  // The last token is never passed, so that looking ahead is always possible.
  next_ += next_ + 1 < lexed_.tokens.size() ? 1 : 0;
  return token;
}

bool ExpressionParser::accept(TokenKind kind) {
  if (peek().kind != kind) {
    return false;
  }
  take();
  return true;
}

Error ExpressionParser::unexpected(const Token& token, std::string_view where) const {
  if (token.kind == TokenKind::Broken) {
    return *lexed_.error;
  }
  return error_at(token.position, concat("unexpected ", describe(token), " in ", where));
}

Result<void> ExpressionParser::expect_close(std::string_view where) {
  if (!accept(TokenKind::RightDelim)) {
    return unexpected(peek(), where);
  }
  return {};
}

Result<void> ExpressionParser::enter(Position position) {
  if (depth_ >= options_.depth_max) {
    Error error = make_error(
        ErrorCode::LimitExceeded, concat("template is nested deeper than ", options_.depth_max)
    );
    error.position = position;
    return error;
  }
  ++depth_;
  return {};
}

/// Up to and including the token `end`.
Result<Pipeline> ExpressionParser::parse_pipeline(TokenKind end, std::string_view context) {
  Pipeline pipeline;
  pipeline.position = peek().position;
  REEVE_CHECK(parse_declaration(pipeline, context == "range"));
  while (peek().kind != end) {
    REEVE_TRY(Command command, parse_command(context));
    if (command.operands.empty()) {
      return unexpected(peek(), context);
    }
    const Expression& first = command.operands.front();
    const bool executable = first.kind != ExpressionKind::Dot &&
                            first.kind != ExpressionKind::Nil &&
                            first.kind != ExpressionKind::Constant;
    if (!pipeline.commands.empty() && !executable) {
      return error_at(
          first.position,
          concat("non executable command in pipeline stage ", pipeline.commands.size() + 1)
      );
    }
    pipeline.commands.push_back(std::move(command));
    if (before().kind == TokenKind::Pipe && peek().kind == end) {
      return error_at(before().position, concat("missing command after | in ", context));
    }
  }
  const Token& closing = take();
  if (pipeline.commands.empty()) {
    return error_at(closing.position, concat("missing value for ", context));
  }
  if (variables_.size() + pipeline.variables.size() > kVariablesMax) {
    return placed(
        make_error(ErrorCode::LimitExceeded, concat("more than ", kVariablesMax, " variables")),
        pipeline.position
    );
  }
  // Only now: the expression itself cannot use the variable that it sets.
  if (!pipeline.assigns) {
    variables_.insert(variables_.end(), pipeline.variables.begin(), pipeline.variables.end());
  }
  return pipeline;
}

/// `$x :=`, `$x =`, and for range also `$i, $x :=`.
Result<void> ExpressionParser::parse_declaration(Pipeline& pipeline, bool range) {
  const auto kind_at = [this](std::size_t ahead) {
    const std::size_t at = std::min(next_ + ahead, lexed_.tokens.size() - 1);
    return lexed_.tokens[at].kind;
  };
  if (kind_at(0) != TokenKind::Variable) {
    return {};
  }
  const TokenKind second = kind_at(1);
  if (second != TokenKind::Declare && second != TokenKind::Assign && second != TokenKind::Comma) {
    return {};
  }
  while (true) {
    const Token& variable = take();
    if (variable.kind != TokenKind::Variable) {
      return error_at(variable.position, "range can only initialize variables");
    }
    pipeline.variables.emplace_back(variable.text);
    const Token& sign = take();
    if (sign.kind == TokenKind::Comma) {
      if (!range || pipeline.variables.size() == kRangeVariablesMax) {
        return error_at(variable.position, "too many declarations");
      }
      continue;
    }
    if (sign.kind != TokenKind::Declare && sign.kind != TokenKind::Assign) {
      return unexpected(sign, "declaration");
    }
    pipeline.assigns = sign.kind == TokenKind::Assign;
    break;
  }
  if (pipeline.assigns) {
    for (const std::string& name : pipeline.variables) {
      REEVE_CHECK(check_variable(name, pipeline.position));
    }
  }
  return {};
}

Result<void> ExpressionParser::check_variable(std::string_view name, Position position) const {
  if (std::find(variables_.begin(), variables_.end(), name) == variables_.end()) {
    return error_at(
        position, concat("undefined variable \"", name, "\""), did_you_mean(name, variables_)
    );
  }
  return {};
}

/// Operands up to a pipe (which is taken) or the end of the pipeline.
Result<Command> ExpressionParser::parse_command(std::string_view context) {
  Command command;
  while (true) {
    const Token& token = peek();
    if (token.kind == TokenKind::Pipe && !command.operands.empty()) {
      take();
      return command;
    }
    if (token.kind == TokenKind::RightDelim || token.kind == TokenKind::RightParen) {
      return command;
    }
    if (!command.operands.empty() && !token.space_before) {
      return unexpected(token, "operand");
    }
    REEVE_TRY(Expression operand, parse_operand(context));
    command.operands.push_back(std::move(operand));
  }
}

Result<Expression> ExpressionParser::parse_operand(std::string_view context) {
  const Token& first = peek();
  REEVE_TRY(Expression operand, parse_term(context));
  if (peek().kind == TokenKind::Field && !peek().space_before) {
    REEVE_CHECK(parse_fields(operand));
  }
  // The tokens are pieces of one text, so everything between two of them is at hand.
  const char* end = before().text.data() + before().text.size();
  const auto size = static_cast<std::size_t>(end - first.text.data());
  operand.source = shortened({first.text.data(), size}, kSourceShownMax);
  return operand;
}

Result<void> ExpressionParser::parse_fields(Expression& operand) {
  switch (operand.kind) {
    case ExpressionKind::Field:
    case ExpressionKind::Variable:
    case ExpressionKind::Chain:
      break;
    case ExpressionKind::Call:
    case ExpressionKind::Group:
      operand.kind = ExpressionKind::Chain;
      break;
    case ExpressionKind::Dot:
    case ExpressionKind::Nil:
    case ExpressionKind::Constant:
      return error_at(peek().position, concat("unexpected . after term \"", operand.source, "\""));
  }
  while (peek().kind == TokenKind::Field && !peek().space_before) {
    operand.fields.emplace_back(take().text.substr(1));
  }
  return {};
}

Result<Expression> ExpressionParser::parse_term(std::string_view context) {
  const Token& token = peek();
  Expression term;
  term.position = token.position;
  term.source = std::string(token.text);
  if (token.kind == TokenKind::Identifier) {
    return parse_function(std::move(term));
  }
  if (token.kind == TokenKind::LeftParen) {
    return parse_group(std::move(term));
  }
  take();
  if (token.kind == TokenKind::Dot) {
    return term;
  }
  if (token.kind == TokenKind::Nil) {
    term.kind = ExpressionKind::Nil;
    return term;
  }
  if (token.kind == TokenKind::Field) {
    term.kind = ExpressionKind::Field;
    term.fields.emplace_back(token.text.substr(1));
    return term;
  }
  if (token.kind == TokenKind::Variable) {
    REEVE_CHECK(check_variable(token.text, token.position));
    term.kind = ExpressionKind::Variable;
    term.name = std::string(token.text);
    return term;
  }
  term.kind = ExpressionKind::Constant;
  REEVE_TRY(term.constant, parse_constant(token, context));
  return term;
}

Result<Json> ExpressionParser::parse_constant(const Token& token, std::string_view context) const {
  if (token.kind == TokenKind::Bool) {
    return Json(token.text == "true");
  }
  if (token.kind == TokenKind::Number || token.kind == TokenKind::CharConstant) {
    auto number =
        token.kind == TokenKind::Number ? parse_number(token.text) : parse_char(token.text);
    if (!number) {
      return placed(std::move(number).error(), token.position);
    }
    return number;
  }
  if (token.kind != TokenKind::String && token.kind != TokenKind::RawString) {
    return unexpected(token, context);
  }
  auto text = unquote(token.text);
  if (!text) {
    return error_at(
        token.position,
        concat("malformed string: ", shortened(token.text, kSourceShownMax)),
        "write \\\\ for a backslash, or use backquotes"
    );
  }
  return Json(std::move(*text));
}

Result<Expression> ExpressionParser::parse_function(Expression term) {
  const Token& token = take();
  const auto& names = options_.function_names;
  if (token.text == "call") {
    return placed(
        make_error(ErrorCode::Unsupported, "function \"call\" is not supported"), token.position
    );
  }
  if (!std::binary_search(names.begin(), names.end(), token.text)) {
    return error_at(
        token.position,
        concat("function \"", token.text, "\" not defined"),
        undefined_hint(token.text, names)
    );
  }
  term.kind = ExpressionKind::Call;
  term.name = std::string(token.text);
  return term;
}

Result<Expression> ExpressionParser::parse_group(Expression term) {
  take();
  REEVE_CHECK(enter(term.position));
  // A variable set in here lives until the enclosing control structure ends, as in Go.
  REEVE_TRY(Pipeline pipeline, parse_pipeline(TokenKind::RightParen, "parenthesized pipeline"));
  --depth_;
  term.kind = ExpressionKind::Group;
  term.group = std::make_shared<const Pipeline>(std::move(pipeline));
  return term;
}

}  // namespace reeve::templates
