#pragma once

#include "executor/ports.h"
#include "platform/ports.h"

namespace reeve::executor::cache {

/// `cache-restore`: puts what is kept under the key into the working directory, and notes which key
/// that was for `cache-save`: what the key is made of may change meanwhile. Nothing there, or
/// something damaged, is a miss, never a failure.
class RestoreTool final : public Tool {
 public:
  explicit RestoreTool(platform::Clock& clock) : clock_(clock) {}

  std::string_view name() const override { return "cache-restore"; }

  Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) override;

 private:
  platform::Clock& clock_;
};

/// `cache-save`: keeps files under the key that was noted, unless there is something. What cannot
/// be kept is a warning, never a failure.
class SaveTool final : public Tool {
 public:
  explicit SaveTool(platform::Clock& clock) : clock_(clock) {}

  std::string_view name() const override { return "cache-save"; }

  Result<ToolEnd> run(const ToolRequest& request, ToolOutput& output) override;

 private:
  platform::Clock& clock_;
};

}  // namespace reeve::executor::cache
