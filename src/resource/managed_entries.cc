#include "resource/managed_entries.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/fields.h"
#include "base/strings.h"
#include "resource/causes.h"
#include "resource/json_compare.h"
#include "resource/rfc3339.h"

namespace reeve::resource {

namespace {

using Entries = std::vector<ManagedEntry>;

/// Members of metadata that the server owns, or that say which object it is: nobody's.
constexpr std::string_view kUnowned[] = {
    "name",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields"};

Result<ManagedEntry> parse_entry(const Json& json, std::size_t index) {
  const std::string place = concat(kManagedFields, '[', index, ']');
  const auto fail = [&](std::string message, std::string_view member) {
    return make_error(ErrorCode::Invalid, std::move(message), concat(place, '.', member));
  };
  Fields fields(json, place);
  ManagedEntry entry;
  entry.manager = fields.text("manager");
  entry.operation = fields.text("operation");
  entry.api_version = fields.text("apiVersion");
  entry.time = fields.text("time");
  entry.subresource = fields.text("subresource");
  const std::string type = fields.text("fieldsType");
  const Json* set = fields.object("fieldsV1");
  const Result<void> read = fields.finish();
  if (!read) {
    return fail(read.error().message, read.error().subject);
  }
  if (entry.manager.size() > kManagerBytesMax) {
    return fail(concat("must have at most ", kManagerBytesMax, " bytes"), "manager");
  }
  if (entry.operation != kApplyOperation && entry.operation != kUpdateOperation) {
    return fail("must be `Apply` or `Update`", "operation");
  }
  if (entry.api_version.empty()) {
    return fail("must not be empty", "apiVersion");
  }
  if (!entry.time.empty() && !parse_time(entry.time)) {
    return fail("must be an RFC 3339 time", "time");
  }
  if (type != "FieldsV1") {
    return fail("must be `FieldsV1`", "fieldsType");
  }
  if (set != nullptr) {
    Result<FieldSet> paths = parse_field_set(*set);
    if (!paths) {
      return fail(std::move(paths).error().message, "fieldsV1");
    }
    entry.fields = std::move(paths).value();
    strip_unowned(entry.fields);
  }
  return entry;
}

}  // namespace

void strip_unowned(FieldSet& set) {
  set.owned = false;
  set.children.erase("f:apiVersion");
  set.children.erase("f:kind");
  const auto metadata = set.children.find("f:metadata");
  if (metadata == set.children.end()) {
    return;
  }
  metadata->second.owned = false;
  for (const std::string_view name : kUnowned) {
    metadata->second.children.erase(field_element(name));
  }
  if (metadata->second.empty()) {
    set.children.erase(metadata);
  }
}

const Json* managed_of(const Json* object) {
  const Json* metadata = object == nullptr ? nullptr : object->find("metadata");
  const Json* managed = metadata == nullptr ? nullptr : metadata->find("managedFields");
  return managed == nullptr || managed->is_null() ? nullptr : managed;
}

Entries stored_entries(const Json* object) {
  const Json* managed = managed_of(object);
  Result<Entries> entries =
      managed == nullptr ? Result<Entries>(Entries()) : parse_managed_fields(*managed);
  return entries ? std::move(entries).value() : Entries();
}

void set_managed(Json& object, const Entries& entries) {
  Json* metadata = object.find("metadata");
  if (metadata == nullptr || !metadata->is_object()) {
    object.set("metadata", Json::object());
    metadata = object.find("metadata");
  }
  if (entries.empty()) {
    erase_member(*metadata, "managedFields");
  } else {
    metadata->set("managedFields", to_json(entries));
  }
}

void remove_empty(Entries& entries) {
  entries.erase(
      std::remove_if(
          entries.begin(),
          entries.end(),
          [](const ManagedEntry& entry) { return entry.fields.empty(); }
      ),
      entries.end()
  );
}

ManagedEntry* find_entry(Entries& entries, std::string_view operation, const FieldWriter& writer) {
  for (ManagedEntry& entry : entries) {
    if (entry.operation == operation && entry.manager == writer.manager &&
        entry.api_version == writer.api_version && entry.subresource == writer.subresource) {
      return &entry;
    }
  }
  return nullptr;
}

Outcome<void> check_entry_count(
    const ResourceName& resource, const Json& object, const Entries& entries
) {
  if (entries.size() <= kManagedEntriesMax) {
    return {};
  }
  const Json* metadata = object.find("metadata");
  return invalid(
      resource,
      metadata == nullptr ? "" : metadata->get_string("name"),
      {too_many(std::string(kManagedFields), entries.size(), kManagedEntriesMax)}
  );
}

Result<Entries> parse_managed_fields(const Json& json) {
  if (!json.is_array()) {
    return make_error(ErrorCode::Invalid, "must be a list", std::string(kManagedFields));
  }
  const Json::Array& items = json.as_array();
  if (items.size() == 1 && items[0].is_object() && items[0].as_object().empty()) {
    return Entries();
  }
  if (items.size() > kManagedEntriesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("must have at most ", kManagedEntriesMax, " entries"),
        std::string(kManagedFields)
    );
  }
  Entries entries;
  for (std::size_t i = 0; i < items.size(); ++i) {
    REEVE_TRY(ManagedEntry entry, parse_entry(items[i], i));
    entries.push_back(std::move(entry));
  }
  remove_empty(entries);
  return entries;
}

Json to_json(const Entries& entries) {
  std::vector<const ManagedEntry*> ordered;
  for (const ManagedEntry& entry : entries) {
    ordered.push_back(&entry);
  }
  const auto rank = [](const ManagedEntry& entry) {
    return std::tie(
        entry.operation, entry.time, entry.manager, entry.api_version, entry.subresource
    );
  };
  std::sort(
      ordered.begin(),
      ordered.end(),
      [&](const ManagedEntry* left, const ManagedEntry* right) {
        return rank(*left) < rank(*right);
      }
  );
  Json json = Json::array();
  for (const ManagedEntry* entry : ordered) {
    Json one = Json::object();
    one.set("manager", entry->manager);
    one.set("operation", entry->operation);
    one.set("apiVersion", entry->api_version);
    if (!entry->time.empty()) {
      one.set("time", entry->time);
    }
    one.set("fieldsType", "FieldsV1");
    one.set("fieldsV1", to_json(entry->fields));
    if (!entry->subresource.empty()) {
      one.set("subresource", entry->subresource);
    }
    json.push(std::move(one));
  }
  return json;
}

}  // namespace reeve::resource
