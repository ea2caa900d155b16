#pragma once

#include <vector>

#include "workflow/template/ast.h"
#include "workflow/template/template.h"

namespace reeve::templates {

/// What a Template refers to.
struct Program {
  SyntaxTree tree;
  FunctionTable functions;
  std::vector<FieldReference> references;
};

/// Finds the uses of top-level fields; see Template::referenced_fields.
std::vector<FieldReference> find_references(const SyntaxTree& tree);

/// See Template::find_type_faults.
std::vector<TypeFault> find_faults(const SyntaxTree& tree, const KindOf& kind_of);

}  // namespace reeve::templates
