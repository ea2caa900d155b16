#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "store/ports.h"
#include "workflow/workflow.h"

namespace reeve::api {

/// The workflows whose triggers wait for requests, parsed once for each version.
///
/// Threading: the network thread.
class HookWorkflows {
 public:
  /// Versions that are kept parsed; the one that came first is forgotten first.
  static constexpr std::size_t kWorkflowsMax = 256;

  /// `reader` outlives it.
  explicit HookWorkflows(store::Reader& reader) : reader_(reader) {}

  /// The deployed version of a Workflow, as the API shows it. Corrupt, NotFound: its text is not
  /// stored.
  Result<std::shared_ptr<const workflow::Workflow>> find(
      const Namespace& ns, std::string_view name, const Json& shown
  );

 private:
  store::Reader& reader_;
  std::map<Digest, std::shared_ptr<const workflow::Workflow>> parsed_;
  std::deque<Digest> order_;
};

}  // namespace reeve::api
