#include "resource/json_compare.h"

#include <algorithm>

namespace reeve::resource {

namespace {

// Below this a plain search is quicker than an order.
constexpr std::size_t kSmallObject = 8;

bool equivalent_objects(const Json::Object& left, const Json::Object& right) {
  if (left.size() != right.size()) {
    return false;
  }
  const MemberIndex index(right);
  return std::all_of(left.begin(), left.end(), [&](const Json::Member& member) {
    const Json* other = index.find(member.first);
    return other != nullptr && equivalent(member.second, *other);
  });
}

}  // namespace

MemberIndex::MemberIndex(const Json::Object& object) : object_(object) {
  if (object.size() <= kSmallObject) {
    return;
  }
  order_.resize(object.size());
  for (std::size_t i = 0; i < order_.size(); ++i) {
    order_[i] = i;
  }
  std::sort(order_.begin(), order_.end(), [&](std::size_t left, std::size_t right) {
    return object_[left].first < object_[right].first;
  });
}

std::size_t MemberIndex::position(std::string_view key) const {
  if (order_.empty()) {
    for (std::size_t i = 0; i < object_.size(); ++i) {
      if (object_[i].first == key) {
        return i;
      }
    }
    return npos;
  }
  const auto found =
      std::lower_bound(order_.begin(), order_.end(), key, [&](std::size_t i, std::string_view k) {
        return object_[i].first < k;
      });
  return found != order_.end() && object_[*found].first == key ? *found : npos;
}

const Json* MemberIndex::find(std::string_view key) const {
  const std::size_t at = position(key);
  return at == npos ? nullptr : &object_[at].second;
}

bool equivalent(const Json& left, const Json& right) {
  if (left.is_number() && right.is_number()) {
    return left.is_int() && right.is_int() ? left.as_int() == right.as_int()
                                           : left.as_double() == right.as_double();
  }
  if (left.is_object() && right.is_object()) {
    return equivalent_objects(left.as_object(), right.as_object());
  }
  if (left.is_array() && right.is_array()) {
    return std::equal(
        left.as_array().begin(),
        left.as_array().end(),
        right.as_array().begin(),
        right.as_array().end(),
        equivalent
    );
  }
  return left == right;
}

void erase_member(Json& object, std::string_view key) {
  if (!object.is_object()) {
    return;
  }
  Json::Object& members = object.as_object();
  members.erase(
      std::remove_if(
          members.begin(),
          members.end(),
          [&](const Json::Member& member) { return member.first == key; }
      ),
      members.end()
  );
}

int json_depth(const Json& value) {
  int deepest = 0;
  if (value.is_object()) {
    for (const Json::Member& member : value.as_object()) {
      deepest = std::max(deepest, json_depth(member.second));
    }
  } else if (value.is_array()) {
    for (const Json& item : value.as_array()) {
      deepest = std::max(deepest, json_depth(item));
    }
  }
  return deepest + 1;
}

std::size_t json_size(const Json& value) {
  constexpr std::size_t kNumberBytes = 8;
  switch (value.type()) {
    case Json::Type::Null:
    case Json::Type::Bool:
      return 4;
    case Json::Type::Int:
    case Json::Type::Double:
      return kNumberBytes;
    case Json::Type::String:
      return value.as_string().size() + 2;
    case Json::Type::Array: {
      std::size_t size = 2;
      for (const Json& item : value.as_array()) {
        size += json_size(item) + 1;
      }
      return size;
    }
    case Json::Type::Object: {
      std::size_t size = 2;
      for (const Json::Member& member : value.as_object()) {
        size += member.first.size() + 4 + json_size(member.second);
      }
      return size;
    }
  }
  return 0;
}

}  // namespace reeve::resource
