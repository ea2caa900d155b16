#include <set>
#include <string_view>

#include "workflow/template/program.h"

namespace reeve::templates {

namespace {

/// What an expression is used for.
struct Use {
  bool optional = false;
  bool spliced = false;
  bool alone = false;
};

/// Walks the tree and follows where the dot is still the data itself.
class ReferenceFinder {
 public:
  explicit ReferenceFinder(const SyntaxTree& tree) : tree_(tree) {}

  std::vector<FieldReference> run() {
    // Inside a define "$" is whatever the template was called with; only calls with the data
    // itself are followed.
    walk(tree_.nodes, true);
    return std::move(references_);
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
        walk(
            node.pipeline,
            dot_is_root,
            {.optional = false, .spliced = true, .alone = is_single(node.pipeline)}
        );
        return;
      case NodeKind::If:
        walk(node.pipeline, dot_is_root, {.optional = true, .spliced = false});
        walk(node.body, dot_is_root);
        walk(node.otherwise, dot_is_root);
        return;
      case NodeKind::With:
      case NodeKind::Range:
        // What is bound to the dot may be printed in the body.
        walk(
            node.pipeline, dot_is_root, {.optional = node.kind == NodeKind::With, .spliced = true}
        );
        walk(node.body, false);
        walk(node.otherwise, dot_is_root);
        return;
      case NodeKind::TemplateCall:
        walk_call(node, dot_is_root);
        return;
    }
  }

  void walk_call(const Node& node, bool dot_is_root) {
    walk(node.pipeline, dot_is_root, {.optional = false, .spliced = true});
    const auto found = tree_.definitions.find(node.text);
    if (found == tree_.definitions.end() || !passes_root(node.pipeline, dot_is_root)) {
      return;
    }
    // Once is enough, and a template that calls itself would never end.
    if (visited_.insert(node.text).second) {
      walk(found->second, true);
    }
  }

  /// One operand, no function.
  static bool is_single(const Pipeline& pipeline) {
    return pipeline.variables.empty() && pipeline.commands.size() == 1 &&
           pipeline.commands.front().operands.size() == 1 &&
           pipeline.commands.front().operands.front().group == nullptr;
  }

  static bool passes_root(const Pipeline& pipeline, bool dot_is_root) {
    if (pipeline.commands.size() != 1 || pipeline.commands.front().operands.size() != 1) {
      return false;
    }
    return is_root(pipeline.commands.front().operands.front(), dot_is_root);
  }

  static bool calls(const Command& command, std::string_view function) {
    const Expression& first = command.operands.front();
    return first.kind == ExpressionKind::Call && first.name == function;
  }

  void walk(const Pipeline& pipeline, bool dot_is_root, Use use) {
    if (!pipeline.commands.empty() && calls(pipeline.commands.back(), "shellquote")) {
      use.spliced = false;
    }
    for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
      const Command& command = pipeline.commands[i];
      Use inner = use;
      inner.optional = use.optional || (i + 1 < pipeline.commands.size() &&
                                        calls(pipeline.commands[i + 1], "default"));
      const bool is_default = calls(command, "default");
      note_index(command, dot_is_root, inner);
      for (std::size_t k = 0; k < command.operands.size(); ++k) {
        Use argument = inner;
        argument.optional = inner.optional || (is_default && k == 2);
        walk(command.operands[k], dot_is_root, argument);
      }
    }
  }

  static bool is_root(const Expression& expression, bool dot_is_root) {
    return (expression.kind == ExpressionKind::Dot && dot_is_root) ||
           (expression.kind == ExpressionKind::Variable && expression.name == "$" &&
            expression.fields.empty());
  }

  /// `index . "a-name"`: the only way to names that are no identifiers.
  void note_index(const Command& command, bool dot_is_root, Use use) {
    if (!calls(command, "index") || command.operands.size() < 3 ||
        !is_root(command.operands[1], dot_is_root)) {
      return;
    }
    const Expression& name = command.operands[2];
    if (name.kind == ExpressionKind::Constant && name.constant.is_string()) {
      references_.push_back(
          {.name = name.constant.as_string(),
           .position = name.position,
           .optional = use.optional,
           .spliced = use.spliced}
      );
    }
  }

  void walk(const Expression& expression, bool dot_is_root, Use use) {
    const bool field = expression.kind == ExpressionKind::Field && dot_is_root;
    const bool root = expression.kind == ExpressionKind::Variable && expression.name == "$" &&
                      !expression.fields.empty();
    if (field || root) {
      references_.push_back(
          {.name = expression.fields.front(),
           .position = expression.position,
           .optional = use.optional,
           .spliced = use.spliced,
           .alone = use.alone && expression.fields.size() == 1}
      );
    }
    if (expression.group != nullptr) {
      walk(*expression.group, dot_is_root, use);
    }
  }

  const SyntaxTree& tree_;
  std::set<std::string_view> visited_;
  std::vector<FieldReference> references_;
};

}  // namespace

std::vector<FieldReference> find_references(const SyntaxTree& tree) {
  return ReferenceFinder(tree).run();
}

}  // namespace reeve::templates
