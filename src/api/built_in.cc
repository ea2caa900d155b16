#include "api/built_in.h"

#include <map>
#include <string>
#include <utility>

#include "api/access.h"
#include "api/objects/metadata.h"
#include "api/services.h"
#include "base/strings.h"
#include "engine/object_metadata.h"

namespace reeve::api {

namespace {

std::optional<access::PolicyKind> policy_kind(const ApiType& type) {
  if (type.storage != Storage::Plain) {
    return {};
  }
  if (type.kind == journal::Kind::ClusterRole) {
    return access::PolicyKind::ClusterRole;
  }
  if (type.kind == journal::Kind::ClusterRoleBinding) {
    return access::PolicyKind::ClusterRoleBinding;
  }
  return {};
}

journal::ObjectKey key_of(const Json& object) {
  const bool role = object.get_string("kind") == "ClusterRole";
  return {
      .kind = role ? journal::Kind::ClusterRole : journal::Kind::ClusterRoleBinding,
      .ns = Namespace(),
      .name = member(object, "metadata").get_string("name")};
}

/// The row, never older than one of its name that is gone.
store::Row row_of(const journal::ObjectKey& key, Json object, Timestamp since, Revision gone) {
  object.find("metadata")->set("creationTimestamp", engine::format_seconds(since));
  store::Row row;
  row.key = key;
  row.uid = part_uid(Uid("built-in"), concat(journal::to_string(key.kind), "/", key.name));
  row.revision = std::max(Revision(1), gone);
  row.body = object.dump();
  return row;
}

}  // namespace

Result<Timestamp> WithBuiltIns::since() {
  store::EventQuery query;
  query.limit = 1;
  REEVE_TRY(const std::vector<journal::Event> first, store_.events(query));
  return first.empty() ? now_ : first.front().at;
}

Result<void> WithBuiltIns::each_row(const std::function<Result<void>(store::Row)>& visit) {
  std::map<journal::ObjectKey, Json> objects;
  for (Json& object : policy_.built_in_objects()) {
    journal::ObjectKey key = key_of(object);
    objects.emplace(std::move(key), std::move(object));
  }
  std::map<journal::ObjectKey, Revision> gone;
  REEVE_CHECK(store_.each_row([&](store::Row row) -> Result<void> {
    if (objects.contains(row.key)) {
      if (engine::is_deleted_row(row.body)) {
        gone[row.key] = row.revision;
        return {};
      }
      objects.erase(row.key);
    }
    return visit(std::move(row));
  }));
  REEVE_TRY(const Timestamp made, since());
  for (auto& [key, object] : objects) {
    REEVE_CHECK(visit(row_of(key, std::move(object), made, gone[key])));
  }
  return {};
}

bool is_built_in(const Call& call, std::string_view name) {
  const std::optional<access::PolicyKind> kind = policy_kind(*call.type);
  return kind && call.services->access.policy().is_built_in(
                     {.kind = *kind, .ns = {}, .name = std::string(name)}
                 );
}

std::optional<resource::Status> check_built_in(const Call& call, std::string_view name) {
  if (!is_built_in(call, name)) {
    return {};
  }
  return resource::forbidden(
      call.resource(),
      name,
      concat(
          "it is built in, and cannot be changed or deleted; make a ",
          call.resource().kind,
          " of another name"
      )
  );
}

}  // namespace reeve::api
