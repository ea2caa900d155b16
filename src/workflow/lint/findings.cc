#include "workflow/lint/findings.h"

#include "base/strings.h"

namespace reeve::lint {

void Findings::add(Note note) {
  const Rule& rule = *find_rule(note.rule.view());
  const Severity severity = note.severity.value_or(rule.severity);
  std::size_t& count = counts_[static_cast<std::size_t>(severity)];
  if (count >= kFindingsMax) {
    ++dropped_;
    return;
  }
  ++count;
  Error error = make_error(ErrorCode::Invalid, std::move(note.message), std::move(note.field));
  error.hint = note.fix.empty() ? std::string(rule.fix) : std::move(note.fix);
  error.position = note.position;
  list_.push_back(
      {.severity = severity,
       .rule = std::string(rule.id),
       .error = std::move(error),
       .edit = std::move(note.edit)}
  );
}

std::vector<Finding> Findings::take() && {
  std::vector<Finding> taken;
  for (const Severity severity : {Severity::Error, Severity::Warning, Severity::Info}) {
    for (Finding& finding : list_) {
      if (finding.severity != severity) {
        continue;
      }
      if (taken.size() < kFindingsMax) {
        taken.push_back(std::move(finding));
      } else {
        ++dropped_;
      }
    }
  }
  if (dropped_ > 0) {
    taken.back().error.hint += concat("; ", dropped_, " more findings not shown");
  }
  return taken;
}

}  // namespace reeve::lint
