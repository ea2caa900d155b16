#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "workflow/lint/lint.h"

namespace reeve::lint {

/// "rule: line 3:7: field: message (fix)", a line for each finding; Info is left out unless asked
/// for.
inline std::string describe(const std::vector<Finding>& findings, bool all = false) {
  std::string out;
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::Info && !all) {
      continue;
    }
    Error error = finding.error;
    error.file.clear();
    out += concat(out.empty() ? "" : "\n", finding.rule, ": ", error.describe());
  }
  return out;
}

inline std::string linted(std::string_view text, bool all = false) {
  return describe(check(text).findings, all);
}

inline bool has(const std::vector<Finding>& findings, std::string_view rule) {
  for (const Finding& finding : findings) {
    if (finding.rule == rule) {
      return true;
    }
  }
  return false;
}

/// The first finding of a rule.
inline Finding finding(const std::vector<Finding>& findings, std::string_view rule) {
  for (const Finding& found : findings) {
    if (found.rule == rule) {
      return found;
    }
  }
  ADD_FAILURE() << "no finding of rule " << rule << " in:\n" << describe(findings, true);
  return {};
}

/// A native document around `spec` lines (indented by two).
inline std::string native(std::string_view spec) {
  return concat("apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n", spec);
}

/// A native workflow of one task `a`, whose lines are indented by six.
inline std::string one(std::string_view task, std::string_view spec = "") {
  return native(concat(spec, "  tasks:\n    - name: a\n      timeout: 1m\n", task));
}

/// A Formicary job around tasks.
inline std::string job(std::string_view tasks, std::string_view rest = "") {
  return concat("job_type: j\n", rest, "tasks:\n", tasks);
}

}  // namespace reeve::lint
