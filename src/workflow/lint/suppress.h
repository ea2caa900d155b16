#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/lint/lint.h"

namespace reeve::lint {

/// Comments `# reeve-lint: disable=RULE[,RULE]` of a document. A comment counts for its own line
/// and for the next one.
class Suppressions {
 public:
  /// Comments that name no known rule become findings of `lint-comment`.
  Suppressions(std::string_view text, std::vector<Finding>& findings);

  /// Takes out what the comments turn off and adds `unused-suppression` for comments that turned
  /// nothing off; returns how many findings were taken out. Errors of loading stay.
  std::size_t apply(std::vector<Finding>& findings);

 private:
  struct Comment {
    Position position;
    std::string rule;
    bool used = false;
  };

  void read(std::string_view line, int number, std::vector<Finding>& findings);
  void read_names(std::string_view names, Position position, std::vector<Finding>& findings);
  Comment* find(const Finding& finding);

  std::vector<Comment> comments_;
};

/// Comments looked at in one document.
inline constexpr std::size_t kSuppressionsMax = 1000;

}  // namespace reeve::lint
