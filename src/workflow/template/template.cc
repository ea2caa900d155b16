#include "workflow/template/template.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "workflow/template/evaluator.h"
#include "workflow/template/functions.h"
#include "workflow/template/parser.h"
#include "workflow/template/program.h"

namespace reeve::templates {

Result<Template> Template::parse(
    std::string_view text, const FunctionTable& functions, Position offset, const Limits& limits
) {
  ParseOptions options;
  options.offset = offset;
  options.depth_max = limits.depth_max;
  options.function_names = builtin_function_names();
  for (const auto& entry : functions) {
    options.function_names.push_back(entry.first);
  }
  std::sort(options.function_names.begin(), options.function_names.end());
  REEVE_TRY(SyntaxTree tree, parse_tree(text, options));
  auto program = std::make_shared<Program>();
  program->tree = std::move(tree);
  program->functions = functions;
  program->references = find_references(program->tree);
  return Template(std::move(program));
}

Result<std::string> Template::render(const Json& data, const RenderOptions& options) const {
  REEVE_TRY(HoledText out, evaluate(*program_, data, options));
  if (!out.holes.empty()) {
    return make_error(ErrorCode::Invalid, concat("prints the hidden ", out.holes.front().name));
  }
  return std::move(out.text);
}

Result<HoledText> Template::render_holed(const Json& data, const RenderOptions& options) const {
  return evaluate(*program_, data, options);
}

const std::vector<FieldReference>& Template::referenced_fields() const {
  return program_->references;
}

std::vector<TypeFault> Template::find_type_faults(const KindOf& kind_of) const {
  return find_faults(program_->tree, kind_of);
}

bool has_actions(std::string_view text) {
  return text.find("{{") != std::string_view::npos;
}

std::vector<std::string> builtin_function_names() {
  std::vector<std::string> names;
  for (const auto table : {go_builtins(), comparison_builtins(), formicary_builtins()}) {
    for (const Builtin& builtin : table) {
      names.emplace_back(builtin.name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace reeve::templates
