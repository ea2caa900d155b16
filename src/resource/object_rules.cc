#include "resource/object_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "resource/causes.h"
#include "resource/json_compare.h"

namespace reeve::resource {

namespace {

constexpr std::string_view kImmutable = "field is immutable";
constexpr std::string_view kByDeletion = "field is immutable; may only be changed via deletion";

// The order that stored metadata has, whoever wrote it.
constexpr std::string_view kMetadataOrder[] = {
    "name",
    "generateName",
    "namespace",
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

const Json& metadata_of(const Json& object) {
  static const Json kNone = Json::object();
  const Json* metadata = object.find("metadata");
  return metadata == nullptr || !metadata->is_object() ? kNone : *metadata;
}

std::string name_of(const Json& object) {
  return metadata_of(object).get_string("name");
}

bool is_void(const Json& value) {
  return value.is_null() || (value.is_object() && value.as_object().empty()) ||
         (value.is_array() && value.as_array().empty()) ||
         (value.is_string() && value.as_string().empty());
}

/// Known members in their order, without what says nothing. Empty managedFields do say something:
/// they ask to forget.
Json ordered_metadata(const Json& metadata) {
  Json ordered = Json::object();
  for (const std::string_view name : kMetadataOrder) {
    const Json* value = metadata.find(name);
    const bool forgets = name == "managedFields" && value != nullptr && !value->is_null();
    if (value != nullptr && (!is_void(*value) || forgets)) {
      ordered.as_object().emplace_back(name, *value);
    }
  }
  return ordered;
}

/// The object with its members in order: identity, metadata, the body's own, status.
Json assemble(Json object, Json metadata, const Json* status) {
  Json result = Json::object();
  result.set("apiVersion", object.get_string("apiVersion"));
  result.set("kind", object.get_string("kind"));
  result.set("metadata", std::move(metadata));
  for (Json::Member& member : object.as_object()) {
    const bool placed = member.first == "apiVersion" || member.first == "kind" ||
                        member.first == "metadata" || member.first == "status";
    if (!placed) {
      result.as_object().push_back(std::move(member));
    }
  }
  if (status != nullptr) {
    result.as_object().emplace_back("status", *status);
  }
  return result;
}

/// Whether the desired state is another: everything but identity, metadata and status.
bool spec_differs(const Json& before, const Json& after) {
  const auto rest = [](const Json& object) {
    Json out = Json::object();
    for (const Json::Member& member : object.as_object()) {
      if (member.first != "apiVersion" && member.first != "kind" && member.first != "metadata" &&
          member.first != "status") {
        out.as_object().push_back(member);
      }
    }
    return out;
  };
  return !equivalent(rest(before), rest(after));
}

std::vector<std::string> finalizers_of(const Json& metadata) {
  std::vector<std::string> names;
  const Json* list = metadata.find("finalizers");
  if (list != nullptr && list->is_array()) {
    for (const Json& item : list->as_array()) {
      if (item.is_string()) {
        names.push_back(item.as_string());
      }
    }
  }
  return names;
}

bool is_deleting(const Json& metadata) {
  return !metadata.get_string("deletionTimestamp").empty();
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void check_new_finalizers(const Json& old, const Json& metadata, std::vector<Cause>& causes) {
  if (!is_deleting(old)) {
    return;
  }
  const std::vector<std::string> before = finalizers_of(old);
  std::vector<std::string> fresh;
  for (const std::string& name : finalizers_of(metadata)) {
    if (!contains(before, name)) {
      fresh.push_back(quoted(name));
    }
  }
  if (!fresh.empty()) {
    causes.push_back(forbidden_value(
        "metadata.finalizers",
        concat(
            "no new finalizers can be added if the object is being deleted, found new finalizers "
            "[]string{",
            join(fresh, ", "),
            "}"
        )
    ));
  }
}

/// A member that the server owns: absent means "as it is", another value is refused.
void check_immutable(
    const Json& old,
    const Json& metadata,
    std::string_view name,
    std::string_view why,
    std::vector<Cause>& causes
) {
  const Json* given = metadata.find(name);
  if (given == nullptr || is_void(*given)) {
    return;
  }
  const Json* before = old.find(name);
  if (before == nullptr || !equivalent(*before, *given)) {
    causes.push_back(invalid_json(concat("metadata.", name), *given, why));
  }
}

/// resourceVersion and uid: is this the object that the client has seen?
Outcome<void> check_concurrency(
    const ObjectPlace& place, const Json& old, const Json& metadata, UpdateVerb verb
) {
  const std::string version = metadata.get_string("resourceVersion");
  const bool put = verb == UpdateVerb::Put;
  if (put && (version.empty() || version == "0")) {
    // Kubernetes names the plural here.
    ResourceName resource = place.resource;
    resource.kind = resource.plural;
    return invalid(
        resource,
        place.name,
        {{"FieldValueInvalid",
          "Invalid value: 0x0: must be specified for an update",
          "metadata.resourceVersion"}}
    );
  }
  const std::string uid = metadata.get_string("uid");
  const std::string old_uid = old.get_string("uid");
  if (put && !uid.empty() && uid != old_uid) {
    return conflict(
        place.resource,
        place.name,
        concat("Precondition failed: UID in precondition: ", uid, ", UID in object meta: ", old_uid)
    );
  }
  if (!version.empty() && version != old.get_string("resourceVersion")) {
    return modified(place.resource, place.name);
  }
  return {};
}

/// The members that the server owns, as they were.
void restore_owned(const ObjectPlace& place, const Json& old, Json& metadata) {
  for (const std::string_view name :
       {"uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds"}) {
    erase_member(metadata, name);
    if (const Json* value = old.find(name)) {
      metadata.set(std::string(name), *value);
    }
  }
  if (!place.namespace_name.empty()) {
    metadata.set("namespace", place.namespace_name);
  }
}

/// Metadata without what changes by itself.
Json comparable_metadata(const Json& object) {
  Json metadata = metadata_of(object);
  erase_member(metadata, "resourceVersion");
  Json* managed = metadata.find("managedFields");
  if (managed != nullptr && managed->is_array()) {
    for (Json& entry : managed->as_array()) {
      erase_member(entry, "time");
    }
  }
  return metadata;
}

/// Kubernetes' garbage collector works by two finalizers, of which an object has at most one.
std::vector<std::string> finalizers_for(const Json& metadata, Propagation propagation) {
  std::vector<std::string> names = finalizers_of(metadata);
  if (propagation == Propagation::Default) {
    return names;
  }
  const std::string_view wanted = propagation == Propagation::Foreground ? kForegroundFinalizer
                                  : propagation == Propagation::Orphan   ? kOrphanFinalizer
                                                                         : std::string_view();
  names.erase(
      std::remove_if(
          names.begin(),
          names.end(),
          [&](const std::string& name) {
            return (name == kForegroundFinalizer || name == kOrphanFinalizer) && name != wanted;
          }
      ),
      names.end()
  );
  if (!wanted.empty() && !contains(names, wanted)) {
    names.emplace_back(wanted);
  }
  return names;
}

Outcome<void> check_preconditions(
    const ObjectPlace& place, const Json& metadata, const DeleteOptions& options
) {
  // Kubernetes names the kind here, not the plural.
  ResourceName resource = place.resource;
  resource.plural = resource.kind;
  const std::string uid = metadata.get_string("uid");
  if (!options.uid.empty() && options.uid != uid) {
    return conflict(
        resource,
        place.name,
        concat(
            "the UID in the precondition (",
            options.uid,
            ") does not match the UID in record (",
            uid,
            "). The object might have been deleted and then recreated"
        )
    );
  }
  const std::string version = metadata.get_string("resourceVersion");
  if (!options.resource_version.empty() && options.resource_version != version) {
    return conflict(
        resource,
        place.name,
        concat(
            "the ResourceVersion in the precondition (",
            options.resource_version,
            ") does not match the ResourceVersion in record (",
            version,
            "). The object might have been modified"
        )
    );
  }
  return {};
}

}  // namespace

Outcome<void> check_identity(const ObjectPlace& place, const Json& object) {
  if (!object.is_object()) {
    return bad_request(
        concat("the object provided is unrecognized (must be of type ", place.resource.kind, ")")
    );
  }
  const std::string kind = object.get_string("kind");
  const std::string api_version = object.get_string("apiVersion");
  if (kind.empty() || api_version.empty()) {
    return bad_request(concat(
        "the object provided is unrecognized (must be of type ",
        place.resource.kind,
        "): Object '",
        kind.empty() ? "Kind" : "apiVersion",
        "' is missing"
    ));
  }
  if (api_version != place.resource.api_version()) {
    return bad_request(concat(
        "the API version in the data (",
        api_version,
        ") does not match the expected API version (",
        place.resource.api_version(),
        ")"
    ));
  }
  const Json* metadata = object.find("metadata");
  if (metadata != nullptr && !metadata->is_object() && !metadata->is_null()) {
    return invalid(place.resource, place.name, {wrong_type("metadata", "object", *metadata)});
  }
  const std::string name = name_of(object);
  if (kind != place.resource.kind) {
    ResourceName given = place.resource;
    given.kind = kind;
    return invalid(
        given, name, {invalid_value("kind", kind, concat("must be ", place.resource.kind))}
    );
  }
  if (!place.name.empty() && name.empty()) {
    return bad_request("the name of the object is missing: it must be the one on the URL");
  }
  if (!place.name.empty() && name != place.name) {
    return bad_request(concat(
        "the name of the object (", name, ") does not match the name on the URL (", place.name, ")"
    ));
  }
  const std::string space = metadata_of(object).get_string("namespace");
  if (!space.empty() && space != place.namespace_name) {
    return bad_request(
        "the namespace of the provided object does not match the namespace sent on the request"
    );
  }
  return {};
}

Outcome<Json> prepare_create(const ObjectPlace& place, Json body, const CreateSeeds& seeds) {
  REEVE_CHECK(check_identity(place, body));
  Json metadata = metadata_of(body);
  std::vector<Cause> causes;
  validate_metadata(metadata, place.name_rule, causes);
  const std::string prefix = metadata.get_string("generateName");
  if (metadata.get_string("name").empty() && prefix.empty()) {
    causes.push_back(required_value("metadata.name", "name or generateName is required"));
  }
  if (!causes.empty()) {
    return invalid(place.resource, name_of(body), std::move(causes));
  }
  if (!metadata.get_string("resourceVersion").empty()) {
    return bad_request("resourceVersion should not be set on objects to be created");
  }
  if (metadata.get_string("name").empty()) {
    metadata.set("name", concat(prefix.substr(0, kGeneratedPrefixBytesMax), seeds.suffix()));
  }
  for (const std::string_view name : {"deletionTimestamp", "deletionGracePeriodSeconds"}) {
    erase_member(metadata, name);
  }
  if (!place.namespace_name.empty()) {
    metadata.set("namespace", place.namespace_name);
  }
  metadata.set("uid", seeds.uid);
  metadata.set("generation", 1);
  metadata.set("creationTimestamp", seeds.time);
  return assemble(std::move(body), ordered_metadata(metadata), nullptr);
}

Outcome<Json> prepare_update(
    const ObjectPlace& place, const Json& existing, Json after, UpdateVerb verb
) {
  REEVE_CHECK(check_identity(place, after));
  const Json& old = metadata_of(existing);
  Json metadata = metadata_of(after);
  std::vector<Cause> causes;
  validate_metadata(metadata, place.name_rule, causes);
  if (!causes.empty()) {
    return invalid(place.resource, place.name, std::move(causes));
  }
  REEVE_CHECK(check_concurrency(place, old, metadata, verb));
  check_immutable(old, metadata, "uid", kImmutable, causes);
  check_immutable(old, metadata, "creationTimestamp", kImmutable, causes);
  check_immutable(old, metadata, "deletionTimestamp", kByDeletion, causes);
  check_immutable(old, metadata, "deletionGracePeriodSeconds", kByDeletion, causes);
  check_new_finalizers(old, metadata, causes);
  if (!causes.empty()) {
    return invalid(place.resource, place.name, std::move(causes));
  }
  restore_owned(place, old, metadata);
  if (spec_differs(existing, after)) {
    metadata.set("generation", old.get_int("generation") + 1);
  }
  return assemble(std::move(after), ordered_metadata(metadata), existing.find("status"));
}

Outcome<Json> prepare_status_update(
    const ObjectPlace& place, const Json& existing, const Json& after, UpdateVerb verb
) {
  REEVE_CHECK(check_identity(place, after));
  const Json& metadata = metadata_of(after);
  const Json& old = metadata_of(existing);
  REEVE_CHECK(check_concurrency(place, old, metadata, verb));
  std::vector<Cause> causes;
  check_immutable(old, metadata, "uid", kImmutable, causes);
  if (!causes.empty()) {
    return invalid(place.resource, place.name, std::move(causes));
  }
  const Json* status = after.find("status");
  return assemble(existing, old, status == nullptr || status->is_null() ? nullptr : status);
}

bool same_object(const Json& before, const Json& after) {
  Json left = before;
  Json right = after;
  left.set("metadata", comparable_metadata(before));
  right.set("metadata", comparable_metadata(after));
  return equivalent(left, right);
}

bool ready_to_remove(const Json& object) {
  const Json& metadata = metadata_of(object);
  return is_deleting(metadata) && finalizers_of(metadata).empty();
}

Outcome<Deletion> prepare_delete(
    const ObjectPlace& place,
    const Json& existing,
    const DeleteOptions& options,
    std::string_view time
) {
  const Json& old = metadata_of(existing);
  REEVE_CHECK(check_preconditions(place, old, options));
  const std::vector<std::string> before = finalizers_of(old);
  const std::vector<std::string> names = finalizers_for(old, options.propagation);
  if (names.empty()) {
    return Deletion{Deletion::Action::Remove, existing};
  }
  const bool marked = is_deleting(old);
  if (marked && names == before) {
    return Deletion{Deletion::Action::Wait, existing};
  }
  Json metadata = old;
  Json list = Json::array();
  for (const std::string& name : names) {
    list.push(name);
  }
  metadata.set("finalizers", std::move(list));
  if (!marked) {
    metadata.set("deletionTimestamp", time);
    metadata.set("deletionGracePeriodSeconds", 0);
    metadata.set("generation", old.get_int("generation") + 1);
  }
  return Deletion{
      Deletion::Action::Mark,
      assemble(existing, ordered_metadata(metadata), existing.find("status"))};
}

}  // namespace reeve::resource
