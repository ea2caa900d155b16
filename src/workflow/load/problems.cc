#include "workflow/load/problems.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/strings.h"

namespace reeve::workflow {

namespace {

/// Names come from the document and may be as long as it.
void clip(std::string& text) {
  if (text.size() <= kProblemTextMax) {
    return;
  }
  text.resize(kProblemTextMax);
  // Do not cut a character in two.
  while (!text.empty() && !is_utf8(text)) {
    text.pop_back();
  }
  text += "…";
}

}  // namespace

int Problems::line(Position position) const {
  const auto index = static_cast<std::size_t>(position.line) - 1;
  return position.line > 0 && index < lines_.size() ? lines_[index] : position.line;
}

void Problems::add(Severity severity, std::string_view rule, Error error) {
  if (severity == Severity::Error) {
    ++errors_;
  }
  // Twice the cap, so that errors found late can still push out warnings.
  const auto same = static_cast<std::size_t>(std::count_if(
      list_.begin(),
      list_.end(),
      [severity](const Problem& problem) { return problem.severity == severity; }
  ));
  if (same >= kProblemsMax) {
    ++dropped_;
    return;
  }
  clip(error.message);
  clip(error.subject);
  error.file = file_;
  error.position.line = line(error.position);
  list_.push_back({severity, std::string(rule), std::move(error)});
}

void Problems::error(
    std::string_view rule,
    Position position,
    std::string subject,
    std::string message,
    std::string hint
) {
  Error found = make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
  found.hint = std::move(hint);
  found.position = position;
  add(Severity::Error, rule, std::move(found));
}

void Problems::error(std::string_view rule, Error error) {
  add(Severity::Error, rule, std::move(error));
}

void Problems::warning(
    std::string_view rule,
    Position position,
    std::string subject,
    std::string message,
    std::string hint
) {
  Error found = make_error(ErrorCode::Invalid, std::move(message), std::move(subject));
  found.hint = std::move(hint);
  found.position = position;
  add(Severity::Warning, rule, std::move(found));
}

void Problems::unsupported(std::string_view field, Position position, std::string subject) {
  Error found = make_error(
      ErrorCode::Unsupported,
      concat("not supported yet: ", field, " (line ", line(position), ")"),
      std::move(subject)
  );
  found.position = position;
  found.hint = "remove it";
  add(Severity::Error, "unsupported", std::move(found));
}

void Problems::too_many_tasks(std::size_t count, Position position, std::string subject) {
  Error found = make_error(
      ErrorCode::LimitExceeded,
      concat("has ", count, " tasks, at most ", kTasksMax, " are allowed"),
      std::move(subject)
  );
  found.position = position;
  found.hint =
      "divide the work: a task with \"mission\" starts another workflow, \"fanOut\" repeats a task";
  add(Severity::Error, "too-many-tasks", std::move(found));
}

std::vector<Problem> Problems::take() && {
  // Ties keep the order of discovery: sort indices, with the index as the last criterion.
  std::vector<std::size_t> order(list_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() > kProblemsMax) {
    std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
      return std::pair(list_[a].severity, a) < std::pair(list_[b].severity, b);
    });
    dropped_ += order.size() - kProblemsMax;
    order.resize(kProblemsMax);
  }
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    const Position& left = list_[a].error.position;
    const Position& right = list_[b].error.position;
    return std::tuple(left.line, left.column, a) < std::tuple(right.line, right.column, b);
  });
  std::vector<Problem> sorted;
  for (const std::size_t index : order) {
    sorted.push_back(std::move(list_[index]));
  }
  if (dropped_ > 0) {
    Problem& last = sorted.back();
    last.error.hint = concat(
        last.error.hint, last.error.hint.empty() ? "" : "; ", dropped_, " more problems not shown"
    );
  }
  return sorted;
}

}  // namespace reeve::workflow
