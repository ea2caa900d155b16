#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "executor/ports.h"
#include "platform/ports.h"
#include "store/ports.h"

namespace reeve::artifact {

/// `expire-artifacts`: forgets what has expired in the run's own data directory. Publishes how many
/// files and bytes that were.
class ExpireTool final : public executor::Tool {
 public:
  /// Opens the store of a data directory for reading.
  using OpenStore =
      std::function<Result<std::unique_ptr<store::Store>>(const std::filesystem::path& data_dir)>;

  ExpireTool(platform::Clock& clock, OpenStore open) : clock_(clock), open_(std::move(open)) {}

  std::string_view name() const override { return "expire-artifacts"; }

  Result<executor::ToolEnd> run(const executor::ToolRequest& request, executor::ToolOutput& output)
      override;

 private:
  platform::Clock& clock_;
  OpenStore open_;
};

}  // namespace reeve::artifact
