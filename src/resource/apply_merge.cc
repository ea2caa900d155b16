#include "resource/apply_merge.h"

#include <algorithm>
#include <utility>

#include "resource/json_compare.h"

namespace reeve::resource {

namespace {

class Merger {
 public:
  explicit Merger(const ListTypes& types) : types_(types) {}

  Json merge(Json live, const Json& applied) {
    const bool one_value =
        path_.size() >= kFieldSetDepthMax ||
        (live.is_object() && !path_.empty() && list_rule(types_, path_).map_atomic);
    if (one_value) {
      return applied;
    }
    if (live.is_object() && applied.is_object()) {
      return merge_objects(std::move(live), applied.as_object());
    }
    if (live.is_array() && applied.is_array()) {
      return merge_lists(std::move(live), applied);
    }
    return applied;
  }

 private:
  Json merge_objects(Json live, const Json::Object& applied) {
    Json::Object& members = live.as_object();
    Json::Object fresh;
    const MemberIndex index(members);
    for (const Json::Member& member : applied) {
      const std::size_t at = index.position(member.first);
      if (at == MemberIndex::npos) {
        fresh.push_back(member);
        continue;
      }
      path_.push_back(member.first);
      members[at].second = merge(std::move(members[at].second), member.second);
      path_.pop_back();
    }
    std::move(fresh.begin(), fresh.end(), std::back_inserter(members));
    return live;
  }

  Json merge_lists(Json live, const Json& applied) {
    const ListRule rule = list_rule(types_, path_);
    if (rule.type == ListType::Atomic) {
      return applied;
    }
    const auto old_elements = list_elements(rule, live);
    const auto new_elements = list_elements(rule, applied);
    if (!old_elements || !new_elements) {
      return applied;
    }
    // The order of the request for what is new, the old order for what was there.
    std::vector<std::pair<std::size_t, std::string_view>> ordered;
    for (const auto& [element, index] : *new_elements) {
      ordered.emplace_back(index, element);
    }
    std::sort(ordered.begin(), ordered.end());
    Json::Array& items = live.as_array();
    path_.emplace_back("*");
    for (const auto& [index, element] : ordered) {
      const auto old = old_elements->find(std::string(element));
      if (old == old_elements->end()) {
        items.push_back(applied.as_array()[index]);
      } else {
        items[old->second] = merge(std::move(items[old->second]), applied.as_array()[index]);
      }
    }
    path_.pop_back();
    return live;
  }

  const ListTypes& types_;
  std::vector<std::string> path_;
};

/// What belongs to one place of the three sets.
struct Owners {
  const FieldSet* dropped = nullptr;
  const FieldSet* others = nullptr;
  const FieldSet* kept = nullptr;

  Owners below(std::string_view element) const {
    const auto find = [&](const FieldSet* set) {
      return set == nullptr ? nullptr : set->find(element);
    };
    return {find(dropped), find(others), find(kept)};
  }

  bool wanted() const { return others != nullptr || kept != nullptr; }
};

bool is_empty_container(const Json& value) {
  return (value.is_object() && value.as_object().empty()) ||
         (value.is_array() && value.as_array().empty());
}

class Pruner {
 public:
  explicit Pruner(const ListTypes& types) : types_(types) {}

  /// `keys` are members that must stay: they tell a member of a list from the others.
  bool prune(Json& value, const Owners& owners, const std::vector<std::string>& keys) {
    if (value.is_object()) {
      return prune_object(value.as_object(), owners, keys);
    }
    return value.is_array() && prune_list(value, owners);
  }

 private:
  /// Whether the value has to go; prunes what is in it otherwise.
  bool goes(Json& value, const Owners& owners, const std::vector<std::string>& keys) {
    if (owners.dropped->owned && !owners.wanted()) {
      changed_ = true;
      return true;
    }
    if (is_empty_container(value)) {
      return false;
    }
    prune(value, owners, keys);
    return is_empty_container(value) && !owners.wanted();
  }

  bool prune_object(
      Json::Object& members, const Owners& owners, const std::vector<std::string>& keys
  ) {
    Json::Object rest;
    rest.reserve(members.size());
    for (Json::Member& member : members) {
      const Owners below = owners.below(field_element(member.first));
      const bool is_key = std::find(keys.begin(), keys.end(), member.first) != keys.end();
      path_.push_back(member.first);
      const bool gone = below.dropped != nullptr && !is_key && goes(member.second, below, {});
      path_.pop_back();
      if (!gone) {
        rest.push_back(std::move(member));
      }
    }
    members = std::move(rest);
    return changed_;
  }

  bool prune_list(Json& list, const Owners& owners) {
    const ListRule rule = list_rule(types_, path_);
    if (rule.type == ListType::Atomic) {
      return changed_;
    }
    const auto elements = list_elements(rule, list);
    if (!elements) {
      return changed_;
    }
    Json::Array& items = list.as_array();
    std::vector<bool> gone(items.size(), false);
    path_.emplace_back("*");
    for (const auto& [element, index] : *elements) {
      const Owners below = owners.below(element);
      gone[index] = below.dropped != nullptr && goes(items[index], below, rule.keys);
    }
    path_.pop_back();
    Json::Array rest;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!gone[i]) {
        rest.push_back(std::move(items[i]));
      }
    }
    items = std::move(rest);
    return changed_;
  }

  const ListTypes& types_;
  std::vector<std::string> path_;
  bool changed_ = false;
};

}  // namespace

Json merge_applied(Json live, const Json& applied, const ListTypes& types) {
  return Merger(types).merge(std::move(live), applied);
}

bool prune_dropped(
    Json& object,
    const FieldSet& dropped,
    const FieldSet& others,
    const FieldSet& kept,
    const ListTypes& types
) {
  return Pruner(types).prune(object, Owners{&dropped, &others, &kept}, {});
}

}  // namespace reeve::resource
