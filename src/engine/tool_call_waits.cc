#include "base/strings.h"
#include "engine/engine.h"
#include "engine/tool_call_book.h"

/// Calls about which people decide, and the runs that wait for it.
namespace reeve::engine {

using journal::ObjectKey;
using State = ToolCallState;

namespace {

/// A run without the number of its attempt: what all runs of its task have in common.
std::string_view task_part(std::string_view run) {
  return run.substr(0, run.rfind('.'));
}

}  // namespace

void ToolCallBook::each_call_of_task(
    const Namespace& ns, std::string_view run, const std::function<void(const ObjectKey&)>& visit
) const {
  const std::string first = concat("run:", task_part(run), ".");
  for (auto group = groups_.lower_bound({ns, first});
       group != groups_.end() && group->first.first == ns && group->first.second.starts_with(first);
       ++group) {
    for (const auto& [sequence, key] : group->second.by_sequence) {
      visit(key);
    }
  }
}

std::optional<ObjectKey> ToolCallBook::pending(
    const Namespace& ns, std::string_view run, Revision mission
) const {
  std::optional<ObjectKey> newest;
  Revision created = mission;
  each_call_of_task(ns, run, [&](const ObjectKey& key) {
    const ToolCall& call = objects_.at(key);
    if (call.state == State::Pending && call.created > created) {
      newest = key;
      created = call.created;
    }
  });
  return newest;
}

bool ToolCallBook::decided_since(const Namespace& ns, std::string_view run, Timestamp since) const {
  bool decided = false;
  each_call_of_task(ns, run, [&](const ObjectKey& key) {
    const ToolCall& call = objects_.at(key);
    decided = decided || (!call.decision.decision.empty() && call.decision.at >= since) ||
              (call.state == State::Expired && call.ended_at && *call.ended_at >= since);
  });
  return decided;
}

std::string ToolCallBook::waiting_text(const ObjectKey& key) const {
  const ToolCall& call = objects_.at(key);
  return concat(
      "waits for approval of the call of ",
      call.server,
      "/",
      call.tool,
      call.due ? concat(" until ", format_timestamp(*call.due)) : "",
      ": reeve toolcalls approve ",
      key.name
  );
}

/// Lets the run of a call know that people decide, or have decided.
void ToolCallBook::tell_run(const ObjectKey& key, model::Reason reason, BookTurn& turn) const {
  const ToolCall& call = objects_.at(key);
  if (!call.mission.empty() && !call.run.empty() && call.compensates.empty()) {
    turn.engine().look_at_decisions(
        model::qualify(key.ns, call.mission), call.run, reason, turn.scope()
    );
  }
}

}  // namespace reeve::engine
