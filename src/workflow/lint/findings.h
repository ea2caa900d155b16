#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workflow/lint/lint.h"
#include "workflow/lint/rules.h"

namespace reeve::lint {

/// What a check has to say.
struct Note {
  RuleId rule;
  Position position;
  /// "tasks.build.script[0]".
  std::string field;
  std::string message;
  std::string fix;
  std::optional<Edit> edit = std::nullopt;
  /// If it differs from the rule's.
  std::optional<Severity> severity = std::nullopt;
};

/// Collects what the checks say about one workflow. One thread.
class Findings {
 public:
  void add(Note note);

  /// Whether further notes are only counted, whatever they are: no need to look closely then.
  bool full() const { return counts_.front() >= kFindingsMax; }

  /// At most kFindingsMax, the graver ones preferred.
  std::vector<Finding> take() &&;

 private:
  /// At most kFindingsMax of each severity: a grave one may come late.
  std::vector<Finding> list_;
  std::array<std::size_t, 3> counts_{};
  std::size_t dropped_ = 0;
};

}  // namespace reeve::lint
