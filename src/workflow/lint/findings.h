#pragma once

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

  /// Whether further notes are only counted: no need to look closely then.
  bool full() const { return list_.size() >= kFindingsMax; }

  /// At most kFindingsMax, in the order of discovery.
  std::vector<Finding> take() &&;

 private:
  std::vector<Finding> list_;
  std::size_t dropped_ = 0;
};

}  // namespace reeve::lint
