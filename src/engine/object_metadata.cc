#include "engine/object_metadata.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"

namespace reeve::engine {

namespace {

constexpr std::string_view kDeletedRow = R"({"deleted":true)";
constexpr std::string_view kNamespaceSubject = "metadata.namespace";

Error wrong(std::string_view what, std::string path) {
  return make_error(ErrorCode::Invalid, std::string(what), std::move(path));
}

/// A list of at most `max` items, or null if it is not there.
Result<const Json::Array*> list_in(const Json& metadata, std::string_view name, std::size_t max) {
  const Json* found = metadata.find(name);
  if (found == nullptr || found->is_null()) {
    return static_cast<const Json::Array*>(nullptr);
  }
  if (!found->is_array()) {
    return wrong("must be a list", concat("metadata.", name));
  }
  if (found->as_array().size() > max) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("has ", found->as_array().size(), " items, at most ", max, " are allowed"),
        concat("metadata.", name)
    );
  }
  return &found->as_array();
}

Result<std::string> word_in(const Json& item, std::string_view name, const std::string& path) {
  const Json* found = item.find(name);
  if (found == nullptr || !found->is_string() || found->as_string().empty()) {
    return wrong("must be a text that is not empty", concat(path, ".", name));
  }
  if (found->as_string().size() > kMetadataWordBytesMax) {
    return make_error(
        ErrorCode::LimitExceeded,
        concat("is longer than ", kMetadataWordBytesMax, " bytes"),
        concat(path, ".", name)
    );
  }
  return found->as_string();
}

Result<OwnerReference> owner_from(const Json& item, const std::string& path) {
  if (!item.is_object()) {
    return wrong("must be an object", path);
  }
  OwnerReference owner;
  REEVE_TRY(owner.api_version, word_in(item, "apiVersion", path));
  REEVE_TRY(owner.kind, word_in(item, "kind", path));
  REEVE_TRY(owner.name, word_in(item, "name", path));
  REEVE_TRY(std::string uid, word_in(item, "uid", path));
  owner.uid = Uid(std::move(uid));
  const Json* blocks = item.find("blockOwnerDeletion");
  if (blocks != nullptr && !blocks->is_bool() && !blocks->is_null()) {
    return wrong("must be true or false", concat(path, ".blockOwnerDeletion"));
  }
  owner.blocks = item.get_bool("blockOwnerDeletion");
  return owner;
}

using Members = std::vector<const Json::Member*>;

Members sorted_members(const Json::Object& object) {
  Members members;
  members.reserve(object.size());
  for (const Json::Member& member : object) {
    members.push_back(&member);
  }
  std::sort(members.begin(), members.end(), [](const auto* left, const auto* right) {
    return left->first < right->first;
  });
  return members;
}

bool same_objects(const Json::Object& left, const Json::Object& right) {
  if (left.size() != right.size()) {
    return false;
  }
  const Members a = sorted_members(left);
  const Members b = sorted_members(right);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i]->first != b[i]->first || !same_value(a[i]->second, b[i]->second)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool ObjectLinks::has_finalizer(std::string_view name) const {
  return std::find(finalizers.begin(), finalizers.end(), name) != finalizers.end();
}

Result<ObjectLinks> links_from(const Json& metadata) {
  ObjectLinks links;
  links.deleting = metadata.find("deletionTimestamp") != nullptr;
  const std::size_t finalizers_max = kFinalizersMax + (links.deleting ? kFinalizersReserve : 0);
  REEVE_TRY(const Json::Array* finalizers, list_in(metadata, "finalizers", finalizers_max));
  if (finalizers != nullptr) {
    for (const Json& item : *finalizers) {
      const bool word = item.is_string() && !item.as_string().empty() &&
                        item.as_string().size() <= kMetadataWordBytesMax;
      if (!word || links.has_finalizer(item.as_string())) {
        return wrong("must be a list of different names", "metadata.finalizers");
      }
      links.finalizers.push_back(item.as_string());
    }
  }
  REEVE_TRY(const Json::Array* owners, list_in(metadata, "ownerReferences", kOwnersMax));
  if (owners != nullptr) {
    for (std::size_t i = 0; i < owners->size(); ++i) {
      REEVE_TRY(
          OwnerReference owner,
          owner_from((*owners)[i], concat("metadata.ownerReferences[", i, "]"))
      );
      links.owners.push_back(std::move(owner));
    }
  }
  return links;
}

Result<Propagation> parse_propagation(std::string_view text) {
  if (text.empty() || text == "Background") {
    return Propagation::Background;
  }
  if (text == "Foreground") {
    return Propagation::Foreground;
  }
  if (text == "Orphan") {
    return Propagation::Orphan;
  }
  Error error =
      make_error(ErrorCode::Invalid, concat("there is no \"", text, "\""), "propagationPolicy");
  error.hint = "Background, Foreground or Orphan";
  return error;
}

Result<void> check_finalizers(const ObjectLinks& before, const ObjectLinks& after) {
  if (!before.deleting) {
    return {};
  }
  for (const std::string& name : after.finalizers) {
    if (!before.has_finalizer(name)) {
      return make_error(
          ErrorCode::Invalid,
          concat(
              "no new finalizers can be added if the object is being deleted, found \"", name, "\""
          ),
          "metadata.finalizers"
      );
    }
  }
  return {};
}

void set_finalizers(Json& metadata, const std::vector<std::string>& finalizers) {
  if (finalizers.empty()) {
    erase_member(metadata, "finalizers");
    return;
  }
  Json list = Json::array();
  for (const std::string& name : finalizers) {
    list.push(name);
  }
  metadata.set("finalizers", std::move(list));
}

void erase_member(Json& object, std::string_view name) {
  Json::Object& members = object.as_object();
  members.erase(
      std::remove_if(
          members.begin(), members.end(), [&](const Json::Member& m) { return m.first == name; }
      ),
      members.end()
  );
}

void add_propagation(std::vector<std::string>& finalizers, Propagation propagation) {
  if (propagation == Propagation::Background) {
    return;
  }
  const std::string name(
      propagation == Propagation::Orphan ? kOrphanFinalizer : kForegroundFinalizer
  );
  if (std::find(finalizers.begin(), finalizers.end(), name) == finalizers.end()) {
    finalizers.push_back(name);
  }
}

bool remove_owners(Json& metadata, const std::vector<Uid>& owners) {
  Json* references = metadata.find("ownerReferences");
  if (references == nullptr || !references->is_array()) {
    return false;
  }
  Json left = Json::array();
  for (const Json& reference : references->as_array()) {
    const Uid uid(reference.get_string("uid"));
    if (std::find(owners.begin(), owners.end(), uid) == owners.end()) {
      left.push(reference);
    }
  }
  if (left.as_array().size() == references->as_array().size()) {
    return false;
  }
  if (!left.as_array().empty()) {
    *references = std::move(left);
    return true;
  }
  erase_member(metadata, "ownerReferences");
  return true;
}

Result<void> check_precondition(
    const Precondition& expected, const Uid& uid, Revision revision, std::string_view name
) {
  if (!expected.uid.empty() && expected.uid != uid) {
    return make_error(
        ErrorCode::Conflict,
        concat(
            "the UID in the precondition (",
            expected.uid.view(),
            ") does not match the UID in record (",
            uid.view(),
            "): the object might have been deleted and then recreated"
        ),
        std::string(name)
    );
  }
  if (expected.revision && *expected.revision != revision) {
    return make_error(
        ErrorCode::Conflict,
        "the object has been modified; please apply your changes to the latest version and try "
        "again",
        std::string(name)
    );
  }
  return {};
}

bool same_value(const Json& left, const Json& right) {
  if (left.is_object() && right.is_object()) {
    return same_objects(left.as_object(), right.as_object());
  }
  if (left.is_array() && right.is_array()) {
    return std::equal(
        left.as_array().begin(),
        left.as_array().end(),
        right.as_array().begin(),
        right.as_array().end(),
        same_value
    );
  }
  return left == right;
}

std::string format_seconds(Timestamp at) {
  constexpr std::size_t kUpToSeconds = std::string_view("2026-11-21T09:30:00").size();
  return concat(std::string_view(format_timestamp(at)).substr(0, kUpToSeconds), "Z");
}

bool is_deleted_row(std::string_view body) {
  return body.starts_with(kDeletedRow);
}

void encode_deleted(
    std::string_view api_version,
    std::string_view kind,
    const journal::ObjectKey& key,
    const Uid& uid,
    std::string& out
) {
  JsonWriter json(out);
  json.begin_object();
  json.member("deleted", true);
  json.member("apiVersion", api_version);
  json.member("kind", kind);
  json.key("metadata");
  json.begin_object();
  json.member("name", std::string_view(key.name));
  if (!key.ns.empty()) {
    json.member("namespace", key.ns.view());
  }
  json.member("uid", uid.view());
  json.end_object();
  json.end_object();
}

Error namespace_terminating(const Namespace& ns) {
  return make_error(
      ErrorCode::PermissionDenied,
      concat(
          "unable to create new content in namespace ", ns.view(), " because it is being terminated"
      ),
      std::string(kNamespaceSubject)
  );
}

bool is_namespace_terminating(const Error& error) {
  return error.code == ErrorCode::PermissionDenied && error.subject == kNamespaceSubject;
}

Error namespace_not_found(const Namespace& ns) {
  return make_error(
      ErrorCode::NotFound, concat("namespaces \"", ns.view(), "\" not found"), ns.str()
  );
}

}  // namespace reeve::engine
