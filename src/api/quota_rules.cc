#include "api/quota_rules.h"

#include "engine/quota.h"
#include "resource/causes.h"

namespace reeve::api {

std::vector<resource::Cause> quota_causes(journal::Kind kind, const Json& object) {
  const Json* metadata = object.find("metadata");
  const journal::ObjectKey key{
      .kind = kind,
      .ns = Namespace(metadata == nullptr ? std::string() : metadata->get_string("namespace")),
      .name = metadata == nullptr ? std::string() : metadata->get_string("name")};
  const engine::Quota quota = engine::parse_quota(key, object);
  if (!quota.unreadable) {
    return {};
  }
  return {resource::forbidden_value("spec", *quota.unreadable)};
}

}  // namespace reeve::api
