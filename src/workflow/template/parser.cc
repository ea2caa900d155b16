#include "workflow/template/parser.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "workflow/template/expression_parser.h"
#include "workflow/template/lexer.h"
#include "workflow/template/text.h"

namespace reeve::templates {

namespace {

bool is_keyword(TokenKind kind) {
  return kind >= TokenKind::If && kind <= TokenKind::Continue;
}

/// What ended a list of nodes: the `{{end}}`, the `{{else`, or the end of the text.
enum class ListEnd : std::uint8_t { End, Else, Text };

/// Recursive descent over the tokens. The first mistake ends it.
class Parser {
 public:
  Parser(const Lexed& lexed, const ParseOptions& options)
      : lexed_(lexed), reader_(lexed, options) {}

  Result<SyntaxTree> run() {
    ListEnd ended = ListEnd::Text;
    REEVE_TRY(tree_.nodes, parse_list(ended));
    if (ended != ListEnd::Text) {
      const Token& token = reader_.before();
      return error_at(
          token.position, concat("unexpected ", describe(token)), "nothing is open here"
      );
    }
    for (const auto& [name, position] : called_) {
      if (!tree_.definitions.contains(name)) {
        std::vector<std::string> names;
        for (const auto& definition : tree_.definitions) {
          names.push_back(definition.first);
        }
        return error_at(
            position, concat("template \"", name, "\" not defined"), did_you_mean(name, names)
        );
      }
    }
    return std::move(tree_);
  }

 private:
  Result<NodeList> parse_list(ListEnd& ended) {
    NodeList nodes;
    while (true) {
      const Token& token = reader_.take();
      if (token.kind == TokenKind::EndOfText) {
        ended = ListEnd::Text;
        return nodes;
      }
      if (token.kind == TokenKind::Text) {
        Node node;
        node.position = token.position;
        node.text = std::string(token.text);
        nodes.push_back(std::move(node));
        continue;
      }
      if (token.kind != TokenKind::LeftDelim) {
        return reader_.unexpected(token, "input");
      }
      if (reader_.accept(TokenKind::End)) {
        ended = ListEnd::End;
        return nodes;
      }
      if (reader_.accept(TokenKind::Else)) {
        ended = ListEnd::Else;
        return nodes;
      }
      REEVE_CHECK(parse_action(token.position, nodes));
    }
  }

  Result<void> parse_action(Position position, NodeList& nodes) {
    if (!is_keyword(reader_.peek().kind)) {
      Node node;
      node.kind = NodeKind::Action;
      node.position = position;
      REEVE_TRY(node.pipeline, reader_.parse_pipeline(TokenKind::RightDelim, "command"));
      nodes.push_back(std::move(node));
      return {};
    }
    const Token& word = reader_.take();
    if (word.kind == TokenKind::Define) {
      return parse_define(word.position);
    }
    std::optional<Result<Node>> node;
    if (word.kind == TokenKind::If || word.kind == TokenKind::With ||
        word.kind == TokenKind::Range) {
      node = parse_control(word);
    } else if (word.kind == TokenKind::TemplateCall || word.kind == TokenKind::Block) {
      node = parse_call(word);
    } else if (word.kind == TokenKind::Break || word.kind == TokenKind::Continue) {
      node = parse_jump(word);
    } else {
      return reader_.unexpected(word, "command");
    }
    REEVE_TRY(Node parsed, std::move(*node));
    nodes.push_back(std::move(parsed));
    return {};
  }

  Result<Node> parse_jump(const Token& word) {
    if (loops_ == 0) {
      return error_at(word.position, concat(describe(word), " outside {{range}}"));
    }
    REEVE_CHECK(reader_.expect_close(describe(word)));
    Node node;
    node.kind = word.kind == TokenKind::Break ? NodeKind::Break : NodeKind::Continue;
    node.position = word.position;
    return node;
  }

  Error not_closed(const Token& word) const {
    if (reader_.peek().kind == TokenKind::Broken) {
      return *lexed_.error;
    }
    return error_at(
        word.position,
        concat("unexpected end of template: ", describe(word), " is not closed"),
        "add {{end}}"
    );
  }

  Result<Node> parse_control(const Token& word) {
    REEVE_CHECK(reader_.enter(word.position));
    const std::size_t scope = reader_.variables().size();
    Node node;
    node.kind = word.kind == TokenKind::If     ? NodeKind::If
                : word.kind == TokenKind::With ? NodeKind::With
                                               : NodeKind::Range;
    node.position = word.position;
    REEVE_TRY(node.pipeline, reader_.parse_pipeline(TokenKind::RightDelim, word.text));
    ListEnd ended = ListEnd::Text;
    loops_ += node.kind == NodeKind::Range ? 1 : 0;
    REEVE_TRY(node.body, parse_list(ended));
    loops_ -= node.kind == NodeKind::Range ? 1 : 0;
    if (ended == ListEnd::Else) {
      REEVE_CHECK(parse_else(word, node));
    } else if (ended == ListEnd::Text) {
      return not_closed(word);
    } else {
      REEVE_CHECK(reader_.expect_close("end"));
    }
    reader_.variables().resize(scope);
    reader_.leave();
    return node;
  }

  /// After `{{else`: the other branch up to and including `{{end}}`.
  Result<void> parse_else(const Token& word, Node& node) {
    const Token& next = reader_.peek();
    const bool chained = (node.kind == NodeKind::If && next.kind == TokenKind::If) ||
                         (node.kind == NodeKind::With && next.kind == TokenKind::With);
    if (chained) {
      // The inner node shares the one {{end}}.
      reader_.take();
      REEVE_TRY(Node inner, parse_control(next));
      node.otherwise.push_back(std::move(inner));
      return {};
    }
    REEVE_CHECK(reader_.expect_close("else"));
    ListEnd ended = ListEnd::Text;
    REEVE_TRY(node.otherwise, parse_list(ended));
    if (ended == ListEnd::Text) {
      return not_closed(word);
    }
    if (ended == ListEnd::Else) {
      return error_at(reader_.before().position, "expected {{end}}; found {{else}}");
    }
    return reader_.expect_close("end");
  }

  Result<std::string> parse_template_name(const Token& word) {
    const Token& token = reader_.take();
    if (token.kind != TokenKind::String && token.kind != TokenKind::RawString) {
      return reader_.unexpected(token, concat(word.text, " clause"));
    }
    auto name = unquote(token.text);
    if (!name) {
      return error_at(token.position, concat("malformed string: ", token.text));
    }
    return std::move(*name);
  }

  /// `{{template "name" pipeline}}` or `{{block "name" pipeline}} body {{end}}`.
  Result<Node> parse_call(const Token& word) {
    const bool block = word.kind == TokenKind::Block;
    Node node;
    node.kind = NodeKind::TemplateCall;
    node.position = word.position;
    REEVE_TRY(node.text, parse_template_name(word));
    if (block || !reader_.accept(TokenKind::RightDelim)) {
      REEVE_TRY(node.pipeline, reader_.parse_pipeline(TokenKind::RightDelim, word.text));
    }
    if (block) {
      REEVE_CHECK(parse_definition(word, node.text));
    }
    called_.emplace_back(node.text, node.position);
    return node;
  }

  Result<void> parse_define(Position position) {
    const Token& word = reader_.before();
    if (reader_.depth() > 0) {
      return error_at(position, "unexpected {{define}}: it belongs to the top level of the text");
    }
    REEVE_TRY(const std::string name, parse_template_name(word));
    REEVE_CHECK(reader_.expect_close("define clause"));
    return parse_definition(word, name);
  }

  /// The body of a define or block, with variables and loops of its own.
  Result<void> parse_definition(const Token& word, const std::string& name) {
    REEVE_CHECK(reader_.enter(word.position));
    std::vector<std::string> outer = std::exchange(reader_.variables(), {"$"});
    const int outer_loops = std::exchange(loops_, 0);
    ListEnd ended = ListEnd::Text;
    REEVE_TRY(NodeList body, parse_list(ended));
    if (ended == ListEnd::Text) {
      return not_closed(word);
    }
    if (ended == ListEnd::Else) {
      return error_at(
          reader_.before().position, concat("unexpected {{else}} in ", word.text, " clause")
      );
    }
    REEVE_CHECK(reader_.expect_close("end"));
    reader_.variables() = std::move(outer);
    loops_ = outer_loops;
    reader_.leave();
    NodeList& slot = tree_.definitions[name];
    if (!is_blank(slot) && !is_blank(body)) {
      return error_at(word.position, concat("multiple definition of template \"", name, "\""));
    }
    if (is_blank(slot)) {
      slot = std::move(body);
    }
    return {};
  }

  static bool is_blank(const NodeList& nodes) {
    return std::all_of(nodes.begin(), nodes.end(), [](const Node& node) {
      return node.kind == NodeKind::Text && trim(node.text).empty();
    });
  }

  const Lexed& lexed_;
  ExpressionParser reader_;
  int loops_ = 0;
  std::vector<std::pair<std::string, Position>> called_;
  SyntaxTree tree_;
};

}  // namespace

Result<SyntaxTree> parse_tree(std::string_view text, const ParseOptions& options) {
  const Lexed lexed = lex(text, options.offset);
  return Parser(lexed, options).run();
}

}  // namespace reeve::templates
