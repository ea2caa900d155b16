#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "workflow/lint/rules.h"
#include "workflow/load/load.h"
#include "workflow/workflow.h"

/// What a workflow document will do wrong or surprisingly, found without running it.
namespace reeve::lint {

/// A replacement that settles a finding: the text from `begin` up to `end` (exclusive, on the same
/// line) becomes `text`. Columns count bytes.
struct Edit {
  Position begin;
  Position end;
  std::string text;

  friend bool operator==(const Edit&, const Edit&) = default;
};

/// One finding: rule, place and field (`error.subject`), what is the matter (`error.message`) and
/// what to do (`error.hint`).
struct Finding {
  Severity severity = Severity::Warning;
  std::string rule;
  Error error;
  std::optional<Edit> edit;
};

/// How findings of a rule count; none: they are dropped.
using Level = std::optional<Severity>;

struct Options {
  workflow::LoadOptions load;
  /// By rule. Errors of loading stay errors: nothing runs with them.
  std::map<std::string, Level, std::less<>> levels;
};

struct Report {
  /// By place.
  std::vector<Finding> findings;
  /// Findings that comments in the document turned off.
  std::size_t suppressed = 0;

  std::size_t count(Severity severity) const;
};

/// Findings reported per document; the rest is counted in the last one's hint.
inline constexpr std::size_t kFindingsMax = 200;

/// Loads the document and looks for everything in the table of rules. A comment
/// `# reeve-lint: disable=RULE[,RULE]` turns rules off for its own line and the next one, a comment
/// `# reeve-lint: setting=NAME[,NAME]` says what the installation gives a value. Any thread;
/// bounded like loading.
Report check(std::string_view text, const Options& options = {});

/// The findings of lint alone about a workflow, with places in its source. `settings`: names that
/// the installation gives a value.
std::vector<Finding> examine(
    const workflow::Workflow& workflow, const std::vector<std::string>& settings = {}
);

}  // namespace reeve::lint
