#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workflow/lint/lint.h"

namespace reeve::lint {

/// Comments `# reeve-lint: disable=RULE[,RULE]` of a document, which count for their own line and
/// for the next one, and `# reeve-lint: setting=NAME[,NAME]`, which count for the whole.
class Suppressions {
 public:
  /// Comments that name no known rule become findings of `lint-comment`.
  Suppressions(std::string_view text, std::vector<Finding>& findings);

  /// Names that the installation gives a value.
  const std::vector<std::string>& settings() const { return settings_; }

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
  void read_settings(std::string_view names, Position position, std::vector<Finding>& findings);
  void read_names(std::string_view names, Position position, std::vector<Finding>& findings);
  Comment* find(const Finding& finding);

  std::vector<Comment> comments_;
  std::vector<std::string> settings_;
};

/// Comments looked at in one document.
inline constexpr std::size_t kSuppressionsMax = 1000;

}  // namespace reeve::lint
