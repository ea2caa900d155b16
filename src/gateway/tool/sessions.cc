#include "gateway/tool/sessions.h"

#include <algorithm>
#include <vector>

namespace reeve::gateway {

Session* Sessions::find(const std::string& id, const ToolCaller& caller, Timestamp now) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.caller.ns != caller.ns ||
      found->second.caller.principal != caller.principal ||
      found->second.used + kSessionIdle < now) {
    return nullptr;
  }
  found->second.used = now;
  return &found->second;
}

bool Sessions::add(
    const std::string& id, const ToolCaller& caller, Timestamp now, const Lives& lives
) {
  const Owner owner = {caller.ns, caller.principal};
  if (const auto own = by_owner_.find(owner);
      own != by_owner_.end() && own->second.size() >= kSessionsOfCallerMax) {
    end(*std::min_element(
        own->second.begin(),
        own->second.end(),
        [this](const std::string& a, const std::string& b) {
          return sessions_.at(a).used < sessions_.at(b).used;
        }
    ));
  }
  if (sessions_.size() >= kSessionsMax) {
    std::vector<std::string> over;
    for (const auto& [each, session] : sessions_) {
      if (session.used + kSessionIdle < now || !lives(session.caller)) {
        over.push_back(each);
      }
    }
    for (const std::string& each : over) {
      end(each);
    }
  }
  if (sessions_.size() >= kSessionsMax) {
    return false;
  }
  Session session;
  session.caller = caller;
  session.used = now;
  sessions_[id] = std::move(session);
  by_owner_[owner].insert(id);
  return true;
}

void Sessions::end(const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) {
    return;
  }
  const auto owner = by_owner_.find({found->second.caller.ns, found->second.caller.principal});
  owner->second.erase(id);
  if (owner->second.empty()) {
    by_owner_.erase(owner);
  }
  sessions_.erase(found);
}

}  // namespace reeve::gateway
