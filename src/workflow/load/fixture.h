#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/strings.h"
#include "workflow/load/load.h"

namespace reeve::workflow {

inline std::string describe(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) {
    out += concat(
        problem.severity == Severity::Error ? "error " : "warning ",
        problem.rule,
        ": ",
        problem.error.describe(),
        "\n"
    );
  }
  return out;
}

/// The workflow of a document that must load.
inline Workflow loaded(std::string_view text, const LoadOptions& options = {}) {
  const Loaded result = load(text, options);
  EXPECT_TRUE(result.ok()) << describe(result.problems) << text;
  return result.ok() ? *result.workflow : Workflow{};
}

/// The first finding of a rule.
inline Problem finding(const std::vector<Problem>& problems, std::string_view rule) {
  for (const Problem& problem : problems) {
    if (problem.rule == rule) {
      return problem;
    }
  }
  ADD_FAILURE() << "no finding of rule " << rule << " in:\n" << describe(problems);
  return {};
}

/// "line:column: subject: message (hint)" of each error of a document that must not load; each says
/// what to do about it.
inline std::string only_error(std::string_view text, const LoadOptions& options = {}) {
  const Loaded result = load(text, options);
  EXPECT_FALSE(result.ok()) << text;
  std::string out;
  for (const Problem& problem : result.problems) {
    if (problem.severity == Severity::Error) {
      Error error = problem.error;
      error.file.clear();
      out += concat(out.empty() ? "" : "\n", error.describe());
      EXPECT_FALSE(error.hint.empty()) << "no way out: " << error.describe();
    }
  }
  return out;
}

/// As `only_error`, for warnings of a document that loads.
inline std::string warnings(std::string_view text, const LoadOptions& options = {}) {
  const Loaded result = load(text, options);
  EXPECT_TRUE(result.ok()) << describe(result.problems);
  std::string out;
  for (const Problem& problem : result.problems) {
    Error error = problem.error;
    error.file.clear();
    out += concat(out.empty() ? "" : "\n", error.describe());
  }
  return out;
}

/// A native document around `spec` lines (indented by two).
inline std::string native(std::string_view spec) {
  return concat("apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n", spec);
}

}  // namespace reeve::workflow
