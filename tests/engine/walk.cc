#include "walk.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "engine/book.h"
#include "engine/mission_codec.h"
#include "engine/mission_machine.h"
#include "workflow/load/load.h"

namespace reeve::engine {

namespace {

constexpr Timestamp kStart = from_unix_millis(1'800'000'000'000);

/// What a test calls the run: its task, or its task and the undo suffix.
std::string label(const model::LaunchRun& launch) {
  const bool undo = launch.run.view().find("~compensate.") != std::string_view::npos;
  return concat(launch.task.view(), undo ? "~compensate" : "");
}

std::string encoded(const model::Mission& mission, const workflow::Workflow& workflow) {
  std::string text;
  encode_mission(mission, workflow, text);
  return text;
}

}  // namespace

std::string native_text(const std::vector<std::string>& tasks, std::string_view head) {
  std::string text = "apiVersion: reeve.dev/v1\nkind: Workflow\nmetadata: {name: w}\nspec:\n";
  for (const std::string_view line : split(head, '\n')) {
    text += line.empty() ? std::string() : concat("  ", line, "\n");
  }
  text += "  tasks:\n";
  for (const std::string& task : tasks) {
    text += concat("    - ", task, "\n");
  }
  return text;
}

Walk::Walk(Limits limits) : limits_(limits), engine_(limits, "test", loader(made_)), now_(kStart) {
  engine_.use_extender(workflow::extend_source);
}

// --- commands -----------------------------------------------------------------------------------

void Walk::submit(
    const std::vector<std::string>& tasks, std::string_view head, std::string_view mission
) {
  const Result<Reply> reply = submit_text(native_text(tasks, head), mission);
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
}

Result<Reply> Walk::submit_text(
    std::string_view text,
    std::string_view mission,
    std::vector<model::NamedValue> params,
    bool local
) {
  Result<std::shared_ptr<const workflow::Workflow>> workflow = workflow::load_source(text);
  EXPECT_TRUE(workflow.ok()) << workflow.error().describe() << "\n" << text;
  if (!workflow) {
    return workflow.error();
  }
  return command(SubmitMission{
      .name = MissionName(std::string(mission)),
      .ns = Namespace("default"),
      .workflow = *workflow,
      .params = std::move(params),
      .local = local});
}

void Walk::submit_workflow(
    std::shared_ptr<const workflow::Workflow> workflow, std::string_view mission
) {
  (*made_)[workflow->source] = workflow;
  const Result<Reply> reply = command(SubmitMission{
      .name = MissionName(std::string(mission)),
      .ns = Namespace("default"),
      .workflow = std::move(workflow),
      .params = {},
      .local = false});
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
}

WorkflowLoader Walk::loader(std::shared_ptr<const Made> made) {
  return [made = std::move(made)](std::string_view source) {
    const auto known = made->find(source);
    return known == made->end() ? workflow::load_source(source)
                                : Result<std::shared_ptr<const workflow::Workflow>>(known->second);
  };
}

void Walk::abort(std::string_view mission) {
  const Result<Reply> reply =
      command(AbortMission{.mission = MissionName(std::string(mission)), .message = "enough"});
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
}

void Walk::resume(std::string_view mission) {
  const Result<Reply> reply = command(ResumeMission{.mission = MissionName(std::string(mission))});
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
}

void Walk::reconcile(std::string_view mission) {
  const Result<Reply> reply = command(Reconcile{.mission = MissionName(std::string(mission))});
  ASSERT_TRUE(reply.ok()) << reply.error().describe();
}

Result<Reply> Walk::command(
    const Command& command, std::string_view actor, std::vector<std::string> groups
) {
  Scope turn = scope();
  turn.actor = Principal(std::string(actor));
  turn.groups = std::move(groups);
  Result<Reply> reply = engine_.turn(command, turn);
  if (!reply) {
    EXPECT_TRUE(turn.events.empty() && turn.timers.empty() && turn.effects.empty())
        << "a refused command did something: " << reply.error().describe();
    EXPECT_EQ(turn.next, next_);
  }
  take(std::move(turn));
  return reply;
}

Result<Reply> Walk::decide(
    std::string_view who,
    model::Decision decision,
    std::string_view message,
    std::string_view task,
    std::vector<std::string> groups,
    std::string_view mission
) {
  DecideGate what;
  what.mission = MissionName(std::string(mission));
  what.task = TaskName(std::string(task));
  what.decision = decision;
  what.message = message;
  const bool named = who.find(':') == std::string_view::npos;
  return command(what, concat(named ? "user:" : "", who), std::move(groups));
}

// --- the host -----------------------------------------------------------------------------------

const model::LaunchRun& Walk::launch_of(std::string_view task, std::string_view mission) const {
  for (auto launch = launches_.rbegin(); launch != launches_.rend(); ++launch) {
    if (launch->mission.view() == mission && label(*launch) == task) {
      return *launch;
    }
  }
  ADD_FAILURE() << "no run of " << task << " was asked for, only of: " << launches();
  static const model::LaunchRun none;
  return none;
}

void Walk::started(std::string_view task, std::string_view mission) {
  const model::LaunchRun& launch = launch_of(task, mission);
  const Result<Reply> reply = report(model::RunStarted{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence});
  ASSERT_TRUE(reply.ok()) << task << ": " << reply.error().describe();
}

void Walk::finished(
    std::string_view task,
    int exit_code,
    std::vector<model::NamedValue> outputs,
    std::string_view mission
) {
  const model::LaunchRun& launch = launch_of(task, mission);
  model::RunFinished finished{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  finished.result.exit_code = exit_code;
  finished.result.outputs = std::move(outputs);
  const Result<Reply> reply = report(finished);
  ASSERT_TRUE(reply.ok()) << task << ": " << reply.error().describe();
}

void Walk::ended(std::string_view task, model::RunEnd end, std::string_view mission) {
  const model::LaunchRun& launch = launch_of(task, mission);
  model::RunFinished finished{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .result = {}};
  finished.result.end = end;
  finished.result.exit_code = end == model::RunEnd::Exited ? 0 : 143;
  finished.result.reason = to_string(end);
  const Result<Reply> reply = report(finished);
  ASSERT_TRUE(reply.ok()) << task << ": " << reply.error().describe();
}

void Walk::lost(std::string_view task, std::string_view mission) {
  const model::LaunchRun& launch = launch_of(task, mission);
  const Result<Reply> reply = report(model::RunLost{
      .mission = launch.mission, .run = launch.run, .fence = launch.fence, .detail = "vanished"});
  ASSERT_TRUE(reply.ok()) << task << ": " << reply.error().describe();
}

Result<Reply> Walk::report(const model::Report& report) {
  return command(report);
}

// --- time ---------------------------------------------------------------------------------------

void Walk::advance(Duration time) {
  const Timestamp until = now_ + time;
  while (true) {
    const auto first =
        std::min_element(timers_.begin(), timers_.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        });
    if (first == timers_.end() || first->second > until) {
      break;
    }
    const TimerId id = first->first;
    now_ = std::max(now_, first->second);
    timers_.erase(first);
    const Result<Reply> reply =
        command(TimerFired{.owner = mission_key(id.first), .key = id.second});
    ASSERT_TRUE(reply.ok()) << id.second << ": " << reply.error().describe();
  }
  now_ = until;
}

// --- turns and their checks ---------------------------------------------------------------------

Scope Walk::scope() const {
  Scope turn;
  turn.now = now_;
  turn.next = next_;
  turn.actor = Principal("user:test");
  turn.correlation = correlation_;
  turn.trace = trace_;
  return turn;
}

void Walk::take(Scope turn) {
  for (const journal::Event& event : turn.events) {
    EXPECT_EQ(event.revision, next_) << "revisions have a gap";
    next_ = next_.next();
    fold(event);
    events_.push_back(event);
  }
  EXPECT_EQ(turn.next, next_);
  for (TimerChange& change : turn.timers) {
    const TimerId id(mission_of(change.owner), change.key);
    if (change.due) {
      timers_[id] = *change.due;
    } else {
      timers_.erase(id);
    }
  }
  for (model::Effect& effect : turn.effects) {
    if (auto* launch = std::get_if<model::LaunchRun>(&effect)) {
      launches_.push_back(std::move(*launch));
    } else if (auto* cancel = std::get_if<model::CancelRun>(&effect)) {
      cancels_.push_back(std::move(*cancel));
    } else if (const auto* freeze = std::get_if<model::FreezeRun>(&effect)) {
      frozen_.insert(freeze->run);
    } else {
      frozen_.erase(std::get<model::ThawRun>(effect).run);
    }
  }
  if (++turns_ % check_period_ == 0) {
    check();
  }
}

void Walk::fold(const journal::Event& event) {
  if (is_workflow_version(event.object)) {
    workflow_rows_[event.object] = event.data;
    return;
  }
  if (event.object.kind != journal::Kind::Mission) {
    others_.insert(event.object);
    return;
  }
  const MissionName name = mission_of(event.object);
  const model::Mission* live = engine_.find(name);
  ASSERT_NE(live, nullptr);
  const Result<MissionEvent> decoded =
      decode(event.type, event.data, *engine_.workflow_of(*live), event.object.ns);
  ASSERT_TRUE(decoded.ok()) << event.type << " " << event.data << ": "
                            << decoded.error().describe();
  model::Mission& mission = folded_[name.str()];
  if (event.type == "mission.created") {
    mission.name = name;
    mission.uid = event.uid;
    mission.correlation = event.correlation;
  }
  if (const auto* move = std::get_if<MissionTransitioned>(&*decoded)) {
    EXPECT_EQ(move->from, mission.state);
    EXPECT_TRUE(is_legal(move->from, move->to))
        << to_string(move->from) << " to " << to_string(move->to);
  }
  apply(mission, *decoded, event.revision, event.at);
}

void Walk::check() const {
  for (const auto& [name, folded] : folded_) {
    const model::Mission* live = engine_.find(folded.name);
    if (live == nullptr) {
      continue;
    }
    const workflow::Workflow& workflow = *engine_.workflow_of(*live);
    const std::optional<std::string> broken = broken_invariant(*live, workflow);
    EXPECT_FALSE(broken.has_value()) << name << ": " << *broken;
    const std::string row = encoded(*live, workflow);
    EXPECT_EQ(row, encoded(folded, workflow)) << "the events do not give the state";
    const Result<Json> json = parse_json(row);
    ASSERT_TRUE(json.ok()) << row;
    const Result<model::Mission> decoded = decode_mission(*json, workflow);
    ASSERT_TRUE(decoded.ok()) << decoded.error().describe();
    EXPECT_EQ(row, encoded(*decoded, workflow)) << "the row does not give the state";
  }
}

std::vector<std::pair<journal::ObjectKey, std::string>> Walk::rows() const {
  std::vector<std::pair<journal::ObjectKey, std::string>> rows;
  for (const auto& [key, body] : workflow_rows_) {
    rows.emplace_back(key, body);
  }
  for (const journal::ObjectKey& key : others_) {
    std::string body;
    if (engine_.encode_row(key, body)) {
      rows.emplace_back(key, body);
    }
  }
  for (const auto& [name, folded] : folded_) {
    const model::Mission* live = engine_.find(folded.name);
    if (live != nullptr && !is_terminal(live->state)) {
      rows.emplace_back(mission_key(live->name), encoded(*live, *engine_.workflow_of(*live)));
    }
  }
  return rows;
}

void Walk::restart() {
  const auto stored = rows();
  engine_ = Engine(limits_, "test", loader(made_));
  engine_.use_extender(workflow::extend_source);
  for (const auto& [key, body] : stored) {
    const Result<void> loaded = engine_.load_row(key, body);
    ASSERT_TRUE(loaded.ok()) << loaded.error().describe();
  }
  Scope turn = scope();
  engine_.recover(turn);
  take(std::move(turn));
}

// --- what one sees ------------------------------------------------------------------------------

const model::Mission& Walk::mission(std::string_view name) const {
  const model::Mission* found = engine_.find(MissionName(std::string(name)));
  if (found == nullptr) {
    ADD_FAILURE() << "no mission " << name;
    static const model::Mission none;
    return none;
  }
  return *found;
}

std::string Walk::state(std::string_view name) const {
  return std::string(to_string(mission(name).state));
}

const model::TaskStatus& Walk::task(std::string_view task, std::string_view name) const {
  const model::Mission& found = mission(name);
  const std::optional<TaskIndex> index = engine_.workflow_of(found)->find(task);
  if (!index) {
    ADD_FAILURE() << "no task " << task;
    static const model::TaskStatus none;
    return none;
  }
  return found.tasks[*index];
}

std::string Walk::task_state(std::string_view name, std::string_view mission) const {
  return std::string(to_string(task(name, mission).state));
}

std::string Walk::verdict(std::string_view name) const {
  const model::Mission& found = mission(name);
  return found.error_code.empty() ? state(name) : concat(state(name), " ", found.error_code);
}

std::string Walk::tasks(std::string_view name) const {
  const model::Mission& found = mission(name);
  const workflow::Workflow& workflow = *engine_.workflow_of(found);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < found.tasks.size(); ++i) {
    parts.push_back(concat(workflow.tasks[i].name.view(), "=", to_string(found.tasks[i].state)));
  }
  return join(parts, " ");
}

std::string Walk::launches() const {
  std::vector<std::string> names;
  for (const model::LaunchRun& launch : launches_) {
    names.push_back(launch.run.str());
  }
  return join(names, " ");
}

std::string Walk::cancels() const {
  std::vector<std::string> names;
  for (const model::CancelRun& cancel : cancels_) {
    names.push_back(cancel.run.str());
  }
  return join(names, " ");
}

std::string Walk::moves(std::string_view name) const {
  std::vector<std::string> moves;
  for (const journal::Event& event : events_) {
    if (event.type != "mission.transitioned" || mission_of(event.object).view() != name) {
      continue;
    }
    const Result<Json> data = parse_json(event.data);
    moves.push_back(concat(data->get_string("to"), "/", data->get_string("reason")));
  }
  return join(moves, " ");
}

std::size_t Walk::count_events(std::string_view type) const {
  return static_cast<std::size_t>(std::count_if(
      events_.begin(),
      events_.end(),
      [&](const journal::Event& event) { return event.type == type; }
  ));
}

std::optional<Timestamp> Walk::timer(std::string_view key, std::string_view name) const {
  const auto found = timers_.find({MissionName(std::string(name)), std::string(key)});
  return found == timers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace reeve::engine
