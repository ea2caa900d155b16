#include "cli/commands.h"
#include "cli/print.h"
#include "workflow/schema/schema.h"

namespace reeve::cli {

int print_schema(const Common& /*common*/, const SchemaArgs& /*args*/) {
  const Result<Json> schema = workflow::editor_schema();
  if (!schema) {
    return report(schema.error());
  }
  print(schema->pretty());
  return 0;
}

}  // namespace reeve::cli
