#include "workflow/lint/lint.h"

#include <algorithm>
#include <tuple>

#include "workflow/lint/checks.h"
#include "workflow/lint/suppress.h"
#include "workflow/load/loader.h"
#include "workflow/load/problems.h"

namespace reeve::lint {

namespace {

Finding from_problem(workflow::Problem problem) {
  if (const Rule* rule = find_rule(problem.rule); rule != nullptr && problem.error.hint.empty()) {
    problem.error.hint = std::string(rule->fix);
  }
  return {
      .severity = problem.severity,
      .rule = std::move(problem.rule),
      .error = std::move(problem.error),
      .edit = std::nullopt};
}

/// Errors of loading: the document is none, whatever anybody thinks of the rule.
bool is_fatal(const Finding& finding, bool loads) {
  return !loads && finding.severity == Severity::Error;
}

void apply_levels(
    std::vector<Finding>& findings,
    const std::map<std::string, Level, std::less<>>& levels,
    bool loads
) {
  std::erase_if(findings, [&](Finding& finding) {
    const auto level = levels.find(finding.rule);
    if (level == levels.end() || is_fatal(finding, loads)) {
      return false;
    }
    if (level->second) {
      finding.severity = *level->second;
    }
    return !level->second.has_value();
  });
}

void sort_by_place(std::vector<Finding>& findings) {
  const auto key = [](const Finding& finding) {
    const Error& error = finding.error;
    return std::tie(
        error.position.line, error.position.column, finding.rule, error.subject, error.message
    );
  };
  std::sort(findings.begin(), findings.end(), [&](const Finding& a, const Finding& b) {
    return key(a) < key(b);
  });
}

}  // namespace

std::size_t Report::count(Severity severity) const {
  return static_cast<std::size_t>(std::count_if(
      findings.begin(),
      findings.end(),
      [severity](const Finding& finding) { return finding.severity == severity; }
  ));
}

std::vector<Finding> examine(
    const workflow::Workflow& workflow, const std::vector<std::string>& settings
) {
  const Facts facts(workflow);
  const Names names(facts, settings);
  Findings findings;
  check_templates(facts, names, findings);
  check_splices(facts, names, findings);
  check_scripts(facts, findings);
  check_secrets(facts, findings);
  check_routes(facts, findings);
  check_artifacts(facts, findings);
  check_times(facts, findings);
  check_gates(facts, findings);
  check_network(facts, findings);
  check_capacity(facts, findings);
  std::vector<Finding> found = std::move(findings).take();
  sort_by_place(found);
  return found;
}

Report check(std::string_view text, const Options& options) {
  workflow::Problems problems(options.load.file);
  const auto workflow = workflow::load_into(text, options.load, problems);
  Report report;
  std::vector<Finding> about_comments;
  Suppressions suppressions(text, about_comments);
  if (workflow != nullptr) {
    report.findings = examine(*workflow, suppressions.settings());
    for (Finding& finding : report.findings) {
      finding.error.position.line = problems.line(finding.error.position);
      if (!problems.same_lines()) {
        finding.edit.reset();
      }
    }
  }
  std::vector<Finding> reported;
  for (workflow::Problem& problem : std::move(problems).take()) {
    reported.push_back(from_problem(std::move(problem)));
  }
  const bool loads = workflow != nullptr;
  if (loads) {
    report.findings.insert(report.findings.begin(), reported.begin(), reported.end());
    report.findings.insert(report.findings.end(), about_comments.begin(), about_comments.end());
    report.suppressed = suppressions.apply(report.findings);
  } else {
    report.findings = std::move(reported);
  }
  apply_levels(report.findings, options.levels, loads);
  for (Finding& finding : report.findings) {
    finding.error.file = options.load.file;
  }
  sort_by_place(report.findings);
  return report;
}

}  // namespace reeve::lint
