#include "workflow/load/templates.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/strings.h"
#include "workflow/functions.h"

namespace reeve::workflow {

namespace {

/// Functions that look at the run, its random numbers or other missions.
constexpr std::array<std::string_view, 5> kRunFunctions = {
    "Random", "now", "CountByJobTypeAndState", "SubmitJob", "SubmitJobsFromJSON"};

const templates::FunctionTable& load_functions() {
  static const templates::FunctionTable kTable = [] {
    templates::FunctionTable functions = make_functions(0, Timestamp{});
    for (const std::string_view name : kRunFunctions) {
      functions[std::string(name)] = [name](std::span<const Json>) -> Result<Json> {
        return make_error(
            ErrorCode::Invalid,
            concat("the function \"", name, "\" works only while a mission runs"),
            std::string(name)
        );
      };
    }
    return functions;
  }();
  return kTable;
}

}  // namespace

Result<templates::Template> parse_template(std::string_view text) {
  auto parsed = templates::Template::parse(text, load_functions());
  if (!parsed.ok() && parsed.error().hint.empty()) {
    Error error = std::move(parsed).error();
    error.hint = "a value is {{ .name }}, a condition {{ if .name }} … {{ end }}";
    return error;
  }
  return parsed;
}

bool is_run_function(std::string_view name) {
  return std::find(kRunFunctions.begin(), kRunFunctions.end(), name) != kRunFunctions.end();
}

Result<std::string> render_now(
    std::string_view text, const Json& data, MissingValue missing, std::size_t steps_max
) {
  REEVE_TRY(const templates::Template parsed, parse_template(text));
  templates::RenderOptions options;
  options.limits.steps_max = steps_max;
  options.missing =
      missing == MissingValue::Error ? templates::Missing::Error : templates::Missing::NoValue;
  return parsed.render(data, options);
}

Position in_file(Position start, Position place) {
  if (place.line <= 0) {
    return start;
  }
  return {start.line + place.line - 1, start.column + place.column - 1};
}

}  // namespace reeve::workflow
