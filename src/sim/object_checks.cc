#include "sim/object_checks.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "engine/metadata_book.h"
#include "engine/resource_book.h"

namespace reeve::sim {

using journal::Kind;
using journal::ObjectKey;

namespace {

std::string name_of(const ObjectKey& key) {
  return concat(to_string(key.kind), " ", key.ns.view(), "/", key.name);
}

}  // namespace

std::optional<std::string> ObjectChecks::see(const journal::Event& event) {
  if (event.object.kind == Kind::Mission) {
    return see_mission(event);
  }
  if (event.object.kind == Kind::Metadata) {
    return see_metadata(event);
  }
  return engine::resource_kind(event.object.kind) == nullptr ? std::nullopt : see_resource(event);
}

std::optional<std::string> ObjectChecks::check_open(const Namespace& ns) const {
  const auto found = objects_.find(engine::namespace_key(ns));
  if (found == objects_.end()) {
    return concat("something was made in namespace ", ns.view(), ", which is not there");
  }
  if (found->second.links.deleting) {
    return concat("something was made in namespace ", ns.view(), ", which is going");
  }
  return std::nullopt;
}

std::optional<std::string> ObjectChecks::check_empty(const std::string& ns) const {
  for (const auto& [key, object] : objects_) {
    if (key.ns.view() == ns) {
      return concat("namespace ", ns, " has gone before ", name_of(key));
    }
  }
  for (const auto& [key, uid] : missions_) {
    if (key.ns.view() == ns) {
      return concat("namespace ", ns, " has gone before ", name_of(key));
    }
  }
  return std::nullopt;
}

std::optional<std::string> ObjectChecks::see_mission(const journal::Event& event) {
  if (event.type == "mission.created") {
    missions_[event.object] = event.uid;
    uids_.insert(event.uid);
    return check_open(event.object.ns);
  }
  if (event.type != "mission.deleted") {
    return std::nullopt;
  }
  missions_.erase(event.object);
  gone_.insert(event.uid);
  if (objects_.contains(engine::metadata_key(event.object))) {
    return concat(name_of(event.object), " was deleted before its metadata");
  }
  return std::nullopt;
}

std::optional<std::string> ObjectChecks::see_metadata(const journal::Event& event) {
  const ObjectKey& key = event.object;
  const auto before = objects_.find(key);
  if (event.type == "metadata.archived") {
    return std::nullopt;
  }
  if (event.type == "metadata.deleted") {
    if (before != objects_.end()) {
      objects_.erase(before);
    }
    return std::nullopt;
  }
  const Result<Json> data = parse_json(event.data);
  const Json* metadata = data ? data->find("metadata") : nullptr;
  const Result<engine::ObjectLinks> links =
      metadata == nullptr ? Result<engine::ObjectLinks>(make_error(ErrorCode::Corrupt, "none"))
                          : engine::links_from(*metadata);
  if (!links) {
    return concat("the metadata of ", key.name, " cannot be read");
  }
  Object after{
      .uid = Uid(data->get_string("uid")), .metadata = *metadata, .desire = {}, .links = *links};
  std::optional<std::string> wrong;
  if (before != objects_.end()) {
    const bool asks = event.type == "metadata.deletion_requested";
    if (!asks) {
      wrong = check_step(before->second, after, event);
    }
    if (before->second.uid != after.uid) {
      wrong = concat("the metadata of ", key.name, " has moved to another object");
    }
  }
  objects_[key] = std::move(after);
  return wrong;
}

std::optional<std::string> ObjectChecks::see_resource(const journal::Event& event) {
  const ObjectKey& key = event.object;
  Result<Json> data = parse_json(event.data);
  const Json* metadata = data ? data->find("metadata") : nullptr;
  const Result<engine::ObjectLinks> links =
      metadata == nullptr ? Result<engine::ObjectLinks>(make_error(ErrorCode::Corrupt, "none"))
                          : engine::links_from(*metadata);
  if (!links) {
    return concat(name_of(key), " cannot be read");
  }
  Object after{.uid = event.uid, .metadata = *metadata, .desire = *data, .links = *links};
  engine::erase_member(after.desire, "metadata");
  engine::erase_member(after.desire, "status");
  const auto before = objects_.find(key);
  if (event.type == "resource.created") {
    const bool known = !uids_.insert(event.uid).second;
    const bool again = known || before != objects_.end();
    objects_[key] = std::move(after);
    if (again) {
      return concat(name_of(key), " was made twice");
    }
    return key.ns.empty() ? std::nullopt : check_open(key.ns);
  }
  if (before == objects_.end() || before->second.uid != event.uid) {
    return concat(name_of(key), " changed and was not there");
  }
  std::optional<std::string> wrong;
  if (event.type == "resource.deleted") {
    if (!after.links.finalizers.empty()) {
      wrong = concat(name_of(key), " was removed with finalizers");
    } else if (key.kind == Kind::Namespace) {
      wrong = check_empty(key.name);
    }
    gone_.insert(event.uid);
    objects_.erase(before);
    return wrong;
  }
  wrong = check_step(before->second, after, event);
  before->second = std::move(after);
  return wrong;
}

/// A change of an object that stays.
std::optional<std::string> ObjectChecks::check_step(
    const Object& before, const Object& after, const journal::Event& event
) const {
  const std::string name = name_of(event.object);
  const bool asks = event.type == "resource.deletion_requested";
  if (before.links.deleting && (asks || !after.links.deleting)) {
    return concat("the deletion of ", name, " was asked for twice, or forgotten");
  }
  if (before.links.deleting) {
    for (const std::string& finalizer : after.links.finalizers) {
      if (!before.links.has_finalizer(finalizer)) {
        return concat(name, " is being deleted and got the finalizer ", finalizer);
      }
    }
  }
  if (event.object.kind == Kind::Metadata) {
    return std::nullopt;
  }
  const bool moves = asks || !engine::same_value(before.desire, after.desire);
  const std::int64_t step =
      after.metadata.get_int("generation") - before.metadata.get_int("generation");
  if (step != (moves ? 1 : 0)) {
    return concat("the generation of ", name, " moved by ", step);
  }
  return std::nullopt;
}

bool ObjectChecks::waits_for(std::string_view finalizer) const {
  return std::any_of(objects_.begin(), objects_.end(), [&](const auto& item) {
    return item.second.links.deleting && item.second.links.has_finalizer(finalizer);
  });
}

std::optional<std::string> ObjectChecks::left_over(const ObjectKey& key, const Object& object)
    const {
  const engine::ObjectLinks& links = object.links;
  if (!links.deleting && !links.owners.empty()) {
    const bool all_gone = std::all_of(
        links.owners.begin(),
        links.owners.end(),
        [&](const engine::OwnerReference& owner) { return gone_.contains(owner.uid); }
    );
    return all_gone ? std::optional(concat(name_of(key), " has outlived its owners"))
                    : std::nullopt;
  }
  if (!links.deleting) {
    return std::nullopt;
  }
  if (links.finalizers.empty() && key.kind != Kind::Namespace) {
    return concat(name_of(key), " is to be deleted, has no finalizers and is there");
  }
  if (key.kind == Kind::Namespace && links.finalizers.empty() && !check_empty(key.name)) {
    return concat(name_of(key), " is empty and does not go");
  }
  if (links.has_finalizer(engine::kOrphanFinalizer)) {
    return concat(name_of(key), " does not get rid of its dependents");
  }
  if (!links.has_finalizer(engine::kForegroundFinalizer)) {
    return std::nullopt;
  }
  const bool blocked = std::any_of(objects_.begin(), objects_.end(), [&](const auto& item) {
    const auto& owners = item.second.links.owners;
    return std::any_of(owners.begin(), owners.end(), [&](const engine::OwnerReference& owner) {
      return owner.uid == object.uid && owner.blocks;
    });
  });
  return blocked ? std::nullopt
                 : std::optional(concat(name_of(key), " waits for dependents and has none"));
}

std::optional<std::string> ObjectChecks::at_end() const {
  for (const auto& [key, object] : objects_) {
    if (std::optional<std::string> left = left_over(key, object)) {
      return left;
    }
  }
  return std::nullopt;
}

}  // namespace reeve::sim
