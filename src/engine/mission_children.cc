#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "engine/mission_turn.h"
#include "workflow/items.h"

/// Tasks that are missions themselves: children, fan-outs, and waiting for them.
namespace reeve::engine {

using model::ChildMission;
using model::Children;
using model::MissionState;
using model::NamedValue;
using model::Reason;
using model::RunSlot;
using model::RunState;
using model::TaskStatus;
using workflow::FanOut;

namespace {

/// Longest JSON text of all items or all results together; the rest of an event has its own limits.
constexpr std::size_t kItemsBytesMax = std::size_t{512} << 10U;
constexpr std::size_t kResultsBytesMax = std::size_t{200} << 10U;
/// What one mission may be handed of the results of its children, for each of its tasks.
constexpr std::size_t kChildrenBytesMax = std::size_t{8} << 20U;
/// What the missions of one task may be given together when they start beside each other: each has
/// a copy of its own.
constexpr std::size_t kCopiesBytesMax = std::size_t{64} << 20U;
/// Outputs that a fan-out publishes one by one; beyond it only the list of results has them.
constexpr std::size_t kItemOutputsMax = 128;

bool completed(const ChildMission& child) {
  return child.ended == MissionState::Complete;
}

std::string_view status_word(const ChildMission& child) {
  if (!child.ended) {
    // Nobody waits for it, or it was never needed.
    return child.live() ? "STARTED" : "WAITING";
  }
  return completed(child)                       ? "COMPLETED"
         : child.ended == MissionState::Aborted ? "CANCELLED"
                                                : "FAILED";
}

/// How many children are where.
struct Tally {
  std::size_t waiting = 0;
  std::size_t live = 0;
  /// Of those, made by the task itself.
  std::size_t own = 0;
  std::size_t good = 0;
  std::size_t bad = 0;
};

Tally tally(const Children& children) {
  Tally result;
  for (const ChildMission& child : children.missions) {
    if (child.ended) {
      ++(completed(child) ? result.good : result.bad);
    } else {
      ++(child.live() ? result.live : result.waiting);
      result.own += child.live() && child.own ? 1 : 0;
    }
  }
  return result;
}

/// The outputs that a task takes over: all, or those that are named, under their new names.
std::vector<NamedValue> chosen(
    const std::vector<NamedValue>& outputs,
    const std::vector<std::pair<std::string, std::string>>& renames
) {
  if (renames.empty()) {
    return outputs;
  }
  std::vector<NamedValue> result;
  for (const auto& [theirs, ours] : renames) {
    for (const NamedValue& output : outputs) {
      if (output.first == theirs) {
        result.emplace_back(ours, output.second);
      }
    }
  }
  return result;
}

/// `[{"item": …, "status": "COMPLETED", "outputs": {…}}, …]`, without the outputs if it would be
/// too long with them.
std::string results_text(const Children& children, bool with_outputs) {
  std::string text;
  JsonWriter json(text);
  json.begin_array();
  for (std::size_t i = 0; i < children.missions.size(); ++i) {
    const ChildMission& child = children.missions[i];
    json.begin_object();
    json.member("index", static_cast<std::uint64_t>(i));
    if (with_outputs) {
      json.member("item", std::string_view(children.items[i]));
    }
    json.member("status", status_word(child));
    if (with_outputs) {
      json.member("mission", model::plain(child.name));
      json.key("outputs");
      json.begin_object();
      for (const NamedValue& output : child.outputs) {
        json.member(output.first, std::string_view(output.second));
      }
      json.end_object();
    }
    json.end_object();
  }
  json.end_array();
  return text;
}

std::string too_many_bytes(std::string_view what, std::size_t bytes) {
  return concat(what, " ", bytes, " bytes, at most ", kItemsBytesMax, " are allowed");
}

/// Which children failed and why, at most a few of them.
std::string failure_text(const Children& children) {
  constexpr std::size_t kNamedMax = 3;
  const Tally now = tally(children);
  std::string text;
  std::size_t named = 0;
  for (const ChildMission& child : children.missions) {
    if (!child.ended || completed(child) || ++named > kNamedMax) {
      continue;
    }
    text += text.empty() ? "" : "; ";
    if (child.name.empty() && !children.fans_out) {
      text += child.message;  // it could not be made
      continue;
    }
    text += concat(child.name.empty() ? "an item" : model::plain(child.name), " ");
    text += to_lower(status_word(child));
    text += child.message.empty() ? std::string() : concat(": ", child.message);
  }
  return children.fans_out
             ? concat(now.bad, " of ", children.missions.size(), " items failed: ", text)
             : text;
}

}  // namespace

// --- starting -----------------------------------------------------------------------------------

/// Makes the task ACTIVE without a host, with its own time limit if it states one.
void MissionTurn::start_inside(TaskIndex index, bool closing) {
  const SlotKey key{.task = index};
  const RunSlot& slot = status(index).run;
  if (m_.state != MissionState::Compensating) {
    become_active(Reason::AgentReady);
  }
  // A retry has been created already, with its delay.
  if (slot.state != RunState::Pending || slot.attempt == 0) {
    emit(RunCreated{
        .slot = key, .attempt = slot.attempt + 1, .not_before = std::nullopt, .closing = closing});
  }
  emit(RunLaunching{.slot = key, .inside = true});
  emit(RunActive{.slot = key});
}

void MissionTurn::start_children(TaskIndex index, bool closing) {
  const workflow::Task& def = task_def(index);
  const SlotKey key{.task = index};
  const std::vector<NamedValue> outputs = outputs_so_far();
  workflow::RenderContext context = render_context(key);
  context.outputs = &outputs;
  ChildrenPlanned plan;
  plan.task = index;
  plan.fans_out = def.fan_out.has_value();
  if (plan.fans_out) {
    const Result<std::vector<Json>> items =
        workflow::render_items(*plan_->workflow, index, context);
    if (!items) {
      fail_before_start(key, std::string(kErrorValidation), items.error().describe());
      return;
    }
    std::size_t bytes = 0;
    for (const Json& item : *items) {
      plan.items.push_back(workflow::plain_text(item));
      bytes += plan.items.back().size();
    }
    std::string problem = bytes > kItemsBytesMax ? too_many_bytes("the items take", bytes) : "";
    if (problem.empty()) {
      problem = too_many_copies(index, plan.items.size());
    }
    if (!problem.empty()) {
      fail_before_start(key, std::string(kErrorValidation), problem);
      return;
    }
  }
  const Result<std::optional<Duration>> limit =
      workflow::render_limit(*plan_->workflow, index, context);
  if (!limit) {
    fail_before_start(key, std::string(kErrorValidation), limit.error().describe());
    return;
  }
  start_inside(index, closing);
  emit(plan);
  if (*limit) {
    set_timer(slot_timer("limit", key), scope_.now + **limit);
  }
  step_children(index);
}

/// Why so many missions cannot be started beside each other; empty: they can.
std::string MissionTurn::too_many_copies(TaskIndex index, std::size_t items) const {
  const workflow::Task& def = task_def(index);
  if (def.method == workflow::Method::Mission) {
    return {};  // they get what their definition says
  }
  std::size_t each = 0;
  for (const std::vector<NamedValue>& values : {m_.params, outputs_so_far()}) {
    for (const NamedValue& value : values) {
      each += value.first.size() + value.second.size();
    }
  }
  each += inputs_of(index).size() * sizeof(model::ArtifactRef);
  const std::uint32_t parallel = def.fan_out->parallel;
  const std::size_t beside = parallel > 0 ? std::min<std::size_t>(items, parallel) : items;
  if (beside * each <= kCopiesBytesMax) {
    return {};
  }
  return concat(
      beside,
      " missions beside each other would each get a copy of ",
      each,
      " bytes of parameters, outputs and inputs, at most ",
      kCopiesBytesMax,
      " together are allowed; set parallel"
  );
}

/// Starts as many children as may run beside each other. One that ends at once is recorded later.
void MissionTurn::start_waiting_children(TaskIndex index) {
  const workflow::Task& def = task_def(index);
  const bool detached = def.child && !def.child->wait;
  const std::uint32_t parallel = def.fan_out && !detached ? def.fan_out->parallel : 0;
  std::size_t live = tally(*status(index).children).live;
  for (std::uint32_t item = 0; item < status(index).children->missions.size(); ++item) {
    if (parallel > 0 && live >= parallel) {
      return;
    }
    const ChildMission& child = status(index).children->missions[item];
    if (child.name.empty() && !child.ended) {
      const bool made = make_child(index, item);
      live += made ? 1 : 0;
      if (!made && is_decided(index)) {
        return;
      }
    }
  }
}

/// Makes the mission of an item; without one the item has failed.
bool MissionTurn::make_child(TaskIndex index, std::uint32_t item) {
  ChildEnded failed;
  failed.task = index;
  failed.item = item;
  failed.state = MissionState::Failed;
  failed.error_code = kErrorValidation;
  Result<ChildPlan> plan = plan_child(index, item);
  Result<Engine::Made> made =
      plan ? engine_.make_child(m_, std::move(*plan), scope_) : Result<Engine::Made>(plan.error());
  if (!made) {
    failed.message = made.error().describe();
    emit(failed);
    return false;
  }
  emit(ChildStarted{.task = index, .item = item, .mission = made->name, .own = !made->existing});
  engine_.wait_for(made->name, m_, index);
  return true;
}

/// What the child of an item is made of.
Result<ChildPlan> MissionTurn::plan_child(TaskIndex index, std::uint32_t item) {
  const workflow::Task& def = task_def(index);
  const Children& children = *status(index).children;
  std::vector<NamedValue> values = outputs_so_far();
  if (children.fans_out) {
    values.emplace_back(def.fan_out->item, children.items[item]);
    values.emplace_back(concat(def.fan_out->item, "Index"), std::to_string(item));
  }
  ChildPlan child;
  const bool detached = def.child && !def.child->wait;
  child.parent = {.mission = m_.name, .task = def.name, .item = item, .detached = detached};
  if (def.method != workflow::Method::Mission) {
    REEVE_TRY(child.plan, engine_.part_plan(*plan_, index));
    child.params = m_.params;
    child.params.insert(child.params.end(), values.begin(), values.end());
    child.inputs = inputs_of(index);
    return child;
  }
  workflow::RenderContext context = render_context({.task = index});
  context.outputs = &values;
  REEVE_TRY(
      workflow::RenderedChild rendered, workflow::render_child(*plan_->workflow, index, context)
  );
  REEVE_TRY(child.plan, engine_.deployed(m_.ns, rendered.workflow, def.child->version));
  child.params = std::move(rendered.params);
  if (child.plan->workflow->format == workflow::Format::Formicary) {
    child.params.emplace_back("ForkedJob", "true");
  }
  child.user_key = std::move(rendered.user_key);
  return child;
}

// --- going on -----------------------------------------------------------------------------------

/// A mission that this one waits for has ended.
void MissionTurn::on_child_over(TaskIndex index, const model::Mission& child) {
  if (is_terminal(m_.state) || !status(index).children) {
    return;
  }
  const std::vector<ChildMission>& missions = status(index).children->missions;
  for (std::uint32_t item = 0; item < missions.size(); ++item) {
    if (missions[item].name == child.name && missions[item].live()) {
      emit(child_ended(index, item, child));
    }
  }
  // Also while this mission is HELD and starts nothing.
  stop_if_decided(index);
  advance();
}

ChildEnded MissionTurn::child_ended(
    TaskIndex index, std::uint32_t item, const model::Mission& child
) const {
  ChildEnded event;
  event.task = index;
  event.item = item;
  event.state = child.state;
  event.error_code = child.error_code;
  event.message = child.message;
  take_results(index, event, child);
  return event;
}

/// Hands over what a child has left, as far as there is room.
void MissionTurn::take_results(TaskIndex index, ChildEnded& event, const model::Mission& child)
    const {
  const workflow::Task& def = task_def(index);
  const std::vector<NamedValue> outputs = outputs_of(child);
  event.outputs = def.child ? unique_values(chosen(outputs, def.child->outputs)) : outputs;
  for (const TaskStatus& task : child.tasks) {
    event.artifacts.insert(event.artifacts.end(), task.artifacts.begin(), task.artifacts.end());
  }
  if (event.outputs.empty() && event.artifacts.empty()) {
    return;
  }
  std::string data;
  encode(event, *plan_->workflow, data);
  std::size_t bytes = data.size();
  for (const ChildMission& other : status(index).children->missions) {
    bytes += other.result_bytes();
  }
  if (data.size() <= kItemsBytesMax && bytes <= kChildrenBytesMax) {
    return;
  }
  event.outputs.clear();
  event.artifacts.clear();
  event.message = concat(
      "its outputs and artifacts take ",
      data.size(),
      " bytes as JSON and were left with it; ",
      event.message
  );
}

/// Goes on with every task that waits for missions. Returns whether anything happened.
bool MissionTurn::step_inside() {
  bool moved = false;
  for (TaskIndex i = 0; i < m_.tasks.size(); ++i) {
    if (is_inside(m_.tasks[i].run)) {
      const Revision before = scope_.next;
      if (task_def(i).method == workflow::Method::Await) {
        step_await(i);
      } else {
        step_children(i);
      }
      moved = moved || scope_.next != before;
    }
  }
  return moved;
}

/// Starts the next children, stops what is not needed any more, ends.
void MissionTurn::step_children(TaskIndex index) {
  const workflow::Task& def = task_def(index);
  const RunSlot& slot = status(index).run;
  const bool detached = def.child && !def.child->wait;
  Tally now = tally(*status(index).children);
  const bool decided = is_decided(index);
  const bool stops = stopping() && !slot.closing;
  if (now.waiting > 0 && !slot.cancelling && !decided && !stops) {
    start_waiting_children(index);
    now = tally(*status(index).children);
  }
  stop_if_decided(index);
  const bool starts = now.waiting > 0 && !slot.cancelling && !decided && !stops;
  // A mission that others have made goes on without the task; only its own are waited for.
  const bool leaves = slot.cancelling || decided || stops;
  const std::size_t live = leaves ? now.own : now.live;
  if (!starts && (live == 0 || (detached && !slot.cancelling))) {
    end_children(index);
  }
}

/// Whether the items that are not over are not needed any more.
bool MissionTurn::is_decided(TaskIndex index) const {
  const workflow::Task& def = task_def(index);
  const FanOut::Policy policy = def.fan_out ? def.fan_out->policy : FanOut::Policy::All;
  const Tally now = tally(*m_.tasks[index].children);
  return (policy == FanOut::Policy::FirstWins && now.good > 0) ||
         (policy == FanOut::Policy::FailFast && now.bad > 0);
}

void MissionTurn::stop_if_decided(TaskIndex index) {
  if (is_decided(index)) {
    stop_children(index, "another item has decided");
  }
}

/// Stops the missions that the task has made itself; they end on their own.
void MissionTurn::stop_children(TaskIndex index, const std::string& message) {
  if (!status(index).children) {
    return;
  }
  for (const ChildMission& child : status(index).children->missions) {
    if (child.live() && child.own) {
      engine_.stop_mission(child.name, message, scope_);
    }
  }
}

bool MissionTurn::children_good(TaskIndex index) const {
  const workflow::Task& def = task_def(index);
  const Tally now = tally(*m_.tasks[index].children);
  if (def.fan_out && def.fan_out->policy == FanOut::Policy::FirstWins) {
    return now.good > 0 || m_.tasks[index].children->missions.empty();
  }
  return now.waiting == 0 && now.bad <= (def.fan_out ? def.fan_out->failures_allowed : 0);
}

void MissionTurn::end_children(TaskIndex index) {
  const Children& children = *status(index).children;
  const Tally now = tally(children);
  RunEnded event;
  event.outputs = child_outputs(index);
  const bool good = children_good(index);
  if (!good && !children.fans_out) {
    event.error_code = children.missions[0].error_code;
  }
  if (!good) {
    event.message = failure_text(children);
  }
  // What was never started because the mission stops was not carried out.
  end_inside(index, good, now.waiting > 0 && stopping(), std::move(event));
}

/// Ends a task that the engine itself carried out.
void MissionTurn::end_inside(TaskIndex index, bool good, bool stopped, RunEnded event) {
  const RunSlot& slot = status(index).run;
  event.slot = {.task = index};
  event.attempt = slot.attempt;
  set_timer(slot_timer("limit", event.slot), std::nullopt);
  if (stopped || (slot.cancelling && !slot.timed_out)) {
    event.state = RunState::Aborted;
    event.outcome = Outcome::Aborted;
    event.error_code = kErrorCancelled;
    event.unknown = true;
    emit_end(std::move(event));
    return;
  }
  workflow::Ended ended;
  ended.succeeded = good && !slot.timed_out;
  ended.timed_out = slot.timed_out;
  if (!slot.timed_out) {
    ended.exit_code = good ? "0" : "1";
  } else {
    event.message = "not done within its time limit";
    event.unknown = true;
  }
  // The items of a fan-out have the task's retries themselves.
  const workflow::Task& def = task_def(index);
  const bool items_retry = def.fan_out && def.method != workflow::Method::Mission;
  ended.retry_left =
      !items_retry && slot.failures < def.retry.retries && (!stopping() || slot.closing);
  event.exit_code = ended.exit_code;
  end_forward_with(index, ended, std::move(event));
}

// --- results ------------------------------------------------------------------------------------

/// What the values of a whole mission are worth to the one that started it.
std::vector<NamedValue> MissionTurn::outputs_of(const model::Mission& mission) {
  std::vector<const TaskStatus*> tasks;
  for (const TaskStatus& task : mission.tasks) {
    tasks.push_back(&task);
  }
  std::sort(tasks.begin(), tasks.end(), [](const auto* a, const auto* b) {
    return std::pair(a->ended, a) < std::pair(b->ended, b);
  });
  std::vector<NamedValue> outputs;
  for (const TaskStatus* task : tasks) {
    for (const NamedValue& output : task->outputs) {
      std::erase_if(outputs, [&](const NamedValue& old) { return old.first == output.first; });
      outputs.push_back(output);
    }
  }
  return outputs;
}

/// What a task with children publishes: of one child its outputs and its name, of a fan-out the
/// list of results, the counts, and as far as there is room the outputs of each item.
std::vector<NamedValue> MissionTurn::child_outputs(TaskIndex index) const {
  const std::string& name = task_def(index).name.str();
  const Children& children = *m_.tasks[index].children;
  if (!children.fans_out) {
    std::vector<NamedValue> outputs = children.missions[0].outputs;
    const std::string_view mission = model::plain(children.missions[0].name);
    outputs.emplace_back(concat(name, "-mission"), mission);
    outputs.emplace_back(concat(name, ".ForkedJobID"), mission);
    return unique_values(outputs);
  }
  const FanOut& fan_out = *task_def(index).fan_out;
  const Tally now = tally(children);
  std::vector<NamedValue> outputs;
  std::size_t room = model::kOutputsBytesMax;
  std::string results = results_text(children, true);
  if (results.size() > kResultsBytesMax) {
    results = results_text(children, false);
  }
  outputs.emplace_back(concat(name, "-results"), std::move(results));
  outputs.emplace_back(concat(name, "-completed"), std::to_string(now.good));
  outputs.emplace_back(concat(name, "-failed"), std::to_string(now.bad));
  outputs.emplace_back("FanOutItemCount", std::to_string(children.missions.size()));
  const bool jobs = task_def(index).method == workflow::Method::Mission;
  outputs.emplace_back("FanOutMode", jobs ? "job" : "task");
  if (workflow::is_value_name(fan_out.over.text)) {
    outputs.emplace_back("FanOutSource", fan_out.over.text);
  }
  for (std::size_t i = 0; i < children.missions.size(); ++i) {
    const ChildMission& child = children.missions[i];
    const std::string prefix = concat(fan_out.item, "_", i, "_");
    const std::size_t bytes = child.result_bytes();
    if (outputs.size() + child.outputs.size() + 1 > kItemOutputsMax || bytes > room) {
      break;
    }
    room -= bytes;
    outputs.emplace_back(concat(prefix, "status"), status_word(child));
    if (!completed(child)) {
      outputs.emplace_back(concat(prefix, "error_code"), child.error_code);
      outputs.emplace_back(concat(prefix, "error_message"), child.message);
    }
    for (const NamedValue& output : child.outputs) {
      outputs.emplace_back(concat(prefix, output.first), output.second);
    }
  }
  return unique_values(outputs);
}

void add_artifacts_of(
    const model::Mission& mission, TaskIndex index, std::vector<model::ArtifactRef>& artifacts
) {
  const TaskStatus& task = mission.tasks[index];
  artifacts.insert(artifacts.end(), task.artifacts.begin(), task.artifacts.end());
  if (!task.children) {
    return;
  }
  for (std::size_t i = 0; i < task.children->missions.size(); ++i) {
    for (model::ArtifactRef artifact : task.children->missions[i].artifacts) {
      if (task.children->fans_out) {
        artifact.path = concat(i, "/", artifact.path);
      }
      artifacts.push_back(std::move(artifact));
    }
  }
}

// --- waiting for the children of others ---------------------------------------------------------

void MissionTurn::start_await(TaskIndex index, bool closing) {
  start_inside(index, closing);
  step_await(index);
}

void MissionTurn::step_await(TaskIndex index) {
  const workflow::Await& await = *task_def(index).await;
  std::size_t live = 0;
  std::size_t bad = 0;
  RunEnded event;
  for (const TaskIndex other : await.tasks) {
    if (!m_.tasks[other].children) {
      continue;
    }
    const Tally now = tally(*m_.tasks[other].children);
    live += now.live + now.waiting;
    bad += now.bad;
    if (now.bad > 0 && event.message.empty()) {
      event.message = failure_text(*m_.tasks[other].children);
    }
  }
  const RunSlot& slot = status(index).run;
  const bool stops = slot.cancelling || (stopping() && !slot.closing);
  if (live > 0 && !stops) {
    return;
  }
  for (const TaskIndex other : await.tasks) {
    if (m_.tasks[other].children) {
      for (const ChildMission& child : m_.tasks[other].children->missions) {
        std::ranges::move(chosen(child.outputs, await.outputs), std::back_inserter(event.outputs));
      }
    }
  }
  event.outputs = unique_values(event.outputs);
  end_inside(index, bad == 0, live > 0 && stops, std::move(event));
}

}  // namespace reeve::engine
