#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "workflow/lint/lint.h"

/// How reports are written.
namespace reeve::lint {

/// What was found in one file.
struct FileReport {
  std::string file;
  /// Its text, for excerpts; may be empty.
  std::string text;
  Report report;
};

/// Bytes of a line shown in an excerpt; longer lines are cut around the column.
inline constexpr std::size_t kExcerptMax = 120;

/// For people: `file:line:column: severity: field: message [rule]`, the line of the file with a
/// caret below the place, and the fix. Control characters of the document are not filtered.
std::string to_text(const FileReport& file);

/// `{severity, rule, file, line, column, field, message, fix}`, and `edit` with `line`, `column`,
/// `endColumn` and `text` where a replacement settles it.
Json to_json(const Finding& finding);

/// SARIF 2.1.0: one run over all files, with the rules that are reported and their documentation,
/// and a fix for each replacement.
Json to_sarif(std::span<const FileReport> files, std::string_view version);

}  // namespace reeve::lint
