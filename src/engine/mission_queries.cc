#include "engine/mission_queries.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engine/engine.h"
#include "engine/mission_turn.h"

namespace reeve::engine {

namespace {

using model::Mission;
using model::MissionState;

/// A word for states, Reeve's or Formicary's. Approval and pauses are both HELD here.
struct StateWord {
  std::string_view word;
  std::vector<MissionState> states;
};

const std::vector<StateWord>& state_words() {
  using enum MissionState;
  static const std::vector<StateWord> kWords = {
      {"PREP", {Prep}},
      {"QUEUED", {Queued}},
      {"HELD", {Held}},
      {"LAUNCHING", {Launching}},
      {"ACTIVE", {Active}},
      {"COMPENSATING", {Compensating}},
      {"COMPLETE", {Complete}},
      {"FAILED", {Failed}},
      {"ABORTED", {Aborted}},
      {"PENDING", {Prep, Queued}},
      {"READY", {Launching}},
      {"EXECUTING", {Active, Compensating}},
      {"STARTED", {}},
      {"COMPLETED", {Complete}},
      {"CANCELLED", {Aborted}},
      {"RUNNING", {Launching, Active, Compensating}},
      {"HISTORY", {Complete, Failed, Aborted}}};
  return kWords;
}

/// Whether one of the words names the situation.
bool is_named(MissionSituation situation, const std::vector<std::string>& words) {
  const auto& [state, approval] = situation;
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    if (word == "MANUAL_APPROVAL_REQUIRED") {
      return state == MissionState::Held && approval;
    }
    if (word == "PAUSED") {
      return state == MissionState::Held && !approval;
    }
    if (word == "WAITING") {
      return state == MissionState::Held || state == MissionState::Queued;
    }
    return std::any_of(state_words().begin(), state_words().end(), [&](const StateWord& known) {
      return known.word == word &&
             std::find(known.states.begin(), known.states.end(), state) != known.states.end();
    });
  });
}

bool mentions(const workflow::Text& text) {
  return text.text.find("SubmitJob") != std::string::npos;
}

bool mentions(const std::vector<workflow::Text>& texts) {
  return std::any_of(texts.begin(), texts.end(), [](const workflow::Text& text) {
    return mentions(text);
  });
}

bool mentions(const std::vector<std::pair<std::string, workflow::Text>>& texts) {
  return std::any_of(texts.begin(), texts.end(), [](const auto& text) {
    return mentions(text.second);
  });
}

bool mentions(const std::vector<workflow::Variable>& variables) {
  return std::any_of(variables.begin(), variables.end(), [](const workflow::Variable& variable) {
    return variable.value.is_string() &&
           variable.value.as_string().find("SubmitJob") != std::string::npos;
  });
}

}  // namespace

std::optional<MissionSituation> situation_of(const Mission& mission) {
  if (is_terminal(mission.state)) {
    return std::nullopt;
  }
  const bool approval =
      mission.state == MissionState::Held &&
      std::any_of(mission.holds.begin(), mission.holds.end(), [](const auto& hold) {
        return hold.kind == model::HoldKind::Approval;
      });
  return MissionSituation{.state = mission.state, .approval = approval};
}

bool asks_for_missions(const workflow::Workflow& workflow, const workflow::Task& task) {
  const bool request = task.http && (mentions(task.http->url) || mentions(task.http->body) ||
                                     mentions(task.http->headers) || mentions(task.http->query));
  return request || mentions(task.before_script) || mentions(task.script) ||
         mentions(task.after_script) || mentions(task.environment) || mentions(task.variables) ||
         mentions(workflow.variables);
}

// --- the port -----------------------------------------------------------------------------------

void MissionQueries::begin(TaskIndex task, bool make) {
  task_ = task;
  asked_ = 0;
  make_ = make;
}

std::int64_t MissionQueries::count(
    std::string_view workflow, const std::vector<std::string>& states
) {
  return engine_.count_missions(turn_.mission().ns, workflow, states);
}

Result<std::string> MissionQueries::submit(const workflow::Submission& submission) {
  if (!task_) {
    return make_error(
        ErrorCode::Unsupported, "only a task's texts can ask for missions", submission.workflow
    );
  }
  const std::vector<MissionName>& made = turn_.mission().tasks[*task_].submitted;
  const std::size_t number = asked_++;
  if (number < made.size()) {
    return made[number].empty()
               ? Result<std::string>(make_error(
                     ErrorCode::Invalid, "the mission could not be made", submission.workflow
                 ))
               : Result<std::string>(std::string(model::plain(made[number])));
  }
  if (!make_) {
    return make_error(
        ErrorCode::Invalid, "asks for more missions than before", submission.workflow
    );
  }
  return turn_.submit_mission(*task_, submission);
}

// --- the engine's side --------------------------------------------------------------------------

std::string Engine::tally_of(const journal::ObjectKey& key) const {
  if (key.kind != journal::Kind::Mission) {
    return {};
  }
  const auto found = by_name_.find(mission_of(key));
  return found == by_name_.end() ? std::string() : tally_of(missions_.at(found->second));
}

std::string Engine::tally_of(const Entry& entry) {
  if (entry.plan->workflow->part || !is_terminal(entry.mission->state)) {
    return {};
  }
  return concat(entry.plan->key, "/", to_string(entry.mission->state));
}

/// Keeps the counts of live missions. `was` or `is` is missing for one that comes or goes.
void Engine::recount(
    const Plan& plan, std::optional<MissionSituation> was, std::optional<MissionSituation> is
) {
  if (was == is) {
    return;
  }
  if (was) {
    --live_by_state_.at(static_cast<std::size_t>(was->state));
  }
  if (is) {
    ++live_by_state_.at(static_cast<std::size_t>(is->state));
  }
  if (plan.workflow->part) {
    return;
  }
  auto& counts = live_counts_[plan.key];
  if (was && --counts[*was] == 0) {
    counts.erase(*was);
  }
  if (is) {
    ++counts[*is];
  }
}

std::int64_t Engine::count_missions(
    const Namespace& ns, std::string_view workflow, const std::vector<std::string>& states
) {
  const std::string key = model::scoped(ns, workflow);
  std::uint64_t count = 0;
  if (const auto live = live_counts_.find(key); live != live_counts_.end()) {
    for (const auto& [situation, missions] : live->second) {
      count += is_named(situation, states) ? missions : 0;
    }
  }
  for (const MissionState state :
       {MissionState::Complete, MissionState::Failed, MissionState::Aborted}) {
    if (!is_named({state, false}, states)) {
      continue;
    }
    const std::string tally = concat(key, "/", to_string(state));
    auto known = history_counts_.find(tally);
    if (known == history_counts_.end()) {
      const Result<std::uint64_t> before =
          history_ ? history_(tally) : Result<std::uint64_t>(std::uint64_t{0});
      known = history_counts_.emplace(tally, before ? *before : 0).first;
    }
    count += known->second + ended_counts_[tally];
  }
  return static_cast<std::int64_t>(count);
}

/// Makes the mission that a task asks for and records it, or that it could not be made.
Result<std::string> MissionTurn::submit_mission(
    TaskIndex index, const workflow::Submission& submission
) {
  const auto make = [&]() -> Result<Engine::Made> {
    REEVE_CHECK(engine_.workflow_to_submit(m_.ns, submission.workflow, {}));
    ChildPlan child;
    REEVE_TRY(child.plan, engine_.deployed(m_.ns, submission.workflow, {}));
    child.params = submission.params;
    child.user_key = submission.user_key;
    child.description = submission.description;
    child.detached = true;
    child.parent = {.mission = m_.name, .task = task_def(index).name, .item = 0, .detached = true};
    return engine_.make_child(m_, std::move(child), scope_);
  };
  const Result<Engine::Made> made = make();
  MissionSubmitted event;
  event.task = index;
  if (!made) {
    event.message = made.error().describe();
    emit(event);
    return made.error();
  }
  event.mission = made->name;
  event.own = !made->existing;
  emit(event);
  return std::string(model::plain(made->name));
}

}  // namespace reeve::engine
