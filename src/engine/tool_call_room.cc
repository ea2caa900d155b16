#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "engine/tool_call_rules.h"
#include "model/scoped_name.h"

/// What tool calls leave behind: records that take room, and runs that have read things.
namespace reeve::engine {

using journal::ObjectKey;

namespace {

/// Old records that one turn looks at to make room.
constexpr std::size_t kDropVisitsMax = 2'000;

}  // namespace

/// The records that make room for one of `bytes`: they are over, and no live mission needs them.
/// LimitExceeded: there are not enough of them. Nothing is dropped here, as the turn may yet fail.
Result<std::vector<ObjectKey>> ToolCallBook::room_for(
    const Namespace& ns, std::size_t bytes, BookTurn& turn
) {
  const auto shelf = shelves_.find(ns);
  Shelf own = shelf == shelves_.end() ? Shelf() : shelf->second;
  Shelf all{.calls = by_age_.size(), .bytes = bytes_};
  const auto own_is_full = [&] {
    return own.calls >= kToolCallsOfNamespaceMax ||
           own.bytes + bytes > kToolCallBytesOfNamespaceMax;
  };
  const auto is_full = [&] {
    return all.calls >= kToolCallsMax || all.bytes + bytes > kToolCallBytesTotalMax;
  };
  std::vector<ObjectKey> old;
  auto at = by_age_.upper_bound(looked_at_);
  const std::size_t visits = std::min(by_age_.size(), kDropVisitsMax);
  for (std::size_t i = 0; i < visits && (own_is_full() || is_full()); ++i, ++at) {
    // Those of live missions are not looked at again before all others were.
    at = at == by_age_.end() ? by_age_.begin() : at;
    looked_at_ = at->first;
    const ObjectKey& key = at->second;
    const ToolCall& call = objects_.at(key);
    const bool helps = key.ns == ns || (is_full() && !own_is_full());
    if (!helps || is_open(call.state) ||
        (!call.mission.empty() && live_mission(key.ns, call.mission, turn).ok())) {
      continue;
    }
    old.push_back(key);
    for (Shelf* less : {&all, key.ns == ns ? &own : nullptr}) {
      if (less != nullptr) {
        --less->calls;
        less->bytes -= call.bytes;
      }
    }
  }
  if (!own_is_full() && !is_full()) {
    return old;
  }
  return make_error(
      ErrorCode::LimitExceeded,
      own_is_full()
          ? concat("namespace \"", ns.view(), "\" has as many tool calls as it may have")
          : concat(
                "there are ", by_age_.size(), " tool calls of live missions, which is the limit"
            ),
      "toolcalls"
  );
}

Result<void> ToolCallBook::check_run(const Group& group) const {
  const auto known = groups_.find(group);
  if (known == groups_.end()) {
    return {};
  }
  if (known->second.by_sequence.size() >= kToolCallsOfRunMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("the run has called tools ", kToolCallsOfRunMax, " times, which is the limit"),
        "run"
    );
  }
  if (known->second.open >= kToolCallsOpenOfRunMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(kToolCallsOpenOfRunMax, " calls of the run are not done yet"),
        "run"
    );
  }
  return {};
}

/// What an attempt has read is in the conversation that the next one continues, and in what later
/// tasks get from it.
bool ToolCallBook::is_tainted(const Namespace& ns, const ToolCall& call, BookTurn& turn) const {
  const auto reads = taints_.find(reader_of(ns, call));
  if (reads == taints_.end()) {
    return false;
  }
  // A mission that was called like it before is none of its.
  const model::Mission* mission =
      call.mission.empty() ? nullptr : turn.engine().find(model::qualify(ns, call.mission));
  return mission == nullptr || *reads->second.rbegin() > mission->created;
}

}  // namespace reeve::engine
