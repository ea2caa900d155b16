#include "workflow/template/value.h"

#include <algorithm>

namespace reeve::templates {

const Json Value::kNull;

std::string_view type_name(const Json& json) {
  switch (json.type()) {
    case Json::Type::Null:
      return "<nil>";
    case Json::Type::Bool:
      return "bool";
    case Json::Type::Int:
      return "int";
    case Json::Type::Double:
      return "float64";
    case Json::Type::String:
      return "string";
    case Json::Type::Array:
      return "[]interface {}";
    case Json::Type::Object:
      return "map[string]interface {}";
  }
  return "<nil>";
}

bool is_true(const Json& json) {
  switch (json.type()) {
    case Json::Type::Null:
      return false;
    case Json::Type::Bool:
      return json.as_bool();
    case Json::Type::Int:
      return json.as_int() != 0;
    case Json::Type::Double:
      return json.as_double() != 0;
    case Json::Type::String:
      return !json.as_string().empty();
    case Json::Type::Array:
      return !json.as_array().empty();
    case Json::Type::Object:
      return !json.as_object().empty();
  }
  return false;
}

bool is_shallow(const Json& json, int depth) {
  if (json.is_array()) {
    const auto& items = json.as_array();
    return depth > 0 && std::all_of(items.begin(), items.end(), [depth](const Json& item) {
             return is_shallow(item, depth - 1);
           });
  }
  if (json.is_object()) {
    const auto& members = json.as_object();
    return depth > 0 &&
           std::all_of(members.begin(), members.end(), [depth](const Json::Member& member) {
             return is_shallow(member.second, depth - 1);
           });
  }
  return true;
}

std::vector<const Json::Member*> sorted_members(const Json& object) {
  std::vector<const Json::Member*> members;
  members.reserve(object.as_object().size());
  for (const Json::Member& member : object.as_object()) {
    members.push_back(&member);
  }
  std::sort(members.begin(), members.end(), [](const auto* left, const auto* right) {
    return left->first < right->first;
  });
  return members;
}

std::size_t cost_of(const Json& json) {
  std::size_t cost = 1;
  if (json.is_string()) {
    cost += cost_of_bytes(json.as_string().size());
  } else if (json.is_array()) {
    for (const Json& item : json.as_array()) {
      cost += cost_of(item);
    }
  } else if (json.is_object()) {
    for (const Json::Member& member : json.as_object()) {
      cost += cost_of(member.second) + cost_of_bytes(member.first.size());
    }
  }
  return cost;
}

}  // namespace reeve::templates
