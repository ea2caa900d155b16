#include "workflow/lint/findings.h"

#include "base/strings.h"

namespace reeve::lint {

void Findings::add(Note note) {
  if (full()) {
    ++dropped_;
    return;
  }
  const Rule& rule = *find_rule(note.rule.view());
  Error error = make_error(ErrorCode::Invalid, std::move(note.message), std::move(note.field));
  error.hint = note.fix.empty() ? std::string(rule.fix) : std::move(note.fix);
  error.position = note.position;
  list_.push_back(
      {.severity = note.severity.value_or(rule.severity),
       .rule = std::string(rule.id),
       .error = std::move(error),
       .edit = std::move(note.edit)}
  );
}

std::vector<Finding> Findings::take() && {
  if (dropped_ > 0) {
    list_.back().error.hint += concat("; ", dropped_, " more findings not shown");
  }
  return std::move(list_);
}

}  // namespace reeve::lint
