#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflow/document/yaml.h"
#include "workflow/lint/lint.h"
#include "workflow/workflow.h"

namespace reeve::lint {

/// The text that a workflow was made from: where its fields are, and whether a replacement can be
/// offered. Of a workflow that was made by hand it knows nothing.
class Source {
 public:
  explicit Source(const workflow::Workflow& workflow);

  /// Its parts point into each other.
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  /// The place of a field, as deep as `path` can be followed from the task (or, without a task,
  /// from the top of the workflow); `fallback` if nothing of it is there.
  Position place(
      const workflow::Task* task, const std::vector<std::string_view>& path, Position fallback
  ) const;

  /// Replaces `before`, if that is what stands at `position`.
  std::optional<Edit> replace(Position position, std::string_view before, std::string after) const;

  /// The line (from 1) without its end; empty beyond the text.
  std::string_view line(int number) const;

 private:
  std::string text_;
  std::vector<std::string_view> lines_;
  std::optional<document::Node> root_;
  const document::Node* top_ = nullptr;
  std::map<std::string, const document::Node*, std::less<>> tasks_;
};

}  // namespace reeve::lint
