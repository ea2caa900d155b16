// Passes over an object along its schema: what it does not declare, what it adds, what it hides.

#include <algorithm>
#include <type_traits>

#include "base/strings.h"
#include "resource/schema/quoted.h"
#include "resource/schema/validator.h"

namespace reeve::resource::schema {

namespace {

/// Deeper values are not looked into; they are refused by `validate`.
constexpr int kDepthMax = 64;
constexpr std::size_t kUpdateCausesMax = 50;

std::string below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : concat(path, ".", name);
}

/// The alternative that `value` is read by.
const Schema& chosen(const Schema& schema, const Json& value) {
  for (const auto& choice : schema.one_of) {
    if ((choice->type == Type::Object && value.is_object()) ||
        (choice->type == Type::Array && value.is_array())) {
      return *choice;
    }
  }
  return schema;
}

/// Names the members that `schema` does not declare, and removes them if it may.
template <class Value>
void find_unknown(
    const Schema& declared,
    Value& value,
    const std::string& path,
    int depth,
    std::vector<std::string>& found
) {
  const Schema& schema = chosen(declared, value);
  if (depth > kDepthMax) {
    return;
  }
  if (value.is_array() && schema.items) {
    for (std::size_t i = 0; i < value.as_array().size(); ++i) {
      const std::string inner = concat(path, "[", i, "]");
      find_unknown(*schema.items, value.as_array()[i], inner, depth + 1, found);
    }
  }
  if (!value.is_object() || (schema.type != Type::Object && schema.properties.empty())) {
    return;
  }
  for (auto& [name, member] : value.as_object()) {
    if (const Schema* known = schema.member(name)) {
      find_unknown(*known, member, below(path, name), depth + 1, found);
    } else if (!schema.preserves_unknown && found.size() < kUnknownFieldsMax) {
      found.push_back(below(path, name));
    }
  }
  if constexpr (!std::is_const_v<Value>) {
    if (!schema.preserves_unknown) {
      std::erase_if(value.as_object(), [&schema](const Json::Member& member) {
        return schema.member(member.first) == nullptr;
      });
    }
  }
}

void put_defaults(const Schema& declared, Json& value, int depth) {
  const Schema& schema = chosen(declared, value);
  if (depth > kDepthMax) {
    return;
  }
  if (value.is_array() && schema.items) {
    for (Json& item : value.as_array()) {
      put_defaults(*schema.items, item, depth + 1);
    }
  }
  if (!value.is_object()) {
    return;
  }
  for (const auto& [name, property] : schema.properties) {
    const Json* present = value.find(name);
    const bool missing = present == nullptr || (present->is_null() && !property->nullable);
    if (missing && property->default_value) {
      value.set(name, *property->default_value);
    }
  }
  for (auto& [name, member] : value.as_object()) {
    if (const Schema* known = schema.member(name)) {
      put_defaults(*known, member, depth + 1);
    }
  }
}

void hide(const Schema& declared, Json& value, int depth) {
  const Schema& schema = chosen(declared, value);
  if (depth > kDepthMax) {
    return;
  }
  if (value.is_array() && schema.items) {
    for (Json& item : value.as_array()) {
      hide(*schema.items, item, depth + 1);
    }
  }
  if (!value.is_object()) {
    return;
  }
  std::erase_if(value.as_object(), [&schema](const Json::Member& member) {
    const Schema* known = schema.member(member.first);
    return known != nullptr && known->write_only;
  });
  for (auto& [name, member] : value.as_object()) {
    if (const Schema* known = schema.member(name)) {
      hide(*known, member, depth + 1);
    }
  }
}

/// The item of `list` with the same keys as `item`, or null.
const Json* partner(const Json::Array& list, const Json& item, const Schema& schema) {
  for (const Json& other : list) {
    const bool same = std::all_of(
        schema.list_map_keys.begin(),
        schema.list_map_keys.end(),
        [&](const std::string& key) {
          const Json* mine = item.find(key);
          const Json* theirs = other.find(key);
          return mine != nullptr && theirs != nullptr && *mine == *theirs;
        }
    );
    if (same) {
      return &other;
    }
  }
  return nullptr;
}

const Json& or_null(const Json* value) {
  static const Json kNull;
  return value == nullptr ? kNull : *value;
}

void compare(
    const Schema& declared,
    const Json& before,
    const Json& after,
    const std::string& path,
    int depth,
    std::vector<Cause>& causes
) {
  if (before == after || depth > kDepthMax || causes.size() >= kUpdateCausesMax) {
    return;
  }
  if (declared.immutable) {
    const std::string message = concat("Invalid value: ", quoted(after), ": field is immutable");
    causes.push_back({"FieldValueInvalid", message, path});
    return;
  }
  const Schema& schema = chosen(declared, after.is_null() ? before : after);
  for (const auto& [name, property] : schema.properties) {
    const Json& old = or_null(before.find(name));
    const Json& now = or_null(after.find(name));
    compare(*property, old, now, below(path, name), depth + 1, causes);
  }
  if (schema.list_type == ListType::Map && before.is_array() && after.is_array()) {
    for (std::size_t i = 0; i < after.as_array().size(); ++i) {
      const Json& now = after.as_array()[i];
      if (const Json* old = partner(before.as_array(), now, schema)) {
        compare(*schema.items, *old, now, concat(path, "[", i, "]"), depth + 1, causes);
      }
    }
  }
}

}  // namespace

std::vector<std::string> unknown_fields(const Schema& schema, const Json& value) {
  std::vector<std::string> found;
  find_unknown(schema, value, "", 0, found);
  return found;
}

std::string strict_decoding_error(const std::vector<std::string>& paths) {
  std::vector<std::string> parts;
  parts.reserve(paths.size());
  for (const std::string& path : paths) {
    parts.push_back(concat("unknown field \"", path, "\""));
  }
  return parts.empty() ? "" : concat("strict decoding error: ", join(parts, ", "));
}

std::vector<std::string> prune(const Schema& schema, Json& value) {
  std::vector<std::string> found;
  find_unknown(schema, value, "", 0, found);
  return found;
}

void apply_defaults(const Schema& schema, Json& value) {
  put_defaults(schema, value, 0);
}

void hide_write_only(const Schema& schema, Json& value) {
  hide(schema, value, 0);
}

std::vector<Cause> validate_update(const Schema& schema, const Json& before, const Json& after) {
  std::vector<Cause> causes;
  compare(schema, before, after, "", 0, causes);
  return causes;
}

}  // namespace reeve::resource::schema
