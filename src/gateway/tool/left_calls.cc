#include "gateway/tool/left_calls.h"

#include <string_view>
#include <vector>

#include "base/strings.h"

namespace reeve::gateway {

namespace {

/// The run without the number of its attempt: what a later attempt asks again is the same.
std::string_view without_attempt(std::string_view run) {
  return run.substr(0, run.rfind('.'));
}

std::string key_of(const LeftCalls::Asked& asked) {
  const std::string who =
      asked.run.empty() ? asked.caller : concat("run:", without_attempt(asked.run));
  return concat(
      asked.ns.view(), "/", asked.server, "/", asked.tool, "/", asked.arguments_hash, "/", who
  );
}

}  // namespace

bool LeftCalls::put(const Id& id, const Asked& asked) {
  if (keys_.contains(id)) {
    return true;
  }
  if (keys_.size() >= kLeftCallsMax) {
    return false;
  }
  std::string key = key_of(asked);
  names_[key].insert(id.second);
  keys_.emplace(id, std::move(key));
  return true;
}

std::optional<std::string> LeftCalls::take(const Asked& asked) {
  const auto found = names_.find(key_of(asked));
  if (found == names_.end()) {
    return std::nullopt;
  }
  // Names follow each other in time.
  std::string name = *found->second.begin();
  forget({asked.ns, name});
  return name;
}

void LeftCalls::forget(const Id& id) {
  const auto found = keys_.find(id);
  if (found == keys_.end()) {
    return;
  }
  const auto names = names_.find(found->second);
  names->second.erase(id.second);
  if (names->second.empty()) {
    names_.erase(names);
  }
  keys_.erase(found);
}

void LeftCalls::sweep(const std::function<bool(const Id&)>& is_open) {
  std::vector<Id> over;
  for (const auto& [id, key] : keys_) {
    if (!is_open(id)) {
      over.push_back(id);
    }
  }
  for (const Id& id : over) {
    forget(id);
  }
}

}  // namespace reeve::gateway
