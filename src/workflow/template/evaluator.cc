#include "workflow/template/evaluator.h"

#include <utility>
#include <vector>

#include "base/strings.h"
#include "workflow/template/expressions.h"
#include "workflow/template/printf.h"

namespace reeve::templates {

namespace {

/// How a list of nodes ended.
enum class Flow : std::uint8_t { Next, Break, Continue };

/// One rendering.
class Evaluator {
 public:
  Evaluator(const Program& program, const Json& data, const RenderOptions& options)
      : program_(program),
        options_(options),
        root_(data.is_null() ? Value() : Value::borrow(data)),
        expressions_(program, data, options),
        printer_(out_, options.limits.output_bytes_max) {}

  Result<HoledText> run() {
    if (!is_shallow(root_.json())) {
      return make_error(
          ErrorCode::LimitExceeded, concat("data is nested deeper than ", kValueDepthMax)
      );
    }
    expressions_.enter_template(root_);
    REEVE_TRY(const Flow flow, walk(program_.tree.nodes, root_));
    REEVE_ASSERT(flow == Flow::Next);
    return HoledText{.text = std::move(out_), .holes = std::move(holes_)};
  }

 private:
  Result<void> emit(std::string_view text, Position position) {
    printer_.write(text);
    return check_output(position);
  }

  Result<void> check_output(Position position) const {
    if (printer_.full()) {
      return Expressions::limit(
          position, concat("output is larger than ", options_.limits.output_bytes_max, " bytes")
      );
    }
    return {};
  }

  Result<Flow> walk(const NodeList& nodes, const Value& dot) {
    for (const Node& node : nodes) {
      REEVE_CHECK(expressions_.charge(1, node.position));
      REEVE_TRY(const Flow flow, walk_node(node, dot));
      if (flow != Flow::Next) {
        return flow;
      }
    }
    return Flow::Next;
  }

  Result<Flow> walk_node(const Node& node, const Value& dot) {
    switch (node.kind) {
      case NodeKind::Text:
        REEVE_CHECK(emit(node.text, node.position));
        return Flow::Next;
      case NodeKind::Action:
        return walk_action(node, dot);
      case NodeKind::If:
      case NodeKind::With:
        return walk_branch(node, dot);
      case NodeKind::Range:
        return walk_range(node, dot);
      case NodeKind::TemplateCall:
        return walk_call(node, dot);
      case NodeKind::Break:
        return Flow::Break;
      case NodeKind::Continue:
        return Flow::Continue;
    }
    return Flow::Next;
  }

  Result<Flow> walk_action(const Node& node, const Value& dot) {
    REEVE_TRY(const Value value, expressions_.pipeline(node.pipeline, dot));
    if (!node.pipeline.variables.empty()) {
      return Flow::Next;
    }
    if (value.is_hidden()) {
      for (const Hole& hole : value.hidden().holes) {
        holes_.push_back({.offset = out_.size() + hole.offset, .name = hole.name});
      }
      REEVE_CHECK(emit(value.hidden().text, node.position));
      return Flow::Next;
    }
    if (value.is_nil()) {
      if (expressions_.strict()) {
        const Expression& first = node.pipeline.commands.front().operands.front();
        Error error = error_at(first, "no value to print");
        error.hint = "give one with: default \"...\"";
        return error;
      }
      REEVE_CHECK(emit("<no value>", node.position));
      return Flow::Next;
    }
    printer_.print(value.json());
    REEVE_CHECK(check_output(node.position));
    return Flow::Next;
  }

  Result<Flow> walk_branch(const Node& node, const Value& dot) {
    const Level level(expressions_.frames());
    REEVE_CHECK(expressions_.check_frames(node.position));
    const std::size_t scope = expressions_.open_scope();
    REEVE_TRY(const Value value, expressions_.pipeline(node.pipeline, dot));
    if (value.is_hidden()) {
      return Expressions::refuse_hidden(subject_of(node), "a condition");
    }
    const bool taken = is_true(value.json());
    const Value& inner = taken && node.kind == NodeKind::With ? value : dot;
    REEVE_TRY(const Flow flow, walk(taken ? node.body : node.otherwise, inner));
    expressions_.close_scope(scope);
    return flow;
  }

  Result<Flow> walk_range(const Node& node, const Value& dot) {
    const Level level(expressions_.frames());
    REEVE_CHECK(expressions_.check_frames(node.position));
    const std::size_t scope = expressions_.open_scope();
    REEVE_TRY(const Value value, expressions_.pipeline(node.pipeline, dot));
    if (value.is_hidden()) {
      return Expressions::refuse_hidden(subject_of(node), "a loop");
    }
    bool any = false;
    REEVE_TRY(Flow flow, iterate(node, value, any));
    if (!any) {
      REEVE_TRY(flow, walk(node.otherwise, dot));
    }
    expressions_.close_scope(scope);
    return flow;
  }

  /// All rounds of a loop; `any` tells whether there was one.
  Result<Flow> iterate(const Node& node, const Value& value, bool& any) {
    const Json& json = value.json();
    bool again = true;
    if (json.is_array()) {
      std::int64_t i = 0;
      for (const Json& item : json.as_array()) {
        any = true;
        REEVE_TRY(again, round(node, Value::own(Json(i++)), value.within(item)));
        if (!again) {
          break;
        }
      }
    } else if (json.is_object()) {
      REEVE_CHECK(expressions_.charge(json.as_object().size(), node.position));
      for (const Json::Member* member : sorted_members(json)) {
        any = true;
        REEVE_TRY(
            again, round(node, Value::own(Json(member->first)), value.within(member->second))
        );
        if (!again) {
          break;
        }
      }
    } else if (json.is_int()) {
      if (node.pipeline.variables.size() > 1) {
        return error_at(subject_of(node), "can't range over a number with more than one variable");
      }
      for (std::int64_t i = 0; again && i < json.as_int(); ++i) {
        any = true;
        const Value number = Value::own(Json(i));
        REEVE_TRY(again, round(node, number, number));
      }
    } else if (!json.is_null()) {
      return error_at(subject_of(node), concat("range can't iterate over type ", type_name(json)));
    }
    return Flow::Next;
  }

  static const Expression& subject_of(const Node& node) {
    return node.pipeline.commands.front().operands.front();
  }

  /// One round of a loop; false if it was the last one.
  Result<bool> round(const Node& node, const Value& index, const Value& item) {
    REEVE_CHECK(expressions_.charge(1, node.position));
    const Pipeline& header = node.pipeline;
    const std::size_t scope = expressions_.open_scope();
    if (header.variables.size() == 1) {
      expressions_.set_variable(header.variables[0], item);
    } else if (header.variables.size() == 2) {
      expressions_.set_variable(header.variables[0], index);
      expressions_.set_variable(header.variables[1], item);
    }
    REEVE_TRY(const Flow flow, walk(node.body, item));
    expressions_.close_scope(scope);
    return flow != Flow::Break;
  }

  Result<Flow> walk_call(const Node& node, const Value& dot) {
    const Level level(expressions_.frames());
    const Level call(calls_);
    REEVE_CHECK(expressions_.check_frames(node.position));
    if (calls_ > options_.limits.depth_max) {
      return Expressions::limit(
          node.position, concat("template calls are nested deeper than ", options_.limits.depth_max)
      );
    }
    Value argument;
    if (!node.pipeline.commands.empty()) {
      REEVE_TRY(argument, expressions_.pipeline(node.pipeline, dot));
    }
    const auto found = program_.tree.definitions.find(node.text);
    REEVE_ASSERT(found != program_.tree.definitions.end());
    auto hidden = expressions_.enter_template(argument);
    REEVE_TRY(const Flow flow, walk(found->second, argument));
    expressions_.leave_template(std::move(hidden));
    return flow;
  }

  const Program& program_;
  const RenderOptions& options_;
  Value root_;
  Expressions expressions_;
  std::string out_;
  std::vector<Hole> holes_;
  Printer printer_;
  int calls_ = 0;
};

}  // namespace

Result<HoledText> evaluate(const Program& program, const Json& data, const RenderOptions& options) {
  return Evaluator(program, data, options).run();
}

}  // namespace reeve::templates
