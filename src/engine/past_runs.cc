#include "engine/past_runs.h"

#include <algorithm>
#include <utility>

namespace reeve::engine {

namespace {

/// What is known of a run besides its slot: of the forward one by the task, of the other by itself.
template <class Facts>
model::PastRun past_of(const model::RunSlot& slot, const Facts& facts) {
  model::PastRun run;
  run.attempt = slot.attempt;
  run.state = slot.state;
  run.fence = slot.fence;
  run.changed = slot.changed;
  run.started_at = facts.started_at;
  run.ended_at = facts.ended_at;
  run.exit_code = facts.exit_code;
  run.error_code = facts.error_code;
  return run;
}

}  // namespace

void keep_past(model::TaskStatus& task, Leg leg, std::uint32_t epoch) {
  const bool undo = leg == Leg::Undo;
  if (undo ? !task.undo || !model::is_run(*task.undo) : !model::is_run(task.run)) {
    return;
  }
  model::PastRun run = undo ? past_of(*task.undo, *task.undo) : past_of(task.run, task);
  run.epoch = epoch;
  run.undo = undo;
  std::vector<model::PastRun>& past = task.past ? *task.past : task.past.emplace();
  const bool kept = std::any_of(past.begin(), past.end(), [&](const model::PastRun& other) {
    return other.fence == run.fence;
  });
  if (kept) {
    return;
  }
  if (past.size() == model::kPastRunsMax) {
    past.erase(past.begin());
  }
  past.push_back(std::move(run));
}

}  // namespace reeve::engine
