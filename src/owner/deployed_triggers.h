#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/engine.h"
#include "store/ports.h"
#include "workflow/workflow.h"

namespace reeve::owner {

/// A trigger of an enabled workflow.
struct DeployedTrigger {
  std::shared_ptr<const workflow::Workflow> workflow;
  const workflow::Trigger* trigger = nullptr;
};

/// The triggers of everything that is deployed and enabled, as the store has them. Documents are
/// parsed once.
///
/// Threading: one thread.
class DeployedTriggers {
 public:
  /// `reader` outlives it.
  DeployedTriggers(store::Reader& reader, engine::WorkflowLoader loader)
      : reader_(reader), loader_(std::move(loader)) {}

  /// In order of workflows and documents. What it points to stays until the next call.
  Result<std::vector<DeployedTrigger>> list();

  /// One deployed workflow, enabled or not. NotFound: there is none.
  Result<std::shared_ptr<const workflow::Workflow>> find(const std::string& name);

 private:
  Result<std::shared_ptr<const workflow::Workflow>> version_of(
      const std::string& name, const Digest& digest
  );

  store::Reader& reader_;
  engine::WorkflowLoader loader_;
  std::map<Digest, std::shared_ptr<const workflow::Workflow>> parsed_;
};

}  // namespace reeve::owner
