#include <optional>
#include <utility>

#include "base/strings.h"
#include "resource/field_set.h"
#include "resource/json_compare.h"

namespace reeve::resource {

namespace {

using Elements = std::map<std::string, std::size_t>;

void attach(FieldSet& parent, const std::string& element, FieldSet child) {
  if (!child.empty()) {
    parent.children[element] = std::move(child);
  }
}

/// Walks objects with the path of the schema at hand, which says what a list is.
class Walker {
 public:
  explicit Walker(const ListTypes& types) : types_(types) {}

  FieldSet leaves(const Json& value) {
    FieldSet set;
    if (parted(value) && !value.as_object().empty()) {
      for (const Json::Member& member : value.as_object()) {
        const Step step(*this, member.first);
        set.children[field_element(member.first)] = leaves(member.second);
      }
      return set;
    }
    const std::optional<Elements> elements = keyed(value);
    if (!elements || elements->empty()) {
      set.owned = true;
      return set;
    }
    const Step step(*this, "*");
    for (const auto& [element, index] : *elements) {
      FieldSet& child = set.children[element];
      child = leaves(value.as_array()[index]);
      child.owned = true;
    }
    return set;
  }

  /// Everything in `value`, itself and what it is made of.
  FieldSet everything(const Json& value) {
    FieldSet set;
    set.owned = true;
    if (parted(value)) {
      for (const Json::Member& member : value.as_object()) {
        const Step step(*this, member.first);
        set.children[field_element(member.first)] = everything(member.second);
      }
    } else if (const std::optional<Elements> elements = keyed(value)) {
      const Step step(*this, "*");
      for (const auto& [element, index] : *elements) {
        set.children[element] = everything(value.as_array()[index]);
      }
    }
    return set;
  }

  FieldChanges compare(const Json& before, const Json& after) {
    if (parted(before) && parted(after)) {
      return compare_objects(before.as_object(), after.as_object());
    }
    const std::optional<Elements> old_elements = keyed(before);
    const std::optional<Elements> new_elements = keyed(after);
    if (old_elements && new_elements) {
      return compare_lists(before, *old_elements, after, *new_elements);
    }
    FieldChanges changes;
    if (!equivalent(before, after)) {
      changes.removed.children = everything(before).children;
      changes.added.children = everything(after).children;
      changes.changed.owned = true;
    }
    return changes;
  }

  Result<void> check(const Json& value) {
    if (value.is_object()) {
      for (const Json::Member& member : value.as_object()) {
        const Step step(*this, member.first);
        REEVE_CHECK(check(member.second));
      }
      return {};
    }
    if (!value.is_array()) {
      return {};
    }
    const ListRule rule = list_rule(types_, path_);
    if (rule.type == ListType::Atomic) {
      return {};
    }
    Result<Elements> elements = list_elements(rule, value);
    if (!elements) {
      Error error = std::move(elements).error();
      error.subject = join(path_, ".");
      return error;
    }
    const Step step(*this, "*");
    for (const Json& item : value.as_array()) {
      REEVE_CHECK(check(item));
    }
    return {};
  }

 private:
  /// One element of the path, while it lives.
  class Step {
   public:
    Step(Walker& walker, std::string_view name) : walker_(walker) {
      walker_.path_.emplace_back(name);
    }

    ~Step() { walker_.path_.pop_back(); }

    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Walker& walker_;
  };

  /// An object whose members count one by one.
  bool parted(const Json& value) const {
    return value.is_object() && path_.size() < kFieldSetDepthMax &&
           (path_.empty() || !list_rule(types_, path_).map_atomic);
  }

  /// The members of a list that is told apart by them; nullopt for what is one value.
  std::optional<Elements> keyed(const Json& value) const {
    if (!value.is_array() || path_.size() >= kFieldSetDepthMax) {
      return std::nullopt;
    }
    const ListRule rule = list_rule(types_, path_);
    if (rule.type == ListType::Atomic) {
      return std::nullopt;
    }
    Result<Elements> elements = list_elements(rule, value);
    return elements ? std::optional(std::move(elements).value()) : std::nullopt;
  }

  void compare_child(
      const std::string& element, const Json* before, const Json* after, FieldChanges& changes
  ) {
    if (before == nullptr) {
      attach(changes.added, element, everything(*after));
    } else if (after == nullptr) {
      attach(changes.removed, element, everything(*before));
    } else {
      FieldChanges below = compare(*before, *after);
      attach(changes.added, element, std::move(below.added));
      attach(changes.changed, element, std::move(below.changed));
      attach(changes.removed, element, std::move(below.removed));
    }
  }

  FieldChanges compare_objects(const Json::Object& before, const Json::Object& after) {
    FieldChanges changes;
    const MemberIndex old_members(before);
    const MemberIndex new_members(after);
    for (const Json::Member& member : after) {
      const Step step(*this, member.first);
      compare_child(
          field_element(member.first), old_members.find(member.first), &member.second, changes
      );
    }
    for (const Json::Member& member : before) {
      if (new_members.find(member.first) == nullptr) {
        const Step step(*this, member.first);
        compare_child(field_element(member.first), &member.second, nullptr, changes);
      }
    }
    return changes;
  }

  FieldChanges compare_lists(
      const Json& before,
      const Elements& old_elements,
      const Json& after,
      const Elements& new_elements
  ) {
    FieldChanges changes;
    const Step step(*this, "*");
    for (const auto& [element, index] : new_elements) {
      const auto old = old_elements.find(element);
      compare_child(
          element,
          old == old_elements.end() ? nullptr : &before.as_array()[old->second],
          &after.as_array()[index],
          changes
      );
    }
    for (const auto& [element, index] : old_elements) {
      if (new_elements.count(element) == 0) {
        compare_child(element, &before.as_array()[index], nullptr, changes);
      }
    }
    return changes;
  }

  const ListTypes& types_;
  std::vector<std::string> path_;
};

}  // namespace

FieldSet leaf_fields(const Json& object, const ListTypes& types) {
  FieldSet set = Walker(types).leaves(object);
  set.owned = false;
  return set;
}

FieldChanges compare_fields(const Json& before, const Json& after, const ListTypes& types) {
  return Walker(types).compare(before, after);
}

Result<void> check_lists(const Json& object, const ListTypes& types) {
  return Walker(types).check(object);
}

}  // namespace reeve::resource
