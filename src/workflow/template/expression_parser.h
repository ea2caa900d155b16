#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/template/ast.h"
#include "workflow/template/lexer.h"
#include "workflow/template/parser.h"

namespace reeve::templates {

/// An Invalid error at `position`.
Error error_at(Position position, std::string message, std::string hint = {});

/// "did you mean x?", or "" if nothing is close.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// A walk over the tokens that reads what stands inside actions, and knows which variables are
/// visible. The parser of nodes is built on it. Both arguments must outlive it.
class ExpressionParser {
 public:
  ExpressionParser(const Lexed& lexed, const ParseOptions& options)
      : lexed_(lexed), options_(options) {}

  /// The next token. The last token of all is never passed, so there always is one.
  const Token& peek() const { return lexed_.tokens[next_]; }

  /// The token that was taken last.
  const Token& before() const { return lexed_.tokens[next_ - 1]; }

  const Token& take();

  /// Takes the next token if it is of that kind.
  bool accept(TokenKind kind);

  /// The error about `token`, or the lexer's own if that is where it gave up.
  Error unexpected(const Token& token, std::string_view where) const;

  /// Takes `}}`. Invalid: something else is next.
  Result<void> expect_close(std::string_view where);

  /// Reads a pipeline up to and including the token `end`.
  Result<Pipeline> parse_pipeline(TokenKind end, std::string_view context);

  /// Opens a level of nesting. LimitExceeded: too many are open.
  Result<void> enter(Position position);

  void leave() { --depth_; }

  int depth() const { return depth_; }

  /// Names of the visible variables; innermost last.
  std::vector<std::string>& variables() { return variables_; }

 private:
  Result<void> parse_declaration(Pipeline& pipeline, bool range);
  Result<void> check_variable(std::string_view name, Position position) const;
  Result<Command> parse_command(std::string_view context);
  Result<Expression> parse_operand(std::string_view context);
  Result<void> parse_fields(Expression& operand);
  Result<Expression> parse_term(std::string_view context);
  Result<Json> parse_constant(const Token& token, std::string_view context) const;
  Result<Expression> parse_function(Expression term);
  Result<Expression> parse_group(Expression term);

  const Lexed& lexed_;
  const ParseOptions& options_;
  std::size_t next_ = 0;
  int depth_ = 0;
  std::vector<std::string> variables_{"$"};
};

}  // namespace reeve::templates
