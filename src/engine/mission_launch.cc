#include <algorithm>

#include "base/hash.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/mission_turn.h"
#include "workflow/part.h"

/// Handing runs to hosts, the first time and again, and what they are rendered from.
namespace reeve::engine {

using model::MissionState;
using model::Reason;
using model::RunSlot;
using model::RunState;
using model::TaskState;
using model::TaskStatus;

std::string artifact_address(
    const MissionName& mission, const TaskName& task, const model::ArtifactRef& artifact
) {
  return concat("reeve://", mission.view(), "/", task.view(), "/", artifact.path);
}

void MissionTurn::launch(SlotKey key) {
  const RunSlot& slot = slot_of(m_, key);
  const bool waits = waits_for_admission() && key.leg == Leg::Forward && !slot.closing;
  if (slot.state != RunState::Pending || slot.attempt == 0 || m_.state == MissionState::Held ||
      waits) {
    return;
  }
  if (key.leg == Leg::Forward && carry_out_inside(key.task, slot.closing)) {
    advance();
    return;
  }
  if (key.leg == Leg::Forward && plan_->submits[key.task]) {
    ask_for_missions(key);
    // They may have taken the units that this run was going to have.
    if (engine_.must_wait(m_, key)) {
      engine_.enqueue(m_, key);
      return;
    }
  }
  if (const std::optional<std::string> refused =
          engine_.refused_by_quota(m_, *plan_, key, scope_)) {
    fail_before_start(key, std::string(kErrorQuota), *refused);
    advance();
    return;
  }
  // The fence is the revision of the launching event; a QUEUED mission moves first.
  const bool moves = m_.state == MissionState::Queued;
  const Fence fence(scope_.next.value() + (moves ? 1 : 0));
  Result<model::LaunchRun> effect = launch_effect(key, fence, scope_.now);
  if (!effect) {
    fail_before_start(key, std::string(kErrorValidation), effect.error().describe());
    advance();
    return;
  }
  if (moves) {
    transition(MissionState::Launching, Reason::Scheduler);
  }
  emit(RunLaunching{.slot = key});
  REEVE_ASSERT(slot_of(m_, key).fence == fence);
  engine_.host_taken(m_, key, *plan_);
  set_timer(slot_timer("launch", key), scope_.now + engine_.limits_.launch_timeout);
  scope_.effects.emplace_back(std::move(*effect));
}

/// Makes the missions that the texts of a task ask for, once for each time it is reached. The texts
/// themselves are rendered again for the host, with the names that were recorded.
void MissionTurn::ask_for_missions(SlotKey key) {
  const std::vector<model::NamedValue> outputs = outputs_so_far();
  workflow::RenderContext context = render_context(key);
  context.outputs = &outputs;
  queries_.begin(key.task, true);
  // What is wrong with the texts shows when they are rendered for the host.
  (void)workflow::render_task(*plan_->workflow, key.task, context);
}

Result<model::LaunchRun> MissionTurn::launch_effect(SlotKey key, Fence fence, Timestamp at) const {
  const std::vector<model::NamedValue> outputs = outputs_so_far();
  workflow::RenderContext context = render_context(key);
  context.outputs = &outputs;
  context.fence = fence;
  context.now = at;
  model::LaunchRun effect;
  effect.mission = m_.name;
  effect.task = task_def(key.task).name;
  effect.run = run_name(key);
  effect.fence = fence;
  if (key.leg == Leg::Forward) {
    context.feedback = feedback_for(key.task);
    queries_.begin(key.task, false);
    REEVE_TRY(effect.spec, workflow::render_task(*plan_->workflow, key.task, context));
    effect.spec.inputs = inputs_of(key.task);
  } else {
    REEVE_TRY(effect.spec, workflow::render_compensation(*plan_->workflow, key.task, context));
    effect.spec.inputs = m_.tasks[key.task].artifacts;
  }
  effect.spec.bundle = m_.bundle;
  effect.origin = origin_of(effect.run);
  return effect;
}

/// What the processes of a run are told about where it comes from.
model::Origin MissionTurn::origin_of(const RunName& run) const {
  const model::Trace trace = m_.trace ? *m_.trace : model::Trace();
  const bool sampled = model::is_sampled(trace, m_.uid, engine_.limits_.sample_ratio);
  return {
      .correlation = m_.correlation,
      .trace = model::trace_below(trace, m_.uid, model::run_span(m_.uid, run), sampled)};
}

/// Asks the hosts again for what should be going on: they may have died with us.
void MissionTurn::recover() {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    for (const Leg leg : {Leg::Forward, Leg::Undo}) {
      const SlotKey key{.task = i, .leg = leg};
      if ((leg == Leg::Undo && !m_.tasks[i].undo) || !on_host(slot_of(m_, key))) {
        continue;
      }
      engine_.host_taken(m_, key, *plan_);
      repeat_request(key);
      if (slot_of(m_, key).state == RunState::Launching) {
        set_timer(slot_timer("launch", key), scope_.now + engine_.limits_.launch_timeout);
      }
    }
  }
}

void MissionTurn::ask_again() {
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    for (const Leg leg : {Leg::Forward, Leg::Undo}) {
      const SlotKey key{.task = i, .leg = leg};
      const bool exists = leg == Leg::Forward || m_.tasks[i].undo.has_value();
      // A launch that is not confirmed has its own timer; what the engine does itself is known.
      if (exists && on_host(slot_of(m_, key)) && slot_of(m_, key).state == RunState::Active) {
        repeat_request(key);
      }
    }
  }
}

void MissionTurn::repeat_request(SlotKey key) {
  const RunSlot& slot = slot_of(m_, key);
  Result<model::LaunchRun> effect =
      launch_effect(key, slot.fence, m_.tasks[key.task].started_at.value_or(scope_.now));
  const bool active = slot.state == RunState::Active;
  if (!effect && active) {
    // What runs already has its spec on the host; names and fence are enough to find it. A launch
    // that can no longer be rendered is left to its timer.
    model::LaunchRun known;
    known.mission = m_.name;
    known.task = task_def(key.task).name;
    known.run = run_name(key);
    known.fence = slot.fence;
    effect = std::move(known);
  }
  if (effect) {
    effect->started = active;
    scope_.effects.emplace_back(std::move(*effect));
  }
  if (const model::Hold* hold = quota_hold()) {
    freeze(key, hold->message);
  } else if (slot.frozen.count() > 0) {
    thaw(key);
  }
  if (slot.cancelling) {
    scope_.effects.emplace_back(model::CancelRun{
        .mission = m_.name,
        .run = run_name(key),
        .fence = slot.fence,
        .reason = "it was cancelled before"});
  }
}

RunName MissionTurn::run_name(SlotKey key) const {
  const TaskName& task = task_def(key.task).name;
  const std::uint32_t attempt = slot_of(m_, key).attempt;
  if (key.leg == Leg::Undo) {
    return model::make_run_name(
        m_.name, m_.epoch, TaskName(concat(task.view(), kUndoSuffix)), attempt
    );
  }
  return model::make_run_name(m_.name, m_.epoch, task, attempt);
}

std::vector<model::NamedValue> MissionTurn::outputs_so_far() const {
  std::vector<const TaskStatus*> ended;
  for (const TaskStatus& task : m_.tasks) {
    if (task.ended != Revision() || !task.outputs.empty()) {
      ended.push_back(&task);
    }
  }
  std::sort(ended.begin(), ended.end(), [](const auto* a, const auto* b) {
    return std::pair(a->ended, a) < std::pair(b->ended, b);
  });
  std::vector<model::NamedValue> outputs;
  for (const TaskStatus* task : ended) {
    const auto index = static_cast<std::size_t>(task - m_.tasks.data());
    const std::string& name = plan_->workflow->tasks[index].name.str();
    if (is_ended(task->state) || task->kept) {
      outputs.emplace_back(
          concat(name, "-status"), task->state == TaskState::Failed ? "FAILED" : "COMPLETED"
      );
    }
    outputs.insert(outputs.end(), task->outputs.begin(), task->outputs.end());
    add_artifact_addresses(index, outputs);
  }
  return outputs;
}

/// `<task>_ArtifactURL_<n>`: the first file that the n-th path of the task's artifacts has found.
void MissionTurn::add_artifact_addresses(std::size_t index, std::vector<model::NamedValue>& outputs)
    const {
  const TaskName& name = plan_->workflow->tasks[index].name;
  std::map<std::uint32_t, const model::ArtifactRef*> first;
  for (const model::ArtifactRef& artifact : m_.tasks[index].artifacts) {
    if (artifact.path_number > 0) {
      first.emplace(artifact.path_number, &artifact);
    }
  }
  for (const auto& [number, artifact] : first) {
    outputs.emplace_back(
        concat(name.view(), "_ArtifactURL_", number),
        engine_.artifact_address_(m_.name, name, *artifact)
    );
  }
}

std::vector<model::ArtifactRef> MissionTurn::inputs_of(TaskIndex index) const {
  std::vector<model::ArtifactRef> inputs;
  inputs.insert(inputs.end(), m_.inputs.begin(), m_.inputs.end());
  for (const TaskIndex dependency : task_def(index).dependencies) {
    add_artifacts_of(m_, dependency, inputs);
    if (task_def(dependency).await) {
      for (const TaskIndex awaited : task_def(dependency).await->tasks) {
        add_artifacts_of(m_, awaited, inputs);
      }
    }
  }
  return inputs;
}

/// A name says nothing about a text: what a run or the inbox submits is trusted with credentials
/// only if a person has deployed that text, or the one that it is a part of.
bool MissionTurn::is_without_person() const {
  const std::string_view owner = m_.owner.view();
  if (!owner.starts_with("run:") && !owner.starts_with("inbox:")) {
    return false;
  }
  const workflow::Workflow& workflow = *plan_->workflow;
  const std::optional<workflow::PartSource> part = workflow::part_source(workflow.source);
  const Digest digest = part ? sha256(part->whole) : workflow.digest;
  return std::none_of(engine_.books_.begin(), engine_.books_.end(), [&](const auto& book) {
    return book->deployed(m_.ns, workflow.name, digest.view()) == digest;
  });
}

workflow::RenderContext MissionTurn::render_context(SlotKey key) const {
  workflow::RenderContext context;
  context.mission = MissionName(std::string(model::plain(m_.name)));
  context.ns = m_.ns;
  context.uid = m_.uid;
  context.owner = m_.owner;
  context.epoch = m_.epoch;
  context.pauses = m_.pauses;
  context.mission_started_at = m_.started_at.value_or(m_.created_at);
  context.now = scope_.now;
  context.local = m_.local;
  context.params = &m_.params;
  context.missions = &queries_;
  context.configuration = engine_.configuration(m_.ns, plan_->workflow->name);
  context.configuration.withheld = is_without_person();
  if (!m_.tasks.empty()) {
    const RunSlot& slot = slot_of(m_, key);
    context.attempt = std::max(slot.attempt, 1U);
    context.run = run_name(key);
  }
  return context;
}

std::uint64_t MissionTurn::seed_of(SlotKey key) const {
  return stable_hash(concat(m_.uid.view(), "/", run_name(key).view()));
}

}  // namespace reeve::engine
