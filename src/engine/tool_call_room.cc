#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "engine/tool_call_book.h"
#include "engine/tool_call_rules.h"
#include "model/scoped_name.h"

/// What tool calls leave behind: records that take room, and runs that have read things.
namespace reeve::engine {

using journal::ObjectKey;

namespace {

/// What is full of records that are needed is not looked through for each call.
constexpr Duration kLookAgain{1'000};

}  // namespace

/// Adds to `old` what has to go from the shelf: records that are over and that no live mission
/// needs, the oldest before all. False: there are not enough of them. What is in `old` already is
/// on the shelf.
bool ToolCallBook::find_old(
    Shelf& shelf,
    std::size_t calls_max,
    std::size_t bytes_max,
    std::vector<ObjectKey>& old,
    BookTurn& turn
) const {
  std::size_t calls = shelf.by_age.size();
  std::size_t bytes = shelf.bytes;
  const auto leave_out = [&](const ObjectKey& key) {
    --calls;
    bytes -= objects_.at(key).bytes;
  };
  std::ranges::for_each(old, leave_out);
  const auto fits = [&] {
    return calls < calls_max && bytes <= bytes_max;
  };
  if (fits() || turn.now() < shelf.look_again) {
    return fits();
  }
  std::map<std::pair<Namespace, std::string>, bool> live;
  const auto is_needed = [&](const ObjectKey& key, const ToolCall& call) {
    const auto [known, is_new] = live.try_emplace({key.ns, call.mission}, false);
    if (is_new && !call.mission.empty()) {
      known->second = live_mission(key.ns, call.mission, turn).ok();
    }
    return known->second;
  };
  auto at = shelf.by_age.upper_bound(shelf.looked_at);
  const std::size_t all = shelf.by_age.size();
  for (std::size_t i = 0; i < all && !fits(); ++i, ++at) {
    at = at == shelf.by_age.end() ? shelf.by_age.begin() : at;
    shelf.looked_at = at->first;
    const ObjectKey& key = at->second;
    const ToolCall& call = objects_.at(key);
    if (!is_open(call.state) && !is_needed(key, call) && std::ranges::find(old, key) == old.end()) {
      old.push_back(key);
      leave_out(key);
    }
  }
  shelf.look_again = fits() ? Timestamp() : turn.now() + kLookAgain;
  return fits();
}

/// The records that make room for one of `bytes`. LimitExceeded: there are not enough of them.
/// Nothing is dropped here, as the turn may yet fail.
Result<std::vector<ObjectKey>> ToolCallBook::room_for(
    const Namespace& ns, std::size_t bytes, BookTurn& turn
) {
  std::vector<ObjectKey> old;
  const auto own = shelves_.find(ns);
  if (own != shelves_.end() &&
      !find_old(
          own->second, kToolCallsOfNamespaceMax, kToolCallBytesOfNamespaceMax - bytes, old, turn
      )) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("namespace \"", ns.view(), "\" has as many tool calls as it may have"),
        "toolcalls"
    );
  }
  if (!find_old(all_, kToolCallsMax, kToolCallBytesTotalMax - bytes, old, turn)) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat(
            "there are ", all_.by_age.size(), " tool calls of live missions, which is the limit"
        ),
        "toolcalls"
    );
  }
  return old;
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
