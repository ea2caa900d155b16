#include "gateway/model/format/cache_key.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/canonical.h"
#include "base/json.h"

namespace reeve::gateway::model {

Result<Digest> cache_key(const CacheScope& scope, std::string_view body) {
  constexpr std::array<std::string_view, 4> kIgnored = {
      "metadata", "user", "prompt_cache_key", "safety_identifier"};
  REEVE_TRY(Json json, parse_json(body));
  if (!json.is_object()) {
    return make_error(ErrorCode::Invalid, "the request is no JSON object");
  }
  Json::Object& members = json.as_object();
  members.erase(
      std::remove_if(
          members.begin(),
          members.end(),
          [&](const Json::Member& member) {
            return std::find(kIgnored.begin(), kIgnored.end(), member.first) != kIgnored.end();
          }
      ),
      members.end()
  );
  // As an array: no name can look like the end of another one.
  Json key = Json::array();
  key.push(scope.ns).push(scope.route).push(scope.route_state);
  key.push(to_string(scope.operation)).push(std::move(json));
  return canonical_digest(key);
}

}  // namespace reeve::gateway::model
