#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/catalog.h"
#include "engine/engine.h"
#include "store/ports.h"
#include "workflow/workflow.h"

namespace reeve::owner {

/// A trigger of an enabled workflow. What it waits for, and what it makes, is of its namespace.
struct DeployedTrigger {
  Namespace ns;
  std::shared_ptr<const workflow::Workflow> workflow;
  const workflow::Trigger* trigger = nullptr;
};

/// How people are told of something in a namespace: its name alone if that is `default`.
std::string shown_name(const Namespace& ns, std::string_view name);

/// Triggers, and what is wrong with workflows that do not load: shown name and problem, in order.
struct TriggerList {
  std::vector<DeployedTrigger> triggers;
  std::vector<std::pair<std::string, Error>> problems;
};

/// What a rate limit leaves.
struct Room {
  std::uint32_t missions = std::numeric_limits<std::uint32_t>::max();
  /// If it leaves none: when the next window begins.
  std::optional<Timestamp> rests_until = std::nullopt;
};

/// The triggers of everything that is deployed and enabled in any namespace, as the store has them.
/// Documents are parsed once.
///
/// Threading: one thread.
class DeployedTriggers {
 public:
  /// `reader` outlives it.
  DeployedTriggers(store::Reader& reader, engine::WorkflowLoader loader)
      : reader_(reader), loader_(std::move(loader)) {}

  /// In order of namespaces, workflows and documents. What it points to stays with its workflow. A
  /// workflow that does not load has no triggers; the others do.
  Result<TriggerList> list();

  /// What the rate limit of a trigger leaves now.
  Result<Room> room(const DeployedTrigger& trigger, Timestamp now);

  /// One deployed workflow, enabled or not. NotFound: there is none.
  Result<std::shared_ptr<const workflow::Workflow>> find(
      const Namespace& ns, const std::string& name
  );

 private:
  Result<engine::Deployed> read(const Namespace& ns, const std::string& name);
  Result<std::shared_ptr<const workflow::Workflow>> version_of(
      const Namespace& ns, const std::string& name, const Digest& digest
  );

  store::Reader& reader_;
  engine::WorkflowLoader loader_;
  std::map<Digest, std::shared_ptr<const workflow::Workflow>> parsed_;
};

}  // namespace reeve::owner
