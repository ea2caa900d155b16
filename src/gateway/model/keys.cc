#include "gateway/model/keys.h"

#include <algorithm>

#include "base/strings.h"

namespace reeve::gateway::model {

Result<const Secret*> Keys::find(const Namespace& ns, const std::string& credential) {
  const auto name = std::pair(ns, credential);
  const SeenObject seen = ports_.object("credentials", ns, credential);
  if (seen.object == nullptr) {
    keys_.erase(name);
    return make_error(
        ErrorCode::NotFound, concat("there is no credential \"", credential, "\""), credential
    );
  }
  auto found = keys_.find(name);
  if (found == keys_.end() || found->second.revision != seen.revision) {
    REEVE_TRY(Secret value, ports_.reveal(ns.view(), credential));
    if (found == keys_.end() && keys_.size() >= kKeysMax) {
      keys_.erase(std::min_element(keys_.begin(), keys_.end(), [](const auto& a, const auto& b) {
        return a.second.used < b.second.used;
      }));
    }
    Key key;
    key.revision = seen.revision;
    key.value = std::move(value);
    found = keys_.insert_or_assign(name, std::move(key)).first;
  }
  found->second.used = ++uses_;
  return &found->second.value;
}

}  // namespace reeve::gateway::model
