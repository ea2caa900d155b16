#include "gateway/run_identity.h"

namespace reeve::gateway {

std::optional<RunIdentity> run_of(const access::Identity& identity) {
  const auto run = identity.extra.find(std::string(access::kRunExtra));
  const auto agent = identity.extra.find(std::string(access::kAgentExtra));
  const auto mission = identity.extra.find(std::string(access::kMissionExtra));
  if (!identity.user.starts_with(access::kRunUserPrefix) || run == identity.extra.end() ||
      mission == identity.extra.end() || run->second.empty() || mission->second.empty()) {
    return {};
  }
  for (const std::string& group : identity.groups) {
    if (group.starts_with(access::kRunsPrefix)) {
      return RunIdentity{
          .ns = Namespace(group.substr(access::kRunsPrefix.size())),
          .mission = mission->second.front(),
          .run = run->second.front(),
          .agent = agent == identity.extra.end() || agent->second.empty() ? std::string()
                                                                          : agent->second.front()};
    }
  }
  return {};
}

}  // namespace reeve::gateway
