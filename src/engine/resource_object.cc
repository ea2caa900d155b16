#include "engine/resource_object.h"

#include <array>
#include <utility>

#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::array<std::string_view, 6> kServerOwned = {
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds"};

}  // namespace

Result<void> check_shape(
    const Json& object, const ResourceKind& kind, const journal::ObjectKey& key
) {
  const auto wrong = [](std::string message, std::string path) {
    return make_error(ErrorCode::Invalid, std::move(message), std::move(path));
  };
  if (object.get_string("kind") != kind.name) {
    return wrong(concat("must be ", kind.name), "kind");
  }
  if (object.get_string("apiVersion") != kind.api_version) {
    return wrong(concat("must be ", kind.api_version), "apiVersion");
  }
  const Json* metadata = object.find("metadata");
  if (metadata == nullptr || !metadata->is_object()) {
    return wrong("must be an object", "metadata");
  }
  if (metadata->get_string("name") != key.name) {
    return wrong(concat("must be \"", key.name, "\""), "metadata.name");
  }
  const Json* ns = metadata->find("namespace");
  if (ns != nullptr && (!ns->is_string() || ns->as_string() != key.ns.view())) {
    return wrong(concat("must be \"", key.ns.view(), "\""), "metadata.namespace");
  }
  return {};
}

Result<void> check_key(const ResourceKind& kind, const journal::ObjectKey& key) {
  if (key.name.empty() || key.name.size() > kResourceNameBytesMax || !is_utf8(key.name)) {
    return make_error(
        ErrorCode::Invalid,
        concat("a name has 1 to ", kResourceNameBytesMax, " bytes"),
        "metadata.name"
    );
  }
  if (kind.namespaced == key.ns.empty()) {
    return make_error(
        ErrorCode::Invalid,
        concat(kind.plural, kind.namespaced ? " belong to a namespace" : " belong to no namespace"),
        "metadata.namespace"
    );
  }
  return {};
}

Json& metadata_of(Json& object) {
  Json* metadata = object.find("metadata");
  REEVE_ASSERT(metadata != nullptr && metadata->is_object());
  return *metadata;
}

const Json& metadata_of(const Json& object) {
  const Json* metadata = object.find("metadata");
  REEVE_ASSERT(metadata != nullptr && metadata->is_object());
  return *metadata;
}

void drop_server_owned(Json& metadata) {
  for (const std::string_view name : kServerOwned) {
    erase_member(metadata, name);
  }
}

bool same_desire(const Json& before, const Json& after) {
  const auto desire = [](const Json& object) {
    Json rest = object;
    erase_member(rest, "metadata");
    erase_member(rest, "status");
    return rest;
  };
  return same_value(desire(before), desire(after));
}

Json with_server_owned(const Json& before, Json after) {
  Json& metadata = metadata_of(after);
  const Json& old = metadata_of(before);
  for (const std::string_view name : kServerOwned) {
    erase_member(metadata, name);
    if (const Json* value = old.find(name)) {
      metadata.set(std::string(name), *value);
    }
  }
  for (const std::string_view name : {"name", "namespace"}) {
    if (const Json* value = old.find(name)) {
      metadata.set(std::string(name), *value);
    }
  }
  erase_member(after, "status");
  if (const Json* status = before.find("status")) {
    after.set("status", *status);
  }
  return after;
}

Json with_status(const Json& before, const Json& given) {
  Json after = before;
  erase_member(after, "status");
  if (const Json* status = given.find("status")) {
    after.set("status", *status);
  }
  if (const Json* managed = metadata_of(given).find("managedFields")) {
    metadata_of(after).set("managedFields", *managed);
  }
  return after;
}

}  // namespace reeve::engine
