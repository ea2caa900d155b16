#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/load/problems.h"

namespace reeve::workflow {

/// A value that begins with `{{` and is not quoted: YAML would read it as nested maps.
struct BareTemplate {
  /// Of the first brace.
  Position position;
  /// As it should be written: `"{{ .X }}"`.
  std::string quoted;
};

struct Quoted {
  /// The text with those values in single quotes; lines stay what they were.
  std::string text;
  std::vector<BareTemplate> bare;
  /// Column of the quote that was put in, by line.
  std::map<int, int> columns;
};

/// Quotes values that begin with `{{`. With `mixed`, also plain values that hold an action with
/// `: ` or ` #` inside, which YAML would cut there.
Quoted quote_bare_templates(std::string_view text, bool mixed);

/// Reports every one of them as an error; they come from a text with `lines_before` lines before
/// it.
void report_bare_templates(const Quoted& quoted, int lines_before, Problems& problems);

}  // namespace reeve::workflow
