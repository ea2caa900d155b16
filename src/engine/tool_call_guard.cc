#include <algorithm>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "engine/tool_call_events.h"
#include "engine/tool_call_rules.h"
#include "model/scoped_name.h"

/// Runs that go in circles, and missions that are held because of them.
namespace reeve::engine {

using journal::ObjectKey;
using State = ToolCallState;

Result<const model::Mission*> live_mission(
    const Namespace& ns, const std::string& name, BookTurn& turn
) {
  const model::Mission* mission = turn.engine().find(model::qualify(ns, name));
  if (mission == nullptr || mission->deleted || is_terminal(mission->state)) {
    return make_error(
        ErrorCode::IllegalTransition, concat("mission \"", name, "\" has ended"), "mission"
    );
  }
  return mission;
}

namespace {

/// Whether runs stand still while the mission is held for this; other holds keep new runs from
/// starting, and those that are under way go on.
bool stops_runs(model::HoldKind kind) {
  using Kind = model::HoldKind;
  switch (kind) {
    case Kind::Approval:
    case Kind::Validation:
    case Kind::Quota:
    case Kind::Policy:
    case Kind::Spiral:
    case Kind::CompensationFailed:
      return true;
    case Kind::Dependency:
    case Kind::NoAgent:
    case Kind::NoTier:
    case Kind::NoCapacity:
    case Kind::Backoff:
    case Kind::Drain:
      return false;
  }
  return true;
}

std::string way_on(const model::Hold& hold, const std::string& mission) {
  return hold.kind == model::HoldKind::Quota
             ? "reeve quota raise, or reeve quota reset, lets it go on"
             : concat("a person lets it go on: reeve release ", mission);
}

}  // namespace

Result<void> check_mission(const Namespace& ns, const std::string& name, BookTurn& turn) {
  if (name.empty()) {
    return {};
  }
  REEVE_TRY(const model::Mission* mission, live_mission(ns, name, turn));
  for (const model::Hold& hold : mission->holds) {
    if (stops_runs(hold.kind)) {
      Error error = make_error(ErrorCode::IllegalTransition, hold.message, "mission");
      error.hint = way_on(hold, name);
      return error;
    }
  }
  return {};
}

/// Looks at the calls of the run that have ended since the last spiral, newest first.
std::optional<ToolCallBook::Spiral> ToolCallBook::spiral_of(const ObjectKey& key, Timestamp now)
    const {
  const ToolCall& failed = objects_.at(key);
  const auto group = groups_.find(group_of(key.ns, failed));
  std::vector<const ToolCall*> ended;
  Revision last_spiral;
  for (const auto& [sequence, name] : group->second.by_sequence) {
    const ToolCall& call = objects_.at(name);
    last_spiral = std::max(last_spiral, call.spiral);
    const bool matters = counts_as_failure(call) || call.state == State::Completed ||
                         call.state == State::RolledBack;
    if (matters && call.compensates.empty()) {
      ended.push_back(&call);
    }
  }
  std::sort(ended.begin(), ended.end(), [](const ToolCall* a, const ToolCall* b) {
    return a->ended > b->ended;
  });
  bool in_a_row = true;
  std::size_t consecutive = 0;
  std::size_t similar = 0;
  for (const ToolCall* call : ended) {
    if (call->ended <= last_spiral || (!in_a_row && *call->ended_at + kSpiralWindow < now)) {
      break;
    }
    const bool failure = counts_as_failure(*call);
    in_a_row = in_a_row && failure;
    consecutive += in_a_row ? 1 : 0;
    similar += failure && call->server == failed.server && call->tool == failed.tool &&
                       call->arguments_hash == failed.arguments_hash &&
                       *call->ended_at + kSpiralWindow >= now
                   ? 1
                   : 0;
  }
  if (consecutive >= kSpiralConsecutive) {
    return Spiral{.rule = "consecutive", .failures = consecutive};
  }
  if (similar >= kSpiralSimilar) {
    return Spiral{.rule = "similar", .failures = similar};
  }
  return std::nullopt;
}

/// Stops a run that goes in circles.
void ToolCallBook::guard(const ObjectKey& key, BookTurn& turn) {
  const ToolCall call = objects_.at(key);
  if (call.mission.empty() || !call.compensates.empty()) {
    return;
  }
  const Result<const model::Mission*> mission = live_mission(key.ns, call.mission, turn);
  if (!mission ||
      std::ranges::find((*mission)->holds, model::HoldKind::Spiral, &model::Hold::kind) !=
          (*mission)->holds.end()) {
    return;
  }
  const std::optional<Spiral> spiral = spiral_of(key, turn.now());
  if (!spiral) {
    return;
  }
  const std::string what =
      spiral->rule == "consecutive"
          ? concat(spiral->failures, " tool calls in a row failed, the last one of ", call.tool)
          : concat("the same call of ", call.tool, " failed ", spiral->failures, " times");
  Json data = Json::object();
  data.set("mission", call.mission).set("run", call.run).set("rule", spiral->rule);
  data.set("failures", spiral->failures).set("server", call.server).set("tool", call.tool);
  data.set("message", what);
  const Result<void> told = turn.emit(key, kSpiralDetected, data);
  REEVE_ASSERT(told.ok());
  model::Hold hold;
  hold.kind = model::HoldKind::Spiral;
  hold.subject = call.run;
  hold.since = turn.now();
  hold.message = concat("run ", call.run, " goes in circles: ", what);
  turn.engine().hold_mission(model::qualify(key.ns, call.mission), std::move(hold), turn.scope());
}

}  // namespace reeve::engine
