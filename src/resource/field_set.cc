#include "resource/field_set.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::resource {

namespace {

bool is_plain(const Json& value) {
  return !value.is_object() && !value.is_array() && !value.is_null();
}

/// `k:{"b":1,"a":2}` of others as we write it: keys in order.
Result<std::string> canonical_key(std::string_view text) {
  REEVE_TRY(Json keys, parse_json(text));
  if (!keys.is_object() || keys.as_object().empty()) {
    return make_error(ErrorCode::Invalid, "a key is an object with members");
  }
  Json::Object& members = keys.as_object();
  for (const Json::Member& member : members) {
    if (!is_plain(member.second)) {
      return make_error(ErrorCode::Invalid, "a key has plain values");
    }
  }
  std::sort(
      members.begin(),
      members.end(),
      [](const Json::Member& left, const Json::Member& right) { return left.first < right.first; }
  );
  return concat("k:", keys.dump());
}

Result<std::string> canonical_element(std::string_view text) {
  const std::string_view content = text.substr(std::min<std::size_t>(2, text.size()));
  if (text.rfind("f:", 0) == 0) {
    return std::string(text);
  }
  if (text.rfind("k:", 0) == 0) {
    return canonical_key(content);
  }
  if (text.rfind("v:", 0) == 0) {
    REEVE_TRY(const Json value, parse_json(content));
    return concat("v:", value.dump());
  }
  const bool digits =
      !content.empty() && content.size() < 10 &&
      std::all_of(content.begin(), content.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.rfind("i:", 0) == 0 && digits) {
    return std::string(text);
  }
  return make_error(ErrorCode::Invalid, concat("\"", text.substr(0, 64), "\" is no path element"));
}

/// Reads FieldsV1 and counts, so that nobody can make a small text into a large tree.
class SetParser {
 public:
  Result<FieldSet> read(const Json& json, std::size_t depth) {
    if (!json.is_object()) {
      return make_error(ErrorCode::Invalid, "FieldsV1 is made of objects");
    }
    if (depth > kFieldSetDepthMax) {
      return make_error(
          ErrorCode::LimitExceeded, concat("paths have at most ", kFieldSetDepthMax, " elements")
      );
    }
    FieldSet set;
    set.owned = depth > 0 && json.as_object().empty();
    for (const Json::Member& member : json.as_object()) {
      if (++elements_ > kFieldSetPathsMax) {
        return make_error(
            ErrorCode::LimitExceeded, concat("a set has at most ", kFieldSetPathsMax, " paths")
        );
      }
      if (member.first == ".") {
        if (depth == 0 || !member.second.is_object() || !member.second.as_object().empty()) {
          return make_error(ErrorCode::Invalid, "\".\" is {} and belongs to a path");
        }
        set.owned = true;
        continue;
      }
      REEVE_TRY(std::string element, canonical_element(member.first));
      REEVE_TRY(FieldSet child, read(member.second, depth + 1));
      set.children[std::move(element)].unite(child);
    }
    return set;
  }

 private:
  std::size_t elements_ = 0;
};

std::string element_text(std::string_view element) {
  const std::string_view content = element.substr(std::min<std::size_t>(2, element.size()));
  if (element.rfind("f:", 0) == 0) {
    return concat('.', content);
  }
  if (element.rfind("v:", 0) == 0) {
    return concat("[=", content, ']');
  }
  if (element.rfind("k:", 0) != 0) {
    return concat('[', content, ']');
  }
  const Result<Json> keys = parse_json(content);
  std::vector<std::string> parts;
  if (keys && keys->is_object()) {
    for (const Json::Member& member : keys->as_object()) {
      parts.push_back(concat(member.first, '=', member.second.dump()));
    }
  }
  return concat('[', join(parts, ","), ']');
}

void collect_texts(const FieldSet& set, const std::string& prefix, std::vector<std::string>& out) {
  if (set.owned) {
    out.push_back(prefix);
  }
  for (const auto& [element, child] : set.children) {
    collect_texts(child, prefix + element_text(element), out);
  }
}

}  // namespace

ListRule list_rule(const ListTypes& declared, const std::vector<std::string>& path) {
  if (path.size() == 2 && path[0] == "metadata") {
    if (path[1] == "finalizers") {
      return {ListType::Set, {}};
    }
    return path[1] == "ownerReferences" ? ListRule{ListType::Map, {"uid"}} : ListRule{};
  }
  return declared ? declared(path) : ListRule{};
}

bool FieldSet::empty() const {
  return !owned && std::all_of(children.begin(), children.end(), [](const auto& child) {
    return child.second.empty();
  });
}

std::size_t FieldSet::paths() const {
  std::size_t count = owned ? 1 : 0;
  for (const auto& [element, child] : children) {
    count += child.paths();
  }
  return count;
}

const FieldSet* FieldSet::find(std::string_view element) const {
  const auto found = children.find(element);
  return found == children.end() ? nullptr : &found->second;
}

void FieldSet::unite(const FieldSet& other) {
  owned = owned || other.owned;
  for (const auto& [element, child] : other.children) {
    children[element].unite(child);
  }
}

void FieldSet::subtract(const FieldSet& other) {
  owned = owned && !other.owned;
  for (auto at = children.begin(); at != children.end();) {
    const FieldSet* less = other.find(at->first);
    if (less != nullptr) {
      at->second.subtract(*less);
    }
    at = at->second.empty() ? children.erase(at) : std::next(at);
  }
}

FieldSet FieldSet::intersection(const FieldSet& other) const {
  FieldSet both;
  both.owned = owned && other.owned;
  for (const auto& [element, child] : children) {
    const FieldSet* theirs = other.find(element);
    if (theirs == nullptr) {
      continue;
    }
    FieldSet shared = child.intersection(*theirs);
    if (!shared.empty()) {
      both.children.emplace(element, std::move(shared));
    }
  }
  return both;
}

std::vector<std::string> FieldSet::texts() const {
  std::vector<std::string> out;
  collect_texts(*this, "", out);
  return out;
}

Json to_json(const FieldSet& set) {
  Json json = Json::object();
  for (const auto& [element, child] : set.children) {
    Json below = to_json(child);
    if (child.owned && !child.children.empty()) {
      below.as_object().insert(below.as_object().begin(), {".", Json::object()});
    }
    json.as_object().emplace_back(element, std::move(below));
  }
  return json;
}

Result<FieldSet> parse_field_set(const Json& json) {
  return SetParser().read(json, 0);
}

std::string field_element(std::string_view name) {
  return concat("f:", name);
}

Result<std::string> key_element(const ListRule& rule, const Json& item) {
  std::vector<std::string> names = rule.keys;
  std::sort(names.begin(), names.end());
  Json keys = Json::object();
  for (const std::string& name : names) {
    const Json* value = item.find(name);
    if (value == nullptr || !is_plain(*value)) {
      return make_error(
          ErrorCode::Invalid, concat("each member needs a plain value of its key \"", name, "\"")
      );
    }
    keys.set(name, *value);
  }
  return concat("k:", keys.dump());
}

std::string value_element(const Json& item) {
  return concat("v:", item.dump());
}

Result<std::map<std::string, std::size_t>> list_elements(const ListRule& rule, const Json& list) {
  std::map<std::string, std::size_t> elements;
  const Json::Array& items = list.as_array();
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::string element;
    if (rule.type == ListType::Map) {
      REEVE_TRY(element, key_element(rule, items[i]));
    } else if (is_plain(items[i])) {
      element = value_element(items[i]);
    } else {
      return make_error(ErrorCode::Invalid, "members of a set are plain values");
    }
    const auto [at, fresh] = elements.emplace(std::move(element), i);
    if (!fresh) {
      return make_error(
          ErrorCode::Invalid, concat("duplicate entries for key ", element_text(at->first))
      );
    }
  }
  return elements;
}

}  // namespace reeve::resource
