#include <algorithm>
#include <cstdint>

#include "base/strings.h"
#include "resource/causes.h"
#include "resource/names.h"
#include "resource/rfc3339.h"

namespace reeve::resource {

namespace {

using Causes = std::vector<Cause>;

constexpr std::string_view kMembers[] = {
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields"};
constexpr std::string_view kOwnerMembers[] = {
    "apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"};

template <std::size_t N>
bool is_known(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::string path_of(std::string_view member) {
  return concat("metadata.", member);
}

/// Null and absent are the same in metadata.
const Json* member(const Json& metadata, std::string_view name) {
  const Json* value = metadata.find(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

void add_problems(
    const std::string& field, std::string_view text, const Problems& problems, Causes& causes
) {
  for (const std::string& problem : problems) {
    causes.push_back(invalid_value(field, text, problem));
  }
}

/// The text of a member; null if it is absent or has another type, which is a cause.
const std::string* text_member(const Json& metadata, std::string_view name, Causes& causes) {
  const Json* value = member(metadata, name);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is_string()) {
    causes.push_back(wrong_type(path_of(name), "string", *value));
    return nullptr;
  }
  return &value->as_string();
}

void check_number(const Json& metadata, std::string_view name, Causes& causes) {
  const Json* value = member(metadata, name);
  if (value == nullptr) {
    return;
  }
  if (!value->is_int()) {
    causes.push_back(wrong_type(path_of(name), "integer", *value));
  } else if (value->as_int() < 0) {
    causes.push_back(invalid_json(path_of(name), *value, "must be greater than or equal to 0"));
  }
}

void check_time(const Json& metadata, std::string_view name, Causes& causes) {
  const std::string* text = text_member(metadata, name, causes);
  if (text != nullptr) {
    const Result<Timestamp> time = parse_time(*text);
    if (!time) {
      causes.push_back(invalid_value(path_of(name), *text, time.error().message));
    }
  }
}

/// An object of texts; null if it is absent or something else, which is a cause.
const Json::Object* texts_member(const Json& metadata, std::string_view name, Causes& causes) {
  const Json* value = member(metadata, name);
  if (value == nullptr) {
    return nullptr;
  }
  if (!value->is_object()) {
    causes.push_back(wrong_type(path_of(name), "object", *value));
    return nullptr;
  }
  for (const Json::Member& entry : value->as_object()) {
    if (!entry.second.is_string()) {
      causes.push_back(wrong_type(concat(path_of(name), '.', entry.first), "string", entry.second));
      return nullptr;
    }
  }
  return &value->as_object();
}

void check_labels(const Json& metadata, Causes& causes) {
  const Json::Object* labels = texts_member(metadata, "labels", causes);
  if (labels == nullptr) {
    return;
  }
  const std::string field = path_of("labels");
  if (labels->size() > kLabelsMax) {
    causes.push_back(too_many(field, labels->size(), kLabelsMax));
    return;
  }
  for (const auto& [key, value] : *labels) {
    add_problems(field, key, qualified_name_problems(key), causes);
    add_problems(field, value.as_string(), label_value_problems(value.as_string()), causes);
  }
}

void check_annotations(const Json& metadata, Causes& causes) {
  const Json::Object* annotations = texts_member(metadata, "annotations", causes);
  if (annotations == nullptr) {
    return;
  }
  const std::string field = path_of("annotations");
  std::size_t bytes = 0;
  for (const auto& [key, value] : *annotations) {
    bytes += key.size() + value.as_string().size();
    if (bytes > kAnnotationsBytesMax) {
      causes.push_back(too_long(field, kAnnotationsBytesMax));
      return;
    }
    // Kubernetes lets the prefix have upper case here, and only here.
    add_problems(field, key, qualified_name_problems(to_lower(key)), causes);
  }
}

void check_finalizers(const Json& metadata, Causes& causes) {
  const Json* value = member(metadata, "finalizers");
  if (value == nullptr) {
    return;
  }
  const std::string field = path_of("finalizers");
  if (!value->is_array()) {
    causes.push_back(wrong_type(field, "array", *value));
    return;
  }
  const Json::Array& items = value->as_array();
  if (items.size() > kFinalizersMax) {
    causes.push_back(too_many(field, items.size(), kFinalizersMax));
    return;
  }
  std::vector<std::string> seen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_string()) {
      causes.push_back(wrong_type(concat(field, '[', i, ']'), "string", items[i]));
      continue;
    }
    const std::string& name = items[i].as_string();
    add_problems(field, name, finalizer_problems(name), causes);
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      causes.push_back(duplicate_value(concat(field, '[', i, ']'), name));
    }
    seen.push_back(name);
  }
  const auto has = [&](std::string_view name) {
    return std::find(seen.begin(), seen.end(), name) != seen.end();
  };
  if (has(kForegroundFinalizer) && has(kOrphanFinalizer)) {
    causes.push_back(invalid_json(
        field,
        *value,
        concat("finalizer ", kOrphanFinalizer, " and ", kForegroundFinalizer, " cannot be both set")
    ));
  }
}

/// Whether this owner says that it is the controller.
bool check_owner(const Json& owner, const std::string& field, Causes& causes) {
  if (!owner.is_object()) {
    causes.push_back(wrong_type(field, "object", owner));
    return false;
  }
  for (const std::string_view name : {"apiVersion", "kind", "name", "uid"}) {
    const std::string path = concat(field, '.', name);
    const Json* value = owner.find(name);
    if (value != nullptr && !value->is_null() && !value->is_string()) {
      causes.push_back(wrong_type(path, "string", *value));
    } else if (owner.get_string(name).empty()) {
      causes.push_back(invalid_value(path, std::string_view(), "must not be empty"));
    }
  }
  for (const std::string_view name : {"controller", "blockOwnerDeletion"}) {
    const Json* value = owner.find(name);
    if (value != nullptr && !value->is_null() && !value->is_bool()) {
      causes.push_back(wrong_type(concat(field, '.', name), "boolean", *value));
    }
  }
  return owner.get_bool("controller");
}

void check_owners(const Json& metadata, Causes& causes) {
  const Json* value = member(metadata, "ownerReferences");
  if (value == nullptr) {
    return;
  }
  const std::string field = path_of("ownerReferences");
  if (!value->is_array()) {
    causes.push_back(wrong_type(field, "array", *value));
    return;
  }
  const Json::Array& items = value->as_array();
  if (items.size() > kOwnerReferencesMax) {
    causes.push_back(too_many(field, items.size(), kOwnerReferencesMax));
    return;
  }
  std::string controller;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!check_owner(items[i], concat(field, '[', i, ']'), causes)) {
      continue;
    }
    const std::string name = items[i].get_string("name");
    if (!controller.empty()) {
      causes.push_back(invalid_json(
          field,
          *value,
          concat(
              "Only one reference can have Controller set to true. Found \"true\" in references "
              "for ",
              controller,
              " and ",
              name
          )
      ));
    }
    controller = name;
  }
}

void check_names(const Json& metadata, NameRule rule, Causes& causes) {
  const std::string* prefix = text_member(metadata, "generateName", causes);
  if (prefix != nullptr && !prefix->empty()) {
    add_problems(path_of("generateName"), *prefix, name_prefix_problems(rule, *prefix), causes);
  }
  const std::string* name = text_member(metadata, "name", causes);
  if (name != nullptr && !name->empty()) {
    add_problems(path_of("name"), *name, name_problems(rule, *name), causes);
  }
  const std::string* space = text_member(metadata, "namespace", causes);
  if (space != nullptr && !space->empty()) {
    add_problems(path_of("namespace"), *space, dns_label_problems(*space), causes);
  }
}

}  // namespace

void validate_metadata(const Json& metadata, NameRule rule, std::vector<Cause>& causes) {
  if (!metadata.is_object()) {
    causes.push_back(wrong_type("metadata", "object", metadata));
    return;
  }
  check_names(metadata, rule, causes);
  for (const std::string_view name : {"selfLink", "uid", "resourceVersion"}) {
    text_member(metadata, name, causes);
  }
  check_number(metadata, "generation", causes);
  check_time(metadata, "creationTimestamp", causes);
  check_time(metadata, "deletionTimestamp", causes);
  check_number(metadata, "deletionGracePeriodSeconds", causes);
  check_labels(metadata, causes);
  check_annotations(metadata, causes);
  check_owners(metadata, causes);
  check_finalizers(metadata, causes);
  const Json* managed = member(metadata, "managedFields");
  if (managed != nullptr && !managed->is_array()) {
    causes.push_back(wrong_type(path_of("managedFields"), "array", *managed));
  }
}

std::vector<std::string> unknown_metadata_fields(const Json& metadata) {
  std::vector<std::string> unknown;
  if (!metadata.is_object()) {
    return unknown;
  }
  for (const Json::Member& entry : metadata.as_object()) {
    if (!is_known(kMembers, entry.first)) {
      unknown.push_back(path_of(entry.first));
    }
  }
  const Json* owners = metadata.find("ownerReferences");
  if (owners == nullptr || !owners->is_array()) {
    return unknown;
  }
  for (std::size_t i = 0; i < owners->as_array().size(); ++i) {
    const Json& owner = owners->as_array()[i];
    if (!owner.is_object()) {
      continue;
    }
    for (const Json::Member& entry : owner.as_object()) {
      if (!is_known(kOwnerMembers, entry.first)) {
        unknown.push_back(concat("metadata.ownerReferences[", i, "].", entry.first));
      }
    }
  }
  return unknown;
}

}  // namespace reeve::resource
