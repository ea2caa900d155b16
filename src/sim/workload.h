#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "sim/random.h"
#include "workflow/workflow.h"

namespace reeve::sim {

/// Loads workflow documents and remembers them, as texts come back at every recovery. Any document
/// that both front ends accept and whose scripts are behaviours (behaviour.h).
///
/// Threading: one thread.
class WorkflowShelf {
 public:
  /// Invalid: the document's first error, or a script that is no behaviour.
  Result<std::shared_ptr<const workflow::Workflow>> load(std::string_view source);

  /// `load` as the kernel wants it; the shelf must outlive it.
  engine::WorkflowLoader loader();

 private:
  std::map<std::string, std::shared_ptr<const workflow::Workflow>, std::less<>> loaded_;
};

/// The text of a random workflow named `name`: a graph of `needs`, a walk along routes with loops,
/// or a Formicary document; with retries, delays, timeouts, conditions, clean-up and compensation.
std::string random_workflow(Random& random, const std::string& name);

/// The same workflow, in which some tasks and some compensations ask people before they work.
std::string with_questions(Random& random, std::string source);

/// The text of a workflow named `name` with a cron trigger that fires every few seconds or minutes.
std::string cron_workflow(Random& random, const std::string& name);

}  // namespace reeve::sim
