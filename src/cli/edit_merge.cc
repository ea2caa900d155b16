#include "cli/edit_merge.h"

#include <optional>
#include <utility>

#include "base/strings.h"
#include "resource/json_compare.h"

namespace reeve::cli {

namespace {

/// Null: there is no such member. (A member that is null is a value.)
bool same(const Json* left, const Json* right) {
  if (left == nullptr || right == nullptr) {
    return left == right;
  }
  return resource::equivalent(*left, *right);
}

bool is_object(const Json* value) {
  return value != nullptr && value->is_object();
}

std::optional<Json> copy_of(const Json* value) {
  return value == nullptr ? std::optional<Json>() : std::optional<Json>(*value);
}

/// One place of the three objects.
class Place {
 public:
  Place(const Json* original, const Json* edited, const Json* current)
      : original_(original), edited_(edited), current_(current) {}

  std::optional<Json> merge(const std::string& path, std::vector<std::string>& disputed) const {
    if (same(original_, edited_)) {
      return copy_of(current_);
    }
    if (is_object(original_) && is_object(edited_) && is_object(current_)) {
      return merge_members(path, disputed);
    }
    if (!same(original_, current_) && !same(edited_, current_)) {
      disputed.push_back(path);
    }
    return copy_of(edited_);
  }

 private:
  Json merge_members(const std::string& path, std::vector<std::string>& disputed) const {
    Json merged = Json::object();
    const auto take = [&](const std::string& name) {
      const Place inner(original_->find(name), edited_->find(name), current_->find(name));
      const std::string where = path.empty() ? name : concat(path, ".", name);
      if (std::optional<Json> value = inner.merge(where, disputed)) {
        merged.set(name, std::move(*value));
      }
    };
    for (const auto& [name, value] : edited_->as_object()) {
      take(name);
    }
    for (const auto& [name, value] : original_->as_object()) {
      if (edited_->find(name) == nullptr) {
        take(name);
      }
    }
    for (const auto& [name, value] : current_->as_object()) {
      if (edited_->find(name) == nullptr && original_->find(name) == nullptr) {
        take(name);
      }
    }
    return merged;
  }

  const Json* original_;
  const Json* edited_;
  const Json* current_;
};

}  // namespace

Rebased rebase(const Json& original, const Json& edited, const Json& current) {
  Rebased rebased;
  rebased.object = Place(&original, &edited, &current).merge({}, rebased.disputed).value_or(Json());
  return rebased;
}

}  // namespace reeve::cli
