#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/template/ast.h"

namespace reeve::templates {

struct ParseOptions {
  /// Place of the first character.
  Position offset{1, 1};
  int depth_max = 100;
  /// Sorted names of everything that may be called.
  std::vector<std::string> function_names;
};

/// Reads a template text. See Template::parse for the errors.
Result<SyntaxTree> parse_tree(std::string_view text, const ParseOptions& options);

}  // namespace reeve::templates
