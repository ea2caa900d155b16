#include "resource/merge_patch.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "resource/json_compare.h"

namespace reeve::resource {

namespace {

bool is_directive(std::string_view key) {
  return key == "$patch" || key == "$retainKeys" || key.rfind("$setElementOrder/", 0) == 0 ||
         key.rfind("$deleteFromPrimitiveList/", 0) == 0;
}

bool has_directive(const Json& value) {
  if (value.is_object()) {
    return std::any_of(
        value.as_object().begin(),
        value.as_object().end(),
        [](const Json::Member& member) {
          return is_directive(member.first) || has_directive(member.second);
        }
    );
  }
  return value.is_array() &&
         std::any_of(value.as_array().begin(), value.as_array().end(), has_directive);
}

}  // namespace

Json merge_patch(Json target, const Json& patch) {
  if (!patch.is_object()) {
    return patch;
  }
  if (!target.is_object()) {
    target = Json::object();
  }
  Json::Object& members = target.as_object();
  std::vector<bool> removed(members.size(), false);
  Json::Object added;
  const MemberIndex index(members);
  for (const Json::Member& change : patch.as_object()) {
    const std::size_t at = index.position(change.first);
    if (at == MemberIndex::npos) {
      if (!change.second.is_null()) {
        added.emplace_back(change.first, merge_patch(Json(), change.second));
      }
    } else if (change.second.is_null()) {
      removed[at] = true;
    } else {
      members[at].second = merge_patch(std::move(members[at].second), change.second);
    }
  }
  Json::Object result;
  result.reserve(members.size() + added.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!removed[i]) {
      result.push_back(std::move(members[i]));
    }
  }
  std::move(added.begin(), added.end(), std::back_inserter(result));
  return Json(std::move(result));
}

Outcome<Json> strategic_merge_patch(Json target, const Json& patch) {
  if (has_directive(patch)) {
    return unsupported_media_type(
        {"application/json-patch+json",
         "application/merge-patch+json",
         "application/apply-patch+yaml"}
    );
  }
  return merge_patch(std::move(target), patch);
}

}  // namespace reeve::resource
