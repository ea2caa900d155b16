#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/strings.h"
#include "workflow/template/program.h"

namespace reeve::templates {

namespace {

/// What an expression is known to yield, and the field it came from.
struct Known {
  ValueKind kind = ValueKind::Unknown;
  std::string name;
  Position position;
};

struct FunctionKind {
  std::string_view name;
  ValueKind kind;
};

constexpr FunctionKind kResults[] = {
    {"Add", ValueKind::Int},         {"Dict", ValueKind::Map},
    {"Iterate", ValueKind::List},    {"Percent100", ValueKind::Int},
    {"Random", ValueKind::Int},      {"atof", ValueKind::Float},
    {"atoi", ValueKind::Int},        {"contains", ValueKind::Bool},
    {"eq", ValueKind::Bool},         {"ge", ValueKind::Bool},
    {"gt", ValueKind::Bool},         {"hasPrefix", ValueKind::Bool},
    {"hasSuffix", ValueKind::Bool},  {"le", ValueKind::Bool},
    {"len", ValueKind::Int},         {"lower", ValueKind::Text},
    {"lt", ValueKind::Bool},         {"ne", ValueKind::Bool},
    {"not", ValueKind::Bool},        {"print", ValueKind::Text},
    {"printf", ValueKind::Text},     {"println", ValueKind::Text},
    {"replace", ValueKind::Text},    {"shellquote", ValueKind::Text},
    {"trimPrefix", ValueKind::Text}, {"trimSuffix", ValueKind::Text},
    {"upper", ValueKind::Text},
};

constexpr std::array<std::string_view, 4> kOrders = {"lt", "le", "gt", "ge"};

std::string_view in_words(ValueKind kind) {
  switch (kind) {
    case ValueKind::Unknown:
      return "a value";
    case ValueKind::Missing:
      return "nothing";
    case ValueKind::Bool:
      return "a truth value";
    case ValueKind::Int:
      return "a whole number";
    case ValueKind::Float:
      return "a number with a point";
    case ValueKind::Text:
      return "text";
    case ValueKind::List:
      return "a list";
    case ValueKind::Map:
      return "a map";
  }
  return "a value";
}

ValueKind kind_of_constant(const Json& value) {
  switch (value.type()) {
    case Json::Type::Null:
      return ValueKind::Missing;
    case Json::Type::Bool:
      return ValueKind::Bool;
    case Json::Type::Int:
      return ValueKind::Int;
    case Json::Type::Double:
      return ValueKind::Float;
    case Json::Type::String:
      return ValueKind::Text;
    case Json::Type::Array:
      return ValueKind::List;
    case Json::Type::Object:
      return ValueKind::Map;
  }
  return ValueKind::Unknown;
}

/// Walks the tree and follows where the dot is still the data itself.
class FaultFinder {
 public:
  FaultFinder(const SyntaxTree& tree, const KindOf& kind_of) : tree_(tree), kind_of_(kind_of) {}

  std::vector<TypeFault> run() {
    walk(tree_.nodes, true);
    return std::move(faults_);
  }

 private:
  void walk(const NodeList& nodes, bool dot_is_root) {
    for (const Node& node : nodes) {
      walk_node(node, dot_is_root);
    }
  }

  void walk_node(const Node& node, bool dot_is_root) {
    switch (node.kind) {
      case NodeKind::Text:
      case NodeKind::Break:
      case NodeKind::Continue:
        return;
      case NodeKind::Action:
        pipeline(node.pipeline, dot_is_root);
        return;
      case NodeKind::If:
        pipeline(node.pipeline, dot_is_root);
        walk(node.body, dot_is_root);
        walk(node.otherwise, dot_is_root);
        return;
      case NodeKind::Range:
        check_range(node, pipeline(node.pipeline, dot_is_root));
        walk(node.body, false);
        walk(node.otherwise, dot_is_root);
        return;
      case NodeKind::With:
        pipeline(node.pipeline, dot_is_root);
        walk(node.body, false);
        walk(node.otherwise, dot_is_root);
        return;
      case NodeKind::TemplateCall:
        // Its body sees whatever it was called with.
        pipeline(node.pipeline, dot_is_root);
        return;
    }
  }

  Known pipeline(const Pipeline& pipe, bool dot_is_root) {
    std::optional<Known> piped;
    for (const Command& command : pipe.commands) {
      piped = run_command(command, piped, dot_is_root);
    }
    return piped.value_or(Known{});
  }

  Known run_command(const Command& command, const std::optional<Known>& piped, bool dot_is_root) {
    const Expression& first = command.operands.front();
    std::vector<Known> arguments;
    for (std::size_t i = 1; i < command.operands.size(); ++i) {
      arguments.push_back(operand(command.operands[i], dot_is_root));
    }
    if (piped) {
      arguments.push_back(*piped);
    }
    if (first.kind != ExpressionKind::Call) {
      return operand(first, dot_is_root);
    }
    check_call(first, arguments);
    return {.kind = result_of(first.name), .name = {}, .position = first.position};
  }

  static ValueKind result_of(std::string_view function) {
    for (const auto& [name, kind] : kResults) {
      if (name == function) {
        return kind;
      }
    }
    return ValueKind::Unknown;
  }

  Known operand(const Expression& expression, bool dot_is_root) {
    Known known{.kind = ValueKind::Unknown, .name = {}, .position = expression.position};
    switch (expression.kind) {
      case ExpressionKind::Dot:
        known.kind = dot_is_root ? ValueKind::Map : ValueKind::Unknown;
        return known;
      case ExpressionKind::Nil:
        known.kind = ValueKind::Missing;
        return known;
      case ExpressionKind::Constant:
        known.kind = kind_of_constant(expression.constant);
        return known;
      case ExpressionKind::Field:
        return dot_is_root ? field(expression) : known;
      case ExpressionKind::Variable:
        return expression.name == "$" && !expression.fields.empty() ? field(expression) : known;
      case ExpressionKind::Call:
        known.kind = result_of(expression.name);
        return known;
      case ExpressionKind::Group:
        return expression.group == nullptr ? known : pipeline(*expression.group, dot_is_root);
      case ExpressionKind::Chain:
        if (expression.group != nullptr) {
          pipeline(*expression.group, dot_is_root);
        }
        return known;
    }
    return known;
  }

  Known field(const Expression& expression) {
    Known known{
        .kind = kind_of_(expression.fields.front()),
        .name = expression.fields.front(),
        .position = expression.position};
    if (expression.fields.size() == 1) {
      return known;
    }
    const bool has_fields = known.kind == ValueKind::Unknown || known.kind == ValueKind::Map ||
                            known.kind == ValueKind::Missing;
    if (!has_fields) {
      fault(
          known, concat("has no field \"", expression.fields[1], "\": it is ", in_words(known.kind))
      );
    }
    known.kind = ValueKind::Unknown;
    return known;
  }

  void check_range(const Node& node, const Known& over) {
    if (over.kind == ValueKind::Text || over.kind == ValueKind::Bool ||
        over.kind == ValueKind::Float) {
      Known placed = over;
      placed.position = node.pipeline.position;
      fault(placed, concat("cannot be ranged over: it is ", in_words(over.kind)));
    }
  }

  void check_call(const Expression& function, const std::vector<Known>& arguments) {
    if (arguments.empty()) {
      return;
    }
    const bool orders = std::find(kOrders.begin(), kOrders.end(), function.name) != kOrders.end();
    if (orders) {
      check_order(function, arguments);
    } else if (function.name == "eq" || function.name == "ne") {
      check_equal(arguments);
    } else if (function.name == "index" && arguments.size() > 1) {
      check_parts(arguments.front(), "cannot be indexed");
    } else if (function.name == "len") {
      check_parts(arguments.front(), "has no length");
    }
  }

  void check_parts(const Known& item, std::string_view complaint) {
    if (item.kind == ValueKind::Bool || item.kind == ValueKind::Int ||
        item.kind == ValueKind::Float || item.kind == ValueKind::Missing) {
      fault(item, concat(complaint, ": it is ", in_words(item.kind)));
    }
  }

  void check_order(const Expression& function, const std::vector<Known>& arguments) {
    if (arguments.size() != 2) {
      return;
    }
    for (const Known& side : arguments) {
      if (side.kind == ValueKind::Missing || side.kind == ValueKind::Bool ||
          side.kind == ValueKind::List || side.kind == ValueKind::Map) {
        fault(
            side, concat("has no order, \"", function.name, "\" fails: it is ", in_words(side.kind))
        );
        return;
      }
    }
    check_same(arguments[0], arguments[1]);
  }

  void check_equal(const std::vector<Known>& arguments) {
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      if (arguments[0].kind != ValueKind::Missing && arguments[i].kind != ValueKind::Missing) {
        check_same(arguments[0], arguments[i]);
      }
    }
  }

  void check_same(const Known& left, const Known& right) {
    if (left.kind == ValueKind::Unknown || right.kind == ValueKind::Unknown ||
        left.kind == right.kind) {
      return;
    }
    const Known& named = left.name.empty() ? right : left;
    const Known& other = left.name.empty() ? left : right;
    fault(
        named,
        concat("is ", in_words(named.kind), " and does not compare with ", in_words(other.kind))
    );
  }

  void fault(const Known& known, std::string message) {
    faults_.push_back(
        {.position = known.position,
         .message = std::move(message),
         .name = known.name,
         .kind = known.kind}
    );
  }

  const SyntaxTree& tree_;
  const KindOf& kind_of_;
  std::vector<TypeFault> faults_;
};

}  // namespace

std::vector<TypeFault> find_faults(const SyntaxTree& tree, const KindOf& kind_of) {
  return FaultFinder(tree, kind_of).run();
}

}  // namespace reeve::templates
