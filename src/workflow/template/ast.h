#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace reeve::templates {

struct Pipeline;

enum class ExpressionKind : std::uint8_t {
  Dot,
  Nil,
  Constant,  ///< bool, number, string
  Field,     ///< .a.b
  Variable,  ///< $x.a.b
  Call,      ///< name of a function
  Group,     ///< ( pipeline )
  Chain,     ///< ( pipeline ).a.b, or a function's result with fields
};

/// One operand of a command.
struct Expression {
  ExpressionKind kind = ExpressionKind::Dot;
  Position position;
  /// As written, shortened; for messages.
  std::string source;
  Json constant;
  /// "$x" of a Variable, the function of a Call or of a Chain over a call.
  std::string name;
  std::vector<std::string> fields;
  /// Of Group, and of Chain unless it is over a call. Shared only so that nodes can be copied.
  std::shared_ptr<const Pipeline> group;
};

/// An operand followed by its arguments.
struct Command {
  std::vector<Expression> operands;
};

/// `$x := command | command`
struct Pipeline {
  Position position;
  std::vector<std::string> variables;
  bool assigns = false;
  std::vector<Command> commands;
};

enum class NodeKind : std::uint8_t {
  Text,
  Action,
  If,
  With,
  Range,
  TemplateCall,
  Break,
  Continue,
};

struct Node {
  NodeKind kind = NodeKind::Text;
  Position position;
  /// The text, or the name of the called template.
  std::string text;
  /// Without commands for `{{template "x"}}`.
  Pipeline pipeline;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

using NodeList = std::vector<Node>;

/// What a text consists of: its own nodes and the templates that it defines.
struct SyntaxTree {
  NodeList nodes;
  std::map<std::string, NodeList, std::less<>> definitions;
};

}  // namespace reeve::templates
