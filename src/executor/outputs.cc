#include "executor/outputs.h"

#include "base/strings.h"
#include "executor/json_pointer.h"

namespace reeve::executor {

Result<void> publish_outputs(
    std::string_view body, const std::vector<model::NamedValue>& outputs, ToolOutput& output
) {
  if (outputs.empty()) {
    return {};
  }
  const auto json = parse_json(body);
  if (!json.ok()) {
    return make_error(
        ErrorCode::Invalid, concat("the response is not JSON: ", json.error().message), "outputs"
    );
  }
  for (const auto& [name, pointer] : outputs) {
    REEVE_TRY(const Json* value, resolve_pointer(*json, pointer));
    const std::string text = output_text(*value);
    if (text.size() > model::kOutputValueBytesMax) {
      return make_error(
          ErrorCode::LimitExceeded,
          concat("output ", name, " is longer than ", model::kOutputValueBytesMax, " bytes")
      );
    }
    REEVE_CHECK(output.publish(name, text));
  }
  return {};
}

}  // namespace reeve::executor
